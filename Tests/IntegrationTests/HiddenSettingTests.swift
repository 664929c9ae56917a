import Testbed
import Testing

extension Integration {
    /// What a session gets set without the server reporting it.
    @Suite(.serialized)
    struct HiddenSettingTests {
        private static let prepare = [
            "GRANT ALL ON *.* TO 'app'@'%'", "CREATE DATABASE hidden CHARACTER SET latin1",
            "CREATE TABLE hidden_rows (a INT AUTO_INCREMENT PRIMARY KEY, b INT)",
            "CREATE TABLE hidden_keys (a INT PRIMARY KEY)", "INSERT INTO hidden_keys VALUES (1)",
            "CREATE TRIGGER hidden_trigger BEFORE INSERT ON hidden_keys FOR EACH ROW SET @t = NEW.a",
            "CREATE PROCEDURE hidden_length() SET @@group_concat_max_len = 77",
            "CREATE PROCEDURE hidden_zone() BEGIN SET @@time_zone = '+03:00'; SELECT 1; END",
            "CREATE PROCEDURE hidden_checks() SET @@foreign_key_checks = 0, @@sql_safe_updates = 1",
            """
            CREATE PROCEDURE hidden_write() BEGIN
            SET @@lock_wait_timeout = 7; INSERT INTO hidden_rows (b) VALUES (9); END
            """,
            "CREATE PROCEDURE hidden_nothing() BEGIN SELECT 1; SELECT 2; END",
        ]

        private static let set =
            "@@group_concat_max_len, @@time_zone, @@foreign_key_checks, @@sql_safe_updates, "
            + "@@lock_wait_timeout, @@sort_buffer_size, @@tx_read_only"

        private static let kept = [
            SessionCase(["BEGIN NOT ATOMIC SET @@sort_buffer_size = 1048576; END"], asks: "SELECT \(set)"),
            SessionCase(
                ["IF 0 THEN SET @@sort_buffer_size = 1048576; ELSE SET @@group_concat_max_len = 66; END IF"],
                asks: "SELECT \(set)"),
            SessionCase(["CALL hidden_length()"], asks: "SELECT \(set)"),
            SessionCase(["CALL hidden_zone()"], asks: "SELECT \(set)"),
            SessionCase(["CALL hidden_checks()"], asks: "SELECT \(set)"),
            SessionCase(["CALL hidden_write()"], asks: "SELECT \(set)"),
            SessionCase(["EXECUTE IMMEDIATE 'CALL hidden_length()'"], asks: "SELECT \(set)"),
            SessionCase(["PREPARE c FROM 'CALL hidden_zone()'", "EXECUTE c"], asks: "SELECT \(set)"),
            SessionCase(["CALL hidden_nothing()"], asks: "SELECT \(set)"),
            SessionCase(
                ["PREPARE w FROM 'INSERT INTO hidden_rows (b) VALUES (?)'", "SET SESSION TRANSACTION READ ONLY"],
                asks: "SELECT \(set)", "SET SESSION TRANSACTION READ WRITE", "EXECUTE w USING 5",
                "SELECT COUNT(*) FROM hidden_rows WHERE b = 5"),
            SessionCase(
                ["SET @@tx_read_only = 1", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE"],
                asks: "INSERT INTO hidden_rows (b) VALUES (31)", "SELECT COUNT(*) FROM hidden_rows WHERE b = 31"),
            SessionCase(
                ["SET character_set_database = latin1", "SET CHARACTER SET utf8mb4"],
                asks: "SELECT HEX('é'), COLLATION('x'), @@collation_database"),
            SessionCase(
                ["SET collation_connection = utf8mb4_bin", "SET @b = 'x'", "SET @old = @@collation_database"],
                asks: "SELECT COLLATION(@b), @b, @old", charset: "latin1"),
            SessionCase(
                [
                    "SELECT 1 INTO @a", "SET @A = 2", "SELECT 1 INTO @B", "SET @b = 3", "SET @C = 1", "DO @c := 2",
                    "SET @c = 3",
                ],
                asks: "SELECT variable_name, variable_value FROM information_schema.user_variables ORDER BY 1"),
            SessionCase(
                ["SET @Ab = 1, @`C d` = 'x'", "SET @aB = 2"],
                asks: "SELECT variable_name, variable_value FROM information_schema.user_variables ORDER BY 1"),
        ]

        @Test("by procedures and compound statements: it is kept", .timeLimit(.minutes(2)))
        func isKept() throws {
            try SessionCase.move(Self.kept, prepare: Self.prepare, between: ["TRUNCATE TABLE app.hidden_rows"])
        }

        @Test("and what can't be kept is told", .timeLimit(.minutes(2)), arguments: Move.allCases)
        func isTold(_ move: Move) throws {
            let cases = [
                ChangeCase(
                    "BEGIN NOT ATOMIC SET TRANSACTION READ ONLY; END", check: "INSERT INTO hidden_rows (b) VALUES (5)",
                    .told),
                ChangeCase(
                    "BEGIN NOT ATOMIC SET @@insert_id = 5000; END", check: "INSERT INTO hidden_rows (b) VALUES (6)",
                    .told),
            ]
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                for text in Self.prepare { try root.query(text) }
                try ChangeCase.judge(cases, stage, move)
            }
        }

        @Test("by a trigger of a write that failed", .timeLimit(.minutes(2)))
        func failedWrites() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                for text in Self.prepare { try root.query(text) }
                func failed(_ text: String) throws -> Client {
                    let session = try stage.proxy.connect()
                    #expect(clientError { try session.query(text) }?.code == 1062)
                    // With such a one it is asked, since it leaves nothing of the statement before; with the second one
                    // where other questions were under way when the first one came.
                    for _ in 0..<2 { try session.query("SELECT COUNT(*) FROM information_schema.schemata") }
                    return session
                }
                let triggered = try failed("INSERT INTO hidden_keys VALUES (1)")
                try root.query("CREATE TABLE plain_keys (a INT PRIMARY KEY)")
                try root.query("INSERT INTO plain_keys VALUES (1)")
                let plain = try failed("INSERT INTO plain_keys VALUES (1)")
                try stage.failOver()
                #expect(clientError { try triggered.query("SELECT @t") }?.code == 1927)
                #expect(try plain.query("SELECT @t").rows == [[nil]])
            }
        }

        @Test("by a reset, whose session says nothing before the move", .timeLimit(.minutes(2)))
        func reset() throws {
            try Stage.run { stage in
                try WireSession.makeAccount(stage.pair.asRoot())
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                for text in Self.prepare { try root.query(text) }
                try root.query("SET GLOBAL group_concat_max_len = 4321")
                try root.query("SET GLOBAL log_output = 'TABLE', general_log = 1")
                let silent = try stage.proxy.connect(schema: "hidden")
                let reset = try stage.proxy.connect(schema: "hidden")
                try reset.reset()
                // The last that each is told when it is opened: its questions have been answered then.
                try root.wait(
                    for: "3",
                    "SELECT COUNT(*) FROM mysql.general_log WHERE argument LIKE 'SET session_track_system_variables=%'")
                let collation = try root.query("SELECT @@GLOBAL.collation_database").rows[0][0]
                try stage.failOver()
                let question = "SELECT @@group_concat_max_len, @@collation_database"
                #expect(try silent.query(question).rows == [["4321", "latin1_swedish_ci"]])
                #expect(try reset.query(question).rows == [["4321", collation]])
            }
        }
    }
}
