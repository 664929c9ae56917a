/// SET in all its forms.
struct SetStatement {
    private let reader: StatementReader
    private let nesting: Nesting

    init(_ reader: StatementReader, nesting: Nesting) {
        self.reader = reader
        self.nesting = nesting
    }

    private enum Scope { case global, session, unsaid }

    /// What the assignments come to.
    private struct Sum {
        var isOpaque = false
        var commits = false
        var isUnknown = false
        var tracking: [SessionChangeKind.TrackingChange] = []
        var names: [UInt8]?
        /// System variables assigned, in order.
        var variables: [[UInt8]] = []
        /// Those set to a literal that is as good as their value, by the names that are kept.
        var said: [(name: [UInt8], value: [UInt8])] = []
        var clock: [UInt8]?
        var setsOneShot = false
        var cleared: [[UInt8]] = []
        var assignments: [SessionChangeKind.Assignment] = []
        var lost: [[UInt8]] = []
        var nextTransaction: [[UInt8]] = []
        var reads: Leftovers = []
        var insertID: SessionChangeKind.InsertID?
    }

    var facts: StatementFacts {
        switch reader.word(1) {
        case "STATEMENT": return statement
        case "ROLE": return whole { .setRole($0) }
        case "PASSWORD": return StatementFacts(.opaque)
        case "DEFAULT" where reader.isWord(2, "ROLE"): return StatementFacts(.opaque)
        case "TRANSACTION": return whole { .nextTransaction($0) }
        case "SESSION" where reader.isWord(2, "TRANSACTION"), "LOCAL" where reader.isWord(2, "TRANSACTION"):
            return characteristics
        case "GLOBAL" where reader.isWord(2, "TRANSACTION"):
            return StatementFacts(.opaque)
        default:
            break
        }
        var sum = Sum()
        guard let items = reader.part(1).items else { return StatementFacts(.opaque, change: .unknown) }
        for item in items { add(item, to: &sum) }
        return facts(of: sum)
    }

    /// SET SESSION TRANSACTION: what it says is the whole value.
    private var characteristics: StatementFacts {
        var changes: [SessionChangeKind] = [.systemVariables]
        for item in reader.part(3).items ?? [] {
            let words = (0..<min(item.count, 5)).map { item.word($0) }.joined(separator: " ")
            switch words {
            case "READ ONLY": changes.append(.setVariable(Self.readOnly, Array("ON".utf8)))
            case "READ WRITE": changes.append(.setVariable(Self.readOnly, Array("OFF".utf8)))
            case "ISOLATION LEVEL READ UNCOMMITTED": changes.append(Self.isolation("READ-UNCOMMITTED"))
            case "ISOLATION LEVEL READ COMMITTED": changes.append(Self.isolation("READ-COMMITTED"))
            case "ISOLATION LEVEL REPEATABLE READ": changes.append(Self.isolation("REPEATABLE-READ"))
            case "ISOLATION LEVEL SERIALIZABLE": changes.append(Self.isolation("SERIALIZABLE"))
            default:
                return StatementFacts(.session, change: .setVariables([Array("tx_isolation".utf8), Self.readOnly]))
            }
        }
        return StatementFacts(.session, change: .several(changes))
    }

    private static let readOnly = Array("tx_read_only".utf8)

    private static func isolation(_ level: String) -> SessionChangeKind {
        .setVariable(Array("tx_isolation".utf8), Array(level.utf8))
    }

    private func whole(_ change: ([UInt8]) -> SessionChangeKind) -> StatementFacts {
        guard let text = reader.text else { return StatementFacts(.opaque, change: .unknown) }
        return StatementFacts(.session, change: change(text))
    }

