import Foundation
import Testbed
import Testing

/// How sessions come to another server.
enum Move: String, CaseIterable, Sendable {
    /// `kill -9`.
    case crash
    /// An administrator's pause, an orderly shutdown, a start elsewhere.
    case planned

    func callAsFunction(_ stage: Stage) throws {
        switch self {
        case .crash: try stage.failOver()
        case .planned:
            _ = try stage.proxy.admin("pause")
            stage.pair.primary.stop()
            try stage.pair.startStandby()
            _ = try stage.proxy.admin("resume")
        }
    }
}

/// A statement's answer, as far as clients tell answers apart.
enum Answer: Equatable, CustomStringConvertible {
    case rows([[String?]])
    case error(UInt32)

    /// Whether the proxy has told its client that the session is not what it was.
    var saysLost: Bool { self == .error(1927) }

    init(_ body: () throws -> Rows) throws {
        do {
            self = .rows(try body().rows)
        } catch let error as ClientError {
            // A lost connection is no answer.
            if error.isConnectionLoss { throw error }
            self = .error(error.code)
        }
    }

    var description: String {
        switch self {
        case .rows(let rows): "\(rows.map { $0.map { $0 ?? "NULL" } })"
        case .error(let code): "error \(code)"
        }
    }
}

/// What is about to move.
enum Moved {
    /// Until `show sessions` says of every session that a failover would keep all of it.
    static func waitUntilNothingWouldBeLost(_ proxy: ProxyProcess) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            let list = try proxy.admin("show sessions json")
            let rows = try JSONSerialization.jsonObject(with: Data(list.utf8)) as? [[String: Any]] ?? []
            let losses = rows.compactMap { $0["loses"] as? String }
            if !losses.isEmpty, losses.allSatisfy({ $0 == "-" || $0.isEmpty }) { return }
        }
        throw TestbedFailure("a session would still lose something")
    }

    /// The rows' texts, in an order of our own: max_sort_length is a variable that may have been set.
    static func values(_ session: Client, _ text: String) -> [String] {
        let rows = (try? session.query(text).rows) ?? []
        return rows.map { $0.map { $0 ?? "NULL" }.joined(separator: "=") }.sorted()
    }

    /// What a client asks that wants to know what the statement before has left.
    private static let leftOver = [
        "SELECT ROW_COUNT()", "SELECT FOUND_ROWS()", "SHOW WARNINGS", "SHOW COUNT(*) ERRORS",
        "SELECT @@warning_count, @@error_count",
    ]

    /// Says each script to a session through the proxy and to a direct one: what it has left is the same for both. Then
    /// all sessions are moved by `kill -9`, without another word of theirs, and show what the direct one showed.
    /// `seesTriggers`: the check's account does.
    static func rightBehind(
        _ scripts: [[String]], prepare: [String] = [], seesTriggers: Bool = false, show: String
    ) throws {
        try Stage.run {
            guard seesTriggers else { return }
            try $0.query("GRANT TRIGGER ON *.* TO '\(EmbeddedPair.service.user)'@'%'")
        } _: { stage in
            if seesTriggers { #expect(stage.proxy.logs("triggers were read")) }
            let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
            for text in prepare { try root.query(text) }
            root.close()
            /// With warnings and found rows of its own: a server's thread may still have those of another session.
            func begin(_ port: UInt16) throws -> Client {
                let session = try SessionCase([]).login(port)
                try session.query("SELECT 1 FROM information_schema.schemata UNION SELECT 2 UNION SELECT 3")
                return session
            }
            func say(_ script: [String], _ session: Client) {
                for text in script { _ = clientError { try session.results(of: text) } }
            }
            var moved: [(script: [String], session: Client, expected: Set<String>)] = []
            for script in scripts {
                for question in leftOver {
                    let answers = try [stage.pair.primary.port, stage.proxy.port].map { port in
                        let session = try begin(port)
                        defer { session.close() }
                        say(script, session)
                        return try session.query(question).rows
                    }
                    #expect(answers[0] == answers[1], "\(script), then \(question)")
                }
                let direct = try begin(stage.pair.primary.port)
                defer { direct.close() }
                say(script, direct)
                let expected = Set(values(direct, show))
                let session = try begin(stage.proxy.port)
                say(script, session)
                moved.append((script, session, expected))
            }
            try waitUntilNothingWouldBeLost(stage.proxy)
            try stage.failOver()
            for (script, session, expected) in moved {
                let differences = expected.symmetricDifference(values(session, show))
                #expect(differences.isEmpty, "\(script)")
            }
        }
    }
}
