import Cluster
import MySQLWire
import Reactor

/// What the ledger is told.
///
/// A session is *affected* from the moment in which its statement or login had to wait or failed until it is answered;
/// one that only got an error, and asks nothing more, until somebody is answered. The time that sessions are affected
/// is added up exactly: it is the user time lost.
extension Worker {
    func sample() -> SecondSample {
        let time = MonotonicClock.now()
        var sample = SecondSample()
        sample.users = sessionCount
        sample.begun = counters.begun.current
        sample.answered = counters.answered.current
        sample.failed = counters.failed.current
        sample.abandoned = counters.abandoned.current
        sample.heldTotal = counters.heldTotal.current
        sample.rerun = counters.rerun.current
        sample.unknown = counters.unknown.current
        sample.moved = counters.moved.current
        sample.reconnected = counters.reconnected.current
        sample.loginsRefused = counters.loginsRefused.current
        sample.sessionsLost = counters.lost.current
        sample.bytesIn = counters.bytesIn.current
        sample.bytesOut = counters.bytesOut.current
        var lost = trouble.nanosecondsLost
        var next = sessions
        while let s = next {
            next = s.pointee.next
            var isAffected = s.pointee.affectedIn == samplesTaken
            if s.pointee.affectedSince.nanoseconds != 0 {
                isAffected = true
                lost += max(0, (time - s.pointee.affectedSince).nanoseconds)
            }
            switch s.pointee.frontend {
            case .held:
                sample.heldNow += 1
                isAffected = true
            case .streaming, .waiting, .infile: sample.inFlightNow += 1
            case .login, .ungreeted:
                if s.pointee.queue == .held {
                    sample.loginsHeldNow += 1
                    isAffected = true
                }
            case .handshake, .relaying, .penalized, .idle, .discarding, .closing, .leaving: break
            }
            if isAffected { sample.usersAffected += 1 }
        }
        sample.usersAffected += affectedAndGone
        sample.userNanosecondsLost = lost
        sample.told = told
        sample.episodes = trouble.takeEpisodes(worker: index)
        affectedAndGone = 0
        samplesTaken &+= 1
        latency.take(into: &sample.latency)
        return sample
    }

    /// A session has to wait.
    func noteHeld(_ s: SessionRef) {
        let time = MonotonicClock.now()
        if trouble.begins(at: time) { fleet.onService(.held(time)) }
        note(s, paused ? "waits for the end of a pause" : "waits for a primary")
        affect(s, since: time)
    }

    /// A statement ended with an error of ours.
    func noteFailed(_ s: SessionRef, _ error: ErrorPacket, isHeldTooLong: Bool = false) {
        counters.failed.add()
        let time = MonotonicClock.now()
        if trouble.begins(at: time) { fleet.onService(.failed(time)) }
        affect(s, since: time)
        noteTold(s, error, isHeldTooLong: isHeldTooLong)
    }

    /// A statement was answered by a node.
    @inline(__always)
    func noteAnswered(_ s: SessionRef) {
        counters.answered.add()
        s.pointee.nodeCounters.pointee.answered.add()
        let end = MonotonicClock.now()
        heardAt = end
        // A statement that takes long is not a client that does nothing.
        s.pointee.lastActive = end
        let microseconds = (end - s.pointee.startedAt).nanoseconds / 1000
        latency.count(LatencyScale.bucket(ofMicroseconds: microseconds))
        note(s, of: .statements, "is answered after \(microseconds) us")
        if trouble.isUnderWay || trouble.affected != 0 { served(s, at: end) }
    }

    /// A login that had to wait succeeded: that is an answer too.
    func noteLoggedIn(_ s: SessionRef) {
        if s.pointee.affectedSince.nanoseconds != 0 { served(s, at: MonotonicClock.now()) }
    }

