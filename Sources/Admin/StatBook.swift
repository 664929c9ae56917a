import Cluster

/// What HAProxy's tables have and the source does not: rates, maxima, and what was cleared. Pure: a value fed with
/// views, activity and times.
struct StatBook {
    /// Of one node.
    struct NodeStats: Hashable {
        var sessionsMax = 0
        /// Checks that failed while it was up, as far as they changed its state.
        var failedChecks: UInt64 = 0
        var timesDown: UInt64 = 0
        /// Over and done; the present one comes on top.
        fileprivate var downtime: Instant.Span = .zero
        fileprivate var downSince: Instant?
        var lastSession: Instant?
        var rate: UInt64 = 0
        var rateMax: UInt64 = 0
        /// As set by the client of the socket; 1 at the start.
        var weight = 1
        /// As set by the client of the socket; zero for any number.
        var connectionsMax = 0

        func downtime(at now: Instant) -> Instant.Span {
            Instant.Span(nanoseconds: downtime.nanoseconds + (downSince.map { (now - $0).nanoseconds } ?? 0))
        }
    }

    /// A number per second and its maximum.
    struct Rate: Hashable {
        var now: UInt64 = 0
        var max: UInt64 = 0

        fileprivate mutating func set(_ value: UInt64) {
            now = value
            max = Swift.max(max, value)
        }
    }

    private(set) var nodes: [NodeStats]
    private(set) var sessionsMax = 0
    private(set) var heldMax = 0
    private(set) var sessionRate = Rate()
    private(set) var statementRate = Rate()
    private(set) var byteRate = Rate()
    private(set) var lastSession: Instant?
    /// Primaries lost.
    private(set) var timesWithout: UInt64 = 0
    private var without: (total: Instant.Span, since: Instant?) = (.zero, nil)
    /// What `clear counters all` has taken off.
    private var cleared = Activity()
    private var latest = Activity()
    private var health: [HealthState]
    private var primary: NodeID?
    private var tick: (at: Instant, activity: Activity)

    init(_ view: ClusterView, _ activity: Activity, at now: Instant) {
        nodes = []
        health = []
        latest = activity
        tick = (now, activity)
        observe(view, activity, at: now)
    }

    /// Time without a primary, after there had been one.
    func downtime(at now: Instant) -> Instant.Span {
        Instant.Span(nanoseconds: without.total.nanoseconds + (without.since.map { (now - $0).nanoseconds } ?? 0))
    }

    /// The sums as HAProxy's tables show them: since the start, or since they were cleared.
    func shown(_ activity: Activity) -> Activity {
        var shown = activity
        for path in Activity.sums { shown[keyPath: path] &-= min(cleared[keyPath: path], shown[keyPath: path]) }
        for index in shown.nodes.indices {
            let before = cleared.of(NodeID(index))
            for path in NodeActivity.sums {
                shown.nodes[index][keyPath: path] &-= min(before[keyPath: path], shown.nodes[index][keyPath: path])
            }
        }
        return shown
    }

    /// Looks at the sums; whenever they are about to be shown, and before a new view counts.
    mutating func observe(_ activity: Activity, at now: Instant) {
        sessionsMax = max(sessionsMax, activity.sessions)
        heldMax = max(heldMax, activity.sessionsHeld)
        let began = activity.sessionsTotal &- latest.sessionsTotal
        if began > 0 { lastSession = now }
        for index in nodes.indices {
            let (before, after) = (latest.of(NodeID(index)), activity.of(NodeID(index)))
            nodes[index].sessionsMax = max(nodes[index].sessionsMax, after.sessions)
            if after.sessionsTotal > before.sessionsTotal { nodes[index].lastSession = now }
        }
        latest = activity
    }

