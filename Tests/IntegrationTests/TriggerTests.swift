import Testbed
import Testing

extension Integration {
    /// What triggers leave in the session whose statement sets them off, and the server does not report.
    @Suite(.serialized)
    struct TriggerTests {
        private static let triggers = [
            ("t_into", "BEFORE INSERT", "BEGIN SELECT NEW.v INTO @n; END"),
            ("t_assigns", "AFTER UPDATE", "BEGIN DECLARE a INT; SET a = (@n := NEW.v); END"),
            ("t_sets", "BEFORE DELETE", "SET @n = OLD.v"),
            ("t_diagnostics", "BEFORE INSERT", "BEGIN GET DIAGNOSTICS @n = NUMBER; END"),
            ("t_locks", "AFTER INSERT", "BEGIN DECLARE g INT; SET g = GET_LOCK(NEW.name, 10); END"),
            ("t_deeper", "BEFORE INSERT", "INSERT INTO t_locks (name) VALUES (NEW.name)"),
            ("t_calls", "AFTER INSERT", "CALL `P_Locks`(NEW.name)"),
            ("t_temporary", "BEFORE INSERT", "BEGIN CREATE TEMPORARY TABLE tt AS SELECT 7 AS n; END"),
            // (Before the row, READ ONLY ends the server.)
            ("t_next", "AFTER INSERT", "SET TRANSACTION READ ONLY"),
            ("t_variable", "BEFORE INSERT", "SET @@sort_buffer_size = 123456"),
            ("t_named", "BEFORE INSERT", "SET NEW.v = 3, sort_buffer_size = 123456"),
            (
                "t_long", "AFTER INSERT",
                "BEGIN \(String(repeating: "DO 'ä'; ", count: 2_000)) DO GET_LOCK(NEW.name, 10); END"
            ),
            // Nothing that lasts.
            ("t_plain", "BEFORE INSERT", "BEGIN DECLARE n INT; SET n = NEW.v; SET NEW.v = n + 1; END"),
            ("t_counts", "AFTER INSERT", "UPDATE rows_of SET v = v + 1"),
            (
                "t_refuses", "BEFORE INSERT",
                "IF NEW.v = 13 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF"
            ),
            ("t_failing", "BEFORE INSERT", "SET @n = NEW.v"),
            ("t_numbers", "BEFORE INSERT", "SET NEW.id = 1000 + CONNECTION_ID()"),
            ("t_clears", "BEFORE INSERT", "SET NEW.id = NULL"),
        ]

        private static func make(_ root: Client, seesTriggers: Bool = true) throws {
            try root.query("CREATE TABLE rows_of (id INT AUTO_INCREMENT PRIMARY KEY, v INT) ENGINE=InnoDB")
            try root.query("INSERT INTO rows_of (v) VALUES (1)")
            try root.query("CREATE PROCEDURE p_locks(l VARCHAR(64)) DO GET_LOCK(l, 10)")
            for (table, event, body) in triggers {
                try root.query(
                    "CREATE TABLE \(table) (id INT AUTO_INCREMENT PRIMARY KEY, v INT, name VARCHAR(64)) ENGINE=InnoDB")
                // Two rows each, which a direct session and one through the proxy may change alike.
                try root.query("INSERT INTO \(table) (v) VALUES (7), (7)")
                try root.query("CREATE TRIGGER g\(table) \(event) ON \(table) FOR EACH ROW \(body)")
            }
            try root.query("CREATE TABLE t_moderate (id INT PRIMARY KEY)")
            try root.query("CREATE VIEW v_into AS SELECT id, v, name FROM t_into")
            try root.query("CREATE PROCEDURE p_writes(l VARCHAR(64)) INSERT INTO t_deeper (name) VALUES (l)")
            try root.query(
                "CREATE FUNCTION f_writes() RETURNS INT BEGIN INSERT INTO t_into (v) VALUES (9); RETURN 1; END")
            try root.query("GRANT ALL ON *.* TO 'app'@'%'")
            if seesTriggers { try root.query("GRANT TRIGGER ON *.* TO '\(EmbeddedPair.service.user)'@'%'") }
        }

        private static func lock(_ number: Int) -> String { "IS_USED_LOCK('trigger \(number)') = CONNECTION_ID()" }

