import Cluster
import Health

/// All that was read, each part with a reason where it was not.
public struct Facts: Sendable, Hashable {
    /// Which of the tools that edit a cluster is on this host: its lines are given as advice.
    public enum Shell: Sendable, Hashable { case crmsh, pcs }

    public var shell = Shell.crmsh
    public var configuration: Reading<ClusterConfiguration> = .elsewhere("not looked for")
    public var cluster: Reading<PacemakerView> = .elsewhere("not looked for")
    public var corosync: Reading<CorosyncSettings> = .elsewhere("not looked for")
    public var drbd: Reading<DRBDConfiguration> = .elsewhere("not looked for")
    public var drbdState: Reading<[DRBDResourceView]> = .elsewhere("not looked for")
    /// Those of the configured nodes that answered: one, where all is well.
    public var servers: Reading<[ServerSettings]> = .elsewhere("not looked for")
    /// Those that answered and would not have the service account, with what they said.
    public var strangers: [Stranger] = []
    public var host = HostFacts()
    public var proxy: Reading<ProxyFacts> = .elsewhere("not looked for")
    public var ledger: Reading<LedgerFacts> = .elsewhere("not looked for")

    public init() {}
}

/// Something answers at a node's address, and is not to be looked into.
public struct Stranger: Sendable, Hashable {
    public var node: String
    public var reason: String

    public init(node: String, reason: String) {
        self.node = node
        self.reason = reason
    }
}

/// One server, as the proxy's service account sees it.
public struct ServerSettings: Sendable, Hashable {
    public struct Table: Sendable, Hashable {
        public var schema: String
        public var name: String
        public var engine: String

        public init(schema: String, name: String, engine: String) {
            self.schema = schema
            self.name = name
            self.engine = engine
        }
    }

    public struct Account: Sendable, Hashable {
        public var user: String
        public var host: String
        public var plugin: String

        public init(user: String, host: String, plugin: String) {
            self.user = user
            self.host = host
            self.plugin = plugin
        }
    }

    public var node: String
    /// `SHOW GLOBAL VARIABLES`, by name; one that this version does not have is missing.
    public var variables: [String: String]
    /// Of engines without transactions, outside of the server's own schemas.
    public var plainTables: Reading<[Table]>
    /// Those that may log in from other hosts, by a plugin for which the proxy can't log in again.
    public var fixedAccounts: Reading<[Account]>
    /// The service account's own rights on all schemas: `RELOAD`, …
    public var privileges: Reading<Set<String>>
    /// The tables of schema mysql that it may read, of those that conf/grants.sql grants.
    public var readable: Reading<Set<String>>

    public init(
        node: String, variables: [String: String] = [:], plainTables: Reading<[Table]> = .known([]),
        fixedAccounts: Reading<[Account]> = .known([]), privileges: Reading<Set<String>> = .known([]),
        readable: Reading<Set<String>> = .known([])
    ) {
        self.node = node
        self.variables = variables
        self.plainTables = plainTables
        self.fixedAccounts = fixedAccounts
        self.privileges = privileges
        self.readable = readable
    }

    /// Nil where the server takes all addresses, or does not say.
    var boundAddresses: [String]? {
        let all = variables["bind_address"]?.split(separator: ",").map(String.init) ?? []
        return all.isEmpty || all.contains(where: ServerSettings.wildcards.contains) ? nil : all
    }

    static let wildcards: Set = ["0.0.0.0", "::", "*"]

    func number(_ name: String) -> Int64? { variables[name].flatMap { Int64($0) } }

    /// Nil where there is no such variable.
    func isOn(_ name: String) -> Bool? {
        variables[name].map { !["OFF", "0", "NO", "FALSE"].contains($0.uppercased()) }
    }
}

/// The host that this runs on.
public struct HostFacts: Sendable, Hashable {
    public struct Disk: Sendable, Hashable {
        public enum Use: String, Sendable, Hashable {
            case data = "the data directory", ledger = "the availability log"
        }

        public var use: Use
        public var path: String
        /// Bytes that are free for programs that are not root's, and all bytes.
        public var free: UInt64
        public var size: UInt64

        public init(use: Use, path: String, free: UInt64, size: UInt64) {
            self.use = use
            self.path = path
            self.free = free
            self.size = size
        }
    }

    public struct Clock: Sendable, Hashable {
        /// By the kernel's word, which is what a time service tells it.
        public var isSynchronized: Bool
        public var errorMax: Instant.Span

        public init(isSynchronized: Bool, errorMax: Instant.Span) {
            self.isSynchronized = isSynchronized
            self.errorMax = errorMax
        }
    }

    /// Services that start at boot and are Pacemaker's to start, with the link that says so.
    public var units: Reading<[String: String]> = .elsewhere("not looked for")
    public var clock: Reading<Clock> = .elsewhere("not looked for")
    public var disks: Reading<[Disk]> = .elsewhere("not looked for")
    /// Its own addresses in numbers, but for loopback's.
    public var addresses: Reading<Set<String>> = .elsewhere("not looked for")

    public init() {}
}

/// What the proxy's configuration says.
public struct ProxyFacts: Sendable, Hashable {
    public var file: String
    public var listen: [Endpoint]
    public var nodes: [Node]
    /// How many of the nodes have an agent.
    public var agents: Int
    /// The service account.
    public var user: String
    public var connectionsMax: Int
    /// Zero: never.
    public var clientTimeout: Instant.Span
    public var holdTimeout: Instant.Span
    public var primaryTimeout: Instant.Span
    public var ledger: String?

    public init(
        file: String, listen: [Endpoint] = [], nodes: [Node] = [], agents: Int = 0, user: String = "proxy",
        connectionsMax: Int = 4096, clientTimeout: Instant.Span = .zero, holdTimeout: Instant.Span = .seconds(90),
        primaryTimeout: Instant.Span = .seconds(15), ledger: String? = nil
    ) {
        self.file = file
        self.listen = listen
        self.nodes = nodes
        self.agents = agents
        self.user = user
        self.connectionsMax = connectionsMax
        self.clientTimeout = clientTimeout
        self.holdTimeout = holdTimeout
        self.primaryTimeout = primaryTimeout
        self.ledger = ledger
    }
}

/// What the availability log has of the past.
public struct LedgerFacts: Sendable, Hashable {
    /// Lengths of outages that nobody had asked for and somebody felt, in their order.
    public var unplanned: [Instant.Span]

    public init(unplanned: [Instant.Span]) { self.unplanned = unplanned }

    public var longest: Instant.Span? { unplanned.max() }

    /// The length that one in twenty exceeds; of fewer than twenty, the longest.
    public var percentile95: Instant.Span? {
        guard !unplanned.isEmpty else { return nil }
        let sorted = unplanned.sorted()
        return sorted[(sorted.count * 95 + 99) / 100 - 1]
    }
}
