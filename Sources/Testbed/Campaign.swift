import Cluster
import Foundation

/// Induced outages of random lengths under load, and the availability log held against what the clients felt.
public struct Campaign: Sendable {
    /// What is done to the cluster.
    public enum Cause: String, Sendable, CaseIterable {
        /// `kill -9`, and the standby started late.
        case kill
        /// `kill -9`, and the same node started again.
        case restart
        /// SIGSTOP and SIGCONT of the server.
        case freeze
        /// The same for longer than a silent primary is waited for.
        case longFreeze
        case pause
        case readOnly
        /// The primary in drain, and back.
        case drain
        // Overlapping in cause:
        /// SIGSTOP, then `kill -9`, then the standby.
        case freezeThenKill
        /// `kill -9`, the standby started and killed again before it is ready, the first node started.
        case standbyKilledToo
        /// `kill -9`, a pause in the middle, the standby, and then the end of the pause.
        case pauseMeanwhile
        /// A pause, and the primary killed in it; the standby; the end of the pause.
        case killWhilePaused
        /// `kill -9`, waiting sessions ended by an administrator, the standby.
        case sessionsEnded

        /// What the log is to call it.
        var kinds: [String] {
            switch self {
            case .kill, .freezeThenKill, .pauseMeanwhile, .sessionsEnded, .killWhilePaused: ["failover", "fallback"]
            case .restart, .standbyKilledToo: ["restart"]
            // The same server has the role again, which never stopped.
            case .freeze, .longFreeze, .readOnly: ["disturbance"]
            case .pause, .drain: ["pause"]
            }
        }

        var isPlanned: Bool {
            switch self {
            case .pause, .drain, .killWhilePaused: true
            case .kill, .restart, .freeze, .longFreeze, .readOnly, .freezeThenKill, .standbyKilledToo, .pauseMeanwhile,
                .sessionsEnded:
                false
            }
        }
    }

    public struct Incident: Sendable {
        public var cause: Cause
        /// Seconds, as near as it can be had: a server takes its time to start.
        public var length: Double

        public init(_ cause: Cause, _ length: Double) {
            self.cause = cause
            self.length = length
        }
    }

    /// An incident, what the clients felt of it, and what the log says.
    public struct Finding: Sendable {
        public var incident: Incident?
        public var observed: Observers.Outage?
        public var recorded: AvailabilityLog.Outage?
        /// What is not as it should be, one sentence each.
        public var faults: [String] = []
    }

    public struct Outcome: Sendable {
        public var findings: [Finding] = []
        public var faults: [String] = []
        public var observedUserMinutes = 0.0
        public var recordedUserMinutes = 0.0
        /// Waits of all clients that nothing was done for, shorter than ``hiccupMax``: the machine's own.
        public var hiccups = 0
        public var statements = 0

        public var isSound: Bool { faults.isEmpty && findings.allSatisfy(\.faults.isEmpty) }
        public var userMinutesRatio: Double { recordedUserMinutes / max(observedUserMinutes, 1e-9) }
    }

    public var incidents: [Incident]
    public var clients: [(Observers.Kind, Int)] = [(.selects, 16), (.inserts, 6), (.transactions, 3), (.connects, 2)]
    /// Sessions that ask nothing, and are not affected.
    public var idle = 5
    /// Seconds between an incident's end and the next.
    public var rest = 2.5
    /// Seconds by which begin and end may differ.
    public var tolerance = 0.1
    /// Share by which the user minutes of all incidents may differ.
    public var userMinutesTolerance = 0.02
    public static let hiccupMax = 0.4

    public init(_ incidents: [Incident]) { self.incidents = incidents }

