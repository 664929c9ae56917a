import Admin
import Cluster
import Reactor

/// Lists of all sessions, for whoever asks: the workers make them, and carry no bytes meanwhile. So there is one at a
/// time, all who asked before it began share it, and the workers have nine tenths of their time for something else.
final class SessionCollector {
    typealias Completion = ([SessionRow]) -> Void

    /// About ten times what a row takes of a worker's time and of the control thread's.
    static let restPerRow: Instant.Span = Instant.Span(nanoseconds: 20_000)

    private let loop: EventLoop
    private let collect: (@escaping Completion) -> Void
    /// Of those who are there already, the list may be older than their question.
    private var next: [Completion] = []
    private var present: [Completion] = []
    private var rest: Timer?

    /// - Parameter collect: calls back exactly once, on the loop's thread.
    init(loop: EventLoop, collect: @escaping (@escaping Completion) -> Void) {
        self.loop = loop
        self.collect = collect
    }

    func ask(_ completion: @escaping Completion) {
        next.append(completion)
        begin()
    }

    private func begin() {
        guard present.isEmpty, rest == nil, !next.isEmpty else { return }
        present = next
        next = []
        collect { [weak self] in self?.collected($0) }
    }

    private func collected(_ rows: [SessionRow]) {
        let all = present
        let pause = Instant.Span(nanoseconds: Self.restPerRow.nanoseconds * Int64(rows.count))
        rest = loop.schedule(after: pause) { [weak self] in
            self?.rest = nil
            self?.begin()
        }
        present = []
        for completion in all { completion(rows) }
    }
}
