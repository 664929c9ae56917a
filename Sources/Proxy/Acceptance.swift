import CLibevent
import Cluster
import MySQLWire
import Reactor
import Routing

/// New connections, and the end of old ones.
extension Worker {
    /// The first worker accepts for all: the kernel's own spreading (SO_REUSEPORT) is uneven for the few, long
    /// connections that databases have.
    func watch(_ gate: AcceptGate) {
        guard let loop else { return }
        gate.watch = loop.watch(gate.descriptor, read: true, write: false) { [unowned self, unowned gate] _ in
            now = MonotonicClock.now()
            accept(gate)
            goOn()
        }
    }

    /// Bounded, so that a flood of connections does not starve the sessions that are there.
    private func accept(_ gate: AcceptGate) {
        for _ in 0..<64 {
            guard drainDeadline == nil, gate.state == .open else { return }
            if let pause = acceptRate.pause(limit: fleet.acceptRateMax.load(ordering: .relaxed), at: now) {
                return rest(gate, for: pause)
            }
            do {
                guard let accepted = try Sockets.accept(gate.descriptor) else { return }
                acceptRate.counted(at: now)
                fleet.place(accepted.descriptor, accepted.peer, acceptor: self)
            } catch {
                // Out of descriptors: the connection waits in the listener's queue until one is free. Without
                // a pause the loop would do nothing but ask.
                return rest(gate, for: .milliseconds(100))
            }
        }
    }

    private func rest(_ gate: AcceptGate, for span: Instant.Span) {
        gate.watch?.update(read: false, write: false)
        loop.schedule(after: span) { [weak gate] in
            guard let gate, gate.state == .open else { return }
            gate.watch?.update(read: true, write: false)
        }
    }

    /// An administrator's word. What waits in a listener's queue is still taken; a pause keeps the port. False where
    /// somebody else has taken the port meanwhile.
    func setListening(_ state: ListenState) -> Bool {
        var isDone = true
        for gate in gates where gate.state != .closed && gate.state != state {
            switch state {
            case .open:
                guard Sockets.listenAgain(gate.descriptor) else {
                    isDone = false
                    continue
                }
                gate.state = .open
                gate.watch?.update(read: true, write: false)
            case .paused, .closed:
                if gate.state == .open { accept(gate) }
                gate.state = state
                gate.watch?.update(read: false, write: false)
                if state == .closed { gate.close() } else { Sockets.stopListening(gate.descriptor) }
            }
        }
        return isDone
    }

    /// Takes a connection over: greets it, or tells it why not.
    func admit(_ descriptor: Int32, _ peer: ResolvedAddress, isTooMany: Bool = false) {
        _ = try? Sockets.setNoDelay(descriptor)
        // Of a client from which nothing is expected; the others: see `Presence`.
        let seconds = Int32(clamping: options.clientLostTimeout.milliseconds / 1000)
        _ = try? Sockets.setKeepalive(
            descriptor, idle: max(1, seconds / 2), interval: max(1, seconds / 6), count: 3)
        let s = SessionRef.allocate(capacity: 1)
        s.initialize(
            to: Session(
                worker: Unmanaged.passUnretained(self), id: fleet.nextSessionID(), clientFD: descriptor, peer: peer,
                counters: counters.node(nil), budget: Unmanaged.passUnretained(fleet.budget), at: now))
        s.pointee.next = sessions
        sessions?.pointee.previous = s
        sessions = s
        sessionCount += 1
        counters.sessionsNow.add()
        counters.sessionsTotal.add()
        event_assign(
            clientReadEvent(s), base, descriptor, Int16(EV_READ | EV_PERSIST), clientReadableEvent,
            UnsafeMutableRawPointer(s))
        setClientReading(s, true)
        note(s, "begins")
        if isTooMany {
            counters.loginsRefused.add()
            refuse(s, .tooManyConnections)
            close(s)
            return
        }
        if drainDeadline != nil {
            refuse(s, .shuttingDown)
            close(s)
            return
        }
        // Before any primary was seen there is nothing to greet with yet.
        if identity != nil { greet(s) } else { hold(s) }
    }

    /// How long a session's end may take: its last bytes for the client, or the rest of a login at the node.
    static let farewellMax = Instant.Span.seconds(5)

    /// Ends a session: what is queued for the client is still written, then everything goes.
    func close(_ s: SessionRef) {
        switch s.pointee.frontend {
        case .closing, .leaving: return
        case .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .held, .streaming, .discarding, .waiting,
            .infile:
            break
        }
        noteGone(s)
        leaveQueue(s)
        leaveTransaction(s)
        s.pointee.affectedIn = 0
        switch s.pointee.backend {
        case .connecting, .greeting, .login: return leave(s)
        case .detached, .restoring, .attached: break
        }
        if s.pointee.nodeFD >= 0 { closeNode(s, reset: false) }
        s.pointee.frontend = .closing
        if s.pointee.clientPending.isEmpty {
            destroy(s, reset: false)
        } else {
            setClientReading(s, false)
            // A client that does not even take its farewell is not waited for.
            awaitFarewell(s)
        }
    }

