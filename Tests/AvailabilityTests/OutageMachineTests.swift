import Cluster
import Testing

@testable import Availability

@Suite struct OutageMachineTests {
    private let nodes = [
        Node(id: NodeID(0), name: "cluster1", endpoint: Endpoint(host: "h", port: 1)),
        Node(id: NodeID(1), name: "cluster2", endpoint: Endpoint(host: "h", port: 2)),
    ]

    private func at(_ ms: Int64) -> Instant { Instant(nanoseconds: ms * 1_000_000) }

    private func view(
        _ primary: Int?, _ generation: UInt64, since ms: Int64, _ phase: Phase? = nil, _ diagnosis: Diagnosis? = nil,
        drain: Int? = nil
    ) -> ClusterView {
        ClusterView(
            generation: Generation(generation), primary: primary.map { NodeID($0) },
            phase: phase ?? (primary == nil ? .lost : .ready),
            diagnosis: primary == nil ? diagnosis ?? .primaryLost : nil, since: at(ms),
            nodes: nodes.map {
                NodeView(
                    node: $0, health: .up, administrative: $0.id.rawValue == drain ? .drain : .ready, role: .unknown,
                    lastCheck: "connection refused", changedAt: at(0))
            })
    }

    private func second(_ n: Int64, _ fill: (inout Interval) -> Void = { _ in }) -> Interval {
        var row = Interval(began: WallTime(seconds: n), monotonic: at(n * 1000), covered: .seconds(1))
        row.inFlightNow = 1
        fill(&row)
        return row
    }

    /// With cluster1 as primary since 0.
    private func machine() -> OutageMachine {
        var machine = OutageMachine()
        #expect(machine.observe(view(0, 1, since: 0), at: at(0)) == [])
        return machine
    }

    private func ended(_ changes: [OutageMachine.Change]) -> OutageRecord? {
        for change in changes { if case .ended(let record) = change { return record } }
        return nil
    }

    private func opened(_ changes: [OutageMachine.Change]) -> OutageRecord? {
        for change in changes { if case .opened(let record) = change { return record } }
        return nil
    }

    private func updated(_ changes: [OutageMachine.Change]) -> OutageRecord? {
        for change in changes.reversed() {
            switch change {
            case .updated(let record), .settled(let record): return record
            case .opened, .ended, .dismissed: break
            }
        }
        return nil
    }

