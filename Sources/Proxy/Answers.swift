import CLibevent
import Cluster
import MySQLWire
import Reactor
import Routing

/// What nodes send. Only whole packets go to the client (but for those larger than the buffer), so that at any
/// moment an error packet of ours can follow; what is at hand goes out in one `send` from the receive buffer.
extension Worker {
    func nodeReadable(_ s: SessionRef) {
        guard let carried = buffer.load(s.pointee.nodeCarry) else { return abort(s) }
        switch buffer.receive(s.pointee.nodeFD, at: carried) {
        case .bytes(let n):
            s.pointee.nodeCarry.clear()
            hasHeard = true
            s.pointee.nodeCounters.pointee.bytesOut.add(UInt64(n))
            if s.pointee.backend == .attached && !s.pointee.hasOwn {
                answered(s, carried + n)
            } else {
                spoken(s, carried + n)
            }
        case .nothing: break
        case .ended, .failed: nodeLost(s)
        }
    }

    /// What is left to do when all packets of an event have been looked at, and the buffer is free again.
    private enum Afterwards {
        case nothing
        /// The client's answer is complete.
        case finished
        /// The statement is run again under a guard, and would write.
        case guardRefused
        /// The node's bytes can't be understood.
        case unreadable
        /// The node says that it is not the primary (any more); nothing of that went to the client.
        case demoted(UInt16)
    }

    // MARK: the answer to a client's command; the path of every statement

    @inline(__always)
    private func answered(_ s: SessionRef, _ count: Int) { answered(s, from: 0, count) }

    private func answered(_ s: SessionRef, from first: Int, _ count: Int) {
        switch s.pointee.frontend {
        case .waiting, .streaming, .infile: break
        // Nobody asked: a server says such things when it goes down.
        case .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .held, .discarding, .closing:
            return nodeLost(s, reset: true)
        // It has said what it had to say, and only the node's end is awaited.
        case .leaving: return
        }
        var start = first
        var offset = first
        var afterwards = Afterwards.nothing
        if s.pointee.nodeSkip > 0 {
            let n = min(s.pointee.nodeSkip, count - offset)
            s.pointee.nodeSkip -= n
            offset += n
            if s.pointee.nodeSkip == 0, s.pointee.finishesAfterSkip {
                s.pointee.finishesAfterSkip = false
                afterwards = .finished
            }
        }
        packets: while count - offset >= PacketHeader.size {
            if case .finished = afterwards { break }
            let header = buffer.header(at: offset)
            let total = PacketHeader.size + header.length
            let available = count - offset
            if available < total {
                guard total > Worker.wholePacketMax, available >= Worker.packetHeadMin else { break }
            }
            let taken = min(available, total)
            let payload = buffer.part(offset + PacketHeader.size..<offset + taken)
            let step = s.pointee.tracker.packet(length: header.length, payload: payload)
            switch step {
            case .flows: break
            case .ok(let more):
                s.pointee.rowCountLeft = nil
                if payload.count > 2, payload.byte(at: 1) >= 0xFB || payload.byte(at: 2) != 0 || s.pointee.hasChange {
                    noteInsertID(s, payload)
                }
                // The end of rows, under `deprecateEOF`.
                if payload.first == 0xFE, insertsAndReturns(s) { s.pointee.journal.loseInsertID() }
                if s.pointee.tracker.status.contains(.sessionStateChanged) {
                    if sessionChanged(s, payload, sequence: header.sequence, passed: start..<offset) {
                        start = offset + taken
                    }
                } else if s.pointee.hasChange {
                    changedWithoutNews(s, payload, more: more)
                }
                if more { s.pointee.answerNumber &+= 1 } else { afterwards = .finished }
            case .eof(let more):
                if insertsAndReturns(s) { s.pointee.journal.loseInsertID() }
                if s.pointee.tracker.status.contains(.sessionStateChanged) {
                    if !s.pointee.stripsTracking { s.pointee.owedReports.oweSchema() }
                    applyChange(s)
                    s.pointee.journal.stateChanged()
                    hideStateChange(s, buffer.mutablePart(offset..<offset + taken))
                } else if more {
                    answeredInSequence(s)
                }
                s.pointee.rowCountLeft = .ofQuery
                if more { s.pointee.answerNumber &+= 1 } else { afterwards = .finished }
            case .done: afterwards = .finished
            case .error:
                if let code = demotion(s, payload) {
                    afterwards = .demoted(code)
                    break packets
                }
                // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
                if s.pointee.isGuarded, payload.count >= 3, payload.uint16(at: 1) == 1792 {
                    afterwards = .guardRefused
                    break packets
                }
                s.pointee.answerFailed = true
                let error = try? ErrorPacket(payload: payload)
                let isFirst = offset == first && !s.pointee.answerBegun
                s.pointee.failure = error?.code ?? 0
                s.pointee.rowCountLeft = .ofQuery
                noteFailedInsert(s, error, isFirst: isFirst)
                failed(s, error, isFirst: isFirst)
                afterwards = .finished
            case .prepared(let nodeID, _, let parameters, let more):
                addPrepared(s, buffer.mutablePart(offset..<offset + taken), nodeID: nodeID, parameters: Int(parameters))
                if !more { afterwards = .finished }
            case .localInfile:
                // A node that asks for a client's files without having been offered any is none of ours.
                guard s.pointee.capabilities.contains(.localFiles) else {
                    afterwards = .unreadable
                    break packets
                }
                s.pointee.frontend = .infile
            case .malformed:
                afterwards = .unreadable
                break packets
            }
            s.pointee.sequence = header.sequence
            s.pointee.nodeSkip = total - taken
            offset += taken
        }
        if case .demoted = afterwards {
            // What came of the answer before that (a result's columns) has not gone to the client, and does not.
            offset = start
            s.pointee.sequence = 0
        }
        if offset > start {
            s.pointee.answerBegun = true
            writeClient(s, buffer.part(start..<offset))
            // Its node would go on computing rows for nobody.
            if s.pointee.clientIsGone { return destroy(s, reset: true) }
        }
        let isLeft = offset < count
        if case .nothing = afterwards, isLeft, !s.pointee.nodeCarry.append(buffer.part(offset..<count)) {
            // The start of the next packet.
            return abort(s)
        }
        switch afterwards {
        case .nothing: if s.pointee.frontend == .infile { resumeClient(s) }
        case .finished where s.pointee.nodeSkip > 0: s.pointee.finishesAfterSkip = true
        case .finished:
            finish(s, resumes: !isLeft)
            // Nobody asked for what follows; a server says such things when it goes down.
            if isLeft { nodeLost(s, reset: true) }
        case .unreadable: answerUnreadable(s)
        case .demoted(1927): nodeSaidKilled(s)
        case .demoted(let code): nodeDemoted(s, code)
        case .guardRefused: guardRefused(s)
        }
    }

