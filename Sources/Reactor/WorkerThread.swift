import CPlatform
import Glibc

/// A thread of our own. Join it at most once; one that is never joined keeps its stack until the process ends.
public struct WorkerThread: Sendable {
    private let handle: pthread_t

    fileprivate init(_ handle: pthread_t) { self.handle = handle }

    /// Nobody waits for the thread's end: then its stack goes with it.
    public func detach() { pthread_detach(handle) }

    /// Waits for the thread's end. Not from the thread itself.
    public func join() {
        let code = pthread_join(handle, nil)
        precondition(code == 0, "pthread_join: \(SystemError(errno: code, call: "pthread_join"))")
    }
}

/// Starts a thread. The name is what `top -H` and debuggers show; the kernel keeps its first 15 bytes.
///
/// Make the body outside main.swift: a closure there belongs to the main actor and traps on another thread.
@discardableResult
public func spawnThread(
    named name: String, body: @escaping @Sendable () -> Void
) throws(SystemError) -> WorkerThread {
    let start = ThreadStart(name: name, body: body)
    let argument = Unmanaged.passRetained(start)
    var handle = pthread_t()
    let code = pthread_create(&handle, nil, threadMain, argument.toOpaque())
    guard code == 0 else {
        argument.release()
        throw SystemError(errno: code, call: "pthread_create")
    }
    return WorkerThread(handle)
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    platform_name_thread(start.name)
    start.body()
    return nil
}
