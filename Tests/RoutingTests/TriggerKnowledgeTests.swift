import Cluster
import Testing

@testable import Routing

/// What is read in the texts of triggers, and what statements that write are made of it.
@Suite struct TriggerKnowledgeTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private typealias Made = (table: String, event: TableTrigger.Event, body: String)

    private static func knowledge(
        _ triggers: [Made], programs: [StoredProgram]? = [], views: [String] = [], sqlMode: String = ""
    ) -> SchemaKnowledge {
        SchemaKnowledge(
            SchemaReport(
                views: views, programs: programs,
                triggers: triggers.map {
                    TableTrigger(
                        schema: "d", table: $0.table, event: $0.event, isBefore: true, body: $0.body, sqlMode: sqlMode)
                }))
    }

    private static func change(
        _ text: String, _ knowledge: SchemaKnowledge, isCurrent: Bool = true
    ) -> SessionChangeKind? {
        knowledge.change(ofText: text, isCurrent: isCurrent)
    }

    /// But for what explains a report.
    private static func left(
        _ text: String, _ knowledge: SchemaKnowledge, isCurrent: Bool = true
    ) -> [SessionChangeKind] {
        (change(text, knowledge, isCurrent: isCurrent)?.parts ?? []).filter { $0 != .systemVariables }
    }

    private static func failed(
        _ text: String, _ knowledge: SchemaKnowledge, isCurrent: Bool = true
    ) -> [SessionChangeKind]? {
        bytes(text).withUnsafeBytes {
            knowledge.changes(
                ofFailed: $0, dialect: Dialect(status: 0, characterSet: .safe), isCurrent: isCurrent)
        }
    }

    private static func set(_ names: String...) -> SessionChangeKind { .setInside(names.map(bytes)) }
    private static func lost(_ names: String...) -> SessionChangeKind { .loseUserVariables(names.map(bytes)) }

    /// `isExplained`: a report of a change says no more than that.
    @Test(
        arguments: [
            ("SET NEW.a = 1", [], true), ("SET NEW.a = 1, `new`.`b` := 2", [], true),
            ("SET @a = 1", [Self.lost("a")], true),
            ("SET @a = GET_LOCK('x', 1)", [.userLock(nil), Self.lost("a")], true),
            ("SET NEW.a = (SELECT 1), x = 1", [Self.set("x")], true), ("SET SESSION x = 1", [Self.set("x")], true),
            ("SET @@x = 1", [Self.set("x")], true), ("SET @@session.x = 1, @@global.y = 1", [Self.set("x")], true),
            ("SET GLOBAL x = 1", [], true), ("SET TRANSACTION READ ONLY", [Self.set("tx_isolation")], true),
            ("BEGIN DECLARE a, `B` INT; DECLARE c INT; SET A = 1, b = 2; SET c = 3; END", [], true),
            ("BEGIN DECLARE a INT; SET x = 1; END", [Self.set("x")], true),
            ("UPDATE t SET a = 1, b = 2", [], true), ("INSERT INTO t SET a = 1", [], true),
            ("IF NEW.a THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF", [], true),
            ("BEGIN DECLARE a CHAR(5) CHARACTER SET utf8mb4; END", [], true),
            ("UPDATE t JOIN (SELECT CASE WHEN 1 THEN 2 ELSE 3 END) AS u SET a = 1", [], true),
            ("IF NEW.a > (SELECT 1) THEN SET x = 1; END IF", [Self.set("x")], true),
            ("SELECT 1 INTO @a", [Self.lost("a")], true),
            ("BEGIN GET DIAGNOSTICS @n = NUMBER; END", [Self.lost("n")], true),
            ("CREATE TEMPORARY TABLE A AS SELECT 1", [.createTemporaryTable(.init(table: bytes("A")))], false),
            ("SET NAMES utf8mb4", [], false), ("SET ROLE r", [], false), ("DROP TEMPORARY TABLE a", [], false),
            ("SELECT 'open", [.unknown], false),
        ] as [(String, [SessionChangeKind], Bool)])
    func effects(_ body: String, _ left: [SessionChangeKind], _ isExplained: Bool) {
        let knowledge = Self.knowledge([("t", .insert, body)])
        #expect(Self.left("INSERT INTO t VALUES (1)", knowledge) == left, "\(body)")
        #expect(knowledge.hasLeaving == !left.isEmpty, "\(body)")
        if !left.isEmpty {
            let explains = Self.change("INSERT INTO t VALUES (1)", knowledge)?.parts.contains(.systemVariables)
            #expect(explains == isExplained, "\(body)")
        }
        // Of what is reported without an error, an error says nothing.
        let failed = left + (isExplained || left == [.unknown] ? [] : [.unknown])
        #expect(Self.failed("INSERT INTO t VALUES (1)", knowledge) == failed, "\(body)")
    }

    @Test("a statement has what those of its tables do that it may set off")
    func statements() {
        let knowledge = Self.knowledge(
            [
                ("I", .insert, "SELECT 1 INTO @i"), ("u", .update, "SELECT 1 INTO @u"),
                ("d", .delete, "SELECT 1 INTO @d"),
                ("all", .insert, "DO 1"), ("all", .update, "SET NEW.a = 1"),
            ], views: ["v"])
        for (text, names) in [
            ("INSERT INTO i VALUES (1)", "i"), ("insert s.`I` (a) select 1", "i"), ("REPLACE INTO i SET a = 1", "i"),
            ("LOAD DATA INFILE 'x' INTO TABLE i", "i"), ("UPDATE i SET a = 1", ""), ("DELETE FROM i", ""),
            ("SELECT * FROM i", ""), ("INSERT INTO u VALUES (1)", ""), ("UPDATE x JOIN u SET x.a = u.a", "u"),
            ("INSERT INTO u VALUES (1) ON DUPLICATE KEY UPDATE a = 1", "u"), ("SELECT * FROM u FOR UPDATE", ""),
            ("WITH c AS (SELECT 1) UPDATE s.u SET a = 1", "u"), ("DELETE d FROM d JOIN x", "d"),
            ("REPLACE INTO d VALUES (1)", "d"), ("INSERT INTO x SELECT * FROM i", ""),
            ("INSERT INTO x VALUES ('i')", ""),
            ("INSERT INTO x VALUES (1); INSERT INTO i VALUES (1)", "i"), ("INSERT INTO all VALUES (1)", ""),
            ("SET STATEMENT max_statement_time=1 FOR INSERT INTO i VALUES (1)", "i"),
            ("BEGIN NOT ATOMIC INSERT INTO i VALUES (1); END", "i"), ("EXECUTE IMMEDIATE 'DELETE FROM `d`'", "d"),
            ("INSERT INTO v VALUES (1)", "i"), ("UPDATE V SET a = 1", "u"), ("DELETE FROM v", "d"),
            ("INSERT INTO i VALUES (1) RETURNING a", "i"), ("/* c */ INSERT INTO i VALUES (1)", "i"),
        ] {
            let found = Self.change(text, knowledge)
            let flat: [SessionChangeKind] =
                if case .sequence(let changes)? = found { changes.flatMap(\.parts) } else { found?.parts ?? [] }
            let variables = flat.filter { if case .loseUserVariables = $0 { true } else { false } }
            #expect(Set(variables) == (names.isEmpty ? [] : [Self.lost(names)]), "\(text)")
        }
    }

    @Test("through programs, other triggers and views, however deep")
    func nested() {
        func program(_ name: String, _ body: String, isFunction: Bool = false) -> StoredProgram {
            StoredProgram(name: name, isFunction: isFunction, body: body, sqlMode: "")
        }
        let knowledge = Self.knowledge(
            [
                ("a", .insert, "INSERT INTO B VALUES (1)"), ("b", .insert, "SET NEW.x = F()"),
                ("c", .insert, "UPDATE v SET x = 1"), ("d", .update, "SET @d = 1"), ("e", .insert, "SELECT x FROM d"),
                ("f", .insert, "CALL q()"),
            ],
            programs: [
                program("f", "RETURN GET_LOCK('x', 1)", isFunction: true), program("p", "INSERT INTO a VALUES (1)"),
                program("q", "UPDATE d SET x = 1"),
                program("g", "BEGIN DELETE FROM a; RETURN 1; END", isFunction: true),
                program(
                    "h", "BEGIN INSERT INTO d VALUES (1) ON DUPLICATE KEY UPDATE x = 1; RETURN 1; END", isFunction: true
                ),
            ], views: ["v"])
        let locked = SessionChangeKind.userLock(nil)
        #expect(Self.left("INSERT INTO a VALUES (1)", knowledge) == [locked])
        #expect(Self.left("INSERT INTO c VALUES (1)", knowledge) == [Self.lost("d")])
        #expect(Self.left("INSERT INTO e VALUES (1)", knowledge) == [])
        #expect(Self.left("CALL p()", knowledge) == [.knownProcedure(inserts: true, reports: false), locked])
        #expect(Self.left("CALL q()", knowledge) == [.knownProcedure(inserts: false, reports: true), Self.lost("d")])
        #expect(Self.left("SELECT g()", knowledge) == [])
        #expect(Self.left("SELECT h()", knowledge) == [Self.lost("d")])
        #expect(Self.failed("INSERT INTO x VALUES (h())", knowledge) == [Self.lost("d")])
    }

    @Test("only what runs nothing but triggers that are known explains a report")
    func explanations() {
        let made: [Made] = [("t", .insert, "SET @a = 1")]
        let program = StoredProgram(name: "f", isFunction: true, body: "BEGIN SET x = 1; RETURN 1; END", sqlMode: "")
        let known = Self.knowledge(made, programs: [program], views: ["v"])
        for (text, knowledge, isCurrent, isExplained) in [
            ("INSERT INTO t VALUES (1)", known, true, true), ("INSERT INTO t VALUES (1)", known, false, false),
            ("INSERT INTO t VALUES (f())", known, true, false), ("INSERT INTO t SELECT 1 FROM v", known, true, false),
            ("INSERT INTO t VALUES (1)", Self.knowledge(made, programs: nil), true, false),
            ("INSERT INTO t VALUES (1)", Self.knowledge(made, sqlMode: "ORACLE"), true, false),
        ] {
            var journal = SessionJournal()
            if let change = Self.change(text, knowledge, isCurrent: isCurrent) { journal.apply(change) }
            journal.stateChanged()
            #expect(journal.losses.contains(.unknown) == !isExplained, "\(text)")
            #expect(journal.losses.contains(.userVariables))
        }
    }

    @Test("of a write that failed nothing is known where anything of it is not")
    func failures() {
        let made: [Made] = [("t", .insert, "SET @a = 1")]
        let known = Self.knowledge(made)
        let text = "INSERT INTO t VALUES (1)"
        #expect(Self.failed(text, known) == [Self.lost("a")])
        #expect(Self.failed("UPDATE t SET a = 1", known) == [])
        #expect(Self.failed("INSERT INTO u VALUES (1)", known) == [])
        #expect(Self.failed("INSERT INTO u VALUES (1)", known, isCurrent: false) == nil)
        #expect(Self.failed(text, Self.knowledge(made, programs: nil)) == nil)
        #expect(Self.failed(text, SchemaKnowledge(SchemaReport(views: [], programs: []))) == nil)
        #expect(Self.failed(text, .none) == nil)
        #expect(Self.failed("INSERT INTO t VALUES ('", known) == nil)
    }

    @Test("EXECUTE has what its text sets off")
    func executed() {
        let known = Self.knowledge([("t", .insert, "SET @a = 1"), ("u", .insert, "DO GET_LOCK('x', 1)")])
        let dialect = Dialect(status: 0, characterSet: .safe)
        let execute = SessionChangeKind.executeName(Self.bytes("p"))
        let change = Self.bytes("INSERT INTO t VALUES ('u')").withUnsafeBytes {
            known.change(execute, executing: $0, dialect: dialect, isCurrent: true)
        }
        #expect(change == .several([execute, Self.lost("a"), .systemVariables]))
        #expect(change?.executedName == Self.bytes("p"))
        #expect(SessionChangeKind.several([execute, .procedure]).executedName == nil)
        #expect(SessionChangeKind.procedure.executedName == nil)
    }

    @Test(
        "what is known of triggers holds on where a table is made",
        arguments: [
            ("CREATE TABLE t (a INT)", true, false), ("CREATE TEMPORARY TABLE t AS SELECT 1", true, false),
            ("ALTER TABLE t ENGINE=InnoDB", true, false), ("alter table t rename to u", true, true),
            ("RENAME TABLE t TO u", true, true), ("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW DO 1", true, true),
            ("CREATE OR REPLACE VIEW v AS SELECT 1", true, true),
            ("Create Function f() RETURNS INT RETURN 1", true, true),
            ("EXECUTE IMMEDIATE 'CREATE PROCEDURE p() SELECT 1'", true, true), ("DROP TABLE t", false, false),
        ])
    func tableChanges(_ text: String, _ isPossible: Bool, _ isOfPrograms: Bool) {
        Self.bytes(text).withUnsafeBytes {
            #expect(TableChange.isPossible(in: $0) == isPossible)
            #expect(TableChange.isOfPrograms(in: $0) == isOfPrograms)
        }
    }

    @Test("what was made of the same texts is not made again")
    func again() {
        let report = SchemaReport(
            views: ["v"], programs: [],
            triggers: [
                TableTrigger(
                    schema: "d", table: "t", event: .insert, isBefore: true, body: "SELECT 1 INTO @a, NEW.id",
                    sqlMode: "")
            ])
        let first = SchemaKnowledge(report)
        var later = report
        later.numberedColumns = [NumberedColumn(schema: "d", table: "t", name: "other", isFirst: true)]
        let second = SchemaKnowledge(later, last: (report, first))
        #expect(Self.left("INSERT INTO v VALUES (1)", second) == [Self.lost("a")])
        #expect(first.hasNumberingTriggers)
        #expect(!second.hasNumberingTriggers)
        later.triggers = []
        #expect(!SchemaKnowledge(later, last: (report, first)).hasLeaving)
        later.triggers = nil
        #expect(Self.failed("INSERT INTO v VALUES (1)", SchemaKnowledge(later, last: (report, first))) == nil)
    }
}
