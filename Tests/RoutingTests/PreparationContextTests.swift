import MySQLWire
import Testing

@testable import Routing

@Suite struct PreparationContextTests {
    typealias Session = SessionJournalTests.Session

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func texts(_ journal: SessionJournal, _ contexts: PreparationContexts = PreparationContexts()) -> [String] {
        journal.restoration(of: contexts).flatMap { step -> [String] in
            switch step {
            case .statements(let context): ["-- statements of \(String(decoding: context.schema ?? [], as: UTF8.self))"]
            case .lostStatements: ["-- lost"]
            case .text, .context, .preparedName: step.texts.map { String(decoding: $0, as: UTF8.self) }
            }
        }
    }

    @Test func namesArePreparedUnderWhatTheyWerePreparedUnder() {
        var session = Session()
        session.run("PREPARE p FROM 'SELECT 1'", "state")
        session.run("USE e", "schema=e", "state")
        session.run("SET sql_mode='ANSI'", "sql_mode=ANSI", "state")
        session.run("PREPARE q FROM 'SELECT 2'", "state")
        session.run("SET sql_mode=''", "sql_mode=", "state")
        session.run("SET @a = 1", "state")
        #expect(
            texts(session.journal) == [
                "USE `d`", "PREPARE `p` FROM 'SELECT 1'", "-- statements of d", "USE `e`",
                "SET @@session.sql_mode='ANSI'",
                "PREPARE `q` FROM 'SELECT 2'", "-- statements of e", "USE `e`", "SET @@session.sql_mode=''",
                "-- statements of e", "SET @`a` = 1",
            ])
        session.run("DEALLOCATE PREPARE p", "state")
        session.run("PREPARE q FROM 'SELECT 3'", "state")
        #expect(
            texts(session.journal) == [
                "USE `e`", "SET @@session.sql_mode=''", "PREPARE `q` FROM 'SELECT 3'", "-- statements of e",
                "SET @`a` = 1",
            ])
    }

    @Test func whatWasNeverSetComesBeforeWhatWas() {
        var session = Session()
        var contexts = PreparationContexts()
        session.run("SET NAMES latin1", "character_set_client=latin1", "state")
        _ = contexts.take(session.journal.preparationContext)
        session.run("SET sql_mode='ANSI'", "sql_mode=ANSI", "state")
        var later = Session()
        _ = contexts.take(later.journal.preparationContext)
        later.journal = SessionJournal()
        _ = contexts.take(later.journal.preparationContext)
        #expect(
            texts(session.journal, contexts) == [
                "-- statements of ", "USE `d`", "-- statements of d", "USE `d`", "SET NAMES latin1",
                "-- statements of d",
                "USE `d`", "SET NAMES latin1", "SET @@session.sql_mode='ANSI'", "-- statements of d",
            ])
    }

    /// A value that was said before anything was set is said under what the login had.
    @Test func earlierValuesAreSaidUnderTheLogin() {
        var session = Session()
        session.run("SET @a = 'x'", "state")
        session.run("SET sql_mode='ANSI'", "sql_mode=ANSI", "state")
        session.run("PREPARE p FROM 'SELECT 1'", "state")
        session.run("SET sql_mode=''", "sql_mode=", "state")
        #expect(
            texts(session.journal) == [
                "USE `d`", "SET @@session.sql_mode='ANSI'", "PREPARE `p` FROM 'SELECT 1'",
                "-- statements of d",
                "SET @@session.sql_mode=DEFAULT", "USE `d`", "SET @`a` = 'x'", "SET @@session.sql_mode=''",
                "-- statements of d",
            ])
    }

    /// To prepare what sets a variable of the user's changes one that is there: it is prepared first.
    @Test func earlierValuesComeBehindWhatIsPreparedToSetThem() {
        var session = Session()
        session.run("SET @a = 'x'", "state")
        session.run(
            "SET sql_mode='ANSI', div_precision_increment=7", "sql_mode=ANSI", "div_precision_increment=7", "state")
        session.run("PREPARE p FROM 'SET @b = 1'", "state")
        session.run("SET sql_mode=''", "sql_mode=", "state")
        let set = "SET @@session.div_precision_increment=7, @@session.sql_mode=''"
        #expect(
            texts(session.journal) == [
                "SET @`a` = NULL", "USE `d`", "SET @@session.sql_mode='ANSI'",
                "PREPARE `p` FROM 'SET @b = 1'",
                "-- statements of d", "USE `d`", set, "-- statements of d",
                "SET @@session.div_precision_increment=DEFAULT, @@session.sql_mode=DEFAULT", "USE `d`",
                "SET @`a` = 'x'", set,
            ])
    }

    @Test func withoutASchemaThereIsNoWayBack() {
        var session = Session()
        var contexts = PreparationContexts()
        _ = contexts.take(session.journal.preparationContext)
        session.run("DROP DATABASE d", "schema=", "state")
        #expect(texts(session.journal, contexts) == ["-- lost", "-- statements of "])
    }

    @Test func contextsAreSharedAndBounded() {
        var contexts = PreparationContexts()
        var journal = SessionJournal(database: bytes("a"))
        let first = contexts.take(journal.preparationContext)
        for _ in 0..<1000 { #expect(contexts.take(journal.preparationContext) == first) }
        let cost = contexts.byteCount
        #expect(cost > 0 && cost < 1000)
        for number in 1..<PreparationContexts.countMax {
            journal.schema(bytes("a\(number)"))
            #expect(contexts.take(journal.preparationContext) != nil)
        }
        journal.schema(bytes("b"))
        #expect(contexts.take(journal.preparationContext) == nil)
        for _ in 0...1000 { contexts.give(back: first ?? 0) }
        #expect(contexts.take(journal.preparationContext) != nil)
        contexts.removeAll()
        #expect(contexts.byteCount == 0)
    }
}

