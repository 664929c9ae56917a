import Admin
import Availability
import Cluster
import Proxy
import Reactor
import Settings

extension HTTPServer {
    /// The HTTP side as configured; nil where there is none.
    convenience init?(
        _ admin: Configuration.Admin, loop: EventLoop, source: some WebSource, limits: Limits
    ) throws(SystemError) {
        guard let http = admin.http else { return nil }
        try self.init(
            listen: http, token: admin.httpToken, loop: loop, source: source,
            latencyBound: { LatencyScale.upperBoundMicroseconds(of: $0) }, limits: limits)
    }
}

extension Control: WebSource {
    /// No more than fit on a page.
    var outageReports: [OutageReport] {
        let now = MonotonicClock.now()
        return ledger.outages.suffix(100).map { OutageReport($0, at: now) }
    }
}

extension SecondFigures {
    /// - Parameter hasPrimary: as far as is known afterwards.
    init(_ row: Interval, bounds: (Int) -> Int, hasPrimary: Bool) {
        self.init(time: row.ended.nanoseconds / 1_000_000_000)
        users = Int(Int64(nearest: row.users))
        usersAffected = row.usersAffectedMax
        begun = UInt64(clamping: row.begun)
        answered = UInt64(clamping: row.answered)
        failed = UInt64(clamping: row.failed)
        heldNow = row.heldNow + row.loginsHeldNow
        inFlightNow = row.inFlightNow
        self.hasPrimary = hasPrimary
        p50Microseconds = row.latency.bucket(of: 0.5).map(bounds)
        p99Microseconds = row.latency.bucket(of: 0.99).map(bounds)
    }

    /// The ledger's last hour, for the page. A second at whose end there was an outage had no primary.
    static func history(_ rows: [Interval], outages: [OutageRecord]) -> [SecondFigures] {
        let times = outages.map { ($0.wall.nanoseconds, $0.wall.nanoseconds + $0.length.nanoseconds) }
        return rows.map { row in
            let end = row.ended.nanoseconds
            return SecondFigures(
                row, bounds: { LatencyScale.upperBoundMicroseconds(of: $0) },
                hasPrimary: !times.contains { $0.0 < end && end <= $0.1 })
        }
    }
}

extension OutageReport {
    init(_ record: OutageRecord, at now: Instant) {
        let isUnderWay = record.ended == nil && !record.isInterrupted
        self.init(
            began: record.wall.nanoseconds / 1_000_000, length: isUnderWay ? now - record.began : record.length)
        self.isUnderWay = isUnderWay
        isEarlier = record.run != 0
        age = isEarlier ? .zero : now - record.began
        isFelt = record.isFelt
        isPlanned = record.isPlanned
        from = record.from
        to = record.to
        gained = record.gained
        kind = record.kind.rawValue
        diagnosis = record.diagnoses.last
        stages = record.phases.compactMap { phase in phase.length.map { Stage(phase: phase.phase, length: $0) } }
        usersAffected = record.usersAffected
        userMinutesLost = record.userMinutesLost
    }
}

extension WorkSample {
    init(_ sample: SecondSample) {
        self.init()
        users = sample.users
        begun = sample.begun
        answered = sample.answered
        failed = sample.failed
        abandoned = sample.abandoned
        heldTotal = sample.heldTotal
        rerun = sample.rerun
        unknown = sample.unknown
        moved = sample.moved
        reconnected = sample.reconnected
        loginsRefused = sample.loginsRefused
        bytesIn = sample.bytesIn
        bytesOut = sample.bytesOut
        heldNow = sample.heldNow
        inFlightNow = sample.inFlightNow
        loginsHeldNow = sample.loginsHeldNow
        usersAffected = sample.usersAffected
        latency = sample.latency
    }
}
