import Foundation
import Reactor
import Synchronization

/// Honest sessions, first by themselves, then while hostile ones are at the server past the proxy, and then beside
/// hostile ones at the proxy: what the latter cost the former, and how much of that the proxy could help.
public final class HostileLoad: Sendable {
    /// One run of the honest sessions.
    public struct Run: Sendable {
        public var statements = 0
        public var errors: [String: Int] = [:]
        fileprivate var milliseconds: [Float] = []

        /// In milliseconds; 0 < share < 1.
        public func quantile(_ share: Double) -> Double {
            guard !milliseconds.isEmpty else { return 0 }
            return Double(milliseconds[min(milliseconds.count - 1, Int(Double(milliseconds.count) * share))])
        }
    }

    /// What the kernel says of the proxy.
    public struct Resources: Sendable {
        public var residentBytes: Int
        public var descriptors: Int
    }

    public struct Outcome: Sendable {
        public var quiet = Run()
        /// The hostile ones are at the server's own port: they take its time, and the machine's, but not the proxy's.
        public var past = Run()
        public var beside = Run()
        /// Hostile connections at the proxy, and what they sent and got.
        public var connections = 0
        public var bytesSent = 0
        public var bytesReceived = 0
        /// At rest before both runs, at most, and at rest after them.
        public var before = Resources(residentBytes: 0, descriptors: 0)
        public var most = Resources(residentBytes: 0, descriptors: 0)
        public var after = Resources(residentBytes: 0, descriptors: 0)
        public var faults: [String] = []
    }

    /// The honest sessions' p99 beside hostile ones may be so much higher than without.
    static let ratioMax = 2.0
    /// Or so much higher than where the same hostile ones are at the server itself: what those take of the server and of
    /// the machine, no proxy can give back.
    static let pastRatioMax = 1.5
    /// What the allocator may keep of a storm.
    static let growthMax = 32 << 20

    private let pair: EmbeddedPair
    private let proxy: ProxyProcess
    private let sessions: Int
    private let attackers: Int
    private static let kinds: [HostileScript.Kind] = [.halfLogin, .nonReader, .pipeliner, .leaver, .guesser]

    /// - Parameters:
    ///   - sessions: honest ones, each with a pause of 10 ms between statements.
    ///   - attackers: hostile ones at the same time.
    public init(pair: EmbeddedPair, proxy: ProxyProcess, sessions: Int, attackers: Int) throws {
        self.pair = pair
        self.proxy = proxy
        self.sessions = sessions
        self.attackers = attackers
        let root = try pair.asRoot(schema: EmbeddedPair.schema)
        defer { root.close() }
        try Load.makeTables(root)
        for statement in HostileScript.accounts { try root.query(statement) }
    }

    /// The three runs, of so many seconds each.
    public func run(seconds: Double, seed: UInt64, say: (String) -> Void) throws -> Outcome {
        var outcome = Outcome()
        // What is allocated once, at the first sessions, is not counted.
        _ = try honest(2, beside: {})
        _ = try storm(seconds: 3, seed: seed &+ 1_000_000, port: proxy.port)
        outcome.before = try rest(nil)
        outcome.quiet = try honest(seconds, beside: {})
        say("quiet: \(Self.line(outcome.quiet))")
        outcome.past = try honest(seconds, stormAt: pair.primary.port, seed: seed).run
        say("past the proxy: \(Self.line(outcome.past))")
        let peak = Peak(proxy)
        let stormed = try honest(seconds, stormAt: proxy.port, seed: seed)
        outcome.most = peak.end()
        outcome.beside = stormed.run
        (outcome.connections, outcome.bytesSent, outcome.bytesReceived) = stormed.figures
        say("beside: \(Self.line(outcome.beside))")
        outcome.after = try rest(outcome.before.descriptors)
        judge(&outcome)
        return outcome
    }

