import Cluster

/// When to check, and how many checks decide.
public struct HealthOptions: Sendable, Hashable {
    /// Between two checks of a node while all is well.
    public var interval: Instant.Span = .seconds(1)
    /// The same while the node is rising or falling.
    public var fastInterval: Instant.Span = .milliseconds(100)
    /// Between two checks of every node while there is no primary.
    public var outageInterval: Instant.Span = .milliseconds(50)
    /// Answers in a row that make a node that was down up.
    public var rise = 1
    /// Failures in a row that make a node that was up down.
    public var fall = 2
    /// How long the primary may be silent (no answer, but neither refused nor lost) before it counts as gone. A cut
    /// replication link stalls a healthy primary for 6 to 14 s.
    public var primaryTimeout: Instant.Span = .seconds(15)

    /// The same while an agent tells of a promotion under way.
    public var promotionInterval: Instant.Span = .milliseconds(20)
    /// Three heartbeats: an agent that was not heard for longer is silent.
    public var agentSilenceMax: Instant.Span = .seconds(3)
    /// What an agent observed longer ago than this is not heard, however often it is repeated.
    public var observationAgeMax: Instant.Span = .seconds(5)
    /// For so long a server must have been silent after the cluster called its node fenced. It is asked at once, and one
    /// that lives answers within milliseconds; the next server needs a second to be there at all.
    public var goneSilenceMin: Instant.Span = .milliseconds(500)

    public init() {}
}
