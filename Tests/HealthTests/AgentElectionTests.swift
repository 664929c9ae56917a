import Cluster
import Testing

@testable import Health

private typealias Manager = NodeReport.Manager
private typealias Storage = NodeReport.Storage

/// What a node says of itself over SQL and through its agent.
private func node(
    _ id: NodeID, _ claim: Claim, _ agent: AgentWord = .none, _ health: HealthState? = nil, answering: Bool = true
) -> NodeEvidence {
    let gone = claim == .absent || claim == .unknown
    return NodeEvidence(
        node: id, name: "n\(id.rawValue + 1)", administrative: .ready, health: health ?? (gone ? .down : .up),
        claim: claim, isAnswering: answering && !gone, agent: agent)
}

private func writable(_ since: Int64 = 1, _ provenAt: Int64 = 5) -> Claim {
    .writable(since: at(since), provenAt: at(provenAt))
}

private func says(
    _ promoted: [String]?, quorum: Bool = true, ignored: Bool = false, maintenance: Bool = false,
    _ role: Storage.Role? = nil, _ disk: Storage.Disk = .upToDate, phase: Phase? = nil
) -> AgentWord {
    .fresh(
        NodeReport(
            node: "", storage: role.map { Storage(role: $0, disk: disk) },
            manager: Manager(
                hasQuorum: quorum, ignoresQuorum: ignored, isMaintenance: maintenance, promoted: promoted),
            phase: phase))
}

/// Primary by both words, apart from its peer, with data of that history.
private func alone(
    _ name: String, _ current: UInt64, _ past: UInt64..., role: Storage.Role = .primary,
    disk: Storage.Disk = .upToDate, connection: Storage.Connection = .connecting
) -> AgentWord {
    .fresh(
        NodeReport(
            node: name,
            storage: Storage(
                role: role, disk: disk, connection: connection,
                generations: [DataGeneration(volume: 0, current: current, past: past)]),
            manager: Manager(promoted: [name])))
}

private let primaryHere = says(["n1"], .primary)
private let standbyHere = says(["n1"], .secondary)

@Suite struct AgentElectionTests {
    private typealias Case = (
        name: String, evidence: [NodeEvidence], present: NodeID?, verdict: PrimaryElection.Verdict
    )

    private static let usual: [Case] = [
        ("all is well", [node(a, writable(), primaryHere), node(b, .absent, standbyHere)], nil, .primary(a)),
        (
            "an agent not heard yet", [node(a, writable(), .awaited), node(b, .absent, standbyHere)], nil,
            .nobody(.starting)
        ),
        (
            "not heard again, but elected", [node(a, writable(), .awaited), node(b, .absent, standbyHere)], a,
            .primary(a)
        ),
        ("all agents silent", [node(a, writable(), .silent), node(b, .absent, .silent)], nil, .primary(a)),
        (
            "one silent, the other vouches", [node(a, writable(), .silent), node(b, .absent, standbyHere)], nil,
            .primary(a)
        ),
        (
            "promoted, the server not there yet",
            [node(a, .absent, .silent), node(b, .absent, says(["n2"], .primary))],
            a, .nobody(.primaryLost)
        ),
        (
            "promoted, and there it is",
            [node(a, writable(), .silent, .falling, answering: false), node(b, writable(), says(["n2"], .primary))],
            a, .primary(b)
        ),
        ("no such resource there", [node(a, writable(), says(nil)), node(b, .absent, says(nil))], nil, .primary(a)),
        (
            "no cluster manager, the disk is a Primary's",
            [
                node(a, writable(), .fresh(NodeReport(node: "n1", storage: Storage(role: .primary, disk: .upToDate)))),
                node(b, .absent, .silent),
            ], nil, .primary(a)
        ),
        (
            "out of the manager's sight, and nobody in its place",
            [
                node(a, writable(), .fresh(NodeReport(node: "n1", storage: Storage(role: .primary, disk: .upToDate)))),
                node(b, .absent, says([], .secondary, phase: .promoting)),
            ], a, .primary(a)
        ),
        (
            "the manager looks again and has not found it yet",
            [node(a, writable(), says([], .primary)), node(b, .absent, says([], .secondary))], a, .primary(a)
        ),
        (
            "recovering, says the server",
            [node(a, .absent, .silent), node(b, .notReady, says(["n2"], .primary), .down)],
            nil, .nobody(.recovering)
        ),
        (
            "promoted and read-only", [node(a, .readOnly, primaryHere), node(b, .absent, standbyHere)], a,
            .nobody(.primaryReadOnly)
        ),
    ]