    private func served(_ s: SessionRef, at end: Instant) {
        if trouble.isOfItsOwn(at: end), gateOpen { separateTrouble() }
        release(affected: s, at: end)
        guard trouble.isUnderWay, gateOpen else { return }
        trouble.ended(at: end)
        fleet.onService(.answered(end))
        // Whoever got an error and has nothing under way could be served from now on.
        var next = trouble.affected > 0 ? sessions : nil
        while let other = next {
            next = other.pointee.next
            switch other.pointee.frontend {
            case .penalized, .idle, .discarding, .closing, .leaving: release(affected: other, at: end)
            case .ungreeted, .handshake, .login, .relaying, .held, .streaming, .waiting, .infile: break
            }
        }
    }

    /// A session ends. Its statement, if there is one, is not going to be answered.
    func noteGone(_ s: SessionRef) {
        switch s.pointee.frontend {
        case .held: counters.abandoned.add()
        case .streaming, .waiting, .infile:
            counters.abandoned.add()
            s.pointee.nodeCounters.pointee.abandoned.add()
        case .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .discarding, .closing, .leaving: break
        }
        if s.pointee.affectedSince.nanoseconds != 0 { release(affected: s, at: MonotonicClock.now()) }
        if s.pointee.affectedIn == samplesTaken { affectedAndGone += 1 }
    }

    private func affect(_ s: SessionRef, since time: Instant) {
        s.pointee.affectedIn = samplesTaken
        if s.pointee.affectedSince.nanoseconds == 0 {
            s.pointee.affectedSince = time
            trouble.affected += 1
        }
        count(s)
    }

    /// As one of those whom the present episode has affected, once.
    private func count(_ s: SessionRef) {
        guard s.pointee.episode != trouble.number else { return }
        trouble.count(lastCountedIn: s.pointee.episode)
        s.pointee.episode = trouble.number
    }

    private func release(affected s: SessionRef, at time: Instant) {
        guard s.pointee.affectedSince.nanoseconds != 0 else { return }
        trouble.nanosecondsLost += max(0, (time - s.pointee.affectedSince).nanoseconds)
        s.pointee.affectedSince = Instant(nanoseconds: 0)
        s.pointee.affectedIn = samplesTaken
        trouble.affected -= 1
    }

    /// What was a part of the trouble before turns out to be the next: the sessions that wait belong to that.
    func separateTrouble() {
        trouble.separate()
        var next = trouble.affected > 0 ? sessions : nil
        while let s = next {
            next = s.pointee.next
            if s.pointee.affectedSince.nanoseconds != 0 { count(s) }
        }
    }

    // MARK: silence

    /// Nothing held, nothing failed, and nothing comes from the node: on every tick.
    func listenForSilence() {
        if hasHeard {
            hasHeard = false
            heardAt = max(heardAt, now)
        }
        if trouble.isOfItsOwn(at: now) { separateTrouble() }
        if let since = stalledSince {
            if heardAt > since || !gateOpen { stalledSince = nil } else { affectWaiting(since) }
            return
        }
        guard gateOpen, now - heardAt >= Worker.silenceMin, now >= silenceReportDue else { return }
        let pending =
            counters.begun.current &- counters.answered.current &- counters.failed.current &- counters.abandoned.current
        guard pending > 0 || attaching.count > 0, let began = silenceBegan(), now - began >= Worker.silenceMin
        else { return }
        // Again as long as it lasts: the node may answer a check now and stop later.
        silenceReportDue = now + Worker.silenceMin
        guard let primary = view.primary else { return }
        fleet.onService(.silent(primary, worker: index, since: began))
    }

    /// Since when somebody has waited for a node that says nothing; nil where nobody does.
    private func silenceBegan() -> Instant? {
        var oldest: Instant?
        var next = sessions
        while let s = next {
            next = s.pointee.next
            if let began = waitBegan(s) { oldest = min(oldest ?? began, began) }
        }
        return oldest.map { max($0, heardAt) }
    }

