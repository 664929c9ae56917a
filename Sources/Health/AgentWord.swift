import Cluster

/// What is known of a node through its agent.
public enum AgentWord: Sendable, Hashable {
    /// No agent is configured.
    case none
    /// Not heard yet, and there was not much time.
    case awaited
    /// Configured and not heard, or not for too long.
    case silent
    /// Heard within the last three heartbeats.
    case fresh(NodeReport)

    var report: NodeReport? { if case .fresh(let report) = self { report } else { nil } }
}

/// All agents' fresh words taken together. No state, no clock.
struct Testimony {
    /// How the cluster stands to a node, as far as fresh words go.
    enum Standing: Hashable {
        /// Nobody who may be believed says anything.
        case unknown
        case promoted
        /// Must not get statements, whatever its server says.
        case barred(Diagnosis)
    }

    private let reports: [(node: NodeID, report: NodeReport)]
    /// Somebody was elected, and its server lives on as far as anybody knows.
    private let hasHolder: Bool

    init(_ evidence: [NodeEvidence]) {
        reports = evidence.compactMap { each in each.agent.report.map { (each.node, $0) } }
        hasHolder = evidence.contains(where: \.isHolder)
    }

    var isEmpty: Bool { reports.isEmpty }

    /// A node's own word counts before what others say of it, unless its side of the cluster has less of a quorum
    /// than theirs: an isolated node's view is consistent and wrong.
    func standing(of node: NodeEvidence) -> Standing {
        let own = node.agent.report
        // The kernel's word: there are no writes on a Secondary, whatever a server says that has not noticed yet.
        if own?.storage?.role == .secondary { return .barred(.notPromoted) }
        if isGone(node) { return .barred(.primaryLost) }
        if isBehind(node) { return .barred(.standbyOutdated) }
        let witnesses = witnesses(besides: node.node)
        let manager = own?.manager.flatMap { $0.isMaintenance ? nil : $0 }
        if manager?.weight == 0 { return .barred(.noQuorum) }
        // The manager has lost sight of this node, as where corosync died, and has put nobody in its place: what DRBD
        // lets write goes on. It begins nowhere like that: a node that is being promoted looks the same.
        if own?.storage?.isPrimaryUpToDate ?? false, node.isHolder || !hasHolder,
            (witnesses + [manager].compactMap(\.self)).allSatisfy({ $0.promoted?.isEmpty ?? true })
        {
            return .unknown
        }
        if let manager {
            if let promoted = manager.promoted, manager.weight >= (witnesses.first?.weight ?? 0) {
                return promoted.contains(node.name) ? .promoted : .barred(.notPromoted)
            }
        }
        guard let first = witnesses.first else { return .unknown }
        let verdicts = witnesses.prefix { $0.weight == first.weight }.map { $0.promoted?.contains(node.name) ?? false }
        guard verdicts.allSatisfy({ $0 == verdicts[0] }) else { return .unknown }
        return verdicts[0] ? .promoted : .barred(.notPromoted)
    }

    /// Whether the node must not get statements by its own fresh word, its kernel's, a quorum that the other side has, or
    /// its data, or because it was fenced and is silent since: not merely because others say so.
    func isRefuted(_ node: NodeEvidence) -> Bool {
        if isGone(node) { return true }
        guard let own = node.agent.report else { return false }
        if own.storage?.role == .secondary || isBehind(node) { return true }
        guard let manager = own.manager, !manager.isMaintenance else { return false }
        if manager.weight == 0 { return true }
        guard let promoted = manager.promoted else { return false }
        return !promoted.contains(node.name)
            || manager.weight < (witnesses(besides: node.node).first?.weight ?? 0)
    }

    /// Fenced by the others' word, silent since, and not promoted by a fresh word of its own: who calls a living primary
    /// gone is wrong, or lies.
    private func isGone(_ node: NodeEvidence) -> Bool {
        guard node.isGone else { return false }
        guard let manager = node.agent.report?.manager, manager.weight > 0 else { return true }
        return manager.promoted?.contains(node.name) != true
    }

    /// Whether the data here is proved to lack what another replica, up to date by its own word, has. What is connected
    /// is made the same by DRBD itself: then identifiers that differ are of two moments.
    private func isBehind(_ node: NodeEvidence) -> Bool {
        guard let own = node.agent.report?.storage, !own.isConnected, let mine = own.generations else { return false }
        return reports.contains { other in
            guard other.node != node.node, let storage = other.report.storage, storage.disk == .upToDate,
                let theirs = storage.generations
            else { return false }
            return DataGeneration.relation(of: mine, to: theirs) == .older
        }
    }

