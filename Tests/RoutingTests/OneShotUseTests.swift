import Testing

@testable import Routing

/// As tried on 10.5, 10.11 and 11.8: SET TRANSACTION READ ONLY, the statement, and then a write in a transaction.
@Suite struct OneShotUseTests {
    private func use(_ text: String, failure: UInt16? = nil, tablesRollBack: Bool = true) -> OneShotUse {
        Array(text.utf8).withUnsafeBytes {
            OneShotUse.of(
                $0, dialect: Dialect(backslashEscapes: true, ansiQuotes: false), failure: failure,
                tablesRollBack: tablesRollBack)
        }
    }

    @Test(arguments: [
        "SELECT 1", "DO 1", "SET @a=1", "SET TRANSACTION READ ONLY", "SELECT 1; SELECT 2", "SELECT GET_LOCK('x', 0)",
        "SET sql_mode=''", "USE a", "PREPARE s FROM 'SELECT * FROM t'", "SELECT LAST_INSERT_ID(4)", "VALUES (1)",
    ])
    func unused(text: String) {
        #expect(use(text) == .unused)
    }

    @Test(arguments: [
        "INSERT INTO t VALUES (1)", "UPDATE a.t SET v=1", "DELETE FROM t", "REPLACE INTO t VALUES (1)", "COMMIT",
        "ROLLBACK",
    ])
    func used(text: String) {
        #expect(use(text) == .used)
    }

    @Test(
        "what may be of another engine, a view, a function's, or cached",
        arguments: [
            "SELECT * FROM t", "SELECT f()", "CALL p()", "SELECT v INTO @a FROM t", "SET @a=(SELECT COUNT(*) FROM t)",
            "INSERT INTO mysql.t VALUES (1)", "UPDATE performance_schema.t SET v=1", "SELECT NEXTVAL(s)", "SHOW TABLES",
            "CREATE TABLE t (a INT)", "EXECUTE s", "SELECT 1; INSERT INTO t VALUES (1)",
            "SET STATEMENT a=1 FOR SELECT 1",
            "SET autocommit=1", "SET ROLE a", "FLUSH TABLES",
        ])
    func unknown(text: String) {
        #expect(use(text) == .unknown)
    }

    @Test func engines() {
        #expect(use("INSERT INTO t VALUES (1)", tablesRollBack: false) == .unknown)
        #expect(use("COMMIT", tablesRollBack: false) == .used)
    }

    @Test func failures() {
        #expect(use("INSERT INTO t VALUES (1)", failure: 1792) == .unused)
        #expect(use("SELECT * FROM t", failure: 1146) == .unused)
        // A trigger's table may be the one that is not there.
        #expect(use("INSERT INTO t VALUES (1)", failure: 1146) == .unknown)
        #expect(use("SELECT x", failure: 1054) == .unused)
        #expect(use("SELECT x FROM t", failure: 1054) == .unknown)
        #expect(use("INSERT INTO t VALUES (1)", failure: 1062) == .unknown)
        #expect(use("DROP TABLE t", failure: 1792) == .unknown)
        #expect(use("CALL p()", failure: 1146) == .unknown)
    }
}
