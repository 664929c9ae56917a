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

        /// How many samples Prometheus' own parser finds in the metrics.
        private func samples(_ port: UInt16) throws -> Int {
            let directory = try TemporaryDirectory()
            let check = try ChildProcess(
                [
                    "/usr/bin/python3", "\(packageRoot)/Tests/Clients/metrics_check.py",
                    "http://127.0.0.1:\(port)/metrics",
                ], name: "metrics_check", logPath: "\(directory.path)/check.log")
            #expect(check.wait(.seconds(60)) == .exited(0), "\(check.log)")
            return Int(check.log.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
        }

        @Test("Prometheus' parser finds no fault with the metrics, and their number does not grow with use")
        func metrics() throws {
            let port = try Ports.free(1)[0]
            let proxy = try ProxyProcess(
                nodes: SharedPair.get().ports, sections: "http = \"127.0.0.1:\(port)\"")
            defer { proxy.stop(grace: .seconds(2)) }
            try wait("/primary", port) { status, _ in status == 200 }
            let before = try samples(port)
            #expect(before > 100)
            let sessions = try (0..<50).map { _ in try proxy.connect() }
            for (index, session) in sessions.enumerated() {
                try session.query("SELECT \(index)")
                _ = try? session.query("SELECT * FROM nothing_\(index)")
            }
            #expect(try samples(port) == before)
        }

        /// A balancer in front of two proxies, or one, asks `/primary`.
        @Test("HAProxy's httpchk on /primary takes the proxy out while there is no primary, and back in")
        func balancer() throws {
            let ports = try Ports.free(2)
            let directory = try TemporaryDirectory()
            try Stage.run(sections: "http = \"127.0.0.1:\(ports[0])\"") { stage in
                let socket = "\(directory.path)/haproxy.sock"
                try """
                global
                  stats socket \(socket) level admin
                defaults
                  mode tcp
                  timeout connect 5s
                  timeout client 1m
                  timeout server 1m
                listen db
                  bind 127.0.0.1:\(ports[1])
                  option httpchk GET /primary
                  server proxy 127.0.0.1:\(stage.proxy.port) check port \(ports[0]) inter 100ms fall 1 rise 1

                """.write(toFile: "\(directory.path)/haproxy.cfg", atomically: true, encoding: .utf8)
                let balancer = try ChildProcess(
                    ["/usr/sbin/haproxy", "-db", "-f", "\(directory.path)/haproxy.cfg"], name: "haproxy",
                    logPath: "\(directory.path)/haproxy.log")
                defer { balancer.stop() }
                func waitFor(_ status: String) throws {
                    let deadline = ContinuousClock.now + .seconds(30)
                    while true {
                        let answer = (try? AdminSocket.ask(socket, "show stat db 4 1")) ?? ""
                        let row = answer.split(separator: "\n").last?.components(separatedBy: ",") ?? []
                        if row.count > 36, row[17] == status, row[36].hasPrefix("L7") { return }
                        guard ContinuousClock.now < deadline else {
                            throw TestbedFailure("HAProxy does not say \(status):\n\(answer)\n\(balancer.log)")
                        }
                        usleep(20_000)
                    }
                }
                try waitFor("UP")
                let client = try Client(
                    port: ports[1], user: EmbeddedPair.application.user, password: EmbeddedPair.application.password,
                    schema: EmbeddedPair.schema)
                #expect(try client.query("SELECT 1").first == "1")
                stage.pair.failPrimary()
                try waitFor("DOWN")
                try stage.pair.startStandby()
                try waitFor("UP")
                // The session is the same: HAProxy leaves it alone, and the proxy has moved it.
                #expect(try client.query("SELECT 2").first == "2")
            }
        }

        @Test("over a failover /primary is 200, 503, 200, and the statements of every scrape add up")
        func failover() throws {
            let port = try Ports.free(1)[0]
            try Stage.run(sections: "http = \"127.0.0.1:\(port)\"") { stage in
                let session = try stage.proxy.connect()
                for _ in 0..<10 { try session.query("SELECT 1") }
                try wait("/primary", port) { status, body in status == 200 && body.contains("\"cluster1\"") }
                #expect(try get("/health", port).status == 200)
                // Clients that came before the first primary may have made one, too.
                let before = value("haproxydb_outages_total", in: try get("/metrics", port).body) ?? -1
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
                #expect(value("haproxydb_outages_total", in: text) == before + 1)
                let affected = try #require(value("haproxydb_user_outage_seconds_total", in: text))
                #expect(affected > 0)
            }
        }
    }
}
