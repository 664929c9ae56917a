import Cluster
import Foundation

/// Hostile clients and nodes against a real proxy with a real server behind it, round after round, each of them out of
/// a seed; beside them honest sessions. After every round everything must be as it was before.
public final class Fuzzer {
    /// What a round is made of.
    public enum Weather: String, Sendable, CaseIterable {
        /// Hostile clients.
        case clients
        /// A node that lies, in the sessions of one account.
        case nodes
        /// Hostile clients while the server is killed and started again.
        case outage
        /// Hostile clients while an administrator pauses and resumes.
        case pauses
    }

    /// What was not as promised, and what led to it.
    public struct Finding: Error, CustomStringConvertible {
        public let seed: UInt64
        public let faults: [String]
        /// Where the scripts, what went over the connections and the proxy's log are.
        public let directory: String

        public var description: String {
            (["seed \(seed): see \(directory)"] + faults.map { "  \($0)" }).joined(separator: "\n")
        }
    }

    public struct Figures: Sendable {
        public var rounds: [Weather: Int] = [:]
        public var connections = 0
        public var bytesSent = 0
        public var bytesReceived = 0
        public var statements = 0
        public var longestWait: Duration = .zero
        public var damagedAnswers = 0
    }

    /// Without an induced outage an honest statement is answered within this, on a machine that is busy with a storm, or
    /// within as much more as one past the proxy took.
    static let answerMax = Duration.seconds(8)
    /// Everything that a storm left is gone within this.
    static let settleMax = Duration.seconds(25)
    private static let clientsAtOnce = 24
    /// Honest sessions that stay, with state of every kind.
    private static let idleCount = 3

    private let pair: EmbeddedPair
    private let relay: HostileRelay
    private let second: HostileNode
    private let proxy: ProxyProcess
    private let idle: [IdleSession]
    private let directory: String
    private var restingDescriptors = 0
    private let stalls = MachineStalls()
    public private(set) var figures = Figures()

    /// Starts everything.
    ///
    /// - Parameters:
    ///   - seed: of the second node; the rounds have their own.
    ///   - directory: where findings go.
    public init(seed: UInt64, directory: String, program: String? = nil) throws {
        self.directory = directory
        pair = try EmbeddedPair()
        try pair.start()
        relay = try HostileRelay(to: pair.primary.port, victim: HostileScript.victim)
        second = try HostileNode(seed: seed)
        proxy = try ProxyProcess(
            nodes: [relay.port, second.port], holdTimeout: "60s", proxy: ["login_timeout = \"5s\"", "workers = 2"],
            program: program)
        let root = try pair.asRoot(schema: EmbeddedPair.schema)
        defer { root.close() }
        try Load.makeTables(root)
        for statement in HostileScript.accounts { try root.query(statement) }
        try proxy.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
        let port = proxy.port
        idle = try (0..<Self.idleCount).map { number in
            try IdleSession(
                Client(
                    port: port, user: EmbeddedPair.application.user, password: EmbeddedPair.application.password,
                    schema: EmbeddedPair.schema), number: number)
        }
        // What is allocated once, at the first sessions, is not counted.
        _ = try storm(seed: 0, kinds: HostileScript.Kind.allCases)
        guard let resting = try settled(nil) else { throw TestbedFailure("the proxy does not come to rest") }
        restingDescriptors = resting
    }

