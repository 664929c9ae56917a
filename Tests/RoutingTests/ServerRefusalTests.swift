import Testing

@testable import Routing

@Suite struct ServerRefusalTests {
    private static let dialect = Dialect(backslashEscapes: true, ansiQuotes: false)

    private func isCertain(_ code: UInt16, _ message: String, _ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes {
            ServerRefusal.isCertain(code: code, message: message, of: $0, dialect: Self.dialect)
        }
    }

    @Test func calls() {
        #expect(isCertain(1305, "PROCEDURE app.nope does not exist", "CALL nope()"))
        #expect(isCertain(1305, "PROCEDURE app.Nope does not exist", "CALL `app`.`NOPE`(1, @a)"))
        #expect(
            isCertain(
                1318, "Incorrect number of arguments for PROCEDURE app.p; expected 1, got 0", "CALL app.p()"))
        #expect(isCertain(1370, "execute command denied to user 'u'@'%' for routine 'app.p'", "CALL p()"))
        // What it calls is not there.
        #expect(!isCertain(1305, "PROCEDURE app.nope does not exist", "CALL p()"))
        #expect(!isCertain(1305, "PROCEDURE app.p2 does not exist", "CALL p()"))
        #expect(!isCertain(1305, "FUNCTION app.f does not exist", "BEGIN NOT ATOMIC SELECT f(); END"))
        #expect(!isCertain(1146, "Table 'app.p' doesn't exist", "CALL p()"))
    }

    @Test func parsing() {
        #expect(isCertain(1064, "near", "SELECT 'x"))
        #expect(isCertain(1064, "near", " insert INTO"))
        #expect(isCertain(1064, "near", "SET @a = 'x") && isCertain(1064, "near", "set a = 'x"))
        // A procedure may EXECUTE text of its own.
        #expect(!isCertain(1064, "near", "CALL p()"))
        #expect(!isCertain(1064, "near", "EXECUTE IMMEDIATE @a"))
        #expect(!isCertain(1064, "near", "BEGIN NOT ATOMIC END"))
        #expect(!isCertain(1064, "near", "SET STATEMENT a=1 FOR CALL p()"))
        #expect(!isCertain(1062, "near", "INSERT INTO t VALUES (1)"))
    }

    @Test func ownTables() {
        func isOwn(_ message: String, _ text: String) -> Bool {
            Array(text.utf8).withUnsafeBytes { ServerRefusal.isOfOwnTable(message: message, of: $0) }
        }
        #expect(isOwn("Table 'app.nowhere' doesn't exist", "INSERT INTO nowhere VALUES (1)"))
        #expect(isOwn("Table 'app.nowhere' doesn't exist", "INSERT INTO NOWHERE"))
        #expect(!isOwn("Table 'app.log' doesn't exist", "INSERT INTO t VALUES (1)"))
        #expect(!isOwn("", "INSERT INTO t VALUES (1)"))
    }
}
