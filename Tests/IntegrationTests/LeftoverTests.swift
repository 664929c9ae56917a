import Testbed
import Testing

extension Integration {
    /// What statements leave for the next ones to ask for (FOUND_ROWS(), ROW_COUNT(), warnings, the last value of a
    /// sequence): after a move as on a direct connection, or an error first; and untouched where nothing moves.
    @Suite(.serialized)
    struct LeftoverTests {
        private struct Script {
            var before: [String]
            var after: [String]
        }

        private static let found = ["SELECT * FROM three"]
        private static let counted = ["INSERT INTO sink VALUES (1), (2)"]
        private static let warned = ["SELECT CAST('x' AS INT) AS a, CAST('y' AS INT) AS b"]
        private static let valued = ["SELECT NEXTVAL(counter)"]

        /// Each `after` ends with what asks.
        private static let scripts: [Script] =
            [
                ["SELECT FOUND_ROWS()"], ["DO 1", "SELECT FOUND_ROWS()"], ["PING", "SELECT FOUND_ROWS()"],
                ["SET @a=FOUND_ROWS()", "SELECT @a"], ["INSERT INTO sink VALUES (FOUND_ROWS())"],
                ["EXECUTE IMMEDIATE 'SELECT FOUND_ROWS()'"], ["EXECUTE asks_found"], ["CALL shows(FOUND_ROWS())"],
                ["DO 1; SELECT FOUND_ROWS()"], ["SELECT 1; SELECT FOUND_ROWS()"],
                ["SELECT * FROM three", "SELECT FOUND_ROWS()"],
                ["INSERT INTO sink VALUES (1)", "SELECT FOUND_ROWS()"], ["SELECT nonesuch", "SELECT FOUND_ROWS()"],
                ["SHOW WARNINGS", "SELECT FOUND_ROWS()"], ["BOUND SELECT FOUND_ROWS()"], ["SELECT `FOUND_ROWS`()"],
            ].map { Script(before: found, after: $0) }
            + [
                ["SELECT ROW_COUNT()"], ["SET @a=ROW_COUNT()", "SELECT @a"], ["DO 1", "SELECT ROW_COUNT()"],
                ["INSERT INTO sink VALUES (ROW_COUNT())"], ["CALL shows(ROW_COUNT())"], ["DO ROW_COUNT()"],
                ["EXECUTE asks_count"], ["BOUND SELECT ROW_COUNT()"],
            ].map { Script(before: counted, after: $0) }
            + [
                ["SHOW WARNINGS"], ["SHOW COUNT(*) WARNINGS"], ["SELECT @@warning_count"], ["DO 1", "SHOW WARNINGS"],
                ["SELECT 1", "SHOW WARNINGS"], ["SELECT * FROM three", "SHOW WARNINGS"], ["PING", "SHOW WARNINGS"],
                ["GET DIAGNOSTICS @n=NUMBER", "SELECT @n"], ["SELECT nonesuch", "SHOW WARNINGS"],
                ["BOUND SHOW WARNINGS"],
                ["SET @a=@@warning_count", "SELECT @a"],
            ].map { Script(before: warned, after: $0) }
            + [
                ["SELECT LASTVAL(counter)"], ["SELECT * FROM three", "SELECT LASTVAL(counter)"],
                ["SELECT 1", "SELECT 2", "SELECT PREVIOUS VALUE FOR counter"], ["BOUND SELECT LASTVAL(counter)"],
                ["SELECT NEXTVAL(other)", "SELECT LASTVAL(counter)"],
                ["SELECT NEXTVAL(counter) > 0", "SELECT LASTVAL(counter) > 0"],
                ["SELECT NEXT VALUE FOR counter > 0", "SELECT PREVIOUS VALUE FOR counter > 0"],
                ["SELECT NEXTVAL(counter) > 0, LASTVAL(other)"],
            ].map { Script(before: valued, after: $0) }

        private static func prepared(_ root: Client) throws {
            for text in [
                "CREATE TABLE three (a INT)", "INSERT INTO three VALUES (1), (2), (3)", "CREATE TABLE sink (a INT)",
                "CREATE PROCEDURE shows(a INT) SELECT a", "CREATE SEQUENCE counter", "CREATE SEQUENCE other",
            ] {
                try root.query(text)
            }
        }

        private final class Asker {
            let client: Client
            private var bound: [String: PreparedStatement] = [:]

            init(_ client: Client, _ script: Script) throws {
                self.client = client
                try client.query("PREPARE asks_found FROM 'SELECT FOUND_ROWS()'")
                try client.query("PREPARE asks_count FROM 'SELECT ROW_COUNT()'")
                for text in script.after where text.hasPrefix("BOUND ") {
                    bound[text] = try client.prepare(String(text.dropFirst(6)))
                }
                for text in script.before { try client.query(text) }
            }

            /// Rows, or the error's number.
            func ask(_ text: String) throws -> String {
                do {
                    if text == "PING" {
                        try client.ping()
                        return "pong"
                    }
                    if let statement = bound[text] { return "\(try statement.execute().rows)" }
                    return "\(try client.results(of: text).map(\.rows))"
                } catch {
                    return "\(error.code)"
                }
            }
        }

