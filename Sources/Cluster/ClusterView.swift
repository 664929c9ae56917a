/// How far a failover is. Only `ready` has a primary that takes statements.
public enum Phase: String, Sendable, Hashable, Codable, CaseIterable {
    case lost, fencing, promoting, mounting, starting, recovering, ready
}

/// Why there is no primary (or why the one there is does not get statements). A closed list.
public enum Diagnosis: String, Sendable, Hashable, CaseIterable {
    /// Nothing has been observed yet.
    case starting
    /// No node answers as a writable server.
    case primaryLost
    /// A server answers, but still recovers or refuses logins while it starts.
    case recovering
    /// Servers answer, all of them read-only.
    case primaryReadOnly
    /// More than one node is writable: nothing is sent to any.
    case twoPrimaries
    /// A node answers, and the health check's own account is refused.
    case checkAccountRefused
    /// The only writable node is in maintenance or drain by an administrator's word.
    case administrative
    /// The only writable node is one that the cluster has not promoted.
    case notPromoted
    /// The node's side of the cluster has no quorum.
    case noQuorum
    /// There is a standby, and its data is known to be old: it must not be promoted.
    case standbyOutdated
    /// There is a standby, and its disk is not up to date.
    case diskNotUpToDate
    /// The cluster's resource manager manages nothing at present.
    case maintenance
    /// An agent is configured and not heard: what it would know is missing.
    case agentSilent
    /// Two replicas went their own way: what was written on one of them will be thrown away.
    case splitBrain
    /// A server ends the sessions of the check's own account: `init_connect` fails for it.
    case initConnectFails
    /// A server takes no connection from the proxy's host.
    case hostBlocked
    /// The check's own account has reached a limit of its own.
    case checkAccountLimited
    /// A node asks for the check's password in a way that would reveal it.
    case passwordAsked
    /// A node's address leads to a HAProxyDB: this one or another.
    case nodeIsProxy
    /// A server has no seat left for the sessions that wait, or for the check.
    case serverFull
    /// A writable server that is not the cluster's: it gets nothing.
    case strayServer
    /// A node's name can't be resolved.
    case nameUnresolved
    /// The primary answers no check, and is not given up: it hangs, or it stalls.
    case primarySilent

    /// For a database administrator: what it means and what to look at.
    public var sentence: String {
        switch self {
        case .starting: "The proxy has not asked every node yet, or has not heard every agent."
        case .primaryLost: "No node answers as a writable server; look at the nodes' checks and at crm_mon."
        case .recovering: "A server is there and takes no statements yet: it starts, or recovers its data."
        case .primaryReadOnly:
            "Every server that answers is read-only; look at read_only on the node that should write."
        case .twoPrimaries:
            "More than one node is writable and nothing proves which one is right: neither gets statements. "
                + "Stop the server on the one that must not write."
        case .checkAccountRefused:
            "A server answers and refuses the proxy's own account ([health] user). On the primary: CREATE USER IF NOT EXISTS "
                + "'proxy'@'%' IDENTIFIED BY '…' (or ALTER USER, with the password of [health]), then GRANT SELECT ON "
                + "mysql.global_priv TO 'proxy'@'%' and the rest of conf/grants.sql."
        case .administrative:
            "The only node that could be primary is in drain or maintenance by an administrator's word."
        case .notPromoted:
            "A server is writable on a node that the cluster has not promoted: it gets nothing. "
                + "Somebody started it by hand, or the cluster is about to stop it."
        case .noQuorum: "A side of the cluster has no quorum; what is on it can't be trusted to be the only one."
        case .standbyOutdated: "A node's data is known to be behind another's: it must not be promoted, or have been."
        case .diskNotUpToDate:
            "The standby's disk is not up to date (resynchronizing, or failed): no failover is possible."
        case .maintenance: "The cluster's resource manager manages nothing at present: a failure would not be repaired."
        case .agentSilent: "A node's agent is not heard: its word is missing, others' and SQL decide."
        case .splitBrain:
            "Both replicas have writes that the other lacks: DRBD will not connect them before one of the two is thrown "
                + "away (drbdadm connect --discard-my-data)."
        case .initConnectFails:
            "A server lets the proxy's own account ([health] user) log in and ends its sessions, because init_connect "
                + "fails for it: grant what that command does, or GRANT CONNECTION ADMIN ON *.* (before MariaDB 10.5 "
                + "SUPER) to the account, for which init_connect is not run then."
        case .hostBlocked:
            "A server takes no connection from the proxy's host any more: too many logins were begun there and left. "
                + "Run FLUSH HOSTS on it (the proxy does so itself if its account has RELOAD), and set "
                + "skip_name_resolve or a greater max_connect_errors."
        case .checkAccountLimited:
            "The proxy's own account ([health] user) is at a limit of its own (MAX_USER_CONNECTIONS, "
                + "MAX_CONNECTIONS_PER_HOUR, MAX_QUERIES_PER_HOUR): it needs accounts and checks without; "
                + "ALTER USER … WITH MAX_USER_CONNECTIONS 0 and the like."
        case .passwordAsked:
            "A node asks for the proxy's password in a way that would reveal it, and did not get it: somebody else "
                + "answers at its address, or the account is of a plugin that the proxy does not use "
                + "(mysql_native_password and ed25519 it does)."
        case .nodeIsProxy:
            "A node's address leads to a HAProxyDB listener, this proxy's own or another's, and not to a MariaDB server: "
                + "it counts for nothing until its [[node]] address is the server's own address and port."
        case .serverFull:
            "A server refuses logins (1040, Too many connections), and sessions wait for a seat: raise max_connections there "
                + "(SET GLOBAL max_connections), end connections that do nothing, or lower connections_max here."
        case .strayServer:
            "A server is writable that is not the cluster's primary, and nothing is sent to it: stop it, and whatever "
                + "starts it (systemctl disable --now mariadb). Where it holds the port, the cluster can't start its own."
        case .nameUnresolved:
            "A node's name can't be resolved: it counts for nothing until it can (it is looked up again at least every 30 s); "
                + "look at its [[node]] address, at /etc/hosts and at the name server, or write the address in numbers."
        case .primarySilent:
            "The primary answers no check, and what is sent to it waits: its server hangs, or its disk or its network "
                + "stalls. Look at both on its node, and at crm_mon. It is given up when the cluster no longer calls it "
                + "promoted; without agents after [health] primary_timeout."
        }
    }
}

