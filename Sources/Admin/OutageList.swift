import Cluster

/// The latest times without a primary, with the time of day, for the page.
struct OutageList: Sendable {
    struct Entry: Sendable, Hashable {
        var outage: Outage
        /// Milliseconds since 1970 (UTC).
        var beganAt: Int64
    }

    private var history: OutageHistory
    private(set) var entries: [Entry] = []
    private let capacity: Int

    init(at now: Instant, capacity: Int = 100) {
        history = OutageHistory(at: now)
        self.capacity = max(1, capacity)
    }

    var total: Int { history.count }
    /// All of the present run, the one under way included.
    private(set) var secondsEnded: Double = 0
    var current: Outage? { history.current }

    /// - Parameter wall: the same moment, milliseconds since 1970.
    mutating func observe(_ view: ClusterView, at now: Instant, wall: Int64) {
        switch history.observe(view, at: now) {
        case .nothing, .firstPrimary: break
        case .began(let outage), .switched(let outage):
            entries.append(Entry(outage: outage, beganAt: wall))
            if entries.count > capacity { entries.removeFirst(entries.count - capacity) }
        case .diagnosisChanged(let outage): replaceLast(outage)
        case .ended(let outage):
            replaceLast(outage)
            secondsEnded += Double(outage.length(at: now).nanoseconds) / 1e9
        }
    }

    private mutating func replaceLast(_ outage: Outage) {
        guard let last = entries.indices.last else { return }
        entries[last].outage = outage
    }
}
