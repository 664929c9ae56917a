import Cluster
import Testing

@testable import Routing

/// What MariaDB 10.5, 10.11 and 11.8 do with each of these: the packet's id, and whether LAST_INSERT_ID() is it.
@Suite struct InsertedIDTests {
    static func isCertain(
        _ text: String, id: UInt64, affected: UInt64 = 1, countsFound: Bool = false, parameters: BoundParameters? = nil,
        dialect: Dialect = Dialect(status: 0x0002, characterSet: .safe), schema: SchemaKnowledge? = nil
    ) -> Bool {
        Array(text.utf8).withUnsafeBytes {
            InsertedID.isCertain(
                InsertedID.Answer(id: id, affectedRows: affected, countsFound: countsFound), of: $0,
                parameters: parameters, dialect: dialect, schema: schema)
        }
    }

    private static let schema = SchemaKnowledge(
        SchemaReport(
            views: ["v"],
            numberedColumns: [
                NumberedColumn(schema: "d", table: "T", name: "id", isFirst: true),
                NumberedColumn(schema: "d", table: "u", name: "No", isFirst: false),
                NumberedColumn(schema: "e", table: "t", name: "nümmer", isFirst: true),
            ]))

    @Test(
        "what may insert rows, by its first letters",
        arguments: [
            ("INSERT INTO t VALUES (1)", true), ("REPLACE t VALUES (1)", true), ("CALL p()", true), ("EXECUTE s", true),
            ("create table t select 1", true), ("LOAD DATA INFILE 'f' INTO TABLE t", true),
            ("/* c */ INSERT t SET a = 1", true),
            ("SET STATEMENT a = 1 FOR INSERT t SET a = 1", true), ("WITH c AS (SELECT 1) SELECT 1", false),
            ("COMMIT", false), (" commit and chain", false), ("ROLLBACK", false), ("SELECT 1", false),
            ("UPDATE t SET a = 1", false),
            ("", false), ("c", true),
        ])
    func inserting(_ text: String, _ mayInsert: Bool) {
        #expect(Array(text.utf8).withUnsafeBytes(InsertedID.mayInsert) == mayInsert)
    }

    @Test(
        "without a value for a column that numbers rows, whatever the values are",
        arguments: [
            "INSERT INTO t (a, b) VALUES (77, f())", "INSERT INTO t (a) SELECT 77 FROM v",
            "REPLACE t (`a`) VALUES (@a + 1)",
            "INSERT INTO d.t (t.a, d.t.b) VALUES (77, ?)",
            "INSERT IGNORE INTO `t` SET a = 77, b = (SELECT MAX(id) FROM t)",
            "INSERT LOW_PRIORITY t (a) VALUES (77) ON DUPLICATE KEY UPDATE a = 1;",
            "INSERT INTO t (a) VALUES ((SELECT 77));",
        ])
    func unnumbered(_ text: String) {
        #expect(Self.isCertain(text, id: 77, schema: Self.schema))
        #expect(!Self.isCertain(text, id: 77, schema: SchemaKnowledge.none))
    }

