import Cluster

/// What the resources of a database on DRBD are called in the cluster's configuration.
public struct ResourceNames: Sendable, Hashable, Codable {
    /// The primitive within the promotable clone.
    public var drbd: String
    public var promotable: String
    public var filesystem: String
    public var address: String
    public var database: String

    /// The seed study's names.
    public init(
        drbd: String = "p_drbd_mysql", promotable: String = "ms_drbd_mysql", filesystem: String = "p_fs_mysql",
        address: String = "p_float_ip", database: String = "p_mysql"
    ) {
        self.drbd = drbd
        self.promotable = promotable
        self.filesystem = filesystem
        self.address = address
        self.database = database
    }
}

/// Who is promoted, as far as one Pacemaker view may be trusted.
public enum Promoted: Hashable, Sendable {
    /// The view has no such promotable resource.
    case notConfigured
    case nobody
    case node(String)
    /// Two and more promoted at once: a split brain.
    case several([String])
    /// One node is named, and the view can't vouch for it.
    case doubtful(String, Doubt)

    /// A closed list, the gravest first.
    public enum Doubt: String, Hashable, Sendable, Codable, CaseIterable {
        /// The node must be fenced: it may be dead, or alive and still writing.
        case unclean
        /// The node is joining: what runs there is being found out.
        case joining
        /// Nobody coordinates: the view is old, or this node is alone.
        case noCoordinator
        /// This partition has no quorum, and quorum matters to this cluster.
        case noQuorum
        /// Maintenance: Pacemaker does not look after the resource, its role is what it last was.
        case unmanaged
        /// The resource is listed as failed or blocked there.
        case failed
    }
}

/// How far a promotion is, and where.
public struct PromotionProgress: Hashable, Sendable, Codable {
    public var phase: Phase
    /// Where it happens; nil while nobody is promoted.
    public var node: String?

    public init(phase: Phase, node: String?) {
        self.phase = phase
        self.node = node
    }
}

extension PacemakerView {
    /// An instance's id without the number of a unique clone: `p_drbd_mysql:1`.
    private static func base(_ id: String) -> Substring {
        guard let (name, number) = id[...].cut(at: UInt8(ascii: ":")), Int(number) != nil else { return id[...] }
        return name
    }

    private func instances(_ names: ResourceNames) -> [Resource] {
        resources.filter {
            PacemakerView.base($0.id) == names.drbd && ($0.clone == names.promotable || $0.clone == nil)
        }
    }

    /// Looks at the state of a node before the role of its resources: a node that is lost shows as promoted until
    /// it has been fenced. A clean offline node's role does not count: it has been fenced, or has left in order.
    public func promoted(_ names: ResourceNames) -> Promoted {
        let instances = instances(names)
        if instances.isEmpty { return .notConfigured }
        var candidates: [(node: String, doubt: Promoted.Doubt?)] = []
        for instance in instances where instance.role == .promoted || instance.role == .demoting {
            for name in instance.nodes {
                // A node that is not listed was refused when the view was read.
                guard let node = node(named: name), node.isOnline || node.isUnclean || node.isPending else { continue }
                guard !candidates.contains(where: { $0.node == name }) else { continue }
                candidates.append((name, doubt(node, instance)))
            }
        }
        guard let first = candidates.first else { return .nobody }
        if candidates.count > 1 { return .several(candidates.map(\.node)) }
        if let doubt = first.doubt { return .doubtful(first.node, doubt) }
        return .node(first.node)
    }

    private func doubt(_ node: Node, _ instance: Resource) -> Promoted.Doubt? {
        if node.isUnclean { return .unclean }
        if node.isPending || !node.isOnline { return .joining }
        if coordinator == nil { return .noCoordinator }
        if hasQuorum != true, quorumPolicy != "ignore" { return .noQuorum }
        if isInMaintenance == true || node.isInMaintenance || !instance.isManaged { return .unmanaged }
        if instance.hasFailed || instance.isBlocked { return .failed }
        return nil
    }

    /// The phase of a promotion in Pacemaker's eyes. It does not tell `recovering` from `starting`: while the
    /// database's start operation runs, only SQL knows. It reports `ready` up to some seconds after the database answers.
    /// Maintenance does not hold a promotion back that has been made: phases are of what runs, ``promoted(_:)`` is of
    /// what may be believed.
    public func progress(_ names: ResourceNames) -> PromotionProgress {
        let isFencing = nodes.contains { $0.isUnclean } || fencing.contains { $0.state == .pending }
        let holder: String
        switch promoted(names) {
        case .node(let node), .doubtful(let node, .unmanaged), .doubtful(let node, .failed): holder = node
        case .doubtful(_, .unclean): return PromotionProgress(phase: .fencing, node: nil)
        case .doubtful(_, .noQuorum), .doubtful(_, .noCoordinator), .doubtful(_, .joining), .several, .notConfigured:
            return PromotionProgress(phase: .lost, node: nil)
        case .nobody:
            if isFencing { return PromotionProgress(phase: .fencing, node: nil) }
            let rising = instances(names).first { $0.role == .promoting || $0.pending == "Promoting" }
            return PromotionProgress(phase: rising == nil ? .lost : .promoting, node: rising?.nodes.first)
        }
        if isLeaving(holder, names) { return PromotionProgress(phase: .lost, node: nil) }
        for (name, phase) in [
            (names.filesystem, Phase.mounting), (names.address, .starting), (names.database, .starting),
        ] {
            guard let resource = resources.first(where: { $0.id == name }) else {
                // Without a file system or an address of its own there is nothing to wait for.
                if name == names.database { return PromotionProgress(phase: .starting, node: holder) }
                continue
            }
            if resource.role == .started, resource.nodes == [holder], !resource.isBlocked, !resource.hasFailed {
                continue
            }
            // On a node that is to be left, what is missing has been stopped.
            let isBeingLeft = node(named: holder)?.isBeingLeft == true || hasFailedTooOften(holder, names)
            if isBeingLeft { return PromotionProgress(phase: .lost, node: nil) }
            return PromotionProgress(phase: phase, node: holder)
        }
        return PromotionProgress(phase: .ready, node: holder)
    }

