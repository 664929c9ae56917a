import Cluster
import Health

/// How the nodes are watched.
public struct WatchOptions: Sendable {
    /// The service account.
    public var user = ""
    public var password = ""
    public var interval: Instant.Span = .seconds(1)
    public var fastInterval: Instant.Span = .milliseconds(100)
    public var outageInterval: Instant.Span = .milliseconds(50)
    /// A check without an answer ends after this.
    public var probeTimeout: Instant.Span = .seconds(2)
    public var primaryTimeout: Instant.Span = .seconds(15)
    public var rise = 1
    public var fall = 2
    public var accountsRefresh: Instant.Span = .seconds(10)

    public init() {}

    var health: HealthOptions {
        var health = HealthOptions()
        health.interval = interval
        health.fastInterval = fastInterval
        health.outageInterval = outageInterval
        health.primaryTimeout = primaryTimeout
        health.rise = rise
        health.fall = fall
        return health
    }
}
