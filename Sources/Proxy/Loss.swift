import CLibevent
import Cluster
import MySQLWire
import Reactor
import Routing

/// What becomes of a session whose node is gone. The decision is `Routing.Outcome`'s; this finds out what was in
/// flight, and does what was decided.
extension Worker {
    /// The connection to the node ended, or is ended because its node lost the role.
    func nodeLost(_ s: SessionRef, reset: Bool = false) {
        now = MonotonicClock.now()
        // What the node was told of its client, or what only ends well for its sake, says nothing of the node.
        if s.pointee.frontend == .leaving { return destroy(s, reset: reset) }
        if s.pointee.endPassed { return close(s) }
        switch s.pointee.backend {
        case .detached: return
        case .connecting, .greeting, .login:
            report(s, .lost)
            return attachFailed(s)
        // With a new generation it is the node that went.
        case .restoring: return s.pointee.generation == view.generation ? restorationCutOff(s) : attachFailed(s)
        case .attached: break
        }
        note(s, "has lost its connection to the node (\(inFlight(s).noteWords))")
        guard nodeMayLive(s) else { return settle(s, inFlight(s), as: .lost, reset: reset) }
        report(s, .lost)
        // What waits here has not reached the node: whatever ended the connection was not meant for it.
        if s.pointee.frontend == .held { return settle(s, inFlight(s), as: .lost, reset: reset) }
        doubt(s, reset: reset)
    }

    /// The node's answer is that the connection was killed, and it ends now.
    func nodeSaidKilled(_ s: SessionRef) {
        now = MonotonicClock.now()
        guard nodeMayLive(s) else { return settle(s, inFlight(s), as: .lost, reset: true) }
        report(s, .lost)
        doubt(s, reset: true, isTold: true)
    }

    // MARK: whether the node went, or the connection alone

    /// As far as is known: nobody has called its node lost since the session came to it.
    private func nodeMayLive(_ s: SessionRef) -> Bool {
        s.pointee.generation == view.generation && (view.primary != nil || view.diagnosis == .administrative)
    }

    /// How long it may take to find out. A check that gets no answer takes ``WatchOptions/probeTimeout``.
    private static let doubtMax = Instant.Span.seconds(5)

    /// The connection of a session ended, by the node's end or by a KILL or a timeout of the server's: that decides what
    /// becomes of it. Until it is known the client is not read.
    ///
    /// - Parameter isTold: the server has said that it was killed, and nobody else is to say more.
    private func doubt(_ s: SessionRef, reset: Bool, isTold: Bool = false) {
        s.pointee.doubt = (inFlight(s), now, isTold)
        closeNode(s, reset: reset)
        setClientReading(s, false)
        s.pointee.deadline = now + Worker.doubtMax
        doubtful.append(s)
    }

    private func leaveDoubt(_ s: SessionRef) -> InFlight {
        leaveQueue(s)
        defer { s.pointee.doubt = nil }
        return s.pointee.doubt?.inFlight ?? .idle
    }

    /// The cluster has changed: what was in doubt may be certain.
    func settleDoubts() {
        var next = doubtful.first
        while let s = next {
            next = s.pointee.queueNext
            if !nodeMayLive(s) { settle(s, leaveDoubt(s), as: .lost, reset: true) }
        }
    }

    /// The node's server has lived on until then: connections that ended before were ended by it.
    func livesOn(_ node: NodeID, _ generation: Generation, until: Instant) {
        var next = doubtful.first
        while let s = next {
            next = s.pointee.queueNext
            guard s.pointee.node == node, s.pointee.generation == generation, let doubt = s.pointee.doubt,
                doubt.since < until
            else { continue }
            endKilled(s, leaveDoubt(s), isTold: doubt.isTold)
        }
    }

    /// Nothing was found out. A session that did nothing goes on; a statement is not run again on no more than a guess.
    func doubtRemained(_ s: SessionRef) {
        let isTold = s.pointee.doubt?.isTold ?? false
        let inFlight = leaveDoubt(s)
        if inFlight == .idle {
            settle(s, inFlight, as: .lost, reset: true)
        } else {
            endKilled(s, inFlight, isTold: isTold)
        }
    }

    /// The server ended the connection by a KILL or for a timeout of its own: so ends the client's, as it would have
    /// without us. Says nothing of the node.
    private func endKilled(_ s: SessionRef, _ inFlight: InFlight, isTold: Bool) {
        let refusal = isTold ? .killed : Outcome.refusal(of: .byServer, inFlight, standing(s))
        if !isTold, Outcome.leavesUnknown(inFlight, standing(s)) { noteUnknown(s, inFlight, .killed) }
        if let refusal, s.pointee.frontend == .waiting { writeClientPacket(s, payload: refusal.packet.payload()) }
        close(s)
    }

