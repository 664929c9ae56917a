import Cluster

/// What set an outage off, as far as the proxy saw.
public enum OutageCause: String, Hashable, Sendable, CaseIterable {
    /// The primary was gone.
    case primaryLost
    /// An administrator paused the proxy.
    case paused
    /// Connections failed, and the primary stayed primary.
    case connections
    /// Clients came before the first primary was seen.
    case starting
}

/// What it turned out to be.
public enum OutageKind: String, Hashable, Sendable, CaseIterable {
    /// Another node took over.
    case failover
    /// The service went back to the node that the failover before had left.
    case fallback
    /// The same node came back.
    case restart
    /// Statements were held by an administrator's word, and the primary stayed.
    case pause
    /// Statements failed or waited, and the primary stayed.
    case disturbance
    /// From the proxy's start to the first primary.
    case start
    /// Not over, or not known how it ended.
    case open
}

/// A stretch of an outage in one phase of the cluster's.
public struct PhaseSpan: Hashable, Sendable {
    public var phase: Phase
    public var began: Instant
    /// Nil while it goes on.
    public var ended: Instant?

    public init(phase: Phase, began: Instant, ended: Instant? = nil) {
        self.phase = phase
        self.began = began
        self.ended = ended
    }

    public var length: Instant.Span? { ended.map { $0 - began } }
}

/// A time in which users were not served: from the first statement that failed or was held to the first that was
/// answered. Where nobody was there to feel it, from the primary's loss to the next primary.
public struct OutageRecord: Hashable, Sendable {
    /// Which run of the proxy saw it, and its number there, from 1.
    public var run: Int64 = 0
    public var number: Int
    public var began: Instant
    /// Nil while it goes on, and where the proxy ended before it did.
    public var ended: Instant?
    /// `began` by the wall clock as it was then.
    public var wall = WallTime(nanoseconds: 0)
    /// The proxy ended before the outage did: until `knownUntil` nobody had been answered.
    public var isInterrupted = false
    public var knownUntil: Instant

    /// Whether anyone was there.
    public var isFelt: Bool
    public var cause: OutageCause
    public var kind = OutageKind.open
    /// Asked for by an administrator.
    public var isPlanned = false
    /// In the order in which they were first found.
    public var diagnoses: [Diagnosis] = []
    /// What the last check of the lost node said.
    public var reason = ""

    public var from = ""
    public var to = ""
    public var lost = Generation.none
    public var gained = Generation.none
    public var primaryLost: Instant?
    public var primaryFound: Instant?
    public var phases: [PhaseSpan] = []

    public var firstError: Instant?
    /// Statements that had to wait, were run again, ended with an error of the proxy's, were given up by their client.
    public var held: Int64 = 0
    public var rerun: Int64 = 0
    public var failed: Int64 = 0
    public var abandoned: Int64 = 0
    /// Of those that failed, and of sessions that ended: nobody knows whether it took effect.
    public var unknown: Int64 = 0
    /// Sessions that went on at another node, and at the same one by a connection made anew; logins that were refused.
    public var moved: Int64 = 0
    public var reconnected: Int64 = 0
    public var refused: Int64 = 0
    /// Sessions that were ended because of the infrastructure.
    public var sessionsLost: Int64 = 0
    /// The most that were held at the end of a second.
    public var heldMax = 0
    public var usersMax = 0
    /// Distinct sessions that were affected.
    public var usersAffected = 0
    /// The time that users were affected, summed over them; and users present, times the outage's time.
    public var userMillisecondsLost: Int64 = 0
    public var userMillisecondsPresent: Int64 = 0

    public init(number: Int, began: Instant, isFelt: Bool, cause: OutageCause) {
        self.number = number
        self.began = began
        self.knownUntil = began
        self.isFelt = isFelt
        self.cause = cause
    }

    /// For one that is not known to have ended, what is known of it.
    public var length: Instant.Span { (ended ?? max(knownUntil, began)) - began }
    public var wallEnded: WallTime { wall + length }
    /// Someone got an error.
    public var hasErrors: Bool { firstError != nil || failed > 0 || refused > 0 }
    /// Someone waited longer than that.
    public func isDelay(above bound: Instant.Span) -> Bool { isFelt && length > bound }
    public var userMinutesLost: Double { Double(userMillisecondsLost) / 60_000 }
    /// From the first harm to the published loss of the primary.
    public var detection: Instant.Span? { primaryLost.map { max(.zero, $0 - began) } }
    /// How long there was no primary.
    public var withoutPrimary: Instant.Span? {
        guard let primaryLost, let primaryFound else { return nil }
        return primaryFound - primaryLost
    }
}
