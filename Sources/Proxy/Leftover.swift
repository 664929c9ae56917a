import Cluster
import MySQLWire
import Routing

/// What a statement leaves for the next one to ask for: LAST_INSERT_ID(), which is rebuilt where it is known, and
/// everything that a move takes away (``Leftovers``).
extension Worker {
    static let characterSetClient = Array("character_set_client".utf8)

    /// The character set that a login's collation means. (A server that has been told to ignore it says so to nobody.)
    func setCharacterSetOfLogin(_ s: SessionRef) {
        s.pointee.characterSet = ClientCharacterSet(collation: UInt16(s.pointee.credentials.collation))
    }

    // MARK: after a move

    /// The session stands on another connection, on which nothing has happened.
    func loseLeftovers(_ s: SessionRef) {
        s.pointee.leftovers = .ofServer
        s.pointee.overwritten = []
        s.pointee.sequencesTaken = []
        s.pointee.journal.insertIDGone()
        guard s.pointee.journal.isInsertIDUncertain else { return }
        s.pointee.leftovers.insert(.insertID)
        if s.pointee.journal.isAutoNull { s.pointee.leftovers.insert(.autoIsNull) }
    }

    /// True when the command under way asks for what is gone, and has been told so. Once: from then on the session has what
    /// its new connection has.
    func refusesLeftover(_ s: SessionRef, _ packet: UnsafeRawBufferPointer) -> Bool {
        // What the statement before was to overwrite it has, unless it failed.
        if !s.pointee.answerFailed { s.pointee.leftovers.subtract(s.pointee.overwritten) }
        s.pointee.overwritten = []
        if !s.pointee.journal.isInsertIDUncertain { s.pointee.leftovers.subtract([.insertID, .autoIsNull]) }
        if s.pointee.command == .ping { s.pointee.overwritten = .rowCount }
        guard let facts = leftoverFacts(s, packet, of: s.pointee.leftovers) else { return false }
        s.pointee.overwritten = facts.overwrites.subtracting([.insertID])
        var missed = facts.reads.intersection(s.pointee.leftovers)
        if missed.contains(.sequenceValues),
            facts.sequencesRead.allSatisfy({ !$0.isEmpty && s.pointee.sequencesTaken.contains($0) })
        {
            missed.remove(.sequenceValues)
        }
        for name in facts.sequencesTaken where !name.isEmpty && !s.pointee.sequencesTaken.contains(name) {
            if s.pointee.sequencesTaken.count < SessionLimits.sequencesMax { s.pointee.sequencesTaken.append(name) }
        }
        guard !missed.isEmpty else { return false }
        s.pointee.leftovers.subtract(missed)
        if !missed.isDisjoint(with: [.insertID, .autoIsNull]) {
            s.pointee.leftovers.subtract([.insertID, .autoIsNull])
            s.pointee.journal.lastInsertID = 0
        }
        answerHeld(s, .leftoversLost(missed))
        return true
    }