        /// `same` where the session is asked for what was set, and a change of state that is reported is explained.
        private static let leaving = [
            ChangeCase("INSERT INTO t_into (v) VALUES (8)", check: "SELECT @n", .same),
            ChangeCase("INSERT INTO t_into (v) VALUES (?)", ["8"], check: "SELECT @n", .same),
            ChangeCase(
                "EXECUTE p", before: ["PREPARE p FROM 'INSERT INTO t_into (v) VALUES (8)'"], check: "SELECT @n", .same),
            ChangeCase("REPLACE INTO app.`t_into` (v) VALUES (8)", check: "SELECT @n", .same),
            ChangeCase("INSERT INTO t_into (v) SELECT 8", check: "SELECT @n", .same),
            ChangeCase("EXECUTE IMMEDIATE 'INSERT INTO t_into (v) VALUES (8)'", check: "SELECT @n", .either),
            ChangeCase("BEGIN NOT ATOMIC INSERT INTO t_into (v) VALUES (8); END", check: "SELECT @n", .either),
            ChangeCase("INSERT INTO v_into (v) VALUES (8)", check: "SELECT @n", .either),
            ChangeCase("SELECT f_writes()", check: "SELECT @n", .either),
            ChangeCase("INSERT INTO rows_of (v) VALUES (f_writes())", check: "SELECT @n", .either),
            ChangeCase("UPDATE t_assigns SET name = 'x' WHERE v = 7", check: "SELECT @n", .same),
            ChangeCase("DELETE FROM t_sets ORDER BY id LIMIT 1", check: "SELECT @n", .same),
            ChangeCase("INSERT INTO t_diagnostics (v) VALUES (8)", check: "SELECT @n", .either),
            ChangeCase("INSERT INTO t_locks (name) VALUES ('trigger 1')", check: "SELECT \(lock(1))", .told),
            ChangeCase("INSERT INTO t_deeper (name) VALUES ('trigger 2')", check: "SELECT \(lock(2))", .told),
            ChangeCase("INSERT INTO t_calls (name) VALUES ('trigger 3')", check: "SELECT \(lock(3))", .told),
            ChangeCase("CALL p_writes('trigger 4')", check: "SELECT \(lock(4))", .told),
            ChangeCase("INSERT INTO t_long (name) VALUES ('trigger 5')", check: "SELECT \(lock(5))", .told),
            ChangeCase("INSERT INTO t_locks (name) VALUES (?)", ["trigger 6"], check: "SELECT \(lock(6))", .told),
            ChangeCase("INSERT INTO t_temporary (v) VALUES (8)", check: "SELECT * FROM tt", .told),
            ChangeCase("INSERT INTO t_next (v) VALUES (8)", check: "INSERT INTO rows_of (v) VALUES (9)", .told),
            ChangeCase("INSERT INTO t_variable (v) VALUES (8)", check: "SELECT @@sort_buffer_size", .same),
            ChangeCase("INSERT INTO t_named (v) VALUES (8)", check: "SELECT @@sort_buffer_size", .same),
        ]

        private static let harmless = [
            ChangeCase("INSERT INTO t_plain (v) VALUES (8)", before: ["SET @n = 2"], check: "SELECT @n", .same),
            ChangeCase("INSERT INTO t_counts (v) VALUES (8)", before: ["SET @n = 2"], check: "SELECT @n", .same),
            ChangeCase("INSERT INTO t_refuses (v) VALUES (8)", before: ["SET @n = 2"], check: "SELECT @n", .same),
            ChangeCase("UPDATE t_into SET v = 9 WHERE id = 1", before: ["SET @n = 2"], check: "SELECT @n", .same),
            ChangeCase(
                "INSERT INTO rows_of SELECT NULL, v FROM t_sets", before: ["SET @n = 2"], check: "SELECT @n", .same),
            ChangeCase("SELECT id FROM t_locks FOR UPDATE", before: ["SET @n = 2"], check: "SELECT @n", .same),
        ]

        private static let failing = [
            ChangeCase("INSERT INTO t_failing (id, v) VALUES (1, 5)", check: "SELECT @n", .same),
            ChangeCase("INSERT INTO t_failing (id, v) VALUES (?, 5)", ["1"], check: "SELECT @n", .same),
            ChangeCase(
                "EXECUTE p", before: ["PREPARE p FROM 'INSERT INTO t_failing (id, v) VALUES (1, 5)'"],
                check: "SELECT @n", .same),
            ChangeCase("INSERT INTO t_variable (id) VALUES (1)", check: "SELECT @@sort_buffer_size", .same),
            ChangeCase("INSERT INTO t_next (id) VALUES (1)", before: ["SET @n = 2"], check: "SELECT @n", .told),
            ChangeCase("INSERT INTO t_temporary (id) VALUES (1)", check: "SELECT * FROM tt", .told),
        ]

