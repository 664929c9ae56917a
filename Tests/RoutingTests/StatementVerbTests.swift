import Testing

@testable import Routing

@Suite struct StatementVerbTests {
    private func verb(_ text: String, _ dialect: Dialect = Dialect(status: 0, characterSet: .safe)) -> String {
        Array(text.utf8).withUnsafeBytes { StatementVerb.of($0, dialect: dialect) }
    }

    @Test(arguments: [
        ("insert into t values (1)", "INSERT"), ("  /* c */ UPDATE t SET a = 1", "UPDATE"), ("COMMIT", "COMMIT"),
        ("((SELECT 1))", "SELECT"), ("WITH c AS (SELECT 1) SELECT * FROM c", "WITH"), ("CALL p(1)", "CALL"),
        ("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); COMMIT;", "INSERT, COMMIT"),
        ("DELETE FROM a; UPDATE b SET c = 1; INSERT INTO d VALUES (1); DROP TABLE e", "DELETE, UPDATE, INSERT, …"),
        ("BEGIN NOT ATOMIC SET @a = 1; END", "BEGIN"), ("/*!50000 REPLACE INTO t VALUES (1) */", "REPLACE"),
        ("", "other"), (";;", "other"), ("secret", "other"), ("'secret'", "other"), ("`insert`", "other"),
        ("INSERT INTO t VALUES ('", "other"),
    ])
    func firstWords(_ text: String, _ expected: String) { #expect(verb(text) == expected) }

    /// Whatever is in the text and however it is read, nothing of it but a word of the list gets out.
    @Test func nothingOfTheTextGetsOut() {
        let texts = [
            "INSERT INTO t VALUES ('a\\'; secret; ')", "INSERT INTO t VALUES ('a'';secret;')",
            "INSERT INTO t VALUES (\"x\\\"; secret; \")", "SELECT 1; secret secret; 'secret'", "SET @secret = 'secret'",
        ]
        for dialect in [Dialect.unknown, Dialect(status: 0x0200), Dialect(status: 0x8000)] {
            for text in texts { #expect(!verb(text, dialect).contains("secret"), "\(text)") }
        }
        #expect(verb("INSERT INTO t VALUES ('" + String(repeating: "x", count: 2 << 20) + "')") == "other")
    }
}