    /// The client goes, the login that is under way at the node is brought to an end first.
    private func leave(_ s: SessionRef) {
        // It is this client's answer that the node waits for.
        if s.pointee.frontend == .relaying { answerNode(s, LoginFarewell.answer(to: s.pointee.relayedPlugin)) }
        s.pointee.frontend = .leaving
        setClientReading(s, false)
        setClientWriting(s, false)
        s.pointee.clientPending.release()
        s.pointee.clientCarry.release()
        Sockets.endBoth(s.pointee.clientFD)
        if s.pointee.backend != .connecting { setNodeReading(s, true) }
        awaitFarewell(s)
    }

    private func awaitFarewell(_ s: SessionRef) {
        s.pointee.deadline = now + Self.farewellMax
        farewells.append(s)
    }

    /// Cuts a session: the client has half of a packet that can't be completed, or does not speak the protocol.
    func abort(_ s: SessionRef) {
        guard s.pointee.clientFD >= 0 else { return }
        destroy(s, reset: true)
    }

    func destroy(_ s: SessionRef, reset: Bool) {
        guard s.pointee.clientFD >= 0 else { return }
        note(s, "ends after \(s.pointee.statementsBegun) statements\(reset ? ", cut off" : "")")
        noteGone(s)
        leaveQueue(s)
        leaveTransaction(s)
        forgetStatement(s)
        switch s.pointee.backend {
        case .greeting, .login: report(s, .loginAborted)
        case .detached, .connecting, .restoring, .attached: break
        }
        if s.pointee.nodeFD >= 0 { closeNode(s, reset: reset) }
        if s.pointee.nodeFDToKill >= 0 { Sockets.close(s.pointee.nodeFDToKill) }
        setClientReading(s, false)
        setClientWriting(s, false)
        if reset { Sockets.closeWithReset(s.pointee.clientFD) } else { Sockets.close(s.pointee.clientFD) }
        s.pointee.clientFD = -1
        s.pointee.frontend = .closing
        if presence == s { presence = s.pointee.next }
        if let previous = s.pointee.previous {
            previous.pointee.next = s.pointee.next
        } else {
            sessions = s.pointee.next
        }
        if let next = s.pointee.next { next.pointee.previous = s.pointee.previous }
        s.pointee.previous = nil
        s.pointee.next = nil
        sessionCount -= 1
        counters.sessionsNow.subtract()
        fleet.openSessions.wrappingSubtract(1, ordering: .relaxed)
        s.pointee.releaseBuffers()
        budgetPrepared(s) { $0.removeAll() }
        keepJournal(s, SessionJournal())
        s.pointee.credentials.wipe()
        s.pointee.previousCredentials?.wipe()
        graveyard.append(s)
    }

    /// Frees the sessions that ended before this event.
    func bury() {
        for s in graveyard {
            s.pointee.clientWrite?.deallocate()
            s.pointee.nodeWrite?.deallocate()
            s.deinitialize(count: 1)
            s.deallocate()
        }
        graveyard.removeAll(keepingCapacity: graveyard.count < 1024)
    }

    func leaveQueue(_ s: SessionRef) {
        switch s.pointee.queue {
        case .none: break
        case .login: logins.remove(s)
        case .held:
            held.remove(s)
            counters.heldNow.subtract()
        case .attaching:
            attaching.remove(s)
            governor.attachAbandoned()
        case .restoring: restoring.remove(s)
        case .proving: proving.remove(s)
        case .postponed:
            postponed.remove(s)
            counters.heldNow.subtract()
        case .penalized: penalized.remove(s)
        case .doubtful: doubtful.remove(s)
        case .farewell: farewells.remove(s)
        }
    }

    /// Replaces what is known of the session's state, and tells the budget of all sessions.
    func keepJournal(_ s: SessionRef, _ journal: SessionJournal) {
        s.pointee.journal = journal
        budgetJournal(s)
    }

    /// The journal may have grown or shrunk; where there is no room for it, the session can't be moved any more.
    func budgetJournal(_ s: SessionRef) {
        if s.pointee.journal.byteCount > s.pointee.journalBytes + MemoryBudget.alwaysGranted,
            !fleet.budget.hasRoom(for: s.pointee.journal.byteCount - s.pointee.journalBytes)
        {
            fleet.budget.noteRefusal()
            s.pointee.journal.shed()
        }
        let bytes = s.pointee.journal.byteCount
        fleet.budget.adjust(bytes - s.pointee.journalBytes)
        s.pointee.journalBytes = bytes
    }

    private func leaveTransaction(_ s: SessionRef) {
        setStatus(s, [])
    }

    /// Keeps the status flags and the count of open transactions together.
    @inline(__always)
    func setStatus(_ s: SessionRef, _ status: StatusFlags) {
        let was = s.pointee.status.contains(.inTransaction)
        let now = status.contains(.inTransaction)
        s.pointee.status = status
        if was != now {
            if now { counters.inTransactionNow.add() } else { counters.inTransactionNow.subtract() }
        }
    }
}
