import Admin
import Cluster
import Reactor
import Testing

@testable import HAProxyDB

@Suite struct SessionCollectorTests {
    private static func row(_ id: UInt32) -> SessionRow {
        SessionRow(
            id: id, client: "", user: "", database: "", state: "", node: "", thread: 0, age: .zero, idle: .zero,
            statements: 0, bytesIn: 0, bytesOut: 0, moves: 0)
    }

    @Test func whoAsksWhileOneIsMadeSharesTheNext() throws {
        let loop = try EventLoop()
        var made: [SessionCollector.Completion] = []
        let collector = SessionCollector(loop: loop) { made.append($0) }
        var heard: [[UInt32]] = []
        for _ in 0..<3 { collector.ask { heard.append($0.map(\.id)) } }
        // The first had nobody to share with.
        #expect(made.count == 1)
        made[0]([Self.row(1)])
        #expect(heard == [[1]])
        collector.ask { rows in
            heard.append(rows.map(\.id))
            loop.stop()
        }
        // The workers have a rest first.
        #expect(made.count == 1)
        loop.schedule(every: .milliseconds(1)) {
            if made.count == 2 { made[1]([Self.row(2), Self.row(3)]) }
        }
        loop.run()
        #expect(made.count == 2)
        #expect(heard == [[1], [2, 3], [2, 3], [2, 3]])
    }

    @Test func oneThatIsAnsweredAtOnceMayAskAgain() throws {
        let loop = try EventLoop()
        let collector = SessionCollector(loop: loop) { $0([]) }
        var count = 0
        collector.ask { _ in
            count += 1
            collector.ask { _ in
                count += 1
                loop.stop()
            }
        }
        loop.run()
        #expect(count == 2)
    }
}