    private func waitBegan(_ s: SessionRef) -> Instant? {
        if s.pointee.queue == .attaching {
            return s.pointee.deadline + Instant.Span(nanoseconds: -options.connectTimeout.nanoseconds)
        }
        switch s.pointee.frontend {
        case .waiting: return s.pointee.startedAt
        // A client that takes its time is not the node's silence.
        case .streaming, .infile, .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .held, .discarding,
            .closing, .leaving:
            return nil
        }
    }

    /// The node did not answer a check either: those who wait for it are affected, since they wait.
    func stalled(since began: Instant) {
        now = MonotonicClock.now()
        guard heardAt <= began, !hasHeard, gateOpen, stalledSince == nil else { return }
        stalledSince = began
        if trouble.begins(at: began) { fleet.onService(.stalled(began)) }
        affectWaiting(began)
    }

    private func affectWaiting(_ since: Instant) {
        var next = sessions
        while let s = next {
            next = s.pointee.next
            if s.pointee.affectedSince.nanoseconds == 0, let began = waitBegan(s) {
                affect(s, since: max(began, since))
            }
        }
    }
}

/// Stretches of time in which sessions are affected, as one worker sees them. Pure: a value fed with times.
struct Trouble {
    /// Something was held or failed, and nothing has been answered since.
    private(set) var isUnderWay = false
    /// Sessions that are affected now.
    var affected = 0
    /// The time that sessions were affected, of those that are not any more.
    var nanosecondsLost: Int64 = 0
    /// Of the present episode, or the last one: what comes within a second of its end belongs to it.
    private(set) var number: UInt32 = 0
    private(set) var began = Instant(nanoseconds: 0)
    /// Distinct sessions that it has affected, and how many of them an earlier episode had affected last.
    private var users = 0
    private var returning: [UInt32: Int] = [:]
    /// Those before the present one of which no sample has told yet.
    private var finished: [AffectedEpisode] = []
    private static let finishedMax = 64
    private var endedAt: Instant?
    /// Set where the trouble under way was taken for the rest of the one before.
    private var resumedAt: Instant?

    // As the ledger's outages have it.
    static let settleTime = Instant.Span.seconds(1)
    static let blipMax = Instant.Span.milliseconds(100)

    /// True where there was none.
    mutating func begins(at time: Instant) -> Bool {
        if isUnderWay { return false }
        isUnderWay = true
        if let endedAt, time - endedAt < Self.settleTime {
            resumedAt = time
        } else {
            begin(at: time)
        }
        return true
    }

    mutating func ended(at time: Instant) {
        isUnderWay = false
        resumedAt = nil
        endedAt = time
    }

    /// Whether what was taken for the rest of the one before has gone on for so long that it is one of its own.
    func isOfItsOwn(at now: Instant) -> Bool { resumedAt.map { now - $0 >= Self.blipMax } ?? false }

    /// The primary is lost (again): what is under way is not the rest of the one before.
    var isResumed: Bool { resumedAt != nil }

    mutating func separate() {
        guard let resumedAt else { return }
        begin(at: resumedAt)
    }

    /// A session that it has not affected yet.
    mutating func count(lastCountedIn earlier: UInt32) {
        users += 1
        if earlier != 0 { returning[earlier, default: 0] += 1 }
    }

    /// What was not told, and the present state of the present one or the last.
    mutating func takeEpisodes(worker: Int) -> [AffectedEpisode] {
        guard number > 0 else { return [] }
        defer { finished = [] }
        return finished.map {
            var episode = $0
            episode.worker = worker
            return episode
        } + [AffectedEpisode(worker: worker, number: number, began: began, users: users, returning: returning)]
    }

    private mutating func begin(at time: Instant) {
        if number > 0, finished.count < Self.finishedMax {
            finished.append(
                AffectedEpisode(worker: 0, number: number, began: began, users: users, returning: returning))
        }
        returning = [:]
        number &+= 1
        if number == 0 { number = 1 }
        began = time
        users = 0
        resumedAt = nil
        endedAt = nil
    }
}
