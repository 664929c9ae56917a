import MySQLWire
import Routing
import Testbed
import Testing

/// A login of its own, without a client library: statements in, the server's own reports into a journal.
private final class TrackedSession {
    static let capabilities: Capabilities = [
        .longPassword, .longFlag, .connectWithDB, .protocol41, .transactions, .secureConnection, .pluginAuth,
        .multiResults, .sessionTrack, .deprecateEOF,
    ]

    private let connection: RawConnection
    var journal: SessionJournal
    private var status: StatusFlags = []
    private var carried: [UInt8] = []

    /// `restores`: the login is one to rebuild that journal's session on, and has no schema yet.
    init(port: UInt16, journal: SessionJournal, restores: Bool = false) throws {
        self.journal = journal
        connection = try RawConnection(port: port)
        guard connection.receivePacket() != nil else { throw TestbedFailure("no greeting") }
        let flags = UInt32(truncatingIfNeeded: Self.capabilities.rawValue)
        var response = withUnsafeBytes(of: flags.littleEndian) { Array($0) } + [0, 0, 0, 1, 45]
        response += [UInt8](repeating: 0, count: 23) + Array("root".utf8) + [0, 0]
        response += (restores ? [] : journal.database ?? []) + [0] + Array("mysql_native_password".utf8) + [0]
        connection.sendPacket(response, sequence: 1)
        guard connection.receivePacket()?.payload.first == 0 else { throw TestbedFailure("the login was refused") }
        try run(SessionJournal.trackingText)
    }

    private func ask(_ question: SessionJournal.Question) throws {
        let before = journal
        let rows = try run(question.text)
        let reported = carried
        switch question.answer {
        case .reports: break
        case .values(let names):
            journal = before
            journal.answered(reported, about: names)
        case .insertID:
            journal = before
            journal.answeredInsertID(reported)
        case .tracking:
            journal = before
            journal.answeredTracking(reported)
        case .triggers:
            journal = before
            journal.answeredTriggers(reported)
        case .role:
            journal = before
            journal.answeredRole(reported)
        case .userVariable(let variable):
            journal = before
            if let row = rows.last { journal.answered(row: row, about: variable) }
        // Its one row is for whoever has asked what the login has.
        case .login, .none: journal = before
        }
    }

    /// Runs a statement; an error is thrown with its text. Returns the rows as they came.
    @discardableResult
    func run(_ text: [UInt8], change: SessionChangeKind? = .systemVariables) throws -> [[UInt8]] {
        connection.sendPacket([Command.query.rawValue] + text, sequence: 0)
        var packets: [[UInt8]] = []
        while let packet = connection.receivePacket()?.payload {
            let isError = packet.first == 0xff
            if isError {
                throw TestbedFailure(
                    "\(String(decoding: text, as: UTF8.self)): \(String(decoding: packet, as: UTF8.self))")
            }
            guard packets.isEmpty ? packet.first == 0 : packet.first == 0xfe else {
                packets.append(packet)
                continue
            }
            let ok = try packet.withUnsafeBytes { try OKPacket(payload: $0, capabilities: Self.capabilities) }
            if status.symmetricDifference(ok.status).contains(.autocommit), !status.isEmpty {
                journal.autocommit = ok.status.contains(.autocommit)
            }
            status = ok.status
            journal.apply(change ?? .none, isWarned: ok.warnings != 0)
            if ok.lastInsertID != 0 { journal.lastInsertID = ok.lastInsertID }
            for fact in ok.changes {
                switch fact {
                case .systemVariable(let name, let value):
                    if name == SessionJournal.carrier { carried = value }
                    journal.systemVariable(name: name, value: value)
                case .schema(let name): journal.schema(name)
                case .stateChanged(let changed): if changed { journal.stateChanged() }
                case .gtids, .transactionCharacteristics, .transactionState, .userVariable, .unknown: break
                }
            }
            return packets
        }
        throw TestbedFailure("\(String(decoding: text, as: UTF8.self)): the server closed")
    }

    /// Runs a client's statement as the proxy would, with tracking set again where the client changed it.
    func statement(_ text: String) throws {
        let dialect = Dialect(status: status.rawValue)
        let facts = Array(text.utf8).withUnsafeBytes { StatementClassifier.classify($0, dialect: dialect) }
        try run(Array(text.utf8), change: facts.change)
        if journal.asks {
            for question in journal.questions() { try ask(question) }
            journal.questionsAnswered()
        }
    }

    /// Rebuilds the session that `journal` tells of.
    func restore(_ journal: SessionJournal) throws {
        for text in journal.restoration(isAutocommit: true).flatMap(\.texts) { try run(text) }
    }

    /// Everything that can be asked of a session.
    func signature() throws -> [[UInt8]] {
        let own =
            "'PSEUDO_THREAD_ID','TIMESTAMP','RAND_SEED1','RAND_SEED2','LAST_GTID','ERROR_COUNT','WARNING_COUNT',"
            + "'IN_TRANSACTION'"
        return try run(
            Array(
                """
                SELECT VARIABLE_NAME, VARIABLE_VALUE FROM information_schema.SESSION_VARIABLES
                WHERE VARIABLE_NAME NOT IN (\(own)) ORDER BY 1
                """.utf8))
            + run(
                Array(
                    """
                    SELECT DATABASE(), CURRENT_ROLE(), LAST_INSERT_ID(), @a, @b, @c, COLLATION(@b), COLLATION('x'),
                    @@collation_connection, @@timestamp = ROUND(@@timestamp)
                    """.utf8))
    }
}

