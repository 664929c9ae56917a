import CLibevent
import Cluster
import MySQLWire
import Reactor
import Routing

/// What clients send. Packets that fit the buffer are handled whole; what is larger flows, after its head was seen.
/// One command is in flight at a time: what a client sends beyond it waits (pipelining works, in order).
extension Worker {
    func clientReadable(_ s: SessionRef) {
        switch s.pointee.frontend {
        case .ungreeted, .login, .penalized, .held, .waiting: return clientAhead(s)
        case .closing, .leaving: return setClientReading(s, false)
        case .handshake, .relaying, .idle, .streaming, .discarding, .infile: break
        }
        guard let carried = buffer.load(s.pointee.clientCarry) else { return abort(s) }
        switch buffer.receive(s.pointee.clientFD, at: carried) {
        case .bytes(let n):
            s.pointee.clientCarry.clear()
            s.pointee.lastActive = now
            s.pointee.bytesIn &+= UInt64(n)
            counters.bytesIn.add(UInt64(n))
            clientSent(s, carried + n)
        case .nothing: break
        case .ended, .failed: clientGone(s)
        }
    }

    /// It is not the client's turn: nothing is read. Bytes stay with the kernel until it is; their end, or that of the
    /// connection, counts at once.
    private func clientAhead(_ s: SessionRef) {
        switch Sockets.peek(s.pointee.clientFD) {
        case .bytes: setClientReading(s, false)
        case .wouldBlock: break
        case .ended:
            switch s.pointee.frontend {
            // It may have sent its last statement and closed its side: the answer is still owed, as a server
            // would owe it, unless the node finds that nobody waits for it.
            case .waiting:
                s.pointee.clientHalfClosed = true
                setClientReading(s, false)
                passEnd(s)
            case .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .held, .streaming, .discarding, .infile,
                .closing, .leaving:
                close(s)
            }
        case nil: clientGone(s)
        }
    }

    /// The client's connection has ended, or its side of it.
    private func clientGone(_ s: SessionRef) {
        switch s.pointee.frontend {
        // In the middle of sending: the statement or the file never becomes whole. In the middle of an answer: nobody
        // is there to read it.
        case .streaming, .infile, .waiting, .held: destroy(s, reset: true)
        case .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .discarding, .closing, .leaving: close(s)
        }
    }

    /// The client has closed its side with a statement on its way: the node hears of it as it would without us, and ends
    /// a statement that only waits (SLEEP, GET_LOCK), or the connection behind the answer.
    func passEnd(_ s: SessionRef) {
        guard s.pointee.clientHalfClosed, !s.pointee.endPassed, s.pointee.frontend == .waiting,
            s.pointee.backend == .attached, s.pointee.nodePending.isEmpty
        else { return }
        s.pointee.endPassed = true
        Sockets.endSending(s.pointee.nodeFD)
    }

    /// It is the client's turn (again): what it has sent before is looked at when the event under way is over and the
    /// buffer is free; then it is read.
    func resumeClient(_ s: SessionRef) {
        guard s.pointee.clientFD >= 0, !s.pointee.isReady else { return }
        if s.pointee.clientIsGone || s.pointee.clientHalfClosed || !s.pointee.clientCarry.isEmpty {
            return ready.append(s)
        }
        if mayRead(s) { setClientReading(s, true) }
    }

    /// Its turn, and nothing is queued that would have to go first.
    private func mayRead(_ s: SessionRef) -> Bool {
        // What it says next depends on whether there is a session any more.
        if s.pointee.queue == .doubtful { return false }
        switch s.pointee.frontend {
        case .handshake, .relaying, .idle, .streaming, .discarding, .infile: break
        case .ungreeted, .login, .penalized, .held, .waiting, .closing, .leaving: return false
        }
        return s.pointee.clientPending.isEmpty && s.pointee.nodePending.isEmpty
    }

    /// Looks at what those have sent whose turn it has become. After every event.
    func goOn() {
        while let s = ready.takeFirst() { goOn(s) }
        guard !again.isEmpty, !isAgainDue else { return }
        isAgainDue = true
        // A timer, not an event of its own: the others' sockets are looked at in between.
        loop.schedule(after: .zero) { [unowned self] in
            isAgainDue = false
            now = MonotonicClock.now()
            swap(&ready, &again)
            goOn()
        }
    }

