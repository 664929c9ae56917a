/// The MySQL protocol's bytes as a client without a library makes them, right or wrong as it likes.
public enum Wire {
    /// A packet of less than 16 MiB. The length may lie.
    public static func packet(_ payload: [UInt8], sequence: UInt8 = 0, length: Int? = nil) -> [UInt8] {
        let count = length ?? payload.count
        return [UInt8(count & 0xff), UInt8(count >> 8 & 0xff), UInt8(count >> 16 & 0xff), sequence] + payload
    }

    /// A payload of any size, continued in as many packets as it needs.
    public static func packets(_ payload: [UInt8], sequence: UInt8 = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        var (rest, number) = (payload[...], sequence)
        while rest.count >= payloadMax {
            bytes += packet(Array(rest.prefix(payloadMax)), sequence: number)
            rest = rest.dropFirst(payloadMax)
            number &+= 1
        }
        return bytes + packet(Array(rest), sequence: number)
    }

    /// Of one packet; a payload of this size is continued in the next.
    public static let payloadMax = 0xff_ffff

    public static func command(_ code: UInt8, _ argument: [UInt8] = []) -> [UInt8] { packet([code] + argument) }
    public static func query(_ text: String) -> [UInt8] { packets([3] + Array(text.utf8)) }
    public static func prepare(_ text: String) -> [UInt8] { packets([0x16] + Array(text.utf8)) }

    /// COM_STMT_EXECUTE of a statement with so many parameters, each of them a text.
    public static func execute(_ id: UInt32, _ texts: [String] = []) -> [UInt8] {
        var payload: [UInt8] = [0x17] + number(id, 4) + [0] + number(1, 4)
        if !texts.isEmpty {
            payload += [UInt8](repeating: 0, count: (texts.count + 7) / 8) + [1]
            for _ in texts { payload += [0xfd, 0] }
            for text in texts { payload += lengthEncoded(text.utf8.count) + Array(text.utf8) }
        }
        return packets(payload)
    }

    /// COM_STMT_EXECUTE with values of several types. Types that have been bound are not said again; a cursor is a
    /// read-only one.
    public static func execute(
        _ id: UInt32, values: [FidelityValue], cursor: Bool, bindsTypes: Bool
    ) -> [UInt8] {
        var payload: [UInt8] = [0x17] + number(id, 4) + [cursor ? 1 : 0] + number(1, 4)
        if !values.isEmpty {
            var nulls = [UInt8](repeating: 0, count: (values.count + 7) / 8)
            for (index, value) in values.enumerated() where value == .null { nulls[index / 8] |= 1 << UInt8(index % 8) }
            payload += nulls + [bindsTypes ? 1 : 0]
            if bindsTypes {
                for value in values { payload += [value.type, 0] }
            }
            for value in values {
                switch value {
                case .null, .sentAhead: break
                case .int(let number): payload += withUnsafeBytes(of: number.littleEndian) { Array($0) }
                case .text(let text): payload += lengthEncoded(text.count) + text
                }
            }
        }
        return packets(payload)
    }

    public static func sendLongData(_ id: UInt32, parameter: UInt16, _ data: [UInt8]) -> [UInt8] {
        packets([0x18] + number(id, 4) + number(UInt32(parameter), 2) + data)
    }

    public static func closeStatement(_ id: UInt32) -> [UInt8] { command(0x19, number(id, 4)) }
    public static func resetStatement(_ id: UInt32) -> [UInt8] { command(0x1a, number(id, 4)) }
    public static func fetch(_ id: UInt32, rows: UInt32) -> [UInt8] { command(0x1c, number(id, 4) + number(rows, 4)) }

    /// COM_CHANGE_USER to `mysql_native_password` with these bytes as the proof.
    public static func changeUser(
        _ user: String, proof: [UInt8] = [], schema: String = "app", collation: UInt16 = 45
    ) -> [UInt8] {
        command(
            0x11,
            Array(user.utf8) + [0, UInt8(truncatingIfNeeded: proof.count)] + proof + Array(schema.utf8) + [0]
                + number(UInt32(collation), 2) + Array("mysql_native_password".utf8) + [0])
    }

    /// CLIENT_…: what a plain client of protocol 4.1 says that it can do.
    public struct Flags: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        public static let longPassword = Flags(rawValue: 1)
        public static let connectWithDB = Flags(rawValue: 8)
        public static let localFiles = Flags(rawValue: 0x80)
        public static let protocol41 = Flags(rawValue: 0x200)
        public static let transactions = Flags(rawValue: 0x2000)
        public static let secureConnection = Flags(rawValue: 0x8000)
        public static let multiStatements = Flags(rawValue: 0x1_0000)
        public static let multiResults = Flags(rawValue: 0x2_0000)
        public static let pluginAuth = Flags(rawValue: 0x8_0000)
        public static let sessionTrack = Flags(rawValue: 0x80_0000)
        public static let deprecateEOF = Flags(rawValue: 0x100_0000)