    /// The node said by an error that it is not the primary.
    func nodeDemoted(_ s: SessionRef, _ code: UInt16) {
        now = MonotonicClock.now()
        s.pointee.demotions += 1
        governor.refused(at: now)
        report(s, .notPrimary)
        // Refused as read-only, the statement has not been executed; cut short by a shutdown, it may have been.
        settle(s, code == 1053 ? inFlight(s) : .held(effect(s)), as: .lost, reset: true)
    }

    /// The node's answer makes no sense here: that is this session's trouble, not the node's, and running the statement
    /// again would come to the same.
    func answerUnreadable(_ s: SessionRef) {
        now = MonotonicClock.now()
        settle(s, inFlight(s), as: .unreadable, reset: true)
    }

    private enum Loss { case lost, unreadable }

    /// A statement that was with a node when that was lost is run again once. Where the next one is lost with it as well,
    /// it may be what ends them.
    static let rerunsMax: UInt8 = 1

    private func settle(_ s: SessionRef, _ inFlight: InFlight, as loss: Loss, reset: Bool) {
        var verdict = Outcome.verdict(inFlight, standing(s), losses: s.pointee.journal.losses)
        if case .sent = inFlight, verdict == .runAgain {
            if s.pointee.reruns == Worker.rerunsMax { verdict = .error(.ranTwice, next: nil) }
            s.pointee.reruns += 1
        }
        if case .sent = inFlight, verdict == .runAgain, let refusal = guardRerun(s) {
            verdict = .error(refusal, next: nil)
        }
        if loss == .unreadable { verdict = verdict.ofUnreadableAnswer }
        if leavesUnknown(verdict, inFlight, standing(s)) {
            noteUnknown(s, inFlight, loss == .unreadable ? .unreadable : .lost)
        }
        closeNode(s, reset: reset)
        setStatus(s, s.pointee.status.subtracting([.inTransaction, .inTransactionReadonly]))
        // Whoever has something to miss is told now or with the next statement; then the session goes on without.
        s.pointee.journal.lossesTold()
        note(s, "will \(verdict.noteWords)")
        switch verdict {
        case .moveSilently: resumeClient(s)
        case .refuseNextStatement(let refusal): refuseNext(s, refusal)
        case .runAgain where hasGone(s): destroy(s, reset: true)
        case .runAgain:
            counters.rerun.add()
            s.pointee.nodeCounters.pointee.rerun.add()
            if s.pointee.queue == .held {
                leaveQueue(s)
                hold(s, first: true)
            } else {
                s.pointee.frontend = .held
                attachOrHold(s)
            }
        case .error(let refusal, let next):
            if s.pointee.queue == .held { leaveQueue(s) }
            s.pointee.holdDeadline = Instant(nanoseconds: 0)
            s.pointee.refusal = next
            if s.pointee.frontend == .infile {
                // The rest of the file comes first; it is thrown away.
                s.pointee.fileRefusal = refusal
                return resumeClient(s)
            }
            noteFailed(s, refusal.packet)
            s.pointee.nodeCounters.pointee.failed.add()
            answer(s, refusal.packet)
        case .close:
            counters.lost.add()
            destroy(s, reset: true)
        }
    }

    private func leavesUnknown(_ verdict: Verdict, _ inFlight: InFlight, _ standing: Standing) -> Bool {
        switch verdict {
        case .moveSilently, .runAgain: false
        case .error(let refusal, _), .refuseNextStatement(let refusal): refusal.tellsUnknown
        case .close: Outcome.leavesUnknown(inFlight, standing)
        }
    }

