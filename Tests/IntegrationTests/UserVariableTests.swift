import Testbed
import Testing

extension Integration {
    /// A user variable whose value only the server knows is asked for, and has it after a move with its type.
    @Suite(.serialized)
    struct UserVariableTests {
        private static let prepare = [
            "CREATE TABLE kinds (id INT UNSIGNED PRIMARY KEY, v VARCHAR(20) CHARACTER SET latin1, d DECIMAL(10,4), f FLOAT)",
            "INSERT INTO kinds VALUES (1, 'ä', 1.25, 3.3), (2, 'b', -2, 4)",
            "CREATE PROCEDURE gives(OUT x INT) SET x=5",
        ]

        private static let scripts: [[String]] = [
            ["SELECT @a := 5"], ["SELECT @A := 'x', @b"], ["SELECT @n := IFNULL(@n, 0) + 1 FROM kinds"], ["DO @a := 8"],
            ["SET @a=(SELECT MAX(id) FROM kinds)"], ["SET @a=@@global.max_allowed_packet, @b=@@version"],
            ["SET @a=@@max_allowed_packet"], ["SET @a=@@hostname, @b=@@sql_log_bin"],
            ["SET @a=@@global.sql_mode, @b=@@global.max_statement_time, @c=@@tmp_table_size"],
            ["SET @a=@@character_set_database"], ["SELECT @a := 1.5e0/3, @b := 1/3, @c := -0e0, @d := 1e300"],
            ["SELECT @c := 18446744073709551615, @d := -9223372036854775808"], ["SELECT @a := 'x' COLLATE utf8mb4_bin"],
            ["SELECT @a := 31, (SELECT 1 UNION SELECT 2)"], ["SELECT 1; SELECT @a := 5; SELECT * FROM nowhere"],
            ["SET @a='k'", "SELECT @a, @b := 2"], ["SELECT @a := 5; SET @b=@a+1"],
            ["SELECT @a := 5", "SET @b=CONCAT(@a, 'x')"],
            ["SET @a=DATABASE(), @b=USER()"], ["SELECT @a := REPEAT('ä', 1000)"],
            ["SET NAMES latin1", "SELECT @a := 'ä'"], ["SET sql_mode='ORACLE,EMPTY_STRING_IS_NULL'", "SELECT @a := 5"],
            ["SET NAMES gbk", "SELECT @a := `v` FROM kinds"], ["SELECT @`x y` := 'it''s'"], ["SET @x=@a:=5"],
            ["SET collation_connection=utf16_general_ci", "SELECT @a := 'x', @b := 5"],
        ]

        private static let show = "SELECT * FROM information_schema.user_variables"

        @Test("a move right behind a statement finds its variables, and what the statement has left is still there")
        func moved() throws {
            try Moved.rightBehind(Self.scripts, prepare: Self.prepare, show: Self.show)
        }

        /// Behind rows that were changed ROW_COUNT() could not be left as it is: these are asked for with the next statement.
        @Test("what could not be asked for at once is, with the next statement")
        func withTheNext() throws {
            let scripts: [[String]] = [
                ["SELECT id, v, d, f INTO @a, @b, @c, @d FROM kinds WHERE id = 1"],
                ["UPDATE kinds SET d = (@a := 9) WHERE id = 1"], ["CALL gives(@a)"], ["SELECT 6 INTO @A"],
                ["GET DIAGNOSTICS @a = NUMBER"], ["BEGIN NOT ATOMIC SELECT IF(@a := 17, 1, 0); DO @b := 'x'; END"],
                ["BEGIN NOT ATOMIC SELECT 5, 'x' INTO @a, @b; END"],
            ]
            try SessionCase.move(scripts.map { SessionCase($0, asks: Self.show) }, prepare: Self.prepare)
        }

        private static let values = [
            "17", "-5", "1.50", "1e10", "NULL", "''", "'a'", "0x4142", "b'101'", "_latin1'x'", "TRUE",
            "18446744073709551615", "N'n'", "DATE'2020-01-02'", "_latin1 x'e9'", "_binary'q'",
        ]
        private static let ways = [
            "SET @a = {}", "SET @A := {}", "SELECT @a := {}", "SELECT {} INTO @a",
            "EXECUTE IMMEDIATE 'SET @a = ?' USING {}",
            "SET @b = {}; SET @a = @b", "PREPARE s FROM 'SET @a = ?'; SET @b = {}; EXECUTE s USING @b",
        ]

        /// A value after another one: NULL keeps the type of what was there, and names their first spelling.
        @Test("every kind of value behind every other, each set in one way of many", .timeLimit(.minutes(3)))
        func pairs() throws {
            var generator = SeededGenerator(seed: 7)
            let cases = Self.values.flatMap { first in
                Self.values.map { second in
                    SessionCase(
                        [first, second].map { value in
                            (Self.ways.randomElement(using: &generator) ?? "").replacing("{}", with: value)
                        }, asks: Self.show + " ORDER BY 1")
                }
            }
            try SessionCase.move(cases) { _ in true }
        }

        @Test("a value that has no exact expression is a loss, and told")
        func losses() throws {
            try Stage.run { stage in
                let texts = [
                    "SELECT @a := NULL", "SELECT @a := x'00'", "SELECT @a := POINT(1, 2)",
                    "SELECT @a := REPEAT('x', 2049)",
                ]
                let sessions = try texts.map { text in
                    let session = try stage.proxy.connect()
                    try session.query(text)
                    try session.ping()
                    return (text, session)
                }
                try stage.failOver()
                for (text, session) in sessions {
                    #expect(clientError { try session.query("SELECT @a") }?.code == 1927, "\(text)")
                    #expect(try session.query("SELECT @a").first == nil, "\(text)")
                }
            }
        }
    }
}