        /// No trigger can have set anything: there is nothing to ask.
        private static let failingIdly = [
            ChangeCase("INSERT INTO t_plain (id, v) VALUES (1, 5)", before: ["SET @n = 2"], check: "SELECT @n", .same),
            ChangeCase("INSERT INTO t_refuses (v) VALUES (13)", before: ["SET @n = 2"], check: "SELECT @n", .same),
            ChangeCase("INSERT INTO t_moderate VALUES (1), (1)", before: ["SET @n = 2"], check: "SELECT @n", .same),
            ChangeCase("UPDATE t_failing SET id = 1", before: ["SET @n = 2"], check: "SELECT @n", .same),
        ]

        @Test(
            "is told after a move or kept, and nothing that leaves nothing", .timeLimit(.minutes(3)),
            arguments: Move.allCases)
        func known(_ move: Move) throws {
            try Stage.run(prepare: { try Self.make($0) }) { stage in
                #expect(stage.proxy.logs("triggers were read"))
                try ChangeCase.judge((Self.leaving + Self.harmless).map(\.settled), stage, move)
            }
        }

        @Test("of a statement that failed, too", .timeLimit(.minutes(3)), arguments: Move.allCases)
        func failed(_ move: Move) throws {
            try Stage.run(prepare: { try Self.make($0) }) { stage in
                #expect(stage.proxy.logs("triggers were read"))
                try ChangeCase.judge(Self.failing.map(\.settled) + Self.failingIdly, stage, move)
            }
        }

        private static let numbering = [
            ChangeCase("INSERT INTO t_numbers (v) VALUES (8)", check: "SELECT LAST_INSERT_ID()", .same),
            ChangeCase("INSERT INTO t_numbers VALUES (NULL, 9, 'x')", check: "SELECT LAST_INSERT_ID()", .same),
            ChangeCase("INSERT INTO t_numbers (v) VALUES (?)", ["8"], check: "SELECT LAST_INSERT_ID()", .same),
            // One that the statement says, and the trigger takes away.
            ChangeCase(
                "INSERT INTO t_clears VALUES (5, 9, 'x')",
                check: "SELECT LAST_INSERT_ID() = (SELECT MAX(id) FROM t_clears)", .same),
            // What is inserted elsewhere is nothing to it.
            ChangeCase("INSERT INTO t_deeper (v) VALUES (8)", check: "SELECT LAST_INSERT_ID() > 2", .either),
        ]

        @Test("LAST_INSERT_ID() behind one that sets the number", .timeLimit(.minutes(3)), arguments: Move.allCases)
        func numbers(_ move: Move) throws {
            try Stage.run(prepare: { try Self.make($0) }) { stage in
                #expect(stage.proxy.logs("triggers were read"))
                let cases = Self.numbering.map {
                    var item = $0.settled
                    item.before = ["SELECT LAST_INSERT_ID(3)"]
                    return item
                }
                try ChangeCase.judge(cases, stage, move)
            }
        }

        @Test(
            "where they are not seen, who has failed is told by a crash, and asked for before a planned move",
            .timeLimit(.minutes(3)), arguments: Move.allCases)
        func unseen(_ move: Move) throws {
            try Stage.run(prepare: { try Self.make($0, seesTriggers: false) }) { stage in
                #expect(stage.proxy.logs("stored programs were read"))
                let session = try stage.proxy.connect()
                try session.query("SET @n = 2")
                let failure = clientError { try session.query("INSERT INTO t_moderate VALUES (1), (1)") }
                #expect(failure?.code == 1062)
                switch move {
                case .crash:
                    let other = try stage.proxy.connect()
                    let refused = clientError { try other.query("INSERT INTO t_failing (id, v) VALUES (1, 5)") }
                    #expect(refused?.code == 1062)
                    // It is asked with this one, and a trigger has run.
                    try other.query("DO 0")
                    try stage.failOver()
                    for told in [session, other] {
                        #expect(try Answer { try told.query("SELECT @n") }.saysLost)
                    }
                case .planned:
                    _ = try stage.proxy.admin("pause")
                    try Moved.waitUntilNothingWouldBeLost(stage.proxy)
                    stage.pair.primary.stop()
                    try stage.pair.startStandby()
                    _ = try stage.proxy.admin("resume")
                    #expect(try session.query("SELECT @n").first == "2")
                }
            }
        }
    }
}
