import Cluster
import Testing

@testable import Health

@Suite struct FailureWatchTests {
    private enum Event {
        case seen(Int32?)
        /// With the moment at which the connection, or the question, was begun; nil: now.
        case knocked(FailureWatch.Knock, Int64? = nil)
        case cluster(FailureWatch.ClusterWord, Int64? = nil)
    }

    private typealias Step = (at: Int64, event: Event, orders: [FailureWatch.Order])

    private static let died = "The cluster's mariadbd (process 7) has ended"
    private static let told =
        FailureWatch.Order.note(
            "\(died); nothing listens at its socket, and the cluster calls it started: reporting that.")

    private func run(_ watch: inout FailureWatch, _ steps: [Step], _ name: String) {
        for step in steps {
            let now = at(step.at)
            let orders: [FailureWatch.Order] =
                switch step.event {
                case .seen(let pid): watch.processSeen(pid, at: now)
                case .knocked(let knock, let began): watch.knocked(knock, began: at(began ?? step.at), at: now)
                case .cluster(let word, let began): watch.clusterSeen(word, began: at(began ?? step.at), at: now)
                }
            #expect(orders == step.orders, "\(name) at \(step.at)")
        }
    }

    private static let deaths: [(name: String, steps: [Step])] = [
        (
            "a death, told once",
            [
                (0, .seen(nil), []), (1, .seen(7), []), (2, .seen(7), []), (100, .seen(nil), [.look]),
                (150, .cluster(.runs), []), (151, .knocked(.refused), [told, .report]),
                // The same death, seen and asked about again.
                (160, .seen(nil), []), (170, .cluster(.runs), []), (171, .knocked(.refused), []),
                // Another one has another.
                (3000, .seen(8), []), (3001, .cluster(.runs), []), (4000, .seen(nil), [.look]),
            ]
        ),
        (
            "what began before the death does not count",
            [
                (1, .seen(7), []), (100, .seen(nil), [.look]), (110, .cluster(.runs, 90), []),
                (111, .knocked(.refused, 99), []), (150, .knocked(.refused, 101), []),
                (160, .cluster(.runs, 100), [told, .report]),
            ]
        ),
        (
            "the latest word counts",
            [
                (1, .seen(7), []), (100, .seen(nil), [.look]), (110, .cluster(.runs), []),
                (120, .cluster(.restrains(.stopping)), []),
                (130, .knocked(.refused), [.note("\(died), and that is not reported: the cluster is stopping it.")]),
                (140, .cluster(.runs), []),
            ]
        ),
        (
            "a server answers",
            [
                (1, .seen(7), []), (100, .seen(nil), [.look]), (110, .cluster(.runs), []),
                (120, .knocked(.answered), [.note("\(died), and that is not reported: a server answers.")]),
                (130, .knocked(.refused), []),
            ]
        ),
        (
            "somebody starts it again before all is asked",
            [
                (1, .seen(7), []), (100, .seen(nil), [.look]), (110, .cluster(.runs), []), (120, .seen(8), []),
                (130, .knocked(.refused), []), (140, .cluster(.runs), []),
            ]
        ),
        ("restarted between two looks", [(1, .seen(7), []), (100, .seen(8), []), (110, .cluster(.runs), [])]),
        ("a silent knock never reports where no limit is", [(1, .seen(7), []), (99_000, .knocked(.silent, 1), [])]),
        ("nothing is known", [(1, .cluster(.runs), []), (2, .knocked(.refused), []), (3, .seen(nil), [])]),
    ]

    @Test(arguments: deaths.indices)
    func whatADeathComesTo(_ index: Int) {
        var watch = FailureWatch(.init(reportsDeaths: true))
        run(&watch, Self.deaths[index].steps, Self.deaths[index].name)
        #expect(!watch.wantsKnocks)
    }

    @Test(arguments: FailureWatch.Restraint.allCases)
    func whatForbidsIt(_ restraint: FailureWatch.Restraint) {
        var watch = FailureWatch(.init(reportsDeaths: true))
        run(
            &watch,
            [
                (1, .seen(7), []), (100, .seen(nil), [.look]), (150, .knocked(.refused), []),
                (
                    151, .cluster(.restrains(restraint)),
                    [.note("\(Self.died), and that is not reported: \(restraint.rawValue).")]
                ),
                (160, .cluster(.runs), []), (161, .knocked(.refused), []),
            ], restraint.rawValue)
    }

    @Test func withoutLeaveNothingIsAsked() {
        var watch = FailureWatch(.init())
        run(&watch, [(1, .seen(7), []), (100, .seen(nil), []), (110, .cluster(.runs), [])], "off")
    }

