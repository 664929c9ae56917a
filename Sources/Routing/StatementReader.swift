/// The tokens of one statement with the questions that the classifier asks of them. Every index is checked: a
/// token past the end is nil and matches nothing.
struct StatementReader {
    let sql: CheckedBytes
    var tokens: ArraySlice<SQLToken>
    let dialect: Dialect
    let hasExecutableComment: Bool

    init(sql: CheckedBytes, tokens: ArraySlice<SQLToken>, dialect: Dialect, hasExecutableComment: Bool) {
        self.sql = sql
        self.tokens = tokens
        self.dialect = dialect
        self.hasExecutableComment = hasExecutableComment
    }

    /// Nil where it is not certain how the text reads, or it is too long to be cut into tokens.
    init?(_ sql: UnsafeRawBufferPointer, dialect: Dialect) {
        guard sql.count <= StatementClassifier.byteCountMax else { return nil }
        let scan = SQLScanner.scan(sql, dialect: dialect)
        if scan.isAmbiguous { return nil }
        self.init(
            sql: CheckedBytes(sql), tokens: scan.tokens[...], dialect: dialect,
            hasExecutableComment: scan.hasExecutableComment)
    }

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
    func userVariable(_ index: Int) -> [UInt8]? { userVariableAsWritten(index).map(ASCII.lowercased) }

