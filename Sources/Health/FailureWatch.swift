import Cluster

/// Whether the cluster is to be told that its database has failed on this node, before its own monitor finds out. Events
/// in, orders out; time is an argument.
///
/// A death alone decides nothing: what the cluster says is asked anew, and the server is knocked at, and only where both
/// agree is it told, once for each process.
public struct FailureWatch: Sendable {
    public struct Options: Sendable, Hashable {
        /// Whether an end of the cluster's process is reported.
        public var reportsDeaths = false
        /// A server that has given no greeting for so long is reported as well; nil: none is.
        public var hangMax: Instant.Span?

        public init(reportsDeaths: Bool = false, hangMax: Instant.Span? = nil) {
            self.reportsDeaths = reportsDeaths
            self.hangMax = hangMax
        }
    }

    /// What came of a connection to the server's socket on this node.
    public enum Knock: Sendable, Hashable {
        /// It greets, or says why not.
        case answered
        /// Nothing listens.
        case refused
        /// The kernel has taken the connection, and nobody has said anything.
        case silent
    }

    /// Why the cluster is not told. A closed list.
    public enum Restraint: String, Sendable, Hashable, CaseIterable {
        case unseen = "the cluster can't be asked"
        case maintenance = "the cluster is in maintenance"
        case unmanaged = "the resource is not managed"
        case leaving = "the node is in standby, or Pacemaker shuts down there"
        case stopping = "the cluster is stopping it"
        case notStarted = "the cluster does not run it here"
        case known = "the cluster knows already"
        case answering = "a server answers"
    }

    public enum Order: Sendable, Hashable {
        /// Ask the cluster anew and knock at the server; what began before does not count.
        case look
        /// Tell the cluster that the resource has failed here.
        case report
        /// One sentence, for the log.
        case note(String)
    }

    private enum State: Sendable, Hashable {
        /// None is known. Can transition to: running.
        case idle
        /// Can transition to: suspected.
        case running(pid: Int32)
        /// What is asked for has not all come. Can transition to: settled, running.
        case suspected(pid: Int32, Cause, since: Instant, cluster: ClusterWord?, knock: Knock?)
        /// That process's failure has been reported, or is not to be. Can transition to: running (another, or it answers).
        case settled(pid: Int32)
    }

    private enum Cause: Sendable, Hashable {
        case ended
        case hung(since: Instant)
    }

    /// What Pacemaker says of the resource on this node.
    public enum ClusterWord: Sendable, Hashable {
        /// It runs and manages it, and knows of no trouble.
        case runs
        case restrains(Restraint)
    }

    private var state = State.idle
    private let options: Options
    /// Since when the server has given no greeting, while its process lives.
    private var silentSince: Instant?

    public init(_ options: Options) { self.options = options }

    /// Whether the server should be knocked at again and again.
    public var wantsKnocks: Bool {
        guard options.hangMax != nil, case .running = state else { return false }
        return true
    }

    /// The cluster's process, as it was seen; nil where there is none any more.
    public mutating func processSeen(_ pid: Int32?, at now: Instant) -> [Order] {
        switch (state, pid) {
        case (.idle, nil), (.suspected(_, .ended, _, _, _), nil): return []
        case (.suspected(let known, .hung, _, _, _), nil): return ended(known, next: nil, at: now)
        case (.idle, let pid?): return began(pid)
        case (.running(let known), let pid): return known == pid ? [] : ended(known, next: pid, at: now)
        case (.suspected(let known, _, _, _, _), let pid?), (.settled(let known), let pid?):
            // Another one: somebody has started it again.
            return known == pid ? [] : began(pid)
        case (.settled, nil): return []
        }
    }

    private mutating func began(_ pid: Int32) -> [Order] {
        state = .running(pid: pid)
        silentSince = nil
        return []
    }

    private mutating func ended(_ pid: Int32, next: Int32?, at now: Instant) -> [Order] {
        if let next { return began(next) }
        guard options.reportsDeaths else {
            state = .settled(pid: pid)
            return []
        }
        state = .suspected(pid: pid, .ended, since: now, cluster: nil, knock: nil)
        return [.look]
    }

    /// - Parameter began: when the connection was begun.
    public mutating func knocked(_ knock: Knock, began: Instant, at now: Instant) -> [Order] {
        switch state {
        case .idle: return []
        case .running(let pid):
            guard knock == .silent, let hangMax = options.hangMax else {
                silentSince = nil
                return []
            }
            let since = silentSince ?? began
            silentSince = since
            guard now - since >= hangMax else { return [] }
            state = .suspected(pid: pid, .hung(since: since), since: now, cluster: nil, knock: nil)
            return [.look]
        case .suspected(let pid, let cause, let since, let cluster, _):
            guard began >= since else { return [] }
            state = .suspected(pid: pid, cause, since: since, cluster: cluster, knock: knock)
            return settle(at: now)
        case .settled(let pid):
            // It hung, and goes on.
            if knock == .answered { return self.began(pid) }
            return []
        }
    }

    /// - Parameter began: when the cluster was asked.
    public mutating func clusterSeen(_ word: ClusterWord, began: Instant, at now: Instant) -> [Order] {
        guard case .suspected(let pid, let cause, let since, _, let knock) = state, began >= since else { return [] }
        state = .suspected(pid: pid, cause, since: since, cluster: word, knock: knock)
        return settle(at: now)
    }

    private mutating func settle(at now: Instant) -> [Order] {
        guard case .suspected(let pid, let cause, _, let cluster?, let knock?) = state else { return [] }
        let what =
            switch cause {
            case .ended: "The cluster's mariadbd (process \(pid)) has ended"
            case .hung(let since): "The cluster's mariadbd (process \(pid)) has not answered for \(now - since)"
            }
        let isProved =
            switch (cause, knock) {
            case (.ended, .refused), (.ended, .silent), (.hung, .silent): true
            case (_, .answered), (.hung, .refused): false
            }
        // A hung one that ends meanwhile is told by its end.
        if case .hung = cause, knock != .silent { state = .running(pid: pid) } else { state = .settled(pid: pid) }
        silentSince = nil
        guard isProved else {
            return [.note("\(what), and that is not reported: \(Restraint.answering.rawValue).")]
        }
        switch cluster {
        case .restrains(let restraint): return [.note("\(what), and that is not reported: \(restraint.rawValue).")]
        case .runs:
            let evidence = knock == .refused ? "nothing listens at its socket" : "its socket is there and says nothing"
            return [.note("\(what); \(evidence), and the cluster calls it started: reporting that."), .report]
        }
    }
}