    @Test func failoverFromTheFirstHeldToTheFirstAnswered() {
        var machine = machine()
        #expect(opened(machine.held(at: at(1200)))?.cause == .connections)
        _ = machine.observe(view(nil, 1, since: 1250), at: at(1260))
        _ = machine.observe(view(nil, 1, since: 3000, .recovering, .recovering), at: at(3001))
        let row = second(1) {
            $0.usersMax = 10
            $0.userMilliseconds = 10_000
            $0.userMillisecondsLost = 4000
            $0.usersAffectedMax = 5
            $0.held = 5
            $0.heldNow = 5
            $0.heldMax = 5
        }
        #expect(updated(machine.record(row, at: at(2001)))?.held == 5)
        _ = machine.observe(view(1, 2, since: 4000), at: at(4000))
        let record = ended(machine.answered(at: at(4100)))
        #expect(record?.length == .milliseconds(2900))
        #expect(record?.kind == .failover)
        #expect(record?.cause == .primaryLost)
        #expect(record?.from == "cluster1")
        #expect(record?.to == "cluster2")
        #expect(record?.lost == Generation(1))
        #expect(record?.gained == Generation(2))
        #expect(record?.reason == "connection refused")
        #expect(record?.diagnoses == [.primaryLost, .recovering])
        #expect(record?.detection == .milliseconds(50))
        #expect(record?.withoutPrimary == .milliseconds(2750))
        // Felt before the loss was published: the phase was still the one before.
        #expect(record?.phases.map(\.phase) == [.ready, .lost, .recovering, .ready])
        #expect(
            record?.phases.map(\.length) == [
                .milliseconds(50), .milliseconds(1750), .milliseconds(1000), .milliseconds(100),
            ])
        #expect(record?.userMillisecondsLost == 4000)
        #expect(record?.userMillisecondsPresent == 8000)
        #expect(record?.hasErrors == false)
        #expect(record?.isDelay(above: .seconds(1)) == true)
        #expect(record?.isPlanned == false)
        #expect(machine.open == nil)
    }

    @Test func theSecondOfTheEndCountsToo() {
        var machine = machine()
        _ = machine.observe(view(nil, 1, since: 1000), at: at(1000))
        _ = machine.held(at: at(1000))
        _ = machine.observe(view(0, 2, since: 1200), at: at(1200))
        _ = machine.answered(at: at(1300))
        let last = updated(
            machine.record(
                second(1) {
                    $0.failed = 2
                    $0.moved = 3
                    $0.usersAffectedMax = 4
                    $0.userMillisecondsLost = 1190
                }, at: at(2001)))
        #expect(last?.failed == 2)
        #expect(last?.moved == 3)
        #expect(last?.hasErrors == true)
        #expect(last?.kind == .restart)
        #expect(last?.userMillisecondsLost == 1190)
        // Sessions that only now find out what they have lost; then it is over for good.
        let rest = machine.record(second(2) { $0.failed = 1 }, at: at(3001))
        #expect(updated(rest)?.failed == 3)
        #expect(machine.record(second(3) { $0.failed = 1 }, at: at(4001)) == [])
    }

    @Test func nobodyThereIsAnOutageThatNobodyFelt() {
        var machine = machine()
        #expect(opened(machine.observe(view(nil, 1, since: 500), at: at(510)))?.isFelt == false)
        let record = ended(machine.observe(view(1, 2, since: 9000), at: at(9001)))
        #expect(record?.isFelt == false)
        #expect(record?.began == at(500))
        #expect(record?.length == .milliseconds(8500))
        #expect(record?.userMillisecondsLost == 0)
        #expect(record?.isDelay(above: .seconds(1)) == false)
    }

    @Test func whoComesLaterFeelsItFromThenOn() {
        var machine = machine()
        _ = machine.observe(view(nil, 1, since: 500), at: at(510))
        _ = machine.observe(view(nil, 1, since: 3000, .starting, .recovering), at: at(3000))
        #expect(updated(machine.held(at: at(5000)))?.isFelt == true)
        _ = machine.observe(view(1, 2, since: 9000), at: at(9001))
        let record = ended(machine.answered(at: at(9100)))
        #expect(record?.began == at(5000))
        #expect(record?.length == .milliseconds(4100))
        #expect(record?.withoutPrimary == .milliseconds(8500))
        #expect(record?.detection == .zero)
        // They add up to what was felt.
        #expect(record?.phases.map(\.phase) == [.starting, .ready])
        #expect(record?.phases.map(\.length) == [.milliseconds(4000), .milliseconds(100)])
    }

    @Test func answersUnderWayWhenThePrimaryGoesEndNothing() {
        var machine = machine()
        _ = machine.held(at: at(100))
        _ = machine.observe(view(nil, 1, since: 110), at: at(110))
        #expect(machine.answered(at: at(115)) == [])
        _ = machine.observe(view(1, 2, since: 2000), at: at(2000))
        #expect(machine.answered(at: at(1999)) == [])
        #expect(ended(machine.answered(at: at(2010)))?.length == .milliseconds(1910))
    }

    @Test func failoverFallbackFailover() {
        var machine = machine()
        var kinds: [OutageKind?] = []
        var time: Int64 = 0
        for (n, node) in [1, 0, 1, 1, 0].enumerated() {
            time += 10_000
            _ = machine.observe(view(nil, UInt64(n + 1), since: time), at: at(time))
            kinds.append(ended(machine.observe(view(node, UInt64(n + 2), since: time + 500), at: at(time + 500)))?.kind)
            for s in 0..<3 { _ = machine.record(second(time / 1000 + Int64(s)), at: at(time + 1000 + Int64(s) * 1000)) }
        }
        #expect(kinds == [.failover, .fallback, .failover, .restart, .fallback])
    }

    @Test func switchWithoutAViewInBetween() {
        var machine = machine()
        let record = ended(machine.observe(view(1, 2, since: 700), at: at(700)))
        #expect(record?.length == .zero)
        #expect(record?.kind == .failover)
    }

    @Test func pausedAndMovedIsPlanned() {
        var machine = machine()
        machine.paused()
        #expect(opened(machine.held(at: at(1000)))?.isPlanned == true)
        _ = machine.observe(view(nil, 1, since: 2000), at: at(2000))
        _ = machine.observe(view(1, 2, since: 3000), at: at(3000))
        machine.resumed(at: at(3500))
        let record = ended(machine.answered(at: at(3510)))
        #expect(record?.isPlanned == true)
        #expect(record?.cause == .paused)
        #expect(record?.kind == .failover)
        #expect(record?.length == .milliseconds(2510))
    }

    @Test func pauseThatNobodyOutwaitsEndsWithIt() {
        var machine = machine()
        machine.paused()
        _ = machine.held(at: at(1000))
        #expect(ended(machine.record(second(1) { $0.inFlightNow = 0 }, at: at(2001))) == nil)
        machine.resumed(at: at(2500))
        let record = ended(machine.record(second(2) { $0.inFlightNow = 0 }, at: at(3001)))
        #expect(record?.kind == .pause)
        #expect(record?.length == .milliseconds(1500))
    }

    /// A switchover drains, and lets statements go until the gate holds them.
    @Test func pauseThatNobodyCouldNoticeIsNoOutage() {
        var machine = machine()
        machine.paused()
        let number = opened(machine.held(at: at(1000)))?.number
        machine.resumed(at: at(1001))
        #expect(machine.answered(at: at(1002)) == [.dismissed(number: number ?? 0)])
        machine.paused()
        #expect(opened(machine.held(at: at(1100)))?.began == at(1100))
    }

    @Test func answerOfOneWorkerEndsNoPauseOfAnother() {
        var machine = machine()
        machine.paused()
        _ = machine.held(at: at(1000))
        #expect(machine.answered(at: at(1001)).isEmpty)
        _ = machine.observe(view(nil, 1, since: 1100), at: at(1100))
        _ = machine.observe(view(1, 2, since: 3000), at: at(3000))
        machine.resumed(at: at(3000))
        let record = ended(machine.answered(at: at(3010)))
        #expect(record?.began == at(1000))
        #expect(record?.primaryLost == at(1100))
    }

    private func settled(_ changes: [OutageMachine.Change]) -> OutageRecord? {
        for change in changes { if case .settled(let record) = change { return record } }
        return nil
    }

    /// The server hangs; the cluster finds out later, stops the gate, and with it pauses the proxies.
    @Test(arguments: [true, false]) func aPauseInTheMiddlePlansNothing(isPlanned: Bool) {
        var machine = machine()
        _ = machine.stalled(at: at(1000))
        machine.paused(isPlanned: isPlanned)
        _ = machine.observe(view(nil, 1, since: 9000), at: at(9000))
        _ = machine.observe(view(1, 2, since: 12_000), at: at(12_000))
        machine.resumed(at: at(12_000))
        let record = ended(machine.answered(at: at(12_010)))
        #expect(record?.isPlanned == false)
        #expect(record?.kind == .failover)
        #expect(record?.cause == .primaryLost)
    }

    /// Nobody was there to feel it, and the cluster noticed first.
    @Test func theGatesStopAfterACrashIsNoPause() {
        var machine = machine()
        machine.paused(isPlanned: false)
        _ = machine.observe(view(nil, 1, since: 1000), at: at(1000))
        let record = ended(machine.observe(view(1, 2, since: 4000), at: at(4000)))
        #expect(record?.isPlanned == false)
        machine.resumed(at: at(4000))
        // And one that is felt while it holds is no administrator's pause either.
        machine.paused(isPlanned: false)
        #expect(opened(machine.held(at: at(20_000)))?.cause == .connections)
    }

    @Test func aNodeInTroubleThatIsTakenOutOfServiceWasNotPlanned() {
        var machine = machine()
        _ = machine.stalled(at: at(1000))
        _ = machine.observe(view(nil, 1, since: 8000, nil, .administrative, drain: 0), at: at(8000))
        _ = machine.observe(view(1, 2, since: 9000), at: at(9000))
        #expect(ended(machine.answered(at: at(9010)))?.isPlanned == false)
    }

    /// read_only, a hang, two writable nodes: the role went, and the server did not.
    @Test(arguments: [(7, OutageKind.disturbance), (8, .restart), (nil, .restart)] as [(Int?, OutageKind)])
    func aServerThatHasNotStoppedIsNotRestarted(found: Int?, kind: OutageKind) {
        var machine = OutageMachine()
        func view(_ primary: Int?, _ generation: UInt64, since ms: Int64, life: Int?) -> ClusterView {
            var view = self.view(primary, generation, since: ms, nil, .primaryReadOnly)
            view.life = life.map { UInt64($0) }
            return view
        }
        _ = machine.observe(view(0, 1, since: 0, life: 7), at: at(0))
        _ = machine.held(at: at(990))
        _ = machine.observe(view(nil, 1, since: 1000, life: nil), at: at(1000))
        _ = machine.observe(view(0, 2, since: 1800, life: found), at: at(1800))
        #expect(ended(machine.answered(at: at(1810)))?.kind == kind)
    }

    /// The old node stops from the top down: its phases are nobody's promotion.
    @Test func theOldNodesWayDownIsNoPromotion() {
        var machine = machine()
        machine.paused()
        _ = machine.held(at: at(1000))
        _ = machine.observe(view(nil, 1, since: 2000, .starting), at: at(2000))
        _ = machine.observe(view(nil, 1, since: 5000, .mounting), at: at(5000))
        _ = machine.observe(view(nil, 1, since: 9000, .lost), at: at(9000))
        _ = machine.observe(view(nil, 1, since: 10_000, .promoting), at: at(10_000))
        _ = machine.observe(view(nil, 1, since: 11_000, .mounting), at: at(11_000))
        // Killed once more in the middle: that was a promotion.
        _ = machine.observe(view(nil, 1, since: 12_000, .lost), at: at(12_000))
        _ = machine.observe(view(nil, 1, since: 13_000, .promoting), at: at(13_000))
        _ = machine.observe(view(nil, 1, since: 14_000, .starting), at: at(14_000))
        _ = machine.observe(view(1, 2, since: 15_000), at: at(15_000))
        machine.resumed(at: at(15_000))
        let record = ended(machine.answered(at: at(15_500)))
        let phases = record?.phases.map { "\($0.phase.rawValue) \($0.length?.milliseconds ?? -1)" }
        #expect(
            phases == [
                "ready 1000", "lost 8000", "promoting 1000", "mounting 1000", "lost 1000", "promoting 1000",
                "starting 1000", "ready 500",
            ])
    }

    /// In place: there the way is up at once.
    @Test func aRestartInPlaceIsStarting() {
        var machine = machine()
        _ = machine.held(at: at(1000))
        _ = machine.observe(view(nil, 1, since: 1000, .lost), at: at(1000))
        _ = machine.observe(view(nil, 1, since: 2000, .starting), at: at(2000))
        _ = machine.observe(view(0, 2, since: 4000), at: at(4000))
        #expect(ended(machine.answered(at: at(4000)))?.phases.map(\.phase) == [.lost, .starting])
    }

    /// Every statement takes two seconds, the check's too: one outage.
    @Test func aSlowServerIsOneOutage() {
        var machine = machine()
        var opened = 0
        var ends: [OutageRecord] = []
        var totals: [OutageRecord] = []
        func take(_ changes: [OutageMachine.Change]) {
            for change in changes {
                switch change {
                case .opened: opened += 1
                case .ended(let record): ends.append(record)
                case .settled(let record): totals.append(record)
                case .updated, .dismissed: break
                }
            }
        }
        for round in Int64(0)..<12 {
            // Told 120 ms later.
            take(machine.stalled(at: at(1000 + round * 2100)))
            take(machine.record(second(1 + round * 2), at: at(2001 + round * 2000)))
            take(machine.answered(at: at(3000 + round * 2100)))
        }
        #expect(opened == 1)
        #expect(Set(ends.map(\.number)) == [1])
        // It is told once, when it has been well for a while.
        for n in Int64(26)..<33 { take(machine.record(second(n), at: at((n + 1) * 1000))) }
        #expect(totals.count == 1)
        #expect(totals.first?.began == at(1000))
        #expect(totals.first?.ended == at(3000 + 11 * 2100))
        // After that the next one is another.
        take(machine.stalled(at: at(60_000)))
        #expect(opened == 2)
    }

    /// A statement fails on its own just before the primary is lost, and is felt again with all the others: the worker
    /// has two episodes of it, and the outage has eight users.
    @Test func usersOfTwoEpisodesAreCountedOnce() {
        var machine = machine()
        _ = machine.held(at: at(1000))
        _ = machine.answered(at: at(1020))
        _ = machine.observe(view(nil, 1, since: 1050), at: at(1050))
        _ = machine.held(at: at(1050))
        machine.affected([
            AffectedEpisode(worker: 0, number: 4, began: at(1000), users: 8, returning: [2: 3]),
            AffectedEpisode(worker: 0, number: 5, began: at(1050), users: 8, returning: [4: 8]),
            AffectedEpisode(worker: 1, number: 4, began: at(1050), users: 2, returning: [3: 2]),
        ])
        _ = machine.observe(view(0, 2, since: 1800), at: at(1800))
        #expect(ended(machine.answered(at: at(1810)))?.usersAffected == 10)
    }

    /// A long wait without an error ends in the second in which the next outage begins with one.
    @Test func errorsAreThoseOfTheOutageThatHasThem() {
        var machine = machine()
        _ = machine.held(at: at(1000))
        _ = machine.answered(at: at(1700))
        _ = machine.observe(view(nil, 1, since: 1850), at: at(1850))
        _ = machine.held(at: at(1850))
        _ = machine.told(at: at(1860))
        let changes = machine.record(
            second(1) {
                $0.failed = 3
                $0.unknown = 1
                $0.held = 5
            }, at: at(2001))
        var failed: [Int: Int64] = [:]
        for change in changes {
            if case .updated(let record) = change { failed[record.number] = record.failed + record.unknown }
        }
        #expect(failed == [1: 0, 2: 4])
    }

    @Test func numbersHaveNoHoles() {
        var machine = machine()
        _ = machine.held(at: at(100))
        #expect(machine.answered(at: at(150)) == [.dismissed(number: 1)])
        #expect(opened(machine.failed(at: at(20_000)))?.number == 1)
    }

    @Test func allOfItIsCountedWhenItIsSettled() {
        var machine = machine()
        _ = machine.failed(at: at(1500))
        _ = machine.answered(at: at(1700))
        #expect(settled(machine.record(second(1) { $0.failed = 3 }, at: at(2001))) == nil)
        #expect(settled(machine.record(second(2) { $0.failed = 1 }, at: at(3001)))?.failed == 4)
    }

    @Test func drainedNodeIsPlanned() {
        var machine = machine()
        _ = machine.observe(view(nil, 1, since: 100, nil, .administrative, drain: 0), at: at(100))
        #expect(ended(machine.observe(view(1, 2, since: 300), at: at(300)))?.isPlanned == true)
    }

    @Test func connectionMadeAnewIsNoOutage() {
        var machine = machine()
        _ = machine.held(at: at(100))
        #expect(machine.answered(at: at(150)) == [.dismissed(number: 1)])
        // With an error it is one.
        _ = machine.failed(at: at(20_000))
        #expect(ended(machine.answered(at: at(20_001)))?.kind == .disturbance)
    }

    @Test func shortlyAfterTheEndBelongsToIt() {
        var machine = machine()
        _ = machine.observe(view(nil, 1, since: 100), at: at(100))
        _ = machine.held(at: at(110))
        _ = machine.observe(view(0, 2, since: 400), at: at(400))
        _ = machine.answered(at: at(410))
        #expect(updated(machine.failed(at: at(600)))?.number == 1)
        #expect(machine.answered(at: at(610)) == [])
        #expect(machine.open == nil)
    }

    @Test func theNextLossIsTheNextOutageHoweverSoon() {
        var machine = machine()
        _ = machine.observe(view(nil, 1, since: 100), at: at(100))
        _ = machine.held(at: at(110))
        _ = machine.observe(view(0, 2, since: 400), at: at(400))
        _ = machine.answered(at: at(410))
        // Felt before the cluster says so.
        #expect(machine.held(at: at(600)) == [])
        #expect(opened(machine.observe(view(nil, 2, since: 620), at: at(620)))?.began == at(600))
        _ = machine.observe(view(0, 3, since: 800), at: at(800))
        let record = ended(machine.answered(at: at(810)))
        #expect(record?.number == 2)
        #expect(record?.length == .milliseconds(210))
    }

    @Test func troubleThatStaysIsAnOutageOfItsOwn() {
        var machine = machine()
        _ = machine.observe(view(nil, 1, since: 100), at: at(100))
        _ = machine.held(at: at(110))
        _ = machine.observe(view(0, 2, since: 400), at: at(400))
        _ = machine.answered(at: at(410))
        _ = machine.held(at: at(600))
        let record = opened(machine.record(second(0) { $0.heldNow = 1 }, at: at(1001)))
        #expect(record?.began == at(600))
        #expect(record?.cause == .connections)
    }

    @Test func aShortWaitAfterAnOutageIsAnOtherOneWhenNobodyWasAnswered() {
        var machine = machine()
        _ = machine.observe(view(nil, 1, since: 100), at: at(100))
        _ = machine.held(at: at(110))
        _ = machine.observe(view(0, 2, since: 400), at: at(400))
        _ = machine.answered(at: at(410))
        _ = machine.held(at: at(500))
        #expect(machine.answered(at: at(590)) == [])
        _ = machine.held(at: at(700))
        let record = ended(machine.answered(at: at(820)))
        #expect(record?.number == 2)
        #expect(record?.began == at(700))
        #expect(record?.length == .milliseconds(120))
        #expect(record?.kind == .disturbance)
    }

    @Test func usersAreCountedOnceEach() {
        var machine = machine()
        func episode(_ worker: Int, _ number: UInt32, _ began: Int64, _ users: Int) -> AffectedEpisode {
            AffectedEpisode(worker: worker, number: number, began: at(began), users: users)
        }
        _ = machine.held(at: at(1100))
        machine.affected([episode(0, 1, 1100, 2), episode(1, 4, 200, 9)])
        _ = machine.record(second(1) { $0.usersAffectedMax = 2 }, at: at(2001))
        // More come, others leave: five sessions in two workers, three at most at a time.
        machine.affected([episode(0, 1, 1100, 4), episode(1, 5, 2300, 1)])
        let later = machine.record(second(2) { $0.usersAffectedMax = 3 }, at: at(3001))
        #expect(updated(later)?.usersAffected == 5)
        _ = machine.answered(at: at(3500))
        machine.affected([episode(0, 1, 1100, 6), episode(1, 5, 2300, 1)])
        #expect(updated(machine.record(second(3), at: at(4001)))?.usersAffected == 7)
        _ = machine.record(second(4), at: at(5001))
        _ = machine.held(at: at(9000))
        machine.affected([episode(0, 2, 9000, 1), episode(1, 5, 2300, 1)])
        #expect(updated(machine.record(second(9) { $0.heldNow = 1 }, at: at(10_001)))?.usersAffected == 1)
    }

    @Test func aSecondsUsersAreNotThoseOfBothOutagesInIt() {
        var machine = machine()
        _ = machine.observe(view(nil, 1, since: 1000), at: at(1000))
        _ = machine.held(at: at(1000))
        _ = machine.observe(view(0, 2, since: 1190), at: at(1190))
        _ = machine.answered(at: at(1200))
        _ = machine.observe(view(nil, 2, since: 1400), at: at(1400))
        _ = machine.held(at: at(1400))
        machine.affected([AffectedEpisode(worker: 0, number: 2, began: at(1400), users: 1)])
        let changes = machine.record(second(1) { $0.usersAffectedMax = 2 }, at: at(2001))
        #expect(updated(changes)?.number != nil)
        #expect(machine.open?.usersAffected == 1)
    }

    @Test func twoOutagesOfOneSecondHaveTheirOwnUsers() {
        var machine = OutageMachine()
        _ = machine.held(at: at(1000))
        _ = machine.observe(view(0, 1, since: 1003), at: at(1003))
        _ = machine.answered(at: at(1004))
        _ = machine.observe(view(nil, 1, since: 1020), at: at(1020))
        _ = machine.held(at: at(1030))
        machine.affected([AffectedEpisode(worker: 0, number: 1, began: at(1000), users: 2)])
        _ = machine.record(second(1) { $0.usersAffectedMax = 3 }, at: at(2001))
        machine.affected([AffectedEpisode(worker: 0, number: 2, began: at(1030), users: 1)])
        let changes = machine.record(second(2) { $0.usersAffectedMax = 1 }, at: at(3001))
        #expect(machine.open?.usersAffected == 1)
        #expect(changes.contains { if case .updated(let record) = $0 { record.usersAffected == 1 } else { false } })
    }

    @Test func lostUserTimeOfASecondWithTwoOutagesIsShared() {
        var machine = machine()
        _ = machine.observe(view(nil, 1, since: 1000), at: at(1000))
        _ = machine.held(at: at(1000))
        _ = machine.observe(view(0, 2, since: 1190), at: at(1190))
        _ = machine.answered(at: at(1200))
        _ = machine.observe(view(nil, 2, since: 1400), at: at(1400))
        _ = machine.held(at: at(1400))
        let changes = machine.record(second(1) { $0.userMillisecondsLost = 3200 }, at: at(2001))
        let lost = changes.compactMap { if case .updated(let record) = $0 { record.userMillisecondsLost } else { nil } }
        #expect(lost == [2400, 800])
    }

    @Test func outOfServiceAndBackByAnAdministratorsWord() {
        var machine = machine()
        _ = machine.held(at: at(90))
        _ = machine.observe(view(nil, 1, since: 100, nil, .administrative, drain: 0), at: at(100))
        _ = machine.observe(view(0, 1, since: 900), at: at(900))
        let record = ended(machine.answered(at: at(910)))
        #expect(record?.kind == .pause)
        #expect(record?.isPlanned == true)
    }

    @Test func theFailoverOfAnEarlierRunIsRemembered() {
        for (history, kind) in [
            ([(OutageKind.failover, NodeID(1))], OutageKind.fallback), ([], .failover),
            ([(.failover, NodeID(1)), (.fallback, NodeID(0))], .failover),
            ([(.failover, NodeID(1)), (.failover, NodeID(0))], .fallback),
        ] {
            var machine = OutageMachine(after: history.map { (kind: $0.0, from: $0.1) })
            _ = machine.observe(view(0, 1, since: 0), at: at(0))
            _ = machine.observe(view(nil, 1, since: 100), at: at(100))
            #expect(ended(machine.observe(view(1, 2, since: 200), at: at(200)))?.kind == kind)
        }
    }

    /// Set to read-only, a server refuses one client's write and still answers another's question.
    @Test func theFirstSignOfALossIsItsBeginning() {
        var machine = machine()
        _ = machine.failed(at: at(1000))
        #expect(ended(machine.answered(at: at(1001)))?.kind == .disturbance)
        let again = opened(machine.observe(view(nil, 1, since: 1006, nil, .primaryReadOnly), at: at(1006)))
        #expect(again?.number == 1)
        #expect(again?.began == at(1000))
        #expect(again?.ended == nil)
        _ = machine.held(at: at(1007))
        _ = machine.observe(view(0, 2, since: 2600), at: at(2600))
        let record = ended(machine.answered(at: at(2610)))
        #expect(record?.number == 1)
        #expect(record?.kind == .restart)
        #expect(record?.length == .milliseconds(1610))
        #expect(record?.detection == .milliseconds(6))
        #expect(record?.firstError == at(1000))
        // One that is longer ago, or was a long wait, is one of its own.
        _ = machine.record(second(4), at: at(5001))
        _ = machine.failed(at: at(6000))
        _ = machine.answered(at: at(6001))
        #expect(opened(machine.observe(view(nil, 2, since: 7100), at: at(7100)))?.number == 3)
    }

    @Test func lostAgainBeforeAnyoneWasAnsweredIsOneOutage() {
        var machine = machine()
        _ = machine.observe(view(nil, 1, since: 100), at: at(100))
        _ = machine.held(at: at(110))
        _ = machine.observe(view(1, 2, since: 400), at: at(400))
        #expect(opened(machine.observe(view(nil, 2, since: 450), at: at(450))) == nil)
        _ = machine.observe(view(1, 3, since: 900), at: at(900))
        let record = ended(machine.answered(at: at(950)))
        #expect(record?.length == .milliseconds(840))
        #expect(record?.gained == Generation(3))
        #expect(record?.phases.map(\.phase) == [.lost, .ready, .lost, .ready])
    }

    @Test func aPauseBeforeTheMoveIsPartOfTheOutage() {
        var machine = machine()
        machine.paused()
        _ = machine.held(at: at(1000))
        _ = machine.observe(view(nil, 1, since: 12_000), at: at(12_001))
        _ = machine.observe(view(nil, 1, since: 50_000, .mounting), at: at(50_001))
        _ = machine.observe(view(1, 2, since: 60_000), at: at(60_000))
        machine.resumed(at: at(60_000))
        let record = ended(machine.answered(at: at(60_300)))
        #expect(record?.phases.map(\.phase) == [.ready, .lost, .mounting, .ready])
        #expect(
            record?.phases.map(\.length) == [
                .seconds(11), .seconds(38), .seconds(10), .milliseconds(300),
            ])
    }

    @Test func whatNobodyFeltYetIsNoPartOfIt() {
        var machine = machine()
        _ = machine.observe(view(nil, 1, since: 100), at: at(100))
        _ = machine.observe(view(nil, 1, since: 300, .promoting), at: at(300))
        _ = machine.observe(view(nil, 1, since: 500, .mounting), at: at(500))
        _ = machine.held(at: at(400))
        _ = machine.observe(view(1, 2, since: 900), at: at(900))
        let record = ended(machine.answered(at: at(950)))
        #expect(record?.phases.map(\.phase) == [.promoting, .mounting, .ready])
        #expect(record?.phases.map(\.length) == [.milliseconds(100), .milliseconds(400), .milliseconds(50)])
    }

    @Test func nobodyWaitsAnyMore() {
        var machine = machine()
        _ = machine.held(at: at(100))
        _ = machine.observe(view(nil, 1, since: 110), at: at(110))
        #expect(ended(machine.record(second(0) { $0.inFlightNow = 0 }, at: at(1001))) == nil)
        _ = machine.observe(view(1, 2, since: 1500), at: at(1500))
        let record = ended(machine.record(second(1) { $0.inFlightNow = 0 }, at: at(2001)))
        #expect(record?.length == .milliseconds(1400))
    }

    @Test func clientsBeforeTheFirstPrimary() {
        var machine = OutageMachine()
        #expect(machine.observe(view(nil, 0, since: 0, nil, .starting), at: at(0)) == [])
        #expect(opened(machine.held(at: at(10)))?.cause == .starting)
        _ = machine.observe(view(0, 1, since: 300), at: at(300))
        let record = ended(machine.answered(at: at(320)))
        #expect(record?.kind == .start)
        #expect(record?.from == "")
    }

    /// Whatever comes in whatever order: at most one outage is open, numbers rise, ends do not precede beginnings, and
    /// outages of one machine do not overlap.
    @Test(arguments: UInt64(1)...40)
    func randomEvents(seed: UInt64) {
        var random = SplitMix64(seed)
        var machine = OutageMachine()
        var now: Int64 = 0
        var generation: UInt64 = 0
        var done: [OutageRecord] = []
        var openNumber: Int?
        for _ in 0..<2000 {
            now += random.next(400)
            var changes: [OutageMachine.Change] = []
            switch random.next(9) {
            case 0: changes = machine.held(at: at(now))
            case 1: changes = machine.failed(at: at(now))
            case 2, 3: changes = machine.answered(at: at(now))
            case 4: changes = machine.observe(view(nil, generation, since: now), at: at(now))
            case 5:
                generation += 1
                changes = machine.observe(view(Int(random.next(2)), generation, since: now), at: at(now))
            case 6: random.next(2) == 0 ? machine.paused() : machine.resumed(at: at(now))
            case _:
                let row = second(now / 1000) {
                    $0.inFlightNow = Int(random.next(2))
                    $0.failed = random.next(3)
                }
                changes = machine.record(row, at: at(now))
            }
            for change in changes {
                switch change {
                case .opened(let record):
                    #expect(openNumber == nil)
                    openNumber = record.number
                    // It was the first sign of a loss.
                    if done.last?.number == record.number { done.removeLast() }
                case .updated(let record): #expect(record.ended == nil || record.number <= done.count + 1000)
                case .settled(let record): #expect(record.ended != nil && record.kind != .open)
                case .ended(let record):
                    #expect(openNumber == record.number)
                    openNumber = nil
                    #expect(record.kind != .open)
                    #expect(record.ended.map { $0 >= record.began } == true)
                    // The phases add up to the outage.
                    #expect(record.phases.first?.began == record.began)
                    #expect(record.phases.last?.ended == record.ended)
                    #expect(zip(record.phases, record.phases.dropFirst()).allSatisfy { $0.ended == $1.began })
                    #expect(record.phases.allSatisfy { $0.length.map { $0 >= .zero } == true })
                    if let last = done.last, let end = last.ended { #expect(record.began >= end) }
                    done.append(record)
                case .dismissed(let number):
                    #expect(openNumber == number)
                    openNumber = nil
                }
            }
            #expect(machine.open?.number == openNumber)
        }
        #expect(done.count > 10)
    }
}
