import Cluster
import Testing

@testable import Health

/// What is told, and what is not decided, where a server is well and gives the check's account no new session.
@Suite struct LoginTroubleTests {
    private static let troubles: [(ProbeResult, Diagnosis)] = [
        (.loginDenied(code: 1045, message: "Access denied"), .checkAccountRefused),
        (.passwordWithheld(plugin: "dialog"), .passwordAsked),
        (.initConnectFailed("init_connect command failed"), .initConnectFails),
        (.hostBlocked("Host is blocked"), .hostBlocked),
        (.accountLimited(code: 1226, message: "no more"), .checkAccountLimited),
        (.proxy, .nodeIsProxy),
    ]

    @Test(arguments: troubles) func aLoginBesideTheCheckWarnsAndDecidesNothing(
        _ result: ProbeResult, _ trouble: Diagnosis
    ) {
        var cockpit = Cockpit.running()
        cockpit.loginTried(a, result, 500)
        #expect(cockpit.view.cautions == [trouble])
        #expect(cockpit.published.last?.cautions == [trouble])
        #expect(cockpit.notes.last == "A login of the check's account on n1 fails: \(result.sentence).")
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.nodes[0].health == .up)
        // The check's own connection lives, and says nothing about the next login.
        cockpit.writable(a, 1000)
        #expect(cockpit.view.cautions == [trouble])
        cockpit.loginTried(a, nil, 10_500)
        #expect(cockpit.view.cautions.isEmpty)
        #expect(cockpit.published.last?.cautions == [])
        #expect(cockpit.notes.last == "Logins of the check's account on n1 are well again.")
        #expect(cockpit.view.generation == Generation(1))
    }

    @Test func aNewConnectionOfTheCheckIsALoginThatWentWell() {
        var cockpit = Cockpit.running()
        cockpit.loginTried(a, .initConnectFailed("init_connect command failed"), 500)
        cockpit.writable(a, 1000, connection: 9)
        #expect(cockpit.view.cautions.isEmpty)
        #expect(cockpit.view.generation == Generation(1))
    }

    @Test func aProxyIsNoServerAndTheOthersOutagesAreItsOwn() {
        var cockpit = Cockpit.running()
        for second in 1...20 as ClosedRange<Int64> { cockpit.finished(b, .proxy, second * 1000) }
        #expect(cockpit.view.primary == a && cockpit.view.generation == Generation(1))
        #expect(cockpit.view.cautions == [.nodeIsProxy])
        #expect(cockpit.view.nodes[1].health == .down && cockpit.view.nodes[1].lastCheck.contains("[[node]] address"))
        // Its server, if there is one, can't be seen; what the address led to before says nothing of one that is.
        cockpit.finished(a, .refused, 21_000)
        cockpit.finished(a, .refused, 21_050)
        #expect(cockpit.view.diagnosis == .nodeIsProxy)
        cockpit.writable(b, 22_000)
        #expect(cockpit.view.primary == b && cockpit.view.cautions.isEmpty)
    }

    @Test func theSameTroubleIsToldOnceAMinute() {
        var cockpit = Cockpit.running()
        let before = cockpit.notes.count
        for second in 1...50 as ClosedRange<Int64> {
            cockpit.finished(b, second % 2 == 0 ? .passwordWithheld(plugin: "dialog") : .refused, second * 1000)
        }
        #expect(cockpit.notes.count == before + 1)
        cockpit.finished(b, .refused, 69_000)
        cockpit.finished(b, .passwordWithheld(plugin: "dialog"), 70_000)
        #expect(cockpit.notes.count == before + 2)
    }

    @Test(arguments: troubles.filter { ![.checkAccountRefused, .passwordAsked, .nodeIsProxy].contains($0.1) })
    func aPresentPrimaryThatGivesTheCheckNoNewSessionStays(_ result: ProbeResult, _ trouble: Diagnosis) {
        var cockpit = Cockpit.running()
        cockpit.connectionLost(a, 500)
        for second in 1...40 as ClosedRange<Int64> { cockpit.finished(a, result, second * 1000) }
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.nodes[0].health == .up)
        #expect(cockpit.view.generation == Generation(1))
        #expect(cockpit.view.cautions == [trouble])
        // Not at the pace of an outage: each try is a line in the server's log.
        #expect(cockpit.latest.last == .probe(a, after: .seconds(1)))
    }

    @Test(arguments: troubles) func aNewServerThatGivesTheCheckNoSessionIsNamedAndNotElected(
        _ result: ProbeResult, _ trouble: Diagnosis
    ) {
        var cockpit = Cockpit.running()
        cockpit.finished(a, .refused, 1000)
        cockpit.finished(a, .refused, 1100)
        cockpit.finished(b, result, 1200)
        #expect(cockpit.view.primary == nil)
        #expect(cockpit.view.diagnosis == trouble)
        #expect(cockpit.view.nodes[1].lastCheck == result.sentence)
        #expect(cockpit.notes.contains { $0.hasPrefix("No primary (\(trouble.rawValue))") })
    }

    /// The cluster has promoted n2, and its server lets the check in and out again.
    @Test(arguments: troubles) func theClustersWordCountsWhereAServerCantBeAsked(
        _ result: ProbeResult, _ trouble: Diagnosis
    ) {
        var cockpit = Cockpit(agents: [true, true])
        func word(_ node: String, _ role: NodeReport.Storage.Role) -> NodeReport {
            NodeReport(
                node: node, storage: .init(role: role, disk: .upToDate, connection: .connecting),
                manager: .init(hasQuorum: true, promoted: ["n2"]))
        }
        cockpit.reported(a, word("n1", .secondary), 1)
        cockpit.reported(b, word("n2", .primary), 2)
        cockpit.finished(a, .refused, 10)
        cockpit.finished(b, result, 20)
        let isVouchedFor = trouble == .initConnectFails || trouble == .checkAccountLimited
        #expect(cockpit.view.primary == (isVouchedFor ? b : nil))
        #expect(cockpit.view.diagnosis == (isVouchedFor ? nil : trouble))
        #expect(cockpit.view.cautions.contains(trouble))
    }

    @Test func abortedLoginsAreMadeUpForByOneThatGoesWell() {
        var cockpit = Cockpit.running()
        for count in 1...Int64(LoginTrouble.abortedMax) {
            #expect(cockpit.tries.isEmpty)
            cockpit.observed(a, .loginAborted, 500 + count)
        }
        #expect(cockpit.tries == [a])
        // A storm is five logins a second.
        for millisecond in 510..<1510 as Range<Int64> { cockpit.observed(a, .loginAborted, millisecond) }
        #expect(cockpit.tries.count <= 6)
        cockpit.loginTried(a, nil, 1600)
        let count = cockpit.tries.count
        cockpit.observed(a, .loginAborted, 5000)
        #expect(cockpit.tries.count == count)
    }

    @Test func aBlockedHostIsAskedForFlushedAndForgotten() {
        var cockpit = Cockpit.running()
        for millisecond in 500..<600 as Range<Int64> { cockpit.observed(a, .hostBlocked, millisecond) }
        #expect(cockpit.tries == [a])
        #expect(cockpit.flushes.isEmpty)
        cockpit.loginTried(a, .hostBlocked("blocked"), 610)
        #expect(cockpit.flushes == [a])
        cockpit.flushed(a, .denied, 620)
        #expect(cockpit.notes.last?.contains("RELOAD") == true)
        let notes = cockpit.notes.count
        // Said once, tried again.
        cockpit.loginTried(a, .hostBlocked("blocked"), 1700)
        cockpit.flushed(a, .denied, 1710)
        #expect(cockpit.flushes == [a, a])
        #expect(cockpit.notes.count == notes)
        cockpit.loginTried(a, .hostBlocked("blocked"), 2800)
        cockpit.flushed(a, .done, 2810)
        #expect(cockpit.tries == [a, a])
        cockpit.loginTried(a, nil, 2820)
        #expect(cockpit.view.cautions.isEmpty)
        #expect(cockpit.view.primary == a)
    }
}
