/// The tokens of one statement with the questions that the classifier asks of them. Every index is checked: a
/// token past the end is nil and matches nothing.
struct StatementReader {
    let sql: CheckedBytes
    var tokens: ArraySlice<SQLToken>
    let dialect: Dialect
    let hasExecutableComment: Bool

    var count: Int { tokens.count }

    /// The part from `from` (counted from 0) up to `to`.
    func part(_ from: Int, _ to: Int? = nil) -> StatementReader {
        var part = self
        let end = min(max(to ?? count, 0), count)
        let begin = min(max(from, 0), end)
        part.tokens = tokens[(tokens.startIndex + begin)..<(tokens.startIndex + end)]
        return part
    }

    func token(_ index: Int) -> SQLToken? {
        index >= 0 && index < count ? tokens[tokens.startIndex + index] : nil
    }

    func kind(_ index: Int) -> SQLToken.Kind? { token(index)?.kind }

    /// An unquoted word, case-insensitively. `word` is upper case ASCII.
    func isWord(_ index: Int, _ word: StaticString) -> Bool {
        guard let token = token(index), token.kind == .word else { return false }
        guard token.end - token.start == word.utf8CodeUnitCount else { return false }
        for offset in 0..<word.utf8CodeUnitCount {
            let byte = sql[token.start + offset]
            let upper = byte >= 0x61 && byte <= 0x7a ? byte & 0xdf : byte
            if upper != word.byte(at: offset) { return false }
        }
        return true
    }

    func isSymbol(_ index: Int, _ symbol: Unicode.Scalar) -> Bool {
        self.symbol(index).map { UInt32($0) == symbol.value } ?? false
    }

    func symbol(_ index: Int) -> UInt8? {
        guard let token = token(index), token.kind == .symbol else { return nil }
        return sql[token.start]
    }

    /// Upper case, for looking it up; empty where the token is no unquoted word.
    func word(_ index: Int) -> String {
        guard let token = token(index), token.kind == .word else { return "" }
        return String(decoding: sql[token.start..<token.end], as: UTF8.self).uppercased()
    }

    func bytes(_ index: Int) -> [UInt8] {
        guard let token = token(index) else { return [] }
        return Array(sql[token.start..<token.end])
    }

    /// The text of this part as it stands; nil where it begins or ends inside an executable comment.
    var text: [UInt8]? {
        guard let first = tokens.first, let last = tokens.last else { return [] }
        let text = Array(sql[first.start..<last.end])
        if hasExecutableComment {
            for index in text.indices.dropLast() {
                if text[index] == 0x2f && text[index + 1] == 0x2a { return nil }
                if text[index] == 0x2a && text[index + 1] == 0x2f { return nil }
            }
        }
        return text
    }

    /// An identifier, unquoted.
    func name(_ index: Int) -> [UInt8]? {
        guard let token = token(index) else { return nil }
        switch token.kind {
        case .word: return bytes(index)
        case .backquoted, .doubleQuoted: return unquoted(bytes(index))
        case .number, .string, .userVariable, .systemVariable, .symbol: return nil
        }
    }

    /// The name of the user variable, without @ and quotes, ASCII-lowercased.
    func userVariable(_ index: Int) -> [UInt8]? {
        guard let token = token(index), token.kind == .userVariable else { return nil }
        let text = Array(sql[token.start + 1..<token.end])
        guard let first = text.first else { return nil }
        return ASCII.lowercased(first == 0x27 || first == 0x22 || first == 0x60 ? unquoted(text) : text)
    }

    private func unquoted(_ text: [UInt8]) -> [UInt8] {
        guard text.count >= 2, let quote = text.first else { return text }
        var inner: [UInt8] = []
        var index = 1
        while index < text.count - 1 {
            inner.append(text[index])
            index += text[index] == quote ? 2 : 1
        }
        return inner
    }

    /// More names, items of a list or changes than this are not told apart.
    static let namesMax = 256

    /// The user variables in this part, in order, each once; nil where there are too many.
    var userVariables: [[UInt8]]? {
        var names: [[UInt8]] = []
        var known: Set<[UInt8]> = []
        for index in 0..<count {
            guard let name = userVariable(index), known.insert(name).inserted else { continue }
            if names.count == Self.namesMax { return nil }
            names.append(name)
        }
        return names
    }

    /// `@name :=` somewhere.
    var assignsInside: Bool {
        for index in 0..<count where kind(index) == .userVariable {
            if isSymbol(index + 1, ":") && isSymbol(index + 2, "=") { return true }
        }
        return false
    }

