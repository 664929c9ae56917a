import Cluster

extension ServerIdentity {
    /// Reads the first packet that a server sends (protocol 10), header included:
    /// https://mariadb.com/kb/en/connection/#initial-handshake-packet
    ///
    /// Nil for anything else, an error packet among it, and for less than the whole packet.
    init?(greeting bytes: [UInt8]) {
        guard bytes.count >= 4 else { return nil }
        let length = Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2]) << 16
        guard length > 0, bytes.count >= 4 + length else { return nil }
        let payload = bytes[4..<(4 + length)]
        guard payload.first == 10, let end = payload.dropFirst().firstIndex(of: 0) else { return nil }
        let version = String(decoding: payload[(payload.startIndex + 1)..<end], as: UTF8.self)
        // connection id 4, scramble 8, filler 1
        let fixed = payload[(end + 1)...].dropFirst(13)
        guard fixed.count >= 18 else { return nil }
        func byte(_ offset: Int) -> UInt64 { UInt64(fixed[fixed.startIndex + offset]) }
        // low capabilities 2, collation 1, status 2, high capabilities 2, scramble length 1, reserved 6, extended 4
        let low = byte(0) | byte(1) << 8 | byte(5) << 16 | byte(6) << 24
        let extended = byte(14) | byte(15) << 8 | byte(16) << 16 | byte(17) << 24
        // CLIENT_LONG_PASSWORD says "not MariaDB": then those four bytes mean nothing.
        let isMariaDB = low & 1 == 0
        self.init(
            version: version, collation: UInt8(byte(2)), capabilities: isMariaDB ? low | extended << 32 : low)
    }
}