    /// The statement has been answered in full. `resumes`: with what the client has sent ahead.
    @inline(__always)
    private func finish(_ s: SessionRef, resumes: Bool) {
        noteAnswered(s)
        let status = s.pointee.tracker.status
        if s.pointee.journalWatchesTransactions { transactionMayHaveEnded(s, status) }
        if status != s.pointee.status {
            noteAutocommit(s, status)
            setStatus(s, status)
        }
        let command = s.pointee.command
        if s.pointee.hasChange {
            applyChange(s)
            budgetJournal(s)
        }
        if command != .query && command != .statementExecute { finished(s, command) }
        if command == .statementExecute, s.pointee.asksForCursor, status.contains(.cursorExists) {
            noteCursor(s, open: true)
        }
        s.pointee.demotions = 0
        let wasStreaming = s.pointee.frontend == .streaming
        if s.pointee.journal.asks {
            askOrWait(s)
        } else if s.pointee.journal.asksInsertID, asksInsertID(s) {
            // Behind inserted rows ROW_COUNT() could not be left as it is.
            if s.pointee.answerFailed { askOrWait(s) } else { s.pointee.asksWithNext = true }
        }
        forgetStatement(s)
        // Answered before it was whole (an error): the rest of it leads nowhere.
        s.pointee.frontend = wasStreaming ? .discarding : .idle
        guard resumes else { return }
        if s.pointee.clientHalfClosed || !s.pointee.clientCarry.isEmpty || !s.pointee.clientReading { resumeClient(s) }
    }

    func noteAutocommit(_ s: SessionRef, _ status: StatusFlags) {
        guard status.symmetricDifference(s.pointee.status).contains(.autocommit) else { return }
        s.pointee.journal.autocommit = status.contains(.autocommit)
    }

