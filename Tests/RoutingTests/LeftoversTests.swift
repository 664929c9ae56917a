import Testing

@testable import Routing

@Suite struct LeftoversTests {
    @Test(arguments: [
        ("SELECT FOUND_ROWS()", Leftovers.foundRows), ("SELECT 1 + `found_rows`()", .foundRows),
        ("SET @a=ROW_COUNT()", .rowCount), ("INSERT INTO t VALUES (FOUND_ROWS())", .foundRows),
        ("INSERT INTO t (a) VALUES (ROW_COUNT())", .rowCount), ("DO ROW_COUNT()", .rowCount),
        ("EXECUTE IMMEDIATE 'SELECT FOUND_ROWS()'", .foundRows), ("EXECUTE p USING ROW_COUNT()", .rowCount),
        ("SHOW WARNINGS", .warnings), ("SHOW COUNT(*) ERRORS", .warnings), ("SELECT @@warning_count", .warnings),
        ("SELECT @@session.error_count", .warnings), ("SELECT LASTVAL(s)", .sequenceValues),
        ("SELECT PREVIOUS VALUE FOR s", .sequenceValues), ("SELECT s.currval", .sequenceValues),
        ("SHOW PROFILES", .profile), ("SELECT @@last_gtid", .profile), ("SELECT LAST_INSERT_ID()", .insertID),
        ("SHOW VARIABLES", .insertID), ("SHOW SESSION VARIABLES LIKE 'last%'", .insertID),
        ("SHOW VARIABLES LIKE 'sql_mode'", Leftovers()), ("SHOW GLOBAL VARIABLES", Leftovers()),
        ("SELECT * FROM information_schema.`SYSTEM_VARIABLES`", .insertID),
        ("SELECT * FROM session_variables", .insertID), ("SELECT * FROM system_variable", Leftovers()),
        ("SELECT @@identity", .insertID), ("SELECT @@session.last_insert_id", .insertID),
        ("UPDATE t SET a=1 WHERE b IS NULL", .autoIsNull), ("SELECT app.f()", .insertID),
        ("SET STATEMENT max_statement_time=1 FOR SELECT ROW_COUNT()", .rowCount),
        ("SET @a = (SELECT trace FROM information_schema.OPTIMIZER_TRACE)", .profile),
        ("SELECT * FROM optimizer_trace", .profile), ("SELECT * FROM information_schema . profiling", .profile),
        ("SET optimizer_trace = 'enabled=on'", Leftovers()), ("SELECT @@optimizer_trace, @@profiling", Leftovers()),
        ("DO 1; SELECT FOUND_ROWS()", .foundRows), ("DO 1; DO 2; SHOW WARNINGS", .warnings),
    ])
    func reads(_ text: String, _ leftovers: Leftovers) { #expect(facts(text).reads == leftovers) }

    @Test(arguments: ["CALL p(ROW_COUNT())", "GET DIAGNOSTICS @n = NUMBER"])
    func readsMore(_ text: String) { #expect(facts(text).reads.contains(.rowCount)) }

    @Test(
        "what one statement of a text leaves is the next one's to ask for",
        arguments: [
            "SELECT 1; SELECT FOUND_ROWS()", "INSERT INTO t (a) VALUES (1); SELECT ROW_COUNT(), LAST_INSERT_ID()",
            "UPDATE t SET a=1; SHOW WARNINGS", "SELECT NEXTVAL(s); SELECT LASTVAL(s)", "SELECT 1",
            "INSERT INTO t (a) VALUES (1)",
            "SELECT LAST_INSERT_ID(5)",
        ])
    func readsNothing(_ text: String) { #expect(facts(text).reads == []) }

    /// As seen on 10.5, 10.11 and 11.8: what of the statement before can still be asked for behind each of these.
    @Test(arguments: [
        ("SELECT 1", [Leftovers.warnings]), ("SELECT * FROM t", []), ("SELECT * FROM DUAL", [.warnings]),
        ("DO 1", [.foundRows, .warnings]),
        ("SET @a=1", [.foundRows, .warnings]), ("INSERT INTO t VALUES (1)", [.foundRows]),
        ("BEGIN", [.foundRows, .warnings]),
        ("UPDATE t SET a=1", [.foundRows]), ("SHOW WARNINGS", [.foundRows, .warnings]),
        ("CALL p()", [.foundRows, .warnings]),
        ("VALUES (1)", [.foundRows, .warnings]), ("GET DIAGNOSTICS @n=NUMBER", [.foundRows, .warnings, .rowCount]),
        ("SELECT EXTRACT(YEAR FROM NOW())", [.warnings]), ("CREATE TABLE t (a INT)", [.foundRows]),
    ])
    func leaves(_ text: String, _ kept: [Leftovers]) {
        let all: Leftovers = [.foundRows, .rowCount, .warnings]
        #expect(all.subtracting(facts(text).overwrites) == kept.reduce(into: []) { $0.formUnion($1) })
    }

    @Test func sequences() {
        #expect(
            facts("SELECT NEXTVAL(`S`), NEXT VALUE FOR d.t").sequencesTaken == [Array("s".utf8), Array("d.t".utf8)])
        #expect(facts("SELECT LASTVAL(s), PREVIOUS VALUE FOR T").sequencesRead == [Array("s".utf8), Array("t".utf8)])
        let many = (0..<5000).map { "LASTVAL(s\($0))" }.joined(separator: ",")
        #expect(facts("SELECT \(many)").sequencesRead.contains([]))
    }

    @Test("a text that names nothing of what lasts is not read")
    func concerns() {
        func concerns(_ text: String, _ leftovers: Leftovers = [.sequenceValues, .profile]) -> Bool {
            Array(text.utf8).withUnsafeBytes { leftovers.concerns($0) }
        }
        for text in [
            "SELECT LastVal(s)", "SELECT PREVIOUS\nVALUE FOR s", "SELECT NEXT/**/VALUE FOR s", "SELECT s.CURRVAL",
            "SELECT NEXTVAL(s)", "select @@last_gtid", "SHOW PROFILE", "SELECT next\tvalue for s",
            "execute s", "SELECT 1; EXECUTE s", "SELECT * FROM information_schema.optimizer_trace",
            "SELECT * FROM information_schema.PROFILING",
        ] {
            #expect(concerns(text), "\(text)")
        }
        for text in ["SELECT 1", "INSERT INTO t VALUES (1)", "SELECT value FROM t", "", "v", "va", "val"] {
            #expect(!concerns(text), "\(text)")
        }
        #expect(concerns("SELECT 1", [.sequenceValues, .insertID]))
    }

    @Test("asked in a compound statement")
    func compound() {
        let cases: [(String, Leftovers)] = [
            ("SELECT FOUND_ROWS()", .foundRows), ("IF `ROW_COUNT`() > 1 THEN SELECT 1; END IF", .rowCount),
            ("SHOW WARNINGS", .warnings), ("SELECT @@error_count", .warnings),
            ("SELECT LASTVAL(s)", .sequenceValues), ("GET DIAGNOSTICS @a = ROW_COUNT", [.rowCount, .warnings]),
            ("SHOW PROFILES", .profile), ("SELECT 1", []),
        ]
        for (text, reads) in cases {
            #expect(facts("BEGIN NOT ATOMIC \(text); END").reads == reads.union([.insertID, .autoIsNull]), "\(text)")
        }
    }

    @Test func insertIDs() {
        #expect(change("SELECT LAST_INSERT_ID(5)") == .insertID(.value(5)))
        #expect(change("DO LAST_INSERT_ID(5)") == .insertID(.value(5)))
        for text in [
            "SELECT LAST_INSERT_ID(a) FROM t", "SELECT LAST_INSERT_ID(1+1)", "SELECT IF(0, LAST_INSERT_ID(5), 1)",
            "SET @a=LAST_INSERT_ID(5)", "DELETE FROM t WHERE a=LAST_INSERT_ID(5)", "CALL p()",
            "LOAD DATA INFILE 'x' INTO TABLE t",
            "INSERT INTO t VALUES (1) RETURNING a", "BEGIN NOT ATOMIC END", "WIBBLE",
        ] {
            #expect(change(text)?.ofInsertID == .unknown, "\(text)")
        }
        // Of several statements each has its own answer.
        #expect(change("SELECT 1; SELECT LAST_INSERT_ID(5)") == .sequence([.none, .insertID(.value(5))]))
        #expect(change("UPDATE t SET a=LAST_INSERT_ID(0)") == .insertID(.ofPacket))
        #expect(change("SELECT LAST_INSERT_ID()") == nil)
        var journal = SessionJournal()
        journal.lastInsertID = 5
        journal.apply(.procedure)
        #expect(journal.isInsertIDUncertain && journal.restoration().flatMap(\.texts).isEmpty)
        journal.lastInsertID = 6
        #expect(!journal.isInsertIDUncertain)
        #expect(journal.restoration().flatMap(\.texts) == [Array("SET @@session.last_insert_id=6".utf8)])
    }

    @Test(
        "a lock is given back only where that certainly happens",
        arguments: [
            "SELECT CASE WHEN 0 THEN RELEASE_LOCK('k') END", "SELECT IF(0, RELEASE_LOCK('k'), 1)",
            "SELECT 0 AND RELEASE_LOCK('k')",
            "SELECT RELEASE_LOCK('k') WHERE 0", "SELECT RELEASE_LOCK('k') LIMIT 0",
            "SELECT 1 UNION SELECT RELEASE_LOCK('k')",
            "SELECT COALESCE(1, RELEASE_LOCK('k'))", "SELECT 1 OR RELEASE_ALL_LOCKS()",
            "SELECT RELEASE_LOCK('k') AND 0",
        ])
    func conditional(_ text: String) { #expect(change(text) == nil) }

    @Test(arguments: [
        "SELECT RELEASE_LOCK('k')", "SELECT 5, release_lock('k') AS r", "DO RELEASE_LOCK('k')",
        "SELECT COALESCE(RELEASE_LOCK('k'), 0) r, 1", "SELECT `RELEASE_LOCK`('k')",
    ])
    func certain(_ text: String) { #expect(change(text) == .releaseUserLock([0x6b])) }

    @Test(arguments: [
        "SELECT `GET_LOCK`('x',1)", "SELECT get_lock /* c */ ('x',1)", "SELECT CASE WHEN a THEN GET_LOCK('x',1) END",
    ])
    func locks(_ text: String) {
        #expect(change(text) == .userLock([0x78]))
        #expect(!PlainStatementTests.isPlain(text))
    }

    @Test func ansiQuotedLock() {
        let text = "SELECT \"GET_LOCK\"('x',1)"
        #expect(facts(text, dialect: Dialect(status: 0x8000)).change == .userLock([0x78]))
        #expect(!PlainStatementTests.isPlain(text))
    }
}