    /// Sees to it that the statement in flight writes nothing when it is run again; or why it can't be.
    private func guardRerun(_ s: SessionRef) -> Refusal? {
        s.pointee.isGuarded = false
        let need: RerunGuard
        switch s.pointee.command {
        case .query: need = guardNeeded(s, s.pointee.statementText)
        case .statementExecute, .bulkExecute:
            guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return .unknown }
            need = s.pointee.prepared[i].text.withUnsafeBytes { guardNeeded(s, $0) }
        case _: return nil
        }
        if need == .unneeded { return nil }
        // What it wrote was in a transaction that nobody has committed.
        let standing = standing(s)
        if !standing.autocommit { return standing.rowsMayRemain ? .unknown : nil }
        if need == .impossible { return .unknown }
        s.pointee.isGuarded = true
        return nil
    }

    private func guardNeeded(_ s: SessionRef, _ text: UnsafeRawBufferPointer) -> RerunGuard {
        RerunGuard.needed(
            for: text, dialect: dialect(s), isTransactionPrepared: s.pointee.journal.hasNextTransaction)
    }

    /// Run again, the statement would have written.
    func guardRefused(_ s: SessionRef) {
        noteUnknown(s, inFlight(s), .lost)
        noteFailed(s, Refusal.unknownWriter.packet)
        s.pointee.nodeCounters.pointee.failed.add()
        answer(s, Refusal.unknownWriter.packet)
    }

    /// Where the session stood, as far as that decides on its statement.
    func standing(_ s: SessionRef) -> Standing {
        Standing(
            inTransaction: s.pointee.inTransaction, autocommit: s.pointee.status.contains(.autocommit),
            rowsMayRemain: !allTablesRollBack && !s.pointee.status.contains(.inTransactionReadonly))
    }

    var allTablesRollBack: Bool {
        schema.knowledge.tables == .transactional && isSchemaCurrent
    }

    /// No session has made or altered anything since it was read.
    var isSchemaCurrent: Bool { schema.asOf.nanoseconds > fleet.schemaChangedAt.load(ordering: .acquiring) }

    /// Nor any program, trigger or view.
    var areProgramsCurrent: Bool {
        schema.asOf.nanoseconds > fleet.programsChangedAt.load(ordering: .acquiring)
    }

    private func refuseNext(_ s: SessionRef, _ refusal: Refusal) {
        s.pointee.refusal = refusal
        resumeClient(s)
    }

    func inFlight(_ s: SessionRef) -> InFlight {
        switch s.pointee.frontend {
        case .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .discarding, .closing, .leaving: return .idle
        case .held: return .held(effect(s))
        case .infile: return .loading
        case .streaming:
            return s.pointee.answerBegun
                ? .answering(effect(s), atBoundary: isAtBoundary(s)) : .partlySent(effect(s))
        case .waiting:
            if s.pointee.answerBegun { return .answering(effect(s), atBoundary: isAtBoundary(s)) }
            // Without its text a statement can't be run again.
            return s.pointee.statementKept ? .sent(effect(s)) : .sent(.opaque)
        }
    }

    func isAtBoundary(_ s: SessionRef) -> Bool {
        s.pointee.nodeSkip == 0 && !s.pointee.tracker.isContinued
    }

    /// What the statement in flight does, as far as its text proves.
    func effect(_ s: SessionRef) -> StatementFacts.Effect {
        switch s.pointee.command {
        case .query:
            guard s.pointee.statementKept else { return .opaque }
            return StatementClassifier.classify(s.pointee.statementText, dialect: dialect(s)).effect
        case .statementExecute, .bulkExecute:
            guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return .opaque }
            let statement = s.pointee.prepared[i]
            return statement.text.withUnsafeBytes {
                StatementClassifier.classify($0, dialect: statement.dialect).effect
            }
        case .ping, .statistics, .initDB, .fieldList, .statementPrepare, .setOption, .statementReset, .statementFetch,
            .processInfo:
            return .session
        // Puts the session back to its beginning, and rolls back.
        case .resetConnection: return .rollback
        case .sleep, .quit, .createDB, .dropDB, .refresh, .shutdown, .connect, .processKill, .debug, .time,
            .delayedInsert, .changeUser, .binlogDump, .tableDump, .connectOut, .registerSlave, .statementSendLongData,
            .statementClose, .daemon, .binlogDumpGTID, .slaveWorker, .slaveIO, .slaveSQL, .multi:
            return .opaque
        }
    }

    func dialect(_ s: SessionRef) -> Dialect {
        Dialect(status: s.pointee.status.rawValue, characterSet: s.pointee.characterSet)
    }

    /// Ends the backend, and with it everything that only the node knew.
    func closeNode(_ s: SessionRef, reset: Bool) {
        guard s.pointee.nodeFD >= 0 else { return }
        setNodeReading(s, false)
        setNodeWriting(s, false)
        if reset { Sockets.closeWithReset(s.pointee.nodeFD) } else { Sockets.close(s.pointee.nodeFD) }
        s.pointee.nodeFD = -1
        let wasUnderWay =
            switch s.pointee.backend {
            case .connecting, .greeting, .login: true
            case .detached, .restoring, .attached: false
            }
        if let node = s.pointee.node { fleet.seats(of: node) { $0.left(wasUnderWay: wasUnderWay) } }
        if s.pointee.backend == .attached || s.pointee.backend == .restoring {
            fleet.set(thread: nil, of: s.pointee.id)
            s.pointee.nodeCounters.pointee.sessionsNow.subtract()
            tryNext(of: s.pointee.credentials.user)
        }
        s.pointee.backend = .detached
        s.pointee.nodeCarry.release()
        s.pointee.nodePending.release()
        s.pointee.nodeSkip = 0
        s.pointee.finishesAfterSkip = false
        s.pointee.hasOwn = false
        s.pointee.tracksWithNext = false
        s.pointee.asksWithNext = false
        s.pointee.isOpening = false
        s.pointee.guardLeft = false
        s.pointee.isRestored = false
        s.pointee.endPassed = false
        s.pointee.own.removeAll()
        s.pointee.tracker = ResponseTracker()
        s.pointee.prepared.detach()
    }

    /// Live traffic is evidence too. A connection that we cut ourselves, of an earlier generation, is none.
    func report(_ s: SessionRef, _ evidence: TrafficEvidence) {
        guard let node = s.pointee.node, s.pointee.generation == view.generation else { return }
        fleet.onEvidence(node, evidence)
    }
}
