/// Parts that leave something in the session: variables of the user's own, locks, tables, prepared statements.
extension FidelityWriter {
    static let variableParts: [Part] = [
        Part("variable.literal", 9, restorable: true) { writer in
            let value = writer.pick([
                "1", "-5", "1.50", "1e10", "NULL", "''", "'a''b'", "'a\\\\b'", "0x4142", "x'e9'", "b'101'",
                "_latin1'x'", "_utf8mb4'\u{e9}'", "'\u{e9}\u{1f600}'", "TRUE", "18446744073709551615", "'a;b@c'",
                "N'n'", "_latin1 x'e9'", "'\u{e9}\\'s @x;'", "DATE'2020-01-02'",
            ])
            writer.say("SET @\(writer.pick(["a", "b", "`c d`", "'e'", "A"])) \(writer.pick(["=", ":="])) \(value)")
        },
        Part("variable.several", 4, restorable: true) { writer in
            writer.say("SET @a = \(writer.below(100)), @b = 'x\(writer.below(9))', @d := NULL")
        },
        Part("variable.expression", 4) { writer in
            writer.say(
                writer.pick([
                    "SET @a = 1 + 1", "SET @a = @b", "SET @a = \"q\"", "SET @a = CONCAT('x', @b)",
                    "SET @a = (SELECT MAX(id) FROM f{s}a.t)",
                    "SET @a = CAST('2020-01-01' AS DATE)", "SET @a = CONVERT('x' USING latin1)",
                    "SET @a = 'x' COLLATE utf8mb4_bin",
                    "SET @a = NOW() < 0", "SET @a = @b := 3", "SET @a = LAST_INSERT_ID()", "SET @a = DATABASE()",
                    "SET @a = f{s}a.f_plain(4)", "SET @a = @@sql_mode", "SET @a = NEXTVAL(f{s}a.sq)",
                ]))
        },
        Part("variable.in a query", 5) { writer in
            writer.say(
                writer.pick([
                    "SELECT @a := 5", "SELECT 6 INTO @a", "SELECT id, v INTO @a, @b FROM f{s}a.t WHERE id = 1",
                    "SELECT @n := IFNULL(@n, 0) + 1 FROM f{s}a.t", "DO @a := 8",
                    "UPDATE f{s}a.t SET n = (@a := 9) WHERE id = 1",
                    "INSERT INTO f{s}a.t (n) VALUES (@a := 10)", "DELETE FROM f{s}a.t WHERE id = (@a := 99)",
                    "INSERT INTO f{s}a.g VALUES (\(writer.below(1000)), 'trigger')", "CALL f{s}a.p_var(11)",
                    "CALL f{s}a.p_out(@a)", "SELECT f{s}a.f_var(12)", "CALL f{s}a.p_var_fails(13)",
                    "WITH c AS (SELECT @a := 14) SELECT * FROM c", "SELECT f{s}a.f_var(15) FROM f{s}a.vt",
                    "ANALYZE SELECT @a := 16", "SELECT IF(@a := 17, 1, 0)", "VALUES (@a := 18)",
                    "SELECT 1 ORDER BY @a := 19", "INSERT INTO f{s}a.g VALUES (1, 'once'), (1, 'twice')",
                ]))
        },
        Part("variable.prepared", 5) { writer in
            let slot = writer.newSlot(parameters: -1)
            let text = writer.pick([
                "SET @a = ?", "SELECT ? INTO @a", "SELECT @a := ?", "DO @a := ?", "CALL f{s}a.p_var(?)",
                "SELECT f{s}a.f_var(?)", "INSERT INTO f{s}a.g VALUES (1000 + LENGTH(?), 'prepared trigger')",
            ])
            writer.add(.prepare(slot, Array(text.utf8)))
            writer.add(.execute(slot, [.text(Array("\(20 + writer.below(9))".utf8))], cursor: false))
        },
        Part("variable.fails", 3) { writer in
            writer.say(
                writer.pick([
                    "SELECT @a := 31, (SELECT 1 UNION SELECT 2)", "SET @a = 32, @b = (SELECT 1 UNION SELECT 2)",
                    "INSERT INTO f{s}a.t (id, n) VALUES (1, @a := 33)", "SELECT 1, 2 INTO @a",
                ]))
        },
    ]

