import Testbed
import Testing

extension Integration {
    /// Every variable that a session may set, set to whatever the server takes, by an account with all rights and one with
    /// few: after a move all of a session's variables are what they are on a direct connection.
    @Suite(.serialized)
    struct VariableTests {
        /// Facts of the server or the moment, and what our own tracking sets.
        private static let ofTheMoment =
            "'TIMESTAMP','RAND_SEED1','RAND_SEED2','LAST_GTID','ERROR_COUNT','WARNING_COUNT','IN_TRANSACTION',"
            + "'PSEUDO_THREAD_ID','SESSION_TRACK_SYSTEM_VARIABLES','SESSION_TRACK_SCHEMA','SESSION_TRACK_STATE_CHANGE',"
            + "'INSERT_ID','HOSTNAME','PORT','REPORT_PORT','SOCKET','PID_FILE','SERVER_ID','SERVER_UID','LOG_BIN_INDEX',"
            + "'LOG_BIN_BASENAME','LOG_BASENAME','GENERAL_LOG_FILE','SLOW_QUERY_LOG_FILE','LOG_SLOW_QUERY_FILE',"
            + "'RELAY_LOG','GTID_BINLOG_POS','GTID_CURRENT_POS','GTID_BINLOG_STATE','FEEDBACK_SERVER_UID'"

        private static let everything =
            """
            SELECT VARIABLE_NAME, VARIABLE_VALUE FROM information_schema.SESSION_VARIABLES
            WHERE VARIABLE_NAME NOT IN (\(ofTheMoment)) ORDER BY 1
            """

        /// Values that can't be guessed from a variable's present one.
        private static let special: [String: [String]] = [
            "sql_mode": ["'ANSI'", "''", "'TRADITIONAL,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'"],
            "time_zone": ["'+03:00'"], "lc_time_names": ["'de_DE'"], "lc_messages": ["'de_DE'"],
            "character_set_results": ["NULL", "latin1"], "character_set_client": ["latin1"],
            "character_set_connection": ["latin1"], "character_set_server": ["latin1"],
            "character_set_database": ["latin1"], "character_set_filesystem": ["latin1"],
            "collation_connection": ["latin1_bin"], "collation_server": ["latin1_bin"],
            "collation_database": ["latin1_bin"], "default_storage_engine": ["MyISAM"],
            "default_tmp_storage_engine": ["MyISAM", "NULL"], "enforce_storage_engine": ["InnoDB", "NULL"],
            "optimizer_switch": ["'mrr=on'"], "old_mode": ["'NO_PROGRESS_INFO'", "''"],
            "tx_isolation": ["'SERIALIZABLE'", "'READ-COMMITTED'"], "transaction_isolation": ["'SERIALIZABLE'"],
            "default_master_connection": ["'xx'", "'5'"], "innodb_tmpdir": ["NULL"],
            "system_versioning_asof": ["'2020-01-01 00:00:00'"], "last_insert_id": ["9", "9 + 1"],
            "identity": ["8"], "pseudo_thread_id": ["77777"],
            // Ends the session, or is used up by the next statement.
            "max_session_mem_used": [], "completion_type": [], "debug_sync": [], "insert_id": [], "gtid_seq_no": [],
            "rand_seed1": [], "rand_seed2": [], "timestamp": ["1e9", "1000000000.5", "0"],
        ]

        private static func values(_ name: String, _ present: String) -> [String] {
            if let values = special[name] { return values.isEmpty ? [] : values + ["DEFAULT"] }
            if name.hasPrefix("session_track_") && name != "session_track_transaction_info" { return [] }
            switch present {
            case "ON", "OFF": return ["0", "1", "DEFAULT"]
            case _:
                if let number = Double(present), number < 1e15 {
                    return ["\(Int(number) + 1)", "\(Int(number) * 2 + 8)", "DEFAULT"]
                }
                return ["'\(present)'", "1", "''", "DEFAULT"]
            }
        }

        @Test("every variable is after a move what it was", arguments: ["SET SESSION ", "SET @@"])
        func all(form: String) throws {
            let server = try SharedPair.get().asRoot()
            let variables = try server.query(
                """
                SELECT LOWER(VARIABLE_NAME), SESSION_VALUE FROM information_schema.SYSTEM_VARIABLES
                WHERE VARIABLE_SCOPE LIKE 'SESSION%' AND READ_ONLY = 'NO' ORDER BY 1
                """)
            var cases: [SessionCase] = []
            for row in variables.rows {
                guard let name = row[0] else { continue }
                // Meant for the next transaction.
                if form == "SET @@", name.hasPrefix("tx_") || name.hasPrefix("transaction_") { continue }
                for value in Self.values(name, row[1] ?? "") {
                    for user in [EmbeddedPair.application, SessionCase.root] {
                        cases.append(
                            SessionCase(
                                [form + name + "=" + value], asks: Self.everything,
                                "SELECT DATABASE(), LAST_INSERT_ID(), @@timestamp = 1e9, @@timestamp < 1e9 + 1",
                                user: user))
                    }
                }
            }
            // Allowed with the value DEFAULT only, and then it is not the connection's own number.
            try SessionCase.move(cases, options: ["--log-bin=bin", "--max-connections=4000"]) {
                $0.name.contains("pseudo_thread_id=DEFAULT")
            }
        }
    }
}