    /// The database, its file system, its address or the promoted role is being taken away from the node: a move has
    /// begun, planned or not.
    public func isLeaving(_ node: String, _ names: ResourceNames) -> Bool {
        for resource in resources where resource.nodes.contains(node) {
            let id = PacemakerView.base(resource.id)
            guard id == names.drbd || id == names.filesystem || id == names.address || id == names.database else {
                continue
            }
            if resource.role == .stopping || resource.role == .demoting { return true }
            if resource.pending == "Stopping" || resource.pending == "Demoting" { return true }
        }
        return false
    }

    /// Nodes that were fenced, or have left in order. Empty where fencing is off: then a node that is not seen counts as
    /// offline too; and in maintenance: what leaves then leaves its resources running.
    public var gone: [String] {
        guard isFencingEnabled == true, isInMaintenance != true, hasQuorum == true else { return [] }
        return nodes.filter { !$0.isOnline && !$0.isUnclean && !$0.isPending && !$0.isInMaintenance }.map(\.name)
    }

    /// Where the database's resource runs, or is being started; nil where there is no such resource, or it is not managed:
    /// then others start it.
    public func databases(_ names: ResourceNames) -> [String]? {
        let all = resources.filter { PacemakerView.base($0.id) == names.database }
        if all.isEmpty || all.contains(where: { !$0.isManaged }) { return nil }
        return all.filter { resource in
            let isStarting = resource.role == .starting || resource.pending == "Starting"
            return (resource.role == .started || isStarting) && !resource.hasFailed && !resource.isOrphaned
        }.flatMap(\.nodes)
    }

    /// What this view says of the database on that node, where its server does not answer.
    public func word(onDatabaseOf node: String, _ names: ResourceNames) -> FailureWatch.ClusterWord {
        guard coordinator != nil, let place = self.node(named: node), place.isOnline, !place.isUnclean,
            !place.isPending
        else { return .restrains(.unseen) }
        if isInMaintenance == true || place.isInMaintenance { return .restrains(.maintenance) }
        if place.isBeingLeft { return .restrains(.leaving) }
        if isLeaving(node, names) { return .restrains(.stopping) }
        let here = resources.first { PacemakerView.base($0.id) == names.database && $0.nodes.contains(node) }
        guard let here, here.role == .started, here.pending == nil || here.pending == "Monitoring" else {
            return .restrains(.notStarted)
        }
        if !here.isManaged { return .restrains(.unmanaged) }
        return here.hasFailed || here.isBlocked ? .restrains(.known) : .runs
    }

    /// The OCF gate (`haproxydb-gate`, whatever its provider) runs there and is managed: the cluster stops it before the
    /// rest of its group.
    public func isGated(_ node: String) -> Bool {
        resources.contains {
            $0.agent.hasSuffix(":haproxydb-gate") && $0.role == .started && $0.pending == nil && $0.nodes == [node]
                && $0.isManaged && !$0.hasFailed && !$0.isOrphaned
        }
    }

    /// A resource of the database failed there as often as it may: it will not be started there again. The count
    /// stays after everything has recovered, so it means something only while something is missing.
    private func hasFailedTooOften(_ node: String, _ names: ResourceNames) -> Bool {
        failCounts.contains { failed in
            guard failed.node == node, let threshold = failed.migrationThreshold else { return false }
            let id = PacemakerView.base(failed.resource)
            let isOurs = id == names.drbd || id == names.filesystem || id == names.address || id == names.database
            return isOurs && failed.count >= threshold
        }
    }

    /// A planned move of the promoted node has been ordered (standby, or its Pacemaker shuts down in order), whether
    /// or not it has begun. Nil where nothing of the kind is to be seen.
    public func plannedMove(_ names: ResourceNames) -> String? {
        guard case .node(let holder) = promoted(names), let node = node(named: holder) else { return nil }
        return node.isBeingLeft ? holder : nil
    }
}

extension PacemakerView.Node {
    /// Nothing may stay there: standby, or its Pacemaker shuts down in order.
    var isBeingLeft: Bool { isStandby || isStandbyOnFail || isShuttingDown }
}
