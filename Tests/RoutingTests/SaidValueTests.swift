import Testing

@testable import Routing

/// What a SET says outright need not be asked for.
@Suite struct SaidValueTests {
    typealias Session = SessionJournalTests.Session

    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// What is restored behind the statement; nil where the server has to be asked first.
    private static func restored(_ text: String, isWarned: Bool = false) -> [String]? {
        var session = Session()
        session.journal.apply(facts(text).change ?? .none, isWarned: isWarned)
        return session.journal.asks ? nil : session.texts
    }

    @Test(
        "a literal is the value",
        arguments: [
            ("SET sort_buffer_size=262144", "sort_buffer_size=262144"),
            ("SET SESSION sort_buffer_size := 0", "sort_buffer_size=0"),
            ("SET @@local.`Sort_Buffer_Size` = /* x */ 00012", "sort_buffer_size=00012"),
            ("SET long_query_time=3.25", "long_query_time=3.25"), ("SET x=-1", "x=-1"),
            ("SET x=TRUE", "x=1"), ("SET x = false", "x=0"), ("SET x=on", "x='on'"), ("SET x='ON'", "x='ON'"),
            ("SET x=\"a,b\"", "x='a,b'"), ("SET x=' y'", "x=' y'"), ("SET x=''", "x=''"),
            ("SET default_tmp_storage_engine=MyISAM", "default_tmp_storage_engine='MyISAM'"),
            ("SET default_tmp_storage_engine=NULL", "default_tmp_storage_engine=NULL"),
            ("SET sql_warnings=TRUE", "sql_warnings='ON'"), ("SET last_insert_id=77", "last_insert_id=77"),
            ("SET identity=78", "last_insert_id=78"), ("SET tmp_memory_table_size=5", "tmp_table_size=5"),
            ("SET x=@a, x=5", "x=5"), ("/*!50000 SET x=5 */", "x=5"),
        ])
    func literals(text: String, assignment: String) {
        #expect(Self.restored(text) == ["SET @@session.\(assignment)"], "\(text)")
    }

    @Test(
        "anything else, or more than that, is asked for",
        arguments: [
            "SET x=@a", "SET x=1+1", "SET x=(5)", "SET x=@@x", "SET x=5, x=@a", "SET x=DEFAULT", "SET x=NULL",
            "SET x=1e3", "SET x=0x10", "SET x='5'", "SET x='a' 'b'", "SET x=_latin1'a'", "SET x='a''b'",
            "SET x='a\\nb'",
            "SET x='\u{e4}'", "SET x=`a`", "SET x=CURRENT_USER", "SET x=SYSDATE", "SET x=- 'a'",
            "SET default_tmp_storage_engine=''", "SET last_insert_id=-1", "SET last_insert_id=1.5",
            "SET last_insert_id=99999999999999999999", "SET sql_warnings=2",
            // Something else is set with it.
            "SET max_join_size=5", "SET character_set_server=latin1", "SET collation_server=latin1_bin",
            "SET log_queries_not_using_indexes=1", "SET optimizer_trace='enabled=on'",
            // The server reports these.
            "SET group_concat_max_len=5", "SET sql_mode='ANSI'",
            "SET x='" + String(repeating: "a", count: 1025) + "'",
        ])
    func others(text: String) {
        #expect(Self.restored(text) == nil, "\(text)")
    }

    @Test func withWarnings() {
        #expect(Self.restored("SET sort_buffer_size=1", isWarned: true) == nil)
        #expect(Self.restored("SET sql_warnings=1", isWarned: true) == ["SET @@session.sql_warnings='ON'"])
        #expect(Self.restored("SET timestamp=5", isWarned: true) == ["SET @@session.timestamp=5"])
    }

    @Test("of several statements each one's own answer decides")
    func sequences() {
        var session = Session()
        guard
            case .sequence(let changes)? = facts("SELECT 1; SET x=5; SET y=6; DO 1").change
        else {
            Issue.record("no sequence")
            return
        }
        for (change, isWarned) in zip(changes, [true, false, true, true]) {
            session.journal.apply(change, isWarned: isWarned)
        }
        #expect(session.questions.first == "SET default_master_connection=CONCAT('=',IFNULL(@@session.y,''))")
        session.journal.answered(Self.bytes("=7"), about: [Self.bytes("y")])
        session.journal.questionsAnswered()
        #expect(session.texts == ["SET @@session.x=5, @@session.y=7"])
    }

    @Test("a variable of which others show a part is the one that is kept")
    func parts() {
        var session = Session()
        session.run("SET log_queries_not_using_indexes=1")
        #expect(session.questions.first?.contains("@@session.log_slow_filter") == true)
        session.journal.answered(Self.bytes("=admin,not_using_index"), about: [Self.bytes("log_slow_filter")])
        session.report("log_queries_not_using_indexes=ON")
        session.journal.questionsAnswered()
        #expect(session.texts == ["SET @@session.log_slow_filter='admin,not_using_index'"])
        session.run("SET log_slow_filter='admin'")
        #expect(session.texts == ["SET @@session.log_slow_filter='admin'"])
    }

    @Test("an instant is asked for again when it reads otherwise")
    func instants() {
        var session = Session()
        session.run("SET system_versioning_asof='2020-01-01 00:00:00'")
        session.journal.answered(
            Self.bytes("=2020-01-01 00:00:00.000000"), about: [Self.bytes("system_versioning_asof")])
        session.journal.questionsAnswered()
        session.run("SET time_zone='+05:00'", "time_zone=+05:00", "state")
        #expect(session.questions.first?.contains("system_versioning_asof") == true)
        session.journal.answered(
            Self.bytes("=2020-01-01 05:00:00.000000"), about: [Self.bytes("system_versioning_asof")])
        session.journal.questionsAnswered()
        #expect(
            session.texts == [
                "SET @@session.time_zone='+05:00'",
                "SET @@session.system_versioning_asof='2020-01-01 05:00:00.000000'",
            ])
    }

    @Test("what is asked leaves ROW_COUNT() as the statement before has left it")
    func rowCounts() {
        for (left, last) in [
            (RowCountLeft.nothing, "SET @@session.default_master_connection=''"), (.ofQuery, "VALUES (0)"),
        ] {
            var session = Session()
            #expect(session.journal.questions(left: left).isEmpty)
            session.run("SET x=@a")
            #expect(session.journal.questions(left: left).last.map { String(decoding: $0.text, as: UTF8.self) } == last)
        }
    }
}