    /// What the identifiers say of those that write without their peer: each against every other replica's fresh ones,
    /// or the last that were known of it.
    private static func relations(_ evidence: [NodeEvidence]) -> [DataGeneration.Relation] {
        evidence.flatMap { node -> [DataGeneration.Relation] in
            guard let own = node.agent.report?.storage, own.role == .primary, !own.isConnected,
                let mine = own.generations
            else { return [] }
            return evidence.compactMap { other in
                guard other.node != node.node, let theirs = other.lastGenerations else { return nil }
                return DataGeneration.relation(of: mine, to: theirs)
            }
        }
    }

    /// Other nodes' views that may be believed, those with most of a quorum first.
    private func witnesses(besides node: NodeID) -> [NodeReport.Manager] {
        let views = reports.filter { $0.node != node }.compactMap(\.report.manager)
            .filter { !$0.isMaintenance && $0.promoted != nil && $0.weight > 0 }
        return views.filter { $0.weight == 2 } + views.filter { $0.weight == 1 }
    }

    /// How far the promotion under way is, by those who may be believed.
    var phase: Phase? { phase(at: nil) }

    /// The same, as far as it concerns that node.
    private func phase(at name: String?) -> Phase? {
        reports.compactMap { each in
            guard each.report.manager.map({ $0.weight > 0 }) ?? true else { return nil }
            if let name, let place = each.report.phaseNode, place != name { return nil }
            return each.report.phase
        }.max { $0.rank < $1.rank }
    }

    // MARK: whose server it is

    /// Why that server must not become the primary, whoever is promoted; nil for one that was the primary in this run
    /// already, and where nothing speaks against it.
    func objection(to node: NodeEvidence) -> Objection? {
        if node.isHolder { return nil }
        let phase = phase(at: node.name)
        if let own = node.agent.report, own.manager?.isMaintenance != true {
            if let database = own.database, let process = database.process {
                // Who it is, the agent knows: what the cluster has come to otherwise may be a second old.
                return Self.objection(to: node.facts, process, database, own.storage, phase)
            }
            if Self.isOlder(node.facts, than: own.storage?.secondaryUntil) { return .startedBeforePromotion }
            if own.database != nil, phase == .starting { return .processUnseen }
        }
        switch phase {
        case .fencing?, .promoting?, .mounting?: return .promotionUnderWay(phase ?? .lost)
        case .starting?, .recovering?, .ready?, .lost?: break
        case nil: if runsDatabase(node) == false { return .isNotStarted }
        }
        return node.objection
    }

    private static func objection(
        to facts: ServerFacts?, _ process: NodeReport.Database.Process, _ database: NodeReport.Database,
        _ storage: NodeReport.Storage?, _ phase: Phase?
    ) -> Objection? {
        for (own, clusters) in [(facts?.dataDirectory, database.dataDirectory), (facts?.pidFile, database.pidFile)] {
            if let own, let clusters, !isSamePath(own, clusters) { return .hasOtherFiles(own, clusters: clusters) }
        }
        if database.isOnDevice == false { return .isOffTheDevice }
        if isOlder(facts, than: storage?.secondaryUntil) { return .startedBeforePromotion }
        if let startedAt = process.startedAt, let second = facts?.life?.startSecond {
            // The second is that of the process's first moments.
            if isOlder(facts, than: startedAt - startToleranceMax) { return .isAnotherProcess }
            // One that has begun since holds the port that the cluster's own will want.
            if phase == .starting, second * 1000 > startedAt + startDelayMax { return .isAnotherProcess }
        }
        return nil
    }

    /// Milliseconds. Both are of one clock: the kernel counts a process's start in hundredths of a second.
    private static let startToleranceMax: Int64 = 100
    /// Until a process has come to the line that notes its start.
    private static let startDelayMax: Int64 = 10_000

    /// - Parameter moment: milliseconds since 1970, by the clock of the server's host; nothing is older than nil.
    private static func isOlder(_ facts: ServerFacts?, than moment: Int64?) -> Bool {
        guard let second = facts?.life?.startSecond, let moment else { return false }
        return second * 1000 + 999 < moment
    }

    /// But for a slash at the end, and /var/run, which is /run.
    private static func isSamePath(_ one: String, _ other: String) -> Bool {
        func plain(_ path: String) -> Substring {
            var path = path.hasPrefix("/var/run/") ? path.dropFirst(4) : path[...]
            while path.count > 1, path.hasSuffix("/") { path.removeLast() }
            return path
        }
        return plain(one) == plain(other)
    }

    /// Whether the cluster runs its database there, or starts it, by the node's own view or those of most weight; nil
    /// where nobody says.
    private func runsDatabase(_ node: NodeEvidence) -> Bool? {
        let witnesses = witnesses(besides: node.node)
        if let own = node.agent.report?.manager, !own.isMaintenance, own.weight >= (witnesses.first?.weight ?? 0),
            let databases = own.databases
        {
            return databases.contains(node.name)
        }
        guard let first = witnesses.first else { return nil }
        let views = witnesses.prefix { $0.weight == first.weight }.compactMap(\.databases)
        guard let verdict = views.first?.contains(node.name) else { return nil }
        return views.allSatisfy { $0.contains(node.name) == verdict } ? verdict : nil
    }

