import Testbed
import Testing

extension Integration {
    /// LAST_INSERT_ID() behind every statement that may set it, asked for after a move: what a direct connection says, or an
    /// error before it.
    @Suite(.serialized)
    struct LastInsertIDTests {
        private struct Case {
            var statements: [String]
            /// It has to be there: an error would be a false loss.
            var isKept = false
            /// Prepared, with these values.
            var parameters: [PreparedStatement.Parameter]?
        }

        private static let cases: [Case] = [
            Case(statements: ["INSERT INTO auto (v) VALUES ('x')"], isKept: true),
            Case(statements: ["INSERT INTO auto (v) VALUES ('x'), ('y'), (NOW())"], isKept: true),
            Case(statements: ["/* c */ INSERT INTO auto (v) VALUES ('x') -- end\n"], isKept: true),
            Case(statements: ["/*!50000 INSERT INTO auto (v) VALUES ('x') */"], isKept: true),
            Case(statements: ["INSERT INTO auto VALUES (600, 'x'), (NULL, 'y'), (700, 'z')"], isKept: true),
            Case(statements: ["REPLACE INTO uniq (k, v) VALUES (1, 900)"], isKept: true),
            Case(
                statements: ["INSERT INTO auto (v) VALUES ('x')", "CREATE TABLE IF NOT EXISTS other (a INT)"],
                isKept: true),
            Case(statements: ["INSERT INTO auto (v) VALUES ('x'); SELECT 1"], isKept: true),
            Case(
                statements: ["DO 1; INSERT INTO auto (v) VALUES ('x'); INSERT INTO auto (v) VALUES ('y')"], isKept: true
            ),
            Case(statements: ["UPDATE auto SET v=LAST_INSERT_ID(99) LIMIT 1"], isKept: true),
            Case(statements: ["SELECT LAST_INSERT_ID(42)"], isKept: true),
            Case(statements: ["SET last_insert_id=15"], isKept: true),
            Case(
                statements: ["INSERT INTO uniq (k, v) VALUES (50, 60) ON DUPLICATE KEY UPDATE v=v+1"], isKept: true),
            Case(statements: ["INSERT IGNORE INTO uniq (k, v) VALUES (1, 9)"], isKept: true),
            Case(statements: ["INSERT INTO uniq (id, k) VALUES (1, 1) ON DUPLICATE KEY UPDATE v=v+1"]),
            Case(statements: ["INSERT INTO uniq (id, k) VALUES (70, 70), (71, 1) ON DUPLICATE KEY UPDATE v=v+1"]),
            Case(statements: ["INSERT INTO uniq (id, k) VALUES (1, 1) ON DUPLICATE KEY UPDATE id=72"]),
            Case(statements: ["INSERT INTO auto (v) VALUES (?)"], isKept: true, parameters: ["x"]),
            Case(statements: ["INSERT INTO auto (id, v) VALUES (?, ?)"], isKept: true, parameters: [.null, 5]),
            Case(statements: ["INSERT INTO auto (id, v) VALUES (?, ?)"], parameters: [800, "x"]),
            Case(statements: ["INSERT INTO auto (id, v) VALUES (?, ?)"], parameters: ["800", "x"]),
            Case(statements: ["INSERT INTO auto (id, v) VALUES (?, ?)"], parameters: [.double(800.4), "x"]),
            Case(statements: ["INSERT INTO auto VALUES (500, 'x')"]),
            Case(statements: ["INSERT INTO auto VALUES (501, 'x'), (502, 'y')"]),
            Case(statements: ["INSERT INTO auto VALUES ('0503abc', 'x')"]),
            Case(statements: ["INSERT INTO auto VALUES (0x1f4, 'x')"]),
            Case(statements: ["INSERT INTO auto VALUES (5e2, 'x')"]),
            Case(statements: ["INSERT INTO auto VALUES (250+250, 'x')"]),
            Case(statements: ["INSERT INTO auto VALUES (-5, 'x')"]),
            Case(statements: ["INSERT INTO tiny VALUES (300)"]),
            Case(statements: ["INSERT INTO auto (v) VALUES ('r') RETURNING id"]),
            Case(statements: ["INSERT INTO auto (v) VALUES (?) RETURNING id"], parameters: ["r"]),
            Case(statements: ["EXECUTE IMMEDIATE 'INSERT INTO auto (v) VALUES (1) RETURNING id'"]),
            Case(statements: ["PREPARE r FROM 'REPLACE INTO auto (v) VALUES (1) RETURNING id'", "EXECUTE r"]),
            Case(statements: ["CALL inserts()"]), Case(statements: ["CALL inserts_explicitly()"]),
            Case(statements: ["UPDATE auto SET v=LAST_INSERT_ID(0) LIMIT 1"]),
            Case(statements: ["UPDATE auto SET v=LAST_INSERT_ID(77) WHERE id=-99"]),
            Case(statements: ["INSERT INTO uniq (k, v) VALUES (1, 1) ON DUPLICATE KEY UPDATE v=v+1"]),
            Case(statements: ["INSERT INTO uniq (k, v) VALUES (1, 9) ON DUPLICATE KEY UPDATE id=LAST_INSERT_ID(id)"]),
            Case(statements: ["INSERT INTO auto (v) SELECT v FROM auto LIMIT 2"]),
            Case(statements: ["INSERT INTO auto SELECT id+9000, v FROM auto LIMIT 2"]),
            Case(statements: ["INSERT INTO uniq (k, v) VALUES (800, 9), (1, 9)"]),
            Case(statements: ["INSERT INTO fails (v) VALUES ('x')"]),
            Case(statements: ["CREATE OR REPLACE TABLE made (id INT AUTO_INCREMENT PRIMARY KEY) SELECT v FROM auto"]),
            Case(statements: ["SELECT LAST_INSERT_ID(43), (SELECT 1 UNION SELECT 2)"]),
            Case(statements: ["DELETE FROM auto WHERE id=LAST_INSERT_ID(3)"]),
            Case(statements: ["DO LAST_INSERT_ID(80+8)"]),
            Case(statements: ["EXECUTE IMMEDIATE 'INSERT INTO auto VALUES (900, ''x'')'"]),
            Case(statements: ["SET STATEMENT max_statement_time=9 FOR INSERT INTO auto VALUES (901, 'x')"]),
            Case(statements: ["DO 1; INSERT INTO auto VALUES (902, 'x')"]),
        ]