    @Test(arguments: [
        "INSERT INTO t (a, ID) VALUES (1, f())", "INSERT INTO t (no) SELECT 1", "INSERT INTO t SELECT 1",
        "INSERT INTO t VALUES (f())", "INSERT INTO t (nÜmmer) VALUES (f())", "INSERT INTO t SET a = f(), t.no = f()",
        "INSERT INTO t (a) VALUES (f()); SELECT 1", "INSERT INTO t (a) VALUES (f()) RETURNING a",
        "INSERT INTO t (a) VALUES (LAST_INSERT_ID(77) + f())", "INSERT INTO t (a) /* id */ VALUES (f())",
        "INSERT INTO t () SELECT 1", "INSERT INTO v (a) VALUES (1)", "INSERT INTO d.`V` VALUES (1)",
        "REPLACE v SET a = 1", "INSERT INTO t (a",
    ])
    func numbered(_ text: String) { #expect(!Self.isCertain(text, id: 77, schema: Self.schema)) }

    @Test(
        "rows that say their numbers leave LAST_INSERT_ID() as it was",
        arguments: [
            ("INSERT INTO t VALUES (5, 'x')", true), ("INSERT INTO t VALUES (5), ('6');", true),
            ("insert ignore t (a, id) value (f(1, 2), 5)", true), ("REPLACE INTO D.`t` (Id) VALUES (5)", true),
            ("INSERT INTO u (no, a) VALUES (7, (SELECT 1)), (8, NULL)", true), ("INSERT INTO u VALUES (5)", false),
            ("INSERT INTO t VALUES (0)", false), ("INSERT INTO t VALUES (5), (NULL)", false),
            ("INSERT INTO t VALUES (-5)", false), ("INSERT INTO t VALUES (5 - 5)", false),
            ("INSERT INTO t VALUES ('5x')", false), ("INSERT INTO t (a) VALUES (5)", false),
            ("INSERT INTO t (id) SELECT 5", false),
            ("INSERT INTO t VALUES (5) ON DUPLICATE KEY UPDATE a = f(1), id = 6;", true),
            ("INSERT INTO t (a) VALUES (5) ON DUPLICATE KEY UPDATE a = 1", false),
            ("INSERT INTO t VALUES (5) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)", false),
            ("INSERT INTO t VALUES (5) ON DUPLICATE KEY UPDATE id = `last_insert_id` (id)", false),
            ("INSERT INTO t VALUES (5) ON DUPLICATE KEY UPDATE a = 1 RETURNING id", false),
            ("INSERT INTO t VALUES (5) ON DUPLICATE KEY UPDATE a = 1; SELECT 1", false),
            ("INSERT INTO t VALUES (5, LAST_INSERT_ID(7))", false), ("INSERT INTO t VALUES (5); SELECT 1", false),
            ("INSERT INTO e.t (x) VALUES (5)", false), ("INSERT INTO x.t VALUES (5)", false),
            ("INSERT INTO t VALUES (?)", false),
            ("INSERT INTO t SET id = 5", false), ("INSERT INTO t (id", false), ("INSERT INTO t VALUES (5", false),
            ("UPDATE t SET id = 5", false),
        ])
    func explicit(_ text: String, _ isUnchanged: Bool) {
        Array(text.utf8).withUnsafeBytes {
            let dialect = Dialect(status: 0x0002, characterSet: .safe)
            #expect(
                InsertedID.isUnchanged(by: $0, dialect: dialect, schema: Self.schema, database: Array("d".utf8))
                    == isUnchanged, "\(text)")
            #expect(!InsertedID.isUnchanged(by: $0, dialect: dialect, schema: nil, database: Array("d".utf8)))
            let isInNone = text.contains("D.`t`") && isUnchanged
            #expect(
                InsertedID.isUnchanged(by: $0, dialect: dialect, schema: Self.schema, database: nil) == isInNone,
                "\(text)")
        }
    }

    @Test("a trigger that may set the number leaves nothing certain of its table", arguments: [nil, ["v"]])
    func triggers(_ views: [String]?) {
        func trigger(_ table: String, _ body: String, _ event: TableTrigger.Event = .insert, isBefore: Bool = true)
            -> TableTrigger
        {
            TableTrigger(schema: "d", table: table, event: event, isBefore: isBefore, body: body, sqlMode: "")
        }
        let column = NumberedColumn(schema: "d", table: "T", name: "id", isFirst: true)
        let known = SchemaKnowledge(
            SchemaReport(
                views: views, numberedColumns: [column],
                programs: [],
                triggers: [
                    trigger("T", "BEGIN SELECT 5 INTO new.`ID`; END"), trigger("other", "SET NEW.a = 1"),
                    trigger("third", "SET @a = NEW.id", isBefore: false), trigger("fourth", "SET NEW.id = 1", .update),
                ]))
        for text in [
            "INSERT INTO t VALUES (NULL, 'x')", "INSERT INTO t (a) VALUES (1)", "REPLACE d.`t` SET a = 1",
            "INSERT DELAYED t (a) VALUES (1)", "INSERT INTO v (a) VALUES (1)",
        ] {
            #expect(!Self.isCertain(text, id: 77, schema: known), "\(text)")
            // Whether or not the rest is known.
            Array(text.utf8).withUnsafeBytes {
                let answer = InsertedID.Answer(id: 77, affectedRows: 1, countsFound: false)
                let dialect = Dialect(status: 2, characterSet: .safe)
                #expect(!InsertedID.isCertain(answer, of: $0, dialect: dialect, triggers: known), "\(text)")
            }
        }
        let isUnknown = views == nil
        for table in ["other", "third", "fourth", "fifth"] {
            #expect(Self.isCertain("INSERT INTO \(table) VALUES (NULL, 'x')", id: 77, schema: known) != isUnknown)
        }
        #expect(Self.isCertain("UPDATE t SET a = LAST_INSERT_ID(77)", id: 77, schema: known))
        Array("INSERT INTO t VALUES (5, 'x')".utf8).withUnsafeBytes {
            #expect(
                !InsertedID.isUnchanged(
                    by: $0, dialect: Dialect(status: 2, characterSet: .safe), schema: known, database: Array("d".utf8)))
        }
    }

    @Test func rowsThatWereThereBefore() {
        let text = "INSERT INTO t (a) SELECT b FROM t ON DUPLICATE KEY UPDATE a = 1"
        #expect(!Self.isCertain(text, id: 77, affected: 2, schema: Self.schema))
        #expect(!Self.isCertain(text, id: 77, countsFound: true, schema: Self.schema))
    }

    @Test(arguments: [
        "INSERT INTO t VALUES (NULL, 'x', 1)", "insert into t (a, b) values ('x', 5), ('y', 6)",
        "REPLACE t VALUES (DEFAULT, 'it''s', 'a\\'b')", "INSERT INTO `t 77` SET a='x', b=-1, t.c=NULL",
        "INSERT IGNORE INTO d.t () VALUES ()", "INSERT INTO t VALUES (NOW(), CURRENT_TIMESTAMP, NOW(6), TRUE);",
        "INSERT INTO t PARTITION (p0) (a) VALUES (0x4c, 0b1, 7.5, '778', '7 7', _binary'x', N'y')",
        "UPDATE t SET a=LAST_INSERT_ID(a+1)", "INSERT INTO t(a) VALUES (770)",
        "INSERT INTO t (k) VALUES ('x') ON DUPLICATE KEY UPDATE v=v+1",
        "INSERT INTO t (k) VALUES ('x') ON DUPLICATE KEY UPDATE id=LAST_INSERT_ID(id), v=v+1",
    ])
    func generated(_ text: String) { #expect(Self.isCertain(text, id: 77)) }

    @Test(arguments: [
        "INSERT INTO t VALUES (77, 'x')", "INSERT INTO t VALUES ('77', 'x')", "INSERT INTO t VALUES (' 077abc')",
        "INSERT INTO t VALUES (76.6)", "INSERT INTO t VALUES (7.7e1)", "INSERT INTO t VALUES ('7.7e1')",
        "INSERT INTO t VALUES (0x4d)", "INSERT INTO t VALUES (0x000000000000000000004D)",
        "INSERT INTO t VALUES (0b1001101)", "INSERT INTO t VALUES (x'4d')", "INSERT INTO t VALUES ('\\t77')",
        "INSERT INTO t VALUES ('\\77')", "INSERT INTO t VALUES ('7' '7')", "INSERT INTO t VALUES (70+7)",
        "INSERT INTO t VALUES (f())", "INSERT INTO t VALUES (@a)", "INSERT INTO t VALUES ((SELECT 1))",
        "INSERT INTO t SELECT 1", "INSERT INTO t (SELECT 1)", "INSERT INTO t SET id=77", "INSERT INTO t VALUES (b)",
        "INSERT INTO t VALUES (+77)", "INSERT INTO t VALUES (DEFAULT(b))", "INSERT INTO t VALUES (1) RETURNING a",
        "INSERT INTO t VALUES (1) /*!, (77) */", "INSERT INTO t VALUES (1); SELECT 2", "CALL p()",
        "INSERT DELAYED INTO t VALUES (1)", "INSERT INTO t VALUES (DATE'2020-01-01')", "INSERT INTO t VALUES (?)",
        "SET STATEMENT a=1 FOR INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (_utf16'77')",
        "INSERT INTO t VALUES (UUID())",
        "INSERT INTO t VALUES (1", "INSERT INTO t VALUES ('open", "INSERT INTO t VALUES (.77e2)", "",
        "INSERT INTO t VALUES (CURTIME())", "INSERT INTO t VALUES (NEXTVAL(s))",
    ])
    func uncertain(_ text: String) { #expect(!Self.isCertain(text, id: 77)) }

    @Test func limits() {
        // What is too large for its column becomes the largest that is not.
        for id: UInt64 in [127, 255, 32767, 65535, 2_147_483_647, .max] {
            #expect(!Self.isCertain("INSERT INTO t VALUES (NULL)", id: id))
        }
        #expect(!Self.isCertain("INSERT INTO t VALUES (TRUE)", id: 1))
        #expect(!Self.isCertain("INSERT INTO t VALUES (-5)", id: UInt64(bitPattern: -5)))
        #expect(!Self.isCertain("INSERT INTO t VALUES (NOW())", id: 20_200_101_000_000))
    }

    @Test("a row that was there gives its id in the packet, and not to LAST_INSERT_ID()")
    func onDuplicateKey() {
        let text = "INSERT INTO t (k) VALUES ('x') ON DUPLICATE KEY UPDATE v=v+1"
        #expect(!Self.isCertain(text, id: 77, affected: 2))
        #expect(!Self.isCertain(text, id: 77, affected: 1, countsFound: true))
        let assigned = "INSERT INTO t (k) VALUES ('x') ON DUPLICATE KEY UPDATE id=LAST_INSERT_ID(id)"
        #expect(Self.isCertain(assigned, id: 77, affected: 2))
        #expect(!Self.isCertain(assigned.replacing("_ID(id)", with: "_ID()"), id: 77, affected: 2))
    }

    private static func executed(_ types: [UInt8], _ values: [UInt8], nulls: [UInt8] = [0], id: UInt64) -> Bool {
        nulls.withUnsafeBytes { nulls in
            values.withUnsafeBytes { values in
                isCertain(
                    "INSERT INTO t VALUES (?, ?)", id: id,
                    parameters: BoundParameters(types: types, nulls: nulls, values: values))
            }
        }
    }

    @Test func parameters() {
        let long: [UInt8] = [3, 0, 0xfd, 0]
        #expect(Self.executed(long, [5, 0, 0, 0, 2, 0x61, 0x62], id: 77))
        #expect(!Self.executed(long, [77, 0, 0, 0, 2, 0x61, 0x62], id: 77))
        #expect(!Self.executed(long, [5, 0, 0, 0, 2, 0x37, 0x37], id: 77))
        #expect(Self.executed(long, [2, 0x37, 0x38], nulls: [1], id: 77))
        // Too much or too little of it: something was sent ahead.
        #expect(!Self.executed(long, [5, 0, 0, 0], id: 77))
        #expect(!Self.executed(long, [5, 0, 0, 0, 2, 0x61, 0x62, 0], id: 77))
        let doubles: [UInt8] = [5, 0, 1, 0x80]
        func bytes(_ value: Double) -> [UInt8] { withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
        #expect(!Self.executed(doubles, bytes(76.6) + [1], id: 77))
        #expect(Self.executed(doubles, bytes(5) + [1], id: 77))
        #expect(!Self.executed(doubles, bytes(5) + [77], id: 77))
        // A negative number is a large one in the packet.
        #expect(!Self.executed([3, 0, 1, 0], [0xfb, 0xff, 0xff, 0xff, 1], id: UInt64(bitPattern: -5)))
        #expect(!Self.executed([10, 0, 1, 0], [4, 0xe4, 7, 1, 1, 1], id: 20_200_101))
    }

    @Test("anything at all can be asked about, and takes no trap")
    func noise() {
        var generator = SeededGenerator(seed: 7)
        let pieces = [
            "INSERT ", "INTO ", "t ", "VALUES ", "SET ", "(", ")", ",", "'", "\"", "`", "\\", "77", "0x", "1e", "-",
            ".",
            "ON ", "DUPLICATE ", "KEY ", "UPDATE ", "=", "LAST_INSERT_ID", ";", "?", "\u{e9}", "N", "NOW", "/*", "--",
        ]
        for _ in 0..<20_000 {
            var text = "INSERT INTO t VALUES ("
            for _ in 0..<Int.random(in: 0..<12, using: &generator) {
                text += pieces.randomElement(using: &generator) ?? ""
            }
            _ = Self.isCertain(text, id: 77)
        }
    }
}

/// Numbers that a seed repeats.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
