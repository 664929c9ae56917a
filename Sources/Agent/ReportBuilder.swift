import Cluster
import Health
import Probes

/// The latest observations of a node, and what they come to. No I/O, no clock.
public struct ReportBuilder: Sendable {
    public var node: String
    /// DRBD's name of the resource; nil: the only one, or the first.
    public var resource: String?
    public var names: ResourceNames
    /// Nil while nothing was observed yet.
    public var drbd: Result<DRBDObservation, ObservationFault>?
    public var pacemaker: Result<PacemakerView, ObservationFault>?
    /// Of the resource as it stands in `drbd`; nil while they were not read since that changed.
    public var generations: [DataGeneration]?
    /// Which mariadbd is the cluster's; nil where that can't be told.
    public var database: NodeReport.Database?
    private var watch = SecondaryWatch()

    public init(node: String, resource: String? = nil, names: ResourceNames = ResourceNames()) {
        self.node = node
        self.resource = resource
        self.names = names
    }

    /// The resource that is reported; nil while there is none.
    public var storage: DRBDResourceView? {
        guard case .success(let observation) = drbd else { return nil }
        return resource.map { observation.resources.resource(named: $0) } ?? observation.resources.first
    }

    /// Notes until when the replica has not been Primary. To be called again and again.
    ///
    /// - Parameters: both in milliseconds: since the host's boot, and since 1970 by its clock on the wall.
    public mutating func noteRole(sinceBoot: Int64, wall: Int64) {
        guard let storage else { return }
        watch.note(isPrimary: storage.role == .primary, sinceBoot: sinceBoot, wall: wall)
    }

    /// Nil before both were asked once.
    public var report: NodeReport? {
        guard let drbd, let pacemaker else { return nil }
        var report = NodeReport(node: node)
        switch drbd {
        case .success:
            report.storage = storage.map(NodeReport.Storage.init)
            report.storage?.generations = generations
            if report.storage?.role == .primary { report.storage?.secondaryUntil = watch.secondaryUntil }
            if report.storage == nil { report.troubles.append("DRBD has no such resource configured") }
        case .failure(let fault): report.troubles.append("DRBD: \(fault)")
        }
        switch pacemaker {
        case .success(let view):
            report.manager = NodeReport.Manager(view, names, node: node)
            if report.manager == nil { report.troubles.append("the cluster has no coordinator") }
            let progress = view.progress(names)
            switch progress.phase {
            // Nothing goes forward, or nothing is left to be done.
            case .lost, .ready: break
            case .fencing, .promoting, .mounting, .starting, .recovering:
                report.phase = progress.phase
                report.phaseNode = progress.node
            }
        case .failure(let fault): report.troubles.append("Pacemaker: \(fault)")
        }
        report.database = database
        return report
    }
}

/// Until when a replica is known not to have been Primary, by its host's clock on the wall, which may be set meanwhile.
struct SecondaryWatch: Sendable, Hashable {
    private var lastSeen: Int64?
    /// The least that has been between the two clocks since then: what would say too late says nothing.
    private var offset: Int64 = 0

    mutating func note(isPrimary: Bool, sinceBoot: Int64, wall: Int64) {
        if isPrimary {
            offset = min(offset, wall - sinceBoot)
        } else {
            lastSeen = sinceBoot
            offset = wall - sinceBoot
        }
    }

    var secondaryUntil: Int64? { lastSeen.map { $0 + offset } }
}

extension NodeReport.Storage {
    init(_ view: DRBDResourceView) {
        let role: Role =
            switch view.role {
            case .primary: .primary
            case .secondary: .secondary
            case .unknown: .unknown
            }
        self.init(role: role, disk: Disk(view.disk ?? .unknown), peerDisk: Disk(view.peerDisk))
        switch view.connection {
        case .connected: connection = view.replication.isResync ? .synchronizing : .connected
        case .standAlone: connection = .standAlone
        case .connecting, .disconnecting, .unconnected, .timeout, .brokenPipe, .networkFailure, .protocolError,
            .tearDown:
            connection = .connecting
        }
    }
}

extension NodeReport.Storage.Disk {
    init(_ disk: DRBDDisk) {
        switch disk {
        case .upToDate: self = .upToDate
        case .consistent: self = .consistent
        case .outdated: self = .outdated
        case .inconsistent: self = .inconsistent
        case .diskless, .detaching, .failed: self = .diskless
        case .attaching, .negotiating, .unknown: self = .unknown
        }
    }
}

extension NodeReport.Manager {
    /// Nil while nobody coordinates: then the view is old, or being made.
    init?(_ view: PacemakerView, _ names: ResourceNames, node: String) {
        guard view.coordinator != nil, let hasQuorum = view.hasQuorum else { return nil }
        self.init(
            hasQuorum: hasQuorum, ignoresQuorum: view.quorumPolicy == "ignore",
            isMaintenance: view.isInMaintenance == true || view.node(named: node)?.isInMaintenance == true,
            standby: view.nodes.filter { $0.isStandby || $0.isStandbyOnFail }.map(\.name),
            unclean: view.nodes.filter(\.isUnclean).map(\.name),
            isFencingPending: view.fencing.contains { $0.state == .pending },
            isMovePending: view.nodes.contains { view.isLeaving($0.name, names) }, isGated: view.isGated(node),
            gone: view.gone, databases: view.databases(names))
        switch view.promoted(names) {
        case .notConfigured: promoted = nil
        case .nobody, .doubtful(_, .unclean), .doubtful(_, .joining): promoted = []
        case .node(let name), .doubtful(let name, .noQuorum), .doubtful(let name, .failed): promoted = [name]
        case .several(let all): promoted = all
        case .doubtful(_, .noCoordinator): return nil
        case .doubtful(let name, .unmanaged):
            promoted = [name]
            isMaintenance = true
        }
    }
}
