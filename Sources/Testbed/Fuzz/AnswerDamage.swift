import Cluster

/// What a node that lies makes of its bytes, out of a seed.
struct AnswerDamage {
    enum Deed {
        case pass([UInt8])
        /// After so many milliseconds.
        case delay([UInt8], milliseconds: Int)
        /// These, and then the end.
        case cut([UInt8])
        case reset
        /// Nothing of it, and nothing any more.
        case silence
    }

    private var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed) }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
    private mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    /// One deed for one stretch of bytes; most are passed on, so that a session gets somewhere.
    mutating func deed(_ chunk: [UInt8]) -> Deed {
        var changed = chunk
        switch below(40) {
        case 0: return .cut(Array(chunk.prefix(below(chunk.count + 1))))
        case 1: return .reset
        case 2: return .silence
        case 3: return .delay(chunk, milliseconds: below(400))
        case 4: for _ in 0..<(1 + below(8)) { changed[below(changed.count)] ^= UInt8(1 << below(8)) }
        case 5: changed += chunk
        case 6: changed.insert(contentsOf: bytes(1 + below(50)), at: below(changed.count))
        case 7: changed.removeSubrange(below(changed.count)..<changed.count)
        case 8: changed = reordered(chunk)
        case 9: changed = invented(after: chunk)
        case 10: changed = chunk + invented(after: chunk)
        case 11: changed = invented(after: chunk) + chunk
        case 12: changed = Array((0..<(1 + below(2000))).flatMap { _ in chunk.prefix(500) })
        case _: return .pass(chunk)
        }
        return .pass(changed)
    }

    /// Its packets in another order.
    private mutating func reordered(_ chunk: [UInt8]) -> [UInt8] {
        var stream = PacketStream()
        stream.append(chunk)
        var packets: [WirePacket] = []
        while let packet = stream.next() { packets.append(packet) }
        packets.shuffle(using: &random)
        return packets.flatMap { Wire.packet($0.payload, sequence: $0.sequence) }
    }

    /// A packet of a server's that nobody asked for, with a number that fits or does not.
    private mutating func invented(after chunk: [UInt8]) -> [UInt8] {
        let sequence = chunk.count > 3 && below(4) > 0 ? chunk[3] : UInt8(truncatingIfNeeded: random.next())
        let error: (Int) -> [UInt8] = { [0xff] + Wire.number(UInt32($0), 2) + Array("#HY000invented".utf8) }
        let payloads: [[UInt8]] = [
            Wire.ok, [0, 0xfe] + bytes(8) + [0xfe] + bytes(8) + [2, 0, 0, 0], [0xfe, 0, 0, 2, 0],
            [0xfe, 0, 0, 0x0a, 0],
            error(1290), error(1836), error(1053), error(1203), error(1226), error(1040), error(1129), error(0xffff),
            error(1045), error(1205), [0xfb] + Array("/etc/passwd".utf8), [0xfb],
            Wire.authSwitch("mysql_clear_password"), Wire.authSwitch("dialog", [4]),
            Wire.authSwitch("mysql_native_password", bytes(20) + [0]),
            Wire.greeting(), [0xfc, 0xff, 0xff], [0xfd, 0xff, 0xff, 0xff], [0xfe] + [UInt8](repeating: 0xff, count: 8),
            [0xfe], [0xff], [],
            // OK with session changes whose lengths lie.
            [0, 0, 0, 2, 0x40, 0, 0, 0, 0xfc, 0xff, 0xff] + bytes(30), [0, 0, 0, 2, 0x40, 0, 0, 0, 4, 0, 0xfe, 1, 1],
            // A prepared statement with all the parameters and columns that there can be.
            [0] + bytes(4) + [0xff, 0xff, 0xff, 0xff, 0, 0, 0], bytes(below(300)),
        ]
        let payload = payloads[below(payloads.count)]
        return Wire.packet(payload, sequence: sequence, length: below(6) == 0 ? below(1 << 24) : nil)
    }
}
