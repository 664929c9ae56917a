import Cluster
import Reactor

/// Who is served next. All clients of the admin sockets share a little of the control thread's time: a step for each in
/// turn, for two milliseconds at most, and then as long for the loop's other business, whatever they ask for. So checks
/// of nodes come in between, and half of a processor is all that they can take together.
final class AdminTurns {
    static let length: Instant.Span = .milliseconds(2)

    private let loop: EventLoop
    /// Each once, the next first.
    private var queue: [AdminConnection] = []
    private var timer: Timer?
    private var isServing = false

    init(loop: EventLoop) { self.loop = loop }

    func stop() {
        timer?.cancel()
        timer = nil
        queue = []
    }

    /// It may have something to do.
    func add(_ connection: AdminConnection) {
        guard !connection.isQueued else { return }
        connection.isQueued = true
        queue.append(connection)
        if timer == nil, !isServing { schedule(after: .zero) }
    }

    private func schedule(after span: Instant.Span) {
        timer = loop.schedule(after: span) { [weak self] in self?.serve() }
    }

    private func serve() {
        timer = nil
        isServing = true
        defer { isServing = false }
        let began = MonotonicClock.now()
        var served = 0
        var elapsed = Instant.Span.zero
        while served < queue.count, elapsed < Self.length {
            let connection = queue[served]
            served += 1
            connection.isQueued = false
            if connection.step() {
                connection.isQueued = true
                queue.append(connection)
            }
            elapsed = MonotonicClock.now() - began
        }
        queue.removeFirst(min(served, queue.count))
        if !queue.isEmpty { schedule(after: elapsed) }
    }
}
