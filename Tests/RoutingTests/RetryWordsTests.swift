import Foundation
import Routing
import Testing

/// Client libraries and frameworks run a statement again where an error's text or state says to them that the connection
/// was lost. No error of ours may look so whose statement may have been executed.
@Suite struct RetryWordsTests {
    /// What they look for in an error's text, as of their main branches in 2025; in lower case.
    static let words: [(source: String, words: [String])] = [
        (
            "Laravel, Illuminate/Database/LostConnectionDetector.php",
            [
                "server has gone away", "no connection to the server", "lost connection", "is dead or not enabled",
                "error while sending", "decryption failed or bad record mac",
                "server closed the connection unexpectedly", "ssl connection has been closed unexpectedly",
                "error writing data to the connection", "resource deadlock avoided", "transaction() on null",
                "child connection forced to terminate due to client_idle_limit", "query_wait_timeout", "reset by peer",
                "physical connection is not usable", "tcp provider: error code", "ora-03114",
                "packets out of order. expected", "adaptive server connection failed", "communication link failure",
                "connection is no longer usable", "login timeout expired", "connection refused",
                "running with the --read-only option so it cannot execute this statement",
                "the connection is broken and recovery is not possible", "php_network_getaddresses",
                "eof detected", "unexpected eof", "connection timed out",
                "the last transaction was aborted due to seamless scaling", "temporary failure in name resolution",
                "the client was disconnected by the server because of inactivity", "could not translate host name",
                "no such file or directory", "operation timed out", "server is in script upgrade mode",
                "handshake timed out", "access denied for user", "no connection could be made",
                "a connection attempt failed", "network is unreachable", "operation now in progress",
                "operation in progress", "went away", "server is shutting down", "failed to connect to",
                "channel connection is closed", "connection lost", "broken pipe", "read only sql transaction",
                "no healthy endpoints", "primary is not serving", "no healthy tablet available",
                "connection limit exceeded", "no primary available for branch", "no replica available for branch",
            ]
        ),
        ("ThinkPHP, Connection.php", ["failed with errno", "error reading result set's header"]),
        ("Doctrine DBAL and Yii", ["mysql server has gone away", "closed connection", "connection was closed"]),
        ("Django, SQLAlchemy", ["server gone", "(0, '')", "mysql connection not available", "bad connection"]),
        ("Sequel and Rails", ["commands out of sync", "mysql client is not connected", "closed mysql connection"]),
        ("Go, database/sql", ["driver: bad connection", "invalid connection", "unexpected eof"]),
        ("MySqlConnector, Hikari", ["connection must be open", "connection is closed", "connection reset"]),
    ]

    /// What PDO writes before the text, by SQLSTATE.
    static let states = [
        "08001": "Client unable to establish connection", "08003": "Connection does not exist",
        "08004": "Server rejected the connection", "08007": "Connection failure during transaction",
        "08S01": "Communication link failure",
    ]

    static func isTakenForALostConnection(_ text: String) -> String? {
        let text = text.lowercased()
        return words.flatMap(\.words).first { text.contains($0) }
    }

    /// Every text in quotes of the files that hold the proxy's errors.
    static let literals: [String] = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var literals: [String] = []
        for folder in ["Sources/Proxy", "Sources/Routing"] {
            let files = FileManager.default.enumerator(
                at: root.appendingPathComponent(folder), includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                guard file.pathExtension == "swift", let text = try? String(contentsOf: file, encoding: .utf8) else {
                    continue
                }
                for line in text.split(separator: "\n") where !line.drop(while: { $0 == " " }).hasPrefix("//") {
                    // Every second piece stands in quotes.
                    for (index, piece) in line.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                    where index % 2 == 1 { literals.append(String(piece)) }
                }
            }
        }
        return literals
    }()

    @Test func noTextOfOursIsTakenForALostConnection() {
        #expect(Self.literals.contains { $0.hasPrefix("the outcome of this statement is unknown") })
        for literal in Self.literals {
            #expect(Self.isTakenForALostConnection(literal) == nil, "\(literal)")
        }
    }

    static let refusals: [Refusal] = [
        .rolledBack, .rowsMayRemain, .notExecuted, .unknown, .readInterrupted, .unreadable, .unknownUnreadable, .killed,
        .unknownKilled, .unknownWriter, .readStopped, .rolledBackByStop, .notExecutedByStop, .unknownStopped, .ranTwice,
        .stateLost(.temporaryTables, inTransaction: true), .leftoversLost(.rowCount),
        .leftoversLost(.insertID), .leftoversLost(.sequenceValues),
    ]

    @Test(arguments: RetryWordsTests.refusals)
    func asPDOWritesIt(_ refusal: Refusal) {
        let state = Self.states[refusal.sqlState] ?? "<<Unknown error>>"
        let text = "SQLSTATE[\(refusal.sqlState)]: \(state): \(refusal.code) HAProxyDB: \(refusal.message)"
        #expect(Self.isTakenForALostConnection(text) == nil, "\(text)")
        // 1053 is the one code of a server's that says: somebody else, at once.
        #expect(refusal.code != 1053)
    }

    /// PDO writes "Communication link failure" of these. None of them answers a statement that a node may have executed.
    @Test func theStateOfALostLinkIsForConnectionsWithoutAStatement() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/Proxy/Refusals.swift")
        let text = try String(contentsOf: file, encoding: .utf8)
        let names = text.components(separatedBy: "static let ").dropFirst().compactMap { part -> Substring? in
            let name = part.prefix { $0 != " " }
            let body = part.components(separatedBy: "\n\n")[0].components(separatedBy: "\n    static ")[0]
            return body.contains("08S01") ? name : nil
        }
        #expect(
            names == [
                // A login, or no statement at all.
                "badHandshake", "outOfOrder", "unknownCommand", "loginTimeout", "loginInterrupted",
                // Only to sessions that are idle.
                "shuttingDown", "clientTimeout",
            ])
    }
}
