/// Writes names and values into SQL so that they mean the same under any sql_mode and character set.
enum SQLText {
    /// `name` in backticks.
    static func identifier(_ name: [UInt8]) -> [UInt8] {
        var text: [UInt8] = [0x60]
        for byte in name {
            if byte == 0x60 { text.append(0x60) }
            text.append(byte)
        }
        text.append(0x60)
        return text
    }

    /// @`name`
    static func userVariable(_ name: [UInt8]) -> [UInt8] {
        [0x40] + identifier(name)
    }

    /// A value as the server reported it (UTF-8): numbers bare, since numeric variables refuse strings; harmless
    /// ASCII in quotes; the rest as `_utf8mb3 X'…'`, which no sql_mode or client character set reads differently.
    static func value(_ bytes: [UInt8], isText: Bool) -> [UInt8] {
        if !isText && isNumber(bytes) { return bytes }
        if bytes.allSatisfy(isHarmless) { return [0x27] + bytes + [0x27] }
        return Array("_utf8mb3 X'".utf8) + digits(bytes) + [0x27]
    }

    /// In base 16, two of them for a byte.
    static func digits(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    /// `-?[0-9]+(\.[0-9]+)?`
    static func isNumber(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        if rest.first == 0x2d { rest = rest.dropFirst() }
        let parts = rest.split(separator: 0x2e, maxSplits: 1, omittingEmptySubsequences: false)
        return parts.allSatisfy { part in !part.isEmpty && part.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }
    }

    /// The same byte in every client character set, and in every sql_mode.
    static func isHarmless(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        // space + , - . / : = _
        case 0x20, 0x2b...0x2f, 0x3a, 0x3d, 0x5f: true
        default: false
        }
    }
}
