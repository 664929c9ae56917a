import Admin
import Availability
import Cluster
import Glibc
import Ledger
import Logging
import Proxy
import Reactor
import Settings

/// Keeps the availability ledger: asks the data plane for a sample every second, makes rows and outages of what it is
/// told, remembers the last hour, and has it all written where a file is configured. Lives on the control thread.
final class LedgerKeeper {
    /// Seconds and outages that are remembered, whether a file is written or not.
    private static let secondsMax = 3600
    private static let outagesMax = 200
    private static let unknownMax = 1000

    private let log: Logger
    private let loop: EventLoop
    private let requestSample: () -> Void
    private let onSettled: (OutageRecord) -> Void
    private let writer: LedgerWriter?
    private var ledger: SecondLedger
    private var machine: OutageMachine
    /// The last hour, oldest first; at the start what the log has of it.
    private(set) var seconds: [Interval] = []
    /// Oldest first, those of earlier runs (their `run` is not 0) before this one's; the last may be going on.
    private(set) var outages: [OutageRecord] = []
    /// Of this run's, those that are not remembered any more.
    private var before = 0
    /// Oldest first; those of earlier runs have a `run`.
    private(set) var unknown: [UnknownRecord] = []
    private var previous: Interval?
    private var isUnbalanced = false

    /// - Parameters:
    ///   - claim: the right to write the file, and what others are told of whoever has it.
    ///   - requestSample: asks for a sample, that ``take(_:at:)`` is then given.
    ///   - onSettled: an outage is over, and all of it is counted.
    init(
        _ availability: Configuration.Availability, claim: LedgerClaim, nodes: [Node], log: Logger, loop: EventLoop,
        requestSample: @escaping () -> Void, onSettled: @escaping (OutageRecord) -> Void
    ) {
        self.log = log
        self.loop = loop
        self.requestSample = requestSample
        self.onSettled = onSettled
        let now = MonotonicClock.now()
        let wall = Self.wallTime()
        var options = LedgerOptions()
        options.keepSeconds = availability.retentionSeconds
        options.keepMinutes = availability.retentionMinutes
        options.keepHours = availability.retentionHours
        options.delayBound = availability.delayBound
        options.bounds = LatencyBounds(
            microseconds: (0..<LatencyScale.bucketCount).map { LatencyScale.upperBoundMicroseconds(of: $0) })
        ledger = SecondLedger(bounds: options.bounds, delayBound: options.delayBound, at: now, wall: wall)
        let past = Self.remember(availability.file, wall)
        seconds = past.seconds
        outages = past.outages
        unknown = past.unknown
        machine = OutageMachine(
            after: past.moves.compactMap { move in
                nodes.first { $0.name == move.from }.map { (kind: move.kind, from: $0.id) }
            })
        writer = availability.file.map { path in
            LedgerWriter(
                path: path, options: options,
                run: LedgerRun(version: Program.version, began: wall, monotonic: now), lock: claim.lock,
                origin: claim.origin,
                onNote: { isProblem, sentence in
                    if isProblem { log.warning("\(sentence)") } else { log.notice("\(sentence)") }
                })
        }
    }

    /// What the log has of the time before this run; nothing where there is none, or it can't be read: what is wrong
    /// with it the writer will say.
    private static func remember(_ path: String?, _ now: WallTime) -> LedgerPast {
        guard let path else { return LedgerPast() }
        let since = now + Instant.Span(nanoseconds: -Int64(secondsMax) * 1_000_000_000)
        guard
            var past = try? LedgerContents.recent(
                path: path, since: since, outagesMax: outagesMax, unknownMax: unknownMax)
        else {
            return LedgerPast()
        }
        // The run that saw it is over.
        for i in past.outages.indices where past.outages[i].ended == nil { past.outages[i].isInterrupted = true }
        return past
    }

    /// The outage that is going on.
    var open: OutageRecord? { machine.open }

    /// Nil where no file is configured.
    var facts: LedgerFacts? {
        guard let writer else { return nil }
        let status = writer.status
        var facts = LedgerFacts(file: writer.path)
        facts.written = status.written
        facts.secondsWritten = status.secondsWritten
        facts.waiting = status.waiting
        facts.dropped = status.dropped
        facts.failure = status.failure?.description
        return facts
    }

    func start() { scheduleSample() }

    /// Writes what is not written yet, the last stretch of time included, and ends the run in the log.
    ///
    /// - Parameter last: what the data plane had counted when it ended.
    func close(_ last: SecondSample?) {
        if let last {
            let now = MonotonicClock.now()
            machine.affected(last.episodes)
            let entries = take(ledger.close(LedgerSample(last), at: now, wall: Self.wall(at: now)), at: now)
            writer?.post(entries)
        }
        writer?.close(within: .seconds(5))
    }

    /// Outages of this run, as all that show them count them: those that may yet turn out to be none are not among them.
    var outageCount: Int {
        let now = MonotonicClock.now()
        return outages.reduce(before) { count, record in
            guard record.run == 0 else { return count }
            let isOne = record.ended != nil || record.primaryLost != nil || record.hasErrors
            return isOne || now - record.began >= OutageMachine.settleTime ? count + 1 : count
        }
    }

    // MARK: what it is told

    func take(_ view: ClusterView) { apply(machine.observe(view, at: MonotonicClock.now())) }