    private func goOn(_ s: SessionRef) {
        guard s.pointee.clientFD >= 0 else { return }
        if s.pointee.clientIsGone { return destroy(s, reset: true) }
        guard mayRead(s) else { return }
        if !s.pointee.clientCarry.isEmpty {
            guard let carried = buffer.load(s.pointee.clientCarry) else { return abort(s) }
            s.pointee.clientCarry.clear()
            clientSent(s, carried)
            // The client may be gone, it may be the node's turn, or there is still more of it.
            guard s.pointee.clientFD >= 0, !s.pointee.isReady, mayRead(s) else { return }
        }
        guard s.pointee.clientHalfClosed else { return setClientReading(s, true) }
        switch s.pointee.frontend {
        case .idle, .discarding: close(s)
        // The rest of the statement, or the file, will never come.
        case .streaming, .infile: destroy(s, reset: true)
        case .ungreeted, .handshake, .login, .relaying, .penalized, .held, .waiting, .closing, .leaving: break
        }
    }

    /// Commands that a client may have answered by the proxy alone before others get their turn.
    static let ownAnswersMax = 32

    /// `count` bytes of the client's stand at the start of the worker's buffer. What is not taken is carried: at most
    /// one buffer of it, since nothing is read before all of it has been looked at.
    private func clientSent(_ s: SessionRef, _ count: Int) {
        var offset = 0
        var commands = 0
        while offset < count {
            guard s.pointee.clientPending.isEmpty, s.pointee.nodePending.isEmpty else {
                // Somebody does not take what is there for it already.
                keep(s, offset, count)
                return setClientReading(s, false)
            }
            guard commands < Worker.ownAnswersMax else {
                keep(s, offset, count)
                setClientReading(s, false)
                if s.pointee.clientFD >= 0, !s.pointee.isReady { again.append(s) }
                return
            }
            switch s.pointee.frontend {
            case .idle:
                guard commandArrived(s, &offset, count) else { return keep(s, offset, count) }
                commands += 1
            case .streaming, .discarding:
                guard streamed(s, &offset, count) else { return keep(s, offset, count) }
            case .infile:
                guard filePacketArrived(s, &offset, count) else { return keep(s, offset, count) }
            case .handshake, .relaying:
                guard loginPacketArrived(s, &offset, count) else { return keep(s, offset, count) }
            case .ungreeted, .login, .penalized, .held, .waiting:
                // Its turn is over: what it sent ahead waits.
                keep(s, offset, count)
                return setClientReading(s, false)
            case .closing, .leaving: return
            }
            guard s.pointee.clientFD >= 0 else { return }
        }
    }

    private func keep(_ s: SessionRef, _ offset: Int, _ count: Int) {
        guard s.pointee.clientFD >= 0, s.pointee.frontend != .closing, s.pointee.frontend != .leaving, offset < count
        else { return }
        if !s.pointee.clientCarry.append(buffer.part(offset..<count)) { abort(s) }
    }

    /// True when a packet was taken; false when more bytes are needed (or the session has ended).
    private func loginPacketArrived(_ s: SessionRef, _ offset: inout Int, _ count: Int) -> Bool {
        guard count - offset >= PacketHeader.size else { return false }
        let header = buffer.header(at: offset)
        // No login needs more; a client that has not said who it is gets no more of our memory.
        guard header.length <= SessionLimits.loginPacketMax else {
            counters.loginsRefused.add()
            refuse(s, .badHandshake)
            close(s)
            return false
        }
        guard count - offset >= PacketHeader.size + header.length else { return false }
        let payload = buffer.part(offset + PacketHeader.size..<offset + PacketHeader.size + header.length)
        offset += PacketHeader.size + header.length
        switch s.pointee.frontend {
        case .handshake: handshake(s, payload, sequence: header.sequence)
        case .relaying: relayed(s, payload, sequence: header.sequence)
        case .ungreeted, .login, .penalized, .idle, .held, .streaming, .discarding, .waiting, .infile, .closing,
            .leaving:
            break
        }
        return s.pointee.clientFD >= 0
    }

    /// The client's file for LOAD DATA LOCAL: packets up to an empty one, each passed on.
    private func filePacketArrived(_ s: SessionRef, _ offset: inout Int, _ count: Int) -> Bool {
        var isLast = false
        if s.pointee.clientSkip == 0 {
            guard count - offset >= PacketHeader.size else { return false }
            let header = buffer.header(at: offset)
            // What a server does not take for a packet of the file it takes for commands: then the two would not agree
            // any more on what is the answer to what.
            guard header.sequence == s.pointee.sequence &+ 1 else { return endOutOfOrder(s, header) }
            isLast = header.length == 0
            s.pointee.clientSkip = PacketHeader.size + header.length
            s.pointee.sequence = header.sequence
        }
        let n = min(s.pointee.clientSkip, count - offset)
        if s.pointee.fileRefusal == nil { writeNode(s, buffer.part(offset..<offset + n)) }
        s.pointee.clientSkip -= n
        offset += n
        guard isLast else { return true }
        if let refusal = s.pointee.fileRefusal {
            s.pointee.fileRefusal = nil
            noteFailed(s, refusal.packet)
            answer(s, refusal.packet)
        } else {
            s.pointee.frontend = .waiting
            s.pointee.tracker.fileSent()
        }
        return true
    }

