import Foundation
import Routing
import Testbed
import Testing

extension Integration {
    /// A SET that says a value outright has said all: no question is asked, and a move at once finds it known.
    @Suite(.serialized)
    struct SaidValueTests {
        /// A session variable as the server describes it.
        private struct Variable {
            let name: String
            let type: String
            let range: (least: String, most: String)?
            let words: [String]
            let present: String

            /// Texts for its right side: in its range, at its borders, outside of it, by word and by number, and nonsense.
            var literals: [String] {
                var literals = [
                    "0", "1", "3", "-1", "1.5", "ON", "FALSE", "'off'", "''", "' '", "'x y'", "NULL", "latin1",
                    "18446744073709551616", "'\(present)'",
                ]
                if let range {
                    literals += [range.least, range.most, "8192", "65536", "100001"]
                    if let least = Int64(range.least), least < .max { literals += ["\(least + 1)"] }
                    if let most = UInt64(range.most), most > 0 { literals += ["\(most - 1)"] }
                }
                for (i, word) in words.enumerated() { literals += ["'\(word)'", "\(i)", "\"\(word.lowercased())\""] }
                if let first = words.first, let last = words.last {
                    literals += [
                        first.allSatisfy { $0.isLetter || $0 == "_" } ? first : "'\(first)'", "'\(first),\(last)'",
                        "'\(last),\(first)'", "',\(first)'", "'\(first)=on'", "'\(first)=off,\(last)=default'", "ALL",
                        "\(1 << min(words.count, 62))", "' \(first)'",
                    ]
                }
                return literals
            }
        }

        private static func variables(_ root: Client) throws -> [Variable] {
            try root.query(
                """
                SELECT LOWER(variable_name), variable_type, numeric_min_value, numeric_max_value, enum_value_list,
                    session_value
                FROM information_schema.system_variables WHERE variable_scope LIKE 'SESSION%' AND read_only = 'NO'
                """
            ).rows.compactMap { row in
                guard let name = row[0], let type = row[1] else { return nil }
                let range = row[2].flatMap { least in row[3].map { (least, $0) } }
                return Variable(
                    name: name, type: type, range: range,
                    words: row[4].map { $0.split(separator: ",").map(String.init) } ?? [], present: row[5] ?? "")
            }
        }

        private static let ofTheMoment =
            "'TIMESTAMP','RAND_SEED1','RAND_SEED2','LAST_GTID','ERROR_COUNT','WARNING_COUNT','IN_TRANSACTION',"
            + "'PSEUDO_THREAD_ID','GTID_BINLOG_POS','GTID_CURRENT_POS','GTID_BINLOG_STATE'"

        /// What the session has; where a variable forbids to look at them all, this one.
        private static func signature(_ session: Client, _ name: String) -> [String] {
            Moved.values(session, "SELECT @@session.\(name)")
                + Moved.values(
                    session,
                    """
                    SELECT variable_name, variable_value FROM information_schema.session_variables
                    WHERE variable_name NOT IN (\(ofTheMoment))
                    """)
        }

        /// The texts that rebuild a session that did no more than this; nil where the server would have to be asked.
        private static func restoration(_ text: String) -> [String]? {
            let facts = Array(text.utf8).withUnsafeBytes {
                StatementClassifier.classify($0, dialect: Dialect(status: 2))
            }
            var journal = SessionJournal()
            journal.apply(facts.change ?? .none, isWarned: false)
            guard !journal.asks, journal.isMovable else { return nil }
            return journal.restoration().flatMap(\.texts).map { String(decoding: $0, as: UTF8.self) }
        }