    /// Where the flag of a login was wrong (10.5), the first SET of autocommit may leave it as it was.
    private func noteNamedAutocommit(_ s: SessionRef) {
        guard s.pointee.journal.isAutocommitNamed else { return }
        s.pointee.journal.autocommit = s.pointee.tracker.status.contains(.autocommit)
    }

    /// The change that the statement's text announced; whatever the server reports with its answer comes after it. Of
    /// several statements in one text it is the turn of the next.
    private func applyChange(_ s: SessionRef) {
        var change = s.pointee.hasChange ? s.pointee.change ?? .none : unsaidChange(s)
        s.pointee.hasChange = false
        s.pointee.change = nil
        if case .sequence(let changes) = change {
            change = changes.first ?? .none
            if changes.count > 1 {
                s.pointee.change = .sequence(Array(changes.dropFirst()))
                s.pointee.hasChange = true
            }
        }
        if change.explainsAll { s.pointee.explainsAll = true }
        if !s.pointee.stripsTracking { s.pointee.owedReports.owe(change.passing) }
        s.pointee.journal.apply(change, isWarned: s.pointee.isWarned)
        s.pointee.isWarned = true
        noteNamedAutocommit(s)
        s.pointee.journalWatchesTransactions = s.pointee.journal.watchesTransactions
    }

    /// The server has no news of the change that the statement's text announced.
    private func changedWithoutNews(_ s: SessionRef, _ payload: UnsafeRawBufferPointer, more: Bool) {
        let ok = try? OKPacket(payload: payload, capabilities: s.pointee.nodeCapabilities)
        noteLeft(s, payload, ok)
        if more { answeredInSequence(s) }
    }

    private func noteLeft(_ s: SessionRef, _ payload: UnsafeRawBufferPointer, _ ok: OKPacket?) {
        s.pointee.isWarned = ok?.warnings != 0
        // The end of rows, or a statement's own.
        s.pointee.rowCountLeft = payload.first == 0xFE ? .ofQuery : ok?.affectedRows == 0 ? .nothing : nil
    }

    /// One of several results has ended without news.
    private func answeredInSequence(_ s: SessionRef) {
        guard s.pointee.hasChange, case .sequence = s.pointee.change else { return }
        applyChange(s)
    }

    /// A flag in an answer that has no room for what has changed. It is there because of what we track.
    private func hideStateChange(_ s: SessionRef, _ packet: UnsafeMutableRawBufferPointer) {
        if !s.pointee.stripsTracking, s.pointee.journal.clientTracking.showsStates { return }
        // Header, warnings, then the status.
        let place = PacketHeader.size + 1 + 2
        guard packet.count >= place + 2 else { return }
        let status = UnsafeRawBufferPointer(packet).uint16(at: place)
        packet.set(UInt8(truncatingIfNeeded: (status & ~StatusFlags.sessionStateChanged.rawValue) >> 8), at: place + 1)
    }

    /// The statement has been answered with an error, `isFirst`: and with nothing before.
    private func failed(_ s: SessionRef, _ error: ErrorPacket?, isFirst: Bool) {
        if s.pointee.command == .statementPrepare { s.pointee.prepared.lastFailed = true }
        if !s.pointee.stripsTracking, s.pointee.hasChange, s.pointee.change?.callsPrograms == true {
            s.pointee.owedReports.oweSchema()
        }
        let code = error?.code ?? 0
        let mayHaveBegun = !isFirst || !Self.isRefusal(code)
        let mayHaveWritten = mayHaveBegun && self.mayHaveWritten(s)
        if s.pointee.hasChange, let change = s.pointee.change {
            let isRefused = isFirst && (error.map { self.isRefused(s, $0) } ?? false)
            s.pointee.hasChange = false
            s.pointee.change = nil
            s.pointee.journal.failed(
                change, code: code, certainlyNothing: isRefused || !mayHaveBegun && !change.callsPrograms)
            // (It has no change of its own, but that of the functions which it calls.)
            if mayHaveBegun, schema.knowledge.hasLeavingFunctions, queryCallsFunctions(s) {
                s.pointee.journal.failed(.procedure, code: code, certainlyNothing: false)
            } else if mayHaveWritten {
                writeFailed(s, change)
            }
            budgetJournal(s)
        } else if mayHaveBegun {
            if s.pointee.command == .query || s.pointee.command == .statementExecute, queryCallsFunctions(s) {
                s.pointee.journal.failed(.procedure, code: code, certainlyNothing: false)
            } else if mayHaveWritten {
                writeFailed(s, nil)
            }
        }
    }

