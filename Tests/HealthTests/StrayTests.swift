import Cluster
import Testing

@testable import Health

/// Writable servers that are not the cluster's, and the cluster's own ones that look much like them.
@Suite struct StrayTests {
    // MARK: by what the proxy has seen itself

    /// What was seen of n2 while n1 was primary, until n1's server was gone.
    private enum Before: CaseIterable {
        case refused
        /// No way to the host.
        case unheard
        /// A replica.
        case readOnly
        /// Writable, and n1 proved to be writable after that.
        case beside
        /// Writable for a moment before n1 went.
        case lately
    }

    /// Which server answers there afterwards, as writable.
    private enum After: CaseIterable {
        /// The one of before; where none had answered, one that was there all the time.
        case same
        /// One that has started since.
        case new
    }

    /// Where its redo log ends.
    private enum Log: CaseIterable { case untold, behind, ahead }

    private static let combinations: [(Before, After, Log)] = Before.allCases.flatMap { before in
        After.allCases.flatMap { after in Log.allCases.map { (before, after, $0) } }
    }

    private static func expected(_ before: Before, _ after: After, _ log: Log) -> NodeID? {
        switch (before, after, log) {
        // Has data of its own, and somebody has made it writable.
        case (.readOnly, .same, _), (.readOnly, .new, _): b
        case (.beside, .same, _), (.unheard, .same, _), (.lately, .same, _): nil
        // Nothing listened there: it has started since, whatever its uptime says of it.
        case (.refused, .same, .behind), (_, .new, .behind): nil
        case (.refused, .same, .untold), (.refused, .same, .ahead), (_, .new, .untold), (_, .new, .ahead): b
        }
    }

    private func server(
        _ node: NodeID, life: UInt64, startedAt: Int64, lsn: UInt64?
    ) -> ServerFacts {
        var facts = facts(node, connection: life * 10, startedAt: startedAt, life: ServerLife(number: life))
        facts.flushedLSN = lsn
        return facts
    }

    @Test(arguments: combinations.indices)
    func whoMayFollow(_ index: Int) {
        let (before, after, log) = Self.combinations[index]
        var cockpit = Cockpit()
        let first = server(a, life: 1, startedAt: -5000, lsn: 1000)
        let lsn: UInt64? = log == .untold ? nil : log == .behind ? 900 : 1100
        let old = server(b, life: 2, startedAt: -5000, lsn: lsn)
        cockpit.finished(a, .writable(first), 1)
        switch before {
        case .refused: cockpit.finished(b, .refused, 2)
        case .unheard: cockpit.finished(b, .timeout, 2)
        case .readOnly: cockpit.finished(b, .readOnly(old), 2)
        case .beside, .lately: cockpit.finished(b, .timeout, 2)
        }
        #expect(cockpit.view.primary == a)
        cockpit.finished(a, .writable(first), 1000)
        if before == .beside {
            cockpit.finished(b, .writable(old), 1100)
            cockpit.finished(a, .writable(first), 1101)
            #expect(cockpit.view.diagnosis == .twoPrimaries)
            #expect(cockpit.view.cautions == [.strayServer])
            #expect(cockpit.view.nodes[1].stray == "it was writable while n1 was the primary")
            #expect(cockpit.view.nodes[0].stray == nil)
        }
        if before == .lately { cockpit.finished(b, .writable(old), 1100) }
        cockpit.finished(a, .refused, 1200)
        cockpit.finished(a, .refused, 1300)
        let new = server(b, life: 3, startedAt: 1250, lsn: lsn)
        let present = after == .same ? old : new
        for step in 0..<40 as Range<Int64> { cockpit.finished(b, .writable(present), 1400 + step * 1000) }
        let expected = Self.expected(before, after, log)
        #expect(cockpit.view.primary == expected, "\(before), \(after), \(log): \(cockpit.notes.last ?? "")")
        #expect(cockpit.view.diagnosis == (expected == nil ? .strayServer : nil))
        #expect(cockpit.view.cautions.contains(.strayServer) == (expected == nil))
        let told = cockpit.notes.filter { $0.hasPrefix("A stray server is writable on n2") }
        // Once for each run of a server.
        let wasTold = before == .beside || before == .lately
        #expect(told.count == (wasTold ? 1 : 0) + (expected == nil && !(wasTold && after == .same) ? 1 : 0), "\(told)")
        guard expected == nil else { return }

        // What ends it: it is gone and another one comes; it is read-only for once; an administrator's word.
        var restarted = cockpit
        restarted.finished(b, .refused, 50_000)
        restarted.finished(b, .writable(server(b, life: 9, startedAt: 50_100, lsn: 1200)), 51_000)
        #expect(restarted.view.primary == b)
        #expect(restarted.view.cautions.isEmpty)
        var turned = cockpit
        turned.finished(b, .readOnly(present), 50_000)
        turned.finished(b, .writable(present), 50_100)
        #expect(turned.view.primary == b)
        var vouched = cockpit
        vouched.administered(b, .ready, 50_000)
        #expect(vouched.view.primary == b)
        #expect(vouched.view.generation == Generation(2))
        // The right one is back: the stray does not come between.
        cockpit.finished(b, .refused, 50_000)
        cockpit.finished(b, .refused, 50_100)
        cockpit.finished(a, .writable(server(a, life: 4, startedAt: 50_000, lsn: 900)), 50_200)
        #expect(cockpit.view.primary == a)
    }