    /// The rest of a statement larger than the buffer. False when more bytes are needed.
    private func streamed(_ s: SessionRef, _ offset: inout Int, _ count: Int) -> Bool {
        let forwarding = s.pointee.frontend == .streaming
        if s.pointee.clientSkip == 0, s.pointee.clientContinues {
            // The header of the continuation packet.
            guard count - offset >= PacketHeader.size else { return false }
            let header = buffer.header(at: offset)
            guard header.sequence == s.pointee.clientSequence &+ 1 else { return endOutOfOrder(s, header) }
            s.pointee.clientSequence = header.sequence
            s.pointee.clientSkip = PacketHeader.size + header.length
            s.pointee.flowingSkip = PacketHeader.size
            s.pointee.clientContinues = header.length == PacketHeader.payloadMax
            if !forwarding { s.pointee.sequence = header.sequence }
        }
        let n = min(s.pointee.clientSkip, count - offset)
        if forwarding {
            let part = buffer.part(offset..<offset + n)
            writeNode(s, part)
            if s.pointee.keepsStream { s.pointee.keepsStream = s.pointee.statement.append(part) }
            // Of a packet that continues the statement the first bytes are its header.
            s.pointee.flowing?.take(part.part(from: min(s.pointee.flowingSkip, n)))
            s.pointee.flowingSkip -= min(s.pointee.flowingSkip, n)
        }
        s.pointee.clientSkip -= n
        offset += n
        guard s.pointee.clientSkip == 0, !s.pointee.clientContinues else { return true }
        if let error = s.pointee.lateAnswer {
            s.pointee.lateAnswer = nil
            writeClientPacket(s, payload: error.payload())
        }
        s.pointee.statementKept = s.pointee.keepsStream
        if forwarding, s.pointee.command == .query { noteFlowedChange(s) }
        if forwarding, s.pointee.command.isUnanswered { counters.answered.add() }
        s.pointee.frontend = forwarding && !s.pointee.command.isUnanswered ? .waiting : .idle
        return true
    }

    // MARK: commands

    /// True when a command was taken; false when more bytes are needed.
    @inline(__always)
    private func commandArrived(_ s: SessionRef, _ offset: inout Int, _ count: Int) -> Bool {
        let available = count - offset
        guard available >= PacketHeader.size else { return false }
        let header = buffer.header(at: offset)
        let total = PacketHeader.size + header.length
        let isWhole = available >= total
        if !isWhole {
            guard total > Worker.wholePacketMax else { return false }
            guard available >= Worker.packetHeadMin else { return false }
        }
        s.pointee.sequence = 0
        s.pointee.clientSequence = 0
        guard header.sequence == 0 else { return endOutOfOrder(s, header) }
        let taken = min(available, total)
        let packet = buffer.mutablePart(offset..<offset + taken)
        offset += taken
        guard header.length > 0,
            let command = Command(rawValue: buffer.part(offset - taken..<offset).byte(at: PacketHeader.size))
        else {
            unknownCommand(s, skipping: total - taken, continues: header.length == PacketHeader.payloadMax)
            return true
        }
        s.pointee.command = command
        s.pointee.clientSkip = total - taken
        s.pointee.clientContinues = header.length == PacketHeader.payloadMax
        s.pointee.statementsBegun &+= 1
        counters.begun.add()
        s.pointee.startedAt = MonotonicClock.now()
        begin(s, command, packet, isWhole: isWhole && header.length < PacketHeader.payloadMax)
        return s.pointee.clientFD >= 0
    }

    /// A packet with a number that is not its turn's. False: nothing more is taken.
    private func endOutOfOrder(_ s: SessionRef, _ header: PacketHeader) -> Bool {
        s.pointee.sequence = header.sequence
        // In the middle of a statement or a file, which never becomes whole.
        if s.pointee.frontend != .idle { closeNode(s, reset: true) }
        refuse(s, .outOfOrder, isAsked: true)
        close(s)
        return false
    }

