import Testing

@testable import Routing

@Suite struct FlowingStatementTests {
    static let dialect = Dialect(status: 0x0002, characterSet: .safe)

    /// Fed in pieces of these lengths, over and over.
    static func isPlain(_ text: [UInt8], dialect: Dialect = dialect, pieces: [Int] = [1 << 20]) -> Bool {
        var flowing = FlowingStatement(dialect: dialect)
        var start = 0
        var number = 0
        while start < text.count {
            let end = min(text.count, start + pieces[number % pieces.count])
            text[start..<end].withUnsafeBytes { flowing.take($0) }
            start = end
            number += 1
        }
        return flowing.isPlain
    }

    static func isPlain(_ text: String, dialect: Dialect = dialect) -> Bool {
        isPlain(Array(text.utf8), dialect: dialect)
    }

    @Test(arguments: [
        "SELECT 1", "INSERT INTO t VALUES ('a@b;c\\'@x', \"y;z\")", " (select 1) union (select 2)",
        "WITH a AS (SELECT '@') SELECT 1", "DELETE FROM t WHERE a IN (1,2) -- @ it's", "VALUES (1) ; ",
        "SELECT 1; -- nothing\n", "/* it's @ */ SELECT 1 # ' @", "SELECT 'it''s; @', `a@b`", "SELECT 5-3, 5--3, a/b",
        "INSERT INTO t VALUES ('\u{e9}\\'@', '\\\\', 'GET_LOCK')", "SELECT 1--\u{7f} @\n", "replace into t values (1)",
    ])
    func plain(_ text: String) { #expect(Self.isPlain(text)) }

    @Test(arguments: [
        "", " ", "SET @a=1", "SELECT @a", "SELECT 1; SELECT 2", "INSERT INTO t VALUES ('a\\'b'); SET @a=1",
        "SELECT GET_LOCK('a',1)", "SELECT `get_lock`('a',1)", "SELECT /*! @a */ 1", "SELECT 'open", "SELECT /* open",
        "CALL p()", "SELECT LAST_INSERT_ID(5)", "SELECT 1--2, @a", "SELECT 'a\\\\', @a", "`x` SELECT 1", "1",
        "SELECT 1; 'x'", "LOAD DATA INFILE 'x' INTO TABLE t", "SELECT '\\", "SELECT 1 /*M! @a */",
    ])
    func notPlain(_ text: String) { #expect(!Self.isPlain(text)) }

    @Test("what is said does not depend on how the text came in pieces; and nothing that needs a note is plain")
    func pieces() {
        var generator = SeededGenerator(seed: 11)
        let parts = [
            "SELECT ", "INSERT INTO t VALUES (", "'", "\"", "`", "\\", "@a", ";", "--", " ", "\n", "\u{7f}", "#", "/*",
            "*/",
            "*", "/", "-", "_LOCK", "GET", "(1)", ",", "\u{e9}", "x", "5", "!", "M", "LAST_INSERT_ID(", ")", "WITH ",
        ]
        for _ in 0..<20_000 {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 1..<10, using: &generator) {
                text += Array((parts.randomElement(using: &generator) ?? "").utf8)
                // The halves of a character of sjis that ends in a backslash.
                if Int.random(in: 0..<12, using: &generator) == 0 { text += [0x83, 0x5c] }
            }
            for set in [ClientCharacterSet.safe, .sjis, .unknown] {
                var dialect = Dialect(status: UInt16.random(in: 0...1, using: &generator) << 9, characterSet: set)
                dialect.ansiQuotes = [true, false, nil].randomElement(using: &generator) ?? nil
                let whole = Self.isPlain(text, dialect: dialect)
                let steps = (0..<3).map { _ in Int.random(in: 1...5, using: &generator) }
                #expect(Self.isPlain(text, dialect: dialect, pieces: steps) == whole, "\(text) \(dialect)")
                #expect(Self.isPlain(text, dialect: dialect, pieces: [1]) == whole, "\(text) \(dialect)")
                guard whole, let reader = text.withUnsafeBytes({ StatementReader($0, dialect: dialect)?.count }),
                    reader > 0
                else { continue }
                let change = text.withUnsafeBytes { StatementClassifier.classify($0, dialect: dialect).change }
                #expect(change == nil, "\(String(decoding: text, as: UTF8.self)) \(dialect)")
            }
        }
    }
}
