import Cluster
import Health
import Testing

@testable import Doctor

/// Each rule, by facts that trip it and facts that just do not.
@Suite struct RuleTests {
    struct Case: Sendable, CustomStringConvertible {
        var rule: Rule
        var name: String
        /// How bad it is; nil: nothing is to be said.
        var severity: Finding.Severity?
        /// A word of the evidence or of what is saved.
        var word: String
        var change: @Sendable (inout Facts) -> Void

        var description: String { "\(rule.rawValue): \(name)" }

        static func trips(
            _ rule: Rule, _ severity: Finding.Severity, _ word: String, _ name: String,
            _ change: @escaping @Sendable (inout Facts) -> Void
        ) -> Case { Case(rule: rule, name: name, severity: severity, word: word, change: change) }

        static func passes(_ rule: Rule, _ name: String, _ change: @escaping @Sendable (inout Facts) -> Void) -> Case {
            Case(rule: rule, name: name, severity: nil, word: "", change: change)
        }
    }

    static let cases: [Case] = clusterCases + drbdCases + serverCases + hostCases + proxyCases

    private static let clusterCases: [Case] = [
        .trips(.monitorMissing, .critical, "p_mysql has no op monitor", "the database without") {
            $0.resource("p_mysql") { $0.operations.removeAll { $0.name == "monitor" } }
        },
        .trips(.monitorMissing, .warning, "role Promoted", "DRBD watched as a Secondary only") {
            $0.resource("p_drbd_mysql") { $0.operations.removeAll { $0.role == "Promoted" } }
        },
        .trips(.monitorMissing, .critical, "p_fs_mysql", "checked once, at the start") {
            $0.operation("p_fs_mysql", "monitor") { $0.interval = .zero }
        },
        .passes(.monitorMissing, "one check for both of DRBD's roles") {
            $0.resource("p_drbd_mysql") { $0.operations.removeAll { $0.role == "Promoted" } }
            $0.operation("p_drbd_mysql", "monitor") { $0.role = nil }
        },
        .trips(.monitorInterval, .warning, "about 9.0s of each failover", "the seed study's 20 s") {
            $0.operation("p_mysql", "monitor") { $0.interval = .seconds(20) }
        },
        .passes(.monitorInterval, "5 s") { $0.operation("p_mysql", "monitor") { $0.interval = .seconds(5) } },
        .passes(.monitorInterval, "the quickest counts") {
            $0.resource("p_mysql") { $0.operations.append(.init(name: "monitor", interval: .seconds(60))) }
        },
        .trips(.monitorTimeout, .warning, "timeout=61s", "a hang is borne too long") {
            $0.operation("p_mysql", "monitor") { $0.timeout = .seconds(61) }
        },
        .trips(.monitorTimeout, .warning, "timeout=9s", "shorter than DRBD's stall") {
            $0.operation("p_mysql", "monitor") { $0.timeout = .seconds(9) }
        },
        .passes(.monitorTimeout, "Pacemaker's default") { $0.operation("p_mysql", "monitor") { $0.timeout = nil } },
        .trips(.operationTimeout, .warning, "start 20s (Pacemaker's default), advised 120s", "no start operation") {
            $0.resource("p_mysql") { $0.operations.removeAll { $0.name == "start" } }
        },
        .trips(.operationTimeout, .warning, "promote 30s", "a short promotion") {
            $0.operation("p_drbd_mysql", "promote") { $0.timeout = .seconds(30) }
        },
        .passes(.operationTimeout, "the defaults are long enough") {
            $0.resource("p_mysql") { $0.operations.removeAll { $0.name == "start" } }
            $0.cluster { $0.operationDefaults["timeout"] = "2min" }
        },
        .trips(.migrationThreshold, .warning, "INFINITY", "not set") { $0.meta("migration-threshold", nil) },
        .trips(.migrationThreshold, .warning, "INFINITY", "for ever") { $0.meta("migration-threshold", "INFINITY") },
        .passes(.migrationThreshold, "three") { $0.meta("migration-threshold", "3") },
        .trips(.failureTimeout, .warning, "failed once", "not set") { $0.meta("failure-timeout", nil) },
        .trips(.failureTimeout, .warning, "failed 3 times", "zero") {
            $0.meta("failure-timeout", "0")
            $0.meta("migration-threshold", "3")
        },
        .passes(.failureTimeout, "in minutes") { $0.meta("failure-timeout", "10min") },
        .trips(.stickiness, .warning, "adds up to 0", "none") {
            $0.meta("resource-stickiness", nil)
            $0.cluster { $0.locations = [] }
        },
        .trips(.stickiness, .warning, "l_home prefers cluster1 by 5000", "a stronger preference") {
            $0.cluster {
                $0.locations.append(.init(id: "l_home", resource: "ms_drbd_mysql", node: "cluster1", score: 5000))
            }
        },
        .passes(.stickiness, "a preference of something else") {
            $0.cluster { $0.locations.append(.init(id: "l_web", resource: "p_web", node: "cluster1", score: 5000)) }
        },
        .passes(.stickiness, "a rule about no node") {
            $0.cluster { $0.locations.append(.init(id: "l_ping", resource: "ms_drbd_mysql", score: 1_000_000)) }
        },
        .trips(.proxyApart, .warning, "by 1000", "the score of old recipes") {
            $0.cluster {
                $0.colocations.append(.init(id: "c_apart", resource: "p_proxy_ip", with: "ms_drbd_mysql", score: -1000))
            }
        },
        .passes(.proxyApart, "less than it sticks") {
            $0.cluster {
                $0.colocations.append(.init(id: "c_apart", resource: "p_proxy_ip", with: "ms_drbd_mysql", score: -100))
            }
        },
        .trips(.quorumPolicy, .warning, "no-quorum-policy=ignore", "ignored") {
            $0.cluster { $0.properties["no-quorum-policy"] = "ignore" }
        },
        .trips(.quorumPolicy, .critical, "two_node is not set", "two nodes, and nobody knows") {
            $0.ring { $0.isTwoNode = false }
        },
        .passes(.quorumPolicy, "three nodes") {
            $0.ring { $0.isTwoNode = false }
            $0.cluster { $0.nodes.append("cluster3") }
        },
        .trips(.fencing, .critical, "stonith-enabled=false", "switched off") {
            $0.cluster { $0.properties["stonith-enabled"] = "false" }
        },
        .trips(.fencing, .critical, "no resource of class stonith", "no device") {
            $0.cluster { $0.resources.removeAll { $0.id == "f_cluster1" } }
        },
        .passes(.fencing, "a watchdog instead of a device") {
            $0.cluster {
                $0.resources.removeAll { $0.id == "f_cluster1" }
                $0.properties["have-watchdog"] = "true"
                $0.properties["stonith-watchdog-timeout"] = "10"
            }
        },
        .passes(.fencing, "on by default") { $0.cluster { $0.properties["stonith-enabled"] = nil } },
        .trips(.unmanaged, .critical, "maintenance-mode=true", "all of it") { $0.state { $0.isInMaintenance = true } },
        .trips(.unmanaged, .critical, "cluster2 is in maintenance", "a node") {
            $0.state { $0.nodes[1].isInMaintenance = true }
        },
        .trips(.unmanaged, .critical, "p_mysql is not managed", "a resource") {
            $0.state {
                $0.resources = [
                    .init(id: "p_mysql", agent: "ocf:heartbeat:mysql", role: .started, isActive: true, isManaged: false)
                ]
            }
        },
        .passes(.unmanaged, "all of it managed") { $0.state { $0.isInMaintenance = false } },
        .trips(.standbyMissing, .critical, "cluster2 is offline", "off") { $0.state { $0.nodes[1].isOnline = false } },
        .trips(.standbyMissing, .critical, "cluster2 is in standby", "standby") {
            $0.state { $0.nodes[1].isStandby = true }
        },
        .passes(.standbyMissing, "one of three is off") {
            $0.state { $0.nodes.append(.init(name: "cluster3", id: "3", isOnline: false)) }
        },
        .trips(.barredNode, .warning, "fail-count=1, migration-threshold=1", "at the threshold") {
            $0.state { $0.failCounts = [.init(node: "cluster2", resource: "p_mysql", count: 1, migrationThreshold: 1)] }
        },
        .trips(.barredNode, .warning, "fail-count=INFINITY", "a start that failed") {
            $0.state { $0.failCounts = [.init(node: "cluster2", resource: "p_mysql", count: 1_000_000)] }
        },
        .passes(.barredNode, "below it") {
            $0.state { $0.failCounts = [.init(node: "cluster2", resource: "p_mysql", count: 2, migrationThreshold: 3)] }
        },
        .trips(.corosyncToken, .warning, "11.0s; with 3000 ms after 6.6s", "slow") {
            $0.ring { $0.token = .seconds(5) }
        },
        .trips(.corosyncToken, .warning, "false alarms", "hasty") { $0.ring { $0.token = .milliseconds(500) } },
        .passes(.corosyncToken, "one second") { $0.ring { $0.token = .seconds(1) } },
        .trips(.corosyncLinks, .warning, "ring0_addr alone", "one link") { $0.ring { $0.links = 1 } },
        .passes(.corosyncLinks, "nothing lists them") { $0.ring { $0.links = nil } },
        .trips(.waitForAll, .warning, "wait_for_all: 0", "switched off") { $0.ring { $0.waitsForAll = false } },
        .passes(.waitForAll, "more than two nodes") {
            $0.ring {
                $0.waitsForAll = false
                $0.isTwoNode = nil
            }
        },
    ]