    /// The honest while the hostile are at that port.
    private func honest(
        _ seconds: Double, stormAt port: UInt16, seed: UInt64
    ) throws -> (run: Run, figures: (Int, Int, Int)) {
        let figures = Watched<Result<(Int, Int, Int), any Error>?>(nil)
        let run = try honest(seconds) { [self] in
            // The storm runs on threads of its own; this one only waits for its end.
            figures.set(Result { try storm(seconds: seconds, seed: seed, port: port) })
        }
        guard let done = figures.wait(.seconds(60), until: { $0 != nil }), let done else {
            throw TestbedFailure("the hostile sessions do not end")
        }
        return (run, try done.get())
    }

    private static func line(_ run: Run) -> String {
        String(
            format: "%d statements, p50 %.2f ms, p99 %.2f ms, longest %.1f ms, %d errors", run.statements,
            run.quantile(0.5), run.quantile(0.99), run.quantile(0.999_999), run.errors.values.reduce(0, +))
    }

    private func judge(_ outcome: inout Outcome) {
        for (what, run) in [("quiet", outcome.quiet), ("past the proxy", outcome.past), ("beside", outcome.beside)] {
            for (error, count) in run.errors { outcome.faults.append("\(what): \(error), \(count) times") }
        }
        let (quiet, past) = (outcome.quiet.quantile(0.99), outcome.past.quantile(0.99))
        let beside = outcome.beside.quantile(0.99)
        if beside > quiet * Self.ratioMax, beside > past * Self.pastRatioMax {
            outcome.faults.append(
                String(
                    format: "p99 %.2f ms is more than twice the quiet %.2f ms, and more than %.1f times the %.2f ms "
                        + "beside the same hostile sessions at the server itself", beside, quiet, Self.pastRatioMax,
                    past))
        }
        let growth = outcome.after.residentBytes - outcome.before.residentBytes
        if growth > Self.growthMax { outcome.faults.append("\(growth >> 20) MiB of memory are not back") }
        if outcome.after.descriptors > outcome.before.descriptors + 4 {
            outcome.faults.append(
                "\(outcome.before.descriptors) descriptors before, \(outcome.after.descriptors) after")
        }
        if proxy.log.contains(" lost: ") { outcome.faults.append("the node was blamed") }
    }

    // MARK: the honest

    private func honest(_ seconds: Double, beside: @escaping @Sendable () -> Void) throws -> Run {
        let runs = Watched<[Run]>([])
        let begun = Watched(0)
        let deadline = Watched<ContinuousClock.Instant?>(nil)
        for number in 0..<sessions {
            let thread = Thread { [port = proxy.port] in
                let run = Self.honestSession(port, number, begun, deadline)
                runs.update { $0.append(run) }
            }
            thread.stackSize = 512 << 10
            thread.start()
        }
        guard begun.wait(.seconds(30), until: { [sessions] in $0 == sessions }) != nil else {
            throw TestbedFailure("\(begun.value) of \(sessions) honest sessions could begin")
        }
        deadline.set(ContinuousClock.now + .seconds(seconds))
        Thread.detachNewThread(beside)
        guard let all = runs.wait(.seconds(seconds + 120), until: { [sessions] in $0.count == sessions }) else {
            throw TestbedFailure("honest sessions do not end")
        }
        var sum = Run()
        for run in all {
            sum.statements += run.statements
            sum.errors.merge(run.errors, uniquingKeysWith: +)
            sum.milliseconds += run.milliseconds
        }
        sum.milliseconds.sort()
        return sum
    }