    /// A pair whose roles an administrator turns around: both servers run all the time.
    @Test func aReplicaThatWasMadeWritableIsElectedAtOnce() {
        var cockpit = Cockpit()
        cockpit.finished(a, .writable(server(a, life: 1, startedAt: -9_000_000, lsn: 5000)), 1)
        cockpit.finished(b, .readOnly(server(b, life: 2, startedAt: -9_000_000, lsn: 100)), 2)
        for turn in 1...6 as ClosedRange<Int64> {
            let (from, to) = turn % 2 == 1 ? (a, b) : (b, a)
            let (old, new): (UInt64, UInt64) = turn % 2 == 1 ? (1, 2) : (2, 1)
            cockpit.finished(from, .readOnly(server(from, life: old, startedAt: -9_000_000, lsn: 100)), turn * 1000)
            cockpit.finished(to, .writable(server(to, life: new, startedAt: -9_000_000, lsn: 100)), turn * 1000 + 10)
            #expect(cockpit.view.primary == to)
        }
        #expect(!cockpit.notes.contains { $0.contains("stray") })
    }

    /// A server that is started twice within a second, with the other one primary between: both runs tell the same of
    /// themselves (`UUID_SHORT()` holds the second).
    @Test(arguments: [false, true]) func twoRunsInOneSecondAreTwo(_ isSeenRefused: Bool) {
        var cockpit = Cockpit()
        cockpit.finished(a, .refused, 50)
        cockpit.finished(b, .writable(server(b, life: 2, startedAt: 0, lsn: 1000)), 100)
        #expect(cockpit.view.primary == b)
        cockpit.finished(b, .lost, 200)
        cockpit.finished(b, .refused, 210)
        cockpit.finished(a, .writable(server(a, life: 1, startedAt: 220, lsn: 1100)), 230)
        cockpit.finished(a, .writable(server(a, life: 1, startedAt: 220, lsn: 1200)), 240)
        if isSeenRefused { cockpit.finished(b, .refused, 300) }
        cockpit.finished(a, .lost, 400)
        cockpit.finished(a, .refused, 410)
        var again = server(b, life: 2, startedAt: 450, lsn: 1200)
        again.connectionID += 1
        cockpit.finished(b, .writable(again), 500)
        #expect(cockpit.view.primary == b)
    }