    private static let drbdCases: [Case] = [
        .trips(.drbdProtocol, .critical, "protocol A", "A") { $0.drbd { $0.net["protocol"] = "A" } },
        .trips(.drbdProtocol, .critical, "both hosts", "B") { $0.drbd { $0.net["protocol"] = "B" } },
        .passes(.drbdProtocol, "the default") { $0.drbd { $0.net["protocol"] = nil } },
        .trips(.drbdFencing, .critical, "not set", "none") { $0.drbd { $0.net["fencing"] = nil } },
        .passes(.drbdFencing, "8.4 has it in disk { }") {
            $0.drbd {
                $0.net["fencing"] = nil
                $0.disk["fencing"] = "resource-only"
            }
        },
        .trips(.drbdHandlers, .critical, "no fence-peer", "nobody to call") {
            $0.drbd { $0.handlers["fence-peer"] = nil }
        },
        .trips(.drbdHandlers, .critical, "never taken back", "no way back") {
            $0.drbd { $0.handlers["unfence-peer"] = nil }
        },
        .passes(.drbdHandlers, "8.4's way back") {
            $0.drbd {
                $0.handlers["unfence-peer"] = nil
                $0.handlers["after-resync-target"] = "u"
            }
        },
        .trips(.drbdSplitBrain, .warning, "after-sb-1pri discard-secondary", "data thrown away") {
            $0.drbd { $0.net["after-sb-1pri"] = "discard-secondary" }
        },
        .trips(.drbdSplitBrain, .warning, "no split-brain", "nobody told") {
            $0.drbd { $0.handlers["split-brain"] = nil }
        },
        .passes(.drbdSplitBrain, "disconnect") { $0.drbd { $0.net["after-sb-1pri"] = "disconnect" } },
        .trips(.drbdState, .critical, "the peer's disk Inconsistent", "resync") {
            $0.disk { $0.peers[0].volumes[0].disk = .inconsistent }
        },
        .trips(.drbdState, .critical, "StandAlone", "split") { $0.disk { $0.peers[0].connection = .standAlone } },
        .trips(.drbdState, .critical, "disk Diskless", "a lost disk") { $0.disk { $0.volumes[0].disk = .diskless } },
        .passes(.drbdState, "the other role") { $0.disk { $0.role = .secondary } },
    ]

