import Testbed
import Testing

extension Integration {
    /// What a session got from its login stays, whatever the next server gives to others.
    @Suite(.serialized)
    struct LoginValueTests {
        private static let questions = [
            "SELECT @@sql_mode, @@time_zone, @@lc_time_names, @@wait_timeout, @@autocommit, @@foreign_key_checks, "
                + "@@tx_isolation, @@group_concat_max_len, @@sql_select_limit, @@character_set_results, @@max_statement_time"
        ]

        private func move(_ set: [String], script: [String] = ["SELECT 1"]) throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot()
                for text in set { try root.query(text) }
                let one = SessionCase(script, asks: Self.questions[0])
                let direct = try one.login(stage.pair.primary.port)
                #expect(one.run(direct))
                let expected = one.answers(direct)
                let session = try one.login(stage.proxy.port)
                #expect(one.run(session))
                // What its last SET did is asked for behind it (11.5 on), and answered before this.
                try session.ping()
                // The next server starts as it is configured.
                try stage.failOver()
                #expect(one.answers(session) == expected)
                let other = try one.login(stage.proxy.port)
                #expect(one.answers(other) != expected)
                // And once more, to the first.
                try stage.failOver()
                #expect(one.answers(session) == expected)
            }
        }

        @Test("values of SET GLOBAL")
        func globals() throws {
            try move([
                "SET GLOBAL sql_mode='ANSI', time_zone='+05:00', lc_time_names='de_DE', wait_timeout=1234",
                "SET GLOBAL tx_isolation='SERIALIZABLE', group_concat_max_len=4321, foreign_key_checks=0",
                "SET GLOBAL autocommit=0", "SET GLOBAL max_statement_time=50",
            ])
        }

        @Test("values of init_connect")
        func initConnect() throws {
            try move(["SET GLOBAL init_connect='SET sql_mode=ANSI, autocommit=0, time_zone=\"-02:00\"'"])
        }

        @Test("what the session has set itself stands before them")
        func ownValues() throws {
            try move(
                ["SET GLOBAL sql_mode='ANSI', time_zone='+05:00', autocommit=0"],
                script: ["SET sql_mode='TRADITIONAL'", "SET @a='x'", "SET autocommit=1, unique_checks=0"])
        }
    }
}
