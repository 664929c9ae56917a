import Testbed
import Testing

extension Integration {
    /// What stored procedures and functions leave in the session that calls them, and the server does not report.
    @Suite(.serialized)
    struct ProgramTests {
        private static let programs = [
            "CREATE PROCEDURE p_into() SELECT 7 INTO @n", "CREATE PROCEDURE p_assigns() SELECT @n := 7",
            "CREATE PROCEDURE p_out(OUT o INT) SET o = 7", "CREATE PROCEDURE p_passes() CALL p_out(@n)",
            "CREATE PROCEDURE p_diagnostics() BEGIN SELECT 1 / 0; GET DIAGNOSTICS @n = NUMBER; END",
            "CREATE PROCEDURE p_locks(l VARCHAR(64)) SELECT GET_LOCK(l, 10)",
            "CREATE PROCEDURE p_deeper(l VARCHAR(64)) CALL p_locks(l)",
            "CREATE PROCEDURE p_several() BEGIN SELECT 1; SELECT 2; END",
            "CREATE PROCEDURE p_deepest(l VARCHAR(64)) IF l <> '' THEN CALL app.`P_Deeper`(l); END IF",
            "CREATE PROCEDURE p_temporary() CREATE TEMPORARY TABLE tt AS SELECT 7 AS n",
            "CREATE PROCEDURE p_next() SET TRANSACTION READ ONLY",
            "CREATE PROCEDURE p_sets() SET @@sort_buffer_size = 123456",
            "CREATE PROCEDURE p_text() EXECUTE IMMEDIATE 'SET @@sort_buffer_size = 123456'",
            "CREATE FUNCTION f_locks(l VARCHAR(64)) RETURNS INT RETURN GET_LOCK(l, 10)",
            "CREATE FUNCTION f_into() RETURNS INT BEGIN SELECT 7 INTO @n; RETURN 1; END",
            "CREATE FUNCTION f_sets() RETURNS INT BEGIN SET @@sort_buffer_size = 123456; RETURN 1; END",
            "CREATE PROCEDURE p_function(l VARCHAR(64)) SELECT f_locks(l)",
            // Nothing that lasts.
            "CREATE PROCEDURE p_harmless() BEGIN DECLARE n INT; SELECT COUNT(*) INTO n FROM rows_of; SELECT n; END",
            "CREATE PROCEDURE p_writes() INSERT INTO rows_of (v) VALUES (1), (2)",
            "CREATE PROCEDURE p_reads() SELECT @a, 1 = @b, 'GET_LOCK(1)', GET_FORMAT(DATE, 'ISO') /* INTO @n */",
            "CREATE FUNCTION f_harmless(v INT) RETURNS INT BEGIN DECLARE n INT; SET n = v + 1; RETURN n; END",
        ]

        private static func locks(_ number: Int) -> String { "IS_USED_LOCK('program \(number)') = CONNECTION_ID()" }

        private static let leaving = [
            ChangeCase("CALL p_into()", check: "SELECT @n", .either),
            ChangeCase("CALL p_assigns()", before: ["SET @n = 1"], check: "SELECT @n", .either),
            ChangeCase("CALL p_passes()", check: "SELECT @n", .either),
            ChangeCase("CALL p_diagnostics()", check: "SELECT @n", .either),
            ChangeCase("CALL p_locks('program 1')", check: "SELECT \(locks(1))", .told),
            ChangeCase("CALL p_many149()", before: ["SET @n = 2"], check: "SELECT @n", .same),
            ChangeCase("CALL p_long('program 9')", check: "SELECT \(locks(9))", .told),
            ChangeCase("CALL p_deeper('program 2')", check: "SELECT \(locks(2))", .told),
            ChangeCase("CALL `app`.p_deepest('program 3')", check: "SELECT \(locks(3))", .told),
            ChangeCase("CALL p_locks(?)", ["program 4"], check: "SELECT \(locks(4))", .told),
            ChangeCase(
                "EXECUTE c", before: ["PREPARE c FROM 'CALL p_locks(''program 5'')'"], check: "SELECT \(locks(5))",
                .told),
            ChangeCase("EXECUTE IMMEDIATE 'CALL p_locks(''program 6'')'", check: "SELECT \(locks(6))", .told),
            ChangeCase("BEGIN NOT ATOMIC CALL p_locks('program 7'); END", check: "SELECT \(locks(7))", .told),
            ChangeCase("CALL p_function('program 8')", check: "SELECT \(locks(8))", .told),
            ChangeCase("BEGIN NOT ATOMIC SELECT 7 INTO @n; END", check: "SELECT @n", .either),
            ChangeCase("CALL p_temporary()", check: "SELECT * FROM tt", .told),
            ChangeCase("CALL p_next()", check: "INSERT INTO rows_of (v) VALUES (9)", .told),
            ChangeCase("CALL p_sets()", check: "SELECT @@sort_buffer_size", .either),
            ChangeCase("CALL p_text()", check: "SELECT @@sort_buffer_size", .either),
        ]