    private func unknownCommand(_ s: SessionRef, skipping rest: Int, continues: Bool) {
        s.pointee.clientSkip = rest
        s.pointee.clientContinues = continues
        counters.begun.add()
        counters.answered.add()
        answerBehindStatement(s, .unknownCommand)
    }

    /// A command, or the head of a large one, stands in the buffer: its header, its command byte, and what follows.
    @inline(__always)
    private func begin(
        _ s: SessionRef, _ command: Command, _ packet: UnsafeMutableRawBufferPointer, isWhole: Bool
    ) {
        let bytes = UnsafeRawBufferPointer(packet)
        switch command {
        case .query:
            let text = bytes.part(from: PacketHeader.size + 1)
            if !isWhole {
                // Of a text that flows the head says nothing: it is looked at when it is whole, or as it passes.
                s.pointee.flowing = FlowingStatement(dialect: dialect(s))
                s.pointee.flowing?.take(text)
                s.pointee.flowingSkip = 0
            } else if !StatementClassifier.isPlain(text) {
                noteChange(s, text)
                if s.pointee.refusal == nil, killed(s, text) { return }
            } else if schema.knowledge.hasLeaving {
                notePrograms(s, text, dialect(s))
            }
        case .statementExecute, .bulkExecute, .statementFetch, .statementReset, .statementSendLongData,
            .statementClose:
            guard packet.count >= 9 else { return answerOwn(s, .malformedPacket) }
            guard usePrepared(s, command, packet) else { return }
            if s.pointee.executesKill, command == .statementExecute, isWhole, s.pointee.refusal == nil,
                killsPrepared(s, bytes)
            {
                return
            }
        case .statementPrepare:
            guard mayPrepare(s, packet.count + s.pointee.clientSkip) else { return }
        case .ping, .statistics: break
        case .initDB:
            // The server reports the new schema.
            s.pointee.change = .systemVariables
            s.pointee.hasChange = true
        case .processKill: guard translateProcessKill(s, packet) else { return }
        case .quit:
            counters.answered.add()
            return quit(s)
        case .changeUser:
            guard isWhole else { return answerOwn(s, .malformedPacket) }
            counters.answered.add()
            return changeUser(s, bytes.part(from: PacketHeader.size))
        case .sleep, .connect, .time, .delayedInsert, .connectOut, .daemon:
            // Internal to a server: it answers them so itself.
            return answerOwn(s, .unknownCommand)
        case _: break
        }
        if s.pointee.refusal != nil, !passesRefusal(s, command, bytes) {
            guard let refusal = s.pointee.refusal else { return }
            return answerHeld(s, refusal)
        }
        if s.pointee.guardLeft, let facts = factsOfAsking(s, command, bytes) {
            // What the statement before left is gone with the end of its guard: this one is answered under the same.
            guard facts.effect == .read else { return answerHeld(s, .leftoversLost(facts.reads)) }
            s.pointee.guardLeft = false
            s.pointee.isGuarded = true
        }
        let isKept = s.pointee.statement.assign(bytes)
        s.pointee.statementKept = isKept && isWhole
        s.pointee.keepsStream =
            isKept && !isWhole && !s.pointee.clientContinues && s.pointee.clientSkip < SessionLimits.statementKeptMax
        if mayPass(s) {
            if (command == .statementExecute || command == .bulkExecute) && lacksTypes(s) {
                return isKept ? sendStatement(s) : answerOwn(s, .outOfMemory)
            }
            sendStatement(s, from: bytes)
        } else if isKept {
            s.pointee.frontend = .held
            if s.pointee.backend == .attached { hold(s) } else { attachOrHold(s) }
        } else {
            noteFailed(s, .outOfMemory)
            answer(s, .outOfMemory)
        }
    }

    /// The same for a statement that has flowed through: one too large to keep has been read as it passed.
    private func noteFlowedChange(_ s: SessionRef) {
        if s.pointee.statementKept {
            let text = s.pointee.statementText
            if !StatementClassifier.isPlain(text) {
                noteChange(s, text)
            } else if schema.knowledge.hasLeaving {
                notePrograms(s, text, dialect(s))
            }
        } else if s.pointee.flowing?.isPlain != true {
            s.pointee.change = .unknown
            s.pointee.hasChange = true
        }
        s.pointee.flowing = nil
    }