/// The server goes to the schema in which a statement was prepared, and reports that as a change.
@Suite struct OtherSchemaTests {
    @Test(
        arguments: [
            ("SELECT x FROM t", []), ("INSERT INTO t VALUES (1)", []), ("SELECT f()", .unknown), ("CALL p()", .unknown),
            ("CREATE TABLE IF NOT EXISTS t (a INT)", []), ("CREATE TABLE t SELECT f()", .unknown),
        ] as [(String, Losses)])
    func executed(_ text: String, _ losses: Losses) {
        var session = SessionJournalTests.Session()
        session.run("PREPARE p FROM '\(text)'", "state")
        session.run("EXECUTE p", "state")
        #expect(session.journal.losses == .unknown)
        session.journal.lossesTold()
        session.run("USE e", "schema=e", "state")
        session.run("EXECUTE p", "schema=e", "state")
        #expect(session.journal.losses == losses)
    }
}

@Suite struct PreparedTextTests {
    @Test(
        arguments: [
            ("SET @a=?", [.integer(-5)], "SET @a=-5"),
            ("SET @a=?, @b='?'", [.unsigned(5)], "SET @a=CAST(5 AS UNSIGNED), @b='?'"),
            ("SELECT GET_LOCK(?, ?)", [.text(Array("it's".utf8)), .integer(1)], "SELECT GET_LOCK('it''s', 1)"),
            ("SET @a=?", [.null], "SET @a=NULL"),
            ("SET @a=?/* ? */", [.other], "SET @a=?/* ? */"),
            // Where a backslash escapes, and what is a character, others say.
            ("SET @a=?", [.text(Array(#"a\b"#.utf8))], "SET @a=?"),
            ("SET @a=?", [.text([97, 0])], "SET @a=?"),
        ] as [(String, [ParameterValue], String)])
    func valuesInTheirPlaces(_ text: String, _ values: [ParameterValue], _ expected: String) {
        let filled = PreparedText.filled(Array(text.utf8), with: values, dialect: Dialect(status: 2))
        #expect(filled.map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test func asManyAsThereAre() {
        let dialect = Dialect(status: 2)
        #expect(PreparedText.filled(Array("SET @a=?".utf8), with: [], dialect: dialect) == nil)
        #expect(PreparedText.filled(Array("SET @a=?".utf8), with: [.null, .null], dialect: dialect) == nil)
        #expect(PreparedText.filled(Array("SET @a='".utf8), with: [.null], dialect: dialect) == nil)
    }
}

/// What a statement that was answered with an error may have left.
@Suite struct FailedChangeTests {
    private static func losses(
        _ text: String, code: UInt16 = 1242, certainlyNothing: Bool = false, before: [String] = []
    ) -> Losses {
        var session = SessionJournalTests.Session()
        for text in before { session.run(text, "state") }
        if let change = facts(text).change {
            session.journal.failed(change, code: code, certainlyNothing: certainlyNothing)
        }
        return session.journal.losses
    }

    @Test(
        arguments: [
            ("SELECT GET_LOCK('x', 1), (SELECT 1 UNION SELECT 2)", .userLocks),
            ("SELECT @a := 1, (SELECT 1 UNION SELECT 2)", .userVariables),
            ("SELECT 1 UNION SELECT 2 INTO @a", .userVariables),
            ("CALL p()", .unknown),
            ("BEGIN NOT ATOMIC SET @a = 1; SIGNAL SQLSTATE '45000'; END", [.unknown, .userVariables]),
            ("SET @a = f(), @b = (SELECT 1 UNION SELECT 2)", [.unknown, .userVariables]),
            // SET evaluates everything before it sets anything.
            ("SET sql_mode = 'x', time_zone = 'y'", []), ("SET NAMES nosuch", []),
            ("CREATE TEMPORARY TABLE t SELECT 1", []), ("LOCK TABLES nosuch READ", []), ("HANDLER nosuch OPEN", []),
            ("SET ROLE nosuch", []), ("SET TRANSACTION READ ONLY", []), ("USE nosuch", []),
            ("INSERT INTO t VALUES (1)", []),
        ] as [(String, Losses)])
    func losses(_ text: String, _ expected: Losses) {
        #expect(Self.losses(text) == expected)
        #expect(Self.losses(text, certainlyNothing: true) == [])
    }

    @Test func theVariablesOfAFailedSetAreThere() {
        for text in ["SET @a = 1, @b = (SELECT 1 UNION SELECT 2)", "SET sql_mode = 'x', @a = 1"] {
            #expect(Self.losses(text) == .userVariables, "\(text)")
            // What can't be read has not come so far.
            #expect(Self.losses(text, code: 1064, certainlyNothing: true) == [], "\(text)")
        }
    }

    @Test func whatIsCertainlyGone() {
        #expect(Self.losses("DROP TABLE t, u", code: 1051, before: ["CREATE TEMPORARY TABLE t (i INT)"]) == [])
        #expect(
            Self.losses("DROP TABLE t, u", code: 1142, before: ["CREATE TEMPORARY TABLE t (i INT)"]) == .temporaryTables
        )
        // The name is free before the new text is looked at.
        var session = SessionJournalTests.Session()
        session.run("PREPARE p FROM 'SELECT 1'", "state")
        session.journal.failed(
            .prepareName(Array("p".utf8), .literal(Array("'SELEC'".utf8))), code: 1064, certainlyNothing: true)
        #expect(session.texts == [])
    }

    @Test func whatAnExecutedTextMayHaveDone() {
        let prepared = ["PREPARE p FROM 'SELECT GET_LOCK(\"x\", 1), (SELECT 1 UNION SELECT 2)'"]
        #expect(Self.losses("EXECUTE p", before: prepared) == .userLocks)
        #expect(Self.losses("EXECUTE p", code: 1243) == [])
        #expect(Self.losses("EXECUTE p", before: ["PREPARE p FROM 'CALL q()'"]) == .unknown)
        #expect(Self.losses("EXECUTE p", before: ["PREPARE p FROM 'SELECT 1'"]) == [])
    }

    /// To prepare `SET @a = ?` gives @a the character set `binary`, in the server, before it is ever executed.
    @Test func preparedAssignmentsDisturb() {
        var session = SessionJournalTests.Session()
        session.run("SET @a = 'x', @b = 1", "state")
        guard let change = facts("SET @a = ?, @c = ?").change else { return #expect(Bool(false)) }
        session.journal.prepared(change)
        #expect(session.journal.losses == .userVariables)
        session.run("SET @a = 'y'", "state")
        #expect(session.journal.losses == [])
    }
}
