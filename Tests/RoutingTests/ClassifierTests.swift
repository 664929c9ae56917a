import Testing

@testable import Routing

/// The facts of a text, read as by default (backslashes escape, "…" is a string).
func facts(_ text: String, dialect: Dialect = Dialect(status: 0x0002)) -> StatementFacts {
    Array(text.utf8).withUnsafeBytes { StatementClassifier.classify($0, dialect: dialect) }
}

func change(_ text: String) -> SessionChangeKind? { facts(text).change }

@Suite struct ClassifierTests {
    @Test(arguments: [
        "SELECT 1", "select * from t where a in (1,2) and (b or not (c))", "(SELECT 1) UNION ALL (SELECT 2)",
        "SELECT COUNT(*), NOW(), UUID(), RAND() FROM t GROUP BY (a) HAVING (1)", "SELECT SLEEP(1)", "VALUES (1),(2)",
        "WITH a AS (SELECT 1), b (x, y) AS (SELECT 1, 2) SELECT * FROM a JOIN b USING (x)", "SHOW TABLES", "DESC t",
        "EXPLAIN UPDATE t SET a=1", "EXPLAIN SELECT 1", "ANALYZE SELECT 1", "ANALYZE FORMAT=JSON SELECT 1", "HELP 'x'",
        "/* c */ SELECT 1 -- end", "# c\nSELECT 1", "SELECT 'it''s; DELETE FROM t'", "SELECT 'it\\'s; x'", "SELECT 1;",
        "SELECT 1 ; /* nothing */ ;", "DO 1", "SELECT @a, @@version", "CHECKSUM TABLE t", "XA RECOVER", "",
        "SELECT CAST(a AS CHAR(10)), CONVERT(b, DECIMAL(10,2)) FROM t PARTITION (p0) USE INDEX (i)",
        "SELECT /*!40001 SQL_NO_CACHE */ * FROM t", "SELECT 1 /*!80000 FROM x */",
        "SELECT SUM(a) OVER (PARTITION BY b)",
        "SELECT 1; SELECT 2", "SHOW VARIABLES LIKE 'a'", "SELECT REPLACE(a,'x','y'), INSERT(a,1,2,'x') FROM t",
    ])
    func reads(_ text: String) { #expect(facts(text).effect == .read) }

    @Test(arguments: [
        "SET NAMES utf8mb4", "USE d", "SET SESSION sql_mode=''", "SET autocommit=0", "SET @a=1",
        "PREPARE p FROM 'SELECT 1'",
        "DEALLOCATE PREPARE p", "SET TRANSACTION READ ONLY", "SET ROLE r", "SELECT 1 INTO @a", "SELECT @a:=1",
        "CREATE TEMPORARY TABLE t (a INT)", "DROP TEMPORARY TABLE t", "HANDLER t OPEN", "SET sql_mode=''; SELECT 1",
        "/*!40101 SET NAMES utf8 */", "SET STATEMENT max_statement_time=1 FOR SET @a=1",
    ])
    func sessions(_ text: String) { #expect(facts(text).effect == .session) }

    @Test(arguments: [
        "INSERT INTO t VALUES (1)", "insert into t (a,b) select f(a), 1 from u", "UPDATE t SET a=1", "DELETE FROM t",
        "REPLACE INTO t VALUES (1)", "INSERT INTO t VALUES (1) RETURNING a", "LOAD DATA INFILE 'x' INTO TABLE t",
        "SELECT NEXTVAL(s)", "SELECT NEXT VALUE FOR s", "SELECT SETVAL(s, 5)", "INSERT INTO t VALUES ('a@b.c; x')",
        "INSERT INTO t VALUES ('it\\'s')", "SET STATEMENT max_statement_time=1 FOR DELETE FROM t",
    ])
    func writes(_ text: String) { #expect(facts(text).effect == .write) }

    @Test(arguments: [
        ("BEGIN", StatementFacts.Effect.begin), ("begin work", .begin), ("START TRANSACTION", .begin),
        ("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", .begin), ("COMMIT", .commit),
        ("COMMIT AND CHAIN", .commit), ("commit work release", .commit), ("SET autocommit=1", .commit),
        ("SET @@autocommit = ON", .commit), ("UNLOCK TABLES", .commit), ("ROLLBACK", .rollback),
        ("ROLLBACK AND NO CHAIN", .rollback), ("ROLLBACK TO a", .transactional),
        ("rollback work to savepoint a", .transactional), ("SAVEPOINT a", .transactional),
        ("RELEASE SAVEPOINT a", .transactional), ("SELECT * FROM t FOR UPDATE", .transactional),
        ("SELECT * FROM t LOCK IN SHARE MODE", .transactional),
    ])
    func transactions(_ text: String, _ effect: StatementFacts.Effect) { #expect(facts(text).effect == effect) }

    @Test(arguments: [
        "CREATE TABLE t (a INT)", "DROP TABLE t", "ALTER TABLE t ADD b INT", "TRUNCATE t", "CALL p()", "EXECUTE p",
        "XA START 'x'", "SET GLOBAL a=1", "SET @@global.a=1", "SET PASSWORD = 'x'", "KILL 5", "SELECT f(1)",
        "SELECT d.now(1)", "SELECT `now`()", "SELECT 1 INTO OUTFILE '/x'", "SELECT a INTO DUMPFILE 'x' FROM t",
        "ANALYZE UPDATE t SET a=1", "ANALYZE TABLE t", "SELECT 1; DELETE FROM t", "BEGIN; SELECT 1", "COMMIT; SELECT 1",
        "LOCK TABLES t READ", "FLUSH TABLES", "GRANT ALL ON *.* TO x", "SET DEFAULT ROLE r", "START SLAVE",
        "BEGIN NOT ATOMIC SET @x=1; END", "CREATE PROCEDURE p() BEGIN SELECT 1; END", "SELECT 'open", "SELECT `open",
        "SELECT 1 /* open", "SELECT 1 /*!40000 open", "SELECT 1 /*!120000 FROM t */", "WIBBLE", "SELECT \0", "@", "@@",
        "SET",
        "SET @", "SET @a", "SET @a=", "SET @@", "SET ,", "SET STATEMENT", "SET STATEMENT a=1 FOR", "WITH", "EXECUTE",
        "PREPARE", "PREPARE p", "HANDLER", "CREATE TEMPORARY", "CREATE TEMPORARY TABLE", "DROP PREPARE", "XA",
        "RELEASE",
        "SET @a = f(1)", "SELECT w.f (1)", "WITH a AS (SELECT f(1)) SELECT * FROM a",
    ])
    func opaque(_ text: String) {
        // `SET STATEMENT a=1 FOR` of nothing is an error of the server's; it does nothing.
        let expected: StatementFacts.Effect = text == "SET STATEMENT a=1 FOR" ? .read : .opaque
        #expect(facts(text).effect == expected)
    }

    @Test func dialectDecidesBackslashes() {
        let text = "SELECT 'a\\'; DELETE FROM t; -- '"
        #expect(facts(text, dialect: Dialect(status: 0)).effect == .read)
        #expect(facts(text, dialect: Dialect(status: 0x0200)).effect == .opaque)
        #expect(facts(text, dialect: .unknown).effect == .opaque)
        #expect(facts(text, dialect: .unknown).change == .unknown)
        #expect(facts("INSERT INTO t VALUES ('a\\nb', 'c\\\\')", dialect: .unknown).effect == .write)
        // In some character sets the backslash is part of the character before.
        #expect(facts("SELECT '\u{e9}\\''").effect == .opaque)
        #expect(facts("SELECT '\u{e9}\\''", dialect: Dialect(status: 0, characterSet: .safe)).effect == .read)
    }

    @Test(arguments: [
        "SELECT FOUND_ROWS()", "SELECT ROW_COUNT()", "SHOW WARNINGS", "SHOW COUNT(*) ERRORS", "SELECT @@warning_count",
        "SELECT @@session.error_count", "GET DIAGNOSTICS @n = NUMBER", "SELECT PREVIOUS VALUE FOR s",
        "SELECT LASTVAL(s)",
    ])
    func readsPrevious(_ text: String) { #expect(facts(text).readsPrevious) }

    @Test func readsNothingPrevious() {
        for text in ["SELECT 1", "SHOW TABLES", "SELECT LAST_INSERT_ID()", "SELECT @@version"] {
            #expect(!facts(text).readsPrevious)
        }
    }

    @Test func simpleChanges() {
        #expect(change("SELECT 1") == nil)
        #expect(change("INSERT INTO t VALUES ('a@b')") == nil)
        #expect(change("USE d") == .systemVariables)
        #expect(
            change("SET sql_mode='', time_zone='x'")
                == .several([.systemVariables, .setVariables([Array("sql_mode".utf8), Array("time_zone".utf8)])]))
        #expect(change("LOCK TABLES t READ") == .lockTables)
        #expect(change("FLUSH TABLES WITH READ LOCK") == .lockServer)
        #expect(change("FLUSH LOCAL TABLES WITH READ LOCK") == .lockServer)
        #expect(change("FLUSH TABLES t WITH READ LOCK") == .lockTables)
        #expect(change("FLUSH TABLES") == nil)
        #expect(change("BACKUP STAGE START") == .lockServer)
        #expect(change("BACKUP UNLOCK") == .unlockTables)
        #expect(change("UNLOCK TABLES") == .unlockTables)
        #expect(change("DO RELEASE_ALL_LOCKS()") == .releaseAllLocks)
        #expect(change("SELECT GET_LOCK('Job', 10)") == .userLock(Array("job".utf8)))
        #expect(change("SELECT GET_LOCK(?, 10)") == .userLock(nil))
        #expect(change("SELECT GET_LOCK('a', 10) FROM t") == .userLock(nil))
        #expect(change("SELECT RELEASE_LOCK('Job')") == .releaseUserLock(Array("job".utf8)))
        #expect(change("INSERT INTO t SELECT GET_LOCK('a', 1)") == .userLock(nil))
        #expect(change("CALL p()") == .procedure)
        #expect(change("CALL p(@X)") == .several([.procedure, .loseUserVariables([Array("X".utf8)])]))
        #expect(change("SELECT @a := 1, @b") == .loseUserVariables([Array("a".utf8)]))
        #expect(change("SELECT 1, 2 INTO @a, @`B c`") == .loseUserVariables([Array("a".utf8), Array("B c".utf8)]))
        #expect(change("XA START 'x'") == .xaBegun)
        #expect(change("XA ROLLBACK 'x'") == .xaEnded)
        #expect(change("HANDLER d.t OPEN AS x") == .handlerOpen(Array("x".utf8)))
        #expect(change("HANDLER x CLOSE") == .handlerClose(Array("x".utf8)))
        #expect(change("ALTER TABLE a RENAME b") == .renameTables)
        #expect(change("ALTER TABLE a ADD b INT") == nil)
        #expect(change("WIBBLE") == .unknown)
        #expect(
            change("SELECT 1; SET sql_mode=''")
                == .sequence([.none, .several([.systemVariables, .setVariables([Array("sql_mode".utf8)])])]))
        #expect(change("SELECT 1; SET @a=1; CALL p(); SELECT 2") == .unknown)
        #expect(change("CREATE TABLE t SELECT @a:=1") == .loseUserVariables([Array("a".utf8)]))
    }

    @Test func temporaryTables() {
        let t = SessionChangeKind.TableName(table: Array("t".utf8))
        let dt = SessionChangeKind.TableName(schema: Array("d".utf8), table: Array("a`b".utf8))
        #expect(change("CREATE TEMPORARY TABLE IF NOT EXISTS t (a INT)") == .createTemporaryTable(t))
        #expect(change("CREATE OR REPLACE TEMPORARY TABLE d.`a``b` AS SELECT 1") == .createTemporaryTable(dt))
        #expect(change("DROP TABLE IF EXISTS t, d.`a``b` CASCADE") == .dropTables([t, dt]))
        #expect(facts("CREATE TEMPORARY TABLE t SELECT f(1)").effect == .write)
    }

    @Test func setStatements() {
        func name(_ text: String) -> [UInt8] { Array(text.utf8) }
        typealias Assignment = SessionChangeKind.Assignment
        #expect(
            change("SET @A = 1, @b := @a + 1")
                == .several([
                    .systemVariables,
                    .setUserVariables([
                        Assignment(name: name("a"), expression: name("1"), spelling: name("A")),
                        Assignment(name: name("b"), expression: name("@a + 1"), reads: [name("a")]),
                    ]),
                ]))
        #expect(
            change("SET @a = CONCAT('x', _utf8mb4'y')")
                == .several([
                    .systemVariables,
                    .setUserVariables([
                        Assignment(name: name("a"), expression: name("CONCAT('x', _utf8mb4'y')"), isContextual: true)
                    ]),
                ]))
        for value in ["NOW()", "UUID()", "(SELECT 1)", "@@global.sql_mode", "@@timestamp", "?", "foo"] {
            #expect(change("SET @a = \(value)") == .several([.systemVariables, .loseUserVariables([name("a")])]))
        }
        for (value, read) in [
            ("@@sql_mode", "sql_mode"), ("@@Session.transaction_isolation", "tx_isolation"),
            ("LAST_INSERT_ID()", "last_insert_id"), ("@@`identity`", "last_insert_id"),
        ] {
            #expect(
                change("SET @a = \(value)")
                    == .several([
                        .systemVariables,
                        .setUserVariables([
                            Assignment(
                                name: name("a"), expression: name(value), systemReads: [name(read)], isBare: true,
                                isContextual: true)
                        ]),
                    ]))
        }
        #expect(
            change("SET foreign_key_checks=OFF, sql_notes=@a, @@unique_checks=1")
                == .several([
                    .systemVariables, .setVariable(name("foreign_key_checks"), name("OFF")),
                    .setVariable(name("unique_checks"), name("ON")), .setVariables([name("sql_notes")]),
                ]))
        #expect(
            change("SET NAMES latin1 COLLATE latin1_bin")
                == .several([.systemVariables, .setNames(name("NAMES latin1 COLLATE latin1_bin"))]))
        #expect(
            change("SET timestamp = DEFAULT") == .several([.systemVariables, .clearVariable(name("timestamp"))]))
        #expect(
            change("SET timestamp = 5")
                == .several([.systemVariables, .setVariable(name("timestamp"), name("5"))]))
        #expect(
            change("SET timestamp = 0.0") == .several([.systemVariables, .clearVariable(name("timestamp"))]))
        #expect(
            change("SET timestamp = @a") == .several([.systemVariables, .setVariables([name("timestamp")])]))
        #expect(
            change("SET sql_log_bin = DEFAULT") == .several([.systemVariables, .clearVariable(name("sql_log_bin"))]))
        #expect(change("SET insert_id = 5") == .several([.systemVariables, .oneShotVariables]))
        #expect(
            change("SET @@sort_buffer_size = 5, @@session.sql_mode = ''")
                == .several([
                    .systemVariables, .setVariable(name("sort_buffer_size"), name("5")),
                    .setVariables([name("sql_mode")]),
                ]))
        #expect(
            change("SET session_track_schema=1, autocommit=1")
                == .several([
                    .systemVariables, .setVariables([name("autocommit")]),
                    .tracking([
                        .init(name: name("session_track_schema"), value: name("ON"))
                    ]),
                ]))
        #expect(
            change("SET @@tx_isolation='SERIALIZABLE'")
                == .several([.systemVariables, .nextTransaction(name("SET @@tx_isolation='SERIALIZABLE'"))]))
        #expect(change("SET TRANSACTION READ ONLY") == .nextTransaction(name("SET TRANSACTION READ ONLY")))
        #expect(
            change("SET SESSION TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE")
                == .several([
                    .systemVariables, .setVariable(name("tx_read_only"), name("ON")),
                    .setVariable(name("tx_isolation"), name("SERIALIZABLE")),
                ]))
        #expect(
            change("SET session_track_schema=0")
                == .several([
                    .systemVariables, .tracking([.init(name: name("session_track_schema"), value: name("OFF"))]),
                ]))
        #expect(
            change("SET STATEMENT max_statement_time=1, sql_mode='' FOR SELECT 1")
                == .passingVariables([name("max_statement_time"), name("sql_mode")]))
        #expect(change("SET ROLE r1") == .setRole(name("SET ROLE r1")))
        #expect(
            change("SET @a = f()")  // the function may have changed more than its variable
                == .several([.systemVariables, .loseUserVariables([name("a")]), .unknown]))
    }

    @Test func prepared() {
        func name(_ text: String) -> [UInt8] { Array(text.utf8) }
        #expect(change("PREPARE `P q` FROM 'SELECT 1'") == .prepareName(name("p q"), .literal(name("'SELECT 1'"))))
        #expect(change("PREPARE p FROM @sql") == .prepareName(name("p"), .userVariable(name("sql"))))
        #expect(change("PREPARE p FROM CONCAT('a', 'b')") == .prepareName(name("p"), .expression))
        #expect(change("EXECUTE P USING @a") == .executeName(name("p")))
        #expect(change("DROP PREPARE p") == .deallocateName(name("p")))
        #expect(change("EXECUTE IMMEDIATE 'SELECT 1'") == nil)
        #expect(change("EXECUTE IMMEDIATE 'LOCK TABLES t READ'") == .lockTables)
        #expect(change("EXECUTE IMMEDIATE @a") == .unknown)
    }

    /// Whatever the bytes, there is an answer; and a plain text never has a change.
    @Test func anyBytes() {
        var state: UInt64 = 42
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let pieces = [
            "SELECT", "SET", "@", "@@", "'", "\"", "`", "(", ")", ",", ";", "=", ":=", "/*", "*/", "/*!", "--", "#",
            "\\",
            "\n", " ", "a", "1", ".", "GET_LOCK(", "INTO", "FOR", "UPDATE", "STATEMENT", "INSERT", "\u{e9}", "x'", "0x",
            "CREATE", "TEMPORARY", "TABLE", "DROP", "PREPARE", "FROM", "EXECUTE", "WITH", "AS", "NAMES", "DO", "\0",
        ]
        var plain = 0
        for round in 0..<20_000 {
            var text: [UInt8] = []
            if round % 2 == 0 { text += Array("SELECT ".utf8) }
            for _ in 0..<random(12) {
                text += Array(pieces[random(pieces.count)].utf8)
                if random(2) == 0 { text.append(0x20) }
            }
            text.withUnsafeBytes { bytes in
                let isPlain = StatementClassifier.isPlain(bytes)
                if isPlain { plain += 1 }
                for dialect in [Dialect.unknown, Dialect(status: 0), Dialect(status: 0x8200)] {
                    let facts = StatementClassifier.classify(bytes, dialect: dialect)
                    if isPlain {
                        #expect(facts.change == nil, "\(String(decoding: bytes, as: UTF8.self))")
                    }
                }
            }
        }
        #expect(plain > 500)
    }

    @Test func deepNesting() {
        #expect(facts(String(repeating: "(", count: 100_000) + "SELECT 1").effect == .read)
        #expect(facts("SELECT " + String(repeating: "ABS(", count: 2_000) + "1").effect == .read)
        #expect(facts("SELECT " + String(repeating: "f(", count: 200_000)).effect == .opaque)
        #expect(
            facts("SELECT " + String(repeating: "f(", count: 50_000) + String(repeating: ") AS (", count: 50_000))
                .effect == .opaque)
        let many = (0..<50_000).map { "@a\($0)=1" }.joined(separator: ",")
        #expect(change("SET \(many)") == .unknown)
        #expect(facts("SELECT '" + String(repeating: "x", count: 2 << 20) + "'").effect == .opaque)
    }
}
