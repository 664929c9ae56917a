import Testing

@testable import Routing

@Suite struct RerunGuardTests {
    private static let cases: [(String, RerunGuard)] = [
        ("SELECT 1", .readOnly), ("SELECT * FROM v;", .readOnly), ("(SELECT 1) UNION (SELECT 2)", .readOnly),
        ("EXPLAIN SELECT f()", .readOnly), ("DO f()", .readOnly), ("SET @a = f()", .readOnly),
        ("SHOW TABLES", .readOnly), ("WITH a AS (SELECT 1) SELECT * FROM a", .readOnly),
        ("USE d", .unneeded), ("BEGIN", .unneeded), ("", .unneeded), ("SET TRANSACTION READ ONLY", .unneeded),
        ("DROP TEMPORARY TABLE t", .unneeded), ("CREATE TEMPORARY TABLE t (i INT)", .unneeded),
        ("CREATE TEMPORARY TABLE t SELECT 1", .impossible), ("SELECT 1; SELECT 2", .impossible),
        ("SET tx_read_only = 1", .impossible), ("SET @@SESSION.`Transaction_Isolation` = 'x'", .impossible),
        ("SELECT @@tx_isolation", .impossible), ("SET @@transaction_read_only=0", .impossible),
        // It ends before the name does.
        ("SELECT tx_read_onl", .readOnly), ("SELECT a_", .readOnly), ("SELECT 'unclosed", .impossible),
    ]

    @Test(arguments: cases.indices) func aTextIsGuarded(_ i: Int) {
        let (text, expected) = Self.cases[i]
        let found = Array(text.utf8).withUnsafeBytes {
            RerunGuard.needed(for: $0, dialect: Dialect(status: 0), isTransactionPrepared: false)
        }
        #expect(found == expected, "\(text)")
    }

    @Test func whatIsSetForTheNextTransactionIsNotOurs() {
        for (text, expected) in [("SELECT 1", RerunGuard.impossible), ("USE d", .unneeded)] {
            let found = Array(text.utf8).withUnsafeBytes {
                RerunGuard.needed(for: $0, dialect: Dialect(status: 0), isTransactionPrepared: true)
            }
            #expect(found == expected, "\(text)")
        }
    }

    @Test func killIsFoundWhereverItStands() {
        for (text, expected) in [
            ("KILL 5", true), ("/* */ kIlL 5", true), ("SELECT 1", false), ("kil", false), ("", false), ("k", false),
            ("skill", true), ("KIL L", false),
        ] {
            #expect(Array(text.utf8).withUnsafeBytes(KillStatement.isMentioned) == expected, "\(text)")
        }
    }
}
