import Testbed
import Testing

extension Integration {
    /// In schemas whose character set has two or four bytes for every character the server reports in another form.
    @Suite(.serialized)
    struct WideSchemaTests {
        private static let state =
            """
            SELECT DATABASE(), @@character_set_client, @@character_set_connection, @@collation_connection,
                @@character_set_results, @@time_zone, @@sql_mode, COLLATION('.')
            """

        @Test("what a session sets in a schema of any character set is there after a move")
        func kept() throws {
            var cases: [SessionCase] = []
            for schema in ["s_ucs2", "s_utf16", "s_utf16le", "s_utf32", "s_utf8mb4"] {
                for use in [["USE \(schema)"], ["USE \(schema)", "USE app", "USE \(schema)"]] {
                    for texts in Self.texts {
                        cases.append(SessionCase(use + texts, asks: Self.state, user: SessionCase.root))
                    }
                }
            }
            try SessionCase.move(
                cases,
                options: ["--max-connections=500"],
                prepare: ["ucs2", "utf16", "utf16le", "utf32", "utf8mb4"].map {
                    "CREATE DATABASE s_\($0) CHARACTER SET \($0)"
                })
        }

        /// The last ones: a character set must not be set again to hear what it is, for that sets its collation.
        private static let texts: [[String]] = [
            [], ["SET time_zone='+03:00'"], ["SET NAMES latin1 COLLATE latin1_german2_ci"],
            ["SET sql_mode=CONCAT('ANSI','')"], ["SET @c='latin1_bin'", "SET collation_connection=@c"],
            ["SET @@character_set_connection=latin1, @@collation_connection=latin1_german2_ci"],
            [
                "SET @s='utf32', @c='utf32_swedish_ci'", "SET character_set_connection=@s",
                "SET collation_connection=@c",
            ],
        ]
    }
}
