import Testing

@testable import Routing

/// User variables that get the value of a system variable.
@Suite struct SystemReadTests {
    private typealias Session = SessionJournalTests.Session

    /// The answer to the question of a login: these, and 7 for all others.
    private static func login(_ known: [String: String]) throws -> LoginValues {
        let values = SessionVariables.fromLogin.map { known[String(decoding: $0, as: UTF8.self)] ?? "7" }
        let text = Array((["a", "ON", "OFF", "7"] + values + ["d"]).joined(separator: "\u{1f}").utf8)
        var table = LoginValueTable()
        let said = table.values(ofRow: [0xfc, UInt8(text.count & 255), UInt8(text.count >> 8)] + text)
        return try #require(said).values
    }

    /// What is said again. A text of `script` has its reports behind it, each after a bar.
    private static func restored(_ script: [String], login known: [String: String]) throws -> [String] {
        var session = Session()
        session.journal.loggedIn(try login(known), schema: Array("d".utf8))
        for text in script {
            let parts = text.split(separator: "|").map(String.init)
            session.run(parts[0])
            for report in parts.dropFirst() { session.report(report) }
        }
        return session.texts
    }

    @Test(
        "a value that is known is set again before it is read",
        arguments: [
            (
                ["SET sql_mode='ANSI'|sql_mode=ANSI", "SET @a=@@sql_mode", "SET sql_mode=''|sql_mode="],
                ["SET @@session.sql_mode='ANSI'", "SET @`a` = @@sql_mode", "SET @@session.sql_mode=''"]
            ),
            // What the login has is there already; to set a character set would take its collation away.
            (
                ["/*!40101 SET @OLD=@@SQL_MODE, SQL_MODE='X' */|sql_mode=X"],
                ["SET @`OLD` = @@SQL_MODE", "SET @@session.sql_mode='X'"]
            ),
            (["SET @a=@@local.autocommit"], ["SET @`a` = @@local.autocommit"]),
            (["SET @a=@@character_set_connection"], ["SET @`a` = @@character_set_connection"]),
            (
                ["SET CHARACTER SET latin1", "SET @a=@@time_zone"],
                ["SET @`a` = @@time_zone", "SET CHARACTER SET latin1"]
            ),
            (
                ["SET NAMES latin1", "SET @a=@@character_set_client, @b=CONCAT(@@session.time_zone, 'x')"],
                [
                    "SET NAMES latin1", "SET @`a` = @@character_set_client, @`b` = CONCAT(@@session.time_zone, 'x')",
                    "SET NAMES latin1",
                ]
            ),
        ])
    func known(script: [String], texts: [String]) throws {
        let login = ["sql_mode": "STRICT", "time_zone": "SYSTEM", "autocommit": "1"]
        #expect(try Self.restored(script, login: login) == texts)
    }

    @Test func insertID() {
        var session = Session()
        session.journal.lastInsertID = 7
        session.run("SET @id = LAST_INSERT_ID()")
        session.journal.lastInsertID = 8
        #expect(
            session.texts == [
                "SET @@session.last_insert_id=7", "SET @`id` = LAST_INSERT_ID()", "SET @@session.last_insert_id=8",
            ])
        #expect(session.journal.isMovable)
    }

    @Test("a value that only the server knows is asked for, with its type")
    func asked() {
        var session = Session()
        session.run("SET @a=@@tmp_table_size, tmp_table_size=65536")
        #expect(session.journal.losses == .userVariables)
        #expect(session.journal.asks)
        let questions = session.journal.questions()
        #expect(
            questions.map { String(decoding: $0.text, as: UTF8.self) } == [
                "VALUES (CONCAT_WS(X'2C',CHARSET(@`a`),COLLATION(@`a`),IF(CHARSET(@`a`)=X'62696E617279',"
                    + "CAST(@`a` AS BINARY),X'2D'),IF(LENGTH(@`a`)<=2048,COLUMN_CREATE(1,@`a`),X'2D')))", "DO 0",
            ])
        #expect(!session.journal.asks)
        UserVariableValueTests.answer(
            questions, "binary,binary,1000,", [0, 1, 0, 1, 0, 1, 0xe8, 0x03], &session.journal)
        session.journal.questionsAnswered()
        #expect(session.journal.isMovable)
        #expect(
            session.texts == ["SET @@session.tmp_table_size=65536", "SET @`a` = CAST(1000 AS UNSIGNED)"])
    }

    @Test("what is not answered is lost with all that was computed from it")
    func unanswered() {
        for text in [
            "SET @a=@@global.sql_mode", "SET @a=@@timestamp", "SET @a=@@sql_log_bin", "SET @a=@@max_allowed_packet",
            "SET @a=@@character_set_database", "SET @a=@@tmp_table_size+1", "SET @a=@@x.key_buffer_size",
            "SELECT @a := 5", "SELECT 5 INTO @a",
        ] {
            var session = Session()
            session.run(text)
            session.run("SET @b=@a+1")
            #expect(session.journal.losses == .userVariables, "\(text)")
            #expect(session.journal.questions().count == 3, "\(text)")
            session.journal.questionsAnswered()
            #expect(session.journal.losses == .userVariables, "\(text)")
            #expect(!session.journal.asks, "\(text)")
            session.journal.lossesTold()
            #expect(session.journal.isMovable)
            #expect(session.texts == [], "\(text)")
        }
    }

    @Test("a variable that has got a value since is not asked for; one that was computed from it is")
    func setAgain() {
        var session = Session()
        session.run("SELECT @A := 5")
        session.run("SET @b=@a")
        session.run("SET @a=3")
        let questions = session.journal.questions(left: .ofQuery)
        #expect(questions.count == 1)
        UserVariableValueTests.answer(questions, "binary,binary,5,", [0, 1, 0, 1, 0, 0, 10], &session.journal)
        #expect(session.journal.isMovable)
        // The server shows it as it was written first.
        #expect(session.texts == ["SET @`A` = 3, @`b` = 5"])
    }

    @Test("the clock is nothing to a literal")
    func clock() {
        var session = Session()
        session.run("SET @a='x', @b=CAST('10:00' AS DATETIME)")
        session.run("SET timestamp=1000", "timestamp=1000")
        #expect(session.journal.losses == .userVariables)
        session.journal.lossesTold()
        #expect(session.texts == ["SET @@session.timestamp=1000", "SET @`a` = 'x'"])
    }
}
