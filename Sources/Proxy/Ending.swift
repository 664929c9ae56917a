import Cluster
import MySQLWire
import Reactor
import Routing

/// Sessions that this proxy ends: by an administrator's word, at its own end, or since they were idle for too long.
extension Worker {
    /// An administrator ends sessions.
    func end(_ isMeant: (SessionRef) -> Bool) {
        var next = sessions
        while let s = next {
            next = s.pointee.next
            guard isMeant(s), !s.pointee.isEnding else { continue }
            end(s, .byAdministrator)
        }
    }

    /// Once a second: whoever was idle for too long.
    func closeIdle() {
        var next = sessions
        while let s = next {
            next = s.pointee.next
            guard s.pointee.frontend == .idle, s.pointee.queue == .none else { continue }
            let idle = now - s.pointee.lastActive
            if options.clientTimeout > .zero, idle > options.clientTimeout {
                refuse(s, .clientTimeout)
                close(s)
            } else if s.pointee.backend == .detached, let limit = waitTimeout(s), idle > limit {
                // Without a word, as from the server.
                close(s)
            }
        }
    }

    /// The session's own `wait_timeout`, which its server watches over while it has one.
    private func waitTimeout(_ s: SessionRef) -> Instant.Span? {
        if let own = s.pointee.journal.value(ofVariable: "wait_timeout") {
            return Int64(String(decoding: own, as: UTF8.self)).map { .seconds($0) }
        }
        return s.pointee.capabilities.contains(.interactive) ? identity?.interactiveTimeout : identity?.waitTimeout
    }

    // MARK: draining at the end of the process

    func drain(until deadline: Instant) {
        drainDeadline = deadline
        continueDraining(until: deadline)
    }

    /// How long after the drain's deadline what runs on at the node may still be killed there.
    private static let lastKillMax = Instant.Span.seconds(1)

    func continueDraining(until deadline: Instant) {
        var next = sessions
        while let s = next {
            next = s.pointee.next
            if s.pointee.isEnding {
                let limit = s.pointee.threadToKill == nil ? deadline : deadline + Self.lastKillMax
                if now >= limit { destroy(s, reset: true) }
                continue
            }
            let busy =
                s.pointee.frontend == .waiting || s.pointee.frontend == .streaming
                || s.pointee.frontend == .infile || s.pointee.inTransaction
            if !busy || now >= deadline { end(s, .byStop) }
        }
        if sessions == nil { loop.stop() }
    }

    // MARK: one session

    /// Tells the client as exactly as can be known what became of its statement, and ends its session; what runs on at
    /// the node is killed there.
    func end(_ s: SessionRef, _ end: SessionEnd) {
        let inFlight = s.pointee.doubt?.inFlight ?? inFlight(s)
        if inFlight == .idle {
            if isAtBoundary(s) { refuse(s, end == .byStop ? .shuttingDown : .killed) }
            return close(s)
        }
        let refusal = Outcome.refusal(of: end, inFlight, standing(s))
        if refusal?.tellsUnknown ?? Outcome.leavesUnknown(inFlight, standing(s)) {
            noteUnknown(s, inFlight, end == .byStop ? .stopped : .killed)
        }
        if let refusal { refuse(s, refusal.packet) }
        switch inFlight {
        case .idle, .held: close(s)
        case .partlySent, .loading, .sent, .answering: killOnNode(s)
        }
    }

    /// Threads that are being killed at a time; what comes on top ends when its node finds that nobody reads the answer.
    private static let killsMax = 256

    /// A server goes on with a statement whose client has gone: it is killed by a login of the same account, which may
    /// do that.
    private func killOnNode(_ s: SessionRef) {
        proveRelayed(s)
        guard s.pointee.backend == .attached, let node = s.pointee.node, node == view.primary,
            s.pointee.generation == view.generation, s.pointee.credentials.stage1 != nil,
            s.pointee.clientPending.isEmpty, attaching.count < Self.killsMax
        else { return close(s) }
        noteGone(s)
        leaveQueue(s)
        setStatus(s, [])
        s.pointee.affectedIn = 0
        s.pointee.threadToKill = s.pointee.nodeThreadID
        s.pointee.nodeFDToKill = Sockets.duplicate(s.pointee.nodeFD)
        closeNode(s, reset: false)
        forgetStatement(s)
        s.pointee.frontend = .leaving
        setClientReading(s, false)
        s.pointee.clientCarry.release()
        Sockets.endBoth(s.pointee.clientFD)
        // Of what it was only its account is needed.
        budgetPrepared(s) { $0.removeAll() }
        keepJournal(s, SessionJournal())
        attach(s)
    }

    /// The login is there: says who is to be killed, and that nothing follows; the node's end is waited for.
    func killThread(_ s: SessionRef, _ thread: UInt32) {
        if s.pointee.queue == .attaching {
            attaching.remove(s)
            governor.attachSucceeded()
            releaseDue = true
        }
        if let node = s.pointee.node { fleet.seats(of: node) { $0.admitted() } }
        s.pointee.backend = .attached
        s.pointee.nodeCounters.pointee.sessionsNow.add()
        s.pointee.deadline = now + Worker.farewellMax
        farewells.append(s)
        writeNode(
            s,
            PacketWriter.packet(sequence: 0, payload: [Command.query.rawValue] + Array("KILL \(thread)".utf8))
                + PacketWriter.packet(sequence: 0, payload: [Command.quit.rawValue]))
    }
}