    /// The same as it stands there.
    func userVariableAsWritten(_ index: Int) -> [UInt8]? {
        guard let token = token(index), token.kind == .userVariable else { return nil }
        let text = Array(sql[token.start + 1..<token.end])
        guard let first = text.first else { return nil }
        return first == 0x27 || first == 0x22 || first == 0x60 ? unquoted(text) : text
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

    /// Sequences of one statement whose values are told apart.
    static let sequencesMax = 16

    /// Calls of one statement of which it is found out whether they are certainly made.
    static let examinedMax = 16

    /// Longer literals that SET gives to a variable are asked for.
    static let literalMax = 1024

    /// More names, items of a list or changes than this are not told apart.
    static let namesMax = 256

    /// The user variables in this part, in order, each once; nil where there are too many.
    var userVariables: [[UInt8]]? { userVariablesAsWritten?.map(ASCII.lowercased) }

    /// The same as they stand there first.
    var userVariablesAsWritten: [[UInt8]]? {
        var names: [[UInt8]] = []
        var known: Set<[UInt8]> = []
        for index in 0..<count {
            guard let name = userVariableAsWritten(index), known.insert(ASCII.lowercased(name)).inserted else {
                continue
            }
            if names.count == Self.namesMax { return nil }
            names.append(name)
        }
        return names
    }

    /// Those of `@name :=`, as they are written.
    var userVariablesAssigned: [[UInt8]]? {
        var names: [[UInt8]] = []
        for index in 0..<count where isSymbol(index + 1, ":") && isSymbol(index + 2, "=") {
            guard let name = userVariableAsWritten(index) else { continue }
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
        var reads: Leftovers = []
        var insertID: SessionChangeKind.InsertID?
        private(set) var sequencesRead: [[UInt8]] = []
        private(set) var sequencesTaken: [[UInt8]] = []
        /// How many calls were looked at for whether they are certainly made: that takes the whole statement's length.
        var examined = 0
        /// At most ``StatementReader/namesMax``, and then one that stands for all others.
        private(set) var changes: [SessionChangeKind] = []

        mutating func note(_ change: SessionChangeKind) {
            if changes.count < namesMax {
                changes.append(change)
            } else if changes.count == namesMax {
                changes.append(.unknown)
            }
        }

        mutating func take(sequence name: [UInt8]) {
            takesSequenceValue = true
            if sequencesTaken.count < sequencesMax { sequencesTaken.append(name) }
        }

        /// One whose name is not known stands for all that are too many.
        mutating func read(sequence name: [UInt8]) {
            reads.insert(.sequenceValues)
            if sequencesRead.count < sequencesMax { sequencesRead.append(name) } else { sequencesRead[0] = [] }
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

    /// information_schema.OPTIMIZER_TRACE or PROFILING: what the statement before has left.
    private func isTableOfPrevious(_ index: Int) -> Bool {
        guard isWord(index, "OPTIMIZER_TRACE") || isWord(index, "PROFILING") else { return false }
        if isSymbol(index - 1, ".") { return isWord(index - 2, "INFORMATION_SCHEMA") }
        return isWord(index - 1, "FROM") || isWord(index - 1, "JOIN")
    }

    var calls: Calls {
        var calls = Calls()
        var hasFrom = false
        for index in 0..<count {
            if isWord(index, "FROM") { hasFrom = true }
            if isWord(index, "VALUE") && isWord(index + 1, "FOR") {
                if isWord(index - 1, "NEXT") {
                    calls.take(sequence: sequence(index + 2))
                }
                if isWord(index - 1, "PREVIOUS") {
                    calls.read(sequence: sequence(index + 2))
                }
            }
            // sql_mode=ORACLE: sequence.nextval
            if isSymbol(index - 1, ".") {
                if isWord(index, "NEXTVAL") { calls.takesSequenceValue = true }
                if isWord(index, "CURRVAL") {
                    calls.read(sequence: [])
                }
            }
            if isTableOfPrevious(index) { calls.reads.insert(.profile) }
            if isWord(index, "IS") && isWord(index + 1, "NULL") { calls.reads.insert(.autoIsNull) }
            if listsVariables(index) { calls.reads.insert(.insertID) }
            if kind(index) == .systemVariable {
                for offset in [1, 3] {
                    switch word(index + offset) {
                    case "WARNING_COUNT", "ERROR_COUNT": calls.reads.insert(.warnings)
                    case "LAST_GTID": calls.reads.insert(.profile)
                    case "LAST_INSERT_ID", "IDENTITY": calls.reads.insert(.insertID)
                    default: break
                    }
                }
            }
            guard isSymbol(index + 1, "("), let kind = kind(index), !isInsertedTable(index) else { continue }
            switch kind {
            // A function's name may be quoted; as a string it is none.
            case .word, .backquoted, .doubleQuoted:
                break
            case .number, .string, .userVariable, .systemVariable, .symbol:
                continue
            }
            if isSymbol(index - 1, ".") {
                calls.isHarmless = false
                continue
            }
            let word = functionName(index)
            switch word {
            case "NEXTVAL", "SETVAL":
                calls.take(sequence: sequence(index + 2))
            case "FOUND_ROWS":
                calls.reads.insert(.foundRows)
            case "ROW_COUNT":
                calls.reads.insert(.rowCount)
            case "LASTVAL":
                calls.read(sequence: sequence(index + 2))
            case "LAST_INSERT_ID":
                if isSymbol(index + 2, ")") {
                    calls.reads.insert(.insertID)
                } else {
                    calls.insertID = isCertainlyComputed(index, &calls) ? insertID(index + 2) : .unknown
                }
            case "GET_LOCK":
                calls.note(.userLock(literal(index + 2, before: ",")))
            case "RELEASE_LOCK":
                if isCertainlyComputed(index, &calls) { calls.note(.releaseUserLock(literal(index + 2, before: ")"))) }
            case "RELEASE_ALL_LOCKS":
                if isCertainlyComputed(index, &calls) { calls.note(.releaseAllLocks) }
            default:
                if kind != .word || !BuiltinFunctions.isHarmless(word) { unknownName(index, &calls) }
            }
        }
        // What a function of the user's asks for is not known.
        if !calls.isHarmless { calls.reads.insert(.insertID) }
        if hasFrom { calls.perRow() }
        return calls
    }

    /// `INSERT INTO name (`: what follows are columns.
    private func isInsertedTable(_ index: Int) -> Bool {
        switch word((isSymbol(index - 1, ".") ? index - 2 : index) - 1) {
        case "INTO", "INSERT", "REPLACE", "IGNORE", "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED":
            isWord(0, "INSERT") || isWord(0, "REPLACE")
        default: false
        }
    }

    /// A table of information_schema that shows the session's variables, last_insert_id among them.
    private func listsVariables(_ index: Int) -> Bool {
        switch kind(index) {
        case .word, .backquoted, .doubleQuoted: break
        case .number, .string, .userVariable, .systemVariable, .symbol, nil: return false
        }
        switch token(index).map({ $0.end - $0.start }) {
        // session_variables and system_variables, or in quotes.
        case 16, 17, 18, 19: break
        case _: return false
        }
        let name = functionName(index)
        return name == "SESSION_VARIABLES" || name == "SYSTEM_VARIABLES"
    }

    /// A function's name, upper case, quoted or not.
    private func functionName(_ index: Int) -> String {
        if kind(index) == .word { return word(index) }
        return String(decoding: name(index) ?? [], as: UTF8.self).uppercased()
    }

    /// `name` or `schema.name`, lower case, without quotes; empty where it is not known.
    private func sequence(_ index: Int) -> [UInt8] {
        guard let first = name(index) else { return [] }
        guard isSymbol(index + 1, ".") else { return ASCII.lowercased(first) }
        guard let second = name(index + 2) else { return [] }
        return ASCII.lowercased(first + [0x2e] + second)
    }

    private func insertID(_ index: Int) -> SessionChangeKind.InsertID {
        guard kind(index) == .number, isSymbol(index + 1, ")"), let id = ASCII.unsigned(bytes(index)) else {
            return .unknown
        }
        return .value(id)
    }

    /// The call at `index` is an item of a SELECT or DO that is computed once, whatever the others are: not in a branch of
    /// CASE or IF, behind AND or OR, or for rows that there may not be.
    private func isCertainlyComputed(_ index: Int, _ calls: inout Calls) -> Bool {
        guard calls.examined < Self.examinedMax else { return false }
        calls.examined += 1
        for other in 0..<count {
            switch word(other) {
            case "FROM", "WHERE", "HAVING", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "FETCH", "MINUS": return false
            default: continue
            }
        }
        var position = index
        while true {
            if position == 1, isWord(0, "SELECT") || isWord(0, "DO") { return isItem(position) }
            if isSymbol(position - 1, ",") {
                var depth = 0
                for other in 0..<position {
                    if isSymbol(other, "(") { depth += 1 }
                    if isSymbol(other, ")") { depth -= 1 }
                }
                return depth == 0 && isItem(position) && (isWord(0, "SELECT") || isWord(0, "DO"))
            }
            guard isSymbol(position - 1, "(") else { return false }
            switch word(position - 2) {
            case "IFNULL", "COALESCE", "IF", "ISNULL", "NVL": position -= 2
            default: return false
            }
        }
    }

    /// The call at `index` is followed by a comma, an alias or the end.
    private func isItem(_ index: Int) -> Bool {
        var depth = 0
        for other in index..<count {
            if isSymbol(other, "(") { depth += 1 }
            if isSymbol(other, ")") {
                depth -= 1
                guard depth == 0 else { continue }
                if other + 1 == count || isSymbol(other + 1, ",") || isWord(other + 1, "AS") { return true }
                return name(other + 1) != nil && (other + 2 == count || isSymbol(other + 2, ","))
            }
        }
        return false
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
