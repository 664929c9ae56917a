import Cluster

/// Turns samples into one row per second, none missing while the process runs. Pure: a value fed with samples and both
/// clocks.
///
/// Seconds are counted on the monotonic clock, from a whole second of the wall clock on (the first row is the shorter
/// for it); setting the wall clock moves the rows' dates, never their lengths.
public struct SecondLedger: Sendable {
    public enum Entry: Hashable, Sendable {
        case second(Interval)
        case gap(LedgerGap)
        case clockStep(ClockStep)
    }

    private static let second = Instant.Span.seconds(1)
    /// Seconds that a sample may be late and still stand for them all, interpolated; beyond, there is a gap.
    static let lateMax: Int64 = 10
    /// A wall clock that is off by less was not set: the two clocks are not read in the same instant.
    static let stepMin = Instant.Span.milliseconds(200)

    private let delayedAbove: Int
    /// Wall minus monotonic time, nanoseconds.
    private var offset: Int64
    /// Begin of the row that comes next.
    private var from: Instant
    /// Its end: when the next sample is due.
    public private(set) var due: Instant
    private var last = LedgerSample()
    /// Of samples that came before their time.
    private var early = (latency: LatencyCounts(), affected: 0)

    /// - Parameter delayBound: a statement answered later than this counts as delayed.
    public init(bounds: LatencyBounds, delayBound: Instant.Span, at now: Instant, wall: WallTime) {
        delayedAbove = bounds.last(within: Int(delayBound.nanoseconds / 1000))
        offset = wall.nanoseconds - now.nanoseconds
        from = now
        due = now + Instant.Span(nanoseconds: 1_000_000_000 - (wall.nanoseconds - wall.seconds * 1_000_000_000))
    }

    /// By the wall clock as it is set now.
    public func wall(of instant: Instant) -> WallTime { WallTime(nanoseconds: instant.nanoseconds + offset) }

    /// A sample taken at `now`. One that comes before ``due`` adds to the row that is under way.
    public mutating func record(_ sample: LedgerSample, at now: Instant, wall: WallTime) -> [Entry] {
        var entries: [Entry] = []
        let expected = self.wall(of: now)
        if (wall - expected).nanoseconds.magnitude >= Self.stepMin.nanoseconds.magnitude {
            entries.append(.clockStep(ClockStep(at: now, expected: expected, found: wall)))
            offset = wall.nanoseconds - now.nanoseconds
        }
        guard now >= due else {
            early.latency.add(sample.latency)
            early.affected = max(early.affected, sample.usersAffected)
            return entries
        }
        // The row that is due, and those whose own sample never came.
        let late = (now - due).nanoseconds / Self.second.nanoseconds
        if late > Self.lateMax {
            let until = due + Instant.Span(nanoseconds: (late - 1) * Self.second.nanoseconds)
            entries.append(.gap(LedgerGap(began: self.wall(of: from), ended: self.wall(of: until), reason: .stalled)))
            from = until
            due = until + Self.second
            entries.append(.second(row(from: last, to: sample, isLast: true)))
        } else {
            for n in 0...late {
                let isLast = n == late
                let part = isLast ? sample : last.between(sample, step: n + 1, of: late + 1)
                var row = row(from: last, to: part, isLast: isLast)
                if late > 0 { row.estimated = 1 }
                entries.append(.second(row))
                last = part
                from = due
                due = due + Self.second
            }
            return entries
        }
        last = sample
        from = due
        due = due + Self.second
        return entries
    }

    /// The last row, shorter than a second: the process ends. Nothing where it would have no length.
    public mutating func close(_ sample: LedgerSample, at now: Instant, wall: WallTime) -> [Entry] {
        var entries = record(sample, at: now, wall: wall)
        guard now > from, now < due else { return entries }
        due = now
        var end = sample
        // Counted already, by `record`.
        end.latency = LatencyCounts()
        entries.append(.second(row(from: last, to: end, isLast: true)))
        last = end
        from = now
        return entries
    }

    private mutating func row(from before: LedgerSample, to after: LedgerSample, isLast: Bool) -> Interval {
        let covered = due - from
        var row = Interval(began: wall(of: from), monotonic: from, covered: covered)
        row.userMilliseconds = Int64(after.users) * covered.milliseconds
        row.usersMax = after.users
        row.begun = after.begun - before.begun
        row.answered = after.answered - before.answered
        row.failed = after.failed - before.failed
        row.abandoned = after.abandoned - before.abandoned
        row.held = after.heldTotal - before.heldTotal
        row.rerun = after.rerun - before.rerun
        row.unknown = after.unknown - before.unknown
        row.moved = after.moved - before.moved
        row.reconnected = after.reconnected - before.reconnected
        row.loginsRefused = after.loginsRefused - before.loginsRefused
        row.lost = after.lost - before.lost
        // Of the sums, so that nothing is lost in rounding.
        row.userMillisecondsLost = after.userNanosecondsLost / 1_000_000 - before.userNanosecondsLost / 1_000_000
        row.bytesIn = after.bytesIn - before.bytesIn
        row.bytesOut = after.bytesOut - before.bytesOut
        row.heldNow = after.heldNow
        row.inFlightNow = after.inFlightNow
        row.loginsHeldNow = after.loginsHeldNow
        row.heldMax = after.heldNow + after.loginsHeldNow
        // Those held before and answered since do not show in the sample any more, and were affected.
        row.usersAffectedMax = max(after.usersAffected, before.heldNow + before.loginsHeldNow)
        if isLast {
            row.latency = early.latency
            row.latency.add(after.latency)
            row.usersAffectedMax = max(row.usersAffectedMax, early.affected)
            row.delayed = Int64(row.latency.count(above: delayedAbove))
            early = (LatencyCounts(), 0)
        }
        return row
    }
}

extension LedgerSample {
    /// On the straight line from here to `end`, `step` of `steps` done. The sum still holds: `begun` follows from it.
    fileprivate func between(_ end: LedgerSample, step: Int64, of steps: Int64) -> LedgerSample {
        func at(_ a: Int64, _ b: Int64) -> Int64 { a + (b - a) * step / steps }
        func at(_ a: Int, _ b: Int) -> Int { Int(at(Int64(a), Int64(b))) }
        var sample = LedgerSample()
        sample.users = at(users, end.users)
        sample.answered = at(answered, end.answered)
        sample.failed = at(failed, end.failed)
        sample.abandoned = at(abandoned, end.abandoned)
        sample.heldTotal = at(heldTotal, end.heldTotal)
        sample.rerun = at(rerun, end.rerun)
        sample.unknown = at(unknown, end.unknown)
        sample.moved = at(moved, end.moved)
        sample.reconnected = at(reconnected, end.reconnected)
        sample.loginsRefused = at(loginsRefused, end.loginsRefused)
        sample.lost = at(lost, end.lost)
        sample.userNanosecondsLost = at(userNanosecondsLost, end.userNanosecondsLost)
        sample.bytesIn = at(bytesIn, end.bytesIn)
        sample.bytesOut = at(bytesOut, end.bytesOut)
        sample.heldNow = at(heldNow, end.heldNow)
        sample.inFlightNow = at(inFlightNow, end.inFlightNow)
        sample.loginsHeldNow = at(loginsHeldNow, end.loginsHeldNow)
        sample.usersAffected = end.usersAffected
        sample.begun =
            sample.answered + sample.failed + sample.abandoned + Int64(sample.heldNow) + Int64(sample.inFlightNow)
        return sample
    }
}
