/// A compound statement (BEGIN NOT ATOMIC, IF, …), of which no more is read than what the server does not report of it, or
/// not everywhere, and what it asks the statement before. What may happen counts as if it did.
struct CompoundStatement {
    let reader: StatementReader

    var facts: StatementFacts {
        let calls = reader.calls
        var changes: [SessionChangeKind] = [.procedure] + ProgramText(reader: reader).effects.changes
        if (0..<reader.count).contains(where: isHandlerOpened) { changes.append(.handlerOpen([])) }
        // Whatever it is.
        if (0..<reader.count).contains(where: { reader.isWord($0, "EXECUTE") }) { changes.append(.unknown) }
        var facts = StatementFacts(
            .opaque, change: .joined(changes), reads: reads.union(calls.reads).union([.insertID, .autoIsNull]))
        facts.sequencesRead = calls.sequencesRead
        return facts
    }

    /// HANDLER t OPEN; the others are DECLARE … HANDLER FOR.
    private func isHandlerOpened(_ index: Int) -> Bool {
        reader.isWord(index, "HANDLER")
            && (reader.isWord(index + 2, "OPEN") || reader.isSymbol(index + 2, ".") && reader.isWord(index + 4, "OPEN"))
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