    /// SET STATEMENT a = 1, b = 2 FOR …
    private var statement: StatementFacts {
        var level = 0
        for index in 0..<reader.count {
            if reader.isSymbol(index, "(") { level += 1 }
            if reader.isSymbol(index, ")") { level -= 1 }
            guard level == 0, reader.isWord(index, "FOR") else { continue }
            guard let items = reader.part(2, index).items, let nesting = nesting.inner() else { break }
            var names: [[UInt8]] = []
            var isHarmless = true
            for item in items {
                guard let name = item.name(0), item.isSymbol(1, "="), item.calls.isHarmless else {
                    isHarmless = false
                    continue
                }
                names.append(ASCII.lowercased(name))
            }
            guard isHarmless else { break }
            let inner = StatementKind(reader.part(index + 1), nesting: nesting).facts
            let passing = SessionChangeKind.passingVariables(names)
            var facts = inner
            facts.change = .joined([passing] + (inner.change.map { [$0] } ?? []))
            return facts
        }
        return StatementFacts(.opaque, change: .unknown)
    }

    private func add(_ item: StatementReader, to sum: inout Sum) {
        var scope = Scope.unsaid
        var index = 0
        if let variable = item.userVariable(0) {
            guard let value = item.afterEquals(1) else {
                sum.isUnknown = true
                return
            }
            add(variable, writtenAs: item.userVariableAsWritten(0), value, to: &sum)
            return
        }
        let isSystem = item.kind(0) == .systemVariable
        if isSystem { index = 1 }
        switch item.word(index) {
        case "GLOBAL" where !isSystem || item.isSymbol(index + 1, "."):
            scope = .global
            index += isSystem ? 2 : 1
        case "SESSION" where !isSystem || item.isSymbol(index + 1, "."),
            "LOCAL" where !isSystem || item.isSymbol(index + 1, "."):
            scope = .session
            index += isSystem ? 2 : 1
        default:
            break
        }
        if scope == .global { sum.isOpaque = true }
        if !isSystem && scope == .unsaid && addNames(item, to: &sum) { return }
        if item.isWord(index, "PASSWORD") {
            sum.isOpaque = true
            return
        }
        guard var name = item.name(index).map(ASCII.lowercased) else {
            sum.isUnknown = true
            return
        }
        // A structured variable: keycache.name, connection.name; global, all of them.
        if item.isSymbol(index + 1, "."), let member = item.name(index + 2) {
            name = ASCII.lowercased(member)
            index += 2
            sum.isOpaque = true
        }
        guard let value = item.afterEquals(index + 1) else {
            sum.isUnknown = true
            return
        }
        inspect(value, &sum)
        if scope == .global { return }
        addVariable(name, item, value, isUnscopedSystem: isSystem && scope == .unsaid, to: &sum)
    }

    private func addVariable(
        _ name: [UInt8], _ item: StatementReader, _ value: StatementReader, isUnscopedSystem: Bool, to sum: inout Sum
    ) {
        if ASCII.starts(name, "session_track_"), name != SessionVariables.trackTransactions {
            sum.tracking.removeAll { $0.name == name }
            sum.tracking.append(
                SessionChangeKind.TrackingChange(
                    name: name, value: value.switched ?? value.literalText(reader.dialect)))
            return
        }
        let isDefault = value.count == 1 && value.isWord(0, "DEFAULT")
        if SessionVariables.oneShot.contains(name) {
            if !isDefault { sum.setsOneShot = true }
            return
        }
        if isDefault, SessionVariables.privileged.contains(name) {
            sum.variables.removeAll { $0 == name }
            sum.cleared.append(name)
            return
        }
        switch String(decoding: name, as: UTF8.self) {
        case "autocommit":
            let isOff = value.count == 1 && ["0", "OFF", "FALSE", "'OFF'", "'off'"].contains(value.upper)
            if !isOff { sum.commits = true }
        case "timestamp":
            sum.clock = nil
            sum.cleared.removeAll { $0 == name }
            sum.variables.removeAll { $0 == name }
            switch value.clock {
            case .running:
                sum.cleared.append(name)
                return
            case .standing(let time):
                sum.clock = time
                return
            case .unknown:
                break
            }
        case "tx_isolation", "transaction_isolation", "tx_read_only", "transaction_read_only":
            // `SET @@tx_isolation = …` is for the next transaction only; `SET tx_isolation = …` for all.
            if isUnscopedSystem {
                if let text = item.text {
                    sum.nextTransaction.append(Array("SET ".utf8) + text)
                } else {
                    sum.isUnknown = true
                }
                return
            }
        default:
            break
        }
        let kept = SessionVariables.canonical(name)
        sum.said.removeAll { $0.name == kept }
        if SessionVariables.isAsSaid(kept), let literal = value.literal(of: kept) {
            sum.variables.removeAll { SessionVariables.canonical($0) == kept }
            sum.said.append((kept, literal))
            return
        }
        if sum.variables.count < StatementReader.namesMax {
            if !sum.variables.contains(name) { sum.variables.append(name) }
        } else {
            sum.isUnknown = true
        }
    }