        private static let functions = [
            ChangeCase("SELECT f_locks('program 11')", check: "SELECT \(locks(11))", .told),
            ChangeCase("SELECT 1 FROM rows_of WHERE F_Locks('program 12')", check: "SELECT \(locks(12))", .told),
            ChangeCase("SELECT app.f_locks(?)", ["program 13"], check: "SELECT \(locks(13))", .told),
            ChangeCase("INSERT INTO rows_of (v) VALUES (f_locks('program 14'))", check: "SELECT \(locks(14))", .told),
            ChangeCase("DO f_into()", check: "SELECT @n", .either),
            ChangeCase("SELECT f_sets()", check: "SELECT @@sort_buffer_size", .either),
            ChangeCase("SELECT f_locks('program 15'), (SELECT 1 UNION SELECT 2)", check: "SELECT \(locks(15))", .told),
        ]

        private static let harmless = [
            ChangeCase("CALL p_harmless()", before: ["SET @a = 1, @n = 2"], check: "SELECT @a, @n", .same),
            ChangeCase("CALL p_reads()", before: ["SET @a = 1, @b = 2"], check: "SELECT @a, @b", .same),
            ChangeCase("CALL p_writes()", before: ["SET @a = 1"], check: "SELECT @a", .same),
            ChangeCase("CALL p_harmless()", [], check: "SELECT 1", .same),
            // The server goes to another schema and back, and says so with every result.
            ChangeCase(
                "CALL app.p_several()", before: ["USE information_schema"], check: "SELECT DATABASE()", .same),
            ChangeCase(
                "EXECUTE c", before: ["PREPARE c FROM 'CALL p_several()'", "USE information_schema"],
                check: "SELECT DATABASE()", .same),
            ChangeCase("SELECT f_harmless(v) FROM rows_of LIMIT 1", before: ["SET @a = 1"], check: "SELECT @a", .same),
            ChangeCase(
                "SELECT 'f_locks', `v` FROM rows_of LIMIT 1", before: ["SET @a = 1"], check: "SELECT @a", .either),
        ]

        private func makePrograms(_ root: Client) throws {
            try root.query("CREATE TABLE rows_of (id INT AUTO_INCREMENT PRIMARY KEY, v INT) ENGINE=InnoDB")
            try root.query("INSERT INTO rows_of (v) VALUES (1)")
            for text in Self.programs { try root.query(text) }
            // There are many of them, and long ones.
            for number in 0..<150 { try root.query("CREATE PROCEDURE p_many\(number)() SELECT \(number)") }
            let long = String(repeating: "SELECT 'ä'; ", count: 2_000)
            try root.query("CREATE PROCEDURE p_long(l VARCHAR(64)) BEGIN \(long) DO GET_LOCK(l, 10); END")
            try root.query("GRANT ALL ON *.* TO 'app'@'%'")
        }

        @Test(
            "is told after a move, and nothing that leaves nothing", .timeLimit(.minutes(3)), arguments: Move.allCases)
        func known(_ move: Move) throws {
            try Stage.run(prepare: makePrograms) { stage in
                #expect(stage.proxy.logs("stored programs were read"))
                try ChangeCase.judge(Self.leaving + Self.functions + Self.harmless, stage, move)
            }
        }

        @Test("views that lock, where the account may see them", .timeLimit(.minutes(3)), arguments: Move.allCases)
        func views(_ move: Move) throws {
            let cases = [
                ChangeCase("SELECT * FROM v_locks", check: "SELECT \(Self.locks(21))", .told),
                ChangeCase("SELECT 1 FROM `app`.`v_locks` AS v WHERE l", [], check: "SELECT \(Self.locks(21))", .told),
                ChangeCase("SELECT * FROM v_plain", before: ["SET @n = 2"], check: "SELECT @n", .same),
            ]
            try Stage.run {
                try $0.query("CREATE VIEW v_locks AS SELECT GET_LOCK('program 21', 10) AS l")
                try $0.query("CREATE VIEW v_plain AS SELECT 'get_lock' AS l")
                try $0.query("GRANT SELECT, SHOW VIEW ON *.* TO '\(EmbeddedPair.service.user)'@'%'")
            } _: { stage in
                #expect(stage.proxy.logs("stored programs were read"))
                for item in cases {
                    // One after the other: they take the same lock.
                    try ChangeCase.judge([item], stage, move)
                }
            }
        }

        @Test("of procedures that were made a moment ago, too", .timeLimit(.minutes(3)))
        func fresh() throws {
            try Stage.run { stage in
                #expect(stage.proxy.logs("stored programs were read"))
                try makePrograms(stage.pair.asRoot(schema: EmbeddedPair.schema))
                try ChangeCase.judge(Self.leaving.filter { !$0.name.contains("f_") }, stage, .crash)
            }
        }

        @Test("of an account that may not see them it is said what is not known")
        func unseen() throws {
            try Stage.run {
                try $0.query("REVOKE SELECT ON mysql.proc FROM '\(EmbeddedPair.service.user)'@'%'")
            } _: { stage in
                #expect(stage.proxy.logs("GRANT SELECT ON mysql.proc"))
                #expect(stage.proxy.logs("All tables are of engines with transactions"))
            }
        }
    }
}
