/// `/*! … */`, `/*!40101 … */`, `/*M!100100 … */`: what a dump hides from other servers, and MariaDB runs.
public enum ExecutableComment {
    /// Whether servers run what is in it; nil where that depends on the server's version. `version`: nil for none.
    static func isRun(version: Int?, isMaria: Bool) -> Bool? {
        guard let version else { return true }
        switch version {
        case 1..<50700: return true
        // MySQL's own features: MariaDB leaves them out.
        case 50700..<100_000: return isMaria
        // The oldest server that there is to be proxied.
        case 100_000...100_500: return true
        case _: return nil
        }
    }

    /// What a text comes to that is one such comment, and nothing else; nil for any other. It is looked at from its first
    /// byte: an ordinary statement costs no more.
    public static func contents(_ sql: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let text = CheckedBytes(sql)
        var index: UInt = 0
        while let byte = text.at(index), byte <= 0x20 { index += 1 }
        guard text.at(index) == 0x2f, text.at(index + 1) == 0x2a else { return nil }
        index += 2
        let isMaria = text.at(index) == 0x4d
        if isMaria { index += 1 }
        guard text.at(index) == 0x21 else { return nil }
        index += 1
        var version: Int?
        var digits = 0
        while let byte = text.at(index), byte >= 0x30, byte <= 0x39, digits < 6 {
            version = (version ?? 0) * 10 + Int(byte - 0x30)
            digits += 1
            index += 1
        }
        guard isRun(version: version, isMaria: isMaria) == true else { return nil }
        let start = index
        while let byte = text.at(index) {
            let next = text.at(index + 1)
            // One in another is left alone.
            if byte == 0x2f, next == 0x2a { return nil }
            if byte == 0x2a, next == 0x2f { break }
            index += 1
        }
        let end = index
        index += 2
        guard index <= text.count else { return nil }
        // (It was no string's where nothing follows.)
        while let byte = text.at(index) {
            if byte > 0x20, byte != 0x3b { return nil }
            index += 1
        }
        return start == end ? nil : text[Int(start)..<Int(end)]
    }
}
