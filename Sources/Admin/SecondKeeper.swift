import Cluster

/// Makes seconds out of samples, and sums that only grow. Pure: a value fed with samples.
struct SecondKeeper: Sendable {
    private(set) var history: SecondHistory
    private(set) var latency = LatencyHistogram()
    private(set) var last: WorkSample?
    /// Seconds of sessions present, and of sessions that were affected: 60 of them are a user minute.
    private(set) var userSeconds: UInt64 = 0
    private(set) var userSecondsAffected: UInt64 = 0
    private let upperBound: @Sendable (Int) -> Int

    init(capacity: Int = 3600, upperBound: @escaping @Sendable (Int) -> Int) {
        history = SecondHistory(capacity: capacity)
        self.upperBound = upperBound
    }

    /// What was before the start: for the page, not for the sums.
    mutating func remember(_ past: [SecondFigures]) {
        guard last == nil else { return }
        for second in past where second.time > history.last?.time ?? .min { history.append(second) }
    }

    /// - Parameter wall: milliseconds since 1970.
    @discardableResult
    mutating func take(_ sample: WorkSample, hasPrimary: Bool, wall: Int64) -> SecondFigures {
        let before = last ?? WorkSample()
        // A timer is never quite on time: without this, now and then a second would be there twice, or not at all.
        var time = wall / 1000
        if let previous = history.last?.time, abs(wall - (previous + 1) * 1000) <= 1500 { time = previous + 1 }
        var second = SecondFigures(time: time)
        second.users = sample.users
        second.usersAffected = sample.usersAffected
        second.begun = sample.begun &- before.begun
        second.answered = sample.answered &- before.answered
        second.failed = sample.failed &- before.failed
        second.heldNow = sample.heldNow + sample.loginsHeldNow
        second.inFlightNow = sample.inFlightNow
        second.hasPrimary = hasPrimary
        second.p50Microseconds = LatencyHistogram.quantile(0.5, of: sample.latency, upperBound: upperBound)
        second.p99Microseconds = LatencyHistogram.quantile(0.99, of: sample.latency, upperBound: upperBound)
        latency.add(sample.latency, upperBound: upperBound)
        userSeconds &+= UInt64(max(0, sample.users, sample.usersAffected))
        userSecondsAffected &+= UInt64(max(0, sample.usersAffected))
        last = sample
        history.append(second)
        return second
    }
}
