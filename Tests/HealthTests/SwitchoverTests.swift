import Cluster
import Testing

@testable import Health

@Suite struct SwitchoverTests {
    private static let nodes = (0..<2).map {
        Node(id: NodeID($0), name: "n\($0 + 1)", endpoint: Endpoint(host: "h", port: UInt16(3306 + $0)))
    }

    private func view(
        _ primary: NodeID?, _ generation: UInt64 = 4, _ phase: Phase = .ready, cautions: [Diagnosis] = [],
        administrative: AdministrativeState = .ready
    ) -> ClusterView {
        var view = ClusterView.unobserved(Self.nodes, at: at(0))
        view.primary = primary
        view.generation = Generation(generation)
        view.phase = phase
        view.cautions = cautions
        view.nodes[1].administrative = administrative
        return view
    }

    private func switchover(to target: NodeID = b, _ view: ClusterView? = nil, isGated: Bool = false) -> Switchover {
        let plan = Switchover.Plan(target: target, drainTimeout: .seconds(1), moveTimeout: .seconds(10))
        return Switchover(plan, view: view ?? self.view(a), isGated: isGated)
    }

    private func begun() -> Switchover {
        var switchover = switchover()
        _ = switchover.begin(isDry: false, hasAgent: true, at: at(0))
        return switchover
    }

    private func moving() -> Switchover {
        var switchover = begun()
        _ = switchover.drained(open: 0, at: at(30))
        return switchover
    }

