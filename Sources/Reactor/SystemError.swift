import Glibc

/// A system call that failed: its name and the error number.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    public let errno: Int32
    /// What was called, e.g. `connect`; may name the object too: `bind 127.0.0.1:3306`.
    public let call: String

    public init(errno: Int32, call: String) {
        self.errno = errno
        self.call = call
    }

    /// The error number's text without the call: `Connection refused`.
    public var reason: String { String(cString: strerror(errno)) }

    /// `connect: Connection refused (111)`
    public var description: String { "\(call): \(reason) (\(errno))" }
}