        @Test("after a move every answer is the direct one, or an error came first")
        func moved() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                try Self.prepared(root)
                let direct = try Client(
                    port: stage.pair.primary.port, user: EmbeddedPair.application.user,
                    password: EmbeddedPair.application.password, schema: EmbeddedPair.schema, multiStatements: true)
                var expected: [[String]] = []
                for script in Self.scripts {
                    let asker = try Asker(direct, script)
                    expected.append(try script.after.map(asker.ask))
                }
                let askers = try Self.scripts.map { try Asker(stage.proxy.connect(multiStatements: true), $0) }
                direct.close()
                root.close()
                try stage.failOver()
                var refused = 0
                for ((script, asker), answers) in zip(zip(Self.scripts, askers), expected) {
                    for (text, expected) in zip(script.after, answers) {
                        let answer = try asker.ask(text)
                        if answer == "1927" {
                            refused += 1
                            // Told once.
                            #expect(try asker.ask(text) != "1927", "\(script.after)")
                            break
                        }
                        // Values of a sequence are the data's, not the session's.
                        let isValue = script.before == Self.valued && text.contains("NEXTVAL(other)")
                        #expect(answer == expected || isValue, "\(script.before), \(script.after): \(text)")
                    }
                }
                // What the statement in between overwrites is there to be asked for.
                for after in [
                    ["SELECT 1; SELECT FOUND_ROWS()"], ["SELECT * FROM three", "SELECT FOUND_ROWS()"],
                    ["DO 1", "SELECT ROW_COUNT()"], ["SELECT * FROM three", "SHOW WARNINGS"],
                    ["SELECT NEXTVAL(counter) > 0", "SELECT LASTVAL(counter) > 0"],
                ] {
                    guard let index = Self.scripts.firstIndex(where: { $0.after == after }) else {
                        Issue.record("\(after) is none of them")
                        continue
                    }
                    for text in after { #expect(try askers[index].ask(text) != "1927", "\(after)") }
                }
                #expect(refused > 25)
            }
        }

        @Test("where nothing moves, what the proxy says to the server is not to be seen")
        func healthy() throws {
            let pair = try SharedPair.get()
            let proxy = try SharedProxy.get()
            for (before, ask) in [
                // FOUND_ROWS() of a session that has asked nothing is that of another one, on a thread that served it.
                ("", "SELECT ROW_COUNT()"), ("SELECT 1 UNION SELECT 2", "SELECT FOUND_ROWS()"), ("", "SHOW WARNINGS"),
                ("SET @@sort_buffer_size=1", "SHOW WARNINGS"), ("SET @@session.sort_buffer_size=1", "SHOW WARNINGS"),
                ("SET @@sort_buffer_size=1", "SHOW COUNT(*) WARNINGS"),
                ("SET session_track_schema=ON", "SELECT ROW_COUNT()"),
                ("SET @@sort_buffer_size=100000", "SELECT ROW_COUNT()"),
            ] {
                func answer(_ client: Client) throws -> [[String?]] {
                    if !before.isEmpty { try client.query(before) }
                    return try client.query(ask).rows
                }
                // The library says nothing of its own before.
                let direct = try Client(
                    port: pair.primary.port, user: EmbeddedPair.application.user,
                    password: EmbeddedPair.application.password, schema: EmbeddedPair.schema)
                #expect(try answer(proxy.connect()) == answer(direct), "\(before), \(ask)")
            }
        }

        @Test("a command that is no statement leaves it, whatever the server had to be asked for")
        func commandsBetween() throws {
            let commands: [(String, (Client) throws -> Void)] = [
                ("nothing", { _ in }), ("COM_STMT_PREPARE", { try $0.prepare("SELECT 1").close() }),
                ("COM_PING", { try $0.ping() }), ("COM_STATISTICS", { _ = try $0.statistics() }),
                ("COM_INIT_DB", { try $0.selectSchema(EmbeddedPair.schema) }),
                ("COM_FIELD_LIST", { _ = try $0.fields(of: "leftover_between") }),
            ]
            let pair = try SharedPair.get()
            let root = try pair.asRoot(schema: EmbeddedPair.schema)
            try root.query("CREATE OR REPLACE TABLE leftover_between (id INT AUTO_INCREMENT PRIMARY KEY, n INT)")
            let proxy = try SharedProxy.get()
            // Its id, or the variable's value, is for the server to say.
            for text in [
                "INSERT INTO leftover_between (n) SELECT 1 UNION SELECT 2",
                "UPDATE leftover_between SET n = (@a := n + 1) LIMIT 2",
                "SELECT n INTO @a FROM leftover_between LIMIT 1",
            ] {
                for (name, command) in commands {
                    for ask in ["SELECT ROW_COUNT()", "SELECT FOUND_ROWS()", "SELECT @@warning_count"] {
                        for isPrepared in [true, false] {
                            func answer(_ client: Client) throws -> String? {
                                defer { client.close() }
                                try client.query("SELECT 1 FROM information_schema.schemata LIMIT 1")
                                if isPrepared {
                                    let statement = try client.prepare(text)
                                    _ = try statement.execute([])
                                    statement.close()
                                } else {
                                    try client.query(text)
                                }
                                try command(client)
                                return try client.query(ask).first
                            }
                            let direct = try answer(pair.direct())
                            #expect(
                                try answer(proxy.connect()) == direct, "\(text), \(isPrepared), \(name), \(ask)")
                        }
                    }
                }
            }
        }

        @Test("what a statement with a warning has set is kept")
        func askedLater() throws {
            try Stage.run { stage in
                let session = try stage.proxy.connect()
                try session.query("SET @@sort_buffer_size=1")
                #expect(try session.query("SHOW WARNINGS").rows.count == 1)
                let value = try session.query("SELECT @@sort_buffer_size").first
                try stage.failOver()
                #expect(try session.query("SELECT @@sort_buffer_size").first == value)
            }
        }
    }
}
