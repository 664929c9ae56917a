import Cluster

/// What a changed configuration means for a running proxy.
public struct ConfigurationChange: Sendable, Hashable {
    /// What holds from now on: the old configuration, with the new one's keys that can be applied at once.
    public var running: Configuration
    /// Keys (`section.key`, or a whole `section`) that have changed and hold at once.
    public private(set) var applied: [String] = []
    /// Keys that have changed and need a restart.
    public private(set) var pending: [String] = []

    /// - Parameter old: what holds now; keys that wait for a restart are reported again at every change.
    public init(from old: Configuration, to new: Configuration) {
        running = old
        running.warnings = new.warnings
        apply("proxy.server_version", \.proxy.serverVersion, new)
        apply("health.user", \.health.user, new)
        apply("health.password", \.health.password, new)
        apply("health.interval", \.health.interval, new)
        apply("health.fast_interval", \.health.fastInterval, new)
        apply("health.outage_interval", \.health.outageInterval, new)
        apply("health.probe_timeout", \.health.probeTimeout, new)
        apply("health.primary_timeout", \.health.primaryTimeout, new)
        apply("health.rise", \.health.rise, new)
        apply("health.fall", \.health.fall, new)
        apply("health.accounts_refresh", \.health.accountsRefresh, new)
        apply("failover.drain_timeout", \.failover.drainTimeout, new)
        apply("users", \.users, new)
        apply("log.level", \.log.level, new)
        apply("log.format", \.log.format, new)
        postpone("proxy.name", \.proxy.name, new)
        postpone("proxy.listen", \.proxy.listen, new)
        postpone("proxy.workers", \.proxy.workers, new)
        postpone("proxy.connections_max", \.proxy.connectionsMax, new)
        postpone("proxy.login_timeout", \.proxy.loginTimeout, new)
        postpone("proxy.client_timeout", \.proxy.clientTimeout, new)
        postpone("proxy.client_lost_timeout", \.proxy.clientLostTimeout, new)
        postpone("proxy.memory_max", \.proxy.memoryMax, new)
        postpone("proxy.proxy_protocol", \.proxy.proxyProtocol, new)
        postpone("node", \.nodes, new)
        postpone("node.agent", \.agents, new)
        postpone("cluster.key", \.cluster.key, new)
        apply("cluster.drain_timeout", \.cluster.drainTimeout, new)
        apply("cluster.move_timeout", \.cluster.moveTimeout, new)
        apply("cluster.pause_max", \.cluster.pauseMax, new)
        postpone("failover.hold_timeout", \.failover.holdTimeout, new)
        postpone("failover.release_concurrency", \.failover.releaseConcurrency, new)
        postpone("failover.connect_timeout", \.failover.connectTimeout, new)
        postpone("failover.node_timeout", \.failover.nodeTimeout, new)
        postpone("admin.socket", \.admin.socket, new)
        postpone("admin.socket_mode", \.admin.socketMode, new)
        postpone("admin.socket_user", \.admin.socketUser, new)
        postpone("admin.socket_group", \.admin.socketGroup, new)
        postpone("admin.state_file", \.admin.stateFile, new)
        postpone("admin.level", \.admin.level, new)
        postpone("admin.tcp", \.admin.tcp, new)
        postpone("admin.tcp_level", \.admin.tcpLevel, new)
        postpone("admin.http", \.admin.http, new)
        postpone("admin.http_token", \.admin.httpToken, new)
        postpone("availability.file", \.availability.file, new)
        postpone("availability.retention_seconds", \.availability.retentionSeconds, new)
        postpone("availability.retention_minutes", \.availability.retentionMinutes, new)
        postpone("availability.retention_hours", \.availability.retentionHours, new)
        postpone("availability.delay_bound", \.availability.delayBound, new)
        apply("availability.service_hours", \.availability.serviceHours, new)
    }

    private mutating func apply<Value: Equatable>(
        _ key: String, _ path: WritableKeyPath<Configuration, Value>, _ new: Configuration
    ) {
        guard running[keyPath: path] != new[keyPath: path] else { return }
        running[keyPath: path] = new[keyPath: path]
        applied.append(key)
    }

    private mutating func postpone<Value: Equatable>(
        _ key: String, _ path: KeyPath<Configuration, Value>, _ new: Configuration
    ) {
        if running[keyPath: path] != new[keyPath: path] { pending.append(key) }
    }

    /// One sentence.
    public var sentence: String {
        if applied.isEmpty && pending.isEmpty { return "nothing has changed" }
        var parts: [String] = []
        if !applied.isEmpty { parts.append("applied: \(applied.joined(separator: ", "))") }
        if !pending.isEmpty { parts.append("after a restart: \(pending.joined(separator: ", "))") }
        return parts.joined(separator: "; ")
    }
}