    private static let hung = "The cluster's mariadbd (process 7) has not answered for 11.0s"
    private static let hangs: [(name: String, steps: [Step])] = [
        (
            "hung, told once, and goes on",
            [
                (1, .seen(7), []), (500, .knocked(.answered), []), (2000, .knocked(.silent, 1000), []),
                (10_999, .knocked(.silent, 10_000), []), (12_000, .knocked(.silent, 11_000), [.look]),
                (12_100, .cluster(.runs), []),
                (
                    13_000, .knocked(.silent, 12_001),
                    [
                        .note(
                            "The cluster's mariadbd (process 7) has not answered for 12.0s; its socket is there and says "
                                + "nothing, and the cluster calls it started: reporting that."), .report,
                    ]
                ),
                (15_000, .knocked(.silent, 14_000), []), (40_000, .knocked(.silent, 39_000), []),
                // Its end after that is no news.
                (41_000, .seen(nil), []),
            ]
        ),
        (
            "slow, and not hung",
            [
                (1, .seen(7), []), (2000, .knocked(.silent, 1000), []), (9000, .knocked(.answered), []),
                (12_000, .knocked(.silent, 11_000), []), (20_000, .knocked(.silent, 19_000), []),
                (21_500, .knocked(.answered), []),
            ]
        ),
        (
            "it answers when it is asked once more",
            [
                (1, .seen(7), []), (2000, .knocked(.silent, 1000), []), (12_000, .knocked(.silent, 11_000), [.look]),
                (12_050, .cluster(.runs), []),
                (
                    12_100, .knocked(.answered, 12_050),
                    [
                        .note(
                            "The cluster's mariadbd (process 7) has not answered for 11.1s, and that is not reported: "
                                + "a server answers.")
                    ]
                ),
                (13_000, .knocked(.silent, 12_500), []),
            ]
        ),
        (
            "it dies while it is asked about",
            [
                (1, .seen(7), []), (2000, .knocked(.silent, 1000), []), (12_000, .knocked(.silent, 11_000), [.look]),
                (12_050, .seen(nil), [.look]), (12_060, .cluster(.runs, 12_001), []),
                (12_100, .cluster(.runs), []), (12_101, .knocked(.refused), [told, .report]),
            ]
        ),
        (
            "hung in maintenance",
            [
                (1, .seen(7), []), (2000, .knocked(.silent, 1000), []), (12_000, .knocked(.silent, 11_000), [.look]),
                (12_050, .cluster(.restrains(.maintenance)), []),
                (
                    12_900, .knocked(.silent, 12_000),
                    [
                        .note(
                            "The cluster's mariadbd (process 7) has not answered for 11.9s, and that is not reported: "
                                + "the cluster is in maintenance.")
                    ]
                ),
                (14_000, .knocked(.silent, 13_000), []),
            ]
        ),
    ]

    @Test(arguments: hangs.indices)
    func whatAHangComesTo(_ index: Int) {
        var watch = FailureWatch(.init(reportsDeaths: true, hangMax: .seconds(10)))
        run(&watch, Self.hangs[index].steps, Self.hangs[index].name)
    }

    // MARK: the cluster's word

    private func view(_ change: (inout PacemakerView) -> Void = { _ in }) -> PacemakerView {
        var view = PacemakerView(
            version: "2.1.5", coordinator: "n1", hasQuorum: true, isInMaintenance: false,
            nodes: [.init(name: "n1", id: "1", isOnline: true), .init(name: "n2", id: "2", isOnline: true)],
            resources: [
                .init(
                    id: "p_drbd_mysql", agent: "ocf:linbit:drbd", role: .promoted, nodes: ["n1"],
                    clone: "ms_drbd_mysql", isActive: true),
                .init(id: "p_mysql", agent: "ocf:heartbeat:mysql", role: .started, nodes: ["n1"], isActive: true),
            ])
        change(&view)
        return view
    }

    @Test func whatTheClusterSays() {
        let cases: [(FailureWatch.ClusterWord, (inout PacemakerView) -> Void)] = [
            (.runs, { _ in }),
            (.runs, { $0.resources[1].pending = "Monitoring" }),
            // Some trouble of before, which is not the present one.
            (.runs, { $0.failCounts = [.init(node: "n1", resource: "p_mysql", count: 1, migrationThreshold: 3)] }),
            (.restrains(.unseen), { $0.coordinator = nil }),
            (.restrains(.unseen), { $0.nodes[0].isOnline = false }),
            (.restrains(.unseen), { $0.nodes[0].isUnclean = true }),
            (.restrains(.unseen), { $0.nodes[0].name = "n3" }),
            (.restrains(.maintenance), { $0.isInMaintenance = true }),
            (.restrains(.maintenance), { $0.nodes[0].isInMaintenance = true }),
            (.restrains(.unmanaged), { $0.resources[1].isManaged = false }),
            (.restrains(.leaving), { $0.nodes[0].isStandby = true }),
            (.restrains(.leaving), { $0.nodes[0].isShuttingDown = true }),
            (.restrains(.stopping), { $0.resources[1].role = .stopping }),
            (.restrains(.stopping), { $0.resources[1].pending = "Stopping" }),
            (.restrains(.stopping), { $0.resources[0].role = .demoting }),
            (.restrains(.notStarted), { $0.resources[1].role = .starting }),
            (.restrains(.notStarted), { $0.resources[1].nodes = [] }),
            (.restrains(.notStarted), { $0.resources[1].nodes = ["n2"] }),
            (.restrains(.notStarted), { $0.resources[1].id = "p_other" }),
            (.restrains(.known), { $0.resources[1].hasFailed = true }),
            (.restrains(.known), { $0.resources[1].isBlocked = true }),
        ]
        for (index, (word, change)) in cases.enumerated() {
            #expect(view(change).word(onDatabaseOf: "n1", ResourceNames()) == word, "case \(index)")
        }
    }
}
