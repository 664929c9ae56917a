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
        /// The node's bytes can't be understood.
        case unreadable
        /// The node says that it is not the primary (any more); nothing of that went to the client.
        case demoted(UInt16)
    }

    @inline(__always)
    private func carriesOn(_ afterwards: Afterwards) -> Bool {
        switch afterwards {
        case .nothing, .finished: true
        case .unreadable, .demoted: false
        }
    }

    // MARK: the answer to a client's command; the path of every statement

    @inline(__always)
    private func answered(_ s: SessionRef, _ count: Int) { answered(s, from: 0, count) }

    private func answered(_ s: SessionRef, from first: Int, _ count: Int) {
        switch s.pointee.frontend {
        case .waiting, .streaming, .infile: break
        // Nobody asked: a server says such things when it goes down.
        case .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .held, .discarding, .closing, .leaving:
            return nodeLost(s, reset: true)
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
                if payload.count > 2, payload.byte(at: 1) >= 0xFB || payload.byte(at: 2) != 0 || s.pointee.hasChange {
                    noteInsertID(s, payload)
                }
                if s.pointee.tracker.status.contains(.sessionStateChanged),
                    sessionChanged(s, payload, sequence: header.sequence, passed: start..<offset)
                {
                    start = offset + taken
                }
                if more { s.pointee.answerNumber &+= 1 } else { afterwards = .finished }
            case .eof(let more):
                if insertsAndReturns(s) { s.pointee.journal.loseInsertID() }
                if s.pointee.tracker.status.contains(.sessionStateChanged) {
                    applyChange(s)
                    s.pointee.journal.stateChanged()
                }
                if more { s.pointee.answerNumber &+= 1 } else { afterwards = .finished }
            case .done: afterwards = .finished
            case .error:
                if let code = demotion(s, payload, nothingPassed: start == offset) {
                    afterwards = .demoted(code)
                    break packets
                }
                s.pointee.answerFailed = true
                noteFailedInsert(s)
                s.pointee.hasChange = false
                if s.pointee.command == .statementPrepare { s.pointee.prepared.lastFailed = true }
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
        if offset > start {
            s.pointee.answerBegun = true
            writeClient(s, buffer.part(start..<offset))
            // Its node would go on computing rows for nobody.
            if s.pointee.clientIsGone { return destroy(s, reset: true) }
        }
        if carriesOn(afterwards), offset < count, !s.pointee.nodeCarry.append(buffer.part(offset..<count)) {
            // The start of the next packet. After the answer's end nothing may come: see `spoken`.
            return abort(s)
        }
        switch afterwards {
        case .nothing: if s.pointee.frontend == .infile { resumeClient(s) }
        case .finished: if s.pointee.nodeSkip == 0 { finish(s) } else { s.pointee.finishesAfterSkip = true }
        case .unreadable: answerUnreadable(s)
        case .demoted(let code): nodeDemoted(s, code)
        }
    }

    /// The statement has been answered in full.
    @inline(__always)
    private func finish(_ s: SessionRef) {
        noteAnswered(s)
        let status = s.pointee.tracker.status
        if s.pointee.journalWatchesTransactions { transactionMayHaveEnded(s, status) }
        if status != s.pointee.status { setStatus(s, status) }
        let command = s.pointee.command
        if s.pointee.hasChange {
            applyChange(s)
            budgetJournal(s)
        }
        if command != .query && command != .statementExecute { finished(s, command) }
        if command == .statementExecute, status.contains(.cursorExists) { noteCursor(s, open: true) }
        s.pointee.demotions = 0
        let wasStreaming = s.pointee.frontend == .streaming
        if let text = s.pointee.journal.pendingTracking { trackAgain(s, text) }
        forgetStatement(s)
        // Answered before it was whole (an error): the rest of it leads nowhere.
        s.pointee.frontend = wasStreaming ? .discarding : .idle
        if s.pointee.clientHalfClosed || !s.pointee.clientCarry.isEmpty || !s.pointee.clientReading { resumeClient(s) }
    }

    /// The change that the statement's text announced; whatever the server reports with its answer comes after it.
    private func applyChange(_ s: SessionRef) {
        s.pointee.journal.apply(s.pointee.hasChange ? s.pointee.change ?? .none : .none)
        s.pointee.hasChange = false
        s.pointee.change = nil
        s.pointee.journalWatchesTransactions = s.pointee.journal.hasNextTransaction
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
        if s.pointee.inTransaction && !isIn {
            s.pointee.journal.transactionEnded()
            s.pointee.journalWatchesTransactions = false
        } else if !isIn && !s.pointee.hasChange {
            s.pointee.journal.answeredOutsideTransaction()
        }
    }

    private func finished(_ s: SessionRef, _ command: Command) {
        switch command {
        case .resetConnection where !s.pointee.answerFailed:
            s.pointee.journal.reset()
            setCharacterSetOfLogin(s)
            s.pointee.leftovers = []
            budgetJournal(s)
            budgetPrepared(s) { $0.removeAll() }
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
        budgetPrepared(s) { clientID = $0.add(nodeID: nodeID, text: text, parameters: parameters) }
        if text.isEmpty { s.pointee.journal.lose(.tooLarge) }
        packet.set(clientID, at: PacketHeader.size + 1)
    }

    /// An OK with news of the session. Notes them; true when the client does not understand them and has got the
    /// packet re-encoded, after the bytes in `passed`.
    private func sessionChanged(
        _ s: SessionRef, _ payload: UnsafeRawBufferPointer, sequence: UInt8, passed: Range<Int>
    ) -> Bool {
        guard let ok = try? OKPacket(payload: payload, capabilities: s.pointee.nodeCapabilities) else {
            s.pointee.journal.lose(.unknown)
            return false
        }
        applyChange(s)
        note(s, ok.changes)
        budgetJournal(s)
        guard s.pointee.stripsTracking else { return false }
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
    private func demotion(_ s: SessionRef, _ payload: UnsafeRawBufferPointer, nothingPassed: Bool) -> UInt16? {
        guard nothingPassed, !s.pointee.answerBegun, payload.count >= 3,
            s.pointee.demotions < Worker.demotionsMax
        else { return nil }
        let code = payload.uint16(at: 1)
        switch code {
        // ER_SERVER_SHUTDOWN
        case 1053: return s.pointee.command == .shutdown ? nil : code
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
