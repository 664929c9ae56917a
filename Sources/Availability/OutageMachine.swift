import Cluster

/// Makes outages of what the data plane felt and what the cluster published. Pure: a value fed with events and times.
///
/// An outage is one stretch without service, however many causes it has; two that an answered statement lies between
/// are two. What fails within ``settleTime`` of an outage's end, the primary still being there, belongs to it: sessions
/// find out one by one what they have lost.
public struct OutageMachine: Sendable {
    public enum Change: Hashable, Sendable {
        case opened(OutageRecord)
        /// Counts or findings are newer; also once for an ended one.
        case updated(OutageRecord)
        case ended(OutageRecord)
        /// Nothing of it changes any more.
        case settled(OutageRecord)
        /// One that was opened is not to be counted.
        case dismissed(number: Int)
    }

    private enum Primary: Hashable {
        /// None yet. Can transition to: present.
        case unseen
        /// Can transition to: present (another generation), absent.
        case present(NodeID, Generation)
        /// Can transition to: present.
        case absent(NodeID, Generation)
    }

    private struct Open: Hashable {
        var record: OutageRecord
        var fromNode: NodeID?
        var toNode: NodeID?
        /// Which runs of the servers' processes were lost and found.
        var lostLife: UInt64?
        var foundLife: UInt64?
    }

    public static let settleTime = Instant.Span.seconds(1)
    /// A wait without an error and without a lost primary that is shorter is no outage: a connection was made anew.
    public static let blipMax = Instant.Span.milliseconds(100)

    /// A server that answers slowly is silent again and again: silences that are no further apart are one outage.
    public static let calmTime = settleTime

    private var primary = Primary.unseen
    /// Of the primary that is there or was last.
    private var life: UInt64?
    /// The last view's: what an outage begins in.
    private var phase = Phase.lost
    private var isPaused = false
    /// The pause was asked for, and is not a part of what went wrong.
    private var isPausePlanned = false
    private var resumedAt: Instant?
    private var current: Open?
    /// Ended, and not yet settled.
    private var settling: [OutageRecord] = []
    /// Those, by their numbers, that are made of a server's silences.
    private var silences: Set<Int> = []
    /// After an outage's end, someone waits again; unanswered so far.
    private var relapse: (at: Instant, isError: Bool)?
    /// Where the last failover went away from: going back there is a fallback.
    private var away: NodeID?
    private var count = 0
    /// What the workers' episodes have added to which outage, by its number.
    private var episodes: [Int: [AffectedEpisode]] = [:]

    /// - Parameter history: the kinds and origins of failovers and fallbacks before this machine's time, oldest first.
    public init(after history: [(kind: OutageKind, from: NodeID)] = []) {
        for move in history {
            switch move.kind {
            case .failover: away = away ?? move.from
            case .fallback: away = nil
            case .restart, .pause, .disturbance, .start, .open: break
            }
        }
    }

    /// The outage that is going on.
    public var open: OutageRecord? { current?.record }

    // MARK: what users feel

    /// The first statement or login that was held since all was well.
    public mutating func held(at time: Instant) -> [Change] { troubled(at: time, isError: false) }

    /// The first statement that waits for a server which says nothing, since all was well.
    public mutating func stalled(at time: Instant) -> [Change] {
        if current == nil, let last = settling.last, silences.contains(last.number), let ended = last.ended,
            time - ended < Self.calmTime
        {
            var record = settling.removeLast()
            record.reopen()
            relapse = nil
            current = Open(record: record)
            return [.updated(record)]
        }
        let isNew = current == nil
        let changes = troubled(at: time, isError: false)
        if isNew, let open = current { silences.insert(open.record.number) }
        return changes
    }

    /// The first statement that failed since all was well.
    public mutating func failed(at time: Instant) -> [Change] { troubled(at: time, isError: true) }

