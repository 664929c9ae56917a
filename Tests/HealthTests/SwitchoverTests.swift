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

    private func switchover(to target: NodeID = b, _ view: ClusterView? = nil) -> Switchover {
        let plan = Switchover.Plan(target: target, drainTimeout: .seconds(1), moveTimeout: .seconds(10))
        return Switchover(plan, view: view ?? self.view(a))
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
                .say("Statements flow again after a pause of 4.0s."), .clear, .finish(isDone: true),
            ])
        #expect(switchover.isFinished)
        #expect(switchover.timerFired(at: at(20_000)).isEmpty)
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

    @Test func aDryRunTouchesNothing() {
        var switchover = switchover()
        let actions = switchover.begin(isDry: true, hasAgent: true, at: at(0))
        let saidOnly = actions.allSatisfy {
            switch $0 {
            case .say, .finish(isDone: true): true
            case .pause, .count, .move, .clear, .resume, .wake, .finish(isDone: false): false
            }
        }
        #expect(saidOnly && actions.count == 4)
    }

    @Test func whoDoesNotFinishInTimeStopsIt() {
        var switchover = begun()
        #expect(switchover.drained(open: 2, at: at(999)) == [.count(after: .milliseconds(10))])
        let actions = switchover.drained(open: 2, at: at(1000))
        #expect(actions.contains(.resume) && actions.last == .finish(isDone: false))
        #expect(!actions.contains(.clear))
    }

    @Test func aRefusedMoveIsTakenBack() {
        var switchover = moving()
        let actions = switchover.moveAnswered(isDone: false, text: "no such resource", at: at(100))
        #expect(actions.first == .say("The cluster was not asked: no such resource."))
        #expect(actions.contains(.clear) && actions.contains(.resume) && actions.last == .finish(isDone: false))
        #expect(switchover.isFinished)
    }

    @Test func aMoveThatDoesNotEndIsTakenBack() {
        var switchover = moving()
        #expect(switchover.timerFired(at: at(5030)) == [.wake(after: .seconds(5))])
        let actions = switchover.timerFired(at: at(10_030))
        #expect(actions.contains(.clear) && actions.contains(.resume) && actions.last == .finish(isDone: false))
    }

    @Test func anOldPrimaryThatComesBackIsNoSuccess() {
        var switchover = moving()
        let actions = switchover.changed(view(a, 5), at: at(3000))
        #expect(actions.contains(.clear) && actions.contains(.resume) && actions.last == .finish(isDone: false))
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
        #expect(second.cancelled("resumed", at: at(50)).contains(.clear))
        var third = switchover()
        #expect(third.cancelled("resumed", at: at(50)).isEmpty)
    }
}
