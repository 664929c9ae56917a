/// Parts that read and write, and ask for what the statement before left.
extension FidelityWriter {
    static let parts = settingParts + variableParts + lockParts + temporaryParts + preparedParts + statementParts

    static let statementParts: [Part] = [
        Part("insert", 8, restorable: true) { writer in
            writer.say(
                writer.pick([
                    "INSERT INTO f{s}a.t (v) VALUES ('i\(writer.below(99))')", "INSERT INTO t (v) VALUES ('here')",
                    "INSERT INTO f{s}a.t (v) VALUES ('x'), ('y')", "REPLACE INTO f{s}a.t (id, v) VALUES (2, 'r')",
                    "INSERT INTO f{s}a.t (id, v) VALUES (1, 'd') ON DUPLICATE KEY UPDATE n = n + 1",
                    "INSERT IGNORE INTO f{s}a.t (id) VALUES (1)", "INSERT INTO f{s}a.t (id) VALUES (1)",
                    "UPDATE f{s}a.t SET n = n + 1", "DELETE FROM f{s}a.t WHERE id = 3",
                    "INSERT INTO f{s}a.m (v) VALUES ('m')", "INSERT INTO f{s}b.t (v) VALUES ('b')",
                ]))
        },
        // (Nothing that takes more ids than it has rows, or an id for a row that is there: then InnoDB's counter in memory is
        // another than the one that a restart finds.)
        Part("insert id", 6) { writer in
            writer.say(
                writer.pick([
                    "INSERT INTO f{s}a.t (v) VALUES ('r') RETURNING id", "CALL f{s}a.p_insert()",
                    "INSERT INTO f{s}a.t (id, v) VALUES (500 + \(writer.below(99)), 'explicit')",
                    "UPDATE f{s}a.t SET n = LAST_INSERT_ID(0) WHERE id = 1",
                    "SELECT LAST_INSERT_ID(\(writer.below(50)))",
                    "UPDATE f{s}a.t SET n = LAST_INSERT_ID(n + 5) WHERE id = 1", "SELECT f{s}a.f_write(3)",
                    "INSERT INTO f{s}a.t (v) SELECT 's' UNION ALL SELECT 't' UNION ALL SELECT 'u'",
                    "DO LAST_INSERT_ID(9)",
                    "INSERT INTO f{s}a.t (id, v) VALUES (1, 'd') ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)",
                    "SET @l = LAST_INSERT_ID(12)", "INSERT IGNORE INTO f{s}a.t (u) VALUES (1)",
                    "REPLACE INTO f{s}a.t (id, u, v) VALUES (1, 1, 'r')", "REPLACE INTO f{s}a.t (v) VALUES ('r')",
                    "SELECT * FROM f{s}a.v_write",
                    "INSERT INTO f{s}a.t (v, u) VALUES ('p', 50), ('q', 50)",
                ]))
            if writer.chance(2) { writer.query("SELECT LAST_INSERT_ID()") }
        },
        Part("trigger", 6) { writer in
            writer.say(
                writer.pick([
                    "INSERT INTO f{s}a.h (v) VALUES ('into')",
                    "INSERT INTO f{s}a.h (k, v) VALUES (701 + \(writer.below(99)), 'own')",
                    "INSERT INTO f{s}a.vh (v) VALUES ('by a view')",
                    "INSERT INTO f{s}a.h (id, v, k) VALUES (1, 'fails', 1)",
                    "UPDATE f{s}a.h SET v = 'locks' WHERE k = 1", "UPDATE f{s}a.h SET v = 'nothing' WHERE k = 99",
                    "UPDATE f{s}a.vh SET v = 'locks' WHERE k = 3", "CALL f{s}a.p_trigger()",
                    "DELETE FROM f{s}a.h WHERE k = 3", "DELETE FROM f{s}a.h WHERE k = 2",
                    "DELETE h FROM f{s}a.h JOIN f{s}a.t USING (id) WHERE h.k = 3",
                    "INSERT INTO f{s}a.h (id, v, k) VALUES (3, 'changes', 3) ON DUPLICATE KEY UPDATE v = 'changed'",
                    "REPLACE INTO f{s}a.h (id, v, k) VALUES (3, 'replaces', 3)",
                    "EXECUTE IMMEDIATE 'UPDATE f{s}a.h SET v = 1 WHERE k = 1'",
                    "SELECT 1; UPDATE f{s}a.h SET v = 'second' WHERE k = 1", "SELECT * FROM f{s}a.h FOR UPDATE",
                ]))
            if writer.chance(2) { writer.query(writer.pick(["SELECT @hv, @hd", "SELECT LAST_INSERT_ID()"])) }
        },
        Part("trigger.prepared", 3) { writer in
            let slot = writer.newSlot(parameters: -1)
            let text = writer.pick([
                "INSERT INTO f{s}a.h (v) VALUES (?)", "UPDATE f{s}a.h SET v = ? WHERE k = 1",
                "DELETE FROM f{s}a.h WHERE k = ?",
            ])
            writer.add(.prepare(slot, Array(text.utf8)))
            writer.add(.execute(slot, [.text(Array("3".utf8))], cursor: false))
        },
        Part("insert id.prepared", 3) { writer in
            let slot = writer.newSlot(parameters: -1)
            writer.add(
                .prepare(
                    slot,
                    Array(
                        writer.pick([
                            "INSERT INTO f{s}a.t (v) VALUES (?)", "SELECT LAST_INSERT_ID(?)",
                            "UPDATE f{s}a.t SET n = LAST_INSERT_ID(?) WHERE id = 1",
                        ]).utf8)))
            writer.add(.execute(slot, [.text(Array("41".utf8))], cursor: false))
        },
        Part("left over", 6) { writer in
            let ask = writer.pick([
                "SELECT FOUND_ROWS()", "SHOW WARNINGS", "SHOW ERRORS", "SELECT @@warning_count", "SELECT ROW_COUNT()",
                "SET @r = ROW_COUNT()", "SHOW COUNT(*) WARNINGS", "SET @f = FOUND_ROWS()", "SELECT @@error_count",
                "GET DIAGNOSTICS @d = NUMBER", "DO @r := ROW_COUNT()", "GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT",
                "INSERT INTO f{s}a.t (n) VALUES (ROW_COUNT())", "SELECT `FOUND_ROWS`()", "SHOW WARNINGS LIMIT 1",
            ])
            if writer.chance(2) {
                writer.query(
                    writer.pick([
                        "SELECT SQL_CALC_FOUND_ROWS v FROM f{s}a.t LIMIT 1", "UPDATE f{s}a.t SET n = n + 1",
                        "SELECT * FROM nowhere", "SELECT CAST('x' AS SIGNED)", "SELECT v FROM f{s}a.t",
                        "INSERT IGNORE INTO f{s}a.t (id) VALUES (1), (2)",
                    ]))
            }
            if writer.chance(6) { writer.add(.ping) }
            writer.say(ask)
        },
        Part("sequence", 5) { writer in
            writer.say(
                writer.pick([
                    "SELECT NEXTVAL(f{s}a.sq)", "SELECT LASTVAL(f{s}a.sq)", "SELECT NEXT VALUE FOR sq",
                    "SELECT PREVIOUS VALUE FOR f{s}a.sq", "SELECT SETVAL(f{s}a.sq, \(50 + writer.below(50)))",
                    "INSERT INTO f{s}a.t (n) VALUES (NEXTVAL(f{s}a.sq))",
                    "SELECT LASTVAL(f{s}a.sq) FROM f{s}a.t LIMIT 1",
                    "SET @s = NEXTVAL(f{s}b.sq)", "SELECT LASTVAL(sq), NEXTVAL(sq)", "DO NEXTVAL(f{s}a.sq)",
                ]))
        },
        Part("transaction", 5, restorable: true) { writer in
            writer.query(
                writer.pick([
                    "BEGIN", "START TRANSACTION", "START TRANSACTION READ ONLY",
                    "START TRANSACTION WITH CONSISTENT SNAPSHOT", "START TRANSACTION READ WRITE",
                ]))
            writer.query("INSERT INTO f{s}a.t (v) VALUES ('in a transaction')")
            writer.query(writer.pick(["COMMIT", "ROLLBACK", "COMMIT", "COMMIT AND NO CHAIN", "SAVEPOINT s"]))
            writer.query("COMMIT")
        },
        Part("transaction.otherwise", 3) { writer in
            writer.say(
                writer.pick([
                    "BEGIN", "CALL f{s}a.p_begin()", "COMMIT AND CHAIN", "ROLLBACK", "COMMIT", "ROLLBACK AND CHAIN",
                    "SET autocommit=0", "SET autocommit=0, unique_checks=1", "SET @@autocommit=1", "SAVEPOINT sp",
                    "XA START 'x{s}'", "XA END 'x{s}'", "XA ROLLBACK 'x{s}'", "BEGIN NOT ATOMIC SET autocommit=0; END",
                ]))
            writer.query("INSERT INTO f{s}a.t (v) VALUES ('perhaps')")
        },
        Part("select", 5, restorable: true) { writer in
            writer.say(
                writer.pick([
                    "SELECT id, v, n FROM f{s}a.t ORDER BY id LIMIT 3", "SELECT COUNT(*) FROM t",
                    "SELECT 'a' 'b', \"x\"",
                    "SELECT DATABASE()", "SELECT @a, @b, @c", "SHOW TABLES FROM f{s}a LIKE 't'",
                    "SELECT * FROM nowhere",
                    "SELECT GROUP_CONCAT(v ORDER BY id) FROM f{s}a.t", "SELECT '\u{e9}', HEX('\u{e9}')", "DO 1",
                    "SELECT",
                    "SELECT v FROM f{s}a.vt ORDER BY id LIMIT 1", "SELECT DAYNAME('2024-01-01')",
                ]))
        },
        Part("text.charsets", 4, restorable: true) { writer in
            // In gbk and sjis the second byte of a character may be a backslash, a quotation mark or a backquote.
            let odd: [UInt8] = writer.pick([
                [0xe9], [0xbf, 0x27], [0x95, 0x5c], [0x83, 0x60], [0xc3, 0xa9], [0x81, 0x40],
            ])
            writer.query(bytes: Array("SELECT HEX('a".utf8) + odd + Array("b'), 1 /* @x := ; */".utf8))
            if writer.chance(2) {
                writer.query(bytes: Array("SET @z = 'a".utf8) + odd + Array("b'".utf8))
                writer.query("SELECT HEX(@z)")
            }
        },
        Part("text.comments", 2) { writer in
            writer.query(
                writer.pick([
                    "SELECT 1 --\u{7f}@a := 5\n", "SELECT 1 -- x\n, @a := 6", "SELECT 1 # ; SET @a = 7\n",
                    "SELECT /*!99999 @a := 8, */ 1", "SELECT /*! @a := 9, */ 1", "/*M!100100 SET @a = 10 */",
                    "SELECT 'Andr\u{e9}\\'s', 'a@b.fr'", "SELECT 1 ;", ";", "SELECT '\u{e9}\\'@a;' AS `x``y`",
                    "(SELECT @a := 41)", "SELECT 'a\\' || (@a := 42) || '", "/**/;SET @a=43",
                ]))
        },
        Part("results.several", 3, restorable: true) { writer in
            writer.query(
                writer.pick([
                    "SELECT 1; SELECT 2", "SELECT 1; INSERT INTO f{s}a.t (v) VALUES ('m'); SELECT 3", "DO 1; DO 2",
                    "SELECT 1; SELECT * FROM nowhere", "SELECT 1;; SELECT 2",
                ]))
        },
        Part("results.several that change", 4) { writer in
            writer.query(
                writer.pick([
                    "SELECT 1; SET @a = 51", "SET sql_mode='ANSI'; SELECT 1", "SELECT @a := 52; SELECT * FROM nowhere",
                    "DO GET_LOCK('l{s}a', 0); SELECT * FROM nowhere", "USE f{s}b; SELECT 1; USE f{s}a",
                    "CREATE TEMPORARY TABLE tmp (i INT); SELECT * FROM nowhere", "SET @a=53; CALL f{s}a.p_var_fails(1)",
                    "SET time_zone='+01:00'; SELECT (SELECT 1 UNION SELECT 2); SET time_zone='+02:00'",
                    "PREPARE n1 FROM 'SELECT 54'; EXECUTE n1", "BEGIN; INSERT INTO f{s}a.t (v) VALUES ('m'); COMMIT",
                ]))
        },
        Part("command.reset", 2, restorable: true) { writer in
            writer.add(.resetConnection)
            writer.slots = [:]
            writer.names = []
        },
        Part("command.change user", 2, restorable: true) { writer in
            let collation: UInt16 = writer.pick([45, 8, 2308, 224, 33, 1])
            // MariaDB leaves it to the next user; a proxy's login does not.
            writer.query("SET ROLE NONE")
            writer.add(
                .changeUser(
                    writer.pick([FidelityFixture.user, FidelityFixture.otherUser]), schema: "f{s}b",
                    collation: collation))
            writer.slots = [:]
            writer.names = []
        },
        Part("command.ping", 1, restorable: true) { writer in writer.add(.ping) },
        Part("command.field list", 1, restorable: true) { writer in writer.add(.fieldList(Array("t".utf8))) },
        Part("command.set option", 1, restorable: true) { writer in
            writer.add(.multiStatements(writer.chance(2)))
            writer.query("SELECT 1; SELECT 2")
        },
        Part("tracking.own", 3) { writer in
            writer.say(
                writer.pick([
                    "SET session_track_system_variables='time_zone,autocommit'", "SET session_track_schema=OFF",
                    "SET session_track_system_variables=''", "SET session_track_state_change=ON",
                    "SET session_track_system_variables='*'", "SET session_track_transaction_info='STATE'",
                ]))
            writer.query("SET time_zone='+04:00'")
        },
    ]
}