    private mutating func troubled(at time: Instant, isError: Bool) -> [Change] {
        if var open = current {
            if !open.record.isFelt {
                open.record.isFelt = true
                open.record.began = time
                open.record.beginPhases(at: time)
                open.record.knownUntil = max(time, open.record.knownUntil)
            }
            if isError { open.record.firstError = open.record.firstError ?? time }
            current = open
            return [.updated(open.record)]
        }
        if let last = settling.indices.last, !isPaused, let ended = settling[last].ended,
            time - ended < Self.settleTime
        {
            relapse = relapse ?? (time, isError)
            guard isError, settling[last].firstError == nil else { return [] }
            settling[last].firstError = time
            settling[last].isFelt = true
            return [.updated(settling[last])]
        }
        return [begin(at: time, isFelt: true, isError: isError)]
    }

    /// A client was told an error, in whatever trouble there is.
    public mutating func told(at time: Instant) -> [Change] {
        guard var open = current, open.record.firstError == nil, time >= open.record.began else { return [] }
        open.record.firstError = time
        current = open
        return [.updated(open.record)]
    }

    /// The first statement that was answered after trouble.
    public mutating func answered(at time: Instant) -> [Change] {
        var changes: [Change] = []
        if let felt = relapse, current == nil, case .present = primary, time - felt.at >= Self.blipMax {
            // Nobody was answered for so long: not the rest of the outage before.
            changes.append(begin(at: felt.at, isFelt: true, isError: felt.isError))
        }
        relapse = nil
        return changes + ended(at: time)
    }

    private mutating func ended(at time: Instant) -> [Change] {
        guard let open = current, open.record.isFelt, time >= open.record.began else { return [] }
        // An answer that was under way when the primary went, or when a pause began: workers hear of it one by one.
        if case .absent = primary { return [] }
        if isPaused { return [] }
        if let found = open.record.primaryFound, time < found { return [] }
        return [end(at: time)]
    }

    // MARK: what administrators do

    /// - Parameter isPlanned: somebody asked for it. What the cluster does of its own accord, because something went
    ///   wrong, is none: neither are the outages that begin in it. One that was there before stays what it is.
    public mutating func paused(isPlanned: Bool = true) {
        isPaused = true
        isPausePlanned = isPlanned
        resumedAt = nil
    }

    public mutating func resumed(at now: Instant) {
        isPaused = false
        isPausePlanned = false
        resumedAt = now
    }

    // MARK: what the cluster does

    public mutating func observe(_ view: ClusterView, at now: Instant) -> [Change] {
        let time = min(view.since, now)
        defer {
            phase = view.phase
            if view.primary != nil { life = view.life ?? life }
        }
        switch (primary, view.primary) {
        case (.unseen, nil), (.absent, nil):
            return note(view, at: time)
        case (.unseen, let node?):
            primary = .present(node, view.generation)
            return found(node, view, at: time)
        case (.present(let node, let generation), nil):
            primary = .absent(node, generation)
            return lost(node, generation, view, at: time)
        case (.present(let node, let generation), let next?):
            guard generation != view.generation else { return [] }
            primary = .present(next, view.generation)
            return lost(node, generation, view, at: time) + found(next, view, at: time)
        case (.absent, let node?):
            primary = .present(node, view.generation)
            return found(node, view, at: time)
        }
    }

    private mutating func lost(
        _ node: NodeID, _ generation: Generation, _ view: ClusterView, at time: Instant
    ) -> [Change] {
        var changes: [Change] = []
        if current == nil, let first = firstSign(before: time) {
            settling.removeLast()
            relapse = nil
            current = Open(record: first)
            changes.append(.opened(first))
        }
        if current == nil {
            let felt = relapse
            changes.append(begin(at: felt?.at ?? time, isFelt: felt != nil, isError: felt?.isError ?? false))
        }
        guard var open = current else { return changes }
        let old = view.nodes.first { $0.node.id == node }
        if open.record.primaryLost == nil {
            open.record.primaryLost = time
            open.record.from = old?.node.name ?? node.description
            open.record.lost = generation
            open.record.reason = old?.lastCheck ?? ""
            open.fromNode = node
            open.lostLife = life
            if open.record.cause == .connections { open.record.cause = .primaryLost }
        }
        open.record.primaryFound = nil
        // Who takes a node out of service that is in trouble did not plan that.
        let isHealthy = time - open.record.began < Self.blipMax
        if isHealthy, (old?.administrative ?? .ready) != .ready { open.record.isPlanned = true }
        current = open
        return changes + note(view, at: time)
    }

