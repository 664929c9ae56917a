import Cluster

/// What clients of the socket have limited; nil and zero where they have not.
struct AdminLimits: Hashable, Sendable {
    /// Sessions, as `set maxconn frontend` and `set maxconn global` give them.
    var frontend: Int?
    var global: Int?
    /// New connections per second, as `set rate-limit` gives them.
    var connectionRate = 0
    var sessionRate = 0
    /// There is nothing here that these two could limit: they are kept and shown.
    var sslRate = 0
    var compressionRate = 0

    /// One limit of new connections for all that was said: a node's counts while it is the primary.
    func connectionsMax(of process: ProcessFacts, primary: Int) -> Int {
        let all = [frontend ?? process.connectionsAtStart, global ?? process.connectionsAtStart]
        return primary > 0 ? min(primary, all.min() ?? primary) : all.min() ?? process.connectionsAtStart
    }

    /// Zero for any number.
    var connectionRateMax: Int { [connectionRate, sessionRate].filter { $0 > 0 }.min() ?? 0 }
}
