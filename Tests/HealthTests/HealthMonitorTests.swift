import Cluster
import Testing

@testable import Health

@Suite struct HealthMonitorTests {
    @Test func aStartElectsOnceEveryNodeWasAsked() {
        var cockpit = Cockpit()
        #expect(cockpit.planned == [a: 0, b: 0])
        cockpit.writable(a, 5)
        #expect(cockpit.view.primary == nil)
        #expect(cockpit.view.diagnosis == .starting)
        cockpit.finished(b, .refused, 8)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.generation == Generation(1))
        #expect(cockpit.view.phase == .ready)
        #expect(cockpit.view.diagnosis == nil)
        #expect(cockpit.view.since == at(8))
        #expect(cockpit.view.nodes.map(\.role) == [.primary, .standby])
        #expect(cockpit.view.nodes.map(\.health) == [.up, .down])
        #expect(
            cockpit.notes.last
                == "n1 is primary, generation 1: answers, writable (server 1 on host0, 10.11.19-MariaDB).")
    }

    @Test func aQuietClusterPublishesNothingAndIsAskedEverySecond() {
        var cockpit = Cockpit.running()
        let published = cockpit.published.count
        let notes = cockpit.notes.count
        for second in 1...20 as ClosedRange<Int64> {
            cockpit.writable(a, second * 1000)
            #expect(cockpit.latest == [.probe(a, after: .seconds(1))])
            cockpit.finished(b, .refused, second * 1000 + 1)
            #expect(cockpit.latest == [.probe(b, after: .seconds(1))])
        }
        #expect(cockpit.published.count == published)
        #expect(cockpit.notes.count == notes)
    }

    @Test func aCrashIsDecidedByTheLostConnectionAndOneRefusal() {
        var cockpit = Cockpit.running()
        cockpit.connectionLost(a, 500)
        #expect(cockpit.view.nodes[0].health == .falling)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.planned[a] == 500)
        cockpit.finished(a, .refused, 501)
        #expect(cockpit.view.primary == nil)
        #expect(cockpit.view.diagnosis == .primaryLost)
        #expect(cockpit.view.phase == .lost)
        #expect(cockpit.view.generation == Generation(1))
        // From now on everyone is asked every 50 ms.
        #expect(cockpit.planned == [a: 551, b: 551])
        #expect(
            cockpit.notes.suffix(2) == [
                "n1 is down: connection refused.",
                "No primary (primaryLost): n1 down, connection refused; n2 down, connection refused.",
            ])
        cockpit.finished(b, .refused, 552)
        #expect(cockpit.planned[b] == 602)

        // The first answer of the other node is the new primary, at once.
        cockpit.writable(b, 3000, connection: 4)
        #expect(cockpit.published.last?.primary == b)
        #expect(cockpit.view.generation == Generation(2))
        #expect(cockpit.planned[b] == 4000)
    }

    @Test func withoutALostConnectionTwoRefusalsAreNeeded() {
        var cockpit = Cockpit.running()
        cockpit.finished(a, .refused, 1000)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.planned[a] == 1100)
        cockpit.finished(a, .refused, 1100)
        #expect(cockpit.view.primary == nil)
    }

    @Test func aRestartInPlaceIsANewGenerationEvenIfTheNodeNeverWasDown() {
        var cockpit = Cockpit.running()
        cockpit.connectionLost(a, 500)
        cockpit.writable(a, 900, connection: 3, startedAt: 600)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.generation == Generation(2))
        #expect(cockpit.view.since == at(900))
        #expect(cockpit.notes.last?.hasPrefix("n1 is primary again with a restarted server, generation 2") == true)
    }

    @Test func aNewConnectionToTheSameServerIsNoNewGeneration() {
        var cockpit = Cockpit.running()
        cockpit.connectionLost(a, 500)
        cockpit.writable(a, 510, connection: 77, startedAt: -1_000_000 + 1500)
        #expect(cockpit.view.generation == Generation(1))
        #expect(cockpit.view.nodes[0].health == .up)
    }

    @Test func whatTellsARestart() {
        let before = facts(a, connection: 50, startedAt: 0)
        #expect(!before.isRestart(of: before))
        #expect(!facts(a, connection: 51, startedAt: 2_900).isRestart(of: before))
        #expect(facts(a, connection: 51, startedAt: 3_100).isRestart(of: before))
        #expect(facts(a, connection: 51, startedAt: -3_100).isRestart(of: before))
        #expect(facts(a, connection: 49, startedAt: 0).isRestart(of: before))
        #expect(facts(a, connection: 50, startedAt: 1).isRestart(of: before))
        #expect(facts(b, connection: 51, startedAt: 0).isRestart(of: before))
    }

    @Test func aSwapThatIsSeenWholeGoesFromOneToTheOther() {
        var cockpit = Cockpit.running()
        cockpit.finished(a, .starting(code: 1053, message: "Server shutdown in progress"), 1000)
        cockpit.finished(a, .starting(code: 1053, message: "Server shutdown in progress"), 1100)
        #expect(cockpit.view.diagnosis == .recovering)
        #expect(cockpit.view.phase == .recovering)
        cockpit.finished(a, .refused, 1150)
        #expect(cockpit.view.diagnosis == .primaryLost)
        cockpit.writable(b, 1200)
        #expect(cockpit.view.primary == b)
        #expect(cockpit.published.map(\.generation.rawValue).max() == 2)
    }

    @Test func twoWritableNodesAreNobodyUntilOneIsGone() {
        var cockpit = Cockpit.running()
        cockpit.writable(b, 1000)
        // Contested: the present one is asked at once, and only then it is decided.
        #expect(cockpit.view.primary == a)
        #expect(cockpit.planned[a] == 1000)
        cockpit.writable(a, 1002)
        #expect(cockpit.view.primary == nil)
        #expect(cockpit.view.diagnosis == .twoPrimaries)
        cockpit.writable(b, 1052)
        cockpit.writable(a, 1053)
        #expect(cockpit.view.diagnosis == .twoPrimaries)
        // One failure is not gone yet.
        cockpit.finished(a, .refused, 1100)
        #expect(cockpit.view.diagnosis == .twoPrimaries)
        cockpit.finished(a, .refused, 1150)
        // The other one was there beside it: it is not the one that follows.
        #expect(cockpit.view.diagnosis == .strayServer)
        cockpit.writable(b, 1200)
        #expect(cockpit.view.diagnosis == .strayServer)
        cockpit.writable(b, 3000, connection: 3, startedAt: 2000)
        #expect(cockpit.view.primary == b)
        #expect(cockpit.view.generation == Generation(2))
    }

    @Test func aPowerCutIsNotTakenForTwoPrimaries() {
        var cockpit = Cockpit.running()
        // n1 hangs without a word; n2 is promoted before n1's check gives up.
        cockpit.writable(b, 2500)
        #expect(cockpit.view.primary == a)
        cockpit.finished(a, .timeout, 3000)
        #expect(cockpit.view.primary == b)
        #expect(cockpit.view.generation == Generation(2))
        // The old claim does not come between.
        cockpit.writable(b, 3100)
        cockpit.finished(a, .timeout, 5100)
        cockpit.finished(a, .timeout, 7200)
        #expect(cockpit.view.primary == b)
        #expect(cockpit.view.nodes[0].health == .down)
        #expect(!cockpit.published.contains { $0.diagnosis == .twoPrimaries })
    }

    @Test func aBusyPresentPrimaryBesideANewcomerIsDecidedWithoutAskingForEver() {
        var cockpit = Cockpit.running()
        cockpit.writable(b, 1000)
        cockpit.finished(a, .busy(code: 1040, message: "Too many connections"), 1001)
        #expect(cockpit.view.diagnosis == .twoPrimaries)
        #expect(cockpit.planned[a] == 1051)
    }

    @Test func aReadOnlyPrimaryIsNoneAndComesBackAsANewGeneration() {
        var cockpit = Cockpit.running()
        cockpit.finished(a, .readOnly(facts(a)), 1000)
        #expect(cockpit.view.diagnosis == .primaryReadOnly)
        #expect(cockpit.view.nodes[0].health == .up)
        #expect(cockpit.view.nodes[0].role == .standby)
        cockpit.writable(a, 1050)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.generation == Generation(2))
    }

    @Test func aStallShorterThanItsTimeKeepsThePrimaryAndReportsIt() {
        var cockpit = Cockpit.running()
        cockpit.finished(a, .timeout, 3000)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.nodes[0].health == .falling)
        #expect(cockpit.published.last?.nodes[0].health == .falling)
        #expect(
            cockpit.view.nodes[0].lastCheck
                == "no answer in time, last answer 2.9s ago; stays primary until 15.0s of silence")
        #expect(cockpit.wakeAt == 15_010)
        cockpit.finished(a, .timeout, 5100)
        cockpit.finished(a, .timeout, 7200)
        cockpit.writable(a, 12_000)
        #expect(cockpit.view.nodes[0].health == .up)
        #expect(cockpit.view.generation == Generation(1))
        // The timer of that stall fires late and finds nothing to do.
        cockpit.woke(15_010)
        #expect(cockpit.latest.isEmpty)
        #expect(cockpit.view.primary == a)
    }

    @Test func aLongerStallEndsThePrimaryAtItsTime() {
        var cockpit = Cockpit.running()
        cockpit.connectionLost(a, 900)
        cockpit.finished(a, .timeout, 3000)
        #expect(cockpit.wakeAt == 15_010)
        cockpit.woke(15_009)
        #expect(cockpit.latest == [.wake(after: .milliseconds(1))])
        cockpit.woke(15_010)
        #expect(cockpit.view.primary == nil)
        #expect(cockpit.view.diagnosis == .primaryLost)
        #expect(cockpit.view.nodes[0].health == .down)
    }

    @Test func aRefusedCheckAccountIsBorneLikeSilenceAndThenNamed() {
        var cockpit = Cockpit.running()
        let denied = ProbeResult.loginDenied(code: 1045, message: "Access denied")
        cockpit.finished(a, denied, 1000)
        #expect(cockpit.view.primary == a)
        // Not ten times a second: each is a line in the server's log.
        #expect(cockpit.planned[a] == 2000)
        cockpit.finished(a, denied, 14_000)
        #expect(cockpit.view.primary == a)
        cockpit.finished(a, denied, 15_100)
        #expect(cockpit.view.primary == nil)
        cockpit.finished(a, denied, 16_100)
        #expect(cockpit.view.diagnosis == .checkAccountRefused)
    }

    @Test func tooManyConnectionsIsNotDown() {
        var cockpit = Cockpit.running()
        for step in 1...5 as ClosedRange<Int64> {
            cockpit.finished(a, .busy(code: 1040, message: "Too many connections"), step * 1000)
        }
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.nodes[0].health == .up)
    }

    @Test func aNewServerThatIsTooBusyIsNotElectedUnseen() {
        var cockpit = Cockpit.running()
        cockpit.finished(a, .refused, 1000)
        cockpit.finished(a, .refused, 1100)
        cockpit.finished(b, .busy(code: 1135, message: "Can't create a new thread"), 1150)
        #expect(cockpit.view.diagnosis == .recovering)
        cockpit.finished(b, .busy(code: 1040, message: "Too many connections"), 1200)
        #expect(cockpit.view.primary == nil)
        #expect(cockpit.view.diagnosis == .serverFull && cockpit.view.cautions == [.serverFull])
        cockpit.writable(b, 1300)
        #expect(cockpit.view.primary == b && cockpit.view.cautions.isEmpty)
    }

    @Test func aNameThatIsNotResolvedIsSaidOnceWithItsNode() {
        var cockpit = Cockpit()
        for millisecond in [5, 55, 105] as [Int64] { cockpit.finished(b, .unresolved("no such name"), millisecond) }
        cockpit.writable(a, 110)
        #expect(cockpit.view.primary == a && cockpit.view.cautions == [.nameUnresolved])
        #expect(cockpit.view.nodes.map(\.cautions) == [[], [.nameUnresolved]])
        #expect(cockpit.notes.count { $0.hasPrefix("n2: its name can't be resolved: no such name") } == 1)
        cockpit.finished(b, .refused, 1200)
        #expect(cockpit.notes.last == "The name of n2 is resolved." && cockpit.view.cautions.isEmpty)
    }

    @Test func sessionsThatWaitForASeatAreACautionAndDecideNothing() {
        var cockpit = Cockpit.running()
        cockpit.isFull(a, 500)
        #expect(cockpit.view.cautions == [.serverFull] && cockpit.published.last?.cautions == [.serverFull])
        cockpit.writable(a, 1000)
        #expect(cockpit.view.primary == a && cockpit.view.cautions == [.serverFull])
        cockpit.isFull(nil, 1500)
        #expect(cockpit.view.cautions.isEmpty && cockpit.view.generation == Generation(1))
    }

    @Test func aStormOfEvidenceIsOneCheck() {
        var cockpit = Cockpit.running()
        var probes = 0
        for _ in 0..<500 {
            cockpit.observed(a, .refused, 500)
            probes += cockpit.latest.count { $0 == .probe(a, after: .zero) }
        }
        #expect(probes == 1)
        #expect(cockpit.view.nodes[0].health == .falling)
        #expect(cockpit.view.primary == a)
        // Proved wrong: not followed again at once.
        cockpit.writable(a, 501)
        #expect(cockpit.view.nodes[0].health == .up)
        let notes = cockpit.notes.count
        for step in 502...600 as ClosedRange<Int64> {
            cockpit.observed(a, .refused, step)
            #expect(cockpit.latest.isEmpty)
        }
        #expect(cockpit.notes.count == notes)
        cockpit.observed(a, .refused, 602)
        #expect(cockpit.latest.contains(.probe(a, after: .zero)))
    }

    // MARK: one session's connection

    @Test func aLostConnectionBlamesNobodyBeforeALoginHasBeenTried() {
        var cockpit = Cockpit.running()
        let notes = cockpit.notes.count
        for step in 0..<500 as Range<Int64> {
            cockpit.observed(a, .lost, 500 + step)
            #expect(cockpit.latest == [.tryLife(a)])
        }
        #expect(cockpit.notes.count == notes)
        #expect(cockpit.view.nodes[0].health == .up)
    }

    @Test func theSameLifeProvesThatTheConnectionAloneEnded() {
        var cockpit = Cockpit.running(life: ServerLife(number: 7))
        cockpit.lifeTried(a, .alive(ServerLife(number: 7)), 510)
        #expect(cockpit.latest == [.livesOn(a, Generation(1))])
        #expect(cockpit.view.nodes[0].health == .up)
    }

    @Test(
        "another life, none that is told, or no login is a suspicion, and proves nothing",
        arguments: [
            .alive(ServerLife(number: 8)), .alive(nil), .failed(.refused), .failed(.lost), .failed(.timeout),
            .failed(.busy(code: 1040, message: "Too many connections")),
        ] as [LifeTrialResult])
    func noProof(_ result: LifeTrialResult) {
        var cockpit = Cockpit.running(life: ServerLife(number: 7))
        cockpit.lifeTried(a, result, 510)
        #expect(!cockpit.latest.contains(.livesOn(a, Generation(1))))
        #expect(cockpit.latest.contains(.probe(a, after: .zero)))
        #expect(cockpit.view.nodes[0].health == .falling)
    }

    @Test func aServerThatDoesNotTellItsLifeProvesNothing() {
        var cockpit = Cockpit.running()
        cockpit.lifeTried(a, .alive(ServerLife(number: 7)), 510)
        #expect(cockpit.latest.contains(.probe(a, after: .zero)))
    }

    @Test func anotherLifeIsARestartHoweverHighItsConnectionIDs() {
        var cockpit = Cockpit.running(life: ServerLife(number: 7))
        cockpit.writable(a, 600, connection: 900, life: ServerLife(number: 7))
        #expect(cockpit.view.generation == Generation(1))
        cockpit.writable(a, 700, connection: 901, life: ServerLife(number: 8))
        #expect(cockpit.view.generation == Generation(2))
    }

    @Test func whatUUIDShortTells() {
        // Server 1, started at second 1795856597 of its clock, asked for the 17th time.
        let asked = UInt64(1) << 56 | UInt64(1_795_856_597) << 24 | 17
        #expect(ServerLife(uuidShort: asked) == ServerLife(uuidShort: asked + 1_000_000))
        #expect(ServerLife(uuidShort: asked) != ServerLife(uuidShort: asked + 1 << 24))
    }

    @Test func evidenceAloneNeverEndsAPrimary() {
        var cockpit = Cockpit.running { $0.fall = 1 }
        for step in 0..<1000 as Range<Int64> {
            for evidence in [TrafficEvidence.refused, .lost, .notPrimary] { cockpit.observed(a, evidence, 500 + step) }
            cockpit.connectionLost(a, 500 + step)
        }
        #expect(cockpit.view.primary == a)
    }

    @Test func anAnswerThatItIsNotPrimaryIsLookedInto() {
        var cockpit = Cockpit.running()
        cockpit.observed(a, .notPrimary, 300)
        #expect(cockpit.latest == [.probe(a, after: .zero)])
        cockpit.finished(a, .readOnly(facts(a)), 302)
        #expect(cockpit.view.diagnosis == .primaryReadOnly)
    }

    @Test func aCheckConnectionThatIsAlwaysLostIsNotFollowedInACircle() {
        var cockpit = Cockpit.running()
        cockpit.connectionLost(a, 500)
        cockpit.writable(a, 501, connection: 6)
        cockpit.connectionLost(a, 502)
        #expect(cockpit.latest == [.probe(a, after: .milliseconds(100))])
    }

    @Test func aFlappingStandbyDoesNotTouchThePrimary() {
        var cockpit = Cockpit.running { $0.rise = 2 }
        for step in 0..<10 as Range<Int64> {
            cockpit.finished(b, .readOnly(facts(b)), 100 * step + 20)
            cockpit.finished(b, .refused, 100 * step + 60)
        }
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.generation == Generation(1))
        #expect(cockpit.view.nodes[1].health == .down)
    }

    @Test func riseHoldsANewPrimaryBack() {
        var cockpit = Cockpit.running { $0.rise = 3 }
        cockpit.finished(a, .refused, 1000)
        cockpit.finished(a, .refused, 1100)
        cockpit.writable(b, 1200)
        #expect(cockpit.view.nodes[1].health == .rising)
        #expect(cockpit.view.diagnosis == .recovering)
        cockpit.writable(b, 1250)
        #expect(cockpit.view.primary == nil)
        cockpit.writable(b, 1300)
        #expect(cockpit.view.primary == b)
    }

    @Test func anAdministratorTakesThePrimaryOutAndBack() {
        var cockpit = Cockpit.running()
        cockpit.administered(a, .drain, 100)
        #expect(cockpit.view.primary == nil)
        #expect(cockpit.view.diagnosis == .administrative)
        #expect(cockpit.view.nodes[0].administrative == .drain)
        #expect(cockpit.view.nodes[0].health == .up)
        cockpit.administered(a, .drain, 110)
        #expect(cockpit.latest.isEmpty)
        cockpit.administered(a, .ready, 200)
        #expect(cockpit.view.primary == a)
        // The same server: connections to it, and the transactions open on them, are as good as before.
        #expect(cockpit.view.generation == Generation(1))
    }

    @Test func aPrimaryThatDiedWhileItWasTakenOutIsANewOne() {
        var cockpit = Cockpit.running()
        cockpit.administered(a, .drain, 100)
        cockpit.finished(a, .refused, 200)
        cockpit.finished(a, .refused, 300)
        #expect(cockpit.view.primary == nil)
        cockpit.administered(a, .ready, 400)
        cockpit.writable(a, 500)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.generation == Generation(2))
    }

    @Test func aNodeThatIsNotThereIsNoEvent() {
        var cockpit = Cockpit.running()
        let before = cockpit.view
        for node in [NodeID(2), NodeID(-1)] {
            cockpit.finished(node, .refused, 100)
            #expect(cockpit.latest.isEmpty)
            cockpit.observed(node, .lost, 100)
            cockpit.connectionLost(node, 100)
            cockpit.administered(node, .drain, 100)
            #expect(cockpit.latest.isEmpty)
        }
        #expect(cockpit.view == before)
    }
}
