import Cluster

/// What a node last said of itself.
public enum Claim: Sendable, Hashable {
    /// Not checked yet.
    case unknown
    /// Writable in every answer since `since`, the latest at `provenAt`.
    case writable(since: Instant, provenAt: Instant)
    case readOnly
    /// A server answers that takes no statements: it starts, recovers, shuts down or is too full.
    case notReady
    /// A server answers, and the check's account gets no session there.
    case accountRefused
    /// Nothing answers.
    case absent
}

/// All that the election knows of a node.
public struct NodeEvidence: Sendable, Hashable {
    public var node: NodeID
    /// As agents name it.
    public var name: String
    public var administrative: AdministrativeState
    public var health: HealthState
    public var claim: Claim
    /// Whether the latest finished check got an answer: false while a claim is only remembered.
    public var isAnswering: Bool
    public var agent: AgentWord
    /// What its replica was when its agent last told, with a disk that was up to date. Warns, and decides nothing.
    public var remembered: [DataGeneration]?
    /// The cluster calls it fenced, or gone in order, and its server has not answered since.
    public var isGone: Bool
    /// Why a new session of the check's account does not come about. The check's own connection may live on.
    public var loginTrouble: Diagnosis?
    /// The server has no seat for the check, or for sessions that wait.
    public var isFull: Bool
    /// This very run of its server was elected last, and nobody since.
    public var isHolder: Bool
    /// What the server said of itself when it was logged in to; nil while none has answered.
    public var facts: ServerFacts?
    /// What the proxy has seen of that run of the server speaks against it.
    public var objection: Objection?
    /// Its name can't be resolved.
    public var isUnresolved: Bool
    /// The latest check had no answer in time, and that is borne for a while.
    public var isSilent: Bool

    public init(
        node: NodeID, name: String = "", administrative: AdministrativeState, health: HealthState, claim: Claim,
        isAnswering: Bool, agent: AgentWord = .none, remembered: [DataGeneration]? = nil, isGone: Bool = false,
        loginTrouble: Diagnosis? = nil, isFull: Bool = false, isHolder: Bool = false, facts: ServerFacts? = nil,
        objection: Objection? = nil, isUnresolved: Bool = false, isSilent: Bool = false
    ) {
        self.node = node
        self.name = name
        self.administrative = administrative
        self.health = health
        self.claim = claim
        self.isAnswering = isAnswering
        self.agent = agent
        self.remembered = remembered
        self.isGone = isGone
        self.loginTrouble = loginTrouble
        self.isFull = isFull
        self.isHolder = isHolder
        self.facts = facts
        self.objection = objection
        self.isUnresolved = isUnresolved
        self.isSilent = isSilent
    }
}

/// From dated evidence to at most one primary. No state, no clock.
public enum PrimaryElection {
    public enum Verdict: Sendable, Hashable {
        case primary(NodeID)
        case nobody(Diagnosis)
    }

    /// - One node that claims to be writable and is up is the primary; the present primary also while it falls.
    /// - A second claim beside the present primary's: if the present one no longer answers, the newcomer is the
    ///   primary; if its last proof is older than the newcomer's claim, it stays until it is asked again; if both
    ///   proved it at the same time, nobody is (`twoPrimaries`), until one is gone.
    /// - With no primary before, two claims are `twoPrimaries`, and nobody is elected before every node was asked.
    /// - Nodes in drain or maintenance are no candidates.
    ///
    /// Where agents are heard, a claim counts only if the cluster does not speak against it:
    /// - A node that its agent, or where that is silent the others', calls not promoted gets nothing; nor does one on
    ///   a side of the cluster without quorum.
    /// - A node whose data is proved to be behind another's that is up to date gets nothing (`standbyOutdated`), nor does
    ///   one that was fenced and whose server has not answered since.
    /// - A claim that the cluster confirms goes before one of which nothing is known. Where both nodes' servers answer as
    ///   writable it must be the present primary's, or the other one refuted by more than another node's word.
    /// - Two confirmed claims are `twoPrimaries`, unless only one of the two has an up-to-date disk of its own. (Where one
    ///   goes on from the other's data, the other one has no claim: see above.)
    /// - With no primary before, nobody is elected before every agent was heard or given up.
    ///
    /// And one that was not the primary before, or not in this run of its server, is elected only where nothing that was
    /// seen of that server, and no agent, says that it is not the cluster's (``Objection``). It counts as a second claim
    /// all the same: where two write, it takes more than that to believe one.
    public static func elect(_ evidence: [NodeEvidence], present: NodeID?) -> Verdict {
        let ready = evidence.filter { $0.administrative == .ready }
        let claimants = ready.filter { $0.isClaimant }
        if present == nil, ready.contains(where: { $0.claim == .unknown || $0.agent == .awaited }) {
            return .nobody(.starting)
        }
        let testimony = Testimony(evidence)
        if !testimony.isEmpty { return elect(claimants, ready, evidence, testimony, present: present) }
        switch claimants.count {
        case 0: return .nobody(diagnosis(of: ready, all: evidence))
        case 1: return alone(claimants[0], testimony, present: present)
        case _: return contest(claimants, testimony, present: present)
        }
    }