    /// What a statement that is not plain will have changed when it succeeds.
    private func noteChange(_ s: SessionRef, _ text: UnsafeRawBufferPointer) {
        let facts = StatementClassifier.classify(text, dialect: dialect(s))
        s.pointee.change = facts.change
        s.pointee.hasChange = facts.change != nil
        notePrograms(s, text, dialect(s))
        // A temporary table is nobody else's.
        if case .createTemporaryTable? = facts.change { return }
        if facts.effect == .opaque, TableChange.isPossible(in: text) {
            s.pointee.changesSchema = true
            s.pointee.changesPrograms = TableChange.isOfPrograms(in: text)
            fleet.schemaChanged(by: text, isOver: false, ofPrograms: s.pointee.changesPrograms)
        }
    }

    /// A refusal that waits for its session's next statement does not wait for every kind of statement.
    private func passesRefusal(_ s: SessionRef, _ command: Command, _ packet: UnsafeRawBufferPointer) -> Bool {
        switch command {
        case .ping, .statistics, .statementSendLongData, .statementClose: return true
        case .resetConnection:
            s.pointee.refusal = nil
            return true
        case .query:
            // What it asks for has happened.
            guard s.pointee.refusal?.kind == .rolledBack || s.pointee.refusal?.kind == .rowsMayRemain,
                StatementClassifier.classify(packet.part(from: PacketHeader.size + 1), dialect: dialect(s)).effect
                    == .rollback
            else { return false }
            s.pointee.refusal = nil
            return true
        case _: return false
        }
    }

    /// Of a command that asks for what the statement before left, which a COMMIT of ours would hide.
    private func factsOfAsking(
        _ s: SessionRef, _ command: Command, _ packet: UnsafeRawBufferPointer
    ) -> StatementFacts? {
        func asking(_ text: UnsafeRawBufferPointer) -> StatementFacts? {
            let facts = StatementClassifier.classify(text, dialect: dialect(s))
            return facts.readsPrevious ? facts : nil
        }
        switch command {
        case .query: return asking(packet.part(from: PacketHeader.size + 1))
        case .statementExecute, .bulkExecute:
            guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return nil }
            return s.pointee.prepared[i].text.withUnsafeBytes(asking)
        case _: return nil
        }
    }

    /// Sends the kept statement: it was held, or is run again.
    func sendStatement(_ s: SessionRef) {
        guard rewritePrepared(s) else { return }
        sendStatement(s, from: s.pointee.statement.bytes)
    }

    @inline(__always)
    private func sendStatement(_ s: SessionRef, from packet: UnsafeRawBufferPointer) {
        note(s, of: .statements, "sends \(verb(s, packet))")
        if !s.pointee.leftovers.isEmpty, refusesLeftover(s, packet) { return }
        s.pointee.answerBegun = false
        s.pointee.answerNumber = 0
        s.pointee.answerFailed = false
        s.pointee.sequence = 0
        let command = s.pointee.command
        let streaming = s.pointee.clientSkip > 0 || s.pointee.clientContinues
        if s.pointee.asksWithNext, !s.pointee.hasOwn { askBeforeStatement(s) }
        if command.isUnanswered {
            if !streaming { counters.answered.add() }
            s.pointee.frontend = streaming ? .streaming : .idle
            deliver(s, packet)
            if !streaming { forgetStatement(s) }
            return
        }
        // Behind our own commands the tracker turns to the client's by itself.
        if !s.pointee.hasOwn, !s.pointee.tracksWithNext, !s.pointee.guardLeft {
            s.pointee.tracker.begin(
                command, capabilities: s.pointee.nodeCapabilities, asksForCursor: s.pointee.asksForCursor)
        }
        s.pointee.frontend = streaming ? .streaming : .waiting
        deliver(s, packet)
    }

    @inline(__always)
    private func deliver(_ s: SessionRef, _ packet: UnsafeRawBufferPointer) {
        if s.pointee.tracksWithNext { return writeNodeWithTracking(s, packet) }
        if s.pointee.guardLeft { return writeNodeBehindGuard(s, packet) }
        writeNode(s, packet)
    }

    /// What we have to say to the command under way, once all of it is here.
    func answerBehindStatement(_ s: SessionRef, _ error: ErrorPacket) {
        guard s.pointee.clientSkip > 0 || s.pointee.clientContinues else {
            s.pointee.frontend = .idle
            return writeClientPacket(s, payload: error.payload())
        }
        s.pointee.lateAnswer = error
        s.pointee.frontend = .discarding
    }

    /// Answers a command that never leaves the proxy.
    func answerOwn(_ s: SessionRef, _ error: ErrorPacket) {
        counters.answered.add()
        answer(s, error)
    }

    private func quit(_ s: SessionRef) {
        if s.pointee.backend == .attached {
            writeNode(s, PacketWriter.packet(sequence: 0, payload: [Command.quit.rawValue]))
        }
        close(s)
    }
}