    /// NAMES, CHARACTER SET, CHARSET. Returns whether it was one.
    private func addNames(_ item: StatementReader, to sum: inout Sum) -> Bool {
        let isNames =
            item.isWord(0, "NAMES") || item.isWord(0, "CHARSET") || item.isWord(0, "CHARACTER") && item.isWord(1, "SET")
        guard isNames, !item.isSymbol(1, "=") else { return false }
        if let text = item.text {
            sum.names = text
        } else {
            sum.isUnknown = true
        }
        return true
    }

    private func add(
        _ variable: [UInt8], writtenAs spelling: [UInt8]?, _ value: StatementReader, to sum: inout Sum
    ) {
        inspect(value, &sum)
        if let system = value.systemReads, let text = value.text, let reads = value.userVariables {
            sum.assignments.removeAll { $0.name == variable }
            sum.assignments.append(
                SessionChangeKind.Assignment(
                    name: variable, expression: text, reads: reads, systemReads: system, isBare: value.isBare,
                    isContextual: value.isContextual, spelling: spelling))
        } else {
            sum.assignments.removeAll { $0.name == variable }
            sum.lost.append(spelling ?? variable)
        }
    }

    private func inspect(_ value: StatementReader, _ sum: inout Sum) {
        let calls = value.calls
        if !calls.isHarmless {
            sum.isOpaque = true
            sum.isUnknown = true
        }
        if calls.takesSequenceValue { sum.isOpaque = true }
        sum.reads.formUnion(calls.reads)
        sum.insertID = calls.insertID ?? sum.insertID
        if value.assignsInside {
            if let names = value.userVariablesAssigned { sum.lost += names } else { sum.isUnknown = true }
        }
        for change in calls.changes {
            switch change {
            case .userLock, .unknown: sum.isUnknown = true
            default: break
            }
        }
    }

    private func facts(of sum: Sum) -> StatementFacts {
        var changes: [SessionChangeKind] = [.systemVariables]
        // First, since the values were read as things stood before the statement.
        if !sum.assignments.isEmpty { changes.append(.setUserVariables(sum.assignments)) }
        if let names = sum.names { changes.append(.setNames(names)) }
        changes += sum.cleared.map { .clearVariable($0) }
        if let clock = sum.clock { changes.append(.setVariable(SessionVariables.timestamp, clock)) }
        changes += sum.said.map { .setVariable($0.name, $0.value) }
        if sum.setsOneShot { changes.append(.oneShotVariables) }
        if !sum.variables.isEmpty { changes.append(.setVariables(sum.variables)) }
        if !sum.tracking.isEmpty { changes.append(.tracking(sum.tracking)) }
        if !sum.lost.isEmpty {
            changes.append(.loseUserVariables(sum.lost.count <= StatementReader.namesMax ? sum.lost : []))
        }
        changes += sum.nextTransaction.map { .nextTransaction($0) }
        if sum.isUnknown { changes.append(.unknown) }
        let effect: StatementFacts.Effect =
            sum.isOpaque || (sum.isUnknown && !sum.commits) ? .opaque : sum.commits ? .commit : .session
        if let id = sum.insertID { changes.append(.insertID(id)) }
        return StatementFacts(effect, change: .joined(changes), reads: sum.reads)
    }
}

