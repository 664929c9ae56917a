import Cluster
import Health

@testable import Doctor

extension Facts {
    /// A cluster, a server, a host and a proxy about which the doctor has nothing to say, all of it known.
    static var sound: Facts {
        var facts = Facts()
        var configuration = ClusterConfiguration()
        configuration.properties = ["stonith-enabled": "true", "no-quorum-policy": "stop"]
        configuration.nodes = ["cluster1", "cluster2"]
        let defaults = ["resource-stickiness": "200", "migration-threshold": "1", "failure-timeout": "600s"]
        func resource(
            _ id: String, _ agent: String, _ parameters: [String: String] = [:], group: String? = "g_mysql",
            clone: String? = nil, _ operations: [ClusterConfiguration.Operation]
        ) -> ClusterConfiguration.Resource {
            .init(
                id: id, agent: agent, parameters: parameters, meta: defaults, operations: operations, group: group,
                clone: clone)
        }
        func monitor(_ interval: Int64, _ timeout: Int64, _ role: String? = nil) -> ClusterConfiguration.Operation {
            .init(name: "monitor", interval: .seconds(interval), timeout: .seconds(timeout), role: role)
        }
        func operation(_ name: String, _ timeout: Int64) -> ClusterConfiguration.Operation {
            .init(name: name, timeout: .seconds(timeout))
        }
        configuration.resources = [
            resource(
                "p_fs_mysql", "ocf:heartbeat:Filesystem", ["device": "/dev/drbd0", "directory": "/var/lib/mysql"],
                [operation("start", 60), operation("stop", 60), monitor(20, 40)]),
            resource("p_float_ip", "ocf:heartbeat:IPaddr2", ["ip": "10.0.0.9"], [monitor(5, 20)]),
            resource(
                "p_mysql", "ocf:heartbeat:mysql", ["datadir": "/var/lib/mysql"],
                [operation("start", 120), operation("stop", 120), monitor(2, 30)]),
            resource(
                "p_drbd_mysql", "ocf:linbit:drbd", ["drbd_resource": "mysql"], group: nil, clone: "ms_drbd_mysql",
                [
                    operation("start", 240), operation("promote", 90), operation("demote", 90), operation("stop", 100),
                    monitor(29, 20, "Promoted"), monitor(31, 20, "Unpromoted"),
                ]),
            resource("p_proxy_ip", "ocf:heartbeat:IPaddr2", ["ip": "10.0.0.8"], group: nil, [monitor(5, 20)]),
            resource("f_cluster1", "stonith:fence_ipmilan", group: nil, []),
        ]
        configuration.locations = [.init(id: "l_first", resource: "ms_drbd_mysql", node: "cluster1", score: 50)]
        configuration.colocations = [
            .init(id: "c_mysql_on_drbd", resource: "g_mysql", with: "ms_drbd_mysql", score: 1_000_000)
        ]
        facts.configuration = .known(configuration)
        facts.cluster = .known(
            PacemakerView(nodes: [
                .init(name: "cluster1", id: "1", isOnline: true), .init(name: "cluster2", id: "2", isOnline: true),
            ]))
        facts.corosync = .known(CorosyncSettings(token: .seconds(3), isTwoNode: true, links: 2))
        facts.drbd = .known(
            DRBDConfiguration(resources: [
                .init(
                    name: "mysql", place: "/etc/drbd.d/mysql.res:1",
                    net: ["protocol": "C", "fencing": "resource-and-stonith", "after-sb-0pri": "discard-zero-changes"],
                    handlers: ["fence-peer": "f", "unfence-peer": "u", "split-brain": "n"])
            ]))
        facts.drbdState = .known([
            DRBDResourceView(
                name: "mysql", role: .primary, volumes: [.init(number: 0, disk: .upToDate)],
                peers: [
                    .init(
                        id: 1, name: "cluster2", connection: .connected, role: .secondary,
                        volumes: [.init(number: 0, replication: .established, disk: .upToDate)])
                ])
        ])
        facts.servers = .known([
            ServerSettings(
                node: "cluster1",
                variables: [
                    "bind_address": "10.0.0.1,10.0.0.9", "init_connect": "",
                    "innodb_buffer_pool_dump_at_shutdown": "ON",
                    "innodb_buffer_pool_load_at_startup": "ON", "innodb_doublewrite": "ON",
                    "innodb_flush_log_at_trx_commit": "1", "innodb_log_file_size": "\(1 << 30)", "log_bin": "ON",
                    "max_connections": "600", "read_only": "OFF", "skip_name_resolve": "ON", "sync_binlog": "1",
                    "tcp_keepalive_time": "60", "wait_timeout": "28800",
                ], privileges: .known(["REFERENCES"]), readable: .known(["global_priv", "user", "proc"]))
        ])
        facts.host.units = .known([:])
        facts.host.clock = .known(.init(isSynchronized: true, errorMax: .milliseconds(12)))
        facts.host.disks = .known([.init(use: .data, path: "/var/lib/mysql", free: 50 << 30, size: 100 << 30)])
        facts.host.addresses = .known(["10.0.0.1"])
        facts.proxy = .known(
            ProxyFacts(
                file: "haproxydb.toml", listen: [Endpoint(host: "10.0.0.8", port: 3306)],
                nodes: [
                    Node(id: NodeID(0), name: "cluster1", endpoint: Endpoint(host: "10.0.0.1", port: 3306)),
                    Node(id: NodeID(1), name: "cluster2", endpoint: Endpoint(host: "10.0.0.2", port: 3306)),
                ], agents: 2, connectionsMax: 500, ledger: "/var/lib/haproxydb/availability.db"))
        facts.ledger = .known(LedgerFacts(unplanned: [.seconds(7), .seconds(52)]))
        return facts
    }