    /// The parts between symbols `separator` outside of parentheses, in order, until `body` answers false.
    func forEachPart(between separator: Unicode.Scalar, _ body: (StatementReader) -> Bool) {
        var depth = 0
        var begin = 0
        for index in 0..<count {
            if isSymbol(index, "(") { depth += 1 }
            if isSymbol(index, ")") { depth -= 1 }
            if depth <= 0 && isSymbol(index, separator) {
                guard body(part(begin, index)) else { return }
                begin = index + 1
            }
        }
        _ = body(part(begin))
    }

    /// The parts between commas outside of parentheses; nil where there are more than ``namesMax``.
    var items: [StatementReader]? {
        var parts: [StatementReader] = []
        forEachPart(between: ",") { part in
            parts.append(part)
            return parts.count <= Self.namesMax
        }
        return parts.count <= Self.namesMax ? parts : nil
    }

    /// What the functions called in this part may do.
    struct Calls {
        var isHarmless = true
        var takesSequenceValue = false
        var readsPrevious = false
        var setsLastInsertID = false
        /// At most ``StatementReader/namesMax``, and then one that stands for all others.
        private(set) var changes: [SessionChangeKind] = []

        mutating func note(_ change: SessionChangeKind) {
            if changes.count < namesMax {
                changes.append(change)
            } else if changes.count == namesMax {
                changes.append(.unknown)
            }
        }

        /// As they are where they may be made for every row, or for none.
        mutating func perRow() {
            changes = changes.compactMap {
                switch $0 {
                case .userLock: .userLock(nil)
                case .unknown: .unknown
                default: nil
                }
            }
        }
    }

    var calls: Calls {
        var calls = Calls()
        var hasFrom = false
        for index in 0..<count {
            if isWord(index, "FROM") { hasFrom = true }
            if isWord(index, "NEXT") && isWord(index + 1, "VALUE") && isWord(index + 2, "FOR") {
                calls.takesSequenceValue = true
            }
            if isWord(index, "PREVIOUS") && isWord(index + 1, "VALUE") && isWord(index + 2, "FOR") {
                calls.readsPrevious = true
            }
            if kind(index) == .systemVariable {
                for offset in [1, 3] {
                    switch word(index + offset) {
                    case "WARNING_COUNT", "ERROR_COUNT", "LAST_GTID": calls.readsPrevious = true
                    default: break
                    }
                }
            }
            guard isSymbol(index + 1, "("), let kind = kind(index) else { continue }
            switch kind {
            case .word:
                break
            case .backquoted, .doubleQuoted:
                unknownName(index, &calls)
                continue
            case .number, .string, .userVariable, .systemVariable, .symbol:
                continue
            }
            if isSymbol(index - 1, ".") {
                calls.isHarmless = false
                continue
            }
            let word = word(index)
            switch word {
            case "NEXTVAL", "SETVAL":
                calls.takesSequenceValue = true
            case "FOUND_ROWS", "ROW_COUNT", "LASTVAL":
                calls.readsPrevious = true
            case "LAST_INSERT_ID":
                if !isSymbol(index + 2, ")") { calls.setsLastInsertID = true }
            case "GET_LOCK":
                calls.note(.userLock(literal(index + 2, before: ",")))
            case "RELEASE_LOCK":
                calls.note(.releaseUserLock(literal(index + 2, before: ")")))
            case "RELEASE_ALL_LOCKS":
                calls.note(.releaseAllLocks)
            default:
                if !BuiltinFunctions.isHarmless(word) { unknownName(index, &calls) }
            }
        }
        if hasFrom { calls.perRow() }
        return calls
    }

    private func unknownName(_ index: Int, _ calls: inout Calls) {
        if calls.isHarmless { calls.isHarmless = isColumnList(index + 1) }
    }

    /// `name (a, b) AS (`: the columns of a common table expression. Names and commas only, so that no part of a text
    /// is looked at for more than one of them.
    private func isColumnList(_ index: Int) -> Bool {
        var end = index + 1
        while name(end) != nil || isSymbol(end, ",") { end += 1 }
        return isSymbol(end, ")") && isWord(end + 1, "AS") && isSymbol(end + 2, "(")
    }

    /// A lock's name, lower case, where it is one string literal.
    private func literal(_ index: Int, before symbol: Unicode.Scalar) -> [UInt8]? {
        guard kind(index) == .string, isSymbol(index + 1, symbol) else { return nil }
        return SQLScanner.contents(ofLiteral: bytes(index)).map(ASCII.lowercased)
    }
}