    private static let serverCases: [Case] = [
        .trips(.secondServer, .critical, "OFF on cluster1 and cluster2", "both write") {
            guard var servers = $0.servers.value else { return }
            servers.append(servers[0])
            servers[1].node = "cluster2"
            $0.servers = .known(servers)
        },
        .trips(.secondServer, .critical, "1045", "a stranger") {
            $0.strangers = [Stranger(node: "cluster2", reason: "1045 Access denied")]
        },
        .passes(.secondServer, "the other one only reads") {
            guard var servers = $0.servers.value else { return }
            servers.append(servers[0])
            servers[1].node = "cluster2"
            servers[1].variables["read_only"] = "ON"
            $0.servers = .known(servers)
        },
        .trips(.flushAtCommit, .critical, "each time mariadbd dies", "0") {
            $0.variable("innodb_flush_log_at_trx_commit", "0")
        },
        .trips(.flushAtCommit, .critical, "power cut", "2") { $0.variable("innodb_flush_log_at_trx_commit", "2") },
        .passes(.flushAtCommit, "3 flushes as well") { $0.variable("innodb_flush_log_at_trx_commit", "3") },
        .trips(.syncBinlog, .critical, "sync_binlog = 0", "0") { $0.variable("sync_binlog", "0") },
        .passes(.syncBinlog, "no binary log") {
            $0.variable("sync_binlog", "0")
            $0.variable("log_bin", "OFF")
        },
        .trips(.doublewrite, .critical, "innodb_doublewrite = OFF", "off") { $0.variable("innodb_doublewrite", "OFF") },
        .passes(.doublewrite, "11.0's word for on") { $0.variable("innodb_doublewrite", "fast") },
        .trips(.plainTables, .warning, "app.old (MyISAM)", "one") {
            $0.server { $0.plainTables = .known([.init(schema: "app", name: "old", engine: "MyISAM")]) }
        },
        .passes(.plainTables, "none") { $0.server { $0.plainTables = .known([]) } },
        .trips(.maxConnections, .warning, "max_connections = 151", "MariaDB's default") {
            $0.variable("max_connections", "151")
        },
        .passes(.maxConnections, "just enough") { $0.variable("max_connections", "510") },
        .trips(.waitTimeout, .warning, "wait_timeout = 60", "a minute") { $0.variable("wait_timeout", "60") },
        .trips(.waitTimeout, .notice, "client_timeout", "the proxy's is longer") {
            $0.variable("wait_timeout", "600")
            $0.proxy { $0.clientTimeout = .seconds(601) }
        },
        .passes(.waitTimeout, "ten minutes") { $0.variable("wait_timeout", "600") },
        .trips(.keepalive, .notice, "7200 s", "the kernel's") { $0.variable("tcp_keepalive_time", "0") },
        .trips(.keepalive, .notice, "is not there", "a server before 10.3.3") {
            $0.variable("tcp_keepalive_time", nil)
        },
        .passes(.keepalive, "ten minutes") { $0.variable("tcp_keepalive_time", "600") },
        .trips(.nameResolution, .notice, "skip_name_resolve = OFF", "off") { $0.variable("skip_name_resolve", "OFF") },
        .passes(.nameResolution, "1") { $0.variable("skip_name_resolve", "1") },
        .trips(.bindAddress, .warning, "10.0.0.1; CIB: p_float_ip has 10.0.0.9", "the node's own alone") {
            $0.variable("bind_address", "10.0.0.1")
        },
        .passes(.bindAddress, "all") { $0.variable("bind_address", "*") },
        .trips(.redoSize, .notice, "8.0 GiB", "much") { $0.variable("innodb_log_file_size", "\(8 << 30)") },
        .trips(.redoSize, .notice, "6.0 GiB", "two files") {
            $0.variable("innodb_log_file_size", "\(3 << 30)")
            $0.variable("innodb_log_files_in_group", "2")
        },
        .passes(.redoSize, "4 GiB") { $0.variable("innodb_log_file_size", "\(4 << 30)") },
        .trips(.bufferPool, .notice, "load_at_startup = OFF", "not loaded") {
            $0.variable("innodb_buffer_pool_load_at_startup", "OFF")
        },
        .passes(.bufferPool, "both") { $0.variable("innodb_buffer_pool_load_at_startup", "ON") },
        .trips(.grants, .critical, "mysql.global_priv", "no hashes") { $0.server { $0.readable = .known(["proc"]) } },
        .trips(.grants, .warning, "mysql.proc", "no programs") { $0.server { $0.readable = .known(["user"]) } },
        .trips(.grants, .warning, "REFERENCES", "no tables") { $0.server { $0.privileges = .known(["USAGE"]) } },
        .trips(.grants, .notice, "CONNECTION ADMIN", "init_connect") {
            $0.variable("init_connect", "INSERT INTO audit.l VALUES (1)")
        },
        .passes(.grants, "SELECT on all") {
            $0.server {
                $0.privileges = .known(["SELECT"])
                $0.readable = .known(["user"])
            }
        },
        .trips(.fixedAccounts, .notice, "'hr'@'%' (ed25519)", "ed25519") {
            $0.server { $0.fixedAccounts = .known([.init(user: "hr", host: "%", plugin: "ed25519")]) }
        },
        .passes(.fixedAccounts, "none") { $0.server { $0.fixedAccounts = .known([]) } },
    ]

