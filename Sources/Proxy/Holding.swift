import Cluster
import MySQLWire
import Reactor
import Routing

/// The gate: holds logins and statements while there is no primary or an administrator paused, and lets them go, in
/// order and at a bounded rate, when there is one.
extension Worker {
    /// A primary is there and nobody paused: statements may flow.
    @inline(__always)
    var gateOpen: Bool { !paused && view.primary != nil }

    /// May this session send now? A pause, and the drain of the primary, let open transactions come to their end; the
    /// lack of a primary lets nothing through.
    @inline(__always)
    func mayPass(_ s: SessionRef) -> Bool {
        guard s.pointee.backend == .attached, s.pointee.generation == view.generation else { return false }
        if gateOpen { return true }
        return s.pointee.inTransaction && (view.primary != nil || view.diagnosis == .administrative)
    }

    func attachOrHold(_ s: SessionRef) {
        // Those who wait already go first.
        guard gateOpen, held.count == 0, governor.mayStart(at: now) else { return hold(s) }
        // Whether there is room for a login that nobody delayed is the server's to say, as without a proxy.
        let isFirst = !s.pointee.loggedIn && s.pointee.holdDeadline.nanoseconds == 0
        guard isFirst || takesSeat(s) else { return hold(s) }
        attach(s, isSeated: !isFirst)
    }

    /// Takes a seat at the primary for a session that has waited, or is going to.
    private func takesSeat(_ s: SessionRef) -> Bool {
        guard let primary = view.primary else { return false }
        // Sessions are held for the same time: who gives up first has come first.
        let since =
            s.pointee.holdDeadline.nanoseconds == 0
            ? now : s.pointee.holdDeadline + Instant.Span(nanoseconds: -options.holdTimeout.nanoseconds)
        let (index, now) = (index, now)
        let isSeated = fleet.seats(of: primary) { $0.take(for: index, waitingSince: since, at: now) }
        lacksSeat = !isSeated
        waitsAt = isSeated ? nil : primary
        return isSeated
    }

    /// How many wait for a seat, and that nobody does.
    private func tellOfSeats() {
        if held.count == 0 || !gateOpen { lacksSeat = false }
        if !lacksSeat, let node = waitsAt {
            waitsAt = nil
            let index = index
            fleet.seats(of: node) { $0.waitsNoMore(index) }
        }
        counters.withoutSeatNow.set(lacksSeat ? UInt64(held.count) : 0)
    }

    /// Puts a session into the queue. `first`: back to its place at the head, after a failed attempt.
    func hold(_ s: SessionRef, first: Bool = false) {
        beginHolding(s)
        if first { held.prepend(s) } else { held.append(s) }
        counters.heldNow.add()
    }

    /// From now on it waits, if it has not waited before.
    func beginHolding(_ s: SessionRef) {
        if s.pointee.holdDeadline.nanoseconds == 0 {
            now = MonotonicClock.now()
            s.pointee.holdDeadline = now + options.holdTimeout
            if s.pointee.frontend == .held { counters.heldTotal.add() }
        }
        // A first login that waits for its turn at a primary that is there does not wait for a primary.
        if !gateOpen || s.pointee.loggedIn, s.pointee.affectedSince.nanoseconds == 0 { noteHeld(s) }
    }

    /// Lets go as many as the governor allows. Called whenever the gate may have opened or an attempt has ended.
    func release() {
        defer { tellOfSeats() }
        guard gateOpen else { return }
        while let s = held.first {
            let attached = s.pointee.backend == .attached && s.pointee.generation == view.generation
            guard attached || governor.mayStart(at: now) else { return }
            if s.pointee.frontend == .ungreeted {
                guard identity != nil else { return }
                leaveQueue(s)
                greet(s)
                continue
            }
            if !attached, !s.pointee.triesAccount, accountLimits.wait(s.pointee.credentials.user, at: now) != nil {
                leaveQueue(s)
                _ = waitsForAccount(s)
                continue
            }
            guard attached || takesSeat(s) else { return }
            leaveQueue(s)
            s.pointee.triesAccount = false
            if attached { sendHeld(s) } else { attach(s, isSeated: true) }
        }
    }

    /// Gives up on those who waited too long. The queue is in order of arrival, and so of deadline.
    func expireHeld() {
        while let s = held.first, s.pointee.holdDeadline <= now {
            leaveQueue(s)
            s.pointee.holdDeadline = Instant(nanoseconds: 0)
            if s.pointee.frontend == .held {
                answerHeld(s, expired(s, login: false))
            } else {
                counters.loginsRefused.add()
                let error = expired(s, login: true).packet
                noteTold(s, error)
                refuse(s, error)
                close(s)
            }
        }
    }

