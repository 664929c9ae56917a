import Cluster
import Testing

@testable import Admin

@Suite struct StatBookTests {
    private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

    private func view(_ primary: Int?, _ health: [HealthState]) -> ClusterView {
        let nodes = health.indices.map {
            Node(id: NodeID($0), name: "n\($0)", endpoint: Endpoint(host: "h", port: 1))
        }
        var view = ClusterView.unobserved(nodes, at: at(0))
        view.primary = primary.map { NodeID($0) }
        for (index, state) in health.enumerated() { view.nodes[index].health = state }
        return view
    }

    private func activity(_ sessions: Int, total: UInt64, bytes: UInt64 = 0, nodes: [UInt64] = []) -> Activity {
        var activity = Activity()
        activity.sessions = sessions
        activity.sessionsTotal = total
        activity.bytesIn = bytes
        activity.bytesOut = 2 * bytes
        activity.nodes = nodes.map {
            var node = NodeActivity()
            node.sessions = Int($0) / 2
            node.sessionsTotal = $0
            return node
        }
        return activity
    }

    /// Whoever is primary: a node's figures are what it did itself.
    @Test func maximaAndLastSessionsAreTheNodesOwn() {
        var book = StatBook(view(0, [.up, .down]), activity(0, total: 0, nodes: [0, 0]), at: at(0))
        book.observe(view(nil, [.falling, .down]), activity(5, total: 5, nodes: [10, 0]), at: at(1))
        book.observe(view(1, [.down, .up]), activity(5, total: 6, nodes: [12, 4]), at: at(2))
        book.observe(activity(4, total: 8, nodes: [12, 6]), at: at(3))
        #expect(book.nodes[0].sessionsMax == 6 && book.nodes[1].sessionsMax == 3 && book.sessionsMax == 5)
        #expect(book.nodes[0].lastSession == at(2) && book.nodes[1].lastSession == at(3))
    }

    @Test func failuresAndDowntimeAreCounted() {
        var book = StatBook(view(0, [.up, .down]), Activity(), at: at(0))
        book.observe(view(0, [.falling, .down]), Activity(), at: at(10))
        book.observe(view(nil, [.down, .down]), Activity(), at: at(11))
        #expect(book.nodes[0].failedChecks == 2 && book.nodes[0].timesDown == 1)
        #expect(book.nodes[0].downtime(at: at(13)) == .seconds(2) && book.nodes[1].downtime(at: at(13)) == .seconds(13))
        book.observe(view(nil, [.down, .rising]), Activity(), at: at(14))
        book.observe(view(1, [.down, .up]), Activity(), at: at(15))
        #expect(book.nodes[1].downtime(at: at(99)) == .seconds(15))
        #expect(book.timesWithout == 1 && book.downtime(at: at(99)) == .seconds(4))
        book.observe(view(1, [.down, .falling]), Activity(), at: at(16))
        book.observe(view(1, [.down, .up]), Activity(), at: at(17))
        #expect(book.nodes[1].failedChecks == 1 && book.nodes[1].timesDown == 0)
    }

    /// A cluster that has had no primary yet has lost none.
    @Test func theTimeBeforeTheFirstPrimaryIsNoDowntime() {
        var book = StatBook(view(nil, [.down]), Activity(), at: at(0))
        book.observe(view(nil, [.down]), Activity(), at: at(5))
        #expect(book.timesWithout == 0 && book.downtime(at: at(9)) == .zero)
    }

    @Test func ratesAreOfTheLastSecondAndMaximaOfAll() {
        var book = StatBook(view(0, [.up]), Activity(), at: at(0))
        book.tick(activity(1, total: 10, nodes: [8]), at: at(1))
        #expect(book.sessionRate == .init(now: 10, max: 10) && book.nodes[0].rate == 8)
        // A late tick counts for the time it stands for.
        book.tick(activity(1, total: 20, nodes: [8]), at: at(3))
        #expect(book.sessionRate == .init(now: 5, max: 10))
        book.tick(activity(1, total: 20, bytes: 5, nodes: [8]), at: at(4))
        #expect(book.sessionRate == .init(now: 0, max: 10) && book.byteRate == .init(now: 10, max: 10))
        #expect(book.nodes[0].rate == 0 && book.nodes[0].rateMax == 8)
        book.tick(activity(1, total: 30), at: at(4))
        #expect(book.sessionRate.now == 0)
    }

    @Test func clearingMaximaAndAll() {
        var book = StatBook(view(0, [.up]), Activity(), at: at(0))
        book.tick(activity(9, total: 10, bytes: 7, nodes: [10]), at: at(1))
        book.clear(all: false, activity(2, total: 10, bytes: 7, nodes: [10]), at: at(2))
        #expect(book.sessionsMax == 2 && book.sessionRate.max == 0 && book.nodes[0].sessionsMax == 5)
        #expect(book.shown(activity(2, total: 10, bytes: 7)).sessionsTotal == 10)
        book.clear(all: true, activity(2, total: 10, bytes: 7, nodes: [10]), at: at(3))
        let shown = book.shown(activity(2, total: 13, bytes: 7, nodes: [11]))
        #expect(shown.sessionsTotal == 3 && shown.bytesIn == 0 && shown.sessions == 2)
        #expect(shown.nodes[0].sessionsTotal == 1 && shown.nodes[0].sessions == 5)
    }
}
