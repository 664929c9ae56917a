import Cluster
import Testing

@testable import Routing

@Suite struct ChangedNamesTests {
    private static func moment(_ n: Int64) -> Instant { Instant(nanoseconds: n) }

    private static func isUnchanged(_ names: ChangedNames, _ text: String, since moment: Int64) -> Bool {
        Array(text.utf8).withUnsafeBytes { names.isUnchanged($0, since: Self.moment(moment)) }
    }

    private static func names(_ texts: String..., at moment: Int64 = 10) -> ChangedNames {
        var names = ChangedNames()
        for text in texts { Array(text.utf8).withUnsafeBytes { names.note($0, at: Self.moment(moment)) } }
        return names
    }

    /// Behind which of these inserts into `t` and into `u` are in doubt.
    @Test(arguments: [
        ("CREATE TABLE t (i INT)", true, false), ("create table a.`T` (i INT)", true, false),
        ("ALTER TABLE u ADD x INT", false, true), ("RENAME TABLE t TO u", true, true),
        ("CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.i = 1", true, false),
        ("CREATE VIEW u AS SELECT * FROM x", false, true), ("CREATE TABLE x (i INT)", false, false),
        ("CREATE TABLE x (i INT); ALTER TABLE t ADD j INT", true, false),
        // Of these nobody can say what they change.
        ("CREATE DATABASE x", true, true), ("ALTER SCHEMA x COLLATE utf8mb4_bin", true, true),
        ("CALL create_all()", true, true), ("CREATE TABLE x (i INT); CALL p()", true, true),
        ("EXECUTE IMMEDIATE 'CREATE TABLE x (i INT)'", true, true), ("/*! CREATE */ TABLE x (i INT)", false, false),
        ("/*!50000 CREATE TABLE x (i INT) */", true, true), ("CREATE TABLE `h\u{e9}` (i INT)", true, true),
        ("SELECT 1; CREATE TABLE x (i INT)", true, true),
    ])
    func named(_ text: String, _ t: Bool, _ u: Bool) {
        let names = Self.names(text)
        #expect(Self.isUnchanged(names, "INSERT INTO `T` (v) VALUES (1)", since: 5) == !t)
        #expect(Self.isUnchanged(names, "INSERT INTO s.u (v) VALUES (1)", since: 5) == !u)
        // Begun or ended in the moment of the reading: it may have been seen or not.
        #expect(Self.isUnchanged(names, "INSERT INTO t VALUES (1)", since: 10) == !t)
        #expect(Self.isUnchanged(names, "INSERT INTO t VALUES (1)", since: 11))
    }

    @Test func whatIsNotKept() {
        var names = ChangedNames()
        names.note(nil, at: Self.moment(10))
        #expect(!Self.isUnchanged(names, "INSERT INTO t VALUES (1)", since: 10))
        #expect(Self.isUnchanged(names, "INSERT INTO t VALUES (1)", since: 11))
        let long = Self.names("CREATE TABLE x (" + String(repeating: " ", count: ChangedNames.textMax) + ")")
        #expect(!Self.isUnchanged(long, "INSERT INTO t VALUES (1)", since: 10))
    }

    @Test func longInserts() {
        let text = "INSERT INTO y" + String(repeating: " ", count: ChangedNames.textMax) + "VALUES (1)"
        #expect(Self.isUnchanged(ChangedNames(), text, since: 5))
        let isUnchanged = Self.isUnchanged(Self.names("CREATE TABLE x (i INT)"), text, since: 5)
        #expect(!isUnchanged)
    }

    @Test func asManyAsAreToldApart() {
        var names = ChangedNames()
        for i in 0..<ChangedNames.namesMax {
            Array("CREATE TABLE t\(i) (a INT)".utf8).withUnsafeBytes { names.note($0, at: Self.moment(10)) }
        }
        #expect(!Self.isUnchanged(names, "INSERT INTO other VALUES (1)", since: 5))
        names.forget(before: Self.moment(11))
        #expect(Self.isUnchanged(names, "INSERT INTO other VALUES (1)", since: 11))
        #expect(Self.isUnchanged(names, "INSERT INTO t1 VALUES (1)", since: 11))
        // What was read before that has nobody to vouch for it.
        #expect(!Self.isUnchanged(names, "INSERT INTO other VALUES (1)", since: 10))
    }

    @Test func whatHasChangedSinceStays() {
        var names = Self.names("ALTER TABLE t ADD b INT", at: 20)
        names.forget(before: Self.moment(15))
        #expect(!Self.isUnchanged(names, "INSERT INTO t VALUES (1)", since: 15))
        #expect(Self.isUnchanged(names, "INSERT INTO u VALUES (1)", since: 15))
    }
}
