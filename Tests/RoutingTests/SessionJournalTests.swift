import MySQLWire
import Testing

@testable import Routing

@Suite struct SessionJournalTests {
    static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// A journal that is fed as the data plane does it.
    struct Session {
        var journal = SessionJournal(database: SessionJournalTests.bytes("d"))

        /// `reports`: what the OK packet tracks, `name=value`, with `state` for a change of state.
        mutating func run(_ text: String, _ reports: String...) {
            journal.apply(facts(text).change ?? .none)
            for report in reports { self.report(report) }
        }

        mutating func report(_ report: String) {
            if report == "state" { return journal.stateChanged() }
            guard let equals = report.firstIndex(of: "=") else { return }
            let name = String(report[..<equals])
            let value = bytes(String(report[report.index(after: equals)...]))
            if name == "schema" {
                journal.schema(value)
            } else {
                journal.systemVariable(name: bytes(name), value: value)
            }
        }

        /// Without the schema, which always comes first.
        var texts: [String] { allTexts.filter { $0 != "USE `d`" } }

        var allTexts: [String] { journal.restoration().flatMap(\.texts).map { String(decoding: $0, as: UTF8.self) } }

        var questions: [String] {
            mutating get { journal.questions().map { String(decoding: $0.text, as: UTF8.self) } }
        }
    }

    @Test func nothingToDo() {
        var session = Session()
        session.run("SELECT 1")
        session.run("INSERT INTO t VALUES (1)")
        #expect(session.texts == [])
        #expect(session.journal.isMovable)
        #expect(session.allTexts == ["USE `d`"])
    }

