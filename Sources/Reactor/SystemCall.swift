import Glibc

/// What a system call on a non-blocking descriptor came to.
enum SystemResult<Value> {
    case done(Value)
    /// Nothing to be had now (EAGAIN, EWOULDBLOCK).
    case wouldBlock
}

extension SystemResult: Sendable where Value: Sendable {}

/// Calls until it is not interrupted. A result of -1 is an error: would-block becomes a value, a descriptor or a
/// pointer that is none is our own mistake and traps, everything else is thrown.
@inline(__always)
func systemCall<Value: FixedWidthInteger & SignedInteger>(
    _ name: StaticString, _ body: () -> Value
) throws(SystemError) -> SystemResult<Value> {
    while true {
        let result = body()
        if result != -1 { return .done(result) }
        let error = errno
        if error == EINTR { continue }
        if error == EAGAIN || error == EWOULDBLOCK { return .wouldBlock }
        precondition(error != EBADF && error != EFAULT, "\(name) on a descriptor or an address that is none")
        throw SystemError(errno: error, call: "\(name)")
    }
}

/// The same for calls that never would block.
@inline(__always)
@discardableResult
func blockingCall<Value: FixedWidthInteger & SignedInteger>(
    _ name: StaticString, _ body: () -> Value
) throws(SystemError) -> Value {
    switch try systemCall(name, body) {
    case .done(let value): return value
    case .wouldBlock: throw SystemError(errno: EAGAIN, call: "\(name)")
    }
}
