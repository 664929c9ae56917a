import Testing

@testable import Routing

@Suite struct PlainStatementTests {
    static func isPlain(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { StatementClassifier.isPlain($0) }
    }

    @Test(arguments: [
        "SELECT 1", "  select c FROM sbtest1 WHERE id=5", "insert into t values (1)", "Update t set a=1",
        "DELETE FROM t",
        "replace into t values(1)", "BEGIN", "START TRANSACTION READ ONLY", "commit", "ROLLBACK", "select(1)",
        "SELECT*FROM t", "SELECT a_loc FROM t_l", "SELECT '@'", "INSERT INTO t VALUES ('a@b.c', \"x;y\", 'it''s')",
        "SELECT `a@b`", "SELECT at_insert FROM last_inserts", "SELECT date_inserted, 'GET_LOCK'",
        "INSERT INTO t VALUES ('a\\nb')",
    ])
    func plain(_ text: String) { #expect(Self.isPlain(text)) }

    @Test(arguments: [
        "", " ", "SET a=1", "USE d", "SELECT @a", "SELECT 1 INTO @x", "SELECT 1; SELECT 2", "SELECT GET_LOCK('a',1)",
        "select release_lock('a')", "SELECT Release_All_Locks()", "selects 1", "select_x", "SELECT2",
        "/* c */ SELECT 1",
        "(SELECT 1)", "WITH a AS (SELECT 1) SELECT 1", "CALL p()", "LOCK TABLES t READ", "insertintoxyz t", "SELEC",
        "select\u{e9} 1", "SELECT '\\' @a", "SELECT '\\'@'", "SELECT -- it's\n @a -- it's", "SELECT # '\n @a # '",
        "SELECT /* ' */ @a /* ' */", "SELECT 'open @a", "SELECT `GET_LOCK`('a',1)", "SELECT \"get_lock\"('a',1)",
        "SELECT LAST_INSERT_ID()",
        "select last_insert_id(5)", "SELECT /*! @a := 1 */",
    ])
    func notPlain(_ text: String) { #expect(!Self.isPlain(text)) }
}
