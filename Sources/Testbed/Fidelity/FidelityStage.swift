import Cluster
import Foundation

/// A pair with the proxy before it, and a server that stays with the same data; and scripts that run on both.
final class FidelityStage {
    /// How the sessions get another server.
    enum Move: String, Sendable, CaseIterable {
        /// kill -9, and the other node's server on the same data.
        case crash
        /// Paused, an orderly end, the other node's server, resumed.
        case planned
        /// KILL of every session's thread by somebody else, on both sides: a session ends by it.
        case killed
        /// Nobody speaks for longer than the wait_timeout that the sessions have.
        case timedOut = "timed out"

        static let ofServers: [Move] = [.crash, .planned]
    }

    /// In seconds; what a script sets before it times out.
    static let waitTimeout = 1

    /// What became of a script.
    struct Outcome: Sendable {
        let script: FidelityScript
        let end: Duet.End?
        let statements: Int
        let moves: Int
    }

    private let pair: EmbeddedPair
    private let direct: MariaDBServer
    /// Nil where something else stands in its place.
    private let proxy: ProxyProcess?
    private let proxyPort: UInt16
    /// So many scripts run at once.
    let places: Int
    private static let workers = 16
    /// Nothing waits for the disk: processes are killed here, not machines.
    private static let options = [
        "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync", "--innodb-fast-shutdown=1",
        "--lock-wait-timeout=20",
    ]

    /// - Parameters:
    ///   - places: so many sessions share a move.
    ///   - standIn: what stands in the proxy's place, for tests of the harness: given the nodes' ports, its own.
    init(
        places: Int, program: String? = nil, release: ServerRelease = .tested,
        standIn: (([UInt16]) throws -> UInt16)? = nil
    ) throws {
        self.places = places
        pair = try EmbeddedPair(options: Self.options, release: release)
        try pair.start()
        let root = try pair.asRoot()
        for statement in FidelityFixture.accounts { try root.query(statement) }
        for place in 0..<places {
            for statement in FidelityFixture.statements(place: place) { try root.query(statement) }
        }
        root.close()
        // The same data, to the byte, for the server that stays.
        pair.primary.stop()
        let copy = "\(pair.directory.path)/direct"
        try FileManager.default.copyItem(atPath: "\(pair.directory.path)/data", toPath: copy)
        direct = MariaDBServer(
            name: "direct", dataDirectory: copy, runDirectory: pair.directory.path, port: try Ports.free(1)[0],
            serverID: 1, options: Self.options, release: release)
        try direct.start()
        try pair.primary.start()
        if let standIn {
            proxy = nil
            proxyPort = try standIn(pair.ports)
        } else {
            let made = try ProxyProcess(nodes: pair.ports, holdTimeout: "60s", program: program)
            try made.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
            proxy = made
            proxyPort = made.port
        }
    }

    /// What has become of the proxy, with the end of its log; nil while it runs.
    var fault: String? {
        guard let proxy, !proxy.isRunning else { return nil }
        return "the proxy \(proxy.wait(.zero).map(\.description) ?? "?"):\n\(proxy.logTail())"
    }

    /// The end of the log of a server that nobody has ended; nil while they all run.
    var serverCrash: String? {
        for server in [direct, pair.primary] { if let log = server.logOfEnd(within: .seconds(5)) { return log } }
        return nil
    }

    /// Ends everything, and says how the proxy ended where it did not end well.
    func stop() -> String? {
        let end = proxy?.stop(grace: .seconds(10)) ?? .exited(0)
        direct.crash()
        pair.stop()
        return end == .exited(0) ? nil : "the proxy \(end)"
    }

    /// Runs the scripts, each at a place of its own, with the same moves for all.
    ///
    /// - Parameters:
    ///   - globals: what is set on both servers before the logins, and gone from both after the first move.
    ///   - isAbrupt: the moves come right behind the last answer.
    func run(
        _ scripts: [FidelityScript], moves: [Move], globals: [(String, String)] = [], isAbrupt: Bool = false
    ) throws -> [Outcome] {
        precondition(scripts.count <= places)
        let directPort = direct.port
        let servers = [directPort, pair.primary.port]
        try parallel(scripts.count) { place in
            for port in servers {
                let root = try Client(port: port, user: "root")
                for statement in FidelityFixture.reset(place: place) { try root.query(statement) }
            }
        }
        // A restarted server has what its options say, which need not be the default.
        let before = try globals.map { ($0.0, try Self.global($0.0, directPort)) }
        for (name, value) in globals {
            for port in servers { try Client(port: port, user: "root").query("SET GLOBAL \(name) = \(value)") }
        }
        let proxyPort = self.proxyPort
        let duets = Watched<[Int: Duet]>([:])
        try parallel(scripts.count) { place in
            let duet = try Duet(scripts[place], place: place, direct: directPort, proxied: proxyPort)
            duets.update { $0[place] = duet }
        }
        let playing = duets.value
        var moved = 0
        for segment in 0...moves.count {
            try parallel(scripts.count) { place in playing[place]?.playSegment(segment) }
            guard segment < moves.count else { break }
            if playing.values.allSatisfy({ $0.end != nil }) { break }
            try make(moves[segment], isAbrupt: isAbrupt)
            moved += 1
            if segment == 0 {
                for (name, value) in before {
                    try Client(port: directPort, user: "root").query("SET GLOBAL \(name) = \(value)")
                }
            }
        }
        for duet in playing.values { duet.close() }
        for port in [direct.port, pair.primary.port] { try waitUntilGone(port) }
        if moved == 0 {
            for (name, value) in before {
                for port in servers { try Client(port: port, user: "root").query("SET GLOBAL \(name) = \(value)") }
            }
        }
        return scripts.enumerated().map { place, script in
            Outcome(
                script: script, end: playing[place]?.end, statements: playing[place]?.statements ?? 0, moves: moved)
        }
    }

