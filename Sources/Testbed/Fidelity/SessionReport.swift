/// The part of an OK packet in which a server reports what has changed in the session (CLIENT_SESSION_TRACK).
enum SessionReport {
    /// The same packet with its reports in the order of their bytes: a server has none of its own, it takes them out of a
    /// hash. Without that of `last_gtid`, which is each server's own. Anything else as it is.
    static func comparable(_ payload: [UInt8]) -> [UInt8] {
        guard var parts = Parts(payload) else { return payload }
        let own = Array("\u{9}last_gtid".utf8)
        parts.entries.removeAll { $0.first == 0 && $0.dropFirst(2).starts(with: own) }
        if parts.entries.isEmpty { return parts.plain(payload) }
        // (Nor with their length.)
        return Array(payload[..<parts.textEnd]) + parts.entries.sorted { $0.lexicographicallyPrecedes($1) }.joined()
    }

    /// The same packet without a report of the default schema that says no other than the one before. A server that has
    /// not read a program yet goes to the program's schema and back for it, and reports that with the next OK.
    static func withoutRepetition(_ payload: [UInt8], of schema: inout [UInt8]?) -> [UInt8] {
        guard var parts = Parts(payload), let place = parts.entries.firstIndex(where: { $0.first == 1 }) else {
            return payload
        }
        let said = Array(parts.entries[place].dropFirst(2))
        if said != schema {
            schema = said
            return payload
        }
        parts.entries.remove(at: place)
        if parts.entries.isEmpty { return parts.plain(payload) }
        let rest = Array(parts.entries.joined())
        return rest.count < 0xfb ? Array(payload[..<parts.textEnd]) + [UInt8(rest.count)] + rest : payload
    }

    /// Of an OK packet that reports something.
    private struct Parts {
        /// Where the status flags stand, and the text ends.
        let flags: Int
        let textEnd: Int
        /// Each with its kind.
        var entries: [[UInt8]] = []

        /// The packet that it would be without any report: an empty text is not there then.
        func plain(_ payload: [UInt8]) -> [UInt8] {
            var plain = Array(payload[..<textEnd])
            plain[flags + 1] &= ~0x40
            return textEnd == flags + 5 ? Array(plain.dropLast()) : plain
        }

        init?(_ payload: [UInt8]) {
            guard payload.first == 0 || payload.first == 0xfe, payload.count > 7 else { return nil }
            var index = 1
            // Affected rows, the insert id.
            for _ in 0..<2 {
                guard let (_, next) = length(payload, index) else { return nil }
                index = next
            }
            guard index + 4 <= payload.count, payload[index + 1] & 0x40 != 0 else { return nil }
            flags = index
            guard let (text, afterLength) = length(payload, index + 4),
                let (reports, start) = length(payload, afterLength + text),
                start + reports == payload.count
            else { return nil }
            textEnd = afterLength + text
            index = start
            while index < payload.count {
                guard let (size, next) = length(payload, index + 1), next + size <= payload.count else { return nil }
                entries.append(Array(payload[index..<(next + size)]))
                index = next + size
            }
        }
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