    /// An administrator in a hurry: the replica is made writable before the old primary is taken away.
    @Test(arguments: [false, true]) func aReplicaThatWasMadeWritableTooSoonFollows(_ crashes: Bool) {
        var cockpit = Cockpit()
        cockpit.finished(a, .writable(server(a, life: 1, startedAt: -9_000_000, lsn: 5000)), 1)
        cockpit.finished(b, .readOnly(server(b, life: 2, startedAt: -9_000_000, lsn: 100)), 2)
        cockpit.finished(b, .writable(server(b, life: 2, startedAt: -9_000_000, lsn: 100)), 1000)
        cockpit.finished(a, .writable(server(a, life: 1, startedAt: -9_000_000, lsn: 5000)), 1010)
        #expect(cockpit.view.primary == nil && cockpit.view.diagnosis == .twoPrimaries)
        if crashes {
            cockpit.finished(a, .refused, 2000)
            cockpit.finished(a, .refused, 2100)
        } else {
            cockpit.finished(a, .readOnly(server(a, life: 1, startedAt: -9_000_000, lsn: 5000)), 2000)
        }
        cockpit.finished(b, .writable(server(b, life: 2, startedAt: -9_000_000, lsn: 100)), 2200)
        #expect(cockpit.view.primary == b)
    }

    /// The check's connection was lost, and its next one says more of the redo log: that was written since.
    @Test func whatAStrayWritesItselfDoesNotMakeItRight() {
        var cockpit = Cockpit()
        cockpit.finished(a, .writable(server(a, life: 1, startedAt: -5000, lsn: 1000)), 1)
        cockpit.finished(b, .refused, 2)
        cockpit.finished(a, .refused, 1000)
        cockpit.finished(a, .refused, 1100)
        var stray = server(b, life: 2, startedAt: 1050, lsn: 900)
        cockpit.finished(b, .writable(stray), 2000)
        stray.connectionID += 1
        stray.flushedLSN = 2000
        cockpit.finished(b, .writable(stray), 3000)
        #expect(cockpit.view.diagnosis == .strayServer)
    }

    @Test func aRestartInPlaceIsHeldAgainstNothing() {
        var cockpit = Cockpit()
        cockpit.finished(a, .writable(server(a, life: 1, startedAt: -5000, lsn: 1000)), 1)
        cockpit.finished(b, .refused, 2)
        // Its data were restored from a backup.
        cockpit.finished(a, .refused, 1000)
        cockpit.finished(a, .refused, 1100)
        cockpit.finished(a, .writable(server(a, life: 2, startedAt: 2000, lsn: 500)), 3000)
        #expect(cockpit.view.primary == a)
        // And the other node's goes on from there.
        cockpit.finished(a, .refused, 4000)
        cockpit.finished(a, .refused, 4100)
        cockpit.finished(b, .writable(server(b, life: 3, startedAt: 4200, lsn: 510)), 5000)
        #expect(cockpit.view.primary == b)
    }

    @Test func aProxyThatStartsHasSeenNothing() {
        var cockpit = Cockpit()
        cockpit.finished(a, .refused, 1)
        cockpit.finished(b, .writable(server(b, life: 2, startedAt: -9_000_000, lsn: 5)), 2)
        #expect(cockpit.view.primary == b)
    }

    // MARK: by what the agents say

    /// n2's agent, after n1's server was killed.
    private struct Word {
        var promoted: [String] = []
        var role = NodeReport.Storage.Role.primary
        var phase: Phase?
        var databases: [String]? = []
        var database: NodeReport.Database? = NodeReport.Database(pidFile: "/run/m.pid", dataDirectory: "/data")
        var secondaryUntil: Int64? = 100_000

        var report: NodeReport {
            NodeReport(
                node: "n2", storage: .init(role: role, disk: .upToDate, secondaryUntil: secondaryUntil),
                manager: .init(promoted: promoted, databases: databases), database: database, phase: phase,
                phaseNode: phase == nil ? nil : "n2")
        }

        func with(_ change: (inout Word) -> Void) -> Word {
            var word = self
            change(&word)
            return word
        }

        /// The cluster's own server runs, since that second of its host's clock.
        func serving(since second: Int64?, on directory: String = "/data") -> Word {
            with {
                $0.promoted = ["n2"]
                $0.databases = ["n2"]
                $0.database?.process = .init(pid: 7, startedAt: second.map { $0 * 1000 + 300 })
                $0.database?.dataDirectory = directory
            }
        }
    }

    private func started(_ second: UInt64, in directory: String? = "/data", pidFile: String? = "/run/m.pid")
        -> ServerFacts
    {
        var facts = facts(b, startedAt: 1500, life: ServerLife(uuidShort: 2 << 56 | second << 24))
        facts.dataDirectory = directory
        facts.pidFile = pidFile
        return facts
    }