    /// All causes, most of them several times, with lengths from 0.2 to 30 s, in an order that the seed decides.
    public init(outages: Int, seed: UInt64) {
        var random = SplitMix64(seed)
        func between(_ low: Double, _ high: Double) -> Double {
            low + (high - low) * Double(random.next() >> 11) / Double(1 << 53)
        }
        // The first of these are in every campaign, however small.
        let plan: [(Cause, ClosedRange<Double>)] = [
            (.kill, 1.5...3), (.freeze, 0.2...0.3), (.pause, 0.2...0.3), (.readOnly, 0.4...1), (.drain, 0.3...1),
            (.restart, 1.5...4), (.freezeThenKill, 3...6), (.standbyKilledToo, 3...6), (.pauseMeanwhile, 4...8),
            (.sessionsEnded, 2...5), (.longFreeze, 17...20), (.kill, 25...30), (.pause, 4...9), (.freeze, 0.4...1),
            (.kill, 1.5...8), (.readOnly, 1...4), (.pause, 0.2...1), (.freeze, 2...8), (.drain, 1...4),
            (.restart, 2...8), (.killWhilePaused, 2...5), (.freeze, 0.2...0.5), (.kill, 2...4), (.pause, 0.3...2),
            (.freezeThenKill, 2...4),
        ]
        incidents = (0..<outages).map { n in
            let (cause, range) = plan[n % plan.count]
            return Incident(cause, between(range.lowerBound, range.upperBound))
        }
        for i in incidents.indices.reversed() where i > 0 {
            incidents.swapAt(i, Int(random.next() % UInt64(i + 1)))
        }
    }

    // MARK: running it

    /// - Parameters:
    ///   - pair: started, and the proxy's.
    ///   - say: told what happens, for people.
    public func run(
        _ pair: EmbeddedPair, _ proxy: ProxyProcess, _ log: AvailabilityLog, say: (String) -> Void = { _ in }
    ) throws -> Outcome {
        let root = try pair.asRoot(schema: EmbeddedPair.schema)
        try Load.makeTables(root)
        root.close()
        let sessions = try (0..<idle).map { number in try IdleSession(proxy.connect(), number: number) }
        let observers = Observers(clients, port: proxy.port)
        try observers.start()
        say("\(observers.count) clients loop statements, \(idle) hold a session and wait")
        wait(rest)
        var times: [(began: Int64, ended: Int64)] = []
        for (number, incident) in incidents.enumerated() {
            say(
                "\(number + 1) of \(incidents.count): \(incident.cause.rawValue), "
                    + String(format: "%.2f s", incident.length))
            let began = Observers.now()
            try induce(incident, pair, proxy)
            try observers.waitUntilServed(since: Observers.now())
            times.append((began, Observers.now()))
            wait(rest)
        }
        try observers.stop()
        // The last second is written when it is over.
        let report = try log.wait { report in
            report.totals["answered"] ?? 0 > 0 && report.outages.allSatisfy { $0.over }
        }
        wait(1.5)
        var outcome = Self.compare(
            incidents, times, observers.outages(), try log.read() ?? report, tolerance: tolerance,
            userMinutesTolerance: userMinutesTolerance)
        outcome.statements = observers.turns
        for session in sessions {
            do { try session.check() } catch { outcome.faults.append("\(error)") }
        }
        if proxy.log.contains("do not add up") { outcome.faults.append("the proxy says that its counters are off") }
        return outcome
    }