extension StatementReader {
    /// What follows `=` or `:=` at `index`; nil where neither is there, or nothing follows.
    fileprivate func afterEquals(_ index: Int) -> StatementReader? {
        let start = isSymbol(index, ":") ? index + 1 : index
        guard isSymbol(start, "="), count > start + 1 else { return nil }
        return part(start + 1)
    }

    /// The first token's text in upper case, quoted or not.
    fileprivate var upper: String { String(decoding: bytes(0), as: UTF8.self).uppercased() }

    /// The value of a literal as `SET @@session.name = …` can say it again (``SessionVariables/assignment(_:_:)``), whatever
    /// the session's character sets and sql_mode: a plain number, a string of plain ASCII, a word. Nil for all else.
    fileprivate func literal(of variable: [UInt8]) -> [UInt8]? {
        if SessionVariables.switches.contains(variable) { return switched }
        let isNegative = count == 2 && isSymbol(0, "-") && kind(1) == .number
        guard count == 1 || isNegative else { return nil }
        let text = bytes(count - 1)
        guard text.count <= StatementReader.literalMax else { return nil }
        let isID = SessionVariables.lastInsertID.contains(variable)
        switch kind(count - 1) {
        case .number:
            if isID { return !isNegative && ASCII.unsigned(text) != nil ? text : nil }
            return SQLText.isNumber(text) ? (isNegative ? [0x2d] : []) + text : nil
        case .string where !isID, .doubleQuoted where !isID:
            let value = Array(text.dropFirst().dropLast())
            // A number in quotes is not always taken for one, and an empty string means another thing.
            let isOther =
                SQLText.isNumber(value) && !SessionVariables.textual.contains(variable)
                || value.isEmpty && SessionVariables.nullable.contains(variable)
            return isOther || !value.allSatisfy(SQLText.isHarmless) ? nil : value
        case .word where !isID:
            switch word(0) {
            case "TRUE": return [0x31]
            case "FALSE": return [0x30]
            case "NULL": return SessionVariables.nullable.contains(variable) ? [] : nil
            case let word: return BuiltinFunctions.isValue(word) && text.allSatisfy(SQLText.isHarmless) ? text : nil
            }
        case .string, .doubleQuoted, .word, .backquoted, .userVariable, .systemVariable, .symbol, nil: return nil
        }
    }

    /// ON or OFF, where it is one word or digit that says so.
    fileprivate var switched: [UInt8]? {
        guard count == 1 else { return nil }
        switch upper {
        case "1", "ON", "TRUE", "'ON'": return Array("ON".utf8)
        case "0", "OFF", "FALSE", "'OFF'": return Array("OFF".utf8)
        default: return nil
        }
    }

    /// One string's.
    fileprivate func literalText(_ dialect: Dialect) -> [UInt8]? {
        guard count == 1, kind(0) == .string else { return nil }
        return SQLScanner.contents(ofLiteral: bytes(0), backslashEscapes: dialect.backslashEscapes)
    }

    /// What `SET timestamp = …` does to the session's clock.
    fileprivate enum Clock {
        case running
        /// It stands at this time, in seconds.
        case standing([UInt8])
        case unknown
    }

    fileprivate var clock: Clock {
        guard count == 1 else { return .unknown }
        if isWord(0, "DEFAULT") { return .running }
        let number = bytes(0)
        guard kind(0) == .number, SQLText.isNumber(number) else { return .unknown }
        let isZero = number.allSatisfy { $0 == 0x30 || $0 == 0x2e }
        return isZero ? .running : .standing(number)
    }