    private typealias Case = (name: String, word: Word, facts: ServerFacts, diagnosis: Diagnosis?)

    /// Of those that are not promoted, these are known to be strays as well.
    private static let straysNotPromoted = [
        "DRBD Primary, promoted nobody, promoting", "the same, before crm_mon tells of it", "demoted again",
        "Secondary",
    ]

    private func cases() -> [Case] {
        let promoting = Word(phase: .promoting)
        let starting = Word(promoted: ["n2"], phase: .starting, databases: ["n2"])
        let serving = Word(phase: .starting).serving(since: 102)
        let ready = serving.with { $0.phase = nil }
        let failed = Word(promoted: ["n2"])
        return [
            // The moment in which a stray was elected.
            ("DRBD Primary, promoted nobody, promoting", promoting, started(50), .notPromoted),
            ("the same, before crm_mon tells of it", promoting.with { $0.phase = nil }, started(50), .notPromoted),
            ("the same, the stray is younger", promoting, started(101), .notPromoted),
            ("fencing", Word(promoted: ["n2"], phase: .fencing), started(101), .recovering),
            ("mounting", Word(promoted: ["n2"], phase: .mounting), started(101), .recovering),
            (
                "mounting, and older than the promotion", Word(promoted: ["n2"], phase: .mounting), started(99),
                .strayServer
            ),
            ("starting, no process yet", starting, started(101), .recovering),
            ("starting, an agent that can't tell processes", starting.with { $0.database = nil }, started(101), nil),
            (
                "the same, older than the promotion", starting.with { $0.database = nil }, started(99), .strayServer
            ),
            (
                "an agent of before",
                Word(
                    promoted: ["n2"], phase: nil, databases: nil, database: nil, secondaryUntil: nil), started(50), nil
            ),
            ("its own process", serving, started(102), nil),
            (
                "its own process, of which crm_mon knows nothing yet", serving.with { $0.phase = .mounting },
                started(102), nil
            ),
            ("its own process, slow to begin", serving, started(110), nil),
            ("another one of before", serving, started(101), .strayServer),
            ("another one, long after", serving, started(120), .strayServer),
            ("its own process, of which the start is not known", Word().serving(since: nil), started(120), nil),
            ("ready", ready, started(102), nil),
            ("ready, and another one of before", ready, started(101), .strayServer),
            ("ready, and no process is found", ready.with { $0.database?.process = nil }, started(102), nil),
            ("other files", serving, started(102, in: "/var/lib/mysql"), .strayServer),
            ("another pid file", serving, started(102, pidFile: "/tmp/m.pid"), .strayServer),
            ("the same paths otherwise written", serving, started(102, in: "/data/", pidFile: "/var/run/m.pid"), nil),
            ("a server that tells no paths", serving, started(102, in: nil, pidFile: nil), nil),
            ("not on the device", serving.with { $0.database?.isOnDevice = false }, started(102), .strayServer),
            ("on the device", serving.with { $0.database?.isOnDevice = true }, started(102), nil),
            ("the cluster's own failed to start", failed, started(101), .strayServer),
            (
                "the same, an agent that can't tell processes", failed.with { $0.database = nil }, started(101),
                .strayServer
            ),
            ("demoted again", failed.with { $0.promoted = [] }, started(101), .notPromoted),
            ("Secondary", Word(promoted: ["n1"], role: .secondary), started(50), .notPromoted),
        ]
    }

    /// n1 was primary and its server is gone; n2 answers as writable, and its agent says that.
    private func cockpit(_ word: Word, _ facts: ServerFacts) -> Cockpit {
        var cockpit = Cockpit(agents: [true, true])
        let first = NodeReport(
            node: "n1", storage: .init(role: .primary, disk: .upToDate),
            manager: .init(promoted: ["n1"], databases: ["n1"]))
        cockpit.reported(a, first, 1)
        cockpit.reported(
            b, NodeReport(node: "n2", storage: .init(role: .secondary, disk: .upToDate), manager: first.manager), 2)
        cockpit.finished(b, .refused, 3)
        cockpit.writable(a, 4)
        #expect(cockpit.view.primary == a)
        cockpit.finished(a, .refused, 1000)
        cockpit.finished(a, .refused, 1100)
        var gone = first
        gone.storage?.role = .secondary
        gone.manager?.promoted = word.promoted
        gone.manager?.databases = word.databases
        gone.phase = word.phase
        gone.phaseNode = word.phase == nil ? nil : "n2"
        cockpit.reported(a, gone, 2000)
        cockpit.reported(b, word.report, 2001)
        cockpit.finished(b, .writable(facts), 2010)
        return cockpit
    }

