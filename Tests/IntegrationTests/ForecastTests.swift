import Foundation
import Testbed
import Testing

extension Integration {
    /// What the list of sessions says that a failover would keep and lose, and then what one does.
    @Suite(.serialized)
    struct ForecastTests {
        private struct Case {
            let statements: [String]
            /// As `show sessions json` has it.
            let loses: [String]
        }

        private static let cases: [Case] = [
            Case(statements: ["SELECT 1"], loses: []),
            Case(statements: ["SET @a = 5, @b = 'x'", "SET NAMES latin1", "USE information_schema"], loses: []),
            Case(statements: ["SET sql_mode = 'ANSI'", "SET SESSION TRANSACTION READ ONLY"], loses: []),
            Case(statements: ["PREPARE p FROM 'SELECT 1'", "EXECUTE p"], loses: []),
            Case(statements: ["CREATE TEMPORARY TABLE t1 (i INT)"], loses: ["temporary tables"]),
            Case(
                statements: ["CREATE TEMPORARY TABLE t1 (i INT)", "CREATE TEMPORARY TABLE t2 (i INT)"],
                loses: ["temporary tables (2)"]),
            Case(
                statements: ["CREATE TEMPORARY TABLE t1 (i INT)", "SET @a = 1", "DROP TEMPORARY TABLE t1"], loses: []),
            Case(statements: ["SELECT GET_LOCK('forecast', 1)"], loses: ["user locks"]),
            Case(statements: ["SELECT GET_LOCK('forecast1', 1)", "SELECT RELEASE_LOCK('forecast1')"], loses: []),
            Case(statements: ["LOCK TABLES forecast1 READ"], loses: ["table locks"]),
            Case(statements: ["LOCK TABLES forecast1 READ", "UNLOCK TABLES"], loses: []),
            Case(statements: ["HANDLER forecast2 OPEN"], loses: ["handlers"]),
            Case(statements: ["SELECT MAX(i) INTO @m FROM forecast2"], loses: ["user variables"]),
            Case(statements: ["BEGIN", "SELECT * FROM forecast2"], loses: ["transaction"]),
            Case(statements: ["BEGIN", "INSERT INTO forecast2 VALUES (1)", "ROLLBACK"], loses: []),
        ]

        private static func sessions(_ proxy: ProxyProcess) throws -> [UInt: (keeps: [String], loses: [String])] {
            let list = try proxy.admin("show sessions json")
            let rows = try #require(
                try JSONSerialization.jsonObject(with: Data(list.utf8)) as? [[String: Any]])
            var sessions: [UInt: (keeps: [String], loses: [String])] = [:]
            for row in rows {
                let id = try #require(row["id"] as? UInt)
                func items(_ name: String) throws -> [String] {
                    let text = try #require(row[name] as? String)
                    return text == "-" || text.isEmpty ? [] : text.components(separatedBy: ", ")
                }
                sessions[id] = (try items("keeps"), try items("loses"))
            }
            return sessions
        }

        @Test func aFailoverDoesWhatTheListSays() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                for table in ["forecast1", "forecast2"] { try root.query("CREATE TABLE \(table) (i INT)") }
                var clients: [Client] = []
                for one in Self.cases {
                    let client = try stage.proxy.connect()
                    for statement in one.statements { try client.query(statement) }
                    clients.append(client)
                }
                let listed = try Self.sessions(stage.proxy)
                for (one, client) in zip(Self.cases, clients) {
                    let session = try #require(listed[client.threadID])
                    #expect(session.loses == one.loses, "\(one.statements)")
                    #expect(session.keeps.contains("default schema") && session.keeps.contains("account"))
                }
                root.close()
                try stage.failOver()
                for (one, client) in zip(Self.cases, clients) {
                    let error = clientError { try client.query("SELECT 1") }
                    #expect((error == nil) == one.loses.isEmpty, "\(one.statements): \(String(describing: error))")
                    // Told once; the session goes on, and has nothing more to lose.
                    #expect(clientError { try client.query("SELECT 1") } == nil)
                }
                let after = try Self.sessions(stage.proxy)
                for client in clients { #expect(after[client.threadID]?.loses == []) }
            }
        }
    }
}
