/// A cluster as Pacemaker sees it on the node that was asked. Until the loss of a node is declared the dead node
/// still shows as online and promoted; a node that is cut off has a view that is consistent and wrong.
public struct PacemakerView: Sendable, Hashable, Codable {
    public struct Node: Sendable, Hashable, Codable {
        public var name: String
        public var id: String
        public var isOnline: Bool
        public var isStandby: Bool
        /// In standby because an operation failed.
        public var isStandbyOnFail: Bool
        public var isInMaintenance: Bool
        /// Is joining: member of the ring, not yet of the cluster.
        public var isPending: Bool
        /// Must be fenced: what runs there is not known.
        public var isUnclean: Bool
        public var isShuttingDown: Bool
        public var isCoordinator: Bool
        /// Node attributes, by name.
        public var attributes: [Attribute]

        public init(
            name: String, id: String, isOnline: Bool, isStandby: Bool = false, isStandbyOnFail: Bool = false,
            isInMaintenance: Bool = false, isPending: Bool = false, isUnclean: Bool = false,
            isShuttingDown: Bool = false, isCoordinator: Bool = false, attributes: [Attribute] = []
        ) {
            self.name = name
            self.id = id
            self.isOnline = isOnline
            self.isStandby = isStandby
            self.isStandbyOnFail = isStandbyOnFail
            self.isInMaintenance = isInMaintenance
            self.isPending = isPending
            self.isUnclean = isUnclean
            self.isShuttingDown = isShuttingDown
            self.isCoordinator = isCoordinator
            self.attributes = attributes
        }
    }

    public struct Attribute: Sendable, Hashable, Codable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// A resource's role in the words of Pacemaker 2.1.
    public enum ResourceRole: String, Sendable, Hashable, Codable, CaseIterable {
        case unknown = "Unknown"
        case stopped = "Stopped"
        case started = "Started"
        case promoted = "Promoted"
        case unpromoted = "Unpromoted"
        case starting = "Starting"
        case stopping = "Stopping"
        case promoting = "Promoting"
        case demoting = "Demoting"
        case migrating = "Migrating"

        /// Also in the words of 1.1 and 2.0.
        init?(word: String) {
            switch word {
            case "Master": self = .promoted
            case "Slave": self = .unpromoted
            default: self.init(rawValue: word)
            }
        }
    }

    /// A resource, or one instance of a clone. An anonymous clone's instances have the same id.
    public struct Resource: Sendable, Hashable, Codable {
        public var id: String
        /// `ocf:linbit:drbd`
        public var agent: String
        public var role: ResourceRole
        /// The operation under way, in Pacemaker's words: `Starting`, `Promoting`, `Monitoring`, …
        public var pending: String?
        /// Where it runs; empty while it runs nowhere, several where it must not.
        public var nodes: [String]
        public var group: String?
        public var clone: String?
        public var isActive: Bool
        public var isManaged: Bool
        public var hasFailed: Bool
        /// Can't be recovered: a failed stop, for one.
        public var isBlocked: Bool
        public var isOrphaned: Bool

        public init(
            id: String, agent: String, role: ResourceRole, pending: String? = nil, nodes: [String] = [],
            group: String? = nil, clone: String? = nil, isActive: Bool, isManaged: Bool = true,
            hasFailed: Bool = false, isBlocked: Bool = false, isOrphaned: Bool = false
        ) {
            self.id = id
            self.agent = agent
            self.role = role
            self.pending = pending
            self.nodes = nodes
            self.group = group
            self.clone = clone
            self.isActive = isActive
            self.isManaged = isManaged
            self.hasFailed = hasFailed
            self.isBlocked = isBlocked
            self.isOrphaned = isOrphaned
        }
    }

    /// An operation that failed. It stays listed until somebody cleans up, also after the resource has recovered.
    public struct FailedAction: Sendable, Hashable, Codable {
        /// Empty where the operation's key does not tell it.
        public var resource: String
        public var task: String
        public var node: String
        public var exitCode: Int
        /// `not running`
        public var exitText: String
        public var reason: String

        public init(
            resource: String, task: String, node: String, exitCode: Int, exitText: String, reason: String
        ) {
            self.resource = resource
            self.task = task
            self.node = node
            self.exitCode = exitCode
            self.exitText = exitText
            self.reason = reason
        }
    }

    public struct FencingEvent: Sendable, Hashable, Codable {
        public enum State: String, Sendable, Hashable, Codable { case pending, success, failed }
        /// `reboot`, `off`, `on`
        public var action: String
        public var target: String
        public var state: State

        public init(action: String, target: String, state: State) {
            self.action = action
            self.target = target
            self.state = state
        }
    }

    /// How often a resource failed on a node: against the migration threshold. A million is "never again here".
    public struct FailCount: Sendable, Hashable, Codable {
        public var node: String
        public var resource: String
        public var count: Int
        /// At this count the resource leaves the node; nil where none is set.
        public var migrationThreshold: Int?

        public init(node: String, resource: String, count: Int, migrationThreshold: Int? = nil) {
            self.node = node
            self.resource = resource
            self.count = count
            self.migrationThreshold = migrationThreshold
        }
    }

    /// The coordinator's version; nil without one.
    public var version: String?
    /// The designated coordinator's name; nil while there is none.
    public var coordinator: String?
    /// Nil while there is no coordinator to say so.
    public var hasQuorum: Bool?
    /// Nil where the version does not tell it.
    public var isInMaintenance: Bool?
    public var isFencingEnabled: Bool?
    /// `stop`, `ignore`, `freeze`, `suicide`, `demote`
    public var quorumPolicy: String?
    public var nodes: [Node]
    /// In the order of the text: groups and clones as their members.
    public var resources: [Resource]
    public var failedActions: [FailedAction]
    public var fencing: [FencingEvent]
    public var failCounts: [FailCount]

    public init(
        version: String? = nil, coordinator: String? = nil, hasQuorum: Bool? = nil, isInMaintenance: Bool? = nil,
        isFencingEnabled: Bool? = nil, quorumPolicy: String? = nil, nodes: [Node] = [], resources: [Resource] = [],
        failedActions: [FailedAction] = [], fencing: [FencingEvent] = [], failCounts: [FailCount] = []
    ) {
        self.version = version
        self.coordinator = coordinator
        self.hasQuorum = hasQuorum
        self.isInMaintenance = isInMaintenance
        self.isFencingEnabled = isFencingEnabled
        self.quorumPolicy = quorumPolicy
        self.nodes = nodes
        self.resources = resources
        self.failedActions = failedActions
        self.fencing = fencing
        self.failCounts = failCounts
    }

    public func node(named name: String) -> Node? { nodes.first { $0.name == name } }
}
