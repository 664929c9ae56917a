import Testbed
import Testing

extension Integration {
    /// What COM_STMT_EXECUTE changes in its session, it changes as a text does.
    @Suite(.serialized)
    struct ExecutedChangeTests {
        private static let value = "SELECT @a, CHARSET(@a), COLLATION(@a), COERCIBILITY(@a), HEX(@a), @a - 10"

        static let cases = [
            ChangeCase("SELECT GET_LOCK(?, ?)", ["prepared one", 0], check: "SELECT 1", .told),
            ChangeCase("SELECT GET_LOCK('prepared two', 0)", [], check: "SELECT 1", .told),
            ChangeCase("SELECT 7 INTO @a", [], check: "SELECT @a", .either),
            ChangeCase("SELECT @a := 5", [], check: "SELECT @a", .same),
            ChangeCase("SET @@sql_mode = 'ANSI'", [], check: "SELECT @@sql_mode", .same),
            ChangeCase("SET sql_mode = ?", ["ANSI"], check: "SELECT @@sql_mode", .same),
            ChangeCase("SET time_zone = ?", ["+03:00"], check: "SELECT @@time_zone", .same),
            ChangeCase(
                "SET NAMES latin1", [], check: "SELECT @@character_set_client, @@collation_connection", .same),
            ChangeCase("USE executed", [], check: "SELECT DATABASE()", .same),
            ChangeCase("SET autocommit = ?", [0], check: "SELECT @@autocommit", .same),
            ChangeCase("SET @a = ?", [5], check: value, .same),
            ChangeCase("SET @a = ?", [-5], check: value, .same),
            ChangeCase("SET @a = ?", ["hé'l"], check: value, .same),
            ChangeCase("SET @a = ?", ["12"], check: value, .same),
            ChangeCase("SET @a = ?", [""], check: value, .same),
            ChangeCase("SET @a = ?", [.null], check: "SELECT @a", .same),
            ChangeCase("SET @a = ?", [#"a\b"#], check: value, .either),
            ChangeCase("SET @a = ?", [.double(1.5)], check: value, .either),
            ChangeCase("SET @a = ?", [.bytes([1, 2])], check: value, .either),
            ChangeCase("SET @a = ? + 1, @b = CONCAT(?, 'x')", [4, "q"], check: "SELECT @a, @b", .same),
            ChangeCase("SET @a = ?", [7], before: ["SET @a = 'x'"], check: value, .same),
            ChangeCase("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", [], check: "SELECT 1", .same),
            ChangeCase("FLUSH TABLES executed_only WITH READ LOCK", [], check: "SELECT 1", .told),
            ChangeCase("CREATE TEMPORARY TABLE executed_temporary (x INT)", [], check: "SELECT 1", .told),
            ChangeCase("CALL executed_sets()", [], check: "SELECT @p", .told),
            ChangeCase("CALL executed_rows(?)", [3], check: "SELECT 1", .same),
            ChangeCase("CALL executed_out(@o)", [], check: "SELECT @o", .either),
            ChangeCase("SELECT @z + ?", [1], before: ["SET @z = 3"], check: "SELECT @z", .same),
            ChangeCase("SELECT ?", [1], check: "SELECT 1", .same),
        ]

        @Test(
            "nothing is lost without a word, nothing is told that is not lost", .timeLimit(.minutes(3)),
            arguments: Move.allCases)
        func changes(_ move: Move) throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                for text in [
                    "GRANT ALL ON *.* TO 'app'@'%'", "CREATE DATABASE executed", "CREATE TABLE executed_only (x INT)",
                    "CREATE PROCEDURE executed_sets() SET @p = 1",
                    "CREATE PROCEDURE executed_rows(n INT) SELECT n",
                    "CREATE PROCEDURE executed_out(OUT n INT) SET n = 3",
                ] {
                    try root.query(text)
                }
                try ChangeCase.judge(Self.cases, stage, move)
            }
        }

        /// A prepared `SET @a = ?` changes a value that is there before it is executed.
        @Test("to prepare an assignment is to change", .timeLimit(.minutes(2)))
        func preparedAssignment() throws {
            try Stage.run { stage in
                let client = try stage.proxy.connect()
                try client.query("SET @a = 'x'")
                let statement = try client.prepare("SET @a = ?")
                let second = try stage.proxy.connect()
                let kept = try second.prepare("SET @a = ?")
                _ = try kept.execute(["y"])
                try Move.crash(stage)
                #expect(try Answer { try client.query("SELECT @a, CHARSET(@a)") }.saysLost)
                #expect(try second.query("SELECT @a, CHARSET(@a)").rows == [["y", "utf8mb4"]])
                _ = try statement.execute(["z"])
                #expect(try client.query("SELECT @a, CHARSET(@a)").rows == [["z", "utf8mb4"]])
            }
        }
    }
}
