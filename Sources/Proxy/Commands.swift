import CLibevent
import Cluster
import Glibc
import MySQLWire
import Reactor
import Routing

/// What clients send. Packets that fit the buffer are handled whole; what is larger flows, after its head was seen.
/// One command is in flight at a time: what a client sends beyond it waits (pipelining works, in order).
extension Worker {
    func clientReadable(_ s: SessionRef) {
        switch s.pointee.frontend {
        case .waiting, .held, .login, .closing, .ungreeted: return clientAhead(s)
        case .handshake, .switching, .relaying, .idle, .streaming, .discarding, .infile: break
        }
        let carried = takeClientCarry(s)
        switch receive(s.pointee.clientFD, at: carried) {
        case .bytes(let n):
            s.pointee.lastActive = now
            s.pointee.bytesIn &+= UInt64(n)
            counters.bytesIn.add(UInt64(n))
            clientSent(s, carried + n)
        case .nothing: s.pointee.clientCarry.assign(buffer, carried)
        case .ended, .failed: clientGone(s)
        }
    }

    /// Bytes, or the end, of a client whose turn it is not.
    private func clientAhead(_ s: SessionRef) {
        switch receive(s.pointee.clientFD, at: 0) {
        case .bytes(let n):
            s.pointee.bytesIn &+= UInt64(n)
            counters.bytesIn.add(UInt64(n))
            s.pointee.clientCarry.append(buffer, n)
            // One buffer's worth is enough; the rest stays with the kernel.
            setClientReading(s, false)
        case .nothing: break
        case .ended:
            switch s.pointee.frontend {
            // It may have sent its last statement and closed its side: the answer is still owed, as a server
            // would owe it.
            case .waiting:
                s.pointee.clientHalfClosed = true
                setClientReading(s, false)
            case .ungreeted, .handshake, .switching, .login, .relaying, .idle, .held, .streaming, .discarding, .infile,
                .closing:
                close(s)
            }
        case .failed: destroy(s, reset: true)
        }
    }

    private func clientGone(_ s: SessionRef) {
        switch s.pointee.frontend {
        // In the middle of sending: the statement or the file never becomes whole.
        case .streaming, .infile: destroy(s, reset: true)
        case .ungreeted, .handshake, .switching, .login, .relaying, .idle, .held, .discarding, .waiting, .closing:
            close(s)
        }
    }

    @inline(__always)
    private func takeClientCarry(_ s: SessionRef) -> Int {
        let carried = s.pointee.clientCarry.count
        guard carried > 0, let base = s.pointee.clientCarry.base else { return 0 }
        memcpy(buffer, base, carried)
        s.pointee.clientCarry.clear()
        return carried
    }

    /// It is the client's turn (again): reads on, beginning with what it sent before its turn.
    func resumeClient(_ s: SessionRef) {
        guard s.pointee.clientFD >= 0 else { return }
        if s.pointee.clientIsGone { return destroy(s, reset: true) }
        switch s.pointee.frontend {
        case .idle, .streaming, .discarding, .infile, .handshake, .switching, .relaying: break
        case .ungreeted, .login, .held, .waiting, .closing: return
        }
        guard s.pointee.clientPending.isEmpty, s.pointee.nodePending.isEmpty else { return }
        if !s.pointee.clientCarry.isEmpty {
            let carried = takeClientCarry(s)
            clientSent(s, carried)
            // The client may be gone, or it is the node's turn now: both are seen to there.
            guard s.pointee.clientFD >= 0 else { return }
        }
        if s.pointee.clientHalfClosed {
            if s.pointee.frontend == .idle { close(s) }
            return
        }
        if s.pointee.nodePending.isEmpty { setClientReading(s, true) }
    }