    /// Why a server that answers as writable there is not the cluster's primary; nil where there is none, or it is.
    func stray(_ node: NodeEvidence, primary: NodeID?) -> String? {
        guard node.isClaimant, node.isAnswering, node.node != primary else { return nil }
        if primary != nil, case .barred = standing(of: node) { return "the cluster has not promoted this node" }
        guard let objection = objection(to: node), objection.isStray else { return nil }
        return objection.sentence
    }

    /// Why there is no primary where servers alone say no more than that there is none.
    var diagnosis: Diagnosis? {
        let managers = reports.compactMap(\.report.manager)
        if !managers.isEmpty {
            if managers.allSatisfy({ $0.weight == 0 }) { return .noQuorum }
            if managers.allSatisfy(\.isMaintenance) { return .maintenance }
        }
        return standbys
    }

    private var standbys: Diagnosis? {
        let disks = reports.compactMap(\.report.storage).filter { $0.role != .primary }.map(\.disk)
        if disks.contains(.outdated) { return .standbyOutdated }
        return disks.contains { $0 != .upToDate && $0 != .outdated } ? .diskNotUpToDate : nil
    }

    /// What is not as it should be, whoever is primary; in the order of ``Cluster/Diagnosis``.
    static func cautions(_ evidence: [NodeEvidence], primary: NodeID? = nil) -> [Diagnosis] {
        let testimony = Testimony(evidence)
        let managers = testimony.reports.compactMap(\.report.manager)
        let disks = testimony.reports.compactMap(\.report.storage).filter { $0.role != .primary }.map(\.disk)
        let relations = relations(evidence)
        return Diagnosis.allCases.filter { diagnosis in
            switch diagnosis {
            case .noQuorum: managers.contains { !$0.hasQuorum }
            case .standbyOutdated: disks.contains(.outdated) || relations.contains(.older)
            case .splitBrain: relations.contains(.diverged)
            case .diskNotUpToDate: disks.contains { $0 != .upToDate && $0 != .outdated }
            case .maintenance: managers.contains(where: \.isMaintenance)
            case .agentSilent: evidence.contains { $0.agent == .silent }
            case .checkAccountRefused, .initConnectFails, .hostBlocked, .checkAccountLimited, .passwordAsked,
                .nodeIsProxy:
                evidence.contains { $0.loginTrouble == diagnosis }
            case .serverFull: evidence.contains(where: \.isFull)
            case .primarySilent: evidence.contains { $0.node == primary && $0.isSilent }
            case .strayServer: evidence.contains { testimony.stray($0, primary: primary) != nil }
            case .nameUnresolved: evidence.contains(where: \.isUnresolved)
            case .starting, .primaryLost, .recovering, .primaryReadOnly, .twoPrimaries, .administrative, .notPromoted:
                false
            }
        }
    }
}

extension NodeEvidence {
    /// Those of ``Testimony/cautions(_:)`` that are about this node alone.
    var cautions: [Diagnosis] {
        [loginTrouble, isFull ? .serverFull : nil, isUnresolved ? .nameUnresolved : nil].compactMap { $0 }
    }

    /// Fresh ones of an up-to-date disk; where nothing fresh is to be had the last that were known.
    fileprivate var lastGenerations: [DataGeneration]? {
        guard let storage = agent.report?.storage else { return remembered }
        return storage.disk == .upToDate ? storage.generations : nil
    }
}

extension NodeReport.Manager {
    /// How much this view of the cluster weighs: with quorum, without it but meant to go on, without it.
    var weight: Int { hasQuorum ? 2 : ignoresQuorum ? 1 : 0 }
}

extension NodeReport.Storage {
    var isConnected: Bool {
        switch connection {
        case .connected, .synchronizing: true
        case .connecting, .standAlone, .unknown: false
        }
    }

    /// The whole data, and allowed to write it.
    var isPrimaryUpToDate: Bool { role == .primary && disk == .upToDate }
}

extension Phase {
    /// Later phases are greater.
    var rank: Int {
        switch self {
        case .lost: 0
        case .fencing: 1
        case .promoting: 2
        case .mounting: 3
        case .starting: 4
        case .recovering: 5
        case .ready: 6
        }
    }
}

extension NodeReport {
    /// What it comes to, in one sentence without its subject and full stop.
    var sentence: String {
        var parts: [String] = []
        if let storage { parts.append("DRBD \(storage.role.rawValue), disk \(storage.disk.rawValue)") }
        if let manager { parts.append(manager.sentence) }
        if let phase { parts.append("phase \(phase.rawValue)") }
        parts += troubles
        return parts.isEmpty ? "sees nothing" : parts.joined(separator: "; ")
    }
}
