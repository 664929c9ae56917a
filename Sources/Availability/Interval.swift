import Cluster

/// One row of the ledger: a second, or what the seconds of a minute or an hour add up to.
public struct Interval: Hashable, Sendable {
    /// By the wall clock as it was then.
    public var began: WallTime
    /// The same moment on the monotonic clock of that run.
    public var monotonic: Instant
    /// How much time the row speaks of: a second; for a minute as much of it as the process ran.
    public var covered: Instant.Span
    /// Sessions present, times the time they were: user-milliseconds.
    public var userMilliseconds: Int64 = 0
    /// The time that users were affected, summed over them: user-milliseconds.
    public var userMillisecondsLost: Int64 = 0
    public var usersMax = 0
    /// The most sessions in any one second that had a statement or login failed or held.
    public var usersAffectedMax = 0
    public var begun: Int64 = 0
    public var answered: Int64 = 0
    public var failed: Int64 = 0
    public var abandoned: Int64 = 0
    /// Statements that had to wait for a primary.
    public var held: Int64 = 0
    public var rerun: Int64 = 0
    /// Statements and transactions of which nobody knows whether they took effect.
    public var unknown: Int64 = 0
    /// Sessions that went on at another node, and at the same one by a connection made anew.
    public var moved: Int64 = 0
    public var reconnected: Int64 = 0
    public var loginsRefused: Int64 = 0
    /// Sessions ended because of the infrastructure.
    public var lost: Int64 = 0
    public var bytesIn: Int64 = 0
    public var bytesOut: Int64 = 0
    /// At the interval's end.
    public var heldNow = 0
    public var inFlightNow = 0
    public var loginsHeldNow = 0
    /// The most statements and logins held at the end of any one second.
    public var heldMax = 0
    /// Statements answered later than the delay bound.
    public var delayed: Int64 = 0
    /// Seconds in it of which the counters are interpolated, because the sample came late.
    public var estimated = 0
    public var latency = LatencyCounts()

    public init(began: WallTime, monotonic: Instant, covered: Instant.Span) {
        self.began = began
        self.monotonic = monotonic
        self.covered = covered
    }

    public var ended: WallTime { began + covered }

    /// Mean number of sessions.
    public var users: Double {
        covered.nanoseconds > 0 ? Double(userMilliseconds) * 1e6 / Double(covered.nanoseconds) : 0
    }

    /// Adds what came after it. Rows may be a file's: no sum is more than can be said.
    public mutating func add(_ next: Interval) {
        covered = covered + next.covered
        userMilliseconds = userMilliseconds.saturatingAdd(next.userMilliseconds)
        userMillisecondsLost = userMillisecondsLost.saturatingAdd(next.userMillisecondsLost)
        usersMax = max(usersMax, next.usersMax)
        usersAffectedMax = max(usersAffectedMax, next.usersAffectedMax)
        begun = begun.saturatingAdd(next.begun)
        answered = answered.saturatingAdd(next.answered)
        failed = failed.saturatingAdd(next.failed)
        abandoned = abandoned.saturatingAdd(next.abandoned)
        held = held.saturatingAdd(next.held)
        rerun = rerun.saturatingAdd(next.rerun)
        unknown = unknown.saturatingAdd(next.unknown)
        moved = moved.saturatingAdd(next.moved)
        reconnected = reconnected.saturatingAdd(next.reconnected)
        loginsRefused = loginsRefused.saturatingAdd(next.loginsRefused)
        lost = lost.saturatingAdd(next.lost)
        bytesIn = bytesIn.saturatingAdd(next.bytesIn)
        bytesOut = bytesOut.saturatingAdd(next.bytesOut)
        heldNow = next.heldNow
        inFlightNow = next.inFlightNow
        loginsHeldNow = next.loginsHeldNow
        heldMax = max(heldMax, next.heldMax)
        delayed = delayed.saturatingAdd(next.delayed)
        estimated = estimated.saturatingAdd(next.estimated)
        latency.add(next.latency)
    }

    /// What the row's own sum is off by, given what was pending before it:
    /// `begun + pending before == answered + failed + abandoned + pending after`. 0 is right.
    public func imbalance(after before: Interval?) -> Int64 {
        func pending(_ row: Interval) -> Int64 { Int64(row.heldNow.saturatingAdd(row.inFlightNow)) }
        return begun.saturatingAdd(before.map(pending) ?? 0).saturatingSubtract(answered).saturatingSubtract(failed)
            .saturatingSubtract(abandoned).saturatingSubtract(pending(self))
    }
}

/// A time of which the ledger knows nothing.
public struct LedgerGap: Hashable, Sendable {
    public enum Reason: String, Hashable, Sendable, CaseIterable {
        /// The proxy had ended in good order.
        case stopped
        /// The proxy had ended without a word: killed, crashed, or the host went down.
        case killed
        /// The proxy was there and did not run: stopped by a signal, or the host was frozen.
        case stalled
        /// The rows could not be written and were given up.
        case dropped
    }

    public var began: WallTime
    public var ended: WallTime
    public var reason: Reason

    public init(began: WallTime, ended: WallTime, reason: Reason) {
        self.began = began
        self.ended = ended
        self.reason = reason
    }
}

/// The wall clock was set.
public struct ClockStep: Hashable, Sendable {
    public var at: Instant
    /// What the clock would have shown, and what it shows.
    public var expected: WallTime
    public var found: WallTime

    public init(at: Instant, expected: WallTime, found: WallTime) {
        self.at = at
        self.expected = expected
        self.found = found
    }
}