    static let lockParts: [Part] = [
        Part("lock.named", 5) { writer in
            writer.say(
                writer.pick([
                    "SELECT GET_LOCK('l{s}a', 0)", "DO GET_LOCK('l{s}b', 0)", "SELECT `GET_LOCK`('l{s}a', 0)",
                    "SET @l = GET_LOCK('l{s}a', 0)", "SELECT * FROM f{s}a.v_lock", "CALL f{s}a.p_lock()",
                    "SELECT f{s}a.f_lock(0)", "SELECT GET_LOCK('l{s}a', 0), (SELECT 1 UNION SELECT 2)",
                    "SELECT get_lock /**/ ('l{s}b', 0)", "INSERT INTO f{s}a.t (n) VALUES (GET_LOCK('l{s}a', 0))",
                    "SELECT 1 FROM DUAL WHERE GET_LOCK('l{s}b', 0)", "DO 1, GET_LOCK('l{s}a', 0)",
                ]))
        },
        Part("lock.released", 3) { writer in
            writer.query("SELECT GET_LOCK('l{s}a', 0), GET_LOCK('l{s}b', 0)")
            writer.say(
                writer.pick([
                    "SELECT RELEASE_LOCK('l{s}a')", "DO RELEASE_ALL_LOCKS()",
                    "SELECT CASE WHEN 0 THEN RELEASE_LOCK('l{s}a') END", "SELECT IF(0, RELEASE_ALL_LOCKS(), 1)",
                    "SELECT RELEASE_LOCK('l{s}a'), RELEASE_LOCK('l{s}b')", "SELECT RELEASE_LOCK('l{s}nobody')",
                ]))
        },
        Part("lock.prepared", 3) { writer in
            let slot = writer.newSlot(parameters: -1)
            writer.add(.prepare(slot, Array("SELECT GET_LOCK(?, 0)".utf8)))
            writer.add(.execute(slot, [.text(Array("l{s}a".utf8))], cursor: false))
        },
        Part("lock.tables", 3) { writer in
            writer.say(
                writer.pick([
                    "LOCK TABLES f{s}a.t WRITE, f{s}a.g WRITE", "LOCK TABLES f{s}a.t READ", "UNLOCK TABLES",
                    "FLUSH TABLES f{s}a.t WITH READ LOCK", "LOCK TABLES f{s}a.nowhere READ",
                ]))
            if writer.chance(2) { writer.query("SELECT COUNT(*) FROM f{s}b.t") }
            if writer.chance(2) { writer.query(writer.pick(["BEGIN", "UNLOCK TABLES", "COMMIT"])) }
        },
        Part("handler", 2) { writer in
            writer.say(writer.pick(["HANDLER f{s}a.t OPEN AS h", "HANDLER f{s}a.t OPEN AS h", "HANDLER h CLOSE"]))
            writer.query("HANDLER h READ FIRST")
            if writer.chance(3) { writer.query("HANDLER h CLOSE") }
        },
    ]

    /// What others would wait for.
    static let lockingParts: [Part] = [
        Part("lock.everything", 60) { writer in
            writer.say(
                writer.pick([
                    "FLUSH TABLES WITH READ LOCK", "BACKUP LOCK f{s}a.t", "BACKUP STAGE START", "UNLOCK TABLES",
                    "BACKUP UNLOCK", "BACKUP STAGE END", "LOCK TABLES f{s}a.t WRITE",
                ]))
        }
    ]

    static let temporaryParts: [Part] = [
        Part("temporary.table", 4) { writer in
            writer.say(
                writer.pick([
                    "CREATE TEMPORARY TABLE tmp (i INT)", "CREATE TEMPORARY TABLE tmp AS SELECT 1 AS i",
                    "CREATE OR REPLACE TEMPORARY TABLE tmp (i INT) ENGINE=MyISAM", "CALL f{s}a.p_temporary()",
                    "CALL f{s}a.p_temporary_fails()", "CREATE TEMPORARY TABLE IF NOT EXISTS tmp LIKE f{s}a.t",
                    "CREATE TEMPORARY TABLE t (i INT)", "CREATE TEMPORARY SEQUENCE tmps",
                    "CREATE /* x */ TEMPORARY TABLE f{s}a.tmp (i INT)",
                    "CREATE TEMPORARY TABLE tmp AS SELECT 1 AS i UNION SELECT (SELECT 1 UNION SELECT 2)",
                ]))
            if writer.chance(2) { writer.query("SELECT COUNT(*) FROM tmp") }
        },
        Part("temporary.dropped", 3, restorable: true) { writer in
            writer.query("CREATE TEMPORARY TABLE tmp2 (i INT)")
            writer.query("INSERT INTO tmp2 VALUES (1)")
            writer.query(writer.pick(["DROP TEMPORARY TABLE tmp2", "DROP TABLE tmp2", "DROP TABLE IF EXISTS tmp2"]))
        },
    ]

