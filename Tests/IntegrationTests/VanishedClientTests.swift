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
            try root.query("CREATE USER IF NOT EXISTS nopass@'%'")
            try root.query("GRANT ALL ON app.* TO nopass@'%'")
            try root.query("CREATE OR REPLACE TABLE app.vanished (id INT PRIMARY KEY) ENGINE=InnoDB")
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports, proxy: Self.options)
            defer { proxy.stop(grace: .seconds(2)) }
            try body(proxy)
            #expect(proxy.isRunning, "\(proxy.logTail())")
            #expect(try proxy.admin("show outages").contains("0 outages") || !proxy.log.contains("lost"))
        }

        private func waitUntilGone(_ proxy: ProxyProcess) throws {
            try proxy.admin("show counters", within: Self.patience) { $0.contains("sessions: 0\n") }
        }

        @Test("in a transaction: it is rolled back, and its locks are free")
        func inTransaction() throws {
            try withProxy { proxy in
                let raw = try RawSession(port: proxy.port)
                raw.command(3, "BEGIN")
                raw.command(3, "INSERT INTO vanished VALUES (1)")
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
                let raw = try RawSession(port: proxy.port)
                raw.connection.sendPacket([3] + Array("SELECT SLEEP(0.5)".utf8), sequence: 0)
                raw.connection.vanish()
                try waitUntilGone(proxy)
            }
        }

        @Test("with a large answer that it has begun to read")
        func inTheAnswer() throws {
            try withProxy { proxy in
                let raw = try RawSession(port: proxy.port)
                raw.connection.sendPacket(
                    [3] + Array("SELECT REPEAT('x', 1000) FROM seq_1_to_100000".utf8), sequence: 0)
                #expect(raw.connection.receive()?.isEmpty == false)
                raw.connection.vanish()
                try waitUntilGone(proxy)
            }
        }

        /// It closes its window and says so: whoever takes its time to read is there.
        @Test("one that only does not read for a while gets all of it")
        func slowReader() throws {
            try withProxy { proxy in
                let raw = try RawSession(port: proxy.port)
                raw.connection.sendPacket(
                    [3] + Array("SELECT REPEAT('x', 1000) FROM seq_1_to_50000".utf8), sequence: 0)
                // Longer than client_lost_timeout and a look at all sessions.
                Thread.sleep(forTimeInterval: 9)
                var rows = 0
                var ends = 0
                while ends < 2, let packet = raw.connection.receivePacket() {
                    if packet.payload.first == 0xfe, packet.payload.count < 9 { ends += 1 }
                    if packet.payload.count > 1000 { rows += 1 }
                }
                #expect(rows == 50_000)
            }
        }
    }
}

/// A session without a password, spoken by hand.
struct RawSession {
    let connection: RawConnection

    init(port: UInt16) throws {
        connection = try RawConnection(port: port)
        let greeting = try #require(connection.receivePacket())
        // LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH
        let flags: UInt32 = 1 | 8 | 0x200 | 0x2000 | 0x8000 | 0x8_0000
        var response = withUnsafeBytes(of: flags.littleEndian) { Array($0) }
        response += [0, 0, 0, 1, 45] + [UInt8](repeating: 0, count: 23)
        response += Array("nopass".utf8) + [0, 0] + Array("app".utf8) + [0] + Array("mysql_native_password".utf8) + [0]
        connection.sendPacket(response, sequence: greeting.sequence &+ 1)
        var answer = try #require(connection.receivePacket())
        if answer.payload.first == 0xfe {
            connection.sendPacket([], sequence: answer.sequence &+ 1)
            answer = try #require(connection.receivePacket())
        }
        #expect(answer.payload.first == 0, "\(answer.payload)")
    }

    /// One command whose answer is one packet.
    func command(_ code: UInt8, _ text: String) {
        connection.sendPacket([code] + Array(text.utf8), sequence: 0)
        let answer = connection.receivePacket()
        #expect(answer?.payload.first == 0, "\(text): \(answer?.payload ?? [])")
    }
}