        @Test("every variable, set to a literal that the server takes without a warning, has it where it is said again")
        func everyVariable() throws {
            let pair = try SharedPair.get()
            func login() throws -> Client { try Client(port: pair.primary.port, user: "root") }
            let variables = try Self.variables(login())
            #expect(variables.count > 150)
            var said: Set<String> = []
            for variable in variables {
                for literal in Set(variable.literals) {
                    let text = "SET \(variable.name)=\(literal)"
                    // Nothing is claimed of it.
                    guard let texts = Self.restoration(text), texts.contains(where: { $0.contains(variable.name) })
                    else {
                        continue
                    }
                    let one = try login()
                    defer { one.close() }
                    guard clientError({ try one.query(text) }) == nil, one.warningCount == 0 else { continue }
                    said.insert(variable.name)
                    let other = try login()
                    defer { other.close() }
                    let refused = clientError { for text in texts { try other.query(text) } }
                    #expect(refused == nil, "\(text): \(texts)")
                    let differences = Set(Self.signature(one, variable.name))
                        .symmetricDifference(Self.signature(other, variable.name))
                    #expect(differences.isEmpty, "\(text): \(texts)")
                }
            }
            #expect(said.count > 100, "\(said.count)")
        }

        /// What a session says, and leaves in its variables.
        private static let scripts: [[String]] = [
            ["SELECT 1; SET @@sql_warnings=0, @@histogram_size=100; SELECT 2"],
            ["SELECT 1; SET LOCAL tmp_table_size = 65536; SELECT 2"], ["SET tmp_table_size=99999"],
            ["SET @@histogram_size=@@histogram_size-1; SELECT 5"],
            ["SELECT 1; SET pseudo_slave_mode=0; SELECT 2"],
            ["SET pseudo_slave_mode=0, sql_buffer_result=1, auto_increment_offset=2, histogram_size=100"],
            ["DO 1; SET last_insert_id=78; SELECT 2"], ["SET collation_server=latin1_bin; SELECT 1"],
            ["SELECT 1; SET max_sort_length=100; SELECT * FROM nowhere"],
            ["SELECT 1; SET max_sort_length=@@max_sort_length-1; SELECT * FROM nowhere"],
            ["SET max_error_count=0; SELECT CAST('x' AS SIGNED)"], ["SET max_join_size=5000000; DO 1"],
            ["SET log_slow_filter='admin'", "SET log_queries_not_using_indexes=1"],
            ["SET log_slow_slave_statements=0", "SET log_slow_disabled_statements=''"],
            ["SET tmp_table_size=65536", "SET tmp_memory_table_size=131072"],
            ["SET collation_server=latin1_bin", "SET character_set_server=utf8mb4"],
            ["SET time_zone='+05:00'", "SET system_versioning_asof='2020-01-01 00:00:00'"],
            ["SET system_versioning_asof='2020-01-01 00:00:00'", "SET time_zone='+05:00'"],
            ["PREPARE p FROM 'SET tmp_disk_table_size=1234567'", "EXECUTE p"],
        ]

        @Test("a move right behind a SET finds its value, and what the SET has left is still there")
        func moved() throws {
            try Moved.rightBehind(Self.scripts, show: Self.everything)
        }

        private static let everything =
            """
            SELECT variable_name, variable_value FROM information_schema.session_variables
            WHERE variable_name NOT IN (\(ofTheMoment),'SESSION_TRACK_SYSTEM_VARIABLES','SESSION_TRACK_SCHEMA',
                'SESSION_TRACK_STATE_CHANGE','SERVER_ID','PORT','SOCKET','PID_FILE','HOSTNAME','SERVER_UID',
                'GENERAL_LOG_FILE','SLOW_QUERY_LOG_FILE','LOG_SLOW_QUERY_FILE','LOG_BASENAME','FEEDBACK_SERVER_UID',
                'REPORT_PORT','LOG_BIN_BASENAME','LOG_BIN_INDEX','RELAY_LOG')
            """

        @Test("a value that is said outright takes no question")
        func questions() throws {
            let proxy = try SharedProxy.get()
            let session = try proxy.connect()
            defer { session.close() }
            let count =
                "SELECT variable_value FROM information_schema.session_status WHERE variable_name='COM_SET_OPTION'"
            let before = Int(try session.query(count).first ?? "") ?? -1
            let texts = [
                "SET sort_buffer_size=262144", "SET histogram_size=100, max_sort_length=64", "SET sql_notes=1",
                "SET use_stat_tables='never'", "SET tmp_disk_table_size=1234567", "SET last_insert_id=5",
                "SET default_tmp_storage_engine=MyISAM",
            ]
            for text in texts { try session.query(text) }
            #expect(Int(try session.query(count).first ?? "") == before + texts.count)
        }
    }
}
