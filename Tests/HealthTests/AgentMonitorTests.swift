import Cluster
import Testing

@testable import Health

private func report(
    _ node: NodeID, promoted: [String], _ role: NodeReport.Storage.Role, phase: Phase? = nil
) -> NodeReport {
    NodeReport(
        node: "n\(node.rawValue + 1)", storage: .init(role: role, disk: .upToDate),
        manager: .init(promoted: promoted), phase: phase)
}

private let here = report(a, promoted: ["n1"], .primary)
private let there = report(b, promoted: ["n1"], .secondary)

@Suite struct AgentMonitorTests {
    /// n1 primary since 10 ms, both agents heard.
    private func running() -> Cockpit {
        var cockpit = Cockpit(agents: [true, true])
        cockpit.reported(a, here, 1)
        cockpit.reported(b, there, 2)
        cockpit.finished(b, .refused, 5)
        cockpit.writable(a, 10)
        return cockpit
    }

    /// Ages as a faulty or lying agent may tell them.
    @Test(arguments: [Int64.min, -1, 0, .max])
    func agesOfNoSense(_ age: Int64) {
        var cockpit = running()
        let ages = NodeReport.Ages(storage: age, generations: age, manager: age)
        for span in [Instant.Span(nanoseconds: age), .milliseconds(age)] {
            _ = cockpit.monitor.agentReported(b, there, age: span, ages: ages, at: Instant(nanoseconds: 20_000_000))
            _ = cockpit.monitor.timerFired(at: Instant(nanoseconds: 30_000_000))
            _ = cockpit.monitor.evidence
        }
        #expect(cockpit.view.primary == a)
    }

