import Testing

@testable import Routing

@Suite struct TableChangeTests {
    @Test(arguments: [
        ("CREATE TABLE t (a INT)", true), ("create or replace table if not exists s.`t` (a INT DEFAULT (1 + 1))", true),
        ("ALTER TABLE t ADD COLUMN b INT", true), ("DROP TABLE t", true), ("TRUNCATE TABLE t", true),
        ("CREATE TABLE t LIKE u", true),
        ("CREATE TABLE t AS SELECT f()", false), ("CREATE TABLE t (a INT) VALUES (f())", false),
        ("CREATE TABLE t WITH c AS (SELECT 1) SELECT * FROM c", false), ("CREATE TEMPORARY TABLE t (a INT)", false),
        ("CREATE TABLE t (a INT); SELECT 1", false), ("CREATE PROCEDURE p() SELECT 1", false), ("CALL p()", false),
        ("CREATE TABLE t ('", false), ("", false),
    ])
    func all(_ text: String, _ isAll: Bool) {
        Array(text.utf8).withUnsafeBytes {
            #expect(TableChange.isAll(of: $0, dialect: Dialect(status: 0, characterSet: .safe)) == isAll, "\(text)")
        }
    }
}
