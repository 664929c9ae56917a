import Testbed
import Testing

extension Integration {
    /// A statement that failed may have changed its session before it did.
    @Suite(.serialized)
    struct FailedStatementTests {
        private static let twoRows = "(SELECT 1 UNION SELECT 2)"

        static let cases = [
            ChangeCase("CALL failed_temporary()", check: "SELECT * FROM tt", .told),
            ChangeCase("CALL failed_sets()", check: "SELECT @v", .told),
            ChangeCase("CALL failed_settings()", check: "SELECT @@time_zone", .told),
            ChangeCase("CALL failed_sets()", [], check: "SELECT @v", .told),
            ChangeCase("SELECT GET_LOCK('failed one', 0), \(twoRows)", check: "SELECT 1", .told),
            ChangeCase("SELECT GET_LOCK(?, 0), \(twoRows)", ["failed two"], check: "SELECT 1", .told),
            ChangeCase("SELECT GET_LOCK('failed three', 0), nosuch", check: "SELECT 1", .same),
            ChangeCase("SELECT GET_LOCK('failed three', 0) FRM x", check: "SELECT 1", .same),
            ChangeCase("SELECT @u := 1, \(twoRows)", check: "SELECT @u", .same),
            ChangeCase("SELECT @u := 1, nosuch", before: ["SET @u = 3"], check: "SELECT @u", .same),
            ChangeCase("SELECT 1 UNION SELECT 2 INTO @u", check: "SELECT @u", .same),
            ChangeCase("SELECT failed_function(), \(twoRows)", check: "SELECT @w", .told),
            ChangeCase("SET @u = failed_function(), @k = \(twoRows)", check: "SELECT @w", .told),
            ChangeCase("BEGIN NOT ATOMIC SET @n = 1; SIGNAL SQLSTATE '45000'; END", check: "SELECT @n", .told),
            ChangeCase(
                "EXECUTE IMMEDIATE 'SELECT GET_LOCK(''failed four'', 0), (SELECT 1 UNION SELECT 2)'", check: "SELECT 1",
                .told),
            ChangeCase(
                "EXECUTE p",
                before: ["PREPARE p FROM 'SELECT GET_LOCK(''failed five'', 0), (SELECT 1 UNION SELECT 2)'"],
                check: "SELECT 1", .told),
            ChangeCase("EXECUTE nosuch", check: "SELECT 1", .same),
            ChangeCase("PREPARE p FROM 'SELEC 1'", before: ["PREPARE p FROM 'SELECT 1'"], check: "EXECUTE p", .same),
            ChangeCase("SET @k = 1, @l = nosuch", before: ["SET @k = 0"], check: "SELECT @k", .told),
            ChangeCase(
                "SET @k = 1, @l = \(twoRows)", before: ["SET @k = 0"],
                check: "SELECT * FROM information_schema.user_variables", .told),
            ChangeCase("SET @k = 1, @l = (SELECT 1 FROM nosuch)", before: ["SET @k = 0"], check: "SELECT @k", .same),
            ChangeCase("SET @k = 1, sql_mode = 'x'", before: ["SET @k = 0"], check: "SELECT @k", .same),
            ChangeCase("SET sql_mode = 'ANSI', time_zone = 'nowhere'", check: "SELECT @@sql_mode", .same),
            ChangeCase("SET NAMES nosuch", check: "SELECT @@character_set_client", .same),
            ChangeCase(
                "DROP TABLE failed_dropped, nosuch", before: ["CREATE TEMPORARY TABLE failed_dropped (x INT)"],
                check: "SELECT 1", .same),
            ChangeCase(
                "CREATE TEMPORARY TABLE ct (x INT PRIMARY KEY) SELECT 1 x UNION ALL SELECT 1",
                check: "SELECT * FROM ct", .same),
            ChangeCase("HANDLER nosuch OPEN", check: "SELECT 1", .same),
            ChangeCase("LOCK TABLES nosuch READ", check: "SELECT 1", .same),
            ChangeCase("USE nosuch", check: "SELECT DATABASE()", .same),
            ChangeCase("SET ROLE nosuch", check: "SELECT CURRENT_ROLE()", .same),
            ChangeCase(
                "SET STATEMENT max_statement_time=1 FOR SELECT nosuch", check: "SELECT @@max_statement_time", .same),
        ]

        @Test("is told of, unless it certainly did nothing", .timeLimit(.minutes(3)), arguments: Move.allCases)
        func failures(_ move: Move) throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                for text in [
                    "GRANT ALL ON *.* TO 'app'@'%'",
                    """
                    CREATE PROCEDURE failed_temporary() BEGIN
                    CREATE TEMPORARY TABLE tt (x INT); SIGNAL SQLSTATE '45000'; END
                    """,
                    "CREATE PROCEDURE failed_sets() BEGIN SET @v = 5; SIGNAL SQLSTATE '45000'; END",
                    """
                    CREATE PROCEDURE failed_settings() BEGIN
                    SET SESSION time_zone = '+03:00'; SIGNAL SQLSTATE '45000'; END
                    """,
                    "CREATE FUNCTION failed_function() RETURNS INT BEGIN SET @w = 3; RETURN 1; END",
                ] {
                    try root.query(text)
                }
                try ChangeCase.judge(Self.cases, stage, move)
            }
        }

        @Test("in a text of several statements, those before it were done", .timeLimit(.minutes(2)))
        func several() throws {
            try Stage.run { stage in
                try WireSession.makeAccount(stage.pair.asRoot())
                let texts = [
                    "DO GET_LOCK('several', 0); SELECT nosuch", "CREATE TEMPORARY TABLE mt (x INT); SELECT nosuch",
                    "SELECT 1 INTO @m; BAD",
                ]
                var sessions: [WireSession] = []
                for text in texts {
                    let session = try WireSession(port: stage.proxy.port)
                    #expect(session.ask(Wire.query(text))?.isOK == true)
                    #expect(session.receive()?.isError == true)
                    sessions.append(session)
                }
                try Move.crash(stage)
                for (text, session) in zip(texts, sessions) {
                    let answer = session.ask(Wire.query("DO 1"))
                    #expect(answer?.errorCode == 1927, "\(text): \(String(describing: answer))")
                }
            }
        }
    }
}