    private static let barred: [Case] = [
        (
            "writable and not promoted", [node(a, .absent, says([], .secondary)), node(b, writable(), says([]))], nil,
            .nobody(.notPromoted)
        ),
        (
            "writable on a Secondary", [node(a, writable(), says(["n1"], .secondary)), node(b, .absent)], a,
            .nobody(.notPromoted)
        ),
        (
            "out of the manager's sight, and another one in its place",
            [
                node(a, writable(), .fresh(NodeReport(node: "n1", storage: Storage(role: .primary, disk: .upToDate)))),
                node(b, .absent, says(["n2"], .primary)),
            ], a, .nobody(.notPromoted)
        ),
        (
            "out of sight, and its disk is old",
            [
                node(a, writable(), .fresh(NodeReport(node: "n1", storage: Storage(role: .primary, disk: .outdated)))),
                node(b, .absent, says([], .secondary)),
            ], a, .nobody(.notPromoted)
        ),
        (
            "writable, and the other one is promoted",
            [node(a, .absent, primaryHere), node(b, writable(), .silent)], nil, .nobody(.notPromoted)
        ),
        (
            "no quorum here, nobody there",
            [node(a, writable(), says(["n1"], quorum: false, .primary)), node(b, .absent, .silent)],
            a, .nobody(.noQuorum)
        ),
        (
            "no quorum and meant to go on",
            [node(a, writable(), says(["n1"], quorum: false, ignored: true, .primary)), node(b, .absent, .silent)],
            a, .primary(a)
        ),
        (
            "meant to go on, but the other side has quorum",
            [
                node(a, writable(), says(["n1"], quorum: false, ignored: true, .primary)),
                node(b, .absent, says(["n2"], .primary)),
            ], a, .nobody(.notPromoted)
        ),
        (
            "isolated and sure of itself",
            [node(a, writable(), says(["n1"], quorum: false, .primary)), node(b, writable(), says(["n2"], .primary))],
            a, .primary(b)
        ),
        (
            "gone, the other not promoted yet",
            [node(a, .absent, .silent), node(b, .absent, says([], .secondary, .outdated))],
            a, .nobody(.standbyOutdated)
        ),
        (
            "gone, the other's disk is not whole",
            [node(a, .absent, .silent), node(b, .absent, says([], .secondary, .inconsistent))], a,
            .nobody(.diskNotUpToDate)
        ),
        (
            "nobody manages", [node(a, .absent, says([], maintenance: true)), node(b, .absent, .silent)], a,
            .nobody(.maintenance)
        ),
        (
            "nobody has quorum",
            [node(a, .absent, says([], quorum: false)), node(b, .absent, says([], quorum: false))],
            a, .nobody(.noQuorum)
        ),
        (
            "maintenance: the last roles do not bind",
            [
                node(a, writable(), says([], maintenance: true, .primary)),
                node(b, .absent, says([], maintenance: true)),
            ],
            a, .primary(a)
        ),
    ]

