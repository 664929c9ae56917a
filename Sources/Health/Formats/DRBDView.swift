/// One DRBD resource as its own node sees it. What it says of peers is what was last heard of them.
public struct DRBDResourceView: Sendable, Hashable, Codable {
    /// A local volume.
    public struct Volume: Sendable, Hashable, Codable {
        public var number: Int
        public var minor: Int?
        public var disk: DRBDDisk
        /// DRBD 9 with quorum configured: false means that this node must not write. Nil where it was not said.
        public var hasQuorum: Bool?

        public init(number: Int, minor: Int? = nil, disk: DRBDDisk, hasQuorum: Bool? = nil) {
            self.number = number
            self.minor = minor
            self.disk = disk
            self.hasQuorum = hasQuorum
        }
    }

    /// A peer's side of a volume.
    public struct PeerVolume: Sendable, Hashable, Codable {
        public var number: Int
        public var replication: DRBDReplication
        public var disk: DRBDDisk
        /// Of a resynchronization, 0 to 100, in hundredths of a percent (9659 is 96.59 %). `status` counts of the
        /// device, /proc/drbd of the resynchronization. Nil where none runs or nothing was said.
        public var doneHundredths: Int?

        public init(number: Int, replication: DRBDReplication, disk: DRBDDisk, doneHundredths: Int? = nil) {
            self.number = number
            self.replication = replication
            self.disk = disk
            self.doneHundredths = doneHundredths
        }
    }

    public struct Peer: Sendable, Hashable, Codable {
        /// DRBD 9's node id; 8.4 says 0 or nothing.
        public var id: Int?
        /// The connection's name: the peer's host name in DRBD 9, often `peer` in 8.4. Empty where none was said.
        public var name: String
        public var connection: DRBDConnection
        public var role: DRBDRole
        public var volumes: [PeerVolume]

        public init(
            id: Int? = nil, name: String = "", connection: DRBDConnection, role: DRBDRole, volumes: [PeerVolume] = []
        ) {
            self.id = id
            self.name = name
            self.connection = connection
            self.role = role
            self.volumes = volumes
        }
    }

    /// /proc/drbd knows no names: `minor-0` there.
    public var name: String
    public var role: DRBDRole
    /// Why writes are held back; empty while they are not.
    public var suspended: [DRBDSuspension]
    /// DRBD 9: a promotion would succeed now. False on the Primary itself.
    public var mayPromote: Bool?
    public var promotionScore: Int?
    /// The split-brain handler was called, and the peers have not agreed on the data since. Only the event stream
    /// knows; everything else shows StandAlone, which an operator's disconnect shows too.
    public var wasSplitBrainDetected: Bool
    /// In the order of their numbers.
    public var volumes: [Volume]
    /// In the order of their ids. No peer is 8.4's way to say StandAlone.
    public var peers: [Peer]

    public init(
        name: String, role: DRBDRole, suspended: [DRBDSuspension] = [], mayPromote: Bool? = nil,
        promotionScore: Int? = nil, wasSplitBrainDetected: Bool = false, volumes: [Volume] = [], peers: [Peer] = []
    ) {
        self.name = name
        self.role = role
        self.suspended = suspended
        self.mayPromote = mayPromote
        self.promotionScore = promotionScore
        self.wasSplitBrainDetected = wasSplitBrainDetected
        self.volumes = volumes
        self.peers = peers
    }
}

extension DRBDResourceView {
    /// The worst of the local disks; nil while there is no volume.
    public var disk: DRBDDisk? { DRBDDisk.allCases.first { disk in volumes.contains { $0.disk == disk } } }

    /// The worst of the peers' disks as known here; unknown without a peer.
    public var peerDisk: DRBDDisk {
        DRBDDisk.allCases.first { disk in peers.contains { $0.volumes.contains { $0.disk == disk } } } ?? .unknown
    }

    /// The worst of the links; StandAlone without a peer.
    public var connection: DRBDConnection {
        DRBDConnection.allCases.first { state in peers.contains { $0.connection == state } } ?? .standAlone
    }

    /// Primary if any peer is; unknown without a peer.
    public var peerRole: DRBDRole {
        DRBDRole.allCases.first { role in peers.contains { $0.role == role } } ?? .unknown
    }

    /// What the first volume that is not quietly replicating does; `off` without a peer's volume.
    public var replication: DRBDReplication {
        let all = peers.flatMap(\.volumes).map(\.replication)
        return all.first { $0 != .established } ?? (all.isEmpty ? .off : .established)
    }

    /// The slowest resynchronization's progress, see ``PeerVolume/doneHundredths``.
    public var doneHundredths: Int? { peers.flatMap(\.volumes).compactMap(\.doneHundredths).min() }

    /// No quorum on some volume.
    public var hasLostQuorum: Bool { volumes.contains { $0.hasQuorum == false } }

    /// Some link is given up: a split brain that was detected, or an operator's word.
    public var isStandAlone: Bool { connection == .standAlone }

    /// A database could write here now: Primary, nothing suspended, and good data, its own or (diskless) a
    /// connected peer's. One node's `true` does not make it the only one.
    public var isWritable: Bool {
        guard role == .primary, suspended.isEmpty, !hasLostQuorum, let disk else { return false }
        if disk == .upToDate { return true }
        return disk == .diskless && connection == .connected && peerDisk == .upToDate
    }
}

/// The configured resource among several views.
extension [DRBDResourceView] {
    /// By name; or the only one where names are not known (/proc/drbd).
    public func resource(named name: String) -> DRBDResourceView? {
        first { $0.name == name } ?? (count == 1 && self[0].name.hasPrefix("minor-") ? self[0] : nil)
    }
}
