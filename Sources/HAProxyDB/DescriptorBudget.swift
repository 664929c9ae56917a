import Admin
import Settings

/// Who may have how many of the descriptors that the process is allowed: whatever clients do, there is one left for the
/// next check of a node and for the administrator.
struct DescriptorBudget: Equatable {
    /// Of the process.
    let limit: Int
    /// Sessions at most: as configured, or as many as there are descriptors for.
    let connectionsMax: Int
    /// As far as that could be raised.
    let connectionsAffordable: Int
    /// On each admin socket.
    let adminClientsMax: Int
    /// Connections that have asked for something, and the same number again of those that have not. Zero without HTTP.
    let httpConnectionsMax: Int
    private let connectionsWanted: Int

    /// - Parameter limit: RLIMIT_NOFILE.
    init(_ configuration: Configuration, limit: Int) {
        self.limit = limit
        connectionsWanted = configuration.proxy.connectionsMax
        let sockets = configuration.admin.tcp == nil ? 1 : 2
        let hasHTTP = configuration.admin.http != nil
        // Standard streams, the ledger's files, name lookups, looks at /proc; each loop's own; each node's check, its
        // successor, the reader of accounts and the agent.
        let own =
            32 + 8 * (configuration.proxy.workers + 1) + 8 * configuration.nodes.count
            + configuration.proxy.listen.count + sockets + (hasHTTP ? 1 : 0)
        let free = max(0, limit - own)
        adminClientsMax = min(128, max(4, free / 16))
        httpConnectionsMax = hasHTTP ? min(2048, max(4, free / 16)) : 0
        // A session's client and its node; and an eighth more for connections that are about to be closed.
        let rest = max(0, free - sockets * adminClientsMax - 2 * httpConnectionsMax)
        connectionsAffordable = max(1, rest * 7 / 16)
        connectionsMax = min(connectionsWanted, connectionsAffordable)
    }

    var adminLimits: AdminServer.Limits {
        var limits = AdminServer.Limits()
        limits.clientsMax = adminClientsMax
        return limits
    }

    var httpLimits: HTTPServer.Limits {
        var limits = HTTPServer.Limits()
        limits.connectionsMax = httpConnectionsMax
        limits.guestsMax = httpConnectionsMax
        return limits
    }

    /// What is less than it should be; nil where nothing is.
    var sentence: String? {
        guard connectionsMax < connectionsWanted else { return nil }
        let http = httpConnectionsMax > 0 ? ", \(httpConnectionsMax) HTTP connections" : ""
        return "Only \(limit) descriptors are allowed: at most \(connectionsMax) sessions instead of "
            + "connections_max = \(connectionsWanted)\(http) and \(adminClientsMax) clients of an admin socket; raise "
            + "LimitNOFILE"
    }
}
