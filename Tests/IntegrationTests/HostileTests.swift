import Foundation
import Testbed
import Testing

extension Integration {
    /// Clients and nodes that break the protocol: an error for them, and nothing for anybody else.
    @Suite(.serialized)
    struct HostileTests {
        /// A stage with an account without a password, so that a raw login needs no cryptography.
        private func withBystander(_ body: (ProxyProcess) throws -> Void) throws {
            let root = try SharedPair.get().asRoot()
            try root.query("CREATE USER IF NOT EXISTS nopass@'%'")
            try root.query("GRANT ALL ON app.* TO nopass@'%'")
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports, proxy: ["login_timeout = \"2s\""])
            defer { proxy.stop(grace: .seconds(2)) }
            let load = Load(.selects, clients: 2, port: proxy.port, think: .milliseconds(1))
            try Load.makeTables(SharedPair.get().direct())
            try load.start()
            try body(proxy)
            #expect(proxy.isRunning, "\(proxy.logTail())")
            let report = try load.stop()
            #expect(report.errors.isEmpty, "\(report.errors)\n\(proxy.logTail())")
            #expect(report.statements > 0)
            #expect(try proxy.connect().query("SELECT 'still here'").first == "still here")
        }

        /// A handshake response of protocol 4.1 without a password.
        private static func loginResponse(user: String = "nopass", schema: String = "app") -> [UInt8] {
            // LONG_PASSWORD, CONNECT_WITH_DB, LOCAL_FILES, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION,
            // MULTI_STATEMENTS, PLUGIN_AUTH
            let flags: UInt32 = 1 | 8 | 0x80 | 0x200 | 0x2000 | 0x8000 | 0x1_0000 | 0x8_0000
            var bytes = withUnsafeBytes(of: flags.littleEndian) { Array($0) }
            bytes += [0, 0, 0, 1, 45] + [UInt8](repeating: 0, count: 23)
            bytes += Array(user.utf8) + [0, 0]
            bytes += Array(schema.utf8) + [0] + Array("mysql_native_password".utf8) + [0]
            return bytes
        }

        private func login(_ proxy: ProxyProcess) throws -> RawConnection {
            let raw = try RawConnection(port: proxy.port)
            let greeting = try #require(raw.receivePacket())
            #expect(greeting.payload.first == 10)
            raw.sendPacket(Self.loginResponse(), sequence: greeting.sequence &+ 1)
            var answer = try #require(raw.receivePacket())
            if answer.payload.first == 0xfe {
                raw.sendPacket([], sequence: answer.sequence &+ 1)
                answer = try #require(raw.receivePacket())
            }
            #expect(answer.payload.first == 0, "\(answer.payload)")
            return raw
        }

        private func command(_ code: UInt8, _ text: String = "") -> [UInt8] { [code] + Array(text.utf8) }

        private func frame(_ payload: [UInt8], sequence: UInt8 = 0) -> [UInt8] {
            let count = payload.count
            return [UInt8(count & 0xff), UInt8(count >> 8 & 0xff), UInt8(count >> 16 & 0xff), sequence] + payload
        }

        @Test("garbage instead of a login")
        func garbageLogins() throws {
            try withBystander { proxy in
                var random = SeededRandom(2)
                var attempts: [[UInt8]] = [
                    [], [0], [0, 0, 0], [0, 0, 0, 1], [0xff, 0xff, 0xff, 1], [0xff, 0xff, 0xff, 0],
                    frame(command(3, "SELECT 1"), sequence: 0), frame(Self.loginResponse(), sequence: 0),
                    frame(Self.loginResponse(), sequence: 77), Array("GET / HTTP/1.1\r\n\r\n".utf8),
                    [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], frame([], sequence: 1), frame([0xff], sequence: 1),
                    frame([UInt8](repeating: 0xff, count: 5000), sequence: 1),
                    frame([UInt8](repeating: 0, count: 70_000), sequence: 1),
                    [0xff, 0xff, 0xff, 1] + [UInt8](repeating: 65, count: 1 << 20),
                    [UInt8](repeating: 0, count: 1 << 16),
                    // A client that wants TLS, and one of protocol 3.20.
                    frame([0x05, 0xae, 0x0f, 0, 0, 0, 0, 1, 45] + [UInt8](repeating: 0, count: 23), sequence: 1),
                    frame([5, 0, 0, 0, 1] + Array("user\0pass\0".utf8), sequence: 1),
                ]
                let whole = Self.loginResponse(user: String(repeating: "u", count: 300))
                attempts += stride(from: 1, to: whole.count, by: 7).map { frame(Array(whole[..<$0]), sequence: 1) }
                attempts += (0..<30).map { _ in random.bytes(1 + random.below(300)) }
                for (index, attempt) in attempts.enumerated() {
                    let raw = try RawConnection(port: proxy.port)
                    if index % 3 != 0 { _ = raw.receivePacket() }
                    raw.send(attempt)
                    switch index % 4 {
                    case 0: raw.reset()
                    case 1: raw.finishSending()
                    default: break
                    }
                    if index % 4 == 1 { _ = raw.receiveAll(.seconds(4)) }
                    raw.close()
                }
            }
        }

