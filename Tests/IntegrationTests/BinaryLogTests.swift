import Testbed
import Testing

extension Integration {
    /// With a binary log servers report what nobody can set, and variables under each other's names.
    @Suite(.serialized)
    struct BinaryLogTests {
        static let prepare = [
            "CREATE SEQUENCE s", "CREATE TABLE t (a INT AUTO_INCREMENT PRIMARY KEY)", "CREATE TABLE u (a INT)",
            "CREATE TABLE lk (a INT)", "CREATE TRIGGER tr AFTER INSERT ON u FOR EACH ROW SET @z = 1",
        ]

        static let cases: [SessionCase] = [
            SessionCase(["INSERT INTO t VALUES ()"], asks: "SELECT 1"),
            SessionCase(
                ["INSERT INTO t VALUES () RETURNING a", "DELETE FROM t WHERE a = 77 RETURNING a"], asks: "SELECT 1"),
            SessionCase(["SELECT NEXTVAL(s)", "SELECT SETVAL(s, 5000)"], asks: "SELECT 1"),
            SessionCase(
                ["SET autocommit=0, unique_checks=0"],
                asks: "SELECT @@autocommit, @@unique_checks, @@foreign_key_checks"),
            SessionCase(
                ["SET foreign_key_checks=0", "SET sql_safe_updates=1, sql_auto_is_null=1", "SET @@sql_big_selects=0"],
                asks: "SELECT @@foreign_key_checks, @@sql_safe_updates, @@sql_auto_is_null, @@sql_big_selects"),
            SessionCase(
                ["SET sql_notes=0, sql_warnings=1, check_constraint_checks=0"],
                asks: "SELECT @@sql_notes, @@sql_warnings, @@check_constraint_checks"),
            SessionCase(["SET sql_big_selects=0", "SET max_join_size=DEFAULT"], asks: "SELECT @@sql_big_selects"),
            SessionCase(["SET autocommit=0", "SET autocommit=1"], asks: "SELECT @@autocommit"),
            SessionCase(
                ["SET timestamp=1e9", "SET timestamp=DEFAULT", "INSERT INTO t VALUES ()"],
                asks: "SELECT ABS(@@timestamp - UNIX_TIMESTAMP(SYSDATE(6))) < 60"),
            SessionCase(["SET timestamp=1e9", "INSERT INTO t VALUES ()"], asks: "SELECT @@timestamp"),
            SessionCase(["SET last_insert_id=77", "SET identity=78"], asks: "SELECT LAST_INSERT_ID()"),
            SessionCase(
                ["SET STATEMENT foreign_key_checks=0, sql_mode='' FOR SELECT 1"],
                asks: "SELECT @@foreign_key_checks, @@sql_mode"),
            SessionCase(
                ["PREPARE p FROM 'SET foreign_key_checks=0'", "EXECUTE p", "EXECUTE IMMEDIATE 'SET unique_checks=0'"],
                asks: "SELECT @@foreign_key_checks, @@unique_checks"),
            SessionCase(
                ["SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY"],
                asks: "SELECT @@tx_isolation, @@tx_read_only"),
            SessionCase(["SET innodb_lock_wait_timeout=7"], asks: "SELECT @@innodb_lock_wait_timeout"),
            SessionCase(
                ["SET sql_mode='ANSI'; SET @a=5, foreign_key_checks=0; SELECT 1", "DO 1"],
                asks: "SELECT @@sql_mode, @a, @@foreign_key_checks"),
            SessionCase(
                ["SET @a=5; SET @a=6; SELECT 1", "SET NAMES latin1; SET time_zone='+01:00'; DO 1"],
                asks: "SELECT @a, @@character_set_client, @@time_zone"),
            SessionCase(["LOCK TABLES lk WRITE", "BEGIN", "COMMIT"], asks: "SELECT 1"),
            SessionCase(["LOCK TABLES lk WRITE", "START TRANSACTION READ ONLY", "ROLLBACK"], asks: "SELECT 1"),
            SessionCase(["LOCK TABLES lk WRITE; BEGIN; COMMIT"], asks: "SELECT 1"),
        ]

        /// What has changed something that nobody can bring back, and says so.
        static let losses: [SessionCase] = [
            SessionCase(["INSERT INTO u VALUES (1) RETURNING a"], asks: "SELECT 1"),
            SessionCase(["LOCK TABLES lk READ", "COMMIT"], asks: "SELECT 1"),
            SessionCase(["FLUSH TABLES WITH READ LOCK"], asks: "SELECT 1", user: SessionCase.root),
        ]

        @Test(
            "a session that has written, or set what is reported under another name, is what it was",
            arguments: [[], ["--log-bin=bin"]])
        func moved(options: [String]) throws {
            try SessionCase.move(Self.cases, options: options, prepare: Self.prepare)
        }

        @Test("what can't be brought back is told, also where a write hides it")
        func lost() throws {
            for one in Self.losses {
                try Stage.run(options: ["--log-bin=bin"]) { stage in
                    let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                    for text in Self.prepare { try root.query(text) }
                    root.close()
                    let session = try one.login(stage.proxy.port)
                    #expect(one.run(session))
                    try stage.failOver()
                    #expect(clientError { try session.query("SELECT 1") }?.sqlState == "08S02", "\(one.name)")
                    #expect(try session.query("SELECT 1").first == "1")
                }
            }
        }

        @Test("what is asked behind a SET leaves behind what the SET left")
        func leftovers() throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot(schema: EmbeddedPair.schema)
            try root.query("CREATE OR REPLACE TABLE leftovers (a INT AUTO_INCREMENT PRIMARY KEY)")
            for script in [
                ["SELECT 1 UNION SELECT 2", "SET foreign_key_checks=0"], ["SET @@innodb_strict_mode=0"],
                ["SET group_concat_max_len=1"], ["SET sql_notes=0"], ["SET @@sql_mode='ANSI'"],
                ["INSERT INTO leftovers VALUES (), ()", "SET @@unique_checks=0"], ["SET @@max_sort_length=1"],
                ["INSERT INTO leftovers VALUES (), (); SET @@unique_checks=0"],
                ["SET @@unique_checks=0; INSERT INTO leftovers VALUES (), ()"],
            ] {
                for question in ["SHOW WARNINGS", "SELECT FOUND_ROWS(), ROW_COUNT(), @@warning_count"] {
                    var answers: [[[String?]]] = []
                    for port in [pair.primary.port, try SharedProxy.get().port] {
                        let session = try SessionCase(script, asks: question).login(port)
                        try session.query("SELECT 1")
                        for text in script { try session.results(of: text) }
                        answers.append(try session.query(question).rows)
                        #expect(try session.query("SELECT @@default_master_connection").first == "")
                    }
                    #expect(answers[0] == answers[1], "\(script) \(question)")
                }
            }
        }
    }
}