    /// `count` bytes of the client's stand at the start of the worker's buffer.
    func clientSent(_ s: SessionRef, _ count: Int) {
        var offset = 0
        while offset < count {
            switch s.pointee.frontend {
            case .idle:
                guard commandArrived(s, &offset, count) else { return keep(s, offset, count) }
            case .streaming, .discarding:
                streamed(s, &offset, count)
            case .infile:
                guard filePacketArrived(s, &offset, count) else { return keep(s, offset, count) }
            case .handshake, .switching, .relaying:
                guard loginPacketArrived(s, &offset, count) else { return keep(s, offset, count) }
            case .ungreeted, .login, .held, .waiting:
                // Its turn is over: what it sent ahead waits.
                s.pointee.clientCarry.append(buffer + offset, count - offset)
                return setClientReading(s, false)
            case .closing: return
            }
            guard s.pointee.clientFD >= 0 else { return }
        }
    }

    @inline(__always)
    private func keep(_ s: SessionRef, _ offset: Int, _ count: Int) {
        guard s.pointee.clientFD >= 0, offset < count else { return }
        s.pointee.clientCarry.append(buffer + offset, count - offset)
    }

    /// True when a packet was taken; false when more bytes are needed (or the session has ended).
    private func loginPacketArrived(_ s: SessionRef, _ offset: inout Int, _ count: Int) -> Bool {
        guard count - offset >= PacketHeader.size else { return false }
        let header = UnsafeRawPointer(buffer + offset)
        let length = PacketHeader.length(at: header)
        // No login needs more; a client that has not said who it is gets no more of our memory.
        guard length <= 16 * 1024 else {
            counters.loginsRefused.add()
            refuse(s, .badHandshake)
            close(s)
            return false
        }
        guard count - offset >= PacketHeader.size + length else { return false }
        let payload = UnsafeRawBufferPointer(start: header + PacketHeader.size, count: length)
        let sequence = PacketHeader.sequence(at: header)
        offset += PacketHeader.size + length
        switch s.pointee.frontend {
        case .handshake: handshake(s, payload, sequence: sequence)
        case .switching: switched(s, payload, sequence: sequence)
        case .relaying: relayed(s, payload, sequence: sequence)
        case .ungreeted, .login, .idle, .held, .streaming, .discarding, .waiting, .infile, .closing: break
        }
        return s.pointee.clientFD >= 0
    }

    /// The client's file for LOAD DATA LOCAL: packets up to an empty one, each passed on.
    private func filePacketArrived(_ s: SessionRef, _ offset: inout Int, _ count: Int) -> Bool {
        var length = -1
        if s.pointee.clientSkip == 0 {
            guard count - offset >= PacketHeader.size else { return false }
            length = PacketHeader.length(at: buffer + offset)
            s.pointee.clientSkip = PacketHeader.size + length
            s.pointee.sequence = PacketHeader.sequence(at: buffer + offset)
        }
        let n = min(s.pointee.clientSkip, count - offset)
        if s.pointee.fileRefusal == nil { writeNode(s, buffer + offset, n) }
        s.pointee.clientSkip -= n
        offset += n
        if length == 0 {
            if let refusal = s.pointee.fileRefusal {
                s.pointee.fileRefusal = nil
                noteFailed(s)
                answer(s, refusal.packet)
            } else {
                s.pointee.frontend = .waiting
                s.pointee.tracker.fileSent()
            }
        }
        return true
    }

    /// The rest of a statement larger than the buffer.
    private func streamed(_ s: SessionRef, _ offset: inout Int, _ count: Int) {
        let forwarding = s.pointee.frontend == .streaming
        if s.pointee.clientSkip == 0, s.pointee.clientContinues {
            // The header of the continuation packet.
            guard count - offset >= PacketHeader.size else {
                s.pointee.clientCarry.append(buffer + offset, count - offset)
                offset = count
                return
            }
            let length = PacketHeader.length(at: buffer + offset)
            s.pointee.clientSkip = PacketHeader.size + length
            s.pointee.clientContinues = length == PacketHeader.payloadMax
        }
        let n = min(s.pointee.clientSkip, count - offset)
        if forwarding {
            writeNode(s, buffer + offset, n)
            if s.pointee.keepsStream { s.pointee.statement.append(buffer + offset, n) }
        }
        s.pointee.clientSkip -= n
        offset += n
        guard s.pointee.clientSkip == 0, !s.pointee.clientContinues else { return }
        s.pointee.statementKept = s.pointee.keepsStream
        if forwarding, s.pointee.command == .query { noteFlowedChange(s) }
        if forwarding, s.pointee.command.isUnanswered { counters.answered.add() }
        s.pointee.frontend = forwarding && !s.pointee.command.isUnanswered ? .waiting : .idle
    }

