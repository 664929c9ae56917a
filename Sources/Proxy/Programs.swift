import Cluster
import Routing

/// What stored programs and triggers leave in the session that runs them without a word of the server.
extension Worker {
    /// Adds to the change of the statement that is about to be sent what the programs that it names may do.
    func notePrograms(_ s: SessionRef, _ text: UnsafeRawBufferPointer, _ dialect: Dialect) {
        let said = s.pointee.hasChange ? s.pointee.change : nil
        var change = schema.knowledge.change(said, of: text, dialect: dialect, isCurrent: areProgramsCurrent)
        if case .executeName(let name)? = said, let executed = s.pointee.journal.preparedText(name) {
            change = executed.withUnsafeBytes {
                schema.knowledge.change(change, executing: $0, dialect: dialect, isCurrent: areProgramsCurrent)
            }
        }
        s.pointee.change = change
        s.pointee.hasChange = change != nil
        guard said?.callsPrograms == true, let name = schema.knowledge.unseenProgram(calledBy: text, dialect: dialect)
        else { return }
        s.pointee.journal.called(unseen: name)
        fleet.programIsUnseen()
    }

    /// A statement that writes, or runs what may write, has failed after it had begun, maybe in a trigger or behind one.
    func writeFailed(_ s: SessionRef, _ change: SessionChangeKind?) {
        guard let changes = triggeredChanges(s, change) else { return s.pointee.journal.writeFailed() }
        if changes.isEmpty { return }
        s.pointee.journal.apply(.several(changes))
        budgetJournal(s)
    }

    private func triggeredChanges(_ s: SessionRef, _ change: SessionChangeKind?) -> [SessionChangeKind]? {
        func changes(_ text: UnsafeRawBufferPointer, _ dialect: Dialect) -> [SessionChangeKind]? {
            schema.knowledge.changes(ofFailed: text, dialect: dialect, isCurrent: areProgramsCurrent)
        }
        if let change, change.callsPrograms {
            guard let name = change.executedName, let text = s.pointee.journal.preparedText(name) else { return nil }
            return text.withUnsafeBytes { changes($0, dialect(s)) }
        }
        switch s.pointee.command {
        case .query: return s.pointee.statementKept ? changes(s.pointee.statementText, dialect(s)) : nil
        case _:
            guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return nil }
            let statement = s.pointee.prepared[i]
            return statement.text.withUnsafeBytes { changes($0, statement.dialect) }
        }
    }

    /// The schemas have been read again: what sessions have called before is known now.
    func learned(_ knowledge: SchemaKnowledge, asOf moment: Instant) {
        schema = (knowledge, moment)
        var next = sessions
        while let s = next {
            next = s.pointee.next
            guard s.pointee.journal.learn(knowledge, isCurrent: areProgramsCurrent) else { continue }
            s.pointee.journalWatchesTransactions = s.pointee.journal.watchesTransactions
            budgetJournal(s)
            if s.pointee.journal.asks { s.pointee.asksWithNext = true }
        }
    }
}