    /// The statement that failed, of several the one whose turn it was, may have set off triggers. (Of what its text does
    /// not tell: it may, too.)
    private func mayHaveWritten(_ s: SessionRef) -> Bool {
        switch s.pointee.command {
        case .query:
            guard s.pointee.statementKept, Self.mayWrite(effect(s)) else { return !s.pointee.statementKept }
            return withStatementInTurn(s) {
                Self.mayWrite(StatementClassifier.classify($0, dialect: dialect(s)).effect)
            } ?? true
        case .statementExecute, .bulkExecute: return Self.mayWrite(effect(s))
        case _: return false
        }
    }

    private static func mayWrite(_ effect: StatementFacts.Effect) -> Bool {
        switch effect {
        case .write, .opaque: true
        case .read, .session, .begin, .commit, .rollback, .transactional: false
        }
    }

    /// A SELECT that calls functions of the user's own, which may have changed something before they failed.
    private func queryCallsFunctions(_ s: SessionRef) -> Bool {
        let isQuery: (UnsafeRawBufferPointer) -> Bool = { text in
            guard let first = text.first(where: { $0 > 0x20 && $0 != 0x28 }) else { return false }
            return first | 0x20 == 0x73 && StatementClassifier.isPlain(text)
        }
        switch s.pointee.command {
        case .query: guard s.pointee.statementKept, isQuery(s.pointee.statementText) else { return false }
        case _:
            guard let i = s.pointee.prepared.index(of: s.pointee.statementID),
                s.pointee.prepared[i].text.withUnsafeBytes(isQuery)
            else { return false }
        }
        return effect(s) == .opaque
    }

    /// Whether a statement answered with this error has not begun: its text, names or rights were found wanting. What it
    /// calls may say the same in the middle of its work.
    private static func isRefusal(_ code: UInt16) -> Bool {
        switch code {
        // ER_PARSE_ERROR, ER_EMPTY_QUERY, ER_NO_DB_ERROR, ER_BAD_DB_ERROR, ER_BAD_TABLE_ERROR, ER_BAD_FIELD_ERROR,
        // ER_NO_SUCH_TABLE, ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR, ER_SP_DOES_NOT_EXIST,
        // ER_WRONG_PARAMCOUNT_TO_NATIVE_FCT, ER_WRONG_NUMBER_OF_COLUMNS_IN_SELECT, ER_PROCACCESS_DENIED_ERROR,
        // ER_SP_WRONG_NO_OF_ARGS, ER_UNKNOWN_STMT_HANDLER
        case 1064, 1065, 1046, 1049, 1051, 1054, 1146, 1142, 1143, 1305, 1582, 1222, 1370, 1318, 1243:
            return true
        case _: return false
        }
    }

    /// What explains a report with a statement that has no change.
    private func unsaidChange(_ s: SessionRef) -> SessionChangeKind {
        s.pointee.explainsAll || isOfOtherSchema(s) || readsView(s) ? .systemVariables : .none
    }

    /// So it does for a view of another schema.
    private func readsView(_ s: SessionRef) -> Bool {
        guard areProgramsCurrent else { return false }
        return withStatementInTurn(s) {
            StatementClassifier.classify($0, dialect: dialect(s)).effect == .read && schema.knowledge.explainsRead($0)
        } ?? false
    }

    /// The server goes to the schema in which a statement was prepared and back, and reports that as a change of the
    /// session. What else may have changed is not said then: it is for the text to say whether it can have.
    private func isOfOtherSchema(_ s: SessionRef) -> Bool {
        guard s.pointee.command == .statementExecute || s.pointee.command == .bulkExecute,
            let i = s.pointee.prepared.index(of: s.pointee.statementID),
            let context = s.pointee.prepared.contexts[s.pointee.prepared[i].context],
            context.schema != s.pointee.journal.database
        else { return false }
        let statement = s.pointee.prepared[i]
        return effect(s) != .opaque
            || statement.text.withUnsafeBytes { TableChange.isAll(of: $0, dialect: statement.dialect) }
    }

