import Cluster

/// How often and how long there was no primary, for the metrics. Pure: a value fed with views and times.
struct OutageTally: Sendable {
    private var history: OutageHistory
    /// Of those that are over.
    private(set) var secondsEnded: Double = 0

    init(at now: Instant) { history = OutageHistory(at: now) }

    var total: Int { history.count }
    var current: Outage? { history.current }

    mutating func observe(_ view: ClusterView, at now: Instant) {
        if case .ended(let outage) = history.observe(view, at: now) {
            secondsEnded += Double(outage.length(at: now).nanoseconds) / 1e9
        }
    }
}
