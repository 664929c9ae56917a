import Testing

@testable import Routing

@Suite struct SessionJournalTests {
    static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// A journal that is fed as the data plane does it.
    struct Session {
        var journal = SessionJournal(database: SessionJournalTests.bytes("d"))

        /// `reports`: what the OK packet tracks, `name=value`, with `state` for a change of state.
        mutating func run(_ text: String, _ reports: String...) {
            journal.apply(facts(text).change ?? .none)
            for report in reports {
                if report == "state" {
                    journal.stateChanged()
                } else if let equals = report.firstIndex(of: "=") {
                    let name = String(report[..<equals])
                    let value = String(report[report.index(after: equals)...])
                    if name == "schema" {
                        journal.schema(bytes(value))
                    } else {
                        journal.systemVariable(name: bytes(name), value: bytes(value))
                    }
                }
            }
        }

        var texts: [String] { journal.restoration().flatMap(\.texts).map { String(decoding: $0, as: UTF8.self) } }
    }

    @Test func nothingToDo() {
        var session = Session()
        session.run("SELECT 1")
        session.run("INSERT INTO t VALUES (1)")
        #expect(session.texts == [])
        #expect(session.journal.isMovable)
        #expect(session.journal.loginDatabase() == Self.bytes("d"))
    }

    @Test func variablesInOneStatement() {
        var session = Session()
        session.run("SET time_zone='+02:00'", "time_zone=+02:00", "state")
        session.run("SET max_statement_time=1.5", "max_statement_time=1.500000", "state")
        session.run("SET collation_connection=x", "collation_connection=latin1_bin", "state")
        session.run("SET character_set_results=NULL", "character_set_results=", "state")
        session.run("SET lc_messages='x'", "lc_messages=it's", "state")
        session.run("SET time_zone='+03:00'", "time_zone=+03:00", "state")
        #expect(
            session.texts == [
                "SET @@session.character_set_results=NULL, @@session.collation_connection='latin1_bin', "
                    + "@@session.lc_messages=_utf8mb3 X'69742773', @@session.max_statement_time=1.500000, "
                    + "@@session.time_zone='+03:00'"
            ])
        #expect(session.journal.isMovable)
    }

    @Test func namesComeFirst() {
        var session = Session()
        session.run("SET character_set_results=latin1", "character_set_results=latin1", "state")
        session.run(
            "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "character_set_connection=utf8mb4", "character_set_client=utf8mb4",
            "character_set_results=utf8mb4", "state")
        #expect(session.texts == ["SET NAMES utf8mb4 COLLATE utf8mb4_bin"])
        session.run("SET collation_connection=latin1_bin", "collation_connection=latin1_bin", "state")
        #expect(
            session.texts == [
                "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET @@session.collation_connection='latin1_bin'",
            ])
        // The server takes the character set's default collation.
        session.run("SET character_set_connection=latin1", "character_set_connection=latin1", "state")
        #expect(
            session.texts == [
                "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET @@session.character_set_connection='latin1'",
            ])
    }

    @Test func characterSetOfAnotherSchema() {
        var session = Session()
        session.run("SET CHARACTER SET latin1", "character_set_connection=utf8mb4", "state")
        #expect(session.texts == ["SET CHARACTER SET latin1"])
        session.run("USE e", "schema=e", "state")
        #expect(session.texts == ["USE `d`", "SET CHARACTER SET latin1", "USE `e`"])
        #expect(session.journal.loginDatabase() == nil)
        #expect(session.journal.database == Self.bytes("e"))
    }

    @Test func roleComesBeforeSchema() {
        var session = Session()
        session.run("SET ROLE r1", "state")
        #expect(session.texts == ["SET ROLE r1", "USE `d`"])
        #expect(session.journal.loginDatabase() == nil)
        session.journal.reset()
        #expect(session.texts == ["SET ROLE r1", "USE `d`"])
        session.journal.changedUser(database: nil)
        #expect(session.texts == [])
    }

    @Test func timestampFollowsTheClockAgain() {
        var session = Session()
        session.run("SET timestamp=5", "timestamp=5.000000", "state")
        #expect(session.texts == ["SET @@session.timestamp=5.000000"])
        session.run("SET timestamp=DEFAULT", "timestamp=1795381182.191616", "state")
        #expect(session.texts == [])
    }

    @Test func passingVariables() {
        var session = Session()
        session.run("SET STATEMENT sort_buffer_size=5 FOR DO 1", "sort_buffer_size=5", "state")
        #expect(session.texts == [])
        session.run("SET @a=1", "sort_buffer_size=2097152", "state")
        #expect(session.texts == ["SET @@session.sort_buffer_size=2097152", "SET @`a` = 1"])
        #expect(session.journal.isMovable)
    }

    @Test func trackingIsSetAgain() {
        var session = Session()
        #expect(session.journal.pendingTracking == nil)
        session.run("SET session_track_system_variables='autocommit', sql_mode='ANSI'", "state")
        let expected =
            String(decoding: SessionJournal.trackingText, as: UTF8.self) + ", @@session.sql_mode=@@session.sql_mode"
        #expect(session.journal.pendingTracking.map { String(decoding: $0, as: UTF8.self) } == expected)
        session.journal.apply(.systemVariables)
        session.journal.systemVariable(name: Self.bytes("session_track_schema"), value: Self.bytes("ON"))
        session.journal.systemVariable(name: Self.bytes("sql_mode"), value: Self.bytes("ANSI"))
        session.journal.stateChanged()
        session.journal.trackingRestored()
        #expect(session.texts == ["SET @@session.sql_mode='ANSI'"])
        #expect(session.journal.isMovable)
        session.journal.reset()
        #expect(session.journal.pendingTracking == SessionJournal.trackingText)
        #expect(session.texts == [])
    }

    @Test func userVariables() {
        var session = Session()
        session.run("SET @a=1, @b='x'", "state")
        session.run("SET @c=3", "state")
        #expect(session.texts == ["SET @`a` = 1, @`b` = 'x', @`c` = 3"])
        session.run("SET @d=@a+@c", "state")
        session.run("SET @a=10", "state")
        #expect(
            session.texts == ["SET @`a` = 1, @`b` = 'x', @`c` = 3", "SET @`d` = @a+@c", "SET @`a` = 10"])
        session.run("SET @d=0", "state")
        #expect(session.texts == ["SET @`a` = 1, @`b` = 'x', @`c` = 3, @`a` = 10, @`d` = 0"])
        session.run("SET @b='y'", "state")
        session.run("SET @c=4", "state")
        #expect(session.texts == ["SET @`a` = 10, @`d` = 0, @`b` = 'y', @`c` = 4"])
        #expect(session.journal.isMovable)
    }

    @Test func lostUserVariables() {
        var session = Session()
        session.run("SET @a=1", "state")
        session.run("SELECT NOW() INTO @a")
        #expect(session.journal.losses == .userVariables)
        #expect(session.texts == [])
        session.run("SET @b=@a", "state")
        session.run("SET @a=2", "state")
        #expect(session.journal.losses == .userVariables)
        session.run("SET @b=@a", "state")
        #expect(session.journal.isMovable)
        #expect(session.texts == ["SET @`a` = 2", "SET @`b` = @a"])
        session.run("SELECT @a := 3")
        #expect(!session.journal.isMovable)
        session.journal.lossesTold()
        #expect(session.journal.isMovable)
        #expect(session.texts.last == "SET @`b` = @a")
    }

    @Test func valuesThatDependOnTheirContext() {
        var session = Session()
        session.run("SET @a='x', @n=5", "state")
        session.run("SET @b=@a", "state")
        session.run("SET sql_mode='ANSI'", "sql_mode=ANSI", "state")
        // Said again under the context in which they were said first.
        #expect(session.journal.isMovable)
        #expect(
            session.texts == ["SET @`a` = 'x', @`n` = 5", "SET @@session.sql_mode='ANSI'", "SET @`b` = @a"])
        session.run("SET @c='y', @b=0", "state")
        // The same value again changes nothing.
        session.run("SET sql_mode='ANSI'", "sql_mode=ANSI", "state")
        #expect(session.texts.last == "SET @`c` = 'y', @`b` = 0")
        session.run("SET NAMES latin1", "state")
        session.run("SET @d='z'", "state")
        #expect(session.journal.isMovable)
        #expect(
            session.texts == [
                "SET @`a` = 'x', @`n` = 5", "SET @@session.sql_mode='ANSI'",
                "SET @`c` = 'y', @`b` = 0", "SET NAMES latin1", "SET @@session.sql_mode='ANSI'", "SET @`d` = 'z'",
            ])
    }

    @Test func valuesUnderAFixedClockAreLostWithIt() {
        var session = Session()
        session.run("SET @a='x'", "state")
        session.run("SET timestamp=5", "timestamp=5.000000", "state")
        #expect(session.journal.losses == .userVariables)
    }

    @Test func countersAreBounded() {
        var session = Session()
        session.run("SET @i=0", "state")
        for _ in 0..<600 { session.run("SET @i=@i+1", "state") }
        #expect(session.journal.losses == .userVariables)
        #expect(session.journal.byteCount < 10_000)
        session.run("SET @i=0", "state")
        #expect(session.journal.isMovable)
    }

    @Test func temporaryTables() {
        var session = Session()
        session.run("CREATE TEMPORARY TABLE a (i INT)", "state")
        session.run("CREATE TEMPORARY TABLE e.b (i INT)", "state")
        #expect(session.journal.losses == .temporaryTables)
        #expect(session.journal.losses.description == "a temporary table")
        session.run("DROP TABLE d.a")
        #expect(session.journal.losses == .temporaryTables)
        session.run("USE e", "schema=e", "state")
        session.run("DROP TEMPORARY TABLE b", "state")
        #expect(session.journal.isMovable)
        session.run("CREATE TEMPORARY TABLE a (i INT)", "state")
        session.run("ALTER TABLE a RENAME b")
        session.run("DROP TABLE a, b")
        #expect(session.journal.losses == .temporaryTables)
        session.journal.reset()
        #expect(session.journal.isMovable)
    }

    @Test func locks() {
        var session = Session()
        session.run("LOCK TABLES t READ")
        #expect(session.journal.losses == .tableLocks)
        session.run("UNLOCK TABLES")
        #expect(session.journal.isMovable)
        session.run("SELECT GET_LOCK('A', 1)")
        session.run("SELECT GET_LOCK('a', 1)")
        session.run("SELECT RELEASE_LOCK('a')")
        #expect(session.journal.losses == .userLocks)
        session.run("SELECT RELEASE_LOCK('a')")
        #expect(session.journal.isMovable)
        session.run("SELECT GET_LOCK(CONCAT('a'), 1)")
        session.run("SELECT RELEASE_LOCK('a')")
        #expect(session.journal.losses == .userLocks)
        session.run("SELECT RELEASE_ALL_LOCKS()")
        #expect(session.journal.isMovable)
        session.run("HANDLER t OPEN x")
        #expect(session.journal.losses == .handlers)
        session.run("HANDLER x CLOSE")
        #expect(session.journal.isMovable)
        session.run("XA START 'x'")
        #expect(session.journal.losses == .xa)
        session.run("XA COMMIT 'x'")
        #expect(session.journal.isMovable)
    }

    @Test func preparedNames() {
        var session = Session()
        session.run("PREPARE p FROM 'SELECT 1'", "state")
        session.run("SET @sql='LOCK TABLES t READ'", "state")
        session.run("PREPARE Q FROM @sql", "state")
        #expect(session.journal.isMovable)
        #expect(
            session.texts == [
                "PREPARE `p` FROM 'SELECT 1'", "PREPARE `q` FROM 'LOCK TABLES t READ'",
                "SET @`sql` = 'LOCK TABLES t READ'",
            ])
        session.run("EXECUTE p")
        #expect(session.journal.isMovable)
        session.run("EXECUTE q")
        #expect(session.journal.losses == .tableLocks)
        session.run("UNLOCK TABLES")
        session.run("DEALLOCATE PREPARE p", "state")
        session.run("PREPARE q FROM CONCAT('a')", "state")
        #expect(session.journal.losses == .preparedNames)
        session.run("DEALLOCATE PREPARE q", "state")
        #expect(session.journal.isMovable)
        session.run("EXECUTE nobody_knows")
        #expect(session.journal.losses == .unknown)
    }

    @Test func unexplainedChanges() {
        var session = Session()
        session.run("CALL p()")
        #expect(session.journal.isMovable)
        session.run("CALL p()", "sql_mode=ANSI", "state")
        #expect(session.journal.losses == .unknown)
        session.journal.lossesTold()
        session.run("INSERT INTO t VALUES (1)", "state")
        #expect(session.journal.losses == .unknown)
    }

    @Test func explanationLastsOneAnswer() {
        var session = Session()
        session.run("SET @a=1", "state")
        session.run("INSERT INTO t VALUES (1)", "state")
        #expect(session.journal.losses == .unknown)
    }

    @Test func nextTransaction() {
        var session = Session()
        session.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        session.run("SET @@tx_read_only=1")
        #expect(session.journal.hasNextTransaction)
        #expect(session.texts == ["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET @@tx_read_only=1"])
        session.journal.answeredOutsideTransaction()
        #expect(session.journal.losses == .oneShotVariables)
        session.journal.transactionEnded()
        #expect(session.texts == [])
        #expect(session.journal.isMovable)
        session.journal.answeredOutsideTransaction()
        #expect(session.journal.isMovable)
    }

    @Test func lastInsertID() {
        var session = Session()
        session.journal.lastInsertID = 7
        #expect(session.texts == ["SET @@session.last_insert_id=7"])
        session.run("SET last_insert_id=9", "last_insert_id=9", "state")
        #expect(session.texts == ["SET @@session.last_insert_id=9"])
        session.run("SET insert_id=9", "insert_id=9", "state")
        #expect(session.journal.losses == .oneShotVariables)
    }

    @Test func lossesOfOthers() {
        var session = Session()
        session.journal.lose([.openCursors, .longData])
        #expect(session.journal.losses.description == "an open cursor, parameter data sent ahead")
        session.journal.regain(.openCursors)
        #expect(session.journal.losses == .longData)
    }

    @Test func limit() {
        var journal = SessionJournal(byteCountMax: 100)
        journal.apply(
            .prepareName(Self.bytes("p"), .literal(Self.bytes("'" + String(repeating: "x", count: 200) + "'"))))
        #expect(journal.losses == .tooLarge)
        #expect(journal.byteCount < 100)
        #expect(journal.restoration().flatMap(\.texts) == [])
    }
}
