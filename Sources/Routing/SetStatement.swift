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
        var setsTracking = false
        var names: [UInt8]?
        /// System variables assigned, in order.
        var variables: [[UInt8]] = []
        /// Assigned as `@@name`, which the server does not report (10.11).
        var unreported: [[UInt8]] = []
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
            return StatementFacts(.session, change: .systemVariables)
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
            add(variable, value, to: &sum)
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
        if ASCII.starts(name, "session_track_") {
            sum.setsTracking = true
            return
        }
        switch String(decoding: name, as: UTF8.self) {
        case "autocommit":
            let isOff = value.count == 1 && ["0", "OFF", "FALSE", "'OFF'", "'off'"].contains(value.upper)
            if !isOff { sum.commits = true }
        case "timestamp":
            if value.count == 1 && ["0", "DEFAULT"].contains(value.upper) {
                sum.cleared.append(name)
                return
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
        if !sum.variables.contains(name) { sum.variables.append(name) }
        if isUnscopedSystem && !sum.unreported.contains(name) { sum.unreported.append(name) }
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

    private func add(_ variable: [UInt8], _ value: StatementReader, to sum: inout Sum) {
        inspect(value, &sum)
        if value.isPure, let text = value.text, let reads = value.userVariables {
            sum.assignments.removeAll { $0.name == variable }
            sum.assignments.append(
                SessionChangeKind.Assignment(
                    name: variable, expression: text, reads: reads,
                    isContextual: value.isContextual))
        } else {
            sum.assignments.removeAll { $0.name == variable }
            sum.lost.append(variable)
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
            if let names = value.userVariables { sum.lost += names } else { sum.isUnknown = true }
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
        if sum.setsTracking {
            changes.append(.tracking(sum.variables))
        } else if !sum.unreported.isEmpty {
            changes.append(.tracking(sum.unreported))
        }
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

    /// An expression of literals, operators, pure functions and user variables.
    fileprivate var isPure: Bool {
        for index in 0..<count {
            guard let kind = kind(index) else { return false }
            switch kind {
            case .number, .string, .doubleQuoted, .userVariable:
                continue
            case .backquoted, .systemVariable:
                return false
            case .symbol:
                guard let symbol = symbol(index) else { return false }
                switch Unicode.Scalar(symbol) {
                case "+", "-", "*", "/", "%", "(", ")", ",", "<", ">", "=", "!", "|", "&", "^", "~": continue
                default: return false
                }
            case .word:
                let word = word(index)
                if isSymbol(index + 1, "(") && BuiltinFunctions.isPure(word) { continue }
                if BuiltinFunctions.pureWords.contains(word) { continue }
                // A character set's introducer, or the name after COLLATE, AS CHAR CHARACTER SET, USING.
                if word.hasPrefix("_") && self.kind(index + 1) == .string { continue }
                if isWord(index - 1, "COLLATE") || isWord(index - 1, "USING") { continue }
                if isWord(index - 1, "SET") && isWord(index - 2, "CHARACTER") { continue }
                return false
            }
        }
        return count > 0 && !assignsInside
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