    func note(_ s: SessionRef, _ changes: [SessionChange]) {
        for change in changes {
            switch change {
            case .systemVariable(let name, let value):
                if name == Self.characterSetClient { s.pointee.characterSet = ClientCharacterSet(name: value) }
                s.pointee.journal.systemVariable(name: name, value: value)
            case .schema(let name): s.pointee.journal.schema(name)
            case .stateChanged(let changed): if changed { s.pointee.journal.stateChanged() }
            case .gtids, .transactionCharacteristics, .transactionState, .userVariable, .unknown: break
            }
        }
    }

    /// The characteristics of SET TRANSACTION are used up by the next transaction.
    private func transactionMayHaveEnded(_ s: SessionRef, _ status: StatusFlags) {
        let isIn = status.contains(.inTransaction)
        if isIn, begins(s) {
            s.pointee.journal.transactionBegun()
            s.pointee.journalWatchesTransactions = s.pointee.journal.watchesTransactions
        }
        if s.pointee.inTransaction && !isIn {
            s.pointee.journal.transactionEnded()
            s.pointee.journalWatchesTransactions = s.pointee.journal.watchesTransactions
        } else if !isIn, s.pointee.journal.hasNextTransaction {
            s.pointee.journal.answeredOutsideTransaction(oneShotUse(s))
        }
    }

    private func oneShotUse(_ s: SessionRef) -> OneShotUse {
        switch s.pointee.command {
        case .ping, .statistics, .initDB, .statementPrepare, .statementClose, .statementReset, .setOption,
            .statementSendLongData:
            return .unused
        case .query, .statementExecute: break
        case _: return .unknown
        }
        // (A temporary table may be of any engine.)
        let rollBack = allTablesRollBack && !s.pointee.journal.losses.contains(.temporaryTables)
        return withStatement(s) {
            OneShotUse.of(
                $0, dialect: dialect(s), failure: s.pointee.answerFailed ? s.pointee.failure : nil,
                tablesRollBack: rollBack)
        } ?? .unknown
    }

    private func begins(_ s: SessionRef) -> Bool { effect(s) == .begin }

    private func finished(_ s: SessionRef, _ command: Command) {
        switch command {
        case .resetConnection where !s.pointee.answerFailed:
            s.pointee.journal.reset()
            s.pointee.credentials.isReset = true
            s.pointee.asksWithNext = false
            setCharacterSetOfLogin(s)
            s.pointee.leftovers = []
            budgetJournal(s)
            budgetPrepared(s) { $0.removeAll() }
            open(s)
            // It has left nothing that a question could take.
            if s.pointee.journal.asks { ask(s) }
        case .statementFetch:
            if s.pointee.tracker.status.contains(.lastRowSent) { noteCursor(s, open: false) }
        case .setOption where !s.pointee.answerFailed:
            // 0 switches multiple statements on, 1 off.
            guard s.pointee.statementText.count >= 2 else { return }
            s.pointee.multiStatements = s.pointee.statementText.byte(at: 0) == 0
        case _: break
        }
    }

    private func noteCursor(_ s: SessionRef, open: Bool) {
        if let i = s.pointee.prepared.index(of: s.pointee.statementID) { s.pointee.prepared[i].hasCursor = open }
    }

    private func addPrepared(
        _ s: SessionRef, _ packet: UnsafeMutableRawBufferPointer, nodeID: UInt32, parameters: Int
    ) {
        let text = s.pointee.statementKept ? s.pointee.statementText : UnsafeRawBufferPointer(start: nil, count: 0)
        var clientID: UInt32 = 0
        let context = s.pointee.journal.preparationContext
        budgetPrepared(s) {
            clientID = $0.add(
                nodeID: nodeID, text: text, parameters: parameters, context: context,
                characterSetChanges: s.pointee.journal.characterSetChanges, dialect: dialect(s))
        }
        if text.isEmpty || s.pointee.prepared.last?.context == 0 { s.pointee.journal.lose(.tooLarge) }
        if let change = s.pointee.prepared.last?.change {
            s.pointee.journal.prepared(change)
            budgetJournal(s)
        }
        packet.set(clientID, at: PacketHeader.size + 1)
    }

