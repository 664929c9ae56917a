/// All rules by their ids: what `--only` takes, and docs/doctor.md explains.
public enum Rule: String, Sendable, Hashable, CaseIterable {
    // Pacemaker
    case monitorMissing = "monitor-missing"
    case monitorInterval = "monitor-interval"
    case monitorTimeout = "monitor-timeout"
    case operationTimeout = "operation-timeout"
    case migrationThreshold = "migration-threshold"
    case failureTimeout = "failure-timeout"
    case stickiness = "stickiness"
    case proxyApart = "proxy-apart"
    case quorumPolicy = "quorum-policy"
    case fencing = "fencing"
    case unmanaged = "unmanaged"
    case standbyMissing = "standby-missing"
    case barredNode = "barred-node"
    // corosync
    case corosyncToken = "corosync-token"
    case corosyncLinks = "corosync-links"
    case waitForAll = "wait-for-all"
    // DRBD
    case drbdProtocol = "drbd-protocol"
    case drbdFencing = "drbd-fencing"
    case drbdHandlers = "drbd-handlers"
    case drbdSplitBrain = "drbd-split-brain"
    case drbdState = "drbd-state"
    // The server
    case secondServer = "second-server"
    case flushAtCommit = "flush-at-commit"
    case syncBinlog = "sync-binlog"
    case doublewrite = "doublewrite"
    case plainTables = "plain-tables"
    case maxConnections = "max-connections"
    case waitTimeout = "wait-timeout"
    case keepalive = "keepalive"
    case nameResolution = "name-resolution"
    case bindAddress = "bind-address"
    case redoSize = "redo-size"
    case bufferPool = "buffer-pool"
    case grants = "grants"
    case fixedAccounts = "fixed-accounts"
    // The host
    case strayUnit = "stray-unit"
    case portClash = "port-clash"
    case clock = "clock"
    case diskSpace = "disk-space"
    // The proxy
    case holdTimeout = "hold-timeout"
    case holdHistory = "hold-history"
    case agents = "agents"
    case ledger = "ledger"

    var ordinal: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// What it judges by: all of them must have been read.
    var sources: [Source] {
        switch self {
        case .monitorMissing, .monitorInterval, .monitorTimeout, .operationTimeout, .migrationThreshold,
            .failureTimeout,
            .stickiness, .proxyApart, .quorumPolicy, .fencing:
            [.configuration]
        case .unmanaged, .standbyMissing, .barredNode: [.cluster]
        case .corosyncToken, .corosyncLinks, .waitForAll: [.corosync]
        case .drbdProtocol, .drbdFencing, .drbdHandlers, .drbdSplitBrain: [.drbd]
        case .drbdState: [.drbdState]
        case .secondServer, .flushAtCommit, .syncBinlog, .doublewrite, .keepalive, .nameResolution, .redoSize,
            .bufferPool:
            [.servers]
        case .bindAddress: [.servers, .configuration]
        case .plainTables: [.servers, .tables]
        case .fixedAccounts: [.servers, .accounts]
        case .grants: [.servers, .privileges, .proxy]
        case .maxConnections, .waitTimeout: [.servers, .proxy]
        case .strayUnit: [.units]
        case .portClash: [.addresses, .proxy]
        case .clock: [.clock]
        case .diskSpace: [.disks]
        case .holdHistory: [.proxy, .ledger]
        case .holdTimeout, .agents, .ledger: [.proxy]
        }
    }

    func findings(_ facts: Facts) -> [Finding] {
        switch self {
        case .monitorMissing: Monitors.missing(facts)
        case .monitorInterval: Monitors.interval(facts)
        case .monitorTimeout: Monitors.timeout(facts)
        case .operationTimeout: Recovery.timeouts(facts)
        case .migrationThreshold: Recovery.threshold(facts)
        case .failureTimeout: Recovery.failureTimeout(facts)
        case .stickiness: Placement.stickiness(facts)
        case .proxyApart: Placement.proxyApart(facts)
        case .quorumPolicy: Partition.quorumPolicy(facts)
        case .fencing: Partition.fencing(facts)
        case .unmanaged: Readiness.unmanaged(facts)
        case .standbyMissing: Readiness.standby(facts)
        case .barredNode: Readiness.barred(facts)
        case .corosyncToken: Ring.token(facts)
        case .corosyncLinks: Ring.links(facts)
        case .waitForAll: Ring.waitForAll(facts)
        case .drbdProtocol: Replication.acknowledgement(facts)
        case .drbdFencing: Replication.fencing(facts)
        case .drbdHandlers: Replication.handlers(facts)
        case .drbdSplitBrain: Replication.splitBrain(facts)
        case .drbdState: Replication.state(facts)
        case .secondServer: Durability.secondServer(facts)
        case .flushAtCommit: Durability.flushAtCommit(facts)
        case .syncBinlog: Durability.syncBinlog(facts)
        case .doublewrite: Durability.doublewrite(facts)
        case .plainTables: Durability.plainTables(facts)
        case .maxConnections: Connections.room(facts)
        case .waitTimeout: Connections.idle(facts)
        case .keepalive: Connections.keepalive(facts)
        case .nameResolution: Connections.names(facts)
        case .bindAddress: Connections.bound(facts)
        case .redoSize: Warmth.redo(facts)
        case .bufferPool: Warmth.bufferPool(facts)
        case .grants: Rights.grants(facts)
        case .fixedAccounts: Rights.fixedAccounts(facts)
        case .strayUnit: Housekeeping.units(facts)
        case .portClash: Housekeeping.ports(facts)
        case .clock: Housekeeping.clock(facts)
        case .diskSpace: Housekeeping.disks(facts)
        case .holdTimeout: Waiting.expected(facts)
        case .holdHistory: Waiting.history(facts)
        case .agents: Waiting.agents(facts)
        case .ledger: Waiting.ledger(facts)
        }
    }
}

/// Where facts come from.
public enum Source: String, Sendable, Hashable, CaseIterable {
    case configuration = "Pacemaker's configuration"
    case cluster = "Pacemaker's state"
    case corosync = "corosync"
    case drbd = "DRBD's configuration"
    case drbdState = "DRBD's state"
    case servers = "the servers"
    case tables = "the tables' engines"
    case accounts = "the accounts"
    case privileges = "the service account's rights"
    case units = "services that start at boot"
    case addresses = "this host's addresses"
    case clock = "the clock"
    case disks = "disk space"
    case proxy = "the proxy's configuration"
    case ledger = "the availability log"

    func gap(in facts: Facts) -> Gap? {
        /// Of what is read of each server: the first that could not be.
        func ofServers<Value>(_ part: (ServerSettings) -> Reading<Value>) -> Gap? {
            for server in facts.servers.value ?? [] {
                if let gap = part(server).gap {
                    return Gap(reason: "\(server.node): \(gap.reason)", isFault: gap.isFault)
                }
            }
            return nil
        }
        return switch self {
        case .configuration: facts.configuration.gap
        case .cluster: facts.cluster.gap
        case .corosync: facts.corosync.gap
        case .drbd: facts.drbd.gap
        case .drbdState: facts.drbdState.gap
        case .servers: facts.servers.gap
        case .tables: ofServers(\.plainTables)
        case .accounts: ofServers(\.fixedAccounts)
        case .privileges: ofServers(\.privileges) ?? ofServers(\.readable)
        case .units: facts.host.units.gap
        case .addresses: facts.host.addresses.gap
        case .clock: facts.host.clock.gap
        case .disks: facts.host.disks.gap
        case .proxy: facts.proxy.gap
        case .ledger: facts.ledger.gap
        }
    }
}