    @Test func nobodyIsElectedBeforeTheAgentsWereHeardOrGivenUp() {
        var cockpit = Cockpit(agents: [true, true])
        cockpit.finished(b, .refused, 5)
        cockpit.writable(a, 10)
        #expect(cockpit.view.diagnosis == .starting)
        cockpit.reported(a, here, 20)
        #expect(cockpit.view.diagnosis == .starting)
        cockpit.silenced(b, 30)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.cautions == [.agentSilent])
    }

    /// n1's corosync died; the cluster fences it, and promotes n2. Nothing says that n1's server is gone but the fencing:
    /// its agent was heard a moment ago, its last answer is a second old, and a check of it waits for an answer.
    private func fenced(_ gone: [String]?) -> Cockpit {
        var cockpit = running()
        cockpit.reported(a, NodeReport(node: "n1", storage: here.storage), 1000)
        cockpit.writable(a, 1000)
        var taking = report(b, promoted: [], .secondary, phase: .promoting)
        taking.manager?.gone = gone
        cockpit.reported(b, taking, 1500)
        taking = report(b, promoted: ["n2"], .primary, phase: .starting)
        taking.manager?.gone = gone
        cockpit.reported(b, taking, 1800)
        return cockpit
    }

    @Test func whoWasFencedAndIsSilentSinceHasNoClaim() {
        var cockpit = fenced(["n1"])
        #expect(cockpit.view.primary == nil)
        cockpit.writable(b, 2500)
        #expect(cockpit.view.primary == b)
        cockpit = fenced(nil)
        cockpit.writable(b, 2000)
        #expect(cockpit.view.diagnosis == .twoPrimaries)
    }

    @Test func whoIsCalledGoneHasTimeToAnswer() {
        var cockpit = fenced(["n1"])
        cockpit.writable(b, 1900)
        #expect(cockpit.view.diagnosis == .twoPrimaries)
    }

    /// The standby's agent lies: n1 is there, and its own agent says so.
    @Test func whoIsPromotedByItsOwnWordIsNotGoneByAnothers() {
        var cockpit = running()
        cockpit.writable(a, 1000)
        var lie = report(b, promoted: ["n2"], .primary)
        lie.manager?.gone = ["n1"]
        cockpit.reported(b, lie, 1500)
        cockpit.reported(a, here, 2200)
        cockpit.writable(b, 2400)
        #expect(cockpit.view.primary != b)
    }

    @Test func anAnswerAfterTheFencingProvesItWrong() {
        var cockpit = fenced(["n1"])
        cockpit.writable(a, 1900)
        cockpit.writable(b, 2000)
        #expect(cockpit.view.primary == nil)
        #expect(cockpit.view.diagnosis == .twoPrimaries)
        // Said again later, it is no newer proof.
        var again = report(b, promoted: ["n2"], .primary)
        again.manager?.gone = ["n1"]
        cockpit.reported(b, again, 2500)
        #expect(cockpit.view.diagnosis == .twoPrimaries)
    }

    /// Its server was stopped with SIGSTOP: the cluster calls it promoted until its own monitor gives up.
    @Test func aHungPrimaryIsToldOfAndKept() {
        var cockpit = running()
        for second in 1...60 as ClosedRange<Int64> {
            cockpit.reported(a, here, second * 3000 - 10)
            cockpit.reported(b, there, second * 3000 - 5)
            cockpit.finished(a, .timeout, second * 3000)
            #expect(cockpit.view.primary == a)
            #expect(cockpit.view.cautions == [.primarySilent])
        }
        let told = cockpit.notes.filter {
            $0.hasPrefix("The primary, n1, has not answered for 2.9s (no answer in time)")
        }
        #expect(told.count == 1 && told[0].contains("as long as the cluster calls it promoted"))
        #expect(cockpit.published.last?.cautions == [.primarySilent])
        cockpit.writable(a, 181_000)
        #expect(cockpit.view.cautions.isEmpty)
        #expect(cockpit.view.generation == Generation(1))
        #expect(cockpit.notes.contains("n1 answers again, after 3m00s of silence."))
    }

    @Test func agentsThatNeverSpeakCostThreeSecondsOnce() {
        var cockpit = Cockpit(agents: [true, true])
        cockpit.finished(b, .refused, 5)
        cockpit.writable(a, 10)
        #expect(cockpit.wakeAt == 3000)
        cockpit.woke(3000)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.notes.contains { $0.hasSuffix("SQL alone decides.") })
    }

    @Test func aHeartbeatPublishesNothing() {
        var cockpit = running()
        let published = cockpit.published.count
        let notes = cockpit.notes.count
        for second in 1...30 as ClosedRange<Int64> {
            cockpit.reported(a, here, second * 1000)
            cockpit.reported(b, there, second * 1000 + 1)
            if let wake = cockpit.wakeAt, wake <= second * 1000 + 1 { cockpit.woke(second * 1000 + 1) }
        }
        #expect(cockpit.published.count == published)
        #expect(cockpit.notes.count == notes)
    }

    @Test func aWordThatIsNotRepeatedIsSilence() {
        var cockpit = running()
        cockpit.woke(3002)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.cautions == [.agentSilent])
        #expect(cockpit.notes.last == "The agent of n2 is silent (nothing was heard for too long): SQL alone decides.")
        cockpit.reported(a, here, 3500)
        cockpit.reported(b, there, 3600)
        #expect(cockpit.view.cautions.isEmpty)
    }

    @Test func anOldObservationIsNotHeard() {
        var cockpit = running()
        cockpit.reported(a, here, 1000, age: 4000)
        #expect(cockpit.view.cautions.isEmpty)
        cockpit.woke(2000)
        #expect(cockpit.view.cautions == [.agentSilent])
        cockpit.reported(a, here, 2100, age: 5000)
        #expect(cockpit.view.cautions == [.agentSilent])
    }

    @Test func theNextPrimaryIsAwaitedStepByStep() {
        var cockpit = running()
        cockpit.silenced(a, 500)
        cockpit.connectionLost(a, 500)
        cockpit.finished(a, .refused, 501)
        #expect(cockpit.view.phase == .lost)
        cockpit.finished(b, .refused, 510)
        #expect(cockpit.planned[b] == 560)
        for (step, phase) in [Phase.fencing, .promoting, .mounting, .starting].enumerated() {
            let now = Int64(1000 + 100 * step)
            let promoted = phase == .fencing ? [] : ["n2"]
            cockpit.reported(
                b, report(b, promoted: promoted, promoted.isEmpty ? .secondary : .primary, phase: phase), now)
            #expect(cockpit.view.phase == phase)
            #expect(cockpit.planned[b] == now)
            cockpit.finished(b, .refused, now + 1)
            // Looked at every 20 ms.
            #expect(cockpit.planned[b] == now + 21)
        }
        cockpit.reported(b, report(b, promoted: ["n2"], .primary, phase: .ready), 1500)
        #expect(cockpit.view.phase == .recovering)
        cockpit.writable(b, 1520)
        #expect(cockpit.view.primary == b)
        #expect(cockpit.view.phase == .ready)
    }

    @Test func silenceIsAPauseAsLongAsTheClusterCallsItPromoted() {
        var cockpit = running()
        for second in stride(from: 1, through: 40, by: 2) as StrideThrough<Int64> {
            cockpit.reported(a, here, second * 1000)
            cockpit.reported(b, there, second * 1000)
            cockpit.finished(a, .timeout, second * 1000 + 1)
            if let wake = cockpit.wakeAt, wake <= second * 1000 + 1 { cockpit.woke(second * 1000 + 1) }
        }
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.nodes[0].lastCheck.hasSuffix("the cluster still calls it promoted, it stays primary"))
        // The cluster's word ends it at once.
        cockpit.reported(a, report(a, promoted: [], .secondary), 40_500)
        #expect(cockpit.view.primary == nil)
        #expect(cockpit.view.diagnosis == .primaryLost)
    }

    @Test func withoutTheClustersWordTheUsualTimeHolds() {
        var cockpit = running()
        cockpit.reported(a, here, 10_000)
        cockpit.reported(b, there, 10_000)
        cockpit.finished(a, .timeout, 11_000)
        cockpit.woke(13_000)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.wakeAt == 15_010)
        cockpit.woke(15_010)
        #expect(cockpit.view.primary == nil)
    }

    @Test func aRefusedConnectionCountsWhateverTheClusterSays() {
        var cockpit = running()
        cockpit.connectionLost(a, 500)
        cockpit.finished(a, .refused, 501)
        #expect(cockpit.view.diagnosis == .primaryLost)
    }

    @Test func aWritableNodeThatIsNotPromotedGetsNothingAndIsNotAskedInACircle() {
        var cockpit = running()
        cockpit.writable(b, 1000)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.planned[b] == 2000)
        for step in 0..<50 as Range<Int64> {
            cockpit.reported(a, here, 1001 + step)
            #expect(!cockpit.latest.contains(.probe(a, after: .zero)))
        }
    }

    private func apart(_ node: NodeID, promoted: [String], _ current: UInt64, _ past: UInt64...) -> NodeReport {
        var word = report(node, promoted: promoted, .primary)
        word.storage?.connection = .connecting
        word.storage?.generations = [DataGeneration(volume: 0, current: current, past: past)]
        return word
    }

    @Test func whatTheLastPrimaryHadIsRemembered() {
        var cockpit = running()
        cockpit.reported(a, apart(a, promoted: ["n1"], 0x30, 0x20), 100)
        cockpit.silenced(a, 500)
        cockpit.connectionLost(a, 500)
        cockpit.finished(a, .refused, 501)
        cockpit.finished(a, .refused, 510)
        // Promoted without what the other one wrote alone: primary, and the warning stands.
        cockpit.reported(b, apart(b, promoted: ["n2"], 0x40, 0x20), 1000)
        cockpit.writable(b, 1010)
        #expect(cockpit.view.primary == b)
        #expect(cockpit.view.cautions == [.agentSilent, .splitBrain])
        let pieces = cockpit.monitor.evidence.filter { $0.node == a }
        #expect(pieces.map(\.source) == [.sql, .agent, .data])
        #expect(pieces[1].says == "silent: closed" && pieces[1].observedAt == at(100))
        #expect(pieces[2].says == "last known: 0/0000000000000030:0000000000000020" && pieces[2].observedAt == at(100))
    }

    @Test func oldIdentifiersProveNothing() {
        var cockpit = running()
        let ahead = apart(a, promoted: ["n1"], 0x30, 0x20)
        cockpit.reported(a, ahead, 1000, ages: .init(storage: 0, generations: 6000, manager: 10))
        #expect(!cockpit.monitor.evidence.contains { $0.source == .data })
        cockpit.reported(a, ahead, 1000, ages: .init(storage: 0, generations: 4000, manager: 10))
        #expect(cockpit.monitor.evidence.contains { $0.source == .data && $0.observedAt == at(-3000) })
    }

    @Test func everyPieceHasItsDate() {
        var cockpit = running()
        cockpit.reported(a, here, 1000, age: 200, ages: .init(storage: 1, manager: 200))
        cockpit.writable(a, 1100)
        let pieces = cockpit.monitor.evidence.filter { $0.node == a }
        #expect(pieces.map(\.source) == [.sql, .agent, .drbd, .pacemaker])
        #expect(pieces.map(\.observedAt) == [at(1100), at(800), at(999), at(800)])
        #expect(pieces[3].says == "promoted: n1; quorum")
    }

    @Test func aNodeWithoutAgentIsNoEvent() {
        var cockpit = Cockpit.running()
        cockpit.silenced(a, 100)
        #expect(cockpit.latest.isEmpty)
        cockpit.reported(NodeID(7), here, 100)
        #expect(cockpit.latest.isEmpty)
    }
}
