import Foundation
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct HTTPTests {
        /// The status and the body.
        private func get(_ path: String, _ port: UInt16) throws -> (status: Int, body: String) {
            let connection = try RawConnection(port: port)
            defer { connection.close() }
            connection.send(Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8))
            let text = String(decoding: connection.receiveAll() ?? [], as: UTF8.self)
            let status = text.split(separator: " ", maxSplits: 2).dropFirst().first.flatMap { Int($0) }
            let end = text.range(of: "\r\n\r\n")
            return (status ?? 0, end.map { String(text[$0.upperBound...]) } ?? "")
        }

        private func wait(_ path: String, _ port: UInt16, until fulfilled: (Int, String) -> Bool) throws {
            let deadline = ContinuousClock.now + .seconds(30)
            while true {
                let answer = try get(path, port)
                if fulfilled(answer.status, answer.body) { return }
                guard ContinuousClock.now < deadline else { throw TestbedFailure("\(path) still says \(answer)") }
                usleep(10_000)
            }
        }

        /// A metric without labels.
        private func value(_ name: String, in text: String) -> Int? {
            text.split(separator: "\n").first { $0.hasPrefix(name + " ") }.flatMap { Int($0.dropFirst(name.count + 1)) }
        }

        @Test("over a failover /primary is 200, 503, 200, and the statements of every scrape add up")
        func failover() throws {
            let port = try Ports.free(1)[0]
            try Stage.run(sections: "http = \"127.0.0.1:\(port)\"") { stage in
                let session = try stage.proxy.connect()
                for _ in 0..<10 { try session.query("SELECT 1") }
                try wait("/primary", port) { status, body in status == 200 && body.contains("\"cluster1\"") }
                #expect(try get("/health", port).status == 200)
                stage.pair.failPrimary()
                let held = Background { try session.query("SELECT 2").first }
                try wait("/primary", port) { status, body in
                    status == 503 && body.contains("\"primary\":null") && body.contains("\"diagnosis\":\"")
                }
                #expect(try get("/health", port).status == 200)
                try wait("/metrics", port) { _, body in value("haproxydb_statements_held", in: body) == 1 }
                try stage.pair.startStandby()
                #expect(try held.wait() == "2")
                try wait("/primary", port) { status, body in status == 200 && body.contains("\"cluster2\"") }
                try wait("/metrics", port) { _, body in
                    value("haproxydb_statements_answered_total", in: body).map { $0 > 10 } ?? false
                }
                let text = try get("/metrics", port).body
                let of = { value("haproxydb_statements_" + $0, in: text) ?? -1 }
                let ended = of("answered_total") + of("failed_total") + of("abandoned_total")
                #expect(of("begun_total") == ended + of("held") + of("in_flight"), "\(text)")
                #expect(text.contains("haproxy_server_status{proxy=\"mariadb\",server=\"cluster2\",state=\"UP\"} 1"))
                #expect(value("haproxydb_outages_total", in: text) == 1)
                let affected = try #require(value("haproxydb_user_outage_seconds_total", in: text))
                #expect(affected > 0)
            }
        }
    }
}
