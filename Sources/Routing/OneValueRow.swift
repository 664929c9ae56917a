/// A row of the text protocol that answers a question of our own.
enum OneValueRow {
    /// The one value of a row of the text protocol: its length in one, three or four bytes, and its bytes.
    static func value(_ packet: [UInt8]) -> [UInt8]? {
        guard let first = packet.first else { return nil }
        let size: Int
        switch first {
        case ..<0xfb: size = 0
        case 0xfc: size = 2
        case 0xfd: size = 3
        case _: return nil
        }
        guard packet.count > size else { return nil }
        let length = size == 0 ? Int(first) : packet[1...size].reversed().reduce(0) { $0 << 8 | Int($1) }
        let value = packet[(1 + size)...]
        return value.count == length ? Array(value) : nil
    }
}