    /// Reads and writes, each answer checked.
    private static func honestSession(
        _ port: UInt16, _ number: Int, _ begun: Watched<Int>, _ deadline: Watched<ContinuousClock.Instant?>
    ) -> Run {
        var run = Run()
        do {
            let client = try Client(
                port: port, user: EmbeddedPair.application.user, password: EmbeddedPair.application.password,
                schema: EmbeddedPair.schema)
            begun.update { $0 += 1 }
            guard let end = deadline.wait(.seconds(60), until: { $0 != nil }) ?? nil else { return run }
            var turn = number
            while ContinuousClock.now < end {
                turn += 1
                let id = turn % 1000 + 1
                let start = ContinuousClock.now
                if turn % 10 == 0 {
                    let rows = try client.query("INSERT INTO ledger (n) VALUES (\(turn))")
                    if rows.affectedRows != 1 { run.errors["wrong answer to an insert", default: 0] += 1 }
                } else {
                    let rows = try client.query("SELECT square FROM numbers WHERE id = \(id)").rows
                    if rows != [["\(id * id)"]] { run.errors["wrong answer", default: 0] += 1 }
                }
                run.milliseconds.append(Float((ContinuousClock.now - start).milliseconds))
                run.statements += 1
                usleep(10_000)
            }
            client.close()
        } catch {
            run.errors["\(error)", default: 0] += 1
            begun.update { $0 += 1 }
        }
        return run
    }

    // MARK: the others

    /// Script after script on so many threads, until the time is over.
    private func storm(seconds: Double, seed: UInt64, port: UInt16) throws -> (Int, Int, Int) {
        let deadline = ContinuousClock.now + .seconds(seconds)
        let sums = Watched((done: 0, connections: 0, sent: 0, received: 0))
        let next = Watched(seed)
        for _ in 0..<attackers {
            let thread = Thread {
                var (connections, sent, received) = (0, 0, 0)
                while ContinuousClock.now < deadline {
                    let mine = next.change { next in
                        defer { next += 1 }
                        return next
                    }
                    let script = HostileScript(seed: mine, kind: Self.kinds[Int(mine % UInt64(Self.kinds.count))])
                    guard let transcript = HostileClient.run(script, port: port) else { continue }
                    connections += 1
                    sent += transcript.bytesSent
                    received += transcript.bytesReceived
                }
                sums.update {
                    $0 = ($0.done + 1, $0.connections + connections, $0.sent + sent, $0.received + received)
                }
            }
            thread.stackSize = 1 << 20
            thread.start()
        }
        guard let all = sums.wait(.seconds(seconds + 60), until: { [attackers] in $0.done == attackers }) else {
            throw TestbedFailure("hostile clients still run a minute after their end")
        }
        return (all.connections, all.sent, all.received)
    }

    // MARK: the proxy

    /// What it takes when all sessions are gone; waits for that, and for descriptors to be what they were.
    private func rest(_ descriptors: Int?) throws -> Resources {
        try proxy.admin("show info", within: .seconds(30)) { $0.contains("\nCurrConns: 0\n") }
        let deadline = ContinuousClock.now + .seconds(15)
        while true {
            guard let now = proxy.statistics else { throw TestbedFailure("the proxy has ended:\n\(proxy.logTail())") }
            let isBack = descriptors.map { now.descriptors <= $0 + 4 } ?? true
            if isBack || ContinuousClock.now > deadline {
                return Resources(residentBytes: now.residentBytes, descriptors: now.descriptors)
            }
            usleep(50_000)
        }
    }

    /// Watches for the most that the proxy takes.
    private final class Peak: Sendable {
        private let most = Guarded(Resources(residentBytes: 0, descriptors: 0))
        private let stopped = Atomic(false)

        init(_ proxy: ProxyProcess) {
            Thread.detachNewThread { [self] in
                while !stopped.load(ordering: .relaxed), let now = proxy.statistics {
                    most.withLock {
                        $0.residentBytes = max($0.residentBytes, now.residentBytes)
                        $0.descriptors = max($0.descriptors, now.descriptors)
                    }
                    usleep(100_000)
                }
            }
        }

        func end() -> Resources {
            stopped.store(true, ordering: .relaxed)
            return most.withLock { $0 }
        }
    }
}
