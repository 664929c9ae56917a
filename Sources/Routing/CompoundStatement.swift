/// A compound statement, of which no more is read than what the server does not report of it: `SET @@x = …` without a
/// scope, and SET TRANSACTION.
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
        return names.isEmpty ? .procedure : .several([.procedure, .setInside(names)])
    }
}