    func expired(_ s: SessionRef, login: Bool) -> Refusal {
        let full = lacksSeat ? view.primary.map(fullness) : nil
        return .holdExpired(
            login: login, pause: pause.map { $0 == .administrator ? .administrator : .move },
            inTransaction: s.pointee.inTransaction, view: view, full: full, at: now)
    }

    private func fullness(_ node: NodeID) -> FullServer {
        let book = fleet.seats(of: node) { $0 }
        return FullServer(connectionsMax: book.connectionsMax, waiting: fleet.withoutSeat, taken: book.taken)
    }

    /// Who waited for a turn waits for a primary, or for an administrator, from now on.
    func gateClosed() {
        var next = held.first
        while let s = next {
            next = s.pointee.queueNext
            if s.pointee.affectedSince.nanoseconds == 0 { noteHeld(s) }
        }
    }

    /// A new truth about the cluster.
    func adopt(_ view: ClusterView) {
        let before = self.view
        self.view = view
        if view.primary == nil, before.primary != nil, trouble.isResumed { separateTrouble() }
        settleDoubts()
        if view.primary == nil { gateClosed() }
        if view.primary != nil, view.generation != before.generation {
            governor.opened()
            accountLimits.forget()
            // What the node before refused, this one may not.
            while let s = postponed.last {
                leaveQueue(s)
                hold(s, first: true)
            }
            // Connections of an earlier generation are zombies: their node may still be there, without the role.
            var next = sessions
            while let s = next {
                next = s.pointee.next
                if s.pointee.nodeFD >= 0, s.pointee.generation != view.generation { nodeLost(s, reset: true) }
            }
        }
        release()
    }

    /// Sends the statement that was held, now that the session is attached.
    func sendHeld(_ s: SessionRef) {
        // Nobody would read the answer.
        if hasGone(s) { return destroy(s, reset: true) }
        s.pointee.holdDeadline = Instant(nanoseconds: 0)
        if let refusal = s.pointee.refusal, !Self.mayBeAnsweredBeforeRefusal(s.pointee.command) {
            return answerHeld(s, refusal)
        }
        sendStatement(s)
        // Its rest, or what follows a command that nobody answers, waits with the kernel.
        resumeClient(s)
    }

    /// A ping says nothing about the transaction that was lost: whoever pings first still has to be told.
    private static func mayBeAnsweredBeforeRefusal(_ command: Command) -> Bool {
        command == .ping || command == .statistics
    }

    /// Answers the held statement with an error of our own; the session lives on.
    func answerHeld(_ s: SessionRef, _ refusal: Refusal) {
        noteFailed(s, refusal.packet, isHeldTooLong: refusal.kind == .holdExpired)
        s.pointee.refusal = nil
        answer(s, refusal.packet)
    }

    /// The answer to the command under way, from us.
    func answer(_ s: SessionRef, _ error: ErrorPacket) {
        if s.pointee.command.isUnanswered {
            loseLongData(s)
            s.pointee.frontend = s.pointee.clientSkip > 0 || s.pointee.clientContinues ? .discarding : .idle
        } else {
            answerBehindStatement(s, error)
        }
        forgetStatement(s)
        resumeClient(s)
    }

    /// Nobody waits for an answer to a piece of long data: the execution that it is for will be told.
    private func loseLongData(_ s: SessionRef) {
        guard s.pointee.command == .statementSendLongData,
            let i = s.pointee.prepared.index(of: s.pointee.statementID)
        else { return }
        s.pointee.prepared[i].hasLongData = false
        s.pointee.prepared[i].lostLongData = true
    }

    func forgetStatement(_ s: SessionRef) {
        if s.pointee.changesSchema {
            let isKept = s.pointee.command == .query && s.pointee.statementKept
            fleet.schemaChanged(
                by: isKept ? s.pointee.statementText : nil, isOver: true, ofPrograms: s.pointee.changesPrograms)
            s.pointee.changesSchema = false
            s.pointee.changesPrograms = false
        }
        s.pointee.statement.clear(keeping: MemoryBudget.alwaysGranted)
        s.pointee.statementKept = false
        s.pointee.keepsStream = false
        s.pointee.hasChange = false
        s.pointee.explainsAll = false
        s.pointee.rowCountLeft = nil
        s.pointee.reruns = 0
        if s.pointee.isGuarded {
            s.pointee.isGuarded = false
            s.pointee.guardLeft = s.pointee.backend == .attached
        }
    }
}
