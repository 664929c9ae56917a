/// One lexical element of a statement; its text is `start ..< end` of the statement's bytes.
struct SQLToken: Sendable, Equatable {
    enum Kind: UInt8, Sendable {
        case word, number
        /// 'text'
        case string
        /// "text" or identifier, as sql_mode says
        case doubleQuoted
        /// `identifier`
        case backquoted
        /// @name
        case userVariable
        /// The @@ before a system variable's name.
        case systemVariable
        case symbol
    }

    let kind: Kind
    // Half the size: a text has as many of them as bytes, at worst.
    private let first: UInt32
    private let past: UInt32

    var start: Int { Int(first) }
    var end: Int { Int(past) }

    init(kind: Kind, start: Int, end: Int) {
        self.kind = kind
        first = UInt32(start)
        past = UInt32(end)
    }
}

/// Cuts SQL into tokens. Comments are dropped; executable comments (`/*! */`, `/*M! */`) are read as the code that
/// they are for a MariaDB (``ExecutableComment``).
struct SQLScanner {
    /// What the text reads as.
    struct Scan {
        var tokens: [SQLToken] = []
        /// How the text reads depends on something not known (sql_mode, character set, server version), or it is
        /// malformed.
        var isAmbiguous = false
        var hasExecutableComment = false
    }

    private let sql: CheckedBytes
    private let dialect: Dialect
    private var index = 0
    private var scan = Scan()
    private var isInExecutableComment = false

    private init(_ sql: UnsafeRawBufferPointer, _ dialect: Dialect) {
        self.sql = CheckedBytes(sql)
        self.dialect = dialect
    }

    /// - Parameter sql: at most ``StatementClassifier/byteCountMax`` bytes.
    static func scan(_ sql: UnsafeRawBufferPointer, dialect: Dialect) -> Scan {
        var scanner = SQLScanner(sql, dialect)
        scanner.run()
        return scanner.scan
    }

    /// The text inside a string literal, or nil where it is no single one or has a backslash (whose meaning depends
    /// on sql_mode).
    static func contents(ofLiteral text: [UInt8], backslashEscapes: Bool? = nil) -> [UInt8]? {
        guard text.count >= 2, let quote = text.first, quote == 0x27 || quote == 0x22 else { return nil }
        var inner: [UInt8] = []
        var index = 1
        while index < text.count {
            var byte = text[index]
            if byte == 0x5c {
                // Behind a byte beyond ASCII it may be the half of a character.
                guard let backslashEscapes, text[index - 1] < 0x80, index + 1 < text.count else { return nil }
                if backslashEscapes {
                    index += 1
                    guard index < text.count - 1, text[index] < 0x80 else { return nil }
                    if text[index] == 0x25 || text[index] == 0x5f { inner.append(byte) }
                    byte = escaped(text[index])
                }
            } else if byte == quote {
                if index == text.count - 1 { return inner }
                guard text[index + 1] == quote else { return nil }
                index += 1
            }
            inner.append(byte)
            index += 1
        }
        return nil
    }

    /// What a backslash and this byte stand for.
    private static func escaped(_ byte: UInt8) -> UInt8 {
        switch byte {
        case 0x30: 0x00
        case 0x62: 0x08
        case 0x74: 0x09
        case 0x6e: 0x0a
        case 0x72: 0x0d
        case 0x5a: 0x1a
        case _: byte
        }
    }

    private func byte(_ offset: Int) -> UInt8? {
        let position = index + offset
        return UInt(bitPattern: position) < sql.count ? sql[position] : nil
    }

    private mutating func add(_ kind: SQLToken.Kind, from start: Int) {
        scan.tokens.append(SQLToken(kind: kind, start: start, end: index))
    }

    private mutating func run() {
        while let first = byte(0), !scan.isAmbiguous {
            let start = index
            switch first {
            case 0x00:
                scan.isAmbiguous = true
            case 0x01...0x20:
                index += 1
            case 0x23:  // #
                skipLine()
            case 0x2d where byte(1) == 0x2d && endsDashes(byte(2) ?? 0x20):  // --
                skipLine()
            case 0x2d where byte(1) == 0x2d && dialect.characterSet.maySeparate(byte(2) ?? 0x20):
                scan.isAmbiguous = true
            case 0x2f where byte(1) == 0x2a:  // /*
                comment()
            case 0x2a where byte(1) == 0x2f && isInExecutableComment:  // */
                index += 2
                isInExecutableComment = false
            case 0x27:
                quoted(0x27)
                add(.string, from: start)
            case 0x22:
                quoted(0x22)
                add(.doubleQuoted, from: start)
            case 0x60:
                quoted(0x60)
                add(.backquoted, from: start)
            case 0x40:
                at()
            case 0x30...0x39:
                number()
            case 0x41...0x5a, 0x61...0x7a, 0x5f, 0x24, 0x80...0xff:
                while let next = byte(0), isWord(next) { skipWordCharacter(next) }
                add(.word, from: start)
            default:
                index += 1
                add(.symbol, from: start)
            }
        }
        if isInExecutableComment { scan.isAmbiguous = true }
    }

