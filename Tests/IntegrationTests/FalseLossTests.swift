import Foundation
import Testbed
import Testing

extension Integration {
    /// What can be restored is no loss: sessions that did nothing else answer after a move as a direct connection does.
    @Suite(.serialized)
    struct FalseLossTests {
        private static let variables =
            """
            SELECT LOWER(variable_name), variable_value, variable_type, character_set_name
            FROM information_schema.user_variables ORDER BY 1
            """
        private static let settings =
            """
            SELECT @@sql_mode, @@time_zone, @@autocommit, @@tx_isolation, @@tx_read_only, @@foreign_key_checks,
                @@unique_checks, @@sql_notes, @@tmp_table_size, @@character_set_client, @@collation_connection,
                IFNULL(@@character_set_results, 'none'), @@lc_messages, @@net_read_timeout
            """

        @Test("a user variable keeps what it got from a system variable, type and character set too")
        func systemReads() throws {
            let scripts: [[String]] = [
                ["/*!40101 SET @a=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */", "SET sql_mode=@a"],
                [
                    "SET @a=@@character_set_client, @b=@@collation_connection", "SET NAMES latin1",
                    "SET @c=@@collation_connection",
                ],
                ["SET @a=@@tmp_table_size, tmp_table_size=65536"], ["SET @a=@@tmp_table_size"],
                ["SET @a=@@sql_notes, sql_notes=0"], ["SET @a=@@autocommit, autocommit=0"],
                ["SET autocommit=0", "SET @a=@@autocommit", "SET autocommit=1"],
                ["SET @a=@@identity, identity=78", "SET identity=@a"], ["SET @a=LAST_INSERT_ID(), @b=@@time_zone"],
                ["SET @a=@@character_set_results, character_set_results=NULL", "SET @b=@@character_set_results"],
                ["SET @a=CONCAT(@@sql_mode, ',ANSI'), sql_mode=''", "SET sql_mode=@a"],
                ["SET @a=@@session.tx_isolation, @b=@@foreign_key_checks", "SET foreign_key_checks=0"],
                ["SET timestamp=1000000000", "SET @a='x', @b=@@sql_mode", "SET timestamp=DEFAULT"],
                ["SET @a=@@completion_type", "SET @b=@@net_read_timeout+1", "SET net_read_timeout=77"],
                ["SET @a=@@optimizer_switch", "SET @a=7, @b=@a"],
                ["SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY"],
                ["DO 1; SET SESSION TRANSACTION READ ONLY; DO 2"],
                ["DO 1; SET foreign_key_checks=0, sql_notes=OFF; DO 2"],
                ["PREPARE p FROM 'SET @a=\\'it\\\\\\'s\\', @b=@@lc_messages'", "EXECUTE p"],
            ]
            try SessionCase.move(
                scripts.map { SessionCase($0, asks: Self.variables, Self.settings, "SELECT LAST_INSERT_ID()") })
        }

        private static let source = [
            "CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(50), t TIMESTAMP)",
            "INSERT INTO a (v, t) VALUES ('it''s; ä', '2020-01-01 10:00:00'), ('back\\\\slash', '2021-01-01 00:00:00')",
            "CREATE TABLE b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES a (id))",
            "INSERT INTO b VALUES (1, 1), (2, 2)", "CREATE VIEW v AS SELECT b.id, a.v FROM b JOIN a ON a.id = b.a",
            "CREATE TRIGGER before_b BEFORE INSERT ON b FOR EACH ROW SET NEW.id = NEW.id",
            "CREATE PROCEDURE p() SELECT 'x;y'",
        ]

        /// The statements of a dump, as the client cuts it.
        private static func statements(of dump: String) -> [String] {
            var delimiter = ";"
            var statements: [String] = []
            var present = ""
            for line in dump.split(separator: "\n", omittingEmptySubsequences: false) {
                // For the client: it is to run no commands of its own.
                if line.hasPrefix("/*M!999999") { continue }
                if line.hasPrefix("--") || present.isEmpty && line.isEmpty { continue }
                if line.hasPrefix("DELIMITER ") {
                    delimiter = String(line.dropFirst(10))
                } else if line.hasSuffix(delimiter) {
                    statements.append(present + line.dropLast(delimiter.count))
                    present = ""
                } else {
                    present += line + "\n"
                }
            }
            return statements
        }

