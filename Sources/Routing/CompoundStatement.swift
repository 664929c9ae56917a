/// A compound statement, of which no more is read than what the server does not report of it: `SET @@x = …` without a
/// scope, SET TRANSACTION, and the user's variables.
struct CompoundStatement {
    let reader: StatementReader

    var change: SessionChangeKind {
        var names: [[UInt8]] = []
        for index in 0..<reader.count {
            if reader.isWord(index, "SET"), reader.isWord(index + 1, "TRANSACTION") {
                names.append(SessionVariables.nextTransaction[0])
            }
            // Or a comparison, which is as well.
            guard reader.kind(index) == .systemVariable, let name = reader.name(index + 1),
                reader.isSymbol(index + 2, "=") || reader.isSymbol(index + 2, ":") && reader.isSymbol(index + 3, "=")
            else { continue }
            names.append(ASCII.lowercased(name))
            // Whoever sets more than that at once is not followed.
            if names.count > StatementReader.namesMax { return .several([.procedure, .unknown]) }
        }
        var changes = [SessionChangeKind.procedure]
        if !names.isEmpty { changes.append(.setInside(names)) }
        // Whatever it does with them: the server reports `SET @x`, and neither `:=` nor INTO.
        let variables = reader.userVariablesAsWritten
        if variables != [] { changes.append(.loseUserVariables(variables ?? [])) }
        return changes.count == 1 ? .procedure : .several(changes)
    }
}