    /// As it can be set again.
    private static func global(_ name: String, _ port: UInt16) throws -> String {
        let value = try Client(port: port, user: "root").query("SELECT @@global.\(name)").first ?? ""
        return Double(value) == nil ? "'\(value)'" : value
    }

    /// A session that has gone holds its locks until its thread has noticed.
    private func waitUntilGone(_ port: UInt16) throws {
        let root = try Client(port: port, user: "root")
        let deadline = ContinuousClock.now + .seconds(30)
        while try root.query(Self.threads("COUNT(*)")).first != "0" {
            guard ContinuousClock.now < deadline else { throw TestbedFailure("sessions that were closed live on") }
            usleep(2_000)
        }
    }

    private static func threads(_ what: String) -> String {
        "SELECT \(what) FROM information_schema.processlist "
            + "WHERE user IN ('\(FidelityFixture.user)', '\(FidelityFixture.otherUser)')"
    }

    /// What the proxy asks behind an answer has been answered by then.
    private static let quiet: useconds_t = 100_000

    private func make(_ move: Move, isAbrupt: Bool) throws {
        if !isAbrupt { usleep(Self.quiet) }
        switch move {
        case .crash:
            // A sequence's values are in the log when something is committed, or a second later: what a crash takes of them
            // is not the proxy's.
            try pair.asRoot().query("FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS")
            pair.failPrimary()
            try pair.startStandby()
            try warmUp()
        case .killed:
            for port in [direct.port, pair.primary.port] {
                let root = try Client(port: port, user: "root")
                for row in try root.query(Self.threads("id")).rows {
                    // Perhaps it has just gone.
                    if let id = row.first ?? nil { _ = try? root.query("KILL \(id)") }
                }
            }
        case .timedOut:
            let deadline = ContinuousClock.now + .seconds(Self.waitTimeout) + .milliseconds(1500)
            for port in [direct.port, pair.primary.port] {
                let root = try Client(port: port, user: "root")
                while ContinuousClock.now < deadline, try root.query(Self.threads("COUNT(*)")).first != "0" {
                    usleep(20_000)
                }
            }
        case .planned:
            _ = try proxy?.admin("pause")
            if !isAbrupt { usleep(Self.quiet) }
            pair.primary.stop()
            try pair.startStandby()
            try warmUp()
            _ = try proxy?.admin("resume")
        }
    }

    /// Tables that no log keeps are repaired when they are opened for the first time, with warnings for whoever does that;
    /// and the first use of a sequence begins a transaction, even where it is only prepared.
    private func warmUp() throws {
        let port = pair.primary.port
        try parallel(places) { place in
            let root = try Client(port: port, user: "root")
            try root.query("SELECT COUNT(*) FROM f\(place)a.m")
            try root.query("SELECT PREVIOUS VALUE FOR f\(place)a.sq, PREVIOUS VALUE FOR f\(place)b.sq")
        }
    }

    private func parallel(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
        let next = Watched(0)
        let done = Watched<(count: Int, failure: (any Error)?)>((0, nil))
        for _ in 0..<min(Self.workers, count) {
            Thread.detachNewThread {
                while true {
                    let mine = next.change { next in
                        defer { next += 1 }
                        return next
                    }
                    guard mine < count else { return }
                    let result = Result { try body(mine) }
                    done.update { state in
                        state.count += 1
                        if case .failure(let error) = result { state.failure = error }
                    }
                }
            }
        }
        guard let all = done.wait(.seconds(600), until: { $0.count == count }) else {
            throw TestbedFailure("scripts still run after ten minutes")
        }
        if let failure = all.failure { throw failure }
    }
}