        @Test("garbage after the login")
        func garbageCommands() throws {
            try withBystander { proxy in
                var random = SeededRandom(3)
                var attempts: [[UInt8]] = [
                    frame([]), frame([0x7f]), frame([0xff]), frame(command(3, "SELECT 1"), sequence: 5),
                    frame(command(0x17, "")), frame([0x17, 1, 0, 0]), frame([0x17, 99, 0, 0, 0, 0, 1, 0, 0, 0]),
                    frame([0x17, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0]), frame([0x18, 1]), frame([0x19]),
                    frame([0x1a, 9, 9, 9]), frame([0x1c, 1, 0, 0, 0]), frame([0x1c, 1, 0, 0, 0, 1, 0, 0, 0]),
                    frame([0xfa, 1, 0, 0, 0, 0, 0]), frame([0x04, 65]), frame([0x02]), frame([0x11]),
                    frame([0x11, 65]),
                    frame(command(0x11, "nopass\0")), frame([0x1b, 7]), frame([0x1b, 1, 0]), frame([0x12, 0, 0]),
                    frame([0x15, 1]), frame([0x16]), frame([0x0c, 1]), frame([0x08]), frame([0x0b]), frame([0x0f]),
                    frame([0x1d]), frame(command(3)), frame([0xfe, 0, 0]), frame([0x1f]), frame([0x0d]),
                    [0xff, 0xff, 0xff, 0, 3],
                    [0xff, 0xff, 0xff, 0] + command(3, String(repeating: " ", count: 100_000)),
                    [10, 0, 0, 0, 3, 83], frame(command(3, "SELECT 1")) + [1, 2, 3],
                ]
                attempts += (0..<40).map { _ in frame(random.bytes(1 + random.below(60))) }
                attempts += (0..<20).map { _ in random.bytes(1 + random.below(300)) }
                for (index, attempt) in attempts.enumerated() {
                    let raw = try login(proxy)
                    raw.send(attempt)
                    if index % 2 == 0 { raw.send(frame(command(3, "SELECT 2"))) }
                    raw.finishSending()
                    _ = raw.receive(.milliseconds(100))
                    if index % 5 == 0 { raw.reset() }
                    raw.close()
                }
            }
        }

        @Test("packets in pieces of one byte, and several commands in one write, are answered in order")
        func pieces() throws {
            try withBystander { proxy in
                let raw = try login(proxy)
                for byte in frame(command(3, "SELECT 'piece'")) { raw.send([byte]) }
                #expect(raw.receivePacket()?.payload == [1])
                while let packet = raw.receivePacket(), packet.sequence < 5 {}
                let many = (0..<20).flatMap { _ in frame(command(0x0e)) }
                raw.send(many)
                for _ in 0..<20 { #expect(raw.receivePacket()?.payload.first == 0) }
                raw.send(frame(command(3, "DO 1")) + frame(command(0x0e)) + frame(command(1)))
                let rest = try #require(raw.receiveAll())
                #expect(rest.count == 22)
            }
        }

        @Test("a client that does not log in is closed after login_timeout")
        func silentLogin() throws {
            try withBystander { proxy in
                let begun = ContinuousClock.now
                let raw = try RawConnection(port: proxy.port)
                _ = raw.receivePacket()
                #expect(raw.receiveAll(.seconds(8)) != nil)
                #expect(ContinuousClock.now - begun > .seconds(1))
            }
        }

        @Test("a second node that is no server, in several ways, disturbs nobody")
        func fakeNode() throws {
            let pair = try SharedPair.get()
            for bytes in [
                [], [UInt8](repeating: 0xff, count: 10_000), frame([0xff, 0x15, 0x04] + Array("#08004no".utf8)),
                frame([10] + Array("5.5.5-10.11.0-MariaDB\0".utf8)), [0xff, 0xff, 0xff, 0, 10],
                frame([9, 0, 0, 0]), frame([0]), Array("SSH-2.0-OpenSSH_9.2p1\r\n".utf8),
            ] as [[UInt8]] {
                let fake = try FakeServer(bytes)
                defer { fake.close() }
                let proxy = try ProxyProcess(nodes: [fake.port, pair.primary.port], holdTimeout: "10s")
                defer { proxy.stop(grace: .seconds(1)) }
                let session = try proxy.connect(readTimeout: 20)
                for number in 0..<20 { #expect(try session.query("SELECT \(number)").first == "\(number)") }
                #expect(fake.waitForConnection(.seconds(10)), "the fake node was never looked at")
                #expect(try session.query("SELECT 'after'").first == "after")
                #expect(proxy.isRunning, "\(proxy.logTail())")
            }
        }
    }
}

/// Numbers from a seed (SplitMix64).
struct SeededRandom {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
