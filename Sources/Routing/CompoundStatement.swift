/// A compound statement (BEGIN NOT ATOMIC, IF, …): of it no more is read than what the server does not report.
struct CompoundStatement {
    let reader: StatementReader

    var change: SessionChangeKind {
        .joined([.procedure] + ProgramText(reader: reader).effects.changes) ?? .procedure
    }
}