    private static let hostCases: [Case] = [
        .trips(.strayUnit, .critical, "mariadb.service", "mariadbd at boot") {
            $0.host.units = .known(["mariadb.service": "/etc/systemd/system/multi-user.target.wants/mariadb.service"])
        },
        .trips(.strayUnit, .warning, "drbd.service", "DRBD at boot") {
            $0.host.units = .known(["drbd.service": "/etc/systemd/system/multi-user.target.wants/drbd.service"])
        },
        .passes(.strayUnit, "none") { $0.host.units = .known([:]) },
        .trips(.portClash, .critical, "listen 0.0.0.0:3306", "all addresses") {
            $0.proxy { $0.listen = [Endpoint(host: "0.0.0.0", port: 3306)] }
        },
        .trips(.portClash, .critical, "bind_address: 0.0.0.0", "an address of the cluster's, and the server takes all")
        {
            $0.variable("bind_address", "0.0.0.0")
        },
        .trips(.portClash, .critical, "not known, by default all", "the same before there is a server") {
            $0.variable("bind_address", nil)
        },
        .passes(.portClash, "an address that is another host's") {
            $0.variable("bind_address", "0.0.0.0")
            $0.proxy { $0.listen = [Endpoint(host: "10.0.0.100", port: 3306)] }
        },
        .trips(.portClash, .critical, "listen 10.0.0.9:3306", "one of those that the server takes") {
            $0.proxy { $0.listen = [Endpoint(host: "10.0.0.9", port: 3306)] }
        },
        .passes(.portClash, "another port") { $0.proxy { $0.listen = [Endpoint(host: "0.0.0.0", port: 3307)] } },
        .passes(.portClash, "another host") {
            $0.proxy { $0.listen = [Endpoint(host: "0.0.0.0", port: 3306)] }
            $0.host.addresses = .known(["10.0.0.100"])
        },
        .trips(.clock, .warning, "not synchronised", "free") {
            $0.host.clock = .known(.init(isSynchronized: false, errorMax: .zero))
        },
        .passes(.clock, "synchronised, roughly") {
            $0.host.clock = .known(.init(isSynchronized: true, errorMax: .seconds(1)))
        },
        .trips(.diskSpace, .critical, "(1 %)", "full") {
            $0.host.disks = .known([.init(use: .data, path: "/var/lib/mysql", free: 1 << 30, size: 100 << 30)])
        },
        .trips(.diskSpace, .warning, "(9 %)", "soon full") {
            $0.host.disks = .known([.init(use: .data, path: "/var/lib/mysql", free: 9 << 30, size: 100 << 30)])
        },
        .trips(.diskSpace, .warning, "the availability log", "the log's") {
            $0.host.disks = .known([.init(use: .ledger, path: "/var/lib/haproxydb", free: 0, size: 1 << 30)])
        },
        .passes(.diskSpace, "little of very much") {
            $0.host.disks = .known([.init(use: .data, path: "/var/lib/mysql", free: 100 << 30, size: 4 << 40)])
        },
    ]