    private static let split: [Case] = [
        (
            "two halves, both sure",
            [node(a, writable(), primaryHere), node(b, writable(), says(["n2"], .primary))], a, .nobody(.twoPrimaries)
        ),
        (
            "two halves, one server still starts",
            [node(a, writable(), primaryHere), node(b, .absent, says(["n2"], .primary))], a, .primary(a)
        ),
        (
            "two halves, one disk is old",
            [node(a, writable(), says(["n1"], .primary, .outdated)), node(b, writable(), says(["n2"], .primary))], a,
            .primary(b)
        ),
        (
            "two writable, the cluster knows one",
            [node(a, writable(), primaryHere), node(b, writable(), standbyHere)], nil, .primary(a)
        ),
        (
            "two writable, one agent knows",
            [node(a, writable(), .silent), node(b, writable(), says(["n1"]))], b, .primary(a)
        ),
        (
            "two writable, no agent", [node(a, writable(), .silent), node(b, writable(), .silent)], nil,
            .nobody(.twoPrimaries)
        ),
        (
            "two promoted by one view", [node(a, writable(), says(["n1", "n2"])), node(b, writable(), .silent)], a,
            .nobody(.twoPrimaries)
        ),
        (
            "two writable in maintenance",
            [
                node(a, writable(), says(["n1"], maintenance: true)),
                node(b, writable(), says(["n1"], maintenance: true)),
            ], nil, .nobody(.twoPrimaries)
        ),
    ]

    /// Both servers write, and who is heard changes.
    private static let disputes: [Case] = [
        (
            "one half is heard, nobody was primary",
            [node(a, writable(), primaryHere), node(b, writable(), .silent)], nil, .nobody(.twoPrimaries)
        ),
        (
            "the half that is heard is the present one",
            [node(a, writable(), primaryHere), node(b, writable(), .silent)], a, .primary(a)
        ),
        (
            "the half that is heard is the other one",
            [node(a, writable(), .silent), node(b, writable(), says(["n2"], .primary))], a, .nobody(.twoPrimaries)
        ),
        (
            "the other one came after the present one was last asked",
            [node(a, writable(1, 5), .silent), node(b, writable(6, 6), says(["n2"], .primary))], a,
            .nobody(.twoPrimaries)
        ),
        (
            "the present one no longer answers",
            [node(a, writable(), .silent, answering: false), node(b, writable(), says(["n2"], .primary))], a,
            .primary(b)
        ),
        (
            "one half's manager does not answer",
            [
                node(a, writable(), .fresh(NodeReport(node: "n1", storage: Storage(role: .primary, disk: .upToDate)))),
                node(b, writable(), says(["n2"], .primary)),
            ], nil, .nobody(.twoPrimaries)
        ),
        (
            "one half denies itself",
            [node(a, writable(), says(["n2"], .primary)), node(b, writable(), says(["n2"], .primary))], a, .primary(b)
        ),
        (
            "one half has no agent at all",
            [node(a, writable(), primaryHere), node(b, writable())], nil, .nobody(.twoPrimaries)
        ),
    ]

    private static let histories: [Case] = [
        (
            "both wrote: a real split brain",
            [node(a, writable(), alone("n1", 0x30, 0x20)), node(b, writable(), alone("n2", 0x40, 0x20))], a,
            .nobody(.twoPrimaries)
        ),
        (
            "the same data, both promoted",
            [node(a, writable(), alone("n1", 0x21)), node(b, writable(), alone("n2", 0x20))], a, .nobody(.twoPrimaries)
        ),
        (
            "one goes on from the other's data",
            [node(a, writable(), alone("n1", 0x20)), node(b, writable(), alone("n2", 0x30, 0x20))], a, .primary(b)
        ),
        (
            "the present one is ahead",
            [node(a, writable(), alone("n1", 0x30, 0x21)), node(b, writable(), alone("n2", 0x20))], a, .primary(a)
        ),
        (
            "ahead, but not whole",
            [
                node(a, writable(), alone("n1", 0x20)),
                node(b, writable(), alone("n2", 0x30, 0x20, disk: .inconsistent)),
            ], a, .nobody(.twoPrimaries)
        ),
        (
            "the wrong one was promoted",
            [
                node(a, .absent, alone("n2", 0x30, 0x20, role: .secondary)),
                node(b, writable(), alone("n2", 0x20)),
            ], nil, .nobody(.standbyOutdated)
        ),
        (
            "connected: identifiers that differ are of two moments",
            [
                node(a, .absent, alone("n2", 0x30, 0x20, role: .secondary, connection: .connected)),
                node(b, writable(), alone("n2", 0x20, connection: .connected)),
            ], nil, .primary(b)
        ),
        (
            "ahead of a node that is not heard",
            [node(a, .absent, .silent), node(b, writable(), alone("n2", 0x30, 0x20))], nil, .primary(b)
        ),
        (
            "never together",
            [node(a, writable(), alone("n1", 0x30, 0x20)), node(b, writable(), alone("n2", 0x80, 0x70))], nil,
            .nobody(.twoPrimaries)
        ),
    ]