    // What a test changes, in one word each.

    mutating func cluster(_ change: (inout ClusterConfiguration) -> Void) {
        guard case .known(var value) = configuration else { return }
        change(&value)
        configuration = .known(value)
    }

    mutating func resource(_ id: String, _ change: (inout ClusterConfiguration.Resource) -> Void) {
        cluster { configuration in
            for index in configuration.resources.indices where configuration.resources[index].id == id {
                change(&configuration.resources[index])
            }
        }
    }

    /// Each operation of that name.
    mutating func operation(_ id: String, _ name: String, _ change: (inout ClusterConfiguration.Operation) -> Void) {
        resource(id) { resource in
            for index in resource.operations.indices where resource.operations[index].name == name {
                change(&resource.operations[index])
            }
        }
    }

    mutating func meta(_ name: String, _ value: String?) {
        cluster { configuration in
            for index in configuration.resources.indices { configuration.resources[index].meta[name] = value }
        }
    }

    mutating func state(_ change: (inout PacemakerView) -> Void) {
        guard case .known(var value) = cluster else { return }
        change(&value)
        cluster = .known(value)
    }

    mutating func ring(_ change: (inout CorosyncSettings) -> Void) {
        guard case .known(var value) = corosync else { return }
        change(&value)
        corosync = .known(value)
    }

    mutating func drbd(_ change: (inout DRBDConfiguration.Resource) -> Void) {
        guard case .known(var value) = drbd else { return }
        change(&value.resources[0])
        drbd = .known(value)
    }

    mutating func disk(_ change: (inout DRBDResourceView) -> Void) {
        guard case .known(var value) = drbdState else { return }
        change(&value[0])
        drbdState = .known(value)
    }

    mutating func server(_ change: (inout ServerSettings) -> Void) {
        guard case .known(var value) = servers else { return }
        change(&value[0])
        servers = .known(value)
    }

    mutating func variable(_ name: String, _ value: String?) { server { $0.variables[name] = value } }

    mutating func proxy(_ change: (inout ProxyFacts) -> Void) {
        guard case .known(var value) = proxy else { return }
        change(&value)
        proxy = .known(value)
    }
}
