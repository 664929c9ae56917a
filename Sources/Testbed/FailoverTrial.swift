import Foundation

/// Load through a proxy, `kill -9` of the primary, the standby started some seconds later on the same data; and what
/// the clients felt, held against what is promised.
public struct FailoverTrial: Sendable {
    /// What the load is, and when things happen.
    public struct Plan: Sendable {
        public var selects = 20
        public var inserts = 20
        public var transactions = 0
        public var idle = 20
        public var before = Duration.seconds(2)
        /// From the death of the primary to the start of the standby.
        public var gap = Duration.seconds(3)
        public var after = Duration.seconds(3)

        public init() {}
    }

    public struct Outcome: Sendable {
        public var selects = Load.Report()
        public var inserts = Load.Report()
        public var transactions = Load.Report()
        /// What was wrong with idle sessions afterwards, one sentence each.
        public var idleFaults: [String] = []
        public var accounting: Accounting
        /// From the kill to the first login past the proxy.
        public var clusterDown: Duration
        /// From the first login past the proxy to the first answer through it; nil when no statement was held.
        public var firstAnswerAfterLogin: Duration?

        /// The longest time that any statement took.
        public var longestPause: Duration { max(selects.longest, inserts.longest, transactions.longest) }
        public var sessionsLost: Int { selects.sessionsLost + inserts.sessionsLost + transactions.sessionsLost }
    }

    /// How long after the first login past the proxy the first answer through it may come.
    public static let firstAnswerMax = Duration.milliseconds(200)

    public var plan: Plan

    public init(_ plan: Plan = Plan()) { self.plan = plan }

    /// - Parameters:
    ///   - pair: started.
    ///   - port: the proxy's.
    ///   - say: told what happens, for people.
    public func run(_ pair: EmbeddedPair, port: UInt16, say: (String) -> Void = { _ in }) throws -> Outcome {
        let root = try pair.asRoot(schema: EmbeddedPair.schema)
        try Load.makeTables(root)
        root.close()

        let account = EmbeddedPair.application
        let idle = try (0..<plan.idle).map { number in
            try IdleSession(
                Client(port: port, user: account.user, password: account.password, schema: EmbeddedPair.schema),
                number: number)
        }
        let selects = Load(.selects, clients: plan.selects, port: port)
        let inserts = Load(.inserts, clients: plan.inserts, port: port)
        let transactions = Load(
            .transactions, clients: plan.transactions, port: port, firstNumber: 5_000_000_000)
        for load in [selects, inserts, transactions] { try load.start() }
        say(
            "\(plan.selects) clients select, \(plan.inserts) insert, \(plan.transactions) run transactions, "
                + "\(plan.idle) hold a session and wait")
        pause(plan.before)

        let killed = ContinuousClock.now
        pair.failPrimary()
        say("\(pair.primary.name) killed with -9")
        pause(plan.gap)
        let poller = DirectPoller(port: pair.standby.port)
        let launched = ContinuousClock.now
        try pair.launchStandby()
        say("\(pair.primary.name) starts on the same data")
        guard let login = poller.firstLogin() else {
            throw TestbedFailure("\(pair.primary.name) accepts no logins:\n\(pair.primary.log.suffix(2000))")
        }
        say("\(pair.primary.name) accepts logins after \(seconds(login - launched))")
        pause(plan.after)

        let reports = try [selects, inserts, transactions].map { try $0.stop() }
        let direct = try pair.direct()
        var written = reports[1]
        written.acknowledged.formUnion(reports[2].acknowledged)
        written.rolledBack.formUnion(reports[2].rolledBack)
        written.couples += reports[2].couples
        var outcome = Outcome(accounting: try Accounting(written, direct), clusterDown: login - killed)
        (outcome.selects, outcome.inserts, outcome.transactions) = (reports[0], reports[1], reports[2])
        outcome.firstAnswerAfterLogin =
            reports.compactMap { $0.firstAnswer(across: launched) }.min().map { $0 - login }
        for session in idle {
            do { try session.check() } catch { outcome.idleFaults.append("\(error)") }
        }
        return outcome
    }

    /// Lets the load run: the only waiting here that is not for an event.
    private func pause(_ length: Duration) { Thread.sleep(forTimeInterval: length.seconds) }
}

extension FailoverTrial.Outcome {
    /// The promises that do not hold, one sentence each.
    public func broken(firstAnswerMax: Duration = FailoverTrial.firstAnswerMax) -> [String] {
        var broken: [String] = []
        if selects.errorCount > 0 { broken.append("\(selects.errorCount) selects failed: \(list(selects.errors))") }
        for (name, report) in [("inserts", inserts), ("transactions", transactions)] {
            let other = report.errors.filter { !$0.key.saysRolledBack && !$0.key.saysUnknown }
            if !other.isEmpty { broken.append("\(name) failed with neither 40001 nor 08007: \(list(other))") }
        }
        if sessionsLost > 0 { broken.append("\(sessionsLost) connections were dropped") }
        if !idleFaults.isEmpty {
            broken.append("\(idleFaults.count) idle sessions: " + idleFaults.prefix(3).joined(separator: "; "))
        }
        if !accounting.lost.isEmpty { broken.append("acknowledged rows are missing: \(accounting.lost.prefix(5))") }
        if !accounting.doubled.isEmpty { broken.append("rows are there twice: \(accounting.doubled.prefix(5))") }
        if !accounting.undead.isEmpty {
            broken.append("rows said to be rolled back are there: \(accounting.undead.prefix(5))")
        }
        if !accounting.torn.isEmpty { broken.append("halves of transactions: \(accounting.torn.prefix(5))") }
        if let first = firstAnswerAfterLogin {
            if first > firstAnswerMax {
                broken.append("the first answer came \(seconds(first)) after the server accepted logins")
            }
        } else {
            broken.append("no statement was held over the failover")
        }
        return broken
    }

    private func list(_ errors: [ClientError: Int]) -> String {
        errors.sorted { $0.value > $1.value }.prefix(4).map { "\($0.value) x \($0.key)" }.joined(separator: ", ")
    }
}

/// `0.123 s`.
public func seconds(_ duration: Duration) -> String { String(format: "%.3f s", duration.seconds) }