    /// The system variables in an expression of literals, operators, pure functions, user variables and those of the
    /// session; nil where there is something else in it.
    fileprivate var systemReads: [[UInt8]]? {
        guard count > 0, !assignsInside else { return nil }
        var names: [[UInt8]] = []
        var next = 0
        while next < count {
            let index = next
            next += 1
            if let (name, end) = systemRead(index) {
                guard SessionVariables.isReadAgain(name) else { return nil }
                if !names.contains(name) { names.append(name) }
                next = end
            } else if !isPure(index) {
                return nil
            }
        }
        return names
    }

    /// One string, or one system variable.
    fileprivate var isBare: Bool {
        if let (_, end) = systemRead(0) { return end == count }
        return count == 1 && kind(0) == .string
    }

    /// `@@name`, `@@session.name`, `@@local.name` or LAST_INSERT_ID() at `index`, and where it ends.
    private func systemRead(_ index: Int) -> (name: [UInt8], end: Int)? {
        if isWord(index, "LAST_INSERT_ID"), isSymbol(index + 1, "("), isSymbol(index + 2, ")") {
            return (SessionVariables.lastInsertID[0], index + 3)
        }
        guard kind(index) == .systemVariable else { return nil }
        var place = index + 1
        if isSymbol(place + 1, ".") {
            guard isWord(place, "SESSION") || isWord(place, "LOCAL") else { return nil }
            place += 2
        }
        // One in double quotes is a name in one sql_mode only.
        guard kind(place) != .doubleQuoted, let name = name(place), !isSymbol(place + 1, ".") else { return nil }
        return (SessionVariables.canonical(ASCII.lowercased(name)), place + 1)
    }

    /// A literal, an operator, a pure function or a user variable.
    private func isPure(_ index: Int) -> Bool {
        switch kind(index) {
        case .number, .string, .doubleQuoted, .userVariable: return true
        case .backquoted, .systemVariable, nil: return false
        case .symbol:
            guard let symbol = symbol(index) else { return false }
            switch Unicode.Scalar(symbol) {
            case "+", "-", "*", "/", "%", "(", ")", ",", "<", ">", "=", "!", "|", "&", "^", "~": return true
            default: return false
            }
        case .word:
            let word = word(index)
            if isSymbol(index + 1, "(") && BuiltinFunctions.isPure(word) { return true }
            if BuiltinFunctions.pureWords.contains(word) { return true }
            // A character set's introducer, or the name after COLLATE, AS CHAR CHARACTER SET, USING.
            if word.hasPrefix("_") && isLiteral(index + 1) { return true }
            if isWord(index - 1, "COLLATE") || isWord(index - 1, "USING") { return true }
            return isWord(index - 1, "SET") && isWord(index - 2, "CHARACTER")
        }
    }

    /// 'text', x'41', b'01' or 0x41.
    private func isLiteral(_ index: Int) -> Bool {
        switch kind(index) {
        case .string, .number: true
        case .word: (isWord(index, "X") || isWord(index, "B")) && kind(index + 1) == .string
        case .doubleQuoted, .backquoted, .userVariable, .systemVariable, .symbol, nil: false
        }
    }

    /// More than numbers, NULL and sums of them, whose value depends on nothing but themselves.
    fileprivate var isContextual: Bool {
        for index in 0..<count {
            guard let kind = kind(index) else { return true }
            switch kind {
            case .number, .userVariable:
                continue
            case .symbol:
                guard let symbol = symbol(index) else { return true }
                switch Unicode.Scalar(symbol) {
                case "+", "-", "*", "(", ")": continue
                default: return true
                }
            case .word:
                if !isWord(index, "NULL") && !isWord(index, "TRUE") && !isWord(index, "FALSE") { return true }
            case .string, .doubleQuoted, .backquoted, .systemVariable:
                return true
            }
        }
        return false
    }
}