    private static let cases = usual + barred + split + disputes + histories

    @Test(arguments: cases.indices)
    func decides(index: Int) {
        let each = Self.cases[index]
        // The present primary is one in this run of its server.
        let evidence = each.evidence.map { node in
            var node = node
            node.isHolder = node.node == each.present
            return node
        }
        #expect(PrimaryElection.elect(evidence, present: each.present) == each.verdict, "\(each.name)")
        let turned = Array(evidence.reversed())
        #expect(PrimaryElection.elect(turned, present: each.present) == each.verdict, "\(each.name), turned")
    }

    @Test func cautionsAreNamedInOrder() {
        let evidence = [
            node(a, writable(), says(["n1"], maintenance: true, .primary)),
            node(b, .absent, says(["n1"], quorum: false, .secondary, .outdated)), node(NodeID(2), .absent, .silent),
        ]
        #expect(Testimony.cautions(evidence) == [.noQuorum, .standbyOutdated, .maintenance, .agentSilent])
        #expect(Testimony.cautions([node(a, writable(), primaryHere), node(b, .absent, standbyHere)]).isEmpty)
        #expect(Testimony.cautions([node(a, writable())]).isEmpty)
    }

    @Test func historiesWarn() {
        let ahead = [DataGeneration(volume: 0, current: 0x30, past: [0x20])]
        var gone = node(a, .absent, .silent)
        gone.remembered = ahead
        #expect(
            Testimony.cautions([gone, node(b, writable(), alone("n2", 0x20))]) == [.standbyOutdated, .agentSilent])
        #expect(
            Testimony.cautions([gone, node(b, writable(), alone("n2", 0x40, 0x20))]) == [.agentSilent, .splitBrain])
        #expect(Testimony.cautions([gone, node(b, writable(), alone("n2", 0x50, 0x30))]) == [.agentSilent])
        #expect(
            Testimony.cautions([gone, node(b, writable(), alone("n2", 0x20, connection: .connected))])
                == [.agentSilent])
        // Its fresh word is another one: what it was is past.
        gone.agent = alone("n2", 0x20, role: .secondary)
        #expect(Testimony.cautions([gone, node(b, writable(), alone("n2", 0x20))]).isEmpty)
    }

    /// Whatever agents say, true or not: at most one, never one whose own fresh word or kernel denies it, and with
    /// no fresh word what SQL alone would have decided.
    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func liesNeverMakeTwoOrAWrongOne(seed: UInt64) {
        var generator = SplitMix64(seed)
        for _ in 0..<2000 {
            let present = [nil, a, b].randomElement(using: &generator) ?? nil
            let evidence = [a, b].map { id in
                var each = node(id, claim(&generator), word(&generator), answering: Bool.random(using: &generator))
                each.isHolder = id == present && Int.random(in: 0..<4, using: &generator) > 0
                return each
            }
            let verdict = PrimaryElection.elect(evidence, present: present)
            if evidence.allSatisfy({ $0.agent.report == nil && $0.agent != .awaited }) {
                let plain = evidence.map { each in
                    var each = each
                    each.agent = .none
                    return each
                }
                #expect(verdict == PrimaryElection.elect(plain, present: present))
            }
            guard case .primary(let id) = verdict else { continue }
            let elected = evidence[id.rawValue]
            let other = evidence[1 - id.rawValue]
            #expect(elected.isClaimant)
            // Nobody was put in the place of one that the kernel lets write: the manager has lost sight of it.
            let views = [elected, other].compactMap(\.agent.report?.manager)
                .filter { !$0.isMaintenance && $0.weight > 0 }
            let isOutOfSight =
                (elected.agent.report?.storage?.isPrimaryUpToDate ?? false)
                && views.allSatisfy { $0.promoted?.isEmpty ?? true }
            if let report = elected.agent.report {
                #expect(report.storage?.role != .secondary)
                // Never one whose data is proved to be behind another's.
                if let storage = report.storage, let theirs = other.agent.report?.storage, !storage.isConnected,
                    theirs.disk == .upToDate, let mine = storage.generations, let others = theirs.generations
                {
                    #expect(DataGeneration.relation(of: mine, to: others) != .older)
                }
                if let manager = report.manager, !manager.isMaintenance {
                    #expect(manager.weight > 0)
                    if let promoted = manager.promoted, manager.weight == 2 {
                        #expect(promoted.contains(elected.name) || isOutOfSight)
                    }
                }
            } else if let manager = other.agent.report?.manager, !manager.isMaintenance, manager.weight > 0,
                let promoted = manager.promoted
            {
                #expect(promoted.contains(elected.name))
            }
            // Of two that write, one that was not primary before needs more than its own side's word.
            if elected.node != present, other.isClaimant, other.isAnswering,
                evidence.contains(where: { $0.agent.report != nil })
            {
                let isOnlyOneWhole =
                    elected.agent.report?.storage?.isPrimaryUpToDate == true
                    && other.agent.report?.storage.map { !$0.isPrimaryUpToDate } == true
                #expect(Testimony(evidence).isRefuted(other) || isOnlyOneWhole)
            }
            // Two that both are confirmed and writable are nobody's, but for the disk.
            if other.isClaimant, let mine = elected.agent.report, let theirs = other.agent.report,
                let one = mine.manager, let two = theirs.manager, !one.isMaintenance, !two.isMaintenance,
                one.weight == two.weight, one.promoted?.contains(elected.name) == true,
                two.promoted?.contains(other.name) == true, theirs.storage?.role != .secondary
            {
                let isTheirsBehind = other.isOlder(than: elected) && theirs.storage?.isConnected == false
                #expect(
                    isTheirsBehind
                        || mine.storage?.isPrimaryUpToDate == true && theirs.storage?.isPrimaryUpToDate == false)
                #expect(!elected.isOlder(than: other))
            }
        }
    }

    private func claim(_ generator: inout SplitMix64) -> Claim {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: .absent
        case 1: .readOnly
        case 2: .notReady
        case _: writable(Int64.random(in: 1...4, using: &generator), Int64.random(in: 5...9, using: &generator))
        }
    }

    private func word(_ generator: inout SplitMix64) -> AgentWord {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: return .silent
        case 1: return .none
        case 2: return .awaited
        case _:
            let roles: [Storage.Role?] = [nil, .primary, .primary, .secondary, .unknown]
            let promoted: [[String]?] = [nil, [], ["n1"], ["n2"], ["n1", "n2"]]
            let said = says(
                promoted.randomElement(using: &generator) ?? nil, quorum: Int.random(in: 0..<4, using: &generator) > 0,
                ignored: Bool.random(using: &generator), maintenance: Int.random(in: 0..<6, using: &generator) == 0,
                roles.randomElement(using: &generator) ?? nil,
                Storage.Disk.allCases.randomElement(using: &generator) ?? .unknown)
            guard case .fresh(var report) = said, Int.random(in: 0..<3, using: &generator) > 0 else { return said }
            let histories: [[UInt64]] = [[0x20], [0x30, 0x20], [0x40, 0x20], [0x50, 0x30, 0x20], [0x80, 0x70], [4]]
            let history = histories.randomElement(using: &generator) ?? [0x20]
            report.storage?.generations = [
                DataGeneration(volume: 0, current: history[0], past: Array(history.dropFirst()))
            ]
            let connections: [Storage.Connection] = [.connected, .connecting, .connecting, .standAlone]
            report.storage?.connection = connections.randomElement(using: &generator) ?? .unknown
            return .fresh(report)
        }
    }
}
