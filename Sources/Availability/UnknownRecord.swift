import Cluster

/// An outcome that nobody knows, as it is written down.
public struct UnknownRecord: Hashable, Sendable {
    /// Which run of the proxy saw it.
    public var run: Int64 = 0
    /// When the answer was given up, by the wall clock as it was then.
    public var wall: WallTime
    public var outcome: UnknownOutcome

    public init(_ outcome: UnknownOutcome, wall: WallTime) {
        self.outcome = outcome
        self.wall = wall
    }

    /// How long it had been under way.
    public var inFlight: Instant.Span { outcome.ended - outcome.began }
}