    static let preparedParts: [Part] = [
        Part("prepared.kept", 12, restorable: true) { writer in
            let (text, parameters) = writer.preparable()
            let slot = writer.newSlot(parameters: parameters)
            writer.add(.prepare(slot, Array(text.utf8)))
            if writer.chance(2) {
                writer.add(
                    .execute(slot, (0..<parameters).map { .text(Array("p\($0)".utf8)) }, cursor: false))
            }
        },
        Part("prepared.used", 6, restorable: true) { writer in
            guard let slot = writer.slots.keys.sorted().first, let parameters = writer.slots[slot], parameters >= 0
            else { return }
            writer.add(
                .execute(
                    slot,
                    (0..<parameters).map { _ in
                        writer.chance(4)
                            ? .null
                            : writer.chance(3) ? .int(Int64(writer.below(500))) : .text(Array("u{s}".utf8))
                    }, cursor: false))
        },
        Part("prepared.with a cursor", 3) { writer in
            let slot = writer.newSlot(parameters: 0)
            writer.add(
                .prepare(
                    slot,
                    Array(
                        writer.pick(["SELECT id, v FROM t ORDER BY id", "CALL f{s}a.p_cursor()", "CALL p_rows()"]).utf8)
                ))
            writer.add(.execute(slot, [], cursor: true))
            if writer.chance(2) { writer.add(.fetch(slot, rows: 1)) }
            if writer.chance(2) { writer.add(.resetStatement(slot)) }
        },
        Part("prepared.long data", 2) { writer in
            let slot = writer.newSlot(parameters: 1)
            writer.add(.prepare(slot, Array("INSERT INTO f{s}a.t (v) VALUES (?)".utf8)))
            writer.add(.longData(slot, parameter: 0, Array("long".utf8)))
            if writer.chance(2) { writer.add(.longData(slot, parameter: 0, Array("er".utf8))) }
            writer.add(
                writer.chance(2) ? .execute(slot, [.sentAhead], cursor: false) : .resetStatement(slot))
        },
        Part("prepared.closed", 2, restorable: true) { writer in
            guard let slot = writer.slots.keys.sorted().last else { return }
            writer.slots[slot] = nil
            writer.add(.closeStatement(slot))
        },
        Part("prepared.name", 9, restorable: true) { writer in
            let (text, parameters) = writer.preparable()
            guard parameters == 0 else { return }
            let name = writer.pick(["n1", "n2", "`n 3`"])
            writer.query("PREPARE \(name) FROM \(FidelityWriter.quoted(text))")
            writer.names.insert(name)
            if writer.chance(2) { writer.query("EXECUTE \(name)") }
        },
        Part("prepared.name with values", 4, restorable: true) { writer in
            writer.query("PREPARE n4 FROM 'INSERT INTO t (v) VALUES (CONCAT(?, @@sql_mode))'")
            writer.query("SET @p = 'x'")
            writer.query("EXECUTE n4 USING @p")
        },
        Part("prepared.name of a variable", 3) { writer in
            writer.query("SET @text = 'SELECT COUNT(*) FROM t'")
            writer.query("PREPARE n5 FROM @text")
            writer.names.insert("n5")
            if writer.chance(2) { writer.query("SET @text = 'SELECT 5'") }
        },
        Part("prepared.name by other ways", 3) { writer in
            writer.query(
                writer.pick([
                    "PREPARE n6 FROM CONCAT('SELECT ', 6)", "EXECUTE IMMEDIATE 'SET @i = 1'", "CALL f{s}a.p_prepare()",
                    "SELECT 1; PREPARE n6 FROM 'SELECT 66'", "PREPARE n6 FROM 'SELECT * FROM nowhere'",
                ]))
            writer.names.formUnion(["n6", "pp"])
        },
        Part("prepared.name dropped", 2, restorable: true) { writer in
            writer.query("DEALLOCATE PREPARE n1")
        },
    ]

    /// A statement that shows where, and as what, it is executed.
    private mutating func preparable() -> (String, Int) {
        pick([
            ("INSERT INTO t (v) VALUES (?)", 1), ("INSERT INTO t (v) VALUES ('prepared')", 0),
            ("SELECT COUNT(*), MAX(v) FROM t", 0), ("SELECT \"x\", 'a' || 'b'", 0), ("SELECT ?, COLLATION(?)", 2),
            ("SELECT COLLATION('\u{e9}'), HEX('\u{e9}'), CHARSET('a')", 0), ("SELECT 'a\\\\nb'", 0),
            ("UPDATE t SET n = n + 1 WHERE id = 1", 0), ("SELECT DATABASE(), @@sql_mode", 0),
            ("SELECT * FROM t WHERE v > ? ORDER BY id", 1), ("SELECT @a, @b", 0),
            ("CREATE TABLE IF NOT EXISTS made (id INT)", 0), ("INSERT INTO t (v) SELECT DATABASE()", 0),
            ("SELECT v FROM t LIMIT 1", 0), ("SELECT 1/0", 0), ("SHOW TABLES LIKE 't'", 0),
            ("SELECT NEXTVAL(sq)", 0), ("DELETE FROM t WHERE v = ?", 1), ("CALL f{s}a.p_rows()", 0),
            ("SELECT CAST(? AS CHAR), LENGTH(?)", 2), ("SELECT FROM_UNIXTIME(86400)", 0),
            ("SELECT INTERVAL(1, 2), ABS (-1)", 0),
        ])
    }
}