    @Test func allGoesWell() {
        var switchover = switchover()
        #expect(
            switchover.begin(isDry: false, hasAgent: true, at: at(0)) == [
                .say("Statements are held at transaction boundaries."), .pause, .count(after: .zero),
            ])
        #expect(switchover.drained(open: 3, at: at(1)) == [.count(after: .milliseconds(10))])
        #expect(
            switchover.drained(open: 0, at: at(30)) == [
                .say("Drained after 30ms."), .say("Asking the cluster to move the primary to n2."), .move(to: "n2"),
                .wake(after: .seconds(10)),
            ])
        #expect(switchover.drained(open: 0, at: at(31)).isEmpty)
        #expect(
            switchover.moveAnswered(isDone: true, text: "", at: at(200)) == [
                .say("The cluster was asked, after 170ms.")
            ])
        #expect(switchover.changed(view(a), at: at(210)).isEmpty)
        #expect(switchover.changed(view(nil, 4, .lost), at: at(1030)) == [.say("lost after 1.0s.")])
        #expect(switchover.changed(view(nil, 4, .lost), at: at(1040)).isEmpty)
        #expect(switchover.changed(view(nil, 4, .mounting), at: at(2030)) == [.say("mounting after 2.0s.")])
        #expect(
            switchover.changed(view(b, 5), at: at(4030)) == [
                .say("n2 is the primary, generation 5, after 4.0s."), .resume,
                .say("Statements flow again after a pause of 4.0s."), .clear(isSettled: true),
                .wake(after: .seconds(150)),
            ])
        // Another primary, and what the agent says late, are no longer its business.
        #expect(switchover.changed(view(a, 6), at: at(4100)).isEmpty)
        #expect(switchover.moveAnswered(isDone: false, text: "late", at: at(4200)).isEmpty)
        #expect(
            switchover.clearAnswered(isDone: true, text: "done") == [
                .say("The cluster prefers nobody."), .finish(isDone: true),
            ])
        #expect(switchover.isFinished)
        #expect(switchover.timerFired(at: at(20_000)).isEmpty)
    }

    /// The cluster takes some 100 ms from the question to its first stop: nobody has to wait for that.
    @Test func whereAGateHoldsStatementsTheyFlowUntilItDoes() {
        var switchover = switchover(isGated: true)
        _ = switchover.begin(isDry: false, hasAgent: true, at: at(0))
        // Sessions that can't come to an end still stop it before anything is asked.
        #expect(switchover.drained(open: 1, at: at(1)) == [.count(after: .milliseconds(10))])
        #expect(
            switchover.drained(open: 0, at: at(30)) == [
                .say("Drained after 30ms."), .resume, .say("n1's gate holds statements when the cluster begins."),
                .say("Asking the cluster to move the primary to n2."), .move(to: "n2"), .wake(after: .seconds(10)),
            ])
        _ = switchover.moveAnswered(isDone: true, text: "", at: at(60))
        #expect(switchover.changed(view(nil, 4, .lost), at: at(1030)) == [.say("lost after 1.0s.")])
        #expect(
            switchover.changed(view(b, 5), at: at(4030)) == [
                .say("n2 is the primary, generation 5, after 4.0s."), .resume, .say("Statements flow again."),
                .clear(isSettled: true), .wake(after: .seconds(150)),
            ])
    }

    private static let objections: [(NodeID, Bool, NodeID?, [Diagnosis], AdministrativeState, String)] = [
        (NodeID(9), true, a, [], .ready, "there is no such node"),
        (b, true, nil, [], .ready, "there is no primary to move from"),
        (a, true, a, [], .ready, "n1 is the primary already"),
        (b, false, a, [], .ready, "no agent that could move anything is heard"),
        (b, true, a, [], .drain, "n2 is set to drain"),
        (b, true, a, [.maintenance], .ready, "the cluster is in maintenance: it would move nothing"),
        (b, true, a, [.standbyOutdated], .ready, "the standby's data is known to be old"),
        (b, true, a, [.diskNotUpToDate], .ready, "the standby's disk is not up to date"),
        (b, true, a, [.noQuorum], .ready, "a part of the cluster has no quorum"),
    ]

    @Test(arguments: objections.indices, [false, true])
    func whatSpeaksAgainstItIsSaidBeforeAnythingIsDone(index: Int, isDry: Bool) {
        let (target, hasAgent, primary, cautions, state, reason) = Self.objections[index]
        var switchover = switchover(to: target, view(primary, cautions: cautions, administrative: state))
        #expect(
            switchover.begin(isDry: isDry, hasAgent: hasAgent, at: at(0))
                == [.say("Not possible: \(reason)."), .finish(isDone: false)])
        #expect(switchover.isFinished)
    }

    @Test(arguments: [false, true])
    func aStrayServerHoldsThePort(isDry: Bool) {
        var view = view(a, cautions: [.strayServer])
        view.nodes[1].stray = "the cluster has not promoted this node"
        var switchover = switchover(view)
        let reason =
            "a server runs on n2 that is not the cluster's (the cluster has not promoted this node): it would hold the "
            + "port; stop it first"
        #expect(
            switchover.begin(isDry: isDry, hasAgent: true, at: at(0))
                == [.say("Not possible: \(reason)."), .finish(isDone: false)])
    }

    @Test func aDryRunTouchesNothing() {
        var switchover = switchover()
        let actions = switchover.begin(isDry: true, hasAgent: true, at: at(0))
        let saidOnly = actions.allSatisfy {
            switch $0 {
            case .say, .plan(to: "n2"), .wake: true
            case .pause, .count, .move, .clear, .resume, .finish, .plan: false
            }
        }
        #expect(saidOnly && actions.count == 5)
        #expect(
            switchover.planAnswered(isDone: true, text: "crm_resource --move") == [
                .say("The agent would run: crm_resource --move."), .finish(isDone: true),
            ])
        #expect(switchover.planAnswered(isDone: true, text: "again").isEmpty)
    }

    @Test func aDryRunSaysWhatTheAgentWouldRefuse() {
        var refused = switchover()
        _ = refused.begin(isDry: true, hasAgent: true, at: at(0))
        #expect(
            refused.planAnswered(isDone: false, text: "n2 is in standby in the cluster") == [
                .say("The agent would refuse: n2 is in standby in the cluster."), .finish(isDone: false),
            ])
        var silent = switchover()
        _ = silent.begin(isDry: true, hasAgent: true, at: at(0))
        #expect(silent.timerFired(at: at(3000)).last == .finish(isDone: false))
    }

    @Test func whoDoesNotFinishInTimeStopsIt() {
        var switchover = begun()
        #expect(switchover.drained(open: 2, at: at(999)) == [.count(after: .milliseconds(10))])
        let actions = switchover.drained(open: 2, at: at(1000))
        #expect(actions.contains(.resume) && actions.last == .finish(isDone: false))
        #expect(!actions.contains(.clear(isSettled: false)))
    }

    @Test func aRefusedMoveIsTakenBack() {
        var switchover = moving()
        let actions = switchover.moveAnswered(isDone: false, text: "no such resource", at: at(100))
        #expect(actions.first == .say("The cluster was not asked: no such resource."))
        expectTakenBack(&switchover, actions)
    }

    /// Statements flow at once; it is over when the preference is gone, or nobody says so.
    private func expectTakenBack(_ switchover: inout Switchover, _ actions: [Switchover.Action]) {
        let (cleared, resumed) = (actions.firstIndex(of: .clear(isSettled: false)), actions.firstIndex(of: .resume))
        #expect(cleared != nil && resumed != nil)
        var (refused, silent) = (switchover, switchover)
        #expect(
            switchover.clearAnswered(isDone: true, text: "done") == [
                .say("Taken back: the cluster prefers nobody."), .finish(isDone: false),
            ])
        let doubt = "What the cluster was told to prefer may still be there"
        for said in [refused.clearAnswered(isDone: false, text: "no quorum"), silent.timerFired(at: at(200_000))] {
            guard case .say(let sentence) = said.first else { Issue.record("\(said)"); continue }
            #expect(sentence.hasPrefix(doubt) && said.last == .finish(isDone: false))
        }
        #expect(switchover.isFinished && refused.isFinished && silent.isFinished)
    }

    @Test func aPreferenceThatMustStayIsSaid() {
        var switchover = moving()
        _ = switchover.changed(view(b, 5), at: at(3000))
        #expect(
            switchover.clearAnswered(isDone: true, text: "the preference stays") == [
                .say("Done: the preference stays."), .finish(isDone: true),
            ])
    }

    @Test func aMoveThatDoesNotEndIsTakenBack() {
        var switchover = moving()
        #expect(switchover.timerFired(at: at(5030)) == [.wake(after: .seconds(5))])
        let actions = switchover.timerFired(at: at(10_030))
        expectTakenBack(&switchover, actions)
    }

    @Test func anOldPrimaryThatComesBackIsNoSuccess() {
        var switchover = moving()
        let actions = switchover.changed(view(a, 5), at: at(3000))
        expectTakenBack(&switchover, actions)
    }

    @Test func aPrimaryLostWhileItDrainsEndsIt() {
        var switchover = begun()
        let actions = switchover.changed(view(nil, 4, .lost), at: at(100))
        #expect(actions.contains(.resume) && actions.last == .finish(isDone: false))
    }

    @Test func anAdministratorsResumeEndsIt() {
        var first = begun()
        #expect(first.cancelled("resumed", at: at(10)).contains(.resume))
        var second = moving()
        #expect(second.cancelled("resumed", at: at(50)).contains(.clear(isSettled: false)))
        #expect(second.cancelled("again", at: at(60)).last == .finish(isDone: false))
        var third = switchover()
        #expect(third.cancelled("resumed", at: at(50)).isEmpty)
    }
}