        public static let plain: Flags = [
            .longPassword, .connectWithDB, .localFiles, .protocol41, .transactions, .secureConnection,
            .multiStatements, .multiResults, .pluginAuth,
        ]
    }

    /// The payload of a handshake response.
    public static func handshakeResponse(
        user: String, proof: [UInt8] = [], schema: String = "app", plugin: String = "mysql_native_password",
        flags: Flags = .plain, collation: UInt8 = 45
    ) -> [UInt8] {
        var bytes = number(flags.rawValue, 4) + [0, 0, 0, 1, collation] + [UInt8](repeating: 0, count: 23)
        bytes += Array(user.utf8) + [0, UInt8(truncatingIfNeeded: proof.count)] + proof
        if flags.contains(.connectWithDB) { bytes += Array(schema.utf8) + [0] }
        if flags.contains(.pluginAuth) { bytes += Array(plugin.utf8) + [0] }
        return bytes
    }

    /// A server's greeting, as a payload, with a scramble of 20 times `s`.
    public static func greeting(
        version: String = "5.5.5-10.11.0-MariaDB", plugin: String = "mysql_native_password"
    ) -> [UInt8] {
        // All of the lower 16 flags but CLIENT_MYSQL, SSL and compression; of the upper ones PLUGIN_AUTH and below.
        let flags: UInt32 = 0x000f_f7de
        var bytes: [UInt8] = [10] + Array(version.utf8) + [0] + number(77, 4) + [UInt8](repeating: 0x73, count: 8) + [0]
        bytes += number(flags & 0xffff, 2) + [45] + number(2, 2) + number(flags >> 16, 2) + [21]
        bytes += [UInt8](repeating: 0, count: 10) + [UInt8](repeating: 0x73, count: 12) + [0]
        return bytes + Array(plugin.utf8) + [0]
    }

    /// A server's request to prove the password in another way, as a payload.
    public static func authSwitch(_ plugin: String, _ data: [UInt8] = []) -> [UInt8] {
        [0xfe] + Array(plugin.utf8) + [0] + data
    }

    /// OK, autocommit on, as a payload.
    public static let ok: [UInt8] = [0, 0, 0, 2, 0, 0, 0]

    /// Little endian.
    public static func number(_ value: UInt32, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    }

    public static func lengthEncoded(_ value: Int) -> [UInt8] {
        switch value {
        case ..<251: [UInt8(value)]
        case ..<0x1_0000: [0xfc] + number(UInt32(value), 2)
        case ..<0x100_0000: [0xfd] + number(UInt32(value), 3)
        case _: [0xfe] + number(UInt32(truncatingIfNeeded: value), 4) + number(UInt32(value >> 32), 4)
        }
    }
}

/// One packet as it came.
public struct WirePacket: Sendable, Hashable, CustomStringConvertible {
    public let sequence: UInt8
    public let payload: [UInt8]

    public init(sequence: UInt8, payload: [UInt8]) {
        self.sequence = sequence
        self.payload = payload
    }

    public var isOK: Bool { payload.first == 0 }
    public var isError: Bool { payload.first == 0xff }
    /// Of an error packet.
    public var errorCode: Int? {
        isError && payload.count >= 3 ? Int(payload[1]) | Int(payload[2]) << 8 : nil
    }

    public var description: String {
        let text = String(decoding: payload.prefix(60).map { (32..<127).contains($0) ? $0 : 46 }, as: UTF8.self)
        return "#\(sequence) \(payload.count) bytes \(payload.prefix(8)) \(text)"
    }
}

/// Bytes in, whole packets out.
public struct PacketStream: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0

    public init() {}

    public mutating func append(_ more: [UInt8]) {
        if start > 0, start == bytes.count || start > 1 << 20 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes += more
    }

    /// Nil until one is whole.
    public mutating func next() -> WirePacket? {
        guard bytes.count - start >= 4 else { return nil }
        let length = Int(bytes[start]) | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2]) << 16
        guard bytes.count - start >= 4 + length else { return nil }
        defer { start += 4 + length }
        return WirePacket(sequence: bytes[start + 3], payload: Array(bytes[(start + 4)..<(start + 4 + length)]))
    }

    /// What has come of a packet that is not whole.
    public var rest: Int { bytes.count - start }
}
