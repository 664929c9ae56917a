import Foundation
import Testbed
import Testing

extension Integration {
    /// Counts and lengths at and beyond the borders of their encodings, held against a direct connection.
    @Suite(.serialized)
    struct WideStatementTests {
        private func answers(_ port: UInt16, _ bytes: [UInt8]) throws -> [WirePacket] {
            let session = try WireSession(port: port)
            defer { session.close() }
            let flood = Flood(bytes + Wire.query("SELECT 'the end'") + Wire.command(1), to: session.connection)
            let packets = try #require(session.receiveAll(.seconds(60)), "no end")
            #expect(flood.wait(.seconds(10)) || packets.last?.isError == true)
            return packets
        }

        private static func same(_ one: WirePacket, _ other: WirePacket) -> Bool {
            func plain(_ packet: WirePacket) -> WirePacket {
                let comparable = CommandMix.comparable(packet)
                // SERVER_SESSION_STATE_CHANGED at the end of rows: a session of the proxy's always tracks.
                guard packet.payload.first == 0xfe, packet.payload.count == 5 else { return comparable }
                return WirePacket(
                    sequence: packet.sequence, payload: packet.payload.dropLast() + [packet.payload[4] & ~0x40])
            }
            return plain(one) == plain(other)
        }

        private func compare(_ name: String, _ bytes: [UInt8]) throws {
            let pair = try SharedPair.get()
            try WireSession.makeAccount(pair.asRoot())
            let proxy = try ProxyProcess(nodes: pair.ports)
            defer { proxy.stop(grace: .seconds(5)) }
            let wanted = try answers(pair.primary.port, bytes)
            let found = try answers(proxy.port, bytes)
            #expect(found.count == wanted.count, "\(name)")
            let pairs = zip(found, wanted).enumerated()
            if let (number, (one, other)) = pairs.first(where: { !Self.same($1.0, $1.1) }) {
                Issue.record("\(name): packet \(number) is \(one), directly \(other)")
            }
            #expect(proxy.isRunning, "\(name)\n\(proxy.logTail())")
            #expect(!proxy.log.contains(" lost: "), "\(name)\n\(proxy.logTail())")
        }

        @Test("results of many columns", arguments: [250, 251, 4096, 65_535, 65_536, 70_000, 200_000])
        func columns(_ count: Int) throws {
            try compare("\(count) columns", Wire.query("SELECT 1" + String(repeating: ",1", count: count - 1)))
        }

        // Of exactly 65,536 columns a server says that there are none, and sends them: no client can follow.
        @Test("prepared statements of many columns and parameters", arguments: [251, 4096, 65_535, 65_537, 70_000])
        func prepared(_ count: Int) throws {
            try compare("\(count) columns", Wire.prepare("SELECT 1" + String(repeating: ",1", count: count - 1)))
            try compare("\(count) parameters", Wire.prepare("SELECT ?" + String(repeating: ",?", count: count - 1)))
        }

        @Test("statements around the border of a packet", arguments: [-2, -1, 0, 1, 0xff_fffe, 0xff_ffff, 0x100_0000])
        func packetBorder(_ more: Int) throws {
            let head = Array("SELECT LENGTH('".utf8)
            let tail = Array("')".utf8)
            let length = Wire.payloadMax - 1 + more - head.count - tail.count
            let text = head + [UInt8](repeating: 0x62, count: length) + tail
            try compare("payload of 0xffffff + \(more)", Wire.packets([3] + text))
        }

        @Test("every command in a packet that is continued")
        func continuedCommands() throws {
            let codes: [UInt8] = [
                0x00, 0x02, 0x04, 0x09, 0x0e, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1f, 0x7f,
            ]
            for code in codes {
                let payload = [code] + [UInt8](repeating: 1, count: Wire.payloadMax + 1000)
                try compare("command \(code)", Wire.packets(payload))
            }
        }

        @Test("SET nested 8,000 deep, and other depths", arguments: [10, 8000, 100_000])
        func depth(_ depth: Int) throws {
            let texts = [
                String(repeating: "SET STATEMENT lock_wait_timeout=1 FOR ", count: depth) + "SELECT 1",
                "SET @a = " + String(repeating: "(", count: depth) + "1" + String(repeating: ")", count: depth),
                "SELECT " + String(repeating: "/*!50000 ", count: depth) + "1" + String(repeating: "*/", count: depth),
            ]
            for text in texts { try compare("\(text.prefix(40)) × \(depth)", Wire.query(text)) }
        }
    }
}
