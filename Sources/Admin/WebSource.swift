import Cluster

/// What the HTTP side shows, beside what it is told by ``HTTPServer/record(_:)`` and ``HTTPServer/viewChanged()``.
/// Asked on the server's loop only.
public protocol WebSource: AnyObject {
    var process: ProcessFacts { get }
    var view: ClusterView { get }
    var activity: Activity { get }
    var isPaused: Bool { get }
    /// As the ledger has them, oldest first; the last may be going on.
    var outageReports: [OutageReport] { get }
    /// Outages of this run, as the ledger counts them.
    var outageCount: Int { get }
    /// One sentence for the log.
    func note(_ sentence: String)
    /// Calls back exactly once, on the loop's thread, later or at once.
    func sessions(_ completion: @escaping ([SessionRow]) -> Void)
}

/// What the data plane has done, as sampled once a second. `begun = answered + failed + abandoned + heldNow +
/// inFlightNow`.
public struct WorkSample: Sendable, Hashable {
    public var users = 0
    public var begun: UInt64 = 0
    public var answered: UInt64 = 0
    public var failed: UInt64 = 0
    public var abandoned: UInt64 = 0
    public var heldTotal: UInt64 = 0
    public var rerun: UInt64 = 0
    public var unknown: UInt64 = 0
    public var moved: UInt64 = 0
    public var reconnected: UInt64 = 0
    public var loginsRefused: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    public var heldNow = 0
    public var inFlightNow = 0
    public var loginsHeldNow = 0
    /// Distinct sessions with a failed or held statement or login since the sample before.
    public var usersAffected = 0
    /// Answered statements since the sample before, by the buckets that the server was made with.
    public var latency: [UInt32] = []

    public init() {}
}

/// An outage, for the page.
public struct OutageReport: Sendable, Hashable {
    public struct Stage: Sendable, Hashable {
        public var phase: Phase
        public var length: Instant.Span

        public init(phase: Phase, length: Instant.Span) {
            self.phase = phase
            self.length = length
        }
    }

    /// Milliseconds since 1970 (UTC).
    public var began: Int64
    /// So far, where it is under way.
    public var length: Instant.Span
    /// Since it began.
    public var age = Instant.Span.zero
    public var isUnderWay = false
    /// Of a run before this one.
    public var isEarlier = false
    /// Whether somebody had an error or had to wait.
    public var isFelt = false
    public var isPlanned = false
    /// Names; empty where there is none, or none yet.
    public var from = ""
    public var to = ""
    public var gained = Generation.none
    /// One word, the ledger's.
    public var kind = ""
    public var diagnosis: Diagnosis?
    public var stages: [Stage] = []
    public var usersAffected = 0
    public var userMinutesLost: Double = 0

    public init(began: Int64, length: Instant.Span) {
        self.began = began
        self.length = length
    }
}