        @Test("a dump can be read in with a move at every point of it")
        func dumps() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot()
                try root.query("CREATE DATABASE source")
                try root.selectSchema("source")
                for text in Self.source { try root.query(text) }
                let directory = try TemporaryDirectory(prefix: "hadbdump")
                let path = "\(directory.path)/dump.sql"
                let dump = try ChildProcess(
                    [
                        "mariadb-dump", "--no-defaults", "-h127.0.0.1", "-P\(stage.pair.primary.port)", "-uroot",
                        "--skip-add-locks", "--routines", "source",
                    ], name: "mariadb-dump", logPath: path)
                #expect(dump.wait(.seconds(60)) == .exited(0))
                let statements = Self.statements(of: try String(contentsOfFile: path, encoding: .utf8))
                #expect(statements.count > 30)
                func login(_ port: UInt16, _ schema: String) throws -> Client {
                    try root.query("CREATE DATABASE \(schema)")
                    return try SessionCase([], user: SessionCase.root, schema: schema).login(port)
                }
                let questions = [
                    Self.variables, Self.settings, "SELECT * FROM a", "SELECT * FROM b", "SELECT * FROM v",
                    "SELECT action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
                    "SELECT routine_definition, sql_mode FROM information_schema.routines WHERE routine_schema = DATABASE()",
                ]
                let direct = try login(stage.pair.primary.port, "direct")
                for text in statements { try direct.query(text) }
                let asked = SessionCase([], asks: "SELECT 1")
                func answers(_ session: Client) -> [String] {
                    var one = asked
                    one.questions = questions
                    return one.answers(session)
                }
                let expected = answers(direct)
                let sessions = try statements.indices.map { point in
                    let session = try login(stage.proxy.port, "moved\(point)")
                    for text in statements[..<point] { try session.query(text) }
                    // Some of them warn (11.8), and are asked about with the next command.
                    try session.ping()
                    return session
                }
                root.close()
                direct.close()
                try stage.failOver()
                for (point, session) in zip(statements.indices, sessions) {
                    let error = clientError { for text in statements[point...] { try session.query(text) } }
                    #expect(error == nil, "\(point == 0 ? "" : statements[point - 1]) -- \(statements[point])")
                    #expect(answers(session) == expected, "\(statements[point])")
                }
            }
        }

        @Test("LAST_INSERT_ID() behind what leaves it alone, and behind what does not say it")
        func insertIDs() throws {
            let scripts: [[String]] = [
                ["PREPARE p FROM 'INSERT INTO auto (v) VALUES (\\'x\\')'", "EXECUTE p"],
                ["CALL inserts()"], ["INSERT INTO auto VALUES (NULL, 'x')", "INSERT INTO auto SELECT NULL, 'z'"],
                ["SELECT LAST_INSERT_ID(12)", "INSERT INTO auto (v) SELECT 'y'"],
            ]
            let failing = [
                "INSERT INTO nowhere VALUES (1)", "INSERT INTO auto (v) VALUES ((",
                "CALL nowhere()", "CALL inserts(1)", "SELECT 1; SELECT * FROM nowhere", "EXECUTE nowhere",
                "SELECT 'open",
            ]
            for move in Move.allCases {
                try Stage.run { stage in
                    let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                    try root.query("CREATE TABLE auto (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20))")
                    try root.query("CREATE PROCEDURE inserts() INSERT INTO auto (v) VALUES ('p')")
                    root.close()
                    var sessions: [(String, Client, String?)] = []
                    for script in scripts {
                        let session = try stage.proxy.connect(multiStatements: true)
                        for text in script { try session.query(text) }
                        let expected = try session.query("SELECT MAX(id) FROM auto").first
                        sessions.append((script.joined(separator: "; "), session, expected))
                    }
                    for text in failing {
                        let session = try stage.proxy.connect(multiStatements: true)
                        try session.query("SELECT LAST_INSERT_ID(4711)")
                        #expect(clientError { _ = try session.results(of: text) } != nil, "\(text)")
                        sessions.append((text, session, "4711"))
                    }
                    // The procedure may be newer than what has been read.
                    try Moved.waitUntilNothingWouldBeLost(stage.proxy)
                    try move(stage)
                    for (text, session, expected) in sessions {
                        #expect(try session.query("SELECT 'no loss'").first == "no loss", "\(move): \(text)")
                        #expect(try session.query("SELECT LAST_INSERT_ID()").first == expected, "\(move): \(text)")
                    }
                }
            }
        }

        @Test("a query on a view of another schema", .timeLimit(.minutes(2)), arguments: [false, true])
        func views(withFunctions: Bool) throws {
            let service = "'\(EmbeddedPair.service.user)'@'%'"
            try Stage.run { root in
                try root.query("CREATE TABLE rows_of (id INT)")
                try root.query("CREATE VIEW plain AS SELECT id, CONCAT('(', id) AS text FROM rows_of")
                guard withFunctions else { return }
                try root.query("CREATE FUNCTION adds(i INT) RETURNS INT RETURN i + 1")
                try root.query("CREATE FUNCTION sets(i INT) RETURNS INT BEGIN SET @set = i; RETURN i; END")
                try root.query("CREATE VIEW adding AS SELECT adds(1) AS added")
                try root.query("CREATE VIEW setting AS SELECT sets(7) AS said")
                try root.query("GRANT SELECT, SHOW VIEW, TRIGGER ON *.* TO \(service)")
            } _: { stage in
                #expect(stage.proxy.logs(withFunctions ? "triggers were read" : "stored programs were read"))
                let texts = ["SELECT * FROM app.plain"] + (withFunctions ? ["SELECT * FROM app.adding"] : [])
                let sessions = try texts.flatMap { text in
                    try [text, "EXECUTE IMMEDIATE", "EXECUTE"].map { way in
                        let session = try stage.proxy.connect()
                        try session.query("USE information_schema")
                        switch way {
                        case text: try session.query(text)
                        case "EXECUTE":
                            try session.query("PREPARE p FROM '\(text)'")
                            try session.query("EXECUTE p")
                        default: try session.prepare(text).execute()
                        }
                        return ("\(way): \(text)", session)
                    }
                }
                let setting = try stage.proxy.connect()
                try setting.query("USE information_schema")
                if withFunctions { try setting.query("SELECT * FROM app.setting") }
                try stage.failOver()
                for (name, session) in sessions {
                    #expect(clientError { try session.query("SELECT 1") } == nil, "\(name)")
                }
                if withFunctions {
                    #expect(clientError { try setting.query("SELECT @set") }?.code == 1927)
                }
            }
        }

        @Test("a planned move asks before it leaves for what was to be asked with the next statement")
        func askedBeforeLeaving() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                try root.query("CREATE TABLE auto (id INT AUTO_INCREMENT PRIMARY KEY)")
                root.close()
                let session = try stage.proxy.connect(multiStatements: true)
                // One of several statements; and the id of a row that had one.
                try session.query("DO 1; SET tmp_table_size=65536; DO 2")
                let inserter = try stage.proxy.connect()
                try inserter.query("SELECT LAST_INSERT_ID(5)")
                try inserter.query("INSERT INTO auto VALUES (900)")
                let reset = try stage.proxy.connect()
                try reset.reset()
                try reset.query("SET @@default_storage_engine='Aria'")
                _ = try stage.proxy.admin("pause")
                try Moved.waitUntilNothingWouldBeLost(stage.proxy)
                stage.pair.primary.stop()
                try stage.pair.startStandby()
                _ = try stage.proxy.admin("resume")
                #expect(try session.query("SELECT @@tmp_table_size").first == "65536")
                #expect(try inserter.query("SELECT LAST_INSERT_ID()").first == "5")
                #expect(try reset.query("SELECT @@default_storage_engine").first == "Aria")
            }
        }

        @Test("SET TRANSACTION behind statements that certainly do, or do not, use it up")
        func nextTransaction() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                try root.query("CREATE TABLE rows_of (id INT)")
                root.close()
                #expect(stage.proxy.logs("All tables are of engines with transactions"))
                let cases: [(String, Bool)] = [
                    ("SELECT 1", true), ("SET @a=1", true), ("INSERT INTO rows_of VALUES (1)", false),
                    ("COMMIT", false),
                    ("SELECT * FROM nowhere", true),
                ]
                let sessions = try cases.map { text, isKept in
                    let session = try stage.proxy.connect()
                    let level = isKept ? "READ ONLY" : "ISOLATION LEVEL SERIALIZABLE"
                    try session.query("SET TRANSACTION \(level)")
                    _ = clientError { try session.query(text) }
                    return (text, isKept, session)
                }
                try stage.failOver()
                for (text, isKept, session) in sessions {
                    try session.query("BEGIN")
                    let error = clientError { try session.query("INSERT INTO rows_of VALUES (2)") }
                    #expect((error?.code == 1792) == isKept, "\(text): \(String(describing: error))")
                }
            }
        }
    }
}
