import CLibevent
import Cluster
import Glibc
import MySQLWire
import Reactor

/// New connections, and the end of old ones.
extension Worker {
    /// The first worker accepts for all: the kernel's own spreading (SO_REUSEPORT) is uneven for the few, long
    /// connections that databases have.
    func watch(_ gate: AcceptGate) {
        guard let loop else { return }
        gate.watch = loop.watch(gate.descriptor, read: true, write: false) { [unowned self, unowned gate] _ in
            now = MonotonicClock.now()
            accept(gate)
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
        _ = try? Sockets.setKeepalive(descriptor, idle: 60, interval: 10, count: 6)
        let s = SessionRef.allocate(capacity: 1)
        s.initialize(
            to: Session(
                worker: Unmanaged.passUnretained(self), id: fleet.nextSessionID(), clientFD: descriptor, peer: peer,
                counters: counters.node(nil), at: now))
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

    /// Ends a session: what is queued for the client is still written, then everything goes.
    func close(_ s: SessionRef) {
        guard s.pointee.frontend != .closing else { return }
        noteGone(s)
        leaveQueue(s)
        leaveTransaction(s)
        if s.pointee.nodeFD >= 0 { closeNode(s, reset: false) }
        s.pointee.frontend = .closing
        s.pointee.affectedIn = 0
        if s.pointee.clientPending.isEmpty {
            destroy(s, reset: false)
        } else {
            setClientReading(s, false)
            // A client that does not even take its farewell is not waited for.
            s.pointee.deadline = now + .seconds(5)
            logins.append(s)
        }
    }

    /// Cuts a session: the client has half of a packet that can't be completed, or does not speak the protocol.
    func abort(_ s: SessionRef) {
        guard s.pointee.clientFD >= 0 else { return }
        destroy(s, reset: true)
    }

    func destroy(_ s: SessionRef, reset: Bool) {
        guard s.pointee.clientFD >= 0 else { return }
        noteGone(s)
        leaveQueue(s)
        leaveTransaction(s)
        forgetStatement(s)
        if s.pointee.nodeFD >= 0 { closeNode(s, reset: reset) }
        setClientReading(s, false)
        setClientWriting(s, false)
        if reset { Sockets.closeWithReset(s.pointee.clientFD) } else { Sockets.close(s.pointee.clientFD) }
        s.pointee.clientFD = -1
        s.pointee.frontend = .closing
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
        }
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