extension Integration {
    @Suite(.serialized)
    struct RestorationTests {
        static let scripts: [[String]] = [
            ["SET NAMES latin1"],
            ["SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET @b='x'"],
            ["SET CHARACTER SET latin1", "USE mysql"],
            ["SET collation_connection=latin1_bin", "SET character_set_results=NULL"],
            ["SET sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", "SET @b='a\\'", "SET @a=5, @c=@a", "SET @c=@a+1"],
            ["SET autocommit=0", "SET time_zone='+02:00', lc_time_names='de_DE'"],
            ["SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY"],
            ["SET tx_isolation='SERIALIZABLE'", "SET tx_read_only=0"],
            [
                "SET sql_select_limit=500", "SET max_statement_time=100.5",
                "SET foreign_key_checks=0, wait_timeout=1000",
            ],
            ["SET sql_select_limit=400", "SET sql_select_limit=DEFAULT"],
            ["SET timestamp=1234567.5", "SET default_storage_engine=MyISAM", "SET optimizer_switch='mrr=on'"],
            ["SET timestamp=1234567", "SET timestamp=DEFAULT"],
            ["SET default_tmp_storage_engine=NULL, innodb_tmpdir=NULL, default_master_connection='5'"],
            ["SET STATEMENT sort_buffer_size=500000 FOR DO 1"],
            ["SET @@sort_buffer_size=500000", "SET @@session.join_buffer_size=400000"],
            ["SET session_track_system_variables='autocommit', sql_mode='ANSI', div_precision_increment=7"],
            ["SET session_track_state_change=0", "SET @a=1", "SET time_zone='+03:00'"],
            ["SET ROLE restoration_role", "USE mysql"],
            [
                "CREATE OR REPLACE TABLE restoration (i INT AUTO_INCREMENT PRIMARY KEY)",
                "INSERT INTO restoration VALUES ()",
            ],
            ["SET last_insert_id=77"],
            ["SET lc_messages='de_DE', old_passwords=1, profiling=1, sql_log_bin=0, low_priority_updates=1"],
            ["SET @sql='SELECT 1'", "PREPARE p FROM @sql", "PREPARE `p q` FROM 'SELECT ?'"],
        ]

        @Test("what the journal noted makes a fresh login the same session", arguments: scripts)
        func restoration(_ script: [String]) throws {
            let pair = try SharedPair.get()
            try pair.asRoot().query("CREATE ROLE IF NOT EXISTS restoration_role")
            let first = try TrackedSession(
                port: pair.primary.port, journal: SessionJournal(database: Array(EmbeddedPair.schema.utf8)))
            for text in script { try first.statement(text) }
            #expect(first.journal.losses == [])
            let expected = try first.signature()

            let second = try TrackedSession(port: pair.primary.port, journal: first.journal, restores: true)
            try second.restore(first.journal)
            let restored = try second.signature()
            #expect(restored.count == expected.count)
            for (one, other) in zip(restored, expected) where one != other {
                Issue.record("\(String(decoding: one, as: UTF8.self)) was \(String(decoding: other, as: UTF8.self))")
            }
        }

        @Test("prepared names execute, and one-shot characteristics are for the next transaction")
        func namesAndCharacteristics() throws {
            let pair = try SharedPair.get()
            try pair.asRoot().query("CREATE OR REPLACE TABLE app.restoration_once (i INT)")
            let first = try TrackedSession(
                port: pair.primary.port, journal: SessionJournal(database: Array(EmbeddedPair.schema.utf8)))
            for text in ["SET sql_mode='ANSI_QUOTES'", "PREPARE p FROM 'SELECT 41 + 1'", "SET @@tx_read_only=1"] {
                try first.statement(text)
            }
            let second = try TrackedSession(port: pair.primary.port, journal: first.journal, restores: true)
            try second.restore(first.journal)
            #expect(try second.run(Array("EXECUTE p".utf8)).last == [2] + Array("42".utf8))
            #expect(throws: TestbedFailure.self) {
                try second.run(Array("INSERT INTO restoration_once VALUES (1)".utf8))
            }
        }

        @Test("what is not reported, or not explained, cannot be moved")
        func losses() throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot(schema: EmbeddedPair.schema)
            try root.query("CREATE OR REPLACE PROCEDURE restoration_quiet() SELECT 1")
            try root.query("CREATE OR REPLACE PROCEDURE restoration_loud() SET @z = 1")
            try root.query("CREATE OR REPLACE FUNCTION restoration_f() RETURNS INT BEGIN SET @z = 1; RETURN 1; END")
            let cases: [(String, Losses)] = [
                ("DO 1", []), ("SELECT 1", []), ("USE mysql", []), ("SET ROLE NONE", []),
                ("CREATE TEMPORARY TABLE x (i INT)", .temporaryTables),
                ("CREATE TEMPORARY TABLE x SELECT 1 AS i", .temporaryTables),
                ("LOCK TABLES mysql.user READ", .tableLocks), ("SELECT GET_LOCK('restoration', 0)", .userLocks),
                ("SELECT 1 INTO @x", []), ("SET @x=NOW()", []), ("SELECT NULL INTO @x", .userVariables),
                ("XA START 'x'", .xa),
                ("SET insert_id=5", .oneShotVariables), ("CALL restoration_loud()", .unknown),
                ("SELECT restoration_f()", .unknown), ("DO restoration_f()", .unknown),
            ]
            for (text, losses) in cases {
                let session = try TrackedSession(
                    port: pair.primary.port, journal: SessionJournal(database: Array(EmbeddedPair.schema.utf8)))
                try session.statement(text)
                #expect(session.journal.losses == losses, "\(text)")
            }
        }
    }
}
