import Cluster
import Testing

@testable import Health

@Suite struct PrimaryElectionTests {
    private static func node(
        _ node: NodeID, _ claim: Claim, _ health: HealthState = .up, _ administrative: AdministrativeState = .ready,
        answering: Bool = true
    ) -> NodeEvidence {
        NodeEvidence(
            node: node, administrative: administrative, health: health, claim: claim, isAnswering: answering)
    }

    private static func writable(_ since: Int64, _ provenAt: Int64) -> Claim {
        .writable(since: at(since), provenAt: at(provenAt))
    }

    private typealias Case = (
        name: String, evidence: [NodeEvidence], present: NodeID?, verdict: PrimaryElection.Verdict
    )

    private static let alone: [Case] = [
        ("nothing seen", [node(a, .unknown, .down), node(b, .unknown, .down)], nil, .nobody(.starting)),
        ("one not asked yet", [node(a, writable(1, 1)), node(b, .unknown, .down)], nil, .nobody(.starting)),
        ("the usual pair", [node(a, writable(1, 1)), node(b, .absent, .down)], nil, .primary(a)),
        (
            "not asked, but in maintenance", [node(a, writable(1, 1)), node(b, .unknown, .down, .maintenance)], nil,
            .primary(a)
        ),
        ("falling, present", [node(a, writable(1, 1), .falling), node(b, .absent, .down)], a, .primary(a)),
        (
            "falling, not present", [node(a, writable(1, 1), .falling), node(b, .absent, .down)], nil,
            .nobody(.primaryLost)
        ),
        (
            "down with an old claim", [node(a, writable(1, 1), .down), node(b, .absent, .down)], a,
            .nobody(.primaryLost)
        ),
        ("rising", [node(a, writable(1, 1), .rising), node(b, .absent, .down)], nil, .nobody(.recovering)),
        ("a standby beside it", [node(a, .readOnly), node(b, writable(1, 1))], nil, .primary(b)),
        ("only read-only", [node(a, .readOnly), node(b, .readOnly)], a, .nobody(.primaryReadOnly)),
        ("recovering", [node(a, .readOnly), node(b, .notReady, .down)], nil, .nobody(.recovering)),
        (
            "account refused", [node(a, .accountRefused, .down), node(b, .absent, .down)], nil,
            .nobody(.checkAccountRefused)
        ),
        ("gone", [node(a, .absent, .down), node(b, .absent, .down)], a, .nobody(.primaryLost)),
        ("drained", [node(a, writable(1, 1), .up, .drain), node(b, .absent, .down)], a, .nobody(.administrative)),
        (
            "all in maintenance", [node(a, .absent, .down, .maintenance), node(b, .absent, .down, .maintenance)], nil,
            .nobody(.administrative)
        ),
        ("no nodes", [], nil, .nobody(.administrative)),
    ]

    private static let contested: [Case] = [
        ("two from the start", [node(a, writable(1, 1)), node(b, writable(2, 2))], nil, .nobody(.twoPrimaries)),
        (
            "two, one of them falls", [node(a, writable(1, 1), .falling, answering: false), node(b, writable(2, 2))],
            nil,
            .nobody(.twoPrimaries)
        ),
        (
            "two, one of them is gone", [node(a, writable(1, 1), .down, answering: false), node(b, writable(2, 2))],
            nil,
            .primary(b)
        ),
        (
            "two, one by an administrator's word",
            [node(a, writable(1, 1), .up, .maintenance), node(b, writable(2, 2))],
            nil, .primary(b)
        ),
        (
            "a newcomer, the present one not asked since", [node(a, writable(1, 5)), node(b, writable(6, 6))], a,
            .primary(a)
        ),
        ("a newcomer, both proved", [node(a, writable(1, 7)), node(b, writable(6, 6))], a, .nobody(.twoPrimaries)),
        (
            "a newcomer, the present one silent",
            [node(a, writable(1, 5), .falling, answering: false), node(b, writable(6, 6))], a, .primary(b)
        ),
        (
            "a rising newcomer, the present one silent",
            [node(a, writable(1, 5), .falling, answering: false), node(b, writable(6, 6), .rising)], a, .primary(a)
        ),
        ("only suspected", [node(a, writable(1, 5), .falling), node(b, writable(6, 6))], a, .primary(a)),
        (
            "an old claim beside the present one",
            [node(a, writable(1, 5), .falling, answering: false), node(b, writable(6, 9))], b, .primary(b)
        ),
        (
            "two newcomers, the present one silent",
            [
                node(a, writable(1, 5), .falling, answering: false), node(b, writable(6, 6)),
                node(NodeID(2), writable(6, 6)),
            ], a, .nobody(.twoPrimaries)
        ),
    ]

    private static let cases = alone + contested

    @Test(arguments: cases.indices)
    func decides(index: Int) {
        let each = Self.cases[index]
        #expect(PrimaryElection.elect(each.evidence, present: each.present) == each.verdict, "\(each.name)")
        // The order of the nodes does not matter.
        let turned = Array(each.evidence.reversed())
        #expect(PrimaryElection.elect(turned, present: each.present) == each.verdict, "\(each.name), turned")
    }
}
