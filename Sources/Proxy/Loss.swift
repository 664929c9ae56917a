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
        // An idle connection ends for many reasons (wait_timeout, KILL); the check's own tells of the server's end.
        if s.pointee.frontend != .idle { report(s, .lost) }
        settle(s, inFlight(s), as: .lost, reset: reset)
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
        var verdict = Outcome.verdict(
            inFlight, inTransaction: s.pointee.inTransaction, autocommit: s.pointee.status.contains(.autocommit),
            losses: s.pointee.journal.losses)
        if case .sent = inFlight, verdict == .runAgain {
            if s.pointee.reruns == Worker.rerunsMax { verdict = .error(.ranTwice, next: nil) }
            s.pointee.reruns += 1
        }
        if loss == .unreadable { verdict = verdict.ofUnreadableAnswer }
        closeNode(s, reset: reset)
        setStatus(s, s.pointee.status.subtracting([.inTransaction, .inTransactionReadonly]))
        // Whoever has something to miss is told now or with the next statement; then the session goes on without.
        s.pointee.journal.lossesTold()
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
            noteFailed(s)
            s.pointee.nodeCounters.pointee.failed.add()
            answer(s, refusal.packet)
        case .close:
            counters.lost.add()
            destroy(s, reset: true)
        }
    }

    private func refuseNext(_ s: SessionRef, _ refusal: Refusal) {
        s.pointee.refusal = refusal
        resumeClient(s)
    }

    private func inFlight(_ s: SessionRef) -> InFlight {
        switch s.pointee.frontend {
        case .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .discarding, .closing, .leaving: return .idle
        case .held: return .held(effect(s))
        case .streaming, .infile:
            return s.pointee.answerBegun && s.pointee.frontend == .streaming
                ? .answering(effect(s), atBoundary: isAtBoundary(s)) : .partlySent(effect(s))
        case .waiting:
            if s.pointee.answerBegun { return .answering(effect(s), atBoundary: isAtBoundary(s)) }
            // Without its text a statement can't be run again.
            return s.pointee.statementKept ? .sent(effect(s)) : .sent(.opaque)
        }
    }

    private func isAtBoundary(_ s: SessionRef) -> Bool {
        s.pointee.nodeSkip == 0 && !s.pointee.tracker.isContinued
    }

    /// What the statement in flight does, as far as its text proves.
    private func effect(_ s: SessionRef) -> StatementFacts.Effect {
        switch s.pointee.command {
        case .query:
            guard s.pointee.statementKept else { return .opaque }
            return StatementClassifier.classify(s.pointee.statementText, dialect: dialect(s)).effect
        case .statementExecute, .bulkExecute:
            guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return .opaque }
            return s.pointee.prepared[i].text.withUnsafeBytes {
                StatementClassifier.classify($0, dialect: dialect(s)).effect
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
        if s.pointee.backend == .attached || s.pointee.backend == .restoring {
            fleet.set(thread: nil, of: s.pointee.id)
            s.pointee.nodeCounters.pointee.sessionsNow.subtract()
        }
        s.pointee.backend = .detached
        s.pointee.nodeCarry.release()
        s.pointee.nodePending.release()
        s.pointee.nodeSkip = 0
        s.pointee.finishesAfterSkip = false
        s.pointee.hasOwn = false
        s.pointee.tracksWithNext = false
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
