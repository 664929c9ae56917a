/// What a node's agent sees: of its own storage, and of the cluster from where it stands.
public struct NodeReport: Sendable, Hashable, Codable {
    /// The local replica of the replicated device, as its own kernel says.
    public struct Storage: Sendable, Hashable, Codable {
        public enum Role: String, Sendable, Hashable, Codable { case primary, secondary, unknown }

        public enum Disk: String, Sendable, Hashable, Codable, CaseIterable {
            case upToDate, consistent, outdated, inconsistent, diskless, unknown
        }

        public enum Connection: String, Sendable, Hashable, Codable {
            case connected, connecting, synchronizing
            /// Gave up: an operator's disconnect, or a split brain that was found.
            case standAlone
            case unknown
        }

        public var role: Role
        public var disk: Disk
        public var peerDisk: Disk
        public var connection: Connection
        /// One for each volume; nil where they can't be read, or have not been since something changed.
        public var generations: [DataGeneration]?
        /// The latest moment at which it was known not to be Primary, by this node's own clock, milliseconds since 1970:
        /// whatever started before did not start on this data. Nil where the agent has never seen it as anything else.
        public var secondaryUntil: Int64?

        public init(
            role: Role, disk: Disk, peerDisk: Disk = .unknown, connection: Connection = .unknown,
            generations: [DataGeneration]? = nil, secondaryUntil: Int64? = nil
        ) {
            self.role = role
            self.disk = disk
            self.peerDisk = peerDisk
            self.connection = connection
            self.generations = generations
            self.secondaryUntil = secondaryUntil
        }
    }

    /// What the cluster's resource manager says on this node. On an isolated node it is consistent and wrong.
    public struct Manager: Sendable, Hashable, Codable {
        public var hasQuorum: Bool
        /// Without quorum it carries on all the same (`no-quorum-policy=ignore`).
        public var ignoresQuorum: Bool
        /// Nothing is managed at present (maintenance mode): roles are as they were last seen.
        public var isMaintenance: Bool
        /// Nodes that hold the promoted role and are online and clean; nil where there is no such resource.
        public var promoted: [String]?
        public var standby: [String]
        /// Nodes that are neither known to be well nor proved to be gone.
        public var unclean: [String]
        public var isFencingPending: Bool
        /// A promotion, a start or a stop of the database's resources is under way.
        public var isMovePending: Bool
        /// The OCF gate runs on the agent's own node: whenever the group stops there, statements are held first. Nil:
        /// an agent of a version that does not say.
        public var isGated: Bool?
        /// Nodes that were fenced, or have left in order: nothing of the cluster's runs there. Without fencing nothing
        /// proves that, and nobody is in it. Nil: an agent of a version that does not say.
        public var gone: [String]?
        /// Nodes on which the database's resource runs, or is being started. Nil where there is no such resource, or the
        /// agent is of a version that does not say.
        public var databases: [String]?

        public init(
            hasQuorum: Bool = true, ignoresQuorum: Bool = false, isMaintenance: Bool = false,
            promoted: [String]? = nil, standby: [String] = [], unclean: [String] = [], isFencingPending: Bool = false,
            isMovePending: Bool = false, isGated: Bool? = nil, gone: [String]? = nil, databases: [String]? = nil
        ) {
            self.hasQuorum = hasQuorum
            self.ignoresQuorum = ignoresQuorum
            self.isMaintenance = isMaintenance
            self.promoted = promoted
            self.standby = standby
            self.unclean = unclean
            self.isFencingPending = isFencingPending
            self.isMovePending = isMovePending
            self.isGated = isGated
            self.gone = gone
            self.databases = databases
        }
    }

    /// Which mariadbd on the agent's own node is the cluster's.
    public struct Database: Sendable, Hashable, Codable {
        public struct Process: Sendable, Hashable, Codable {
            public var pid: Int32
            /// By this node's clock at that time, milliseconds since 1970; nil where the agent came later, and the clock
            /// may have been set since.
            public var startedAt: Int64?

            public init(pid: Int32, startedAt: Int64? = nil) {
                self.pid = pid
                self.startedAt = startedAt
            }
        }

        /// Nil where none runs.
        public var process: Process?
        /// As the resource gives them to the server; nil where they are not known.
        public var pidFile: String?
        public var dataDirectory: String?
        /// Whether the data directory's file system is that of the resource's device; nil where that is not known.
        public var isOnDevice: Bool?
        /// The kernel's id of this boot.
        public var bootID: String?

        public init(
            process: Process? = nil, pidFile: String? = nil, dataDirectory: String? = nil, isOnDevice: Bool? = nil,
            bootID: String? = nil
        ) {
            self.process = process
            self.pidFile = pidFile
            self.dataDirectory = dataDirectory
            self.isOnDevice = isOnDevice
            self.bootID = bootID
        }
    }

    /// How long ago each part was observed, when the report was sent; nil where the part is not there, or the agent is of
    /// a version that does not say.
    public struct Ages: Sendable, Hashable, Codable {
        /// Milliseconds, all three.
        public var storage: Int64?
        public var generations: Int64?
        public var manager: Int64?

        public init(storage: Int64? = nil, generations: Int64? = nil, manager: Int64? = nil) {
            self.storage = storage
            self.generations = generations
            self.manager = manager
        }
    }

    /// As the cluster names it, and as it is named in the proxy's configuration.
    public var node: String
    /// Nil where none is watched, or it can't be read: `troubles` says why.
    public var storage: Storage?
    public var manager: Manager?
    /// Nil where the agent does not know how to tell the cluster's mariadbd from others, or is of a version that does not.
    public var database: Database?
    /// Of a promotion under way; nil while none is.
    public var phase: Phase?
    /// Where it is under way; nil where that is not known.
    public var phaseNode: String?
    /// Sentences on what can't be observed.
    public var troubles: [String]

    public init(
        node: String, storage: Storage? = nil, manager: Manager? = nil, database: Database? = nil, phase: Phase? = nil,
        phaseNode: String? = nil, troubles: [String] = []
    ) {
        self.node = node
        self.storage = storage
        self.manager = manager
        self.database = database
        self.phase = phase
        self.phaseNode = phaseNode
        self.troubles = troubles
    }
}