/// What is known of one node, for people and for the router.
public struct NodeView: Sendable, Hashable {
    public var node: Node
    public var health: HealthState
    public var administrative: AdministrativeState
    public var role: Role
    /// What the last check said, one sentence.
    public var lastCheck: String
    /// When health or role last changed.
    public var changedAt: Instant
    public var marks: NodeMarks = []
    /// Why the writable server that answers there is not the cluster's primary, without a subject and full stop; nil
    /// where there is none.
    public var stray: String?
    /// Those of the view's that are about this node alone.
    public var cautions: [Diagnosis] = []

    public init(
        node: Node, health: HealthState, administrative: AdministrativeState, role: Role, lastCheck: String,
        changedAt: Instant
    ) {
        self.node = node
        self.health = health
        self.administrative = administrative
        self.role = role
        self.lastCheck = lastCheck
        self.changedAt = changedAt
    }
}

/// The published truth that Health and Routing share: who is primary, in which generation and phase, and why.
/// Immutable once published; a later one replaces it whole.
public struct ClusterView: Sendable, Hashable {
    public var generation: Generation
    /// The node that takes statements; nil while there is none.
    public var primary: NodeID?
    public var phase: Phase
    /// Why there is no primary; nil while there is one.
    public var diagnosis: Diagnosis?
    /// When `primary`, `phase` or `diagnosis` last changed.
    public var since: Instant
    /// Which run of its server's process the primary is, as the server itself numbers them; nil where it is not known.
    public var life: UInt64?
    /// In the order of the configuration; a node's index is its id's raw value.
    public var nodes: [NodeView]
    /// What is not as it should be and does not decide who is primary, in the order of ``Diagnosis``.
    public var cautions: [Diagnosis]

    public init(
        generation: Generation, primary: NodeID?, phase: Phase, diagnosis: Diagnosis?, since: Instant,
        nodes: [NodeView], cautions: [Diagnosis] = []
    ) {
        self.generation = generation
        self.primary = primary
        self.phase = phase
        self.diagnosis = diagnosis
        self.since = since
        self.nodes = nodes
        self.cautions = cautions
    }

    /// The view of a cluster of which nothing has been observed.
    public static func unobserved(_ nodes: [Node], at now: Instant) -> ClusterView {
        ClusterView(
            generation: .none, primary: nil, phase: .lost, diagnosis: .starting, since: now,
            nodes: nodes.map {
                NodeView(
                    node: $0, health: .down, administrative: .ready, role: .unknown, lastCheck: "not checked yet",
                    changedAt: now)
            })
    }
}
