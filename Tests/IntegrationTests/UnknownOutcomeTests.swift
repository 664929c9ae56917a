import Foundation
import Testbed
import Testing

extension Integration {
    /// What nobody knows is counted by itself, told one by one, and kept for whoever follows it up.
    @Suite(.serialized)
    struct UnknownOutcomeTests {
        @Test("an outcome that nobody knows is in the log, the counters, `show unknown`, and the report of a later run")
        func followedUp() throws {
            let log = try AvailabilityLog()
            let sections = "\(log.section)\n[log]\nformat = \"json\""
            try Stage.run { stage in
                let proxy = try ProxyProcess(nodes: stage.pair.ports, sections: sections)
                defer { proxy.stop(grace: .zero) }
                let direct = try stage.pair.direct()
                try direct.query("CREATE TABLE kept (id INT PRIMARY KEY)")
                let writer = try proxy.connect()
                let thread = try #require(try writer.query("SELECT CONNECTION_ID()").first)
                let committer = try proxy.connect()
                try committer.query("BEGIN")
                try committer.query("INSERT INTO kept VALUES (2)")
                let reader = try proxy.connect()
                try reader.query("SELECT 1")
                let insert = Background {
                    try writer.query("INSERT INTO kept SELECT 70707 + SLEEP(60) /*mark*/")
                }
                try direct.wait(forRunning: 1)
                stage.pair.failPrimary()
                // Neither a read nor a transaction that is certainly rolled back is one of them.
                #expect(insert.error()?.sqlState == "08007")
                let lost = Background { try committer.query("COMMIT") }
                let read = Background { try reader.query("SELECT 1") }
                try stage.pair.startStandby()
                #expect(lost.error()?.sqlState == "40001")
                _ = try read.wait()
                let rows = try JSONDecoder().decode([Row].self, from: Data(proxy.admin("show unknown json").utf8))
                #expect(rows.count == 1, "\(rows)")
                let row = try #require(rows.first)
                #expect(row.user == "app" && row.database == "app" && row.node == "cluster1")
                #expect(row.client.hasPrefix("127.0.0.1:") && row.statement == "INSERT" && row.cause == "lost")
                #expect(!row.in_transaction && row.in_flight > 0 && row.session > 1_000_000_000)
                #expect(row.thread == UInt32(thread) || row.session == UInt32(thread))
                #expect(try proxy.admin("show counters").contains("statements_unknown: 1\n"))
                #expect(try proxy.admin("show info").contains("UnknownOutcomes: 1"))
                // One line, with its fields, and without what was written.
                #expect(proxy.logs("unknown_outcome"))
                let lines = proxy.log.split(separator: "\n").filter { $0.contains("unknown_outcome") }
                #expect(lines.count == 1)
                let fields = try JSONDecoder().decode([String: String].self, from: Data((lines.first ?? "").utf8))
                #expect(fields["user"] == "app" && fields["node"] == "cluster1" && fields["statement"] == "INSERT")
                #expect(fields["session"] == "\(row.session)" && fields["level"] == "warning")
                #expect(!proxy.log.contains("70707"))
                // The data plane's second and the outage have it, too.
                try log.wait { $0.totals["unknown"] == 1 && $0.outages.contains { $0.unknown == 1 } }
                // A later run knows it still, and so does the report.
                proxy.stop()
                let next = try ProxyProcess(nodes: stage.pair.ports, sections: log.section)
                defer { next.stop(grace: .zero) }
                let again = try JSONDecoder().decode([Row].self, from: Data(next.admin("show unknown json").utf8))
                #expect(again == rows)
                let (text, _) = try log.run(["--format", "text"])
                #expect(text.contains("Outcomes that nobody knows"))
                #expect(text.contains(row.client))
            }
        }

        private struct Row: Decodable, Equatable {
            let told: String
            let user: String
            let client: String
            let database: String
            let node: String
            let thread: UInt32
            let statement: String
            let in_transaction: Bool
            let in_flight: Int
            let cause: String
            let session: UInt32
        }
    }
}