    @Test func whatTheAgentKnowsDecides() {
        for each in cases() {
            let cockpit = cockpit(each.word, each.facts)
            #expect(cockpit.view.diagnosis == each.diagnosis, "\(each.name)")
            #expect(cockpit.view.primary == (each.diagnosis == nil ? b : nil), "\(each.name)")
            let isStray = each.diagnosis == .strayServer || Self.straysNotPromoted.contains(each.name)
            #expect(cockpit.view.cautions.contains(.strayServer) == isStray, "\(each.name)")
            #expect((cockpit.view.nodes[1].stray != nil) == isStray, "\(each.name)")
        }
    }

    /// A stray was seen beside the primary, and then the cluster starts its own server there.
    @Test func theClustersOwnServerIsRightWhereverAStrayWas() {
        var cockpit = Cockpit(agents: [true, true])
        let first = NodeReport(
            node: "n1", storage: .init(role: .primary, disk: .upToDate),
            manager: .init(promoted: ["n1"], databases: ["n1"]))
        cockpit.reported(a, first, 1)
        cockpit.reported(
            b, NodeReport(node: "n2", storage: .init(role: .secondary, disk: .upToDate), manager: first.manager), 2)
        cockpit.finished(b, .writable(started(50)), 3)
        cockpit.writable(a, 4)
        #expect(cockpit.view.primary == a)
        #expect(cockpit.view.cautions == [.strayServer])
        #expect(cockpit.view.nodes[1].stray == "the cluster has not promoted this node")
        let told = cockpit.notes.filter { $0.hasPrefix("A stray server is writable on n2") }
        #expect(told.count == 1)
        // Its own word of the stray stands when the primary is gone.
        cockpit.finished(a, .refused, 1000)
        cockpit.finished(a, .refused, 1100)
        #expect(cockpit.view.primary == nil)
        cockpit.reported(b, Word(phase: .starting).serving(since: 102).report, 2000)
        cockpit.finished(b, .writable(started(50)), 2010)
        #expect(cockpit.view.diagnosis == .strayServer)
        cockpit.finished(b, .writable(started(102).on(connection: 4)), 2020)
        #expect(cockpit.view.primary == b)
        #expect(cockpit.view.cautions.isEmpty)
    }

    /// A phase is told of another node, or of this one while it is the primary.
    @Test func aPromotionElsewhereIsNoObjection() {
        var cockpit = Cockpit(agents: [true, true])
        let first = NodeReport(node: "n1", storage: .init(role: .primary, disk: .upToDate))
        let other = NodeReport(
            node: "n2", storage: .init(role: .secondary, disk: .upToDate), manager: .init(promoted: []),
            phase: .promoting, phaseNode: "n2")
        // The proxy starts while corosync is dead on n1.
        cockpit.reported(a, first, 1)
        cockpit.reported(b, other, 2)
        cockpit.finished(b, .refused, 3)
        cockpit.writable(a, 4)
        #expect(cockpit.view.primary == a)
    }

    @Test func inMaintenanceTheAgentsBindNobody() {
        let word = Word(promoted: [])
        var report = word.report
        report.manager?.isMaintenance = true
        var cockpit = Cockpit(agents: [true, true])
        cockpit.reported(b, report, 1)
        cockpit.silenced(a, 2)
        cockpit.finished(a, .refused, 3)
        cockpit.finished(b, .writable(started(50)), 4)
        #expect(cockpit.view.primary == b)
    }
}

extension ServerFacts {
    fileprivate func on(connection id: UInt64) -> ServerFacts {
        var facts = self
        facts.connectionID = id
        return facts
    }
}