        private static let tables = [
            "CREATE OR REPLACE TABLE auto (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20))",
            "INSERT INTO auto (v) VALUES ('1'), ('2'), ('3')",
            "CREATE OR REPLACE TABLE uniq (id INT AUTO_INCREMENT PRIMARY KEY, k INT UNIQUE, v INT)",
            "INSERT INTO uniq (k, v) VALUES (1, 1), (2, 2)",
            "CREATE OR REPLACE TABLE fails (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20))",
            "CREATE TRIGGER fails_after AFTER INSERT ON fails FOR EACH ROW SIGNAL SQLSTATE '45000'",
            "CREATE OR REPLACE TABLE tiny (id TINYINT AUTO_INCREMENT PRIMARY KEY)",
            "CREATE OR REPLACE PROCEDURE inserts() INSERT INTO auto (v) VALUES ('p')",
            "CREATE OR REPLACE PROCEDURE inserts_explicitly() INSERT INTO auto VALUES (4000, 'p')",
        ]

        private static func run(_ example: Case, in session: Client) throws {
            try session.query("SET last_insert_id=123456, sql_mode=''")
            if let parameters = example.parameters {
                try session.prepare(example.statements[0]).execute(parameters)
            } else {
                // Some of them fail on purpose.
                for text in example.statements { _ = clientError { try session.query(text) } }
            }
        }

        @Test("a move keeps the value, or whoever asks is told")
        func kept() throws {
            // Without it, whoever has failed is told by a crash.
            try Stage.run {
                try $0.query("GRANT TRIGGER ON *.* TO '\(EmbeddedPair.service.user)'@'%'")
            } _: { stage in
                #expect(stage.proxy.logs("triggers were read"))
                var sessions: [(Case, Client, String?)] = []
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                for example in Self.cases {
                    // Twice on the same tables: the direct connection first, which never moves.
                    for text in Self.tables { try root.query(text) }
                    let direct = try Client(
                        port: stage.pair.primary.port, user: EmbeddedPair.application.user,
                        password: EmbeddedPair.application.password, schema: EmbeddedPair.schema, multiStatements: true)
                    try Self.run(example, in: direct)
                    let expected = try direct.query("SELECT LAST_INSERT_ID()").first
                    direct.close()
                    for text in Self.tables { try root.query(text) }
                    let isMulti = example.statements.contains { $0.contains(";") }
                    let session = try stage.proxy.connect(multiStatements: isMulti)
                    try Self.run(example, in: session)
                    sessions.append((example, session, expected))
                }
                root.close()
                try stage.failOver()
                for (example, session, expected) in sessions {
                    // It is not asked for: nothing is missing.
                    #expect(try session.query("SELECT 'no loss'").first == "no loss", "\(example.statements)")
                    do {
                        let value = try session.query("SELECT LAST_INSERT_ID()").first
                        #expect(value == expected, "\(example.statements)")
                    } catch let error as ClientError {
                        #expect(!example.isKept, "\(example.statements): \(error)")
                        #expect(error.code == 1927 && error.sqlState == "08S02", "\(error)")
                        // Told once; and the next insert is the session's own.
                        #expect(try session.query("SELECT LAST_INSERT_ID()").first == "0")
                    }
                    try session.query("SELECT LAST_INSERT_ID(7)")
                    #expect(try session.query("SELECT LAST_INSERT_ID()").first == "7")
                }
            }
        }