    mutating func observe(_ view: ClusterView, _ activity: Activity, at now: Instant) {
        observe(activity, at: now)
        for node in view.nodes.dropFirst(nodes.count) {
            var stats = NodeStats()
            if node.health == .down { stats.downSince = now }
            nodes.append(stats)
            health.append(node.health)
        }
        for (index, node) in view.nodes.enumerated() {
            let (before, after) = (health[index], node.health)
            guard before != after else { continue }
            let (wasUp, isUp) = (before == .up || before == .falling, after == .up || after == .falling)
            if wasUp, after != .up { nodes[index].failedChecks += 1 }
            if wasUp, !isUp { nodes[index].timesDown += 1 }
            if isUp, let since = nodes[index].downSince {
                let total = nodes[index].downtime.nanoseconds + (now - since).nanoseconds
                nodes[index].downtime = Instant.Span(nanoseconds: total)
                nodes[index].downSince = nil
            }
            if !isUp, nodes[index].downSince == nil { nodes[index].downSince = now }
            health[index] = after
        }
        if primary != nil, view.primary == nil {
            timesWithout += 1
            without.since = now
        }
        if view.primary != nil, let since = without.since {
            without = (Instant.Span(nanoseconds: without.total.nanoseconds + (now - since).nanoseconds), nil)
        }
        primary = view.primary
    }

    /// Once per second: rates are those of the time since the tick before.
    mutating func tick(_ activity: Activity, at now: Instant) {
        observe(activity, at: now)
        let elapsed = (now - tick.at).nanoseconds
        guard elapsed > 0 else { return }
        func perSecond(_ count: UInt64) -> UInt64 {
            UInt64(max(0, (Double(count) * 1e9 / Double(elapsed)).rounded()))
        }
        sessionRate.set(perSecond(activity.sessionsTotal &- tick.activity.sessionsTotal))
        statementRate.set(perSecond(activity.statementsBegun &- tick.activity.statementsBegun))
        byteRate.set(perSecond(activity.bytesOut &- tick.activity.bytesOut))
        for index in nodes.indices {
            let (before, after) = (tick.activity.of(NodeID(index)), activity.of(NodeID(index)))
            nodes[index].rate = perSecond(after.sessionsTotal &- before.sessionsTotal)
            nodes[index].rateMax = max(nodes[index].rateMax, nodes[index].rate)
        }
        tick = (now, activity)
    }

    /// Maxima begin anew; with `all` the sums too.
    mutating func clear(all: Bool, _ activity: Activity, at now: Instant) {
        observe(activity, at: now)
        sessionsMax = activity.sessions
        heldMax = activity.sessionsHeld
        sessionRate.max = 0
        statementRate.max = 0
        byteRate.max = 0
        for index in nodes.indices {
            nodes[index].sessionsMax = activity.of(NodeID(index)).sessions
            nodes[index].rateMax = 0
        }
        guard all else { return }
        cleared = activity
        timesWithout = 0
        without = (.zero, without.since.map { _ in now })
        for index in nodes.indices {
            var fresh = NodeStats()
            fresh.weight = nodes[index].weight
            fresh.connectionsMax = nodes[index].connectionsMax
            fresh.sessionsMax = nodes[index].sessionsMax
            fresh.lastSession = nodes[index].lastSession
            fresh.downSince = nodes[index].downSince.map { _ in now }
            nodes[index] = fresh
        }
    }

    mutating func set(weight: Int, of node: NodeID) {
        if nodes.indices.contains(node.rawValue) { nodes[node.rawValue].weight = weight }
    }

    mutating func set(connectionsMax: Int, of node: NodeID) {
        if nodes.indices.contains(node.rawValue) { nodes[node.rawValue].connectionsMax = connectionsMax }
    }
}

extension Activity {
    /// What only grows.
    fileprivate static var sums: [WritableKeyPath<Activity, UInt64>] {
        [
            \.sessionsTotal, \.sessionsMoved, \.sessionsReconnected, \.statementsUnknown, \.loginsRefused,
            \.statementsBegun, \.statementsAnswered,
            \.statementsFailed, \.statementsHeld, \.statementsRerun, \.bytesIn, \.bytesOut,
        ]
    }
}

extension NodeActivity {
    fileprivate static var sums: [WritableKeyPath<NodeActivity, UInt64>] {
        [
            \.sessionsTotal, \.connects, \.connectsFailed, \.bytesIn, \.bytesOut, \.statementsAnswered,
            \.statementsFailed, \.statementsRerun, \.statementsAbandoned, \.sessionsLeft,
        ]
    }
}