    /// What the command under way asks for, and leaves; nil where that is nothing of `leftovers`.
    private func leftoverFacts(
        _ s: SessionRef, _ packet: UnsafeRawBufferPointer, of leftovers: Leftovers
    ) -> StatementFacts? {
        guard s.pointee.clientSkip == 0, !s.pointee.clientContinues else { return nil }
        switch s.pointee.command {
        case .query:
            let text = packet.part(from: PacketHeader.size + 1)
            guard leftovers.concerns(text) else { return nil }
            var facts = StatementClassifier.classify(text, dialect: dialect(s))
            switch facts.change {
            case .executeName(let name)?:
                if let executed = executedFacts(s, name) { return executed }
                facts.reads.formUnion([.insertID, .autoIsNull])
            case let change?: for name in change.executed { addReads(s, ofExecuted: name, to: &facts) }
            case nil: break
            }
            return facts
        case .statementExecute, .bulkExecute:
            guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return nil }
            return s.pointee.prepared[i].text.withUnsafeBytes {
                leftovers.concerns($0) ? StatementClassifier.classify($0, dialect: dialect(s)) : nil
            }
        case _: return nil
        }
    }

    /// EXECUTE as one of several statements: what the others leave need not be what it asks for.
    private func addReads(_ s: SessionRef, ofExecuted name: [UInt8], to facts: inout StatementFacts) {
        guard let own = executedFacts(s, name) else {
            facts.reads.formUnion([.insertID, .autoIsNull])
            return
        }
        facts.reads.formUnion(own.reads)
        facts.sequencesRead += own.sequencesRead
        facts.sequencesTaken += own.sequencesTaken
    }

    /// Of the text behind EXECUTE of this name, where it is known.
    private func executedFacts(_ s: SessionRef, _ name: [UInt8]) -> StatementFacts? {
        s.pointee.journal.preparedText(name)?.withUnsafeBytes {
            StatementClassifier.classify($0, dialect: dialect(s))
        }
    }

    // MARK: LAST_INSERT_ID()

    /// An OK that has an insert id, or comes for a statement with a change.
    func noteInsertID(_ s: SessionRef, _ payload: UnsafeRawBufferPointer) {
        guard let ok = try? OKPacket(payload: payload, capabilities: s.pointee.nodeCapabilities) else { return }
        guard ok.lastInsertID != 0 else {
            if s.pointee.hasChange, saysInsertID(s) { s.pointee.journal.loseInsertID() }
            return
        }
        // Then it is that in either case.
        if s.pointee.journal.lastInsertID == ok.lastInsertID, !s.pointee.journal.isInsertIDUncertain { return }
        if isInsertIDCertain(s, ok) {
            s.pointee.journal.lastInsertID = ok.lastInsertID
        } else if !isInsertIDUnchanged(s) {
            s.pointee.journal.loseInsertID()
        }
    }

    /// It sets LAST_INSERT_ID() to what the packet has: to 0, or to nothing.
    private func saysInsertID(_ s: SessionRef) -> Bool {
        guard case .executeName(let name) = s.pointee.change else { return s.pointee.change?.ofInsertID == .ofPacket }
        return executedFacts(s, name).map { $0.change?.ofInsertID == .ofPacket } ?? true
    }

    /// What is known of the schemas, as far as it holds for a session's inserts: a temporary table may have any name, and
    /// number any column.
    private func knownTables(_ s: SessionRef, of text: UnsafeRawBufferPointer) -> SchemaKnowledge? {
        guard fleet.isUnchanged(text, since: schema.knowledge.columnsAsOf ?? schema.asOf) else { return nil }
        return s.pointee.journal.losses.contains(.temporaryTables) ? nil : schema.knowledge
    }

    private func isInsertIDUnchanged(_ s: SessionRef) -> Bool {
        return withStatementInTurn(s) {
            InsertedID.isUnchanged(
                by: $0, dialect: dialect(s), schema: knownTables(s, of: $0), triggers: schema.knowledge,
                database: s.pointee.journal.database)
        } ?? false
    }

    private func isInsertIDCertain(_ s: SessionRef, _ ok: OKPacket) -> Bool {
        let answer = InsertedID.Answer(
            id: ok.lastInsertID, affectedRows: ok.affectedRows,
            countsFound: s.pointee.nodeCapabilities.contains(.foundRows))
        func isCertain(_ text: UnsafeRawBufferPointer, _ parameters: BoundParameters? = nil) -> Bool {
            InsertedID.isCertain(
                answer, of: text, parameters: parameters, dialect: dialect(s), schema: knownTables(s, of: text),
                triggers: schema.knowledge)
        }
        switch s.pointee.command {
        case .query:
            guard s.pointee.statementKept else { return false }
            let text = s.pointee.statementRun
            if s.pointee.answerNumber == 0, isCertain(text) { return true }
            if s.pointee.hasChange, case .executeName(let name) = s.pointee.change {
                guard let executed = s.pointee.journal.preparedText(name) else { return false }
                return executed.withUnsafeBytes { isCertain($0) }
            }
            // One of several statements, perhaps, or behind a comment.
            guard let part = StatementClassifier.statement(Int(s.pointee.answerNumber), of: text, dialect: dialect(s))
            else { return false }
            return isCertain(part)
        case .statementExecute:
            guard s.pointee.statementKept, let i = s.pointee.prepared.index(of: s.pointee.statementID) else {
                return false
            }
            let parameters = boundParameters(s.pointee.statement.bytes, s.pointee.prepared[i])
            return s.pointee.prepared[i].text.withUnsafeBytes { isCertain($0, parameters) }
        case _: return false
        }
    }

    /// INSERT and REPLACE with RETURNING end as a query does, without an id. (Those that are prepared have that as their
    /// change.)
    @inline(__always)
    func insertsAndReturns(_ s: SessionRef) -> Bool {
        guard s.pointee.command == .query, s.pointee.statement.count > PacketHeader.size + 1 else { return false }
        switch s.pointee.statement.bytes.byte(at: PacketHeader.size + 1) | 0x20 {
        // i, r, and whatever may stand before them; of several statements any.
        case 0x69, 0x72, 0x20...0x2f: return mayInsert(s)
        default: return false
        }
    }

    /// A statement that failed may have inserted rows before (not in a transactional table, but their ids are taken).
    func noteFailedInsert(_ s: SessionRef, _ error: ErrorPacket?, isFirst: Bool) {
        switch s.pointee.command {
        case .query, .statementExecute, .bulkExecute: break
        case _: return
        }
        guard let error else { return s.pointee.journal.loseInsertID() }
        var mayInsert = mayInsert(s)
        var change = s.pointee.hasChange ? s.pointee.change : nil
        if case .executeName(let name)? = change {
            // ER_UNKNOWN_STMT_HANDLER
            if error.code == 1243 { return }
            guard let executed = s.pointee.journal.preparedText(name) else { return s.pointee.journal.loseInsertID() }
            mayInsert = executed.withUnsafeBytes(InsertedID.mayInsert)
            change = executed.withUnsafeBytes { StatementClassifier.classify($0, dialect: dialect(s)) }.change
        }
        if change?.ofInsertID != nil {
            if !isFirst || !isRefused(s, error) { s.pointee.journal.loseInsertID() }
        } else if mayInsert, !leavesInsertID(s, error) {
            s.pointee.journal.loseInsertID()
        }
    }

    /// Whether the server says this of a statement that inserts only before it has inserted a row. A trigger can't say it
    /// either: it parses nothing, and is under the same transaction. (It may well say 1136, or 1049.)
    private func leavesInsertID(_ s: SessionRef, _ error: ErrorPacket) -> Bool {
        switch error.code {
        // ER_PARSE_ERROR, ER_NO_DB_ERROR, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
        case 1064, 1046, 1792: return true
        // ER_NO_SUCH_TABLE: the statement's own, or that of a trigger behind the first row.
        case 1146:
            return withStatement(s) { ServerRefusal.isOfOwnTable(message: error.message, of: $0) } ?? false
        case _: return false
        }
    }

    /// The statement under way was certainly not begun.
    func isRefused(_ s: SessionRef, _ error: ErrorPacket) -> Bool {
        withStatement(s) {
            ServerRefusal.isCertain(code: error.code, message: error.message, of: $0, dialect: dialect(s))
        } ?? false
    }

    /// The text of the statement under way: that which EXECUTE names, where it is known; nil where it was not kept.
    func withStatement<Result>(_ s: SessionRef, _ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        switch s.pointee.command {
        case .query:
            guard s.pointee.statementKept else { return nil }
            if s.pointee.hasChange, case .executeName(let name) = s.pointee.change {
                return s.pointee.journal.preparedText(name)?.withUnsafeBytes(body)
            }
            return body(s.pointee.statementRun)
        case .statementExecute, .bulkExecute:
            guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return nil }
            return s.pointee.prepared[i].text.withUnsafeBytes(body)
        case _: return nil
        }
    }

    /// The statement whose answer is under way may have inserted rows.
    func mayInsert(_ s: SessionRef) -> Bool {
        guard s.pointee.command == .query else {
            guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return true }
            return s.pointee.prepared[i].text.withUnsafeBytes(InsertedID.mayInsert)
        }
        return withStatementInTurn(s, InsertedID.mayInsert) ?? true
    }

    /// The text of the statement under way, of several that whose answer it is; nil where nobody can tell.
    func withStatementInTurn<Result>(_ s: SessionRef, _ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        guard s.pointee.command == .query, s.pointee.statementKept,
            !StatementClassifier.isPlain(s.pointee.statementRun)
        else { return withStatement(s, body) }
        let part = StatementClassifier.statement(
            Int(s.pointee.answerNumber), of: s.pointee.statementRun, dialect: dialect(s))
        if let part { return body(part) }
        return s.pointee.multiStatements ? nil : withStatement(s, body)
    }
}
