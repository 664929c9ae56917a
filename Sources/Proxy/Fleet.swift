import Cluster

/// What the data plane is started with.
public struct ProxyOptions: Sendable {
    public var listen: [Endpoint] = []
    public var workers = 1
    /// Sessions at most, over all workers; one more is answered with error 1040.
    public var connectionsMax = 4096
    public var loginTimeout: Instant.Span = .seconds(10)
    /// Idle clients are closed after this long; zero means never (the server's wait_timeout then decides).
    public var clientTimeout: Instant.Span = .zero
    public var holdTimeout: Instant.Span = .seconds(90)
    public var connectTimeout: Instant.Span = .seconds(5)
    /// TCP_USER_TIMEOUT towards nodes.
    public var nodeTimeout: Instant.Span = .seconds(30)
    /// Logins to the new primary under way at once, per worker, while held sessions are released.
    public var releaseConcurrency = 32
    /// Send a PROXY protocol v2 header to nodes.
    public var proxyProtocol = false

    public init() {}
}

/// One session, for people.
public struct SessionSummary: Sendable {
    public var id: UInt32
    public var client: String
    public var user: String
    public var database: String
    /// `login`, `idle`, `busy`, `transaction`, `held`, `moving`, `lost`.
    public var state: String
    /// The node's name, empty when detached.
    public var node: String
    /// The node's own thread id, 0 when detached.
    public var nodeThreadID: UInt32
    public var age: Instant.Span
    public var idle: Instant.Span
    public var statements: UInt64
    public var bytesIn: UInt64
    public var bytesOut: UInt64
    public var moves: UInt32
}

/// Sums over all workers since the start. `held` and the `…Now` fields are present values.
public struct FleetCounters: Sendable {
    public var sessionsNow = 0
    public var sessionsHeldNow = 0
    public var sessionsInTransactionNow = 0
    public var sessionsTotal: UInt64 = 0
    public var statementsBegun: UInt64 = 0
    public var statementsAnswered: UInt64 = 0
    /// Ended by the proxy with an error of its own because of the infrastructure.
    public var statementsFailed: UInt64 = 0
    public var statementsHeldTotal: UInt64 = 0
    public var statementsRerun: UInt64 = 0
    public var sessionsMoved: UInt64 = 0
    public var loginsRefused: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0

    public init() {}
}

/// What live traffic saw of a node.
public enum TrafficEvidence: String, Sendable {
    /// Connection refused at connect: nothing listens.
    case refused
    /// An established connection was reset or closed.
    case lost
    /// The node answered as read-only (1290) or as shutting down (1053).
    case notPrimary
}

/// The data plane's workers, as the rest of the program sees them. Every method may be called from any thread.
public final class Fleet: Sendable {
    /// Called on a worker's thread.
    public typealias EvidenceHandler = @Sendable (NodeID, TrafficEvidence) -> Void

    public init(options: ProxyOptions, nodes: [Node], onEvidence: @escaping EvidenceHandler) {}

    /// Binds the listeners and starts the worker threads.
    public func start() throws {}
    public func publish(_ view: ClusterView) {}
    public func publish(_ accounts: AccountDirectory) {}
    public func publish(_ identity: ServerIdentity) {}
    /// Holds new statements at transaction boundaries; idempotent.
    public func pause() {}
    public func resume() {}
    public var isPaused: Bool { false }
    public func counters() -> FleetCounters { FleetCounters() }
    /// Collects from all workers; the completion runs on some worker's thread.
    public func sessions(_ completion: @escaping @Sendable ([SessionSummary]) -> Void) { completion([]) }
    /// Closes the listeners, lets busy sessions finish until the deadline, closes all, ends the threads.
    public func stop(drain: Instant.Span) {}
}
