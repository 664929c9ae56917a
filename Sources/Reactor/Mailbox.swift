import CPlatform
import Glibc

/// How other threads reach a loop: a queue and an eventfd that wakes the loop.
///
/// Messages of one poster arrive in order. However many are posted before the loop comes round, it is woken once.
/// Made anywhere; attached to one loop, on that loop's thread.
public final class Mailbox<Message: Sendable>: Sendable {
    private let queue = Guarded<[Message]>([])
    private let descriptor: Int32

    public init() throws(SystemError) {
        descriptor = try blockingCall("eventfd") {
            eventfd(0, Int32(platform_efd_nonblock) | Int32(platform_efd_cloexec))
        }
    }

    deinit { Glibc.close(descriptor) }

    /// From any thread, also before the mailbox is attached.
    public func post(_ message: Message) {
        let wasEmpty = queue.withLock { queue in
            queue.append(message)
            return queue.count == 1
        }
        // One wake per batch: until the loop has taken the queue, the eventfd stays readable.
        if wasEmpty { wake() }
    }

    /// From now on every message is handed to `handler` on the loop's thread. The loop keeps the mailbox alive
    /// until the watch is cancelled.
    @discardableResult
    public func attach(to loop: EventLoop, handler: @escaping (Message) -> Void) -> Watch {
        loop.watch(descriptor, read: true, write: false) { [self] _ in
            var count: UInt64 = 0
            // Reset before the queue is taken: a message posted in between wakes the loop again.
            _ = try? systemCall("read") { Glibc.read(descriptor, &count, MemoryLayout<UInt64>.size) }
            for message in take() { handler(message) }
        }
    }

    private func take() -> [Message] {
        queue.withLock { queue in
            let all = queue
            queue = []
            return all
        }
    }

    private func wake() {
        var one: UInt64 = 1
        _ = try? systemCall("write") { Glibc.write(descriptor, &one, MemoryLayout<UInt64>.size) }
    }
}