    @Test func variablesInOneStatement() {
        var session = Session()
        session.run("SET time_zone='+02:00'", "time_zone=+02:00", "state")
        session.run("SET max_statement_time=1.5", "max_statement_time=1.500000", "state")
        session.run("SET collation_connection=x", "collation_connection=latin1_bin", "state")
        session.run("SET character_set_results=NULL", "character_set_results=", "state")
        session.run("SET lc_messages='x'", "lc_messages=it's", "state")
        session.run("SET time_zone='+03:00'", "time_zone=+03:00", "state")
        #expect(
            session.texts == [
                "SET @@session.character_set_results=NULL, @@session.collation_connection='latin1_bin', "
                    + "@@session.lc_messages=_utf8mb3 X'69742773', @@session.max_statement_time=1.500000, "
                    + "@@session.time_zone='+03:00'"
            ])
        #expect(session.journal.isMovable)
    }

    @Test func namesComeFirst() {
        var session = Session()
        session.run("SET character_set_results=latin1", "character_set_results=latin1", "state")
        session.run(
            "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "character_set_connection=utf8mb4", "character_set_client=utf8mb4",
            "character_set_results=utf8mb4", "state")
        #expect(session.texts == ["SET NAMES utf8mb4 COLLATE utf8mb4_bin"])
        session.run("SET collation_connection=latin1_bin", "collation_connection=latin1_bin", "state")
        #expect(
            session.texts == [
                "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET @@session.collation_connection='latin1_bin'",
            ])
        // The server takes the character set's default collation.
        session.run("SET character_set_connection=latin1", "character_set_connection=latin1", "state")
        #expect(
            session.texts == [
                "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET @@session.character_set_connection='latin1'",
            ])
    }

    @Test func characterSetOfAnotherSchema() {
        var session = Session()
        session.run("SET CHARACTER SET latin1", "character_set_connection=utf8mb4", "state")
        #expect(session.texts == ["SET CHARACTER SET latin1"])
        session.run("USE e", "schema=e", "state")
        #expect(session.allTexts == ["USE `d`", "SET CHARACTER SET latin1", "USE `e`"])
        #expect(session.journal.database == Self.bytes("e"))
    }

    @Test func roleComesBeforeSchema() {
        var session = Session()
        session.run("SET ROLE r1", "state")
        #expect(session.allTexts == ["SET ROLE r1", "USE `d`"])
        session.journal.reset()
        #expect(session.allTexts == ["SET ROLE r1", "USE `d`"])
        session.journal.changedUser(database: nil)
        #expect(session.texts == [])
    }

    @Test(arguments: [("=r1", "SET ROLE `r1`"), ("=", "SET ROLE NONE"), ("=r`1", "SET ROLE `r``1`")])
    func roleBehindReset(_ answer: String, _ text: String) {
        var session = Session()
        session.run("BEGIN NOT ATOMIC SET ROLE r1; END", "state")
        #expect(session.journal.losses == .unknown)
        session.journal.reset()
        #expect(session.journal.asks)
        #expect(!session.journal.isMovable)
        #expect(session.questions.first == "SET default_master_connection=CONCAT('=',IFNULL(CURRENT_ROLE(),''))")
        #expect(!session.journal.isMovable)
        session.journal.answeredRole(Self.bytes(answer))
        session.journal.questionsAnswered()
        #expect(session.journal.isMovable)
        #expect(session.allTexts.first == text)
    }

    @Test(arguments: [nil, "r1", "=r\u{e9}le", "=" + String(repeating: "r", count: 190)])
    func roleThatIsNotToldBehindReset(_ answer: String?) {
        var session = Session()
        session.run("BEGIN NOT ATOMIC SET ROLE r1; END", "state")
        session.journal.reset()
        _ = session.questions
        if let answer { session.journal.answeredRole(Self.bytes(answer)) }
        session.journal.questionsAnswered()
        #expect(session.journal.losses == .unknown)
        #expect(!session.journal.asks)
        session.journal.lossesTold()
        #expect(session.journal.isMovable)
    }

    @Test func timestampFollowsTheClockAgain() {
        var session = Session()
        session.run("SET timestamp=5", "timestamp=5.000000", "state")
        #expect(session.texts == ["SET @@session.timestamp=5"])
        session.run("SET timestamp=DEFAULT", "timestamp=1795381182.191616", "state")
        #expect(session.texts == [])
    }

    @Test func passingVariables() {
        var session = Session()
        session.run("SET STATEMENT sort_buffer_size=5 FOR DO 1", "sort_buffer_size=5", "state")
        #expect(session.texts == [])
        session.run("SET @a=1", "sort_buffer_size=2097152", "state")
        #expect(session.texts == ["SET @@session.sort_buffer_size=2097152", "SET @`a` = 1"])
        #expect(session.journal.isMovable)
    }

    @Test func whatIsNotReportedIsAskedFor() {
        var session = Session()
        // The second is reported under the first one's name (11.5 on), the third not at all (10.5).
        session.run("SET autocommit=0, foreign_key_checks=@x, innodb_strict_mode=@x", "autocommit=OFF", "state")
        #expect(session.journal.losses == .systemVariables)
        #expect(session.journal.asks)
        #expect(
            session.questions == [
                "SET default_master_connection=CONCAT('=',IFNULL(@@session.foreign_key_checks,''))",
                "SET default_master_connection=CONCAT('=',IFNULL(@@session.innodb_strict_mode,''))",
                "SET @@session.default_master_connection=''",
            ])
        #expect(!session.journal.asks)
        session.journal.answered(Self.bytes("=OFF"), about: [Self.bytes("foreign_key_checks")])
        session.journal.answered(Self.bytes("=OFF"), about: [Self.bytes("innodb_strict_mode")])
        session.journal.questionsAnswered()
        #expect(session.journal.isMovable)
        #expect(session.texts == ["SET @@session.foreign_key_checks='OFF', @@session.innodb_strict_mode='OFF'"])
    }

    @Test func tooLongForTheCarrier() {
        var session = Session()
        // `@@name` is never reported; what is tracked reports itself when it is set once more.
        session.run("SET @@sql_mode='ANSI'")
        #expect(session.questions == ["SET @@session.sql_mode=@@session.sql_mode"])
        session.journal.apply(.systemVariables)
        session.journal.systemVariable(name: Self.bytes("sql_mode"), value: Self.bytes("ANSI"))
        session.journal.stateChanged()
        session.journal.questionsAnswered()
        #expect(session.journal.isMovable)
        #expect(session.texts == ["SET @@session.sql_mode='ANSI'"])
    }

    /// A server that goes to another schema and back gives a session that was reset its schema's character set again; a
    /// question of ours does not.
    @Test func questionsBehindReset() {
        var session = Session()
        session.journal.reset()
        session.run("SET @@default_storage_engine='Aria', @@sql_mode=@x")
        #expect(session.questions.first?.contains("@@session.sql_mode") == true)
        session.journal.applyQuestion()
        session.journal.systemVariable(name: Self.bytes("sql_mode"), value: Self.bytes("ANSI"))
        session.journal.systemVariable(name: Self.bytes("default_storage_engine"), value: Self.bytes("Aria"))
        session.journal.stateChanged()
        session.journal.questionsAnswered()
        #expect(session.journal.isMovable)
        #expect(!session.journal.asks)
        session.journal.apply(.systemVariables)
        session.journal.stateChanged()
        #expect(session.journal.asks)
    }

    /// A server reports what one SET has changed in the order of its hash.
    @Test(arguments: [false, true])
    func collationsAndCharacterSets(_ isCollationFirst: Bool) {
        let reports = ["character_set_connection=utf8mb4", "collation_connection=utf8mb4_bin"]
        var session = Session()
        session.run(
            "SET @@character_set_connection=@x, @@collation_connection=@y",
            isCollationFirst ? reports[1] : reports[0], isCollationFirst ? reports[0] : reports[1], "state")
        #expect(session.journal.isMovable)
        #expect(session.texts.contains { $0.contains("@@session.collation_connection='utf8mb4_bin'") })
        session.run("SET @@character_set_connection=@x", "character_set_connection=latin1", "state")
        _ = session.questions
        #expect(!session.texts.contains { $0.contains("utf8mb4_bin") })
    }

    @Test func aCollationIsAskedForBehindItsCharacterSet() {
        var session = Session()
        session.run("SET @@collation_connection=@y")
        session.run("SET @@character_set_connection=@x")
        let questions = session.questions.filter { $0.contains("_connection,") }
        #expect(questions.count == 2)
        #expect(questions.last?.contains("@@session.collation_connection") == true)
    }

    /// The point in time of system_versioning_asof is told in the time zone that is in force.
    @Test func anAnswerThatPutsSomethingElseInDoubt() {
        var session = Session()
        session.run("SET system_versioning_asof='2020-01-01 00:00:00'", "system_versioning_asof=2020-01-01 00:00:00")
        #expect(session.journal.isMovable)
        session.run("SET time_zone=@x")
        #expect(session.questions.count == 1)
        session.journal.applyQuestion()
        session.journal.systemVariable(name: Self.bytes("time_zone"), value: Self.bytes("+05:00"))
        session.journal.stateChanged()
        session.journal.questionsAnswered()
        #expect(session.journal.losses == .systemVariables)
        #expect(session.journal.asks)
        #expect(session.questions.contains { $0.contains("system_versioning_asof") })
        session.journal.answered(
            Self.bytes("=2020-01-01 04:00:00"), about: [Self.bytes("system_versioning_asof")])
        session.journal.questionsAnswered()
        #expect(session.journal.isMovable)
        #expect(!session.journal.asks)
    }

    /// A character set that is set again, if to the same, sets its collation to another one.
    @Test func noQuestionChangesTheAnswer() {
        var session = Session()
        session.run("SET @@character_set_connection=latin1, @@collation_connection=latin1_bin")
        #expect(
            session.questions == [
                "SET default_master_connection=CONCAT('=',IFNULL(@@session.character_set_connection,''))",
                "SET default_master_connection=CONCAT('=',IFNULL(@@session.collation_connection,''))",
                "SET @@session.default_master_connection=''",
            ])
    }

    @Test func whatNobodyTellsIsALoss() {
        var session = Session()
        session.run("SET debug_sync=CONCAT('x')", "state")
        _ = session.questions
        session.journal.questionsAnswered()
        #expect(session.journal.losses == .systemVariables)
        #expect(!session.journal.asks)
        session.journal.lossesTold()
        #expect(session.journal.isMovable)
    }

    @Test func factsOfTheServerAreNotRestored() {
        var session = Session()
        session.run("INSERT INTO t VALUES (1)", "last_gtid=0-1-7")
        session.run("SET timestamp=DEFAULT", "last_gtid=0-1-7", "state")
        // Under its name comes the clock's, whose value nobody has set.
        session.run("INSERT INTO t VALUES (1)", "timestamp=1795381182.191616")
        #expect(session.texts == [])
        #expect(session.journal.isMovable)
    }

    @Test func trackingIsJoinedWithTheClients() {
        var session = Session()
        session.run("SET session_track_system_variables='time_zone', sql_mode='ANSI'", "state")
        #expect(session.journal.asks)
        let questions = session.questions
        #expect(questions.count == 4)
        #expect(questions[0].contains("CONCAT_WS"))
        #expect(questions[1] == "SET default_master_connection=@@default_master_connection")
        #expect(questions[2] == "SET @@session.sql_mode=@@session.sql_mode")
        session.journal.answeredTracking(Self.bytes("11time_zone"))
        session.journal.systemVariable(name: Self.bytes("sql_mode"), value: Self.bytes("ANSI"))
        session.journal.questionsAnswered()
        #expect(session.journal.isMovable)
        let tracking = session.journal.clientTracking
        #expect(tracking.shows(.systemVariable(name: Self.bytes("time_zone"), value: [])))
        #expect(!tracking.shows(.systemVariable(name: Self.bytes("sql_mode"), value: [])))
        // The client has not set it: that it is on is ours.
        #expect(!tracking.shows(.stateChanged(true)))
        #expect(
            String(decoding: session.journal.presentTrackingText, as: UTF8.self)
                .hasPrefix("SET session_track_system_variables='time_zone,autocommit,"))
        session.journal.reset()
        #expect(session.journal.presentTrackingText == SessionJournal.trackingText)
        #expect(session.journal.clientTracking.shows(.systemVariable(name: Self.bytes("autocommit"), value: [])))
    }

    @Test func allOfATextsStatements() {
        var session = Session()
        #expect(
            facts("SET @a=1; SELECT 1; LOCK TABLES t READ; BEGIN").change
                == .sequence([
                    .several([
                        .systemVariables,
                        .setUserVariables([.init(name: Self.bytes("a"), expression: Self.bytes("1"))]),
                    ]),
                    .none, .lockTables, .begun,
                ]))
        #expect(facts("SELECT 1; SELECT 2").change == nil)
        // Whose answer is whose is not known behind a CALL.
        #expect(facts("SET @a=1; CALL p(); SET @a=2").change == .unknown)
        session.run("LOCK TABLES t READ; BEGIN")
        #expect(session.journal.isMovable)
        session.run("FLUSH TABLES WITH READ LOCK")
        session.journal.transactionBegun()
        #expect(session.journal.losses == .tableLocks)
    }

    /// A row of the answer to the login question.
    private func row(_ change: [String: String] = [:], schema: String = "d") -> [UInt8] {
        var values = ["autocommit,time_zone", "ON", "OFF", "latin1_bin"]
        values += SessionVariables.fromLogin.map { name in
            let name = String(decoding: name, as: UTF8.self)
            return change[name] ?? (name == "autocommit" ? "ON" : "7")
        }
        let text = Self.bytes((values + [schema]).joined(separator: "\u{1f}"))
        return [0xfc, UInt8(text.count & 255), UInt8(text.count >> 8)] + text
    }

    @Test func loginValuesAreKept() throws {
        var table = LoginValueTable()
        func said(_ row: [UInt8]) -> (values: LoginValues, schema: [UInt8])? { table.values(ofRow: row) }
        let old = try #require(said(row(["time_zone": "+05:00", "autocommit": "OFF"])))
        let new = try #require(said(row()))
        var session = Session()
        session.journal.loggedIn(old.values, schema: old.schema)
        func texts(onto values: LoginValues, piecewise: Bool = false) -> [String] {
            session.journal.restoration(onto: values, piecewise: piecewise).flatMap(\.texts).map {
                String(decoding: $0, as: UTF8.self)
            }
        }
        #expect(texts(onto: old.values) == ["USE `d`"])
        #expect(
            texts(onto: new.values)
                == ["SET @@session.time_zone='+05:00'", "USE `d`", "SET @@session.autocommit=0"])
        session.run("SET time_zone='+01:00', lc_messages='x'", "time_zone=+01:00", "lc_messages=x", "state")
        #expect(
            texts(onto: new.values, piecewise: true)
                == [
                    "SET @@session.time_zone='+05:00'", "USE `d`", "SET @@session.lc_messages='x'",
                    "SET @@session.time_zone='+01:00'", "SET @@session.autocommit=0",
                ])
        session.journal.giveUp(.variable(Self.bytes("time_zone")), onto: new.values)
        session.journal.giveUp(.schema(Self.bytes("d")), onto: new.values)
        #expect(texts(onto: new.values) == ["SET @@session.lc_messages='x', @@session.autocommit=0"])
        for junk in ["", "?", "\u{1f}"] { #expect(said(Self.bytes(junk)) == nil) }
    }

    private func said(_ row: [UInt8]) throws -> (values: LoginValues, schema: [UInt8]) {
        var table = LoginValueTable()
        let said = table.values(ofRow: row)
        return try #require(said)
    }

    @Test func writesArePreparedBeforeTheyAreRefused() throws {
        let old = try said(row(["tx_read_only": "ON"]))
        let new = try said(row())
        var session = Session()
        session.run("PREPARE p FROM 'DELETE FROM t'")
        let prepare = "PREPARE `p` FROM 'DELETE FROM t'"
        session.run("SET @a=1", "state")
        session.run("SET SESSION TRANSACTION READ ONLY", "transaction_read_only=1", "state")
        #expect(session.texts == [prepare, "SET @`a` = 1", "SET @@session.tx_read_only=1"])
        // Nor by what the login had.
        var other = Session()
        other.journal.loggedIn(old.values, schema: old.schema)
        other.run("PREPARE p FROM 'DELETE FROM t'")
        let texts = other.journal.restoration(onto: new.values).flatMap(\.texts)
        #expect(
            texts.map { String(decoding: $0, as: UTF8.self) } == [
                "USE `d`", prepare, "SET @@session.tx_read_only='ON'",
            ])
    }

    @Test func proceduresSetWithoutAReport() throws {
        let before = try said(row(["foreign_key_checks": "1", "sql_mode": "ANSI"]))
        var session = Session()
        session.run("CALL p()")
        // Nothing to hold it against.
        #expect(!session.journal.asks)
        session.journal.loggedIn(before.values, schema: before.schema)
        session.run("SET unique_checks=0", "unique_checks=OFF", "state")
        session.run("CALL p()")
        #expect(session.journal.asks)
        // LAST_INSERT_ID() is not known either.
        #expect(
            session.questions == [
                "SET default_master_connection=CONCAT('=',@@session.last_insert_id)",
                String(decoding: LoginValues.question, as: UTF8.self), "DO 0",
                "SET @@session.default_master_connection=''",
            ])
        // Nothing has changed but what the server has reported, in its own words.
        let same = try said(row(["foreign_key_checks": "1", "unique_checks": "0", "sql_mode": "ANSI"]))
        session.journal.answered(same.values)
        session.journal.questionsAnswered()
        #expect(session.texts == ["SET @@session.unique_checks='OFF'"])
        #expect(!session.journal.asks)
        #expect(session.journal.isMovable)
        let present = try said(row(["foreign_key_checks": "0", "unique_checks": "0", "sql_mode": "ANSI"]))
        session.journal.answered(present.values)
        #expect(session.texts == ["SET @@session.foreign_key_checks=0, @@session.unique_checks='OFF'"])
    }

    @Test func compoundStatementsSetWithoutAReport() {
        var session = Session()
        session.run("BEGIN NOT ATOMIC SET @@sort_buffer_size := 5; SELECT @@lc_messages, @@global.a; END")
        #expect(session.journal.losses == .systemVariables)
        #expect(session.questions.contains { $0.contains("@@session.sort_buffer_size") })
        session.journal.answered(Self.bytes("=5"), about: [Self.bytes("sort_buffer_size")])
        session.journal.questionsAnswered()
        #expect(session.texts == ["SET @@session.sort_buffer_size=5"])
        for text in ["SET TRANSACTION READ ONLY", "SET @@tx_isolation='SERIALIZABLE'", "SET @@insert_id=7"] {
            var other = Session()
            other.run("IF 1 THEN \(text); END IF")
            #expect(other.journal.losses.contains(.oneShotVariables), "\(text)")
        }
        var transaction = Session()
        transaction.run("BEGIN NOT ATOMIC SET TRANSACTION READ ONLY; END")
        #expect(transaction.journal.watchesTransactions)
        transaction.journal.transactionEnded()
        #expect(transaction.journal.isMovable)
    }

    @Test("what a compound statement may leave in the session is lost, and nothing else")
    func compoundStatementsLeaveMore() {
        let cases: [(String, Losses)] = [
            ("SELECT @a := 5", .userVariables), ("SELECT 1, 2 INTO @a, @b", .userVariables),
            ("GET DIAGNOSTICS @n = NUMBER", .userVariables), ("CALL p(@a)", .userVariables),
            ("SET @a = 1", .userVariables), ("SELECT @a, @b; INSERT INTO t VALUES (@a)", []),
            ("DO GET_LOCK('k', 1)", .userLocks), ("DO `GET_LOCK`('k', 1), RELEASE_LOCK('k')", .userLocks),
            ("DO RELEASE_LOCK('k')", []), ("HANDLER t OPEN", .handlers), ("HANDLER d.t OPEN AS h", .handlers),
            ("DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END; OPEN c", []),
            ("FLUSH TABLES WITH READ LOCK", .tableLocks), ("FLUSH STATUS", []), ("BACKUP STAGE START", .tableLocks),
        ]
        for (text, losses) in cases {
            var session = Session()
            session.run("BEGIN NOT ATOMIC \(text); END")
            #expect(session.journal.losses == losses, "\(text)")
        }
    }

    @Test("CHARACTER SET takes a collation that has been set for the schema")
    func characterSetUnderASetCollation() {
        var session = Session()
        session.run("SET character_set_database=latin1", "state")
        session.journal.answered(Self.bytes("=latin1"), about: [Self.bytes("character_set_database")])
        session.journal.answered(Self.bytes("=latin1_swedish_ci"), about: [Self.bytes("collation_database")])
        session.run(
            "SET CHARACTER SET utf8mb4", "character_set_client=utf8mb4", "character_set_results=utf8mb4",
            "character_set_connection=latin1", "state")
        #expect(session.questions.contains { $0.contains("@@session.collation_connection") })
        session.journal.answered(Self.bytes("=latin1_swedish_ci"), about: [Self.bytes("collation_connection")])
        #expect(
            session.texts == [
                "SET @@session.character_set_client='utf8mb4', @@session.character_set_connection='latin1', "
                    + "@@session.character_set_database='latin1', @@session.character_set_results='utf8mb4', "
                    + "@@session.collation_connection='latin1_swedish_ci', "
                    + "@@session.collation_database='latin1_swedish_ci'"
            ])
        #expect(session.journal.isMovable)
    }

    @Test("a client is told of its own SET as it wants it from then on")
    func trackingFromItsSet() {
        func shows(_ text: String, _ change: SessionChange) -> Bool {
            var session = Session()
            session.run(text, "state")
            return session.journal.clientTracking.shows(change)
        }
        let mode = SessionChange.systemVariable(name: Self.bytes("sql_mode"), value: [])
        #expect(shows("SET session_track_state_change=ON", .stateChanged(true)))
        #expect(!shows("SET session_track_state_change=OFF", .stateChanged(true)))
        #expect(shows("SET session_track_state_change=1, session_track_schema=0", .stateChanged(true)))
        #expect(!shows("SET session_track_state_change=1, session_track_schema=0", .schema([])))
        #expect(shows("SET session_track_system_variables='time_zone, sql_mode'", mode))
        #expect(shows("SET session_track_system_variables='*'", mode))
        #expect(!shows("SET session_track_system_variables=''", mode))
        // Not known before it is asked for.
        #expect(!shows("SET session_track_state_change=1-0", .stateChanged(true)))
        // Who wants all gets it under the names that a server gives it, which gives those that it was asked for first.
        let all = ClientTracking(list: Self.bytes("*"), showsSchema: true, showsState: false)
        #expect(all.trackedWithOurs == Self.bytes("*"))
    }

    @Test("a text that was read under the session's own collation is read so again, whatever came behind it")
    func contextBeforeARead() {
        var session = Session()
        session.run("SET collation_connection=utf8mb4_bin", "collation_connection=utf8mb4_bin", "state")
        session.run("SET @b='x'", "state")
        session.run("SET sql_warnings=0", "state")
        session.run("SET @old=@@sql_warnings", "state")
        let texts = session.texts
        let collation = texts.firstIndex { $0.contains("utf8mb4_bin") }
        let variable = texts.firstIndex { $0.contains("@`b` = 'x'") }
        #expect(collation != nil && variable != nil)
        if let collation, let variable { #expect(collation < variable, "\(texts)") }
        #expect(session.journal.isMovable)
    }

    @Test("what a server would owe its client comes with what else there is to tell")
    func owedReports() {
        let schema = SessionChange.schema(Self.bytes("d"))
        let zone = SessionChange.systemVariable(name: Self.bytes("time_zone"), value: Self.bytes("SYSTEM"))
        let mode = SessionChange.systemVariable(name: Self.bytes("sql_mode"), value: [])
        func change(_ text: String) -> SessionChangeKind? { facts(text).change }
        var owed = OwedReports()
        #expect(owed.isEmpty)
        owed.oweSchema()
        #expect(owed.told([schema], of: change("SET @a=1")) == [])
        #expect(owed.told([], of: change("SET @a=1")) == [])
        #expect(owed.told([mode], of: change("SET sql_mode=''")) == [mode, schema])
        #expect(owed.isEmpty)
        // One that goes to a schema itself, or may.
        for text in ["USE d", "CALL p()", "DO 1"] {
            var owed = OwedReports()
            owed.oweSchema()
            #expect(owed.told([schema], of: change(text)) == [schema], "\(text)")
        }
        owed.owe(Self.bytesOf("time_zone"))
        #expect(owed.told([zone], of: change("SET @a=1")) == [])
        #expect(owed.told([zone], of: change("SET time_zone='SYSTEM'")) == [zone])
        // Behind one that owes it again.
        owed.owe(Self.bytesOf("time_zone"))
        let again = change("SET STATEMENT time_zone='+01:00' FOR DO 1")
        #expect(owed.told([zone], of: again) == [zone])
        #expect(!owed.isEmpty)
        // It came with an answer to a command of ours.
        owed.keep([zone, mode])
        #expect(owed.told([schema], of: change("USE d")) == [schema, zone])
        // Of those that share a report each may come under another one's name.
        for text in ["SET autocommit=0", "SET unique_checks=0", "SET foreign_key_checks=0"] {
            let checks = SessionChange.systemVariable(name: Self.bytes("foreign_key_checks"), value: Self.bytes("OFF"))
            var owed = OwedReports()
            owed.owe(Self.bytesOf("foreign_key_checks"))
            #expect(owed.told([checks], of: change("SET @a=1")) == [])
            #expect(owed.told([checks], of: change(text)) == [checks], "\(text)")
            #expect(owed.isEmpty)
        }
    }

    private static func bytesOf(_ names: String...) -> [[UInt8]] { names.map(bytes) }

    @Test("a variable keeps the name under which it came about, whatever became of its value")
    func spellings() {
        for lose in ["SELECT @a := 5", "SELECT 1 INTO @A", "DO @a := 2"] {
            var session = Session()
            session.run("SET @A = 1", "state")
            session.run(lose)
            session.run("SET @a = 2, @b = 3", "state")
            #expect(session.texts == ["SET @`A` = 2, @`b` = 3"], "\(lose)")
            session.run("SELECT @b := 1")
            session.run("SET @B = 2", "state")
            #expect(session.texts == ["SET @`A` = 2, @`b` = 3, @`b` = 2"], "\(lose)")
            // Moved without it, it comes about anew.
            session.run(lose)
            session.journal.lossesTold()
            session.run("SET @a = 3", "state")
            #expect(session.texts.last?.hasSuffix("@`b` = 2, @`a` = 3") == true, "\(lose)")
        }
        // One that came about with a value that nobody knows.
        for lose in ["SELECT 1 INTO @A", "SELECT @A := 1, @a := 2", "CALL p(@A)", "SET @A = UUID()"] {
            var session = Session()
            session.run(lose, "state")
            session.run("SET @a = 3", "state")
            #expect(session.texts == ["SET @`A` = 3"], "\(lose)")
            var other = Session()
            other.run(lose.replacing("@A", with: "@a"), "state")
            other.run("SET @A = 3", "state")
            #expect(other.texts == ["SET @`a` = 3"], "\(lose)")
        }
        var prepared = Session()
        prepared.run("SET @A = 1", "state")
        prepared.journal.prepared(facts("SET @a = 2").change ?? .none)
        prepared.run("SET @a = 2", "state")
        #expect(prepared.texts == ["SET @`A` = NULL", "SET @`A` = 2"])
    }

    @Test("what is set for the session is so for the next transaction")
    func sessionCharacteristicsOverrideTheNextOnes() {
        var session = Session()
        session.run("SET @@tx_read_only=1", "state")
        session.run("SET SESSION TRANSACTION READ WRITE", "transaction_read_only=OFF", "state")
        #expect(
            session.texts == [
                "SET @@session.tx_read_only='OFF'", "SET @@tx_read_only=1", "SET @@tx_read_only='OFF'",
            ])
        session.run("SET tx_isolation='SERIALIZABLE'", "tx_isolation=SERIALIZABLE", "state")
        #expect(session.texts.last == "SET @@tx_isolation='SERIALIZABLE'")
        session.journal.transactionEnded()
        #expect(
            session.texts == ["SET @@session.tx_isolation='SERIALIZABLE'", "SET @@session.tx_read_only='OFF'"])
    }

    /// The new connection's LAST_INSERT_ID() is not the session's, unless something has set it since.
    @Test func anInsertIDThatAMoveHasTaken() {
        for (answer, isKnown) in [("=0", false), ("=7", true)] {
            var session = Session()
            session.journal.loseInsertID()
            session.journal.insertIDGone()
            #expect(!session.journal.asksInsertID)
            // Another insert that does not say.
            session.journal.loseInsertID()
            #expect(session.questions.first?.contains("last_insert_id") == true)
            session.journal.answeredInsertID(Self.bytes(answer))
            #expect(session.journal.isInsertIDUncertain == !isKnown)
        }
    }

    @Test func failedWritesMayHaveSetOffTriggers() {
        for (answer, isMovable) in [("=0", true), ("=2", false)] {
            var session = Session()
            session.journal.writeFailed()
            #expect(session.journal.asks)
            // At once only what reads no table is asked.
            session.journal.loseInsertID()
            let atOnce = session.journal.questions(left: .ofQuery, tables: false).map(\.answer)
            #expect(atOnce.first == .insertID && !atOnce.contains(.triggers))
            session.journal.questionsAnswered()
            #expect(session.journal.asks)
            // Whose server goes now will never know.
            #expect(session.journal.losses == .unknown)
            #expect(session.questions.first?.contains("EXECUTED_TRIGGERS") == true)
            // It is under way.
            #expect(session.journal.losses == .unknown)
            session.journal.answeredTriggers(Self.bytes(answer))
            session.journal.questionsAnswered()
            #expect(!session.journal.asks)
            #expect(session.journal.isMovable == isMovable)
        }
    }

    @Test func whoHasBeenToldOfAFailedWriteIsNotAskedForIt() {
        var session = Session()
        session.journal.writeFailed()
        session.journal.lossesTold()
        #expect(session.journal.isMovable)
        #expect(!session.journal.asks)
    }

    @Test func aResetTakesTheSchemasCharacterSet() throws {
        let login = try said(row())
        var session = Session()
        session.journal.loggedIn(login.values, schema: login.schema)
        #expect(session.texts == [])
        session.journal.reset()
        session.journal.loggedIn(login.values, schema: login.schema)
        #expect(session.texts == ["SET @@session.collation_database='latin1_bin'"])
        session.run("USE d", "schema=d", "state")
        #expect(session.texts == [])
    }

    @Test func userVariablesKeepTheirSpelling() {
        var session = Session()
        session.run("SET @Ab=1, @`C D`=2", "state")
        session.run("SET @aB='x'", "state")
        #expect(session.texts == ["SET @`Ab` = 1, @`C D` = 2, @`Ab` = 'x'"])
    }

    /// NULL leaves a variable of the type that it had.
    @Test func nullKeepsTheType() {
        var session = Session()
        session.run("SET @a=17", "state")
        session.run("SET @a=NULL", "state")
        session.run("SET @a=NULL", "state")
        #expect(session.texts == ["SET @`a` = 17", "SET @`a` = NULL"])
        session.run("SET @a=NULL, @n=NULL", "state")
        session.run("SET @b='x'", "state")
        session.run("SET @b=@n", "state")
        #expect(session.texts == ["SET @`a` = 17", "SET @`a` = NULL", "SET @`n` = NULL, @`b` = 'x'", "SET @`b` = @n"])
        session.run("SET @a=5, @b=6", "state")
        #expect(session.texts == ["SET @`n` = NULL, @`a` = 5, @`b` = 6"])
        session.journal.prepared(facts("SET @n=NULL").change ?? .none)
        #expect(session.journal.isMovable)
        session.journal.prepared(facts("SET @n='x'").change ?? .none)
        #expect(session.journal.losses == .userVariables)
    }

    /// To prepare `SET @a=?` makes the variable.
    @Test func spellingsComeBeforeWhatIsPrepared() {
        var session = Session()
        session.run("SET @Ab=17, @b=1", "state")
        session.run("PREPARE s FROM 'SELECT 1'", "state")
        #expect(session.texts == ["PREPARE `s` FROM 'SELECT 1'", "SET @`Ab` = 17, @`b` = 1"])
        session.run("PREPARE s FROM 'SET @B=1'", "state")
        session.run("SET @b=2", "state")
        #expect(
            session.texts == [
                "SET @`Ab` = NULL, @`b` = NULL", "PREPARE `s` FROM 'SET @B=1'",
                "SET @`Ab` = 17, @`b` = 1, @`b` = 2",
            ])
    }

    @Test func aFailedSetMakesVariables() {
        func lost(_ text: String, _ code: UInt16) -> Bool {
            var session = Session()
            session.run("SET @n=1, @s='x'", "state")
            session.journal.failed(facts(text).change ?? .none, code: code, certainlyNothing: false)
            return session.journal.losses == .userVariables
        }
        #expect(lost("SET @a = 1, @b = (SELECT 1 UNION SELECT 2)", 1242))
        #expect(lost("SET @s = 1, sql_mode = 'x'", 1231))
        #expect(lost("SET @new = 1, sql_mode = 'x'", 1231))
        #expect(!lost("SET @n = 2, sql_mode = 'x'", 1231))
        #expect(!lost("SET @s = 1, nosuch = 1", 1193))
    }

    @Test func schemasOutsideOfASCII() throws {
        var table = LoginValueTable()
        let said = table.values(ofRow: row(schema: "ä"))
        let values = try #require(said)
        var session = Session()
        // As the client has said it, in whatever character set, where the server has told nothing.
        #expect(session.allTexts == ["USE `d`"])
        session.journal.loggedIn(values.values, schema: values.schema)
        let texts = session.journal.restoration(onto: values.values).flatMap(\.texts).map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(texts.prefix(2) == ["SET NAMES utf8mb4", "USE `ä`"])
        #expect(texts.last?.contains("@@session.character_set_client=7") == true)
    }

    @Test("a login's own character set is not left for a schema's name where that can be said in it")
    func schemasInTheLoginsCharacterSet() throws {
        func texts(_ schema: String, _ characterSet: String, _ script: String...) throws -> [[UInt8]] {
            let login = try said(row(["character_set_client": characterSet], schema: schema))
            var session = Session()
            session.journal.loggedIn(login.values, schema: login.schema)
            for text in script { session.run(text, "state") }
            return session.journal.restoration(onto: login.values).flatMap(\.texts)
        }
        #expect(try texts("ä", "utf8mb4") == [Self.bytes("USE `ä`")])
        #expect(try texts("ä", "utf8mb3") == [Self.bytes("USE `ä`")])
        #expect(try texts("ä", "latin1") == [Self.bytes("USE `") + [0xe4, 0x60]])
        for (schema, characterSet) in [("€", "latin1"), ("ä", "gbk")] {
            #expect(try texts(schema, characterSet).first == Self.bytes("SET NAMES utf8mb4"))
        }
        // Under the client's own it is still the login's that is in force when the schema's name is said.
        #expect(
            try texts("ä", "utf8mb4", "SET NAMES latin1") == [Self.bytes("USE `ä`"), Self.bytes("SET NAMES latin1")])
        // What had to be prepared under another one comes before.
        let prepared = try texts("ä", "utf8mb4", "SET NAMES latin1", "PREPARE p FROM 'SELECT 1'", "SET NAMES gbk")
        #expect(prepared.contains(Self.bytes("SET NAMES utf8mb4")))
    }

    @Test("what was set for a statement has come back by its name")
    func characterSetsForAStatement() throws {
        let login = try said(row(["character_set_client": "utf8mb4", "character_set_results": "utf8mb4"]))
        var session = Session()
        session.journal.loggedIn(login.values, schema: login.schema)
        session.run("SET STATEMENT sql_mode='', character_set_results=latin1 FOR SELECT 1")
        let texts = session.journal.restoration(onto: login.values).flatMap(\.texts)
        #expect(texts.last == Self.bytes("SET @@session.character_set_results='utf8mb4'"))
    }

    @Test func userVariables() {
        var session = Session()
        session.run("SET @a=1, @b='x'", "state")
        session.run("SET @c=3", "state")
        #expect(session.texts == ["SET @`a` = 1, @`b` = 'x', @`c` = 3"])
        session.run("SET @d=@a+@c", "state")
        session.run("SET @a=10", "state")
        #expect(
            session.texts == ["SET @`a` = 1, @`b` = 'x', @`c` = 3", "SET @`d` = @a+@c", "SET @`a` = 10"])
        session.run("SET @d=0", "state")
        #expect(session.texts == ["SET @`a` = 1, @`b` = 'x', @`c` = 3, @`a` = 10, @`d` = 0"])
        session.run("SET @b='y'", "state")
        session.run("SET @c=4", "state")
        #expect(session.texts == ["SET @`a` = 10, @`d` = 0, @`b` = 'y', @`c` = 4"])
        #expect(session.journal.isMovable)
    }

    @Test func lostUserVariables() {
        var session = Session()
        session.run("SET @a=1", "state")
        session.run("SELECT NOW() INTO @a")
        #expect(session.journal.losses == .userVariables)
        #expect(session.texts == [])
        session.run("SET @b=@a", "state")
        session.run("SET @a=2", "state")
        #expect(session.journal.losses == .userVariables)
        session.run("SET @b=@a", "state")
        #expect(session.journal.isMovable)
        #expect(session.texts == ["SET @`a` = 2", "SET @`b` = @a"])
        session.run("SELECT @a := 3")
        #expect(!session.journal.isMovable)
        session.journal.lossesTold()
        #expect(session.journal.isMovable)
        #expect(session.texts.last == "SET @`b` = @a")
    }

    @Test func valuesThatDependOnTheirContext() {
        var session = Session()
        session.run("SET @a='x', @n=5", "state")
        session.run("SET @b=@a", "state")
        session.run("SET sql_mode='ANSI'", "sql_mode=ANSI", "state")
        // Said again under the context in which they were said first.
        #expect(session.journal.isMovable)
        #expect(
            session.texts == ["SET @`a` = 'x', @`n` = 5", "SET @@session.sql_mode='ANSI'", "SET @`b` = @a"])
        session.run("SET @c='y', @b=0", "state")
        // The same value again changes nothing.
        session.run("SET sql_mode='ANSI'", "sql_mode=ANSI", "state")
        #expect(session.texts.last == "SET @`c` = 'y', @`b` = 0")
        session.run("SET NAMES latin1", "state")
        session.run("SET @d='z'", "state")
        #expect(session.journal.isMovable)
        #expect(
            session.texts == [
                "SET @`a` = 'x', @`n` = 5", "SET @@session.sql_mode='ANSI'",
                "SET @`c` = 'y', @`b` = 0", "SET NAMES latin1", "SET @@session.sql_mode='ANSI'", "SET @`d` = 'z'",
            ])
    }

    @Test func valuesUnderAFixedClockAreLostWithIt() {
        var session = Session()
        session.run("SET @a=TIMESTAMP('10:00')", "state")
        session.run("SET timestamp=5", "timestamp=5.000000", "state")
        #expect(session.journal.losses == .userVariables)
    }

    @Test func countersAreBounded() {
        var session = Session()
        session.run("SET @i=0", "state")
        for _ in 0..<600 { session.run("SET @i=@i+1", "state") }
        #expect(session.journal.losses == .userVariables)
        #expect(session.journal.byteCount < 10_000)
        session.run("SET @i=0", "state")
        #expect(session.journal.isMovable)
    }

    @Test func temporaryTables() {
        var session = Session()
        session.run("CREATE TEMPORARY TABLE a (i INT)", "state")
        session.run("CREATE TEMPORARY TABLE e.b (i INT)", "state")
        #expect(session.journal.losses == .temporaryTables)
        #expect(session.journal.losses.description == "a temporary table")
        session.run("DROP TABLE d.a")
        #expect(session.journal.losses == .temporaryTables)
        session.run("USE e", "schema=e", "state")
        session.run("DROP TEMPORARY TABLE b", "state")
        #expect(session.journal.isMovable)
        session.run("CREATE TEMPORARY TABLE a (i INT)", "state")
        session.run("ALTER TABLE a RENAME b")
        session.run("DROP TABLE a, b")
        #expect(session.journal.losses == .temporaryTables)
        session.journal.reset()
        #expect(session.journal.isMovable)
    }

    @Test func locks() {
        var session = Session()
        session.run("LOCK TABLES t READ")
        #expect(session.journal.losses == .tableLocks)
        session.run("UNLOCK TABLES")
        #expect(session.journal.isMovable)
        session.run("SELECT GET_LOCK('A', 1)")
        session.run("SELECT GET_LOCK('a', 1)")
        session.run("SELECT RELEASE_LOCK('a')")
        #expect(session.journal.losses == .userLocks)
        session.run("SELECT RELEASE_LOCK('a')")
        #expect(session.journal.isMovable)
        session.run("SELECT GET_LOCK(CONCAT('a'), 1)")
        session.run("SELECT RELEASE_LOCK('a')")
        #expect(session.journal.losses == .userLocks)
        session.run("SELECT RELEASE_ALL_LOCKS()")
        #expect(session.journal.isMovable)
        session.run("HANDLER t OPEN x")
        #expect(session.journal.losses == .handlers)
        session.run("HANDLER x CLOSE")
        #expect(session.journal.isMovable)
        session.run("XA START 'x'")
        #expect(session.journal.losses == .xa)
        session.run("XA COMMIT 'x'")
        #expect(session.journal.isMovable)
    }

    @Test func preparedNames() {
        var session = Session()
        session.run("PREPARE p FROM 'SELECT 1'", "state")
        session.run("SET @sql='LOCK TABLES t READ'", "state")
        session.run("PREPARE Q FROM @sql", "state")
        #expect(session.journal.isMovable)
        #expect(
            session.texts == [
                "PREPARE `p` FROM 'SELECT 1'", "PREPARE `q` FROM 'LOCK TABLES t READ'",
                "SET @`sql` = 'LOCK TABLES t READ'",
            ])
        session.run("EXECUTE p")
        #expect(session.journal.isMovable)
        session.run("EXECUTE q")
        #expect(session.journal.losses == .tableLocks)
        session.run("UNLOCK TABLES")
        session.run("DEALLOCATE PREPARE p", "state")
        session.run("PREPARE q FROM CONCAT('a')", "state")
        #expect(session.journal.losses == .preparedNames)
        session.run("DEALLOCATE PREPARE q", "state")
        #expect(session.journal.isMovable)
        session.run("EXECUTE nobody_knows")
        #expect(session.journal.losses == .unknown)
    }

    @Test func unexplainedChanges() {
        var session = Session()
        session.run("CALL p()")
        #expect(session.journal.isMovable)
        session.run("CALL p()", "sql_mode=ANSI", "state")
        #expect(session.journal.losses == .unknown)
        session.journal.lossesTold()
        session.run("INSERT INTO t VALUES (1)", "state")
        #expect(session.journal.losses == .unknown)
    }

    @Test func explanationLastsOneAnswer() {
        var session = Session()
        session.run("SET @a=1", "state")
        session.run("INSERT INTO t VALUES (1)", "state")
        #expect(session.journal.losses == .unknown)
    }

    @Test func nextTransaction() {
        var session = Session()
        session.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        session.run("SET @@tx_read_only=1")
        #expect(session.journal.hasNextTransaction)
        #expect(session.texts == ["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET @@tx_read_only=1"])
        session.journal.answeredOutsideTransaction(.unused)
        #expect(session.journal.isMovable && session.journal.hasNextTransaction)
        session.journal.answeredOutsideTransaction(.unknown)
        #expect(session.journal.losses == .oneShotVariables)
        session.journal.transactionEnded()
        #expect(session.texts == [])
        #expect(session.journal.isMovable)
        session.journal.answeredOutsideTransaction(.unknown)
        #expect(session.journal.isMovable)
        session.run("SET TRANSACTION READ ONLY")
        session.journal.answeredOutsideTransaction(.used)
        #expect(session.texts == [] && session.journal.isMovable)
    }

    @Test func lastInsertID() {
        var session = Session()
        session.journal.lastInsertID = 7
        #expect(session.texts == ["SET @@session.last_insert_id=7"])
        session.run("SET last_insert_id=9", "last_insert_id=9", "state")
        #expect(session.texts == ["SET @@session.last_insert_id=9"])
        session.run("SET insert_id=9", "insert_id=9", "state")
        #expect(session.journal.losses == .oneShotVariables)
    }

    @Test func lossesOfOthers() {
        var session = Session()
        session.journal.lose([.openCursors, .longData])
        #expect(session.journal.losses.description == "an open cursor, parameter data sent ahead")
        session.journal.regain(.openCursors)
        #expect(session.journal.losses == .longData)
    }

    @Test func limit() {
        var journal = SessionJournal(byteCountMax: 100)
        journal.apply(
            .prepareName(Self.bytes("p"), .literal(Self.bytes("'" + String(repeating: "x", count: 200) + "'"))))
        #expect(journal.losses == .tooLarge)
        #expect(journal.byteCount < 100)
        #expect(journal.restoration().flatMap(\.texts) == [])
    }
}