    private static func elect(
        _ claimants: [NodeEvidence], _ ready: [NodeEvidence], _ all: [NodeEvidence], _ testimony: Testimony,
        present: NodeID?
    ) -> Verdict {
        var confirmed: [NodeEvidence] = []
        var open: [NodeEvidence] = []
        var bar: Diagnosis?
        for claimant in claimants {
            let objection = testimony.objection(to: claimant)
            switch testimony.standing(of: claimant) {
            case .promoted where objection == nil: confirmed.append(claimant)
            case .unknown where objection == nil: open.append(claimant)
            case .promoted, .unknown: if claimant.isAnswering { bar = bar ?? objection?.diagnosis }
            case .barred(let diagnosis): if claimant.isAnswering { bar = bar ?? diagnosis }
            }
        }
        switch (confirmed.count, open.count) {
        case (0, 0):
            if let bar { return .nobody(bar) }
            let diagnosis = diagnosis(of: ready, all: all)
            return .nobody(diagnosis == .primaryLost ? testimony.diagnosis ?? diagnosis : diagnosis)
        case (1, _): return undisputed(confirmed[0], claimants, testimony, present: present)
        case (0, 1): return undisputed(open[0], claimants, testimony, present: present)
        case (0, _): return contest(open, testimony, present: present)
        case (_, _):
            let whole = confirmed.filter { $0.agent.report?.storage?.isPrimaryUpToDate ?? false }
            let isKnownOfAll = confirmed.allSatisfy { $0.agent.report?.storage != nil }
            guard whole.count == 1, isKnownOfAll, !confirmed.contains(where: { whole[0].isOlder(than: $0) }) else {
                return .nobody(.twoPrimaries)
            }
            return alone(whole[0], testimony, present: present)
        }
    }

    /// Two that write are a split brain until one of them is refuted by more than the other's word: a node's own word, its
    /// kernel's, a quorum, or its data. Where the agents fall silent in turn, believing whoever is heard would send
    /// statements to both sides. The present primary stays, if it is the one that the cluster knows.
    private static func undisputed(
        _ claimant: NodeEvidence, _ claimants: [NodeEvidence], _ testimony: Testimony, present: NodeID?
    ) -> Verdict {
        let isDisputed = claimants.contains {
            $0.node != claimant.node && $0.isAnswering && !testimony.isRefuted($0)
        }
        // Without a primary all are asked again at once: an old answer disputes nothing for long.
        return claimant.node != present && isDisputed
            ? .nobody(.twoPrimaries) : alone(claimant, testimony, present: present)
    }

    private static func alone(_ claimant: NodeEvidence, _ testimony: Testimony, present: NodeID?) -> Verdict {
        if let objection = testimony.objection(to: claimant) {
            return .nobody(claimant.isAnswering ? objection.diagnosis : .primaryLost)
        }
        return switch claimant.health {
        case .up: .primary(claimant.node)
        case .falling: claimant.node == present ? .primary(claimant.node) : .nobody(.primaryLost)
        case .rising: .nobody(.recovering)
        case .down: .nobody(.primaryLost)
        }
    }

    private static func contest(
        _ claimants: [NodeEvidence], _ testimony: Testimony, present: NodeID?
    ) -> Verdict {
        guard let incumbent = claimants.first(where: { $0.node == present }),
            case .writable(_, let provenAt) = incumbent.claim
        else { return .nobody(.twoPrimaries) }
        // A claim that is only remembered does not weigh against one that was just proved.
        let challengers = claimants.filter { $0.node != present && $0.isAnswering }
        if !incumbent.isAnswering {
            let fit = challengers.filter { $0.health == .up && testimony.objection(to: $0) == nil }
            if fit.count > 1 { return .nobody(.twoPrimaries) }
            return .primary(fit.first?.node ?? incumbent.node)
        }
        let isProved = challengers.contains { $0.claimedSince.map { $0 <= provenAt } ?? false }
        return isProved ? .nobody(.twoPrimaries) : .primary(incumbent.node)
    }

    private static func diagnosis(of ready: [NodeEvidence], all: [NodeEvidence]) -> Diagnosis {
        if all.contains(where: { $0.administrative != .ready && $0.isClaimant }) { return .administrative }
        if ready.isEmpty { return .administrative }
        if ready.contains(where: { $0.claim == .notReady && $0.isFull }) { return .serverFull }
        if ready.contains(where: { $0.claim == .notReady }) { return .recovering }
        if let refusing = ready.first(where: { $0.claim == .accountRefused }) {
            return refusing.loginTrouble ?? .checkAccountRefused
        }
        if ready.contains(where: { $0.claim == .readOnly && $0.health != .down }) { return .primaryReadOnly }
        // Its server, if there is one, can't be seen.
        return ready.contains { $0.loginTrouble == .nodeIsProxy } ? .nodeIsProxy : .primaryLost
    }
}

extension NodeEvidence {
    /// Says of itself that it is writable, and is not known to be gone.
    var isClaimant: Bool {
        guard case .writable = claim else { return false }
        return health != .down
    }

    /// Whether both nodes' fresh words prove that this one's data is behind the other's.
    func isOlder(than other: NodeEvidence) -> Bool {
        guard let mine = agent.report?.storage?.generations, let theirs = other.agent.report?.storage?.generations
        else { return false }
        return DataGeneration.relation(of: mine, to: theirs) == .older
    }

    /// Begin of the claim to be writable.
    var claimedSince: Instant? {
        guard case .writable(let since, _) = claim else { return nil }
        return since
    }
}