    /// A statement that failed or waited just before the primary was lost, while others were still answered: the outage
    /// that was made of it is the beginning of this one.
    private func firstSign(before time: Instant) -> OutageRecord? {
        guard var last = settling.last, let ended = last.ended, last.cause == .connections, last.primaryLost == nil,
            last.length < Self.blipMax, time - ended < Self.settleTime
        else { return nil }
        last.reopen()
        return last
    }

    private mutating func found(_ node: NodeID, _ view: ClusterView, at time: Instant) -> [Change] {
        guard var open = current else { return [] }
        open.record.primaryFound = time
        open.record.to = view.nodes.first { $0.node.id == node }?.node.name ?? node.description
        open.record.gained = view.generation
        open.toNode = node
        open.foundLife = view.life
        if view.life != life { life = view.life }
        current = open
        let changes = note(view, at: time)
        return open.record.isFelt ? changes : [end(at: time)]
    }

    /// Diagnosis and phase.
    private mutating func note(_ view: ClusterView, at time: Instant) -> [Change] {
        guard var open = current else { return [] }
        let before = open
        if let diagnosis = view.diagnosis, !open.record.diagnoses.contains(diagnosis) {
            open.record.diagnoses.append(diagnosis)
        }
        open.record.enter(view.phase, at: time)
        current = open
        return open == before ? [] : [.updated(open.record)]
    }

    // MARK: every second

    /// Shares out what a second counted. `row` has been completed at `now`.
    public mutating func record(_ row: Interval, at now: Instant) -> [Change] {
        let from = row.monotonic
        let to = row.monotonic + row.covered
        var best: (index: Int, overlap: Int64)?
        var overlaps: [(index: Int, overlap: Int64)] = []
        var all = settling
        if let open = current { all.append(open.record) }
        for i in all.indices {
            let begin = max(all[i].began, from)
            let end = min(all[i].ended ?? to, to)
            guard begin <= end else { continue }
            let overlap = (end - begin).nanoseconds
            if overlap >= best?.overlap ?? 0 { best = (i, overlap) }
            overlaps.append((i, overlap))
            let milliseconds = (overlap + 500_000) / 1_000_000
            all[i].usersMax = max(all[i].usersMax, row.usersMax)
            // Until the workers tell who it was; in a second with two outages that is more than either has.
            if episodes[all[i].number] == nil {
                all[i].usersAffected = max(all[i].usersAffected, row.usersAffectedMax)
            }
            all[i].userMillisecondsPresent += Int64(row.users.rounded()) * milliseconds
            all[i].heldMax = max(all[i].heldMax, row.heldMax)
        }
        // What comes after the end, and before another one began, is what it left behind.
        if let i = best?.index ?? all.indices.last {
            // Errors are those of the one that has any, however short it was in this second.
            let failing = overlaps.map(\.index).filter { all[$0].firstError.map { $0 < to } ?? false }
            all[i].count(row)
            all[failing.count == 1 ? failing[0] : i].countErrors(row)
            share(row.userMillisecondsLost, overlaps, best: i, &all)
        }
        if var open = current {
            open.record = all.removeLast()
            open.record.knownUntil = max(open.record.knownUntil, now)
            current = open
        }
        settling = all
        return endUnattended(row) + settle(at: now)
    }