    /// One round; throws a ``Finding``.
    public func round(seed: UInt64) throws -> Weather {
        var random = SplitMix64(seed)
        let draw = random.next() % 10
        let weather: Weather = draw < 5 ? .clients : draw < 8 ? .nodes : draw < 9 ? .outage : .pauses
        let outagesBefore = try outages()
        let canaries = Canaries(
            port: proxy.port, direct: pair.primary.port, round: Int(seed % 1000), isCut: weather == .outage)
        var faults: [String] = []
        var transcripts: [(HostileScript, HostileClient.Transcript?)] = []
        var deeds: [String] = []
        var induced: Duration = .zero
        let begun = ContinuousClock.now
        do {
            try canaries.start()
            let kinds: [HostileScript.Kind]
            switch weather {
            case .clients, .outage, .pauses:
                kinds = HostileScript.Kind.allCases.filter { $0 != .victim } + [.any, .any, .any]
            case .nodes:
                kinds = [.victim, .victim, .victim, .any]
                relay.damage(seed: random.next())
            }
            let trouble = try Trouble(weather, pair, proxy, random.next())
            transcripts = try storm(seed: random.next(), kinds: kinds)
            induced = try trouble.end()
            deeds = relay.deeds
            relay.repent()
            let report = try canaries.stop { try pair.direct() }
            faults += judge(report, weather, induced, stalled: stalls.since(begun))
            for session in idle { try session.check() }
            if try settled(restingDescriptors) == nil { faults.append(try unsettled()) }
            faults += try blame(weather, outagesBefore)
            figures.statements += report.statements
            figures.longestWait = max(figures.longestWait, report.longest)
        } catch {
            faults.append("\(error)")
        }
        if !proxy.isRunning { faults.append("the proxy \(proxy.wait(.zero).map(\.description) ?? "?")") }
        figures.rounds[weather, default: 0] += 1
        figures.damagedAnswers += deeds.count
        guard faults.isEmpty else { throw try record(seed, weather, faults, transcripts, deeds) }
        return weather
    }

    /// Ends everything; what is left of a proxy that ended in order is looked at by its sanitizer. Faults.
    public func end() -> [String] {
        idle.forEach { $0.close() }
        let end = proxy.stop(grace: .seconds(30))
        relay.close()
        second.close()
        pair.stop()
        return end == .exited(0) ? [] : ["the proxy \(end.map(\.description) ?? "does not end"): \(proxy.logTail())"]
    }

    // MARK: the storm

    private func storm(
        seed: UInt64, kinds: [HostileScript.Kind]
    ) throws -> [(HostileScript, HostileClient.Transcript?)] {
        var random = SplitMix64(seed)
        let scripts = (0..<(Self.clientsAtOnce * 2)).map { _ in
            HostileScript(seed: random.next(), kind: kinds[Int(random.next() % UInt64(kinds.count))])
        }
        let next = Watched(0)
        let results = Watched<[Int: HostileClient.Transcript?]>([:])
        let port = proxy.port
        for _ in 0..<Self.clientsAtOnce {
            let thread = Thread {
                while true {
                    let mine = next.change { next in
                        defer { next += 1 }
                        return next
                    }
                    guard mine < scripts.count else { return }
                    let transcript = HostileClient.run(scripts[mine], port: port)
                    results.update { $0[mine] = .some(transcript) }
                }
            }
            thread.stackSize = 1 << 20
            thread.start()
        }
        guard let all = results.wait(.seconds(180), until: { $0.count == scripts.count }) else {
            throw TestbedFailure("hostile clients still run after three minutes")
        }
        figures.connections += scripts.count
        for case let transcript?? in all.values {
            figures.bytesSent += transcript.bytesSent
            figures.bytesReceived += transcript.bytesReceived
        }
        return scripts.enumerated().map { ($1, all[$0] ?? nil) }
    }

    // MARK: the judges

    private func judge(
        _ report: Canaries.Report, _ weather: Weather, _ induced: Duration, stalled: Duration
    ) -> [String] {
        var faults = report.faults
        for (error, count) in report.errors {
            // What a failover may say of a write or a transaction; nothing else, and nothing without one.
            let isTold = weather == .outage && (error.saysRolledBack || error.saysUnknown)
            if !isTold { faults.append("an honest session got \(error), \(count) times") }
        }
        if report.sessionsLost > 0 { faults.append("\(report.sessionsLost) honest sessions were lost") }
        let answerMax = Self.answerMax + induced + stalled + report.longestDirect
        if report.longest > answerMax {
            faults.append(
                "an honest statement waited \(report.longest) (max \(answerMax); directly \(report.longestDirect))")
        }
        return faults
    }

    /// Nothing that clients, or a node in one account's sessions, do says anything about the node.
    private func blame(_ weather: Weather, _ before: Int) throws -> [String] {
        let found = try outages() - before
        let allowed = weather == .outage ? 1 : 0
        guard found > allowed else { return [] }
        return ["\(found) outages, \(allowed) induced:\n\(try proxy.admin("show outages"))"]
    }

    private func outages() throws -> Int {
        proxy.log.components(separatedBy: " lost: ").count - 1
    }

