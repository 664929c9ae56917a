import Cluster

/// How many may connect, and how long they may be silent.
enum Connections {
    /// Beside clients: the proxy's own checks, an administrator.
    static let reserve: Int64 = 10

    static func room(_ facts: Facts) -> [Finding] {
        guard let proxy = facts.proxy.value else { return [] }
        let needed = Int64(proxy.connectionsMax) + reserve
        return facts.servers.value?.compactMap { server in
            guard let most = server.number("max_connections"), most < needed else { return nil }
            let room = max(0, most.saturatingSubtract(reserve))
            return Finding(
                .maxConnections, .warning, server.node, saving: .errors,
                saves: "logins after a failover: the proxy may hold \(proxy.connectionsMax) sessions, and of these "
                    + "\(room) find room (1040 for the others)",
                evidence:
                    "\(server.node): max_connections = \(most); \(proxy.file): connections_max = \(proxy.connectionsMax)",
                remedy: Durability.lines("max_connections", "\(needed)")
                    + [
                        "or \(proxy.file), [proxy]: connections_max = \(max(1, room))    # all proxies together"
                    ])
        } ?? []
    }

    static let idleMin = Instant.Span.seconds(600)

    static func idle(_ facts: Facts) -> [Finding] {
        guard let proxy = facts.proxy.value else { return [] }
        return facts.servers.value?.compactMap { server in
            guard let seconds = server.number("wait_timeout") else { return nil }
            let wait = Instant.Span.seconds(seconds)
            if wait < idleMin {
                return Finding(
                    .waitTimeout, .warning, server.node, saving: .errors,
                    saves: "errors in pools: most keep idle connections for 10 to 30 minutes, and find them closed",
                    evidence: "\(server.node): wait_timeout = \(seconds)",
                    remedy: Durability.lines("wait_timeout", "28800"))
            }
            guard proxy.clientTimeout > wait else { return nil }
            return Finding(
                .waitTimeout, .notice, server.node, saving: .knowledge,
                saves: "a surprise: the server ends idle sessions before the proxy does",
                evidence:
                    "\(server.node): wait_timeout = \(seconds); \(proxy.file): client_timeout = \(proxy.clientTimeout)",
                remedy: ["\(proxy.file), [proxy]: client_timeout = \"0\"    # the server's timeout decides"])
        } ?? []
    }

    /// The kernel's own, where the server sets none.
    static let keepaliveMax: Int64 = 600

    static func keepalive(_ facts: Facts) -> [Finding] {
        facts.servers.value?.compactMap { server in
            // Before 10.3.3 there is no such variable, and the kernel decides.
            let time = server.number("tcp_keepalive_time") ?? 0
            guard time == 0 || time > keepaliveMax else { return nil }
            let said = server.variables["tcp_keepalive_time"] == nil ? "is not there" : "= \(time)"
            return Finding(
                .keepalive, .notice, server.node, saving: .errors,
                saves:
                    "row locks that a dead proxy's or client's host leaves: its transactions stay open until the server "
                    + "notices",
                evidence: "\(server.node): tcp_keepalive_time \(said)"
                    + (time == 0 ? " (the kernel's: 7200 s, unless net.ipv4.tcp_keepalive_time says otherwise)" : ""),
                remedy: [
                    "SET GLOBAL tcp_keepalive_time = 60, GLOBAL tcp_keepalive_interval = 10, GLOBAL tcp_keepalive_probes = 3;",
                    "my.cnf on each node, [mysqld], a line each: tcp_keepalive_time = 60, tcp_keepalive_interval = 10, "
                        + "tcp_keepalive_probes = 3",
                ])
        } ?? []
    }

    /// The server takes some addresses only, and the cluster's is not among them.
    static func bound(_ facts: Facts) -> [Finding] {
        guard let configuration = facts.configuration.value else { return [] }
        return facts.servers.value?.flatMap { server -> [Finding] in
            guard let bound = server.boundAddresses else { return [] }
            return configuration.addresses.compactMap { resource in
                guard let address = resource.parameters["ip"], !bound.contains(address) else { return nil }
                let all = (bound + [address]).joined(separator: ",")
                return Finding(
                    .bindAddress, .warning, server.node, saving: .errors,
                    saves: "whoever connects to the floating address: the server does not listen there",
                    evidence:
                        "\(server.node): bind_address = \(bound.joined(separator: ",")); CIB: \(resource.id) has \(address)",
                    remedy: [
                        "my.cnf on each node, [mysqld]: bind_address = \(all)    # before 10.11 one address only: 0.0.0.0, and "
                            + "the proxy on another port"
                    ])
            }
        } ?? []
    }

    static func names(_ facts: Facts) -> [Finding] {
        facts.servers.value?.compactMap { server in
            guard server.isOn("skip_name_resolve") == false else { return nil }
            return Finding(
                .nameResolution, .notice, server.node, saving: .errors,
                saves:
                    "logins that wait for a name server, and a proxy that is blocked (1129) after logins that were left",
                evidence: "\(server.node): skip_name_resolve = OFF",
                remedy: [
                    "my.cnf on each node, [mysqld]: skip_name_resolve    # first: accounts by address, not by name "
                        + "(SELECT User, Host FROM mysql.user)"
                ])
        } ?? []
    }
}