    /// A second's lost user time, by how much of it each outage took.
    private func share(
        _ lost: Int64, _ overlaps: [(index: Int, overlap: Int64)], best: Int, _ all: inout [OutageRecord]
    ) {
        let felt = overlaps.filter { all[$0.index].isFelt }
        let sum = felt.reduce(0) { $0 + $1.overlap }
        var rest = lost
        if sum > 0 {
            for part in felt where part.index != best {
                let milliseconds = Int64(Double(lost) * Double(part.overlap) / Double(sum))
                all[part.index].userMillisecondsLost += milliseconds
                rest -= milliseconds
            }
        }
        if all[best].isFelt { all[best].userMillisecondsLost += rest }
    }

    /// Whom the workers' present episodes have affected so far.
    public mutating func affected(_ present: [AffectedEpisode]) {
        for episode in present {
            let within = settling.lastIndex {
                $0.began <= episode.began && episode.began <= $0.ended ?? $0.began
            }
            // Else the last one that had begun by then; events of several workers may be out of order a bit.
            let latest = episode.began + Self.blipMax
            if within == nil, let open = current, open.record.began <= latest {
                let users = add(episode, to: open.record.number)
                current?.record.usersAffected = users
            } else if let i = within ?? settling.lastIndex(where: { $0.began <= latest }) {
                let users = add(episode, to: settling[i].number)
                settling[i].usersAffected = users
            }
        }
    }

    private struct Episode: Hashable {
        var worker: Int
        var number: UInt32
    }

    private mutating func add(_ episode: AffectedEpisode, to number: Int) -> Int {
        var all = episodes[number] ?? []
        if let i = all.firstIndex(where: { $0.worker == episode.worker && $0.number == episode.number }) {
            all[i] = episode
        } else {
            all.append(episode)
        }
        episodes[number] = all
        // A session that an earlier one of these has affected too is no other user.
        let present = Set(all.map { Episode(worker: $0.worker, number: $0.number) })
        return all.reduce(0) { sum, each in
            let again = each.returning.reduce(0) {
                $0 + (present.contains(Episode(worker: each.worker, number: $1.key)) ? $1.value : 0)
            }
            return sum + each.users - again
        }
    }

    /// Nobody waits for anything, and there is a primary: the outage is over although nobody has been answered.
    private mutating func endUnattended(_ row: Interval) -> [Change] {
        guard let open = current else { return [] }
        guard case .present = primary, !isPaused, row.heldNow == 0, row.inFlightNow == 0, row.loginsHeldNow == 0,
            open.record.began < row.monotonic + row.covered
        else { return [.updated(open.record)] }
        let record = open.record
        let resumed = record.isPlanned ? resumedAt ?? record.began : record.began
        return [end(at: max(record.began, resumed, record.primaryFound ?? record.firstError ?? record.began))]
    }

    private mutating func settle(at now: Instant) -> [Change] {
        var changes: [Change] = []
        if let felt = relapse, current == nil, now - felt.at >= Self.blipMax {
            changes.append(begin(at: felt.at, isFelt: true, isError: felt.isError))
        }
        var rest: [OutageRecord] = []
        for record in settling {
            if now - (record.ended ?? now) < Self.settleTime {
                rest.append(record)
                changes.append(.updated(record))
            } else {
                silences.remove(record.number)
                changes.append(.settled(record))
            }
        }
        settling = rest
        if settling.isEmpty, current == nil { episodes = [:] }
        return changes
    }

    // MARK: begin and end

    private mutating func begin(at time: Instant, isFelt: Bool, isError: Bool) -> Change {
        relapse = nil
        count += 1
        let cause: OutageCause =
            switch primary {
            case .unseen: isPausePlanned ? .paused : .starting
            case .present: isPausePlanned ? .paused : .connections
            case .absent: .primaryLost
            }
        var record = OutageRecord(number: count, began: time, isFelt: isFelt, cause: cause)
        record.isPlanned = isPausePlanned
        record.phases = [PhaseSpan(phase: phase, began: time)]
        if isError { record.firstError = time }
        current = Open(record: record)
        return .opened(record)
    }

