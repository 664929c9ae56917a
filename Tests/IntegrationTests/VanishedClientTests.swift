import Foundation
import Testbed
import Testing

extension Integration {
    /// Clients whose host, or the way to it, is dead: no FIN, no reset, no acknowledgement.
    @Suite(.serialized)
    struct VanishedClientTests {
        private static let options = ["client_lost_timeout = \"2s\""]
        /// The kernel's probes, or the proxy's look at all sessions, which takes 5 s.
        private static let patience = Duration.seconds(15)

        private func withProxy(_ body: (ProxyProcess) throws -> Void) throws {
            let root = try SharedPair.get().asRoot()
            try WireSession.makeAccount(root)
            try root.query("CREATE OR REPLACE TABLE app.vanished (id INT PRIMARY KEY) ENGINE=InnoDB")
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports, proxy: Self.options)
            defer { proxy.stop(grace: .seconds(2)) }
            try body(proxy)
            #expect(proxy.isRunning, "\(proxy.logTail())")
            #expect(!proxy.log.contains(" lost"), "\(proxy.logTail())")
        }

        private func waitUntilGone(_ proxy: ProxyProcess) throws {
            try proxy.admin("show counters", within: Self.patience) { $0.contains("sessions: 0\n") }
        }

        @Test("in a transaction: it is rolled back, and its locks are free")
        func inTransaction() throws {
            try withProxy { proxy in
                let raw = try WireSession(port: proxy.port)
                #expect(raw.ask(Wire.query("BEGIN"))?.isOK == true)
                #expect(raw.ask(Wire.query("INSERT INTO vanished VALUES (1)"))?.isOK == true)
                raw.connection.vanish()
                try waitUntilGone(proxy)
                let direct = try SharedPair.get().direct()
                try direct.query("SET innodb_lock_wait_timeout = 5")
                #expect(try direct.query("INSERT INTO vanished VALUES (1)").affectedRows == 1)
            }
        }

        @Test("while its answer is on the way to it")
        func beforeTheAnswer() throws {
            try withProxy { proxy in
                let raw = try WireSession(port: proxy.port)
                raw.send(Wire.query("SELECT SLEEP(0.5)"))
                raw.connection.vanish()
                try waitUntilGone(proxy)
            }
        }

        @Test("with a large answer that it has begun to read")
        func inTheAnswer() throws {
            try withProxy { proxy in
                let raw = try WireSession(port: proxy.port)
                raw.send(Wire.query("SELECT REPEAT('x', 1000) FROM seq_1_to_100000"))
                #expect(raw.receive() != nil)
                raw.connection.vanish()
                try waitUntilGone(proxy)
            }
        }

        /// It closes its window and says so: whoever takes its time to read is there.
        @Test("one that only does not read for a while gets all of it")
        func slowReader() throws {
            try withProxy { proxy in
                let raw = try WireSession(port: proxy.port)
                raw.send(Wire.query("SELECT REPEAT('x', 1000) FROM seq_1_to_50000"))
                // Longer than client_lost_timeout and a look at all sessions.
                Thread.sleep(forTimeInterval: 9)
                var rows = 0
                var ends = 0
                while ends < 2, let packet = raw.receive() {
                    if packet.payload.first == 0xfe, packet.payload.count < 9 { ends += 1 }
                    if packet.payload.count > 1000 { rows += 1 }
                }
                #expect(rows == 50_000)
            }
        }
    }
}