        @Test("statements of others that change other tables put nothing in doubt", .timeLimit(.minutes(1)))
        func others() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                try root.query("GRANT CREATE, ALTER ON \(EmbeddedPair.schema).* TO 'app'@'%'")
                for table in ["auto", "changed"] {
                    try root.query("CREATE TABLE \(table) (id INT AUTO_INCREMENT PRIMARY KEY, v INT)")
                }
                let session = try stage.proxy.connect()
                let other = try stage.proxy.connect()
                /// Whether the id of a row that says its own number is known at once.
                func isKnown(behind change: String?, into table: String) throws -> Bool {
                    try session.query("SELECT LAST_INSERT_ID(5)")
                    if let change { try other.query(change) }
                    try session.query("REPLACE INTO \(table) (id, v) VALUES (70001, CONCAT('', 8))")
                    return try stage.proxy.admin("show sessions json").contains("last insert id")
                }
                let deadline = ContinuousClock.now + .seconds(30)
                while try !isKnown(behind: nil, into: "auto"), ContinuousClock.now < deadline {}
                for round in 0..<8 {
                    #expect(try isKnown(behind: "CREATE TABLE new\(round) (i INT)", into: "auto"))
                    #expect(try isKnown(behind: "ALTER TABLE new\(round) ADD j INT", into: "auto"))
                }
                var isDoubted = false
                for round in 0..<8 {
                    isDoubted =
                        try !isKnown(behind: "ALTER TABLE changed ADD c\(round) INT", into: "changed") || isDoubted
                }
                #expect(isDoubted)
            }
        }

        @Test("behind an insert that failed it is asked for at once")
        func failed() throws {
            let failures = [
                "INSERT INTO once (id) VALUES (1)", "INSERT INTO once (u) VALUES (1)",
                "REPLACE INTO once (n) VALUES (NULL)",
                "/*!50000 INSERT INTO once (id) VALUES (1) */", "DO 1; INSERT INTO once (id) VALUES (1)",
                "EXECUTE IMMEDIATE 'INSERT INTO once (id) VALUES (1)'",
            ]
            try Moved.rightBehind(
                failures.map { ["SELECT LAST_INSERT_ID(77)", $0] },
                prepare: [
                    "CREATE TABLE once (id INT AUTO_INCREMENT PRIMARY KEY, u INT UNIQUE, n INT NOT NULL DEFAULT 0)",
                    "INSERT INTO once (u) VALUES (1)",
                ], seesTriggers: true, show: "SELECT LAST_INSERT_ID()")
        }

        @Test("an unknown value is asked for in many ways; what sets it first is no question")
        func questions() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                for text in Self.tables { try root.query(text) }
                try root.query("CREATE FUNCTION asks() RETURNS BIGINT RETURN LAST_INSERT_ID()")
                let asking = [
                    "SELECT LAST_INSERT_ID()", "SELECT @@last_insert_id", "SELECT @@session.identity",
                    "SET @a=LAST_INSERT_ID()",
                    "SELECT asks()", "CALL inserts()", "INSERT INTO auto (v) VALUES (LAST_INSERT_ID())",
                    "EXECUTE IMMEDIATE 'SELECT LAST_INSERT_ID()'", "DO 1; SELECT LAST_INSERT_ID()", "EXECUTE p",
                    "UPDATE auto SET v=1 WHERE id=LAST_INSERT_ID()",
                ]
                let others = [
                    "INSERT INTO auto (v) VALUES ('x'); SELECT LAST_INSERT_ID()", "SELECT 1",
                    "SELECT * FROM auto WHERE v IS NULL",
                    "SELECT LAST_INSERT_ID(5)", "SELECT 'LAST_INSERT_ID()'",
                ]
                let sessions = try (asking + others).map { text in
                    let session = try stage.proxy.connect(multiStatements: true)
                    try session.query("PREPARE p FROM 'SELECT LAST_INSERT_ID()'")
                    try session.query("INSERT INTO auto (v) VALUES ('r') RETURNING id")
                    return (text, session)
                }
                let bound = try stage.proxy.connect()
                let statement = try bound.prepare("SELECT LAST_INSERT_ID()")
                try bound.query("INSERT INTO auto (v) VALUES ('r') RETURNING id")
                root.close()
                try stage.failOver()
                for (text, session) in sessions {
                    let error = clientError { try session.query(text) }
                    #expect(
                        (error?.sqlState == "08S02") == asking.contains(text), "\(text): \(String(describing: error))")
                    #expect(try session.query("SELECT 'goes on'").first == "goes on", "\(text)")
                }
                #expect(clientError { try statement.execute() }?.sqlState == "08S02")
                #expect(try statement.execute().first == "0")
            }
        }
    }
}