    private func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x24, 0x80...0xff: true
        default: false
        }
    }

    /// `--` is a comment before a space or a control character.
    private func endsDashes(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0x7f }

    private mutating func skipWordCharacter(_ byte: UInt8) {
        if byte >= 0x80 {
            if dialect.characterSet.maySeparate(byte) { scan.isAmbiguous = true }
            // What follows may be a letter, or its second half.
            if dialect.characterSet == .unknown, let next = self.byte(1), !isWord(next), next >= 0x40, next < 0x80 {
                scan.isAmbiguous = true
            }
        }
        index += dialect.characterSet.width(of: byte, self.byte(1))
    }

    private mutating func skipLine() {
        while let next = byte(0), next != 0x0a { index += 1 }
    }

    /// At a quote: to behind the closing one.
    private mutating func quoted(_ quote: UInt8) {
        let escapes: Bool?
        switch quote {
        case 0x27: escapes = dialect.backslashEscapes
        case 0x22:
            escapes = dialect.ansiQuotes == true ? false : dialect.ansiQuotes == nil ? nil : dialect.backslashEscapes
        default: escapes = false
        }
        index += 1
        while let next = byte(0) {
            let width = dialect.characterSet.width(of: next, byte(1))
            if width > 1 {
                index += width
            } else if next == quote {
                // In some multibyte character sets this backquote belongs to the character before.
                if quote == 0x60 && followsHigh(index) { scan.isAmbiguous = true }
                index += 1
                if byte(0) != quote { return }
                index += 1
            } else if next == 0x5c && quote != 0x60 {
                guard backslashes(quote, escapes) else { return }
            } else {
                index += 1
            }
        }
        scan.isAmbiguous = true
    }

    /// In an unknown character set the byte at `position` may be the second half of the character before.
    private func followsHigh(_ position: Int) -> Bool {
        dialect.characterSet == .unknown && position > 0 && sql[position - 1] >= 0x80
    }

    /// At a backslash in quotes: to behind what it escapes. False where the text can't be read any further.
    private mutating func backslashes(_ quote: UInt8, _ escapes: Bool?) -> Bool {
        let start = index
        while byte(0) == 0x5c { index += 1 }
        let isOdd = (index - start) % 2 == 1
        if byte(0) == quote {
            if followsHigh(start) { scan.isAmbiguous = true }
            if isOdd && escapes == nil { scan.isAmbiguous = true }
        } else if escapes == nil && dialect.characterSet.isLead(byte(0) ?? 0) {
            scan.isAmbiguous = true
        }
        if scan.isAmbiguous { return false }
        // One byte is escaped, be it the first half of a character.
        if isOdd && escapes == true && index < sql.count { index += 1 }
        return true
    }

    private mutating func comment() {
        index += 2
        let isMaria = byte(0) == 0x4d && byte(1) == 0x21
        guard byte(0) == 0x21 || isMaria else {
            skipComment()
            return
        }
        index += isMaria ? 2 : 1
        scan.hasExecutableComment = true
        if isInExecutableComment {
            scan.isAmbiguous = true
            return
        }
        var version: Int?
        var digits = 0
        while let next = byte(0), next >= 0x30, next <= 0x39, digits < 6 {
            version = (version ?? 0) * 10 + Int(next - 0x30)
            digits += 1
            index += 1
        }
        switch ExecutableComment.isRun(version: version, isMaria: isMaria) {
        case true?: isInExecutableComment = true
        case false?: skipComment(mayNest: true)
        case nil: scan.isAmbiguous = true
        }
    }

    private mutating func skipComment(mayNest: Bool = false) {
        while let next = byte(0) {
            if next == 0x2a && byte(1) == 0x2f {
                index += 2
                return
            }
            if mayNest && next == 0x2f && byte(1) == 0x2a { break }
            index += 1
        }
        scan.isAmbiguous = true
    }

    private mutating func at() {
        let start = index
        index += 1
        switch byte(0) {
        case 0x40:
            index += 1
            add(.systemVariable, from: start)
        case 0x27:
            quoted(0x27)
            add(.userVariable, from: start)
        case 0x22:
            quoted(0x22)
            add(.userVariable, from: start)
        case 0x60:
            quoted(0x60)
            add(.userVariable, from: start)
        default:
            while let next = byte(0), isWord(next) || next == 0x2e { skipWordCharacter(next) }
            add(index > start + 1 ? .userVariable : .symbol, from: start)
        }
    }

    private mutating func number() {
        let start = index
        var isNumber = true
        let isHex = byte(0) == 0x30 && byte(1).map { $0 | 0x20 } == 0x78
        while let next = byte(0) {
            if next == 0x2e, let after = byte(1), after >= 0x30, after <= 0x39 {
                index += 1
            } else if isWord(next) {
                let isExponent = next | 0x20 == 0x65
                if !(next >= 0x30 && next <= 0x39) && !isExponent && !isHex { isNumber = false }
                skipWordCharacter(next)
            } else {
                break
            }
        }
        add(isNumber ? .number : .word, from: start)
    }
}