    func take(_ event: ServiceEvent) {
        switch event {
        case .held(let time): apply(machine.held(at: time))
        case .failed(let time): apply(machine.failed(at: time))
        case .stalled(let time): apply(machine.stalled(at: time))
        case .answered(let time): apply(machine.answered(at: time))
        // No outage yet: whether it is one the primary's next check says.
        case .silent: break
        case .told(_, let time): apply(machine.told(at: time))
        }
    }

    func take(_ outcome: UnknownOutcome) {
        let record = UnknownRecord(outcome, wall: ledger.wall(of: outcome.ended))
        if unknown.count >= Self.unknownMax { unknown.removeFirst(unknown.count - Self.unknownMax + 1) }
        unknown.append(record)
        writer?.post([.unknown(record)])
    }

    func pause(isPlanned: Bool) { machine.paused(isPlanned: isPlanned) }
    func resume() { machine.resumed(at: MonotonicClock.now()) }

    func take(_ sample: SecondSample, at time: Instant) {
        machine.affected(sample.episodes)
        // Rows and outages are made without a file too: the call that writes them must not be the one that makes them.
        let entries = take(ledger.record(LedgerSample(sample), at: time, wall: Self.wall(at: time)), at: time)
        writer?.post(entries)
        scheduleSample()
    }

    private func take(_ rows: [SecondLedger.Entry], at time: Instant) -> [LedgerEntry] {
        var entries: [LedgerEntry] = []
        for entry in rows {
            switch entry {
            case .gap(let gap):
                log.warning("The proxy did not run for \(gap.ended - gap.began): the ledger has a gap.")
                entries.append(.gap(gap))
            case .clockStep(let step):
                log.warning("The clock was set by \(Double((step.found - step.expected).nanoseconds) / 1e9) s.")
                entries.append(.clockStep(step))
            case .second(let row):
                check(row)
                entries.append(.second(row))
                remember(row)
                apply(machine.record(row, at: time))
            }
        }
        return entries
    }

    private func scheduleSample() {
        let wait = ledger.due - MonotonicClock.now()
        let delay = Instant.Span(nanoseconds: max(0, wait.nanoseconds) + 1_000_000)
        loop.schedule(after: delay) { [unowned self] in requestSample() }
    }

    /// The sum of the counters is a promise: said once, should it ever be broken.
    private func check(_ row: Interval) {
        let imbalance = row.imbalance(after: previous)
        previous = row
        guard imbalance != 0, !isUnbalanced else { return }
        isUnbalanced = true
        log.error("The counters do not add up: \(imbalance) statements more have begun than are accounted for.")
    }

    private func remember(_ row: Interval) {
        if seconds.count >= Self.secondsMax { seconds.removeFirst(seconds.count - Self.secondsMax + 1) }
        seconds.append(row)
    }

    // MARK: outages

    private func apply(_ changes: [OutageMachine.Change]) {
        var entries: [LedgerEntry] = []
        for change in changes {
            switch change {
            case .opened(let record), .updated(let record):
                entries.append(.outage(keep(record)))
            case .ended(let record): entries.append(.outage(keep(record)))
            case .settled(let record):
                let kept = keep(record)
                entries.append(.outage(kept))
                onSettled(kept)
            case .dismissed(let number):
                outages.removeAll { $0.run == 0 && $0.number == number }
                entries.append(.outageDismissed(number: number))
            }
        }
        writer?.post(entries)
    }

    /// With its wall time: as the clock was at its beginning, whatever it is set to later.
    private func keep(_ record: OutageRecord) -> OutageRecord {
        var record = record
        if let i = outages.lastIndex(where: { $0.run == 0 && $0.number == record.number }) {
            record.wall = outages[i].began == record.began ? outages[i].wall : ledger.wall(of: record.began)
            outages[i] = record
        } else {
            record.wall = ledger.wall(of: record.began)
            if outages.count >= Self.outagesMax, outages.removeFirst().run == 0 { before += 1 }
            outages.append(record)
        }
        return record
    }

    private static func wallTime() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// What the wall clock showed at a moment just past.
    private static func wall(at time: Instant) -> WallTime {
        let wall = wallTime()
        return WallTime(nanoseconds: wall.nanoseconds - (MonotonicClock.now() - time).nanoseconds)
    }
}

extension LedgerSample {
    init(_ sample: SecondSample) {
        self.init()
        users = sample.users
        begun = Int64(clamping: sample.begun)
        answered = Int64(clamping: sample.answered)
        failed = Int64(clamping: sample.failed)
        abandoned = Int64(clamping: sample.abandoned)
        heldTotal = Int64(clamping: sample.heldTotal)
        rerun = Int64(clamping: sample.rerun)
        unknown = Int64(clamping: sample.unknown)
        moved = Int64(clamping: sample.moved)
        reconnected = Int64(clamping: sample.reconnected)
        loginsRefused = Int64(clamping: sample.loginsRefused)
        lost = Int64(clamping: sample.sessionsLost)
        userNanosecondsLost = sample.userNanosecondsLost
        bytesIn = Int64(clamping: sample.bytesIn)
        bytesOut = Int64(clamping: sample.bytesOut)
        heldNow = sample.heldNow
        inFlightNow = sample.inFlightNow
        loginsHeldNow = sample.loginsHeldNow
        usersAffected = sample.usersAffected
        latency = LatencyCounts(dense: sample.latency)
    }
}
