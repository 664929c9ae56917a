/// A compound statement, of which no more is read than what the server does not report of it, or not everywhere: locks,
/// handlers, the user's variables, `SET @@x = …` without a scope, SET TRANSACTION; and what it asks the statement before.
/// What may happen counts as if it did.
struct CompoundStatement {
    let reader: StatementReader

    var facts: StatementFacts {
        let calls = reader.calls
        var changes: [SessionChangeKind] = [.procedure]
        if calls.changes.contains(where: { if case .userLock = $0 { true } else { false } }) {
            changes.append(.userLock(nil))
        }
        var settings: [[UInt8]] = []
        var isTooMuch = false
        for index in 0..<reader.count {
            switch reader.word(index) {
            case "SET" where reader.isWord(index + 1, "TRANSACTION"):
                settings.append(SessionVariables.nextTransaction[0])
            case "HANDLER" where isOpened(index): changes.append(.handlerOpen([]))
            // Whatever it is.
            case "EXECUTE": changes.append(.unknown)
            case "FLUSH" where containsLock, "BACKUP" where containsLock: changes.append(.lockServer)
            default: break
            }
            // Or a comparison, which is as well.
            guard reader.kind(index) == .systemVariable, let name = reader.name(index + 1), isAssigned(index + 2)
            else { continue }
            settings.append(ASCII.lowercased(name))
            // Whoever sets more than that at once is not followed.
            isTooMuch = settings.count > StatementReader.namesMax
            if isTooMuch { break }
        }
        if isTooMuch { changes.append(.unknown) } else if !settings.isEmpty { changes.append(.setInside(settings)) }
        switch assigned {
        case nil: changes.append(.loseUserVariables([]))
        case let names? where !names.isEmpty: changes.append(.loseUserVariables(names))
        case _: break
        }
        var facts = StatementFacts(
            .opaque, change: .joined(changes), reads: reads.union(calls.reads).union([.insertID, .autoIsNull]))
        facts.sequencesRead = calls.sequencesRead
        return facts
    }

    /// `=` or `:=`
    private func isAssigned(_ index: Int) -> Bool {
        reader.isSymbol(index, "=") || reader.isSymbol(index, ":") && reader.isSymbol(index + 1, "=")
    }

    /// HANDLER t OPEN; the others are DECLARE … HANDLER FOR.
    private func isOpened(_ index: Int) -> Bool {
        reader.isWord(index + 2, "OPEN") || reader.isSymbol(index + 2, ".") && reader.isWord(index + 4, "OPEN")
    }

    private var containsLock: Bool {
        (0..<reader.count).contains {
            reader.isWord($0, "LOCK") || reader.isWord($0, "EXPORT") || reader.isWord($0, "STAGE")
        }
    }

    /// The user's variables that it may set; nil where there are too many.
    private var assigned: [[UInt8]]? {
        // CALL p(@a)
        var isCalled = false
        // INTO @a, @b
        var isTarget = false
        var names: [[UInt8]] = []
        for index in 0..<reader.count {
            switch reader.word(index) {
            case "INTO": isTarget = true
            case "CALL": isCalled = true
            default: if !reader.isSymbol(index, ","), reader.kind(index) != .userVariable { isTarget = false }
            }
            if reader.isSymbol(index, ";") { isCalled = false }
            guard let name = reader.userVariableAsWritten(index), isCalled || isTarget || isAssigned(index + 1),
                !names.contains(name)
            else { continue }
            if names.count == StatementReader.namesMax { return nil }
            names.append(name)
        }
        return names
    }

    /// SHOW WARNINGS and the like, which its own statements may have overwritten.
    private var reads: Leftovers {
        var reads: Leftovers = []
        for index in 0..<reader.count {
            switch (reader.word(index), reader.word(index + 1)) {
            case ("SHOW", "WARNINGS"), ("SHOW", "ERRORS"), ("SHOW", "COUNT"): reads.insert(.warnings)
            case ("SHOW", "PROFILE"), ("SHOW", "PROFILES"): reads.insert(.profile)
            case ("GET", _): reads.formUnion([.warnings, .rowCount])
            default: break
            }
        }
        return reads
    }
}
