import Cluster
import Foundation
import Testing

@testable import Admin

@Suite struct StateFileTests {
    private let nodes = [
        Node(id: NodeID(0), name: "node1", endpoint: Endpoint(host: "h", port: 1)),
        Node(id: NodeID(1), name: "node2", endpoint: Endpoint(host: "h", port: 2)),
    ]

    private func line(_ proxy: String, _ name: String, admin: Int, weight: Int) -> String {
        "2 \(proxy) 1 \(name) 127.0.0.1 2 \(admin) \(weight) 1 7 15 3 2 6 0 0 0 - 3306 - 0 0 - - 0"
    }

    private func entries(_ text: String) throws -> [StateFile.Entry] {
        try StateFile.entries(text, "mariadb", nodes)
    }

    @Test func whatWasSaidOfNodesIsRead() throws {
        let text = [
            "1", "# be_id be_name", line("mariadb", "node2", admin: 8, weight: 0),
            line("other", "node1", admin: 1, weight: 1), line("mariadb", "gone", admin: 1, weight: 1),
            line("mariadb", "node1", admin: 0x21, weight: 256), "",
        ].joined(separator: "\n")
        #expect(
            try entries(text) == [
                .init(node: NodeID(1), administrative: .drain, weight: 0),
                .init(node: NodeID(0), administrative: .maintenance, weight: 256),
            ])
        #expect(try entries("") == [])
        #expect(try entries("1\n" + line("mariadb", "node1", admin: 0x20, weight: 999))[0].weight == 1)
    }

    @Test func whatIsNoStateFileIsNone() {
        #expect(throws: StateFile.Failure.self) { try entries("2\n") }
        #expect(throws: StateFile.Failure.self) { try entries("1\nnonsense\n") }
        #expect(throws: StateFile.Failure.self) { try entries("\u{0}\u{1}garbage") }
    }

    @Test func itIsWrittenAtEveryChangeAndReadAtTheNextStart() throws {
        let path = NSTemporaryDirectory() + "hadb-state-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(path) }
        func harness() throws -> Harness {
            let harness = try Harness(stateFile: path)
            harness.onLoop { source, server in
                source.view = .unobserved(
                    [
                        Node(id: NodeID(0), name: "node1", endpoint: Endpoint(host: "h", port: 1)),
                        Node(id: NodeID(1), name: "node2", endpoint: Endpoint(host: "h", port: 2)),
                    ], at: Instant(nanoseconds: 0))
                server.observe(source.view)
                server.restoreState()
            }
            return harness
        }
        let first = try harness()
        #expect(first.onLoop { source, _ in source.administered.isEmpty && source.said.isEmpty })
        #expect(try first.ask("set server mariadb/node1 state maint;set weight mariadb/node2 0") == "\n\n")
        let states = try first.ask("show servers state")
        first.stop()
        #expect(try String(contentsOfFile: path, encoding: .utf8) + "\n" == states)
        let second = try harness()
        defer { second.stop() }
        #expect(
            second.onLoop { source, _ in source.administered.map { "\($0.rawValue) \($1.rawValue)" } }
                == ["0 maintenance", "1 drain"])
        #expect(try second.ask("get weight mariadb/node2") == "0 (initial 1)\n\n")
        #expect(try second.ask("set server mariadb/node1 state ready") == "\n")
    }

    @Test func whereItCannotBeKeptThatIsSaid() throws {
        let harness = try Harness(stateFile: "/proc/no/such/file")
        defer { harness.stop() }
        harness.onLoop { source, server in
            source.view = .unobserved(
                [Node(id: NodeID(0), name: "node1", endpoint: Endpoint(host: "h", port: 1))],
                at: Instant(nanoseconds: 0))
            server.observe(source.view)
            server.restoreState()
        }
        let answer = try harness.ask("set server mariadb/node1 state maint")
        #expect(answer.hasPrefix("Done, but not kept for a restart: /proc/no/such/file can't be written: "))
        #expect(harness.onLoop { source, _ in source.administered.count } == 1)
    }
}

@Suite struct IdleMeterTests {
    private func threads(_ busy: UInt64...) -> [ProcessNumbers.ThreadFacts] {
        [.init(id: 1, name: "haproxydb", busy: 99_000_000_000)]
            + busy.enumerated().map { .init(id: 10 + $0, name: "worker-\($0)", busy: $1) }
    }

    @Test func itIsTheBusiestWorkersIdleTime() {
        var meter = IdleMeter()
        meter.observe(threads(5_000_000_000, 0), at: 100)
        #expect(meter.idle == 100)
        meter.observe(threads(5_200_000_000, 700_000_000), at: 1_000_000_100)
        #expect(meter.idle == 30)
        meter.observe(threads(5_200_000_000, 2_700_000_000), at: 2_000_000_100)
        #expect(meter.idle == 0)
        meter.observe([], at: 3_000_000_100)
        #expect(meter.idle == 100)
    }
}
