import Cluster
import Dispatch
import Glibc
import Reactor

/// Writes lines to a descriptor on a thread of its own, which alone waits where the descriptor takes none: a pipe that
/// nobody reads, a journal that hangs. The descriptor stays as it is (blocking): other processes share it.
final class LogWriter<Line: Sendable>: Sendable {
    private struct State {
        var queue: LogQueue<Line>
        /// The thread has found nothing and waits to be woken.
        var isAsleep = false
        /// Somebody waits until all is written.
        var isAwaited = false
    }

    private let state: Guarded<State>
    private let wake = DispatchSemaphore(value: 0)
    private let written = DispatchSemaphore(value: 0)
    private let format: @Sendable (LogQueue<Line>.Entry) -> String

    /// - Parameter format: makes a line, with its end, of an entry; called on the writer's thread.
    init(
        _ descriptor: Int32, queue: LogQueue<Line> = LogQueue(),
        format: @escaping @Sendable (LogQueue<Line>.Entry) -> String
    ) throws(SystemError) {
        state = Guarded(State(queue: queue))
        self.format = format
        // Not joined: it may be waiting for somebody else when the program ends.
        try spawnThread(named: "log") { [self] in run(descriptor) }
    }

    /// From any thread; never waits.
    ///
    /// - Parameter bytes: what it takes in the queue.
    func add(_ line: Line, bytes: Int) {
        let isAsleep = state.withLock { state in
            state.queue.add(line, bytes: bytes)
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if isAsleep { wake.signal() }
    }

    /// Lines that were lost since the start.
    var lost: UInt64 { state.withLock { $0.queue.lostTotal } }

    /// Waits until everything is written, but no longer than that; for the program's end, once. False where something is
    /// left.
    @discardableResult
    func finish(within limit: Instant.Span) -> Bool {
        let isDone = state.withLock { state in
            state.isAwaited = !state.isAsleep
            return state.isAsleep
        }
        return isDone || written.wait(timeout: .now() + .nanoseconds(Int(limit.nanoseconds))) == .success
    }

    private func run(_ descriptor: Int32) {
        while true {
            let (entry, isAwaited) = state.withLock { state in
                let entry = state.queue.next()
                state.isAsleep = entry == nil
                return (entry, state.isAsleep && state.isAwaited)
            }
            guard let entry else {
                if isAwaited { written.signal() }
                wake.wait()
                continue
            }
            if !write(format(entry), to: descriptor) { state.withLock { $0.queue.failed(entry) } }
        }
    }

    /// One call per line where the descriptor takes it whole: lines of several processes do not mix. False where it
    /// can't be written at all: nobody has the other end any more, the disk is full.
    private func write(_ line: String, to descriptor: Int32) -> Bool {
        var rest = Array(line.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Somebody else has made it non-blocking.
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&ready, 1, -1)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }
}