    private func induce(_ incident: Incident, _ pair: EmbeddedPair, _ proxy: ProxyProcess) throws {
        let length = incident.length
        switch incident.cause {
        case .kill:
            pair.failPrimary()
            wait(length - startTime)
            try pair.startStandby()
        case .restart:
            pair.failPrimary()
            wait(length - startTime)
            try pair.primary.start()
        case .freeze, .longFreeze:
            pair.primary.freeze()
            wait(length)
            pair.primary.thaw()
        case .pause:
            try ask(proxy, "pause")
            wait(length)
            try ask(proxy, "resume")
        case .readOnly:
            let root = try pair.asRoot()
            defer { root.close() }
            try root.query("SET GLOBAL read_only = 1")
            wait(length)
            try root.query("SET GLOBAL read_only = 0")
        case .drain:
            let server = "mariadb/\(pair.primary.name)"
            try ask(proxy, "set server \(server) state drain")
            wait(length)
            try ask(proxy, "set server \(server) state ready")
        case .freezeThenKill:
            pair.primary.freeze()
            wait(length / 2)
            pair.failPrimary()
            wait(length / 2 - startTime)
            try pair.startStandby()
        case .standbyKilledToo:
            pair.failPrimary()
            wait(length / 2)
            try pair.launchStandby()
            // Far from accepting logins.
            wait(0.1)
            pair.failPrimary()
            wait(length / 2 - startTime)
            try pair.startStandby()
        case .pauseMeanwhile:
            pair.failPrimary()
            wait(length / 3)
            try ask(proxy, "pause")
            try pair.startStandby()
            wait(length / 3)
            try ask(proxy, "resume")
        case .killWhilePaused:
            try ask(proxy, "pause wait 10s")
            pair.failPrimary()
            wait(length - 2 * startTime)
            try pair.startStandby()
            try proxy.admin("show cluster", within: .seconds(30)) { $0.contains(pair.primary.name) }
            try ask(proxy, "resume")
        case .sessionsEnded:
            pair.failPrimary()
            wait(length / 2)
            for id in try Self.sessionIDs(proxy).prefix(4) { try ask(proxy, "shutdown session \(id)") }
            wait(length / 2 - startTime)
            try pair.startStandby()
        }
    }

    /// From the start of a server on these files to its first login, about.
    private let startTime = 0.6

    private func wait(_ seconds: Double) { Thread.sleep(forTimeInterval: max(0, seconds)) }

    private func ask(_ proxy: ProxyProcess, _ command: String) throws { _ = try proxy.admin(command) }

    private static func sessionIDs(_ proxy: ProxyProcess) throws -> [String] {
        try proxy.admin("show sessions").split(separator: "\n").compactMap { line in
            guard let id = line.split(separator: " ").first, let number = UInt32(id), number > 1_000_000_000,
                line.contains("held")
            else { return nil }
            return String(id)
        }
    }

    // MARK: what came of it

    static func compare(
        _ incidents: [Incident], _ times: [(began: Int64, ended: Int64)], _ observed: [Observers.Outage],
        _ report: AvailabilityLog.Report, tolerance: Double, userMinutesTolerance: Double
    ) -> Outcome {
        var outcome = Outcome()
        var recorded = report.outages.filter(\.isOfInterest)
        var felt = observed
        func near(_ outage: Observers.Outage) -> Int? {
            recorded.indices.filter { abs(recorded[$0].began - Double(outage.began) / 1e9) < max(tolerance, 0.5) }
                .min {
                    abs(recorded[$0].began - Double(outage.began) / 1e9)
                        < abs(recorded[$1].began - Double(outage.began) / 1e9)
                }
        }
        for (incident, time) in zip(incidents, times) {
            var finding = Finding(incident: incident)
            // What began in its time; the longest, should the machine have stumbled as well.
            let mine = felt.indices.filter { felt[$0].ended >= time.began && felt[$0].began <= time.ended }
            if let longest = mine.max(by: { felt[$0].length < felt[$1].length }) {
                let outage = felt.remove(at: longest)
                finding.observed = outage
                if let i = near(outage) { finding.recorded = recorded.remove(at: i) }
                finding.judge(tolerance)
            } else {
                finding.faults.append("the clients felt nothing")
            }
            outcome.findings.append(finding)
        }
        for outage in felt {
            var finding = Finding(incident: nil, observed: outage)
            if let i = near(outage) {
                finding.recorded = recorded.remove(at: i)
                finding.judge(tolerance)
            } else if outage.length < hiccupMax, outage.errors == 0, outage.losses == 0 {
                outcome.hiccups += 1
                continue
            } else {
                finding.faults.append("felt, and not in the log")
            }
            outcome.findings.append(finding)
        }
        for outage in recorded {
            outcome.findings.append(
                Finding(
                    incident: nil, observed: nil, recorded: outage,
                    faults: ["in the log, and not felt: \(outage.kind) of \(outage.seconds) s at \(outage.began)"]))
        }
        outcome.observedUserMinutes = outcome.findings.reduce(0) { $0 + ($1.observed?.userMinutes ?? 0) }
        outcome.recordedUserMinutes = outcome.findings.reduce(0) { $0 + ($1.recorded?.userMinutesLost ?? 0) }
        if abs(outcome.userMinutesRatio - 1) > userMinutesTolerance {
            outcome.faults.append(
                String(
                    format: "%.4f user minutes in the log, %.4f felt", outcome.recordedUserMinutes,
                    outcome.observedUserMinutes))
        }
        if !report.isBalanced { outcome.faults.append("the totals do not add up: \(report.totals)") }
        if !report.gaps.isEmpty { outcome.faults.append("the log has gaps: \(report.gaps)") }
        return outcome
    }
}