    // MARK: commands

    /// True when a command was taken; false when more bytes are needed.
    @inline(__always)
    private func commandArrived(_ s: SessionRef, _ offset: inout Int, _ count: Int) -> Bool {
        let available = count - offset
        guard available >= PacketHeader.size else { return false }
        let packet = buffer + offset
        let length = PacketHeader.length(at: packet)
        let total = PacketHeader.size + length
        let isWhole = available >= total
        if !isWhole {
            guard total > Worker.wholePacketMax else { return false }
            guard available >= Worker.packetHeadMin else { return false }
        }
        s.pointee.sequence = 0
        guard PacketHeader.sequence(at: packet) == 0 else {
            s.pointee.sequence = PacketHeader.sequence(at: packet)
            refuse(s, .outOfOrder)
            close(s)
            return false
        }
        let taken = min(available, total)
        offset += taken
        guard length > 0, let command = Command(rawValue: packet.load(fromByteOffset: 4, as: UInt8.self)) else {
            unknownCommand(s, skipping: total - taken, continues: length == PacketHeader.payloadMax)
            return true
        }
        s.pointee.command = command
        s.pointee.clientSkip = total - taken
        s.pointee.clientContinues = length == PacketHeader.payloadMax
        s.pointee.statementsBegun &+= 1
        counters.begun.add()
        s.pointee.startedAt = MonotonicClock.now()
        begin(s, command, packet, taken, isWhole: isWhole && length < PacketHeader.payloadMax)
        return s.pointee.clientFD >= 0
    }

    private func unknownCommand(_ s: SessionRef, skipping rest: Int, continues: Bool) {
        s.pointee.clientSkip = rest
        s.pointee.clientContinues = continues
        counters.begun.add()
        counters.answered.add()
        writeClientPacket(s, payload: ErrorPacket.unknownCommand.payload())
        if rest > 0 || continues { s.pointee.frontend = .discarding }
    }

    /// A command, or the head of a large one, stands in the buffer.
    @inline(__always)
    private func begin(
        _ s: SessionRef, _ command: Command, _ packet: UnsafeMutableRawPointer, _ length: Int, isWhole: Bool
    ) {
        switch command {
        case .query:
            let text = UnsafeRawBufferPointer(start: packet + 5, count: length - 5)
            // Of a text that flows the head says nothing: it is looked at when it is whole.
            if isWhole, !StatementClassifier.isPlain(text) {
                noteChange(s, text)
                if s.pointee.refusal == nil, killed(s, text) { return }
            }
        case .statementExecute, .bulkExecute, .statementFetch, .statementReset, .statementSendLongData,
            .statementClose:
            guard length >= 9 else { return answerOwn(s, .malformedPacket) }
            guard usePrepared(s, command, packet, length) else { return }
        case .ping, .statementPrepare, .statistics: break
        case .initDB:
            // The server reports the new schema.
            s.pointee.change = .systemVariables
            s.pointee.hasChange = true
        case .processKill: guard translateProcessKill(s, packet, length) else { return }
        case .quit:
            counters.answered.add()
            return quit(s)
        case .changeUser:
            guard isWhole else { return answerOwn(s, .malformedPacket) }
            counters.answered.add()
            return changeUser(s, UnsafeRawBufferPointer(start: packet + 4, count: length - 4))
        case .sleep, .connect, .time, .delayedInsert, .connectOut, .daemon:
            // Internal to a server: it answers them so itself.
            return answerOwn(s, .unknownCommand)
        case _: break
        }
        if s.pointee.refusal != nil, !passesRefusal(s, command, packet, length) {
            guard let refusal = s.pointee.refusal else { return }
            return answerHeld(s, refusal)
        }
        s.pointee.statement.assign(packet, length)
        s.pointee.statementKept = isWhole
        s.pointee.keepsStream =
            !isWhole && !s.pointee.clientContinues && s.pointee.clientSkip < Worker.statementKeptMax
        if mayPass(s) {
            if (command == .statementExecute || command == .bulkExecute) && lacksTypes(s) { return sendStatement(s) }
            sendStatement(s, from: packet, length)
        } else {
            s.pointee.frontend = .held
            if s.pointee.backend == .attached { hold(s) } else { attachOrHold(s) }
        }
    }

