/// The part of an OK packet in which a server reports what has changed in the session (CLIENT_SESSION_TRACK).
enum SessionReport {
    /// The same packet with its reports in the order of their bytes: a server has none of its own, it takes them out of a
    /// hash. Without that of `last_gtid`, which is each server's own. Anything else as it is.
    static func comparable(_ payload: [UInt8]) -> [UInt8] {
        guard payload.first == 0 || payload.first == 0xfe, payload.count > 7 else { return payload }
        var index = 1
        // Affected rows, the insert id.
        for _ in 0..<2 {
            guard let (_, next) = length(payload, index) else { return payload }
            index = next
        }
        guard index + 4 <= payload.count, payload[index + 1] & 0x40 != 0 else { return payload }
        index += 4
        guard let (text, afterLength) = length(payload, index),
            let (reports, start) = length(payload, afterLength + text),
            start + reports == payload.count
        else { return payload }
        var entries: [[UInt8]] = []
        index = start
        while index < payload.count {
            guard let (size, next) = length(payload, index + 1), next + size <= payload.count else { return payload }
            entries.append(Array(payload[index..<(next + size)]))
            index = next + size
        }
        let own = Array("\u{9}last_gtid".utf8)
        entries.removeAll { $0.first == 0 && $0.dropFirst(2).starts(with: own) }
        // (Nor with their length.)
        return Array(payload[..<(afterLength + text)]) + entries.sorted { $0.lexicographicallyPrecedes($1) }.joined()
    }

    /// A length-encoded number, and where it ends.
    private static func length(_ bytes: [UInt8], _ index: Int) -> (Int, Int)? {
        guard index < bytes.count else { return nil }
        let width = [0xfc: 2, 0xfd: 3, 0xfe: 8][bytes[index]] ?? 0
        guard width > 0 else { return (Int(bytes[index]), index + 1) }
        guard index + width < bytes.count, width < 8 else { return nil }
        return (bytes[(index + 1)...(index + width)].reversed().reduce(0) { $0 << 8 | Int($1) }, index + 1 + width)
    }
}