extension Campaign.Finding {
    public var beginOff: Double? {
        off {
            $0.began
        } recorded: {
            $0.began
        }
    }
    public var endOff: Double? {
        off {
            $0.ended
        } recorded: {
            $0.ended
        }
    }

    private func off(
        _ felt: (Observers.Outage) -> Int64, recorded: (AvailabilityLog.Outage) -> Double
    ) -> Double? {
        guard let observed, let row = self.recorded else { return nil }
        return recorded(row) - Double(felt(observed)) / 1e9
    }

    fileprivate mutating func judge(_ tolerance: Double) {
        guard let observed, let row = recorded, let beginOff, let endOff else {
            faults.append("not in the log")
            return
        }
        func expect(_ isTrue: Bool, _ sentence: String) { if !isTrue { faults.append(sentence) } }
        expect(abs(beginOff) <= tolerance, "begin off by \(milliseconds(beginOff))")
        expect(abs(endOff) <= tolerance, "end off by \(milliseconds(endOff))")
        expect(row.over && !row.interrupted, "it is not over")
        expect(row.delay == (row.seconds > 1), "delay view: \(row.delay)")
        if row.lostGeneration > 0 {
            let parts = row.phases.reduce(0) { $0 + ($1.seconds ?? 0) }
            expect(abs(parts - row.seconds) < 0.005, "its phases are \(parts) s of \(row.seconds)")
        }
        guard let incident else { return }
        expect(incident.cause.kinds.contains(row.kind), "it is called \(row.kind)")
        expect(row.planned == incident.cause.isPlanned, "planned: \(row.planned)")
        let isMove = incident.cause.kinds.contains("failover")
        if isMove || incident.cause == .restart {
            expect(!row.from.isEmpty && (row.from != row.to) == isMove, "from \(row.from) to \(row.to)")
            expect(
                row.lostGeneration > 0 && row.gainedGeneration > row.lostGeneration,
                "generations \(row.lostGeneration) -> \(row.gainedGeneration)")
            expect(isMove ? row.moved > 0 : row.reconnected > 0, "no session moved")
            expect(row.cause == "primaryLost" || row.planned, "cause \(row.cause)")
            expect(row.diagnoses.contains("primaryLost") || row.diagnoses.contains("recovering"), "no diagnosis")
        }
        // Whose session an administrator ends comes again as another one, and is one of two users.
        let isSame = incident.cause != .sessionsEnded
        if isSame {
            expect(row.failed == observed.errors, "\(row.failed) failed, \(observed.errors) errors felt")
            // A user is a session: a client whose connection is new each time may have been two of them, and one that
            // waited for less than the others may not have noticed.
            expect(
                abs(row.usersAffected - observed.users) <= 2, "\(row.usersAffected) users, \(observed.users) felt it")
            expect(row.errors == (observed.errors > 0), "errors view: \(row.errors)")
        }
    }

    private func milliseconds(_ seconds: Double) -> String { String(format: "%.0f ms", seconds * 1000) }
}