    /// The same for a statement that has flowed through. One too large to keep is taken for harmless only where it
    /// begins as a statement that writes rows: such are the large ones (loads of dumps).
    private func noteFlowedChange(_ s: SessionRef) {
        let text = UnsafeRawBufferPointer(rebasing: s.pointee.statement.bytes.dropFirst(PacketHeader.size + 1))
        if s.pointee.statementKept {
            if !StatementClassifier.isPlain(text) { noteChange(s, text) }
            return
        }
        switch text.first.map({ $0 | 0x20 }) {
        // insert, replace, update
        case 0x69, 0x72, 0x75: break
        case _:
            s.pointee.change = .unknown
            s.pointee.hasChange = true
        }
    }

    /// What a statement that is not plain will have changed when it succeeds.
    private func noteChange(_ s: SessionRef, _ text: UnsafeRawBufferPointer) {
        s.pointee.change = StatementClassifier.classify(text, dialect: dialect(s)).change
        s.pointee.hasChange = s.pointee.change != nil
    }

    /// A refusal that waits for its session's next statement does not wait for every kind of statement.
    private func passesRefusal(
        _ s: SessionRef, _ command: Command, _ packet: UnsafeMutableRawPointer, _ length: Int
    ) -> Bool {
        switch command {
        case .ping, .statistics, .statementSendLongData, .statementClose: return true
        case .resetConnection:
            s.pointee.refusal = nil
            return true
        case .query:
            let text = UnsafeRawBufferPointer(start: packet + 5, count: length - 5)
            // What it asks for has happened.
            guard s.pointee.refusal?.kind == .rolledBack,
                StatementClassifier.classify(text, dialect: dialect(s)).effect == .rollback
            else { return false }
            s.pointee.refusal = nil
            return true
        case _: return false
        }
    }

    /// Sends the kept statement: it was held, or is run again.
    func sendStatement(_ s: SessionRef) {
        guard rewritePrepared(s), let base = s.pointee.statement.base else { return }
        sendStatement(s, from: base, s.pointee.statement.count)
    }

    @inline(__always)
    private func sendStatement(_ s: SessionRef, from packet: UnsafeRawPointer, _ length: Int) {
        s.pointee.answerBegun = false
        s.pointee.answerFailed = false
        s.pointee.sequence = 0
        let command = s.pointee.command
        let streaming = s.pointee.clientSkip > 0 || s.pointee.clientContinues
        if command.isUnanswered {
            if !streaming { counters.answered.add() }
            s.pointee.frontend = streaming ? .streaming : .idle
            deliver(s, packet, length)
            if !streaming { forgetStatement(s) }
            return
        }
        // Behind our own commands the tracker turns to the client's by itself.
        if !s.pointee.hasOwn, !s.pointee.tracksWithNext {
            s.pointee.tracker.begin(command, capabilities: s.pointee.nodeCapabilities)
        }
        s.pointee.frontend = streaming ? .streaming : .waiting
        deliver(s, packet, length)
    }

    @inline(__always)
    private func deliver(_ s: SessionRef, _ packet: UnsafeRawPointer, _ length: Int) {
        if s.pointee.tracksWithNext { return writeNodeWithTracking(s, packet, length) }
        writeNode(s, packet, length)
    }

    /// Answers a command that never leaves the proxy.
    func answerOwn(_ s: SessionRef, _ error: ErrorPacket) {
        counters.answered.add()
        answer(s, error)
    }

    private func quit(_ s: SessionRef) {
        if s.pointee.backend == .attached {
            var packet: (UInt8, UInt8, UInt8, UInt8, UInt8) = (1, 0, 0, 0, Command.quit.rawValue)
            withUnsafeBytes(of: &packet) { writeNode(s, $0.baseAddress!, $0.count) }
        }
        close(s)
    }
}