    private static let proxyCases: [Case] = [
        .trips(.holdTimeout, .warning, "token + consensus 6.6s + 30.0s", "shorter than a cold start") {
            $0.operation("p_mysql", "monitor") { $0.timeout = .seconds(4) }
            $0.proxy { $0.holdTimeout = .seconds(36) }
            $0.ledger = .known(LedgerFacts(unplanned: []))
        },
        .trips(.holdTimeout, .warning, "monitor 50.0s", "shorter than a hang's detection") {
            $0.operation("p_mysql", "monitor") { $0.interval = .seconds(20) }
            $0.proxy { $0.holdTimeout = .seconds(79) }
        },
        .passes(.holdTimeout, "long enough") {
            $0.operation("p_mysql", "monitor") { $0.interval = .seconds(20) }
            $0.proxy { $0.holdTimeout = .seconds(80) }
        },
        .trips(.holdHistory, .critical, "errors in 1 of 2", "the longest of two is one in twenty") {
            $0.ledger = .known(LedgerFacts(unplanned: [.seconds(7), .seconds(90)]))
        },
        .trips(.holdHistory, .warning, "errors in 1 of 40", "once in a long while") {
            $0.ledger = .known(LedgerFacts(unplanned: Array(repeating: .seconds(9), count: 39) + [.seconds(91)]))
        },
        .passes(.holdHistory, "just held") { $0.ledger = .known(LedgerFacts(unplanned: [.milliseconds(89_999)])) },
        .passes(.holdHistory, "no outage yet") { $0.ledger = .known(LedgerFacts(unplanned: [])) },
        .trips(.agents, .notice, "1 of 2", "one is missing") { $0.proxy { $0.agents = 1 } },
        .passes(.agents, "all") { $0.proxy { $0.agents = 2 } },
        .trips(.ledger, .notice, "is not set", "none") { $0.proxy { $0.ledger = nil } },
        .passes(.ledger, "some place") { $0.proxy { $0.ledger = "/a" } },
    ]

