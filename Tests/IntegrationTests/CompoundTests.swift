import Testbed
import Testing

extension Integration {
    /// What a compound statement does to its session, and asks it: not everything of that is reported.
    @Suite(.serialized)
    struct CompoundTests {
        private static let prepare = [
            "CREATE TABLE compound_rows (a INT AUTO_INCREMENT PRIMARY KEY, b INT)",
            "INSERT INTO compound_rows (b) VALUES (1), (2), (3)",
            "CREATE PROCEDURE compound_out(OUT o INT) SET o = 5", "CREATE SEQUENCE compound_sequence",
        ]

        private static let variables =
            "SELECT variable_name, variable_value FROM information_schema.user_variables ORDER BY 1"

        private static let cases =
            [
                "SELECT @a := 5", "SELECT IF(@a := 17, 1, 0)", "SELECT b INTO @a FROM compound_rows WHERE a = 2",
                "SELECT 1, 2 INTO @a, @b", "DO @a := 8", "GET DIAGNOSTICS @a = NUMBER", "CALL compound_out(@a)",
                "UPDATE compound_rows SET b = (@a := 9) WHERE a = 1", "SET @a = 3",
                "IF 1 THEN SELECT @a := 6; END IF", "EXECUTE IMMEDIATE 'SELECT @a := 7'",
            ].map { SessionCase(["BEGIN NOT ATOMIC \($0); END"], asks: variables) }
            + [
                SessionCase(
                    ["BEGIN NOT ATOMIC DO GET_LOCK('compound', 0); END"],
                    asks: "SELECT IS_USED_LOCK('compound') = CONNECTION_ID()"),
                SessionCase(
                    ["IF 1 THEN SELECT `GET_LOCK`('compound 2', 0); END IF"],
                    asks: "SELECT IS_USED_LOCK('compound 2') = CONNECTION_ID()"),
                SessionCase(
                    ["BEGIN NOT ATOMIC HANDLER compound_rows OPEN; END"], asks: "HANDLER compound_rows READ FIRST"),
                SessionCase(
                    ["BEGIN NOT ATOMIC CREATE TEMPORARY TABLE compound_t (i INT); END"],
                    asks: "SELECT * FROM compound_t"),
                SessionCase(
                    ["BEGIN NOT ATOMIC PREPARE compound_p FROM 'SELECT 4'; END"], asks: "EXECUTE compound_p"),
            ]
            // Asked in one.
            + [
                ("SELECT SQL_CALC_FOUND_ROWS a FROM compound_rows LIMIT 1", "SELECT FOUND_ROWS()"),
                ("SELECT SQL_CALC_FOUND_ROWS a FROM compound_rows LIMIT 1", "SELECT `FOUND_ROWS`()"),
                ("UPDATE compound_rows SET b = b + 1", "SELECT ROW_COUNT()"),
                ("SELECT CAST('x' AS SIGNED)", "SHOW WARNINGS"),
                ("SELECT CAST('x' AS SIGNED)", "SELECT @@warning_count"),
                ("SELECT NEXTVAL(compound_sequence)", "SELECT LASTVAL(compound_sequence)"),
            ].map { SessionCase([$0], asks: "BEGIN NOT ATOMIC \($1); END") }

        @Test("is there after a move, or its loss is told first", .timeLimit(.minutes(2)))
        func isKeptOrTold() throws {
            try SessionCase.move(Self.cases, prepare: Self.prepare, tolerates: { _ in true })
        }
    }
}