    /// An OK with news of the session. Notes them; true when the client does not understand them and has got the
    /// packet re-encoded, after the bytes in `passed`.
    private func sessionChanged(
        _ s: SessionRef, _ payload: UnsafeRawBufferPointer, sequence: UInt8, passed: Range<Int>
    ) -> Bool {
        guard var ok = try? OKPacket(payload: payload, capabilities: s.pointee.nodeCapabilities) else {
            s.pointee.journal.lose(.unknown)
            return false
        }
        noteLeft(s, payload, ok)
        let change = s.pointee.hasChange ? s.pointee.change : nil
        let owes = !s.pointee.owedReports.isEmpty && !isOfOtherSchema(s)
        applyChange(s)
        note(s, ok.changes)
        noteNamedAutocommit(s)
        budgetJournal(s)
        if !s.pointee.stripsTracking {
            let tracking = s.pointee.journal.clientTracking
            if !owes, ok.changes.allSatisfy(tracking.shows) { return false }
            ok.changes.removeAll { !tracking.shows($0) }
            if owes { ok.changes = s.pointee.owedReports.told(ok.changes, of: change?.first) }
        }
        if !passed.isEmpty { writeClient(s, buffer.part(passed)) }
        s.pointee.answerBegun = true
        writeClient(
            s,
            PacketWriter.packet(
                sequence: sequence,
                payload: ok.payload(capabilities: s.pointee.capabilities, header: payload.first ?? 0)))
        return true
    }

    /// The node refuses because it is read-only, or goes down; the client need not know as long as it has seen
    /// nothing of the answer. The error's code, nil for any other error.
    private func demotion(_ s: SessionRef, _ payload: UnsafeRawBufferPointer) -> UInt16? {
        guard !s.pointee.answerBegun, payload.count >= 3,
            s.pointee.demotions < Worker.demotionsMax
        else { return nil }
        let code = payload.uint16(at: 1)
        switch code {
        // ER_SERVER_SHUTDOWN
        case 1053: return s.pointee.command == .shutdown ? nil : code
        // ER_CONNECTION_KILLED: by a KILL, or by the server's end (MariaDB 10.5 and before).
        case 1927: return code
        // ER_OPTION_PREVENTS_STATEMENT: other options refuse with the same code.
        case 1290: return (try? ErrorPacket(payload: payload))?.message.contains("--read-only") == true ? code : nil
        // ER_READ_ONLY_MODE
        case 1836: return code
        case _: return nil
        }
    }

    /// A node that says so this often for one statement, and is the primary all the same, is believed.
    static let demotionsMax: UInt8 = 20

    // MARK: everything else: logins, our own commands, words out of turn

    private func spoken(_ s: SessionRef, _ count: Int) {
        var offset = 0
        while s.pointee.nodeFD >= 0 {
            // Our own commands are through, and the client's is with the node: the rest is its answer.
            if s.pointee.backend == .attached && !s.pointee.hasOwn {
                if offset < count { answered(s, from: offset, count) }
                return afterSpeech(s)
            }
            guard count - offset >= PacketHeader.size else { break }
            let header = buffer.header(at: offset)
            let total = PacketHeader.size + header.length
            guard total <= Worker.wholePacketMax else { return nodeLost(s, reset: true) }
            guard count - offset >= total else { break }
            let payload = buffer.part(offset + PacketHeader.size..<offset + total)
            offset += total
            switch s.pointee.backend {
            case .greeting: nodeGreeted(s, payload, sequence: header.sequence)
            case .login: nodeAnsweredLogin(s, payload, sequence: header.sequence)
            case .restoring, .attached:
                let step = s.pointee.tracker.packet(length: header.length, payload: payload)
                ownAnswered(s, step, payload)
            case .detached, .connecting: break
            }
        }
        if s.pointee.nodeFD >= 0, offset < count, !s.pointee.nodeCarry.append(buffer.part(offset..<count)) {
            return abort(s)
        }
        afterSpeech(s)
    }

    /// The buffer is free: sessions that wait for what has just happened go on.
    private func afterSpeech(_ s: SessionRef) {
        if s.pointee.isRestored, s.pointee.clientFD >= 0 {
            s.pointee.isRestored = false
            restored(s)
        }
        if releaseDue {
            releaseDue = false
            release()
        }
        resumeClient(s)
    }
}