    @Test func aSoundClusterHasNoFindings() {
        let examination = Examination(.sound)
        #expect(examination.findings.isEmpty, "\(examination.text())")
        #expect(examination.omissions.isEmpty, "\(examination.text())")
        #expect(examination.asked == Rule.allCases.count)
        #expect(examination.status == .sound)
    }

    @Test(arguments: cases) func judges(_ one: Case) {
        var facts = Facts.sound
        one.change(&facts)
        let findings = Examination(facts, rules: [one.rule]).findings
        #expect(findings.map(\.severity).max() == one.severity, "\(findings)")
        guard let severity = one.severity else { return }
        let found = findings.filter { $0.severity == severity }
        #expect(found.contains { ($0.evidence + $0.saves).contains(one.word) }, "\(findings)")
        for finding in findings {
            #expect(finding.rule == one.rule)
            #expect(!finding.remedy.isEmpty && !finding.remedy.contains(""))
            #expect(!finding.saves.hasSuffix(".") && !finding.evidence.hasSuffix("."))
        }
    }

    /// No rule without facts that trip it and others that do not.
    @Test(arguments: Rule.allCases) func everyRuleHasBoth(_ rule: Rule) {
        let mine = Self.cases.filter { $0.rule == rule }
        #expect(mine.contains { $0.severity != nil }, "\(rule.rawValue) has nothing that trips it")
        #expect(mine.contains { $0.severity == nil }, "\(rule.rawValue) has nothing that passes")
    }

    /// What trips one rule is no reason for another to speak, but where both are about the same.
    @Test func rulesDoNotRepeatEachOther() {
        for one in Self.cases where one.severity != nil {
            var facts = Facts.sound
            one.change(&facts)
            let others = Set(Examination(facts).findings.map(\.rule)).subtracting([one.rule])
            let allowed: Set<Rule>
            switch one.rule {
            // A slow check is a slow detection, too, and the check's timeout was made short for the other case.
            case .holdTimeout: allowed = [.monitorTimeout, .monitorInterval]
            case .monitorTimeout, .monitorInterval: allowed = [.holdTimeout]
            // A server that takes all addresses takes the proxy's, too.
            case .bindAddress: allowed = [.portClash]
            case _: allowed = []
            }
            #expect(others.isSubset(of: allowed), "\(one): \(others)")
        }
    }
}