    private mutating func end(at time: Instant) -> Change {
        guard var open = current else { preconditionFailure("no outage to end") }
        current = nil
        relapse = nil
        let record = open.record
        if record.cause == .connections || record.cause == .paused, record.primaryLost == nil, !record.hasErrors,
            time - record.began < Self.blipMax
        {
            // Its number is the next one's: those that are told have no holes.
            if record.number == count { count -= 1 }
            episodes[record.number] = nil
            silences.remove(record.number)
            return .dismissed(number: record.number)
        }
        open.record.ended = max(time, record.began)
        open.record.knownUntil = max(time, record.began)
        open.record.endPhases(at: max(time, record.began))
        open.record.kind = kind(of: open)
        settling.append(open.record)
        return .ended(open.record)
    }

    private mutating func kind(of open: Open) -> OutageKind {
        guard let from = open.fromNode else {
            switch open.record.cause {
            case .starting: return .start
            case .paused: return .pause
            case .primaryLost, .connections: return .disturbance
            }
        }
        guard let to = open.toNode, to != from else {
            // Its connections are as good as before: it was out of service by an administrator's word.
            if open.record.lost == open.record.gained { return open.record.isPlanned ? .pause : .disturbance }
            // Nor has a server stopped that is the same one as before, in a new generation for whatever reason.
            if let life = open.lostLife, life == open.foundLife { return open.record.isPlanned ? .pause : .disturbance }
            return .restart
        }
        if to == away {
            away = nil
            return .fallback
        }
        away = away ?? from
        return .failover
    }
}

extension OutageRecord {
    // The phases follow each other without a gap from the beginning to the end: they add up to the outage.

    /// It goes on.
    fileprivate mutating func reopen() {
        ended = nil
        kind = .open
        if !phases.isEmpty { phases[phases.count - 1].ended = nil }
    }

    /// A promotion begins: what was called mounting or starting before was the old node's way down.
    private mutating func forgetWayDown() {
        guard !phases.contains(where: { $0.phase == .promoting }) else { return }
        var kept: [PhaseSpan] = []
        for var span in phases {
            switch span.phase {
            case .mounting, .starting, .recovering: span.phase = .lost
            case .lost, .fencing, .promoting, .ready: break
            }
            if let last = kept.last, last.phase == span.phase {
                kept[kept.count - 1].ended = span.ended
            } else {
                kept.append(span)
            }
        }
        phases = kept
    }

    fileprivate mutating func enter(_ phase: Phase, at time: Instant) {
        if phase == .promoting { forgetWayDown() }
        guard let last = phases.last, last.phase != phase else { return }
        let moment = max(time, last.began)
        if moment == last.began {
            // It lasted no time.
            phases.removeLast()
            if phases.last?.phase == phase {
                phases[phases.count - 1].ended = nil
                return
            }
        } else {
            phases[phases.count - 1].ended = moment
        }
        phases.append(PhaseSpan(phase: phase, began: moment))
    }

    /// The outage began at another moment than was thought.
    fileprivate mutating func beginPhases(at time: Instant) {
        phases.removeAll { $0.ended.map { $0 <= time } ?? false }
        if !phases.isEmpty { phases[0].began = time }
    }

    fileprivate mutating func endPhases(at time: Instant) {
        while phases.count > 1, let last = phases.last, last.began >= time { phases.removeLast() }
        if !phases.isEmpty { phases[phases.count - 1].ended = time }
    }

    fileprivate mutating func count(_ row: Interval) {
        held += row.held
        rerun += row.rerun
        abandoned += row.abandoned
        moved += row.moved
        reconnected += row.reconnected
    }

    fileprivate mutating func countErrors(_ row: Interval) {
        failed += row.failed
        unknown += row.unknown
        refused += row.loginsRefused
        sessionsLost += row.lost
        if row.failed > 0 || row.loginsRefused > 0 { firstError = firstError ?? max(began, row.monotonic) }
    }
}