    /// Descriptors, once all sessions but the honest ones are gone and the node has no thread of theirs either; nil
    /// when that does not come to be.
    private func settled(_ descriptors: Int?) throws -> Int? {
        let root = try pair.asRoot()
        defer { root.close() }
        let deadline = ContinuousClock.now + Self.settleMax
        while ContinuousClock.now < deadline {
            let threads = try root.query(Self.threadsLeft).first
            let sessions = try value("CurrConns", of: "show info")
            if threads == "0", sessions == Self.idleCount, let now = proxy.statistics?.descriptors,
                descriptors == nil || now <= (descriptors ?? 0) + 4
            {
                return now
            }
            usleep(50_000)
        }
        return nil
    }

    private static let threadsLeft = """
        SELECT COUNT(*) FROM information_schema.processlist
        WHERE user IN ('\(HostileScript.hostile)', '\(HostileScript.victim)', '\(HostileScript.relayed)')
        """

    private func unsettled() throws -> String {
        let root = try pair.asRoot()
        defer { root.close() }
        let threads = try root.query(
            "SELECT id, user, command, state, LEFT(info, 80) FROM information_schema.processlist WHERE user <> 'root'")
        return """
            not as before after \(Self.settleMax): \(proxy.statistics?.descriptors ?? -1) descriptors, \
            \(restingDescriptors) at rest
            \(try proxy.admin("show sessions"))
            \(threads.rows.map { $0.map { $0 ?? "-" }.joined(separator: " ") }.joined(separator: "\n"))
            """
    }

    private func value(_ name: String, of command: String) throws -> Int? {
        for line in try proxy.admin(command).split(separator: "\n") where line.hasPrefix(name + ": ") {
            return Int(line.dropFirst(name.count + 2))
        }
        return nil
    }

    // MARK: a finding

    private func record(
        _ seed: UInt64, _ weather: Weather, _ faults: [String],
        _ transcripts: [(HostileScript, HostileClient.Transcript?)], _ deeds: [String]
    ) throws -> Finding {
        let path = "\(directory)/seed-\(seed)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
        }
        try write("faults", (["\(weather.rawValue), seed \(seed)"] + faults).joined(separator: "\n") + "\n")
        try write("proxy.log", proxy.log)
        try write("node", deeds.joined(separator: "\n") + "\n")
        for (number, (script, transcript)) in transcripts.enumerated() {
            let steps = script.steps.map { String(String(describing: $0).prefix(2000)) }
            try write(
                String(format: "client-%02d", number),
                (["\(script.kind.rawValue), seed \(script.seed)"] + steps + ["", "went:"]
                    + (transcript?.lines ?? ["no connection"]))
                    .joined(separator: "\n") + "\n")
        }
        return Finding(seed: seed, faults: faults, directory: path)
    }
}

/// What is done to the server and to the proxy while a storm is on.
private final class Trouble {
    private let result = Watched<Result<Duration, any Error>?>(nil)

    init(_ weather: Fuzzer.Weather, _ pair: EmbeddedPair, _ proxy: ProxyProcess, _ seed: UInt64) throws {
        var random = SplitMix64(seed)
        let first = Double(random.next() % 1500) / 1000
        let second = Double(random.next() % 1000) / 1000
        let result = self.result
        switch weather {
        case .clients, .nodes: result.set(.success(.zero))
        case .outage:
            Thread.detachNewThread {
                result.set(
                    Result {
                        Thread.sleep(forTimeInterval: first)
                        let begun = ContinuousClock.now
                        pair.primary.crash()
                        Thread.sleep(forTimeInterval: second)
                        try pair.primary.start()
                        return ContinuousClock.now - begun
                    })
            }
        case .pauses:
            Thread.detachNewThread {
                result.set(
                    Result {
                        var longest = Duration.zero
                        for _ in 0..<3 {
                            Thread.sleep(forTimeInterval: first / 3)
                            let begun = ContinuousClock.now
                            _ = try proxy.admin("pause")
                            Thread.sleep(forTimeInterval: second)
                            _ = try proxy.admin("resume")
                            longest = max(longest, ContinuousClock.now - begun)
                        }
                        return longest
                    })
            }
        }
    }

    /// How long nobody could be answered.
    func end() throws -> Duration {
        guard let done = result.wait(.seconds(120), until: { $0 != nil }), let done else {
            throw TestbedFailure("the induced outage does not end")
        }
        return try done.get()
    }
}
