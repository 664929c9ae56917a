import Cluster
import Testing

@testable import Routing

/// What is read in the texts of stored programs, and what calls are made of it.
@Suite struct ProgramTextTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func knowledge(
        _ programs: [(name: String, isFunction: Bool, body: String)], sqlMode: String = ""
    ) -> SchemaKnowledge {
        SchemaKnowledge(
            SchemaReport(
                programs: programs.map {
                    StoredProgram(name: $0.name, isFunction: $0.isFunction, body: $0.body, sqlMode: sqlMode)
                }))
    }

    /// But for what explains a report.
    private static func change(
        _ text: String, _ knowledge: SchemaKnowledge, isCurrent: Bool = true
    ) -> SessionChangeKind? {
        .joined(
            (whole(text, knowledge, isCurrent: isCurrent)?.parts ?? []).filter { $0 != .systemVariables }.map {
                if case .knownProcedure(let inserts, _) = $0 { known(inserts: inserts) } else { $0 }
            })
    }

    private static func known(inserts: Bool) -> SessionChangeKind { .knownProcedure(inserts: inserts, reports: false) }

    private static func whole(
        _ text: String, _ knowledge: SchemaKnowledge, isCurrent: Bool = true
    ) -> SessionChangeKind? {
        knowledge.change(ofText: text, isCurrent: isCurrent)
    }

    private static let next = SessionChangeKind.setInside([bytes("tx_isolation")])
    private static let variable = SessionChangeKind.setInside([bytes("x")])
    private static let temporary = SessionChangeKind.createTemporaryTable(.init(table: bytes("A")))
    private static let lost = SessionChangeKind.loseUserVariables([bytes("a")])

    @Test(arguments: [
        ("SELECT 1", []), ("DO GET_LOCK('a', 1)", [SessionChangeKind.userLock(nil)]),
        ("BEGIN DO `get_lock` ('a', 1); END", [.userLock(nil)]), ("SELECT 'GET_LOCK(1)', get_lock", []),
        ("SELECT 1 -- GET_LOCK('a', 1)\n", []), ("FLUSH TABLES t WITH READ LOCK", [.lockServer]),
        ("FLUSH LOCAL TABLES", []), ("FLUSH TABLES t FOR EXPORT", [.lockServer]), ("FLUSH STATUS", []),
        ("BEGIN FLUSH TABLES; SELECT 1 FROM t FOR UPDATE; END", []), ("BACKUP STAGE START", [.lockServer]),
        ("SET TRANSACTION READ ONLY", [next]), ("SET SESSION TRANSACTION READ ONLY", []),
        ("BEGIN SET @@tx_isolation = 'SERIALIZABLE'; END", [next]), ("SET @@x = 1", [variable]),
        ("BEGIN SET y = 1, @@X := 2; END", [variable]), ("SELECT @@x", []), ("SET @@session.x = 1", []),
        ("SELECT 1, 2 INTO b, @a", [lost]), ("SELECT @a INTO b", []), ("SELECT @a := 1", [lost]),
        ("SELECT * FROM t WHERE b = @a OR @a = 1", []), ("BEGIN GET DIAGNOSTICS @a = NUMBER; END", [lost]),
        ("GET DIAGNOSTICS CONDITION 1 @a = MESSAGE_TEXT", [lost]), ("SET @a = 1", [lost]),
        ("BEGIN CALL q(1, (@b), @a); SELECT @c; END", [lost]), ("CALL s.`q`(@a)", [lost]),
        ("UPDATE t SET b = 1 WHERE a IN (@a)", []), ("EXECUTE IMMEDIATE 'SELECT 1 INTO @a'", [lost]),
        ("CREATE TEMPORARY TABLE IF NOT EXISTS s.`A` AS SELECT 1", [temporary]), ("DROP TEMPORARY TABLE a", []),
        ("CREATE TEMPORARY TABLE A (b INT)", [temporary]),
        ("PREPARE s FROM 'SET @@x = 1'", [variable]), ("DEALLOCATE PREPARE s", []),
    ])
    func effects(_ body: String, _ left: [SessionChangeKind]) {
        let found = Self.change("CALL p()", Self.knowledge([("p", false, body)]))
        let expected =
            left.isEmpty ? [Self.known(inserts: false)] : [Self.known(inserts: false)] + left
        #expect(found == .joined(expected), "\(body)")
    }

    @Test("a text that is put together, and one that can't be read, may do anything that is asked for")
    func dynamic() {
        for body in ["EXECUTE IMMEDIATE CONCAT('SET ', 1)", "PREPARE s FROM @a"] {
            #expect(Self.change("CALL p()", Self.knowledge([("p", false, body)])) == .procedure)
        }
        #expect(
            Self.change("CALL p()", Self.knowledge([("p", false, "SELECT 'open")])) == .several([.procedure, .unknown]))
    }

    @Test("that the server goes to a procedure's schema and back is no news, unless more may have happened")
    func reports() {
        for (body, isExplained) in [
            ("SELECT 1", true), ("DO GET_LOCK('x', 1)", true), ("SET @a = 1", false), ("BEGIN SET b = 1; END", false),
            ("DROP TABLE t", false), ("PREPARE s FROM 'SELECT 1'", false),
        ] {
            var journal = SessionJournal()
            if let change = Self.whole("CALL s.p()", Self.knowledge([("p", false, body)])) { journal.apply(change) }
            journal.stateChanged()
            #expect(journal.losses.contains(.unknown) == !isExplained, "\(body)")
        }
    }

    @Test("one that fails has left what it may leave, and no more")
    func failures() {
        for (body, losses) in [
            ("SELECT 1", []), ("INSERT INTO t VALUES (1)", []), ("DO GET_LOCK('x', 1)", .userLocks),
            ("SELECT 1 INTO @a", .userVariables), ("SET SESSION a = 1", .unknown),
            ("PREPARE s FROM 'SELECT 1'", .unknown),
            ("CREATE TEMPORARY TABLE a (b INT)", .unknown), ("EXECUTE IMMEDIATE @a", .unknown),
        ] as [(String, Losses)] {
            var journal = SessionJournal()
            if let change = Self.whole("CALL s.p()", Self.knowledge([("p", false, body)])) {
                // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
                journal.failed(change, code: 1792, certainlyNothing: false)
            }
            #expect(journal.losses == losses, "\(body)")
            #expect(journal.isInsertIDUncertain == body.hasPrefix("INSERT"), "\(body)")
        }
    }

    @Test func quotesAreReadAsWhenItWasMade() {
        let body = #"SELECT 1 INTO "a", @a"#
        #expect(
            Self.change("CALL p()", Self.knowledge([("p", false, body)], sqlMode: "ANSI_QUOTES,IGNORE_SPACE"))
                == .several([Self.known(inserts: false), Self.lost]))
    }

    @Test("programs do what those do that they name, however deep")
    func nested() {
        let knowledge = Self.knowledge([
            ("a", false, "CALL B()"), ("b", false, "SELECT `c`()"), ("c", true, "RETURN GET_LOCK('x', 1)"),
            ("d", false, "CALL d()"), ("e", false, "CALL f()"), ("f", false, "BEGIN CALL e(); SET @@x = 1; END"),
        ])
        #expect(Self.change("CALL a()", knowledge) == .several([Self.known(inserts: false), .userLock(nil)]))
        #expect(Self.change("CALL d()", knowledge) == Self.known(inserts: false))
        #expect(Self.change("CALL e()", knowledge) == .several([Self.known(inserts: false), Self.variable]))
    }

    @Test func calls() {
        let knowledge = Self.knowledge([
            ("p", false, "SELECT 1"), ("locks", false, "DO GET_LOCK('x', 1)"), ("f", true, "RETURN GET_LOCK('x', 1)"),
            ("g", true, "RETURN 1"),
        ])
        let locked = SessionChangeKind.userLock(nil)
        for (text, change): (String, SessionChangeKind?) in [
            ("CALL s.P()", Self.known(inserts: false)), ("CALL q()", .procedure),
            (
                "CALL p(@o)",
                .several([
                    Self.known(inserts: false), .loseUserVariables([Self.bytes("o")]),
                ])
            ), ("CALL p(f())", .several([Self.known(inserts: false), locked])), ("SELECT f()", locked),
            ("SELECT g()", nil),
            ("SELECT 1", nil), ("SELECT s.`F`(1) FROM t", locked), ("SELECT locks FROM t", nil),
            ("EXECUTE IMMEDIATE 'CALL locks()'", .several([.procedure, locked])),
            ("SELECT 1; CALL locks()", .sequence([.several([.none, locked]), .several([.procedure, locked])])),
        ] {
            #expect(Self.change(text, knowledge) == change, "\(text)")
        }
        #expect(Self.change("CALL p()", knowledge, isCurrent: false) == .procedure)
        #expect(Self.change("CALL locks()", knowledge, isCurrent: false) == .several([.procedure, locked]))
        #expect(Self.change("CALL p()", .none) == .procedure)
        #expect(knowledge.hasLeavingFunctions)
        #expect(!Self.knowledge([("g", true, "RETURN 1"), ("p", false, "SELECT 1 INTO @a")]).hasLeavingFunctions)
    }

    @Test("a procedure that is called before it is known is made up for when it is")
    func unseen() {
        var journal = SessionJournal()
        let before = Self.knowledge([("p", false, "SELECT 1")])
        #expect(Self.unseen("CALL q()", before) == Self.bytes("q"))
        #expect(Self.unseen("CALL p()", before) == nil)
        #expect(Self.unseen("SELECT q()", before) == nil)
        #expect(Self.unseen("CALL q()", SchemaKnowledge(SchemaReport())) == nil)
        // Before anybody has looked.
        #expect(Self.unseen("CALL q()", .none) == Self.bytes("q"))
        journal.called(unseen: Self.bytes("q"))
        #expect(journal.losses == .unknown)
        // Read before it was made.
        let isOld = journal.learn(before, isCurrent: false)
        #expect(!isOld)
        #expect(journal.losses == .unknown)
        let isNews = journal.learn(Self.knowledge([("q", false, "DO GET_LOCK('x', 1)")]), isCurrent: false)
        #expect(isNews)
        #expect(journal.losses == .userLocks)
        let isNewsAgain = journal.learn(.none, isCurrent: true)
        #expect(!isNewsAgain)
        // Refused: it is not there.
        journal.called(unseen: Self.bytes("r"))
        journal.failed(.procedure, code: 1305, certainlyNothing: true)
        #expect(journal.losses == .userLocks)
        var harmless = SessionJournal()
        harmless.called(unseen: Self.bytes("q"))
        // It was never there.
        _ = harmless.learn(before, isCurrent: true)
        #expect(harmless.isMovable)
    }

    @Test("a report with a query on a view says that the server was in another schema, unless what it calls may report")
    func views() {
        func explains(_ text: String, knowsViews: Bool = true, triggers: [TableTrigger]? = [], functions: Bool = true)
            -> Bool
        {
            let views = [
                ("plain", "RETURN (select 1)"), ("calls", "RETURN (select `d`.`adds`(1))"),
                ("sets", "RETURN (select f(1))"),
            ]
            let programs = views + (functions ? [("adds", "RETURN 1"), ("f", "BEGIN SET @a = 1; RETURN 1; END")] : [])
            var report = SchemaReport(
                views: ["plain", "calls", "sets"],
                programs: (knowsViews ? programs : functions ? Array(programs.dropFirst(3)) : []).map {
                    StoredProgram(name: $0.0, isFunction: true, body: $0.1, sqlMode: "")
                }, triggers: triggers)
            report.knowsViews = knowsViews
            return Self.bytes(text).withUnsafeBytes { SchemaKnowledge(report).explainsRead($0) }
        }
        #expect(explains("SELECT * FROM d.plain"))
        #expect(explains("SELECT * FROM d.`Calls`, t"))
        #expect(!explains("SELECT * FROM d.sets"))
        #expect(!explains("SELECT f(1) FROM d.plain"))
        #expect(!explains("SELECT * FROM t"))
        #expect(!explains("SELECT * FROM d.plain", knowsViews: false))
        #expect(!explains("SELECT * FROM d.plain", triggers: nil))
        #expect(explains("SELECT * FROM d.plain", knowsViews: false, triggers: nil, functions: false))
    }

    @Test(arguments: [
        ("SELECT 1", false), ("INSERT INTO t VALUES (1)", true), ("BEGIN REPLACE t SET a = 1; END", true),
        ("UPDATE t SET a = `last_insert_id`(5)", true), ("UPDATE t SET a = 1", false), ("CALL inserts()", true),
    ])
    func inserts(_ body: String, _ inserts: Bool) {
        let knowledge = Self.knowledge([("p", false, body), ("inserts", false, "INSERT INTO t VALUES (1)")])
        #expect(Self.change("CALL p()", knowledge) == Self.known(inserts: inserts))
    }

    @Test func ofHiddenProgramsNothingIsKnown() {
        var journal = SessionJournal()
        journal.called(unseen: Self.bytes("q"))
        _ = journal.learn(SchemaKnowledge(SchemaReport()), isCurrent: false)
        #expect(journal.isMovable)
    }

    private static func unseen(_ text: String, _ knowledge: SchemaKnowledge) -> [UInt8]? {
        bytes(text).withUnsafeBytes {
            knowledge.unseenProgram(calledBy: $0, dialect: Dialect(status: 0, characterSet: .safe))
        }
    }
}
