/// Parts that set what the server calls a variable.
extension FidelityWriter {
    /// Session variables with values that differ from what they are.
    static let settings: [(String, [String])] = [
        (
            "sql_mode",
            [
                "''", "'ANSI'", "'ANSI_QUOTES'", "'NO_BACKSLASH_ESCAPES'", "'PIPES_AS_CONCAT,STRICT_ALL_TABLES'",
                "'ORACLE'", "'TRADITIONAL'", "0", "DEFAULT",
            ]
        ),
        ("time_zone", ["'+03:00'", "'-05:30'", "'SYSTEM'", "DEFAULT"]),
        ("autocommit", ["0", "1", "OFF", "ON", "DEFAULT"]),
        ("foreign_key_checks", ["0", "1", "OFF"]), ("unique_checks", ["0", "1"]), ("sql_notes", ["0", "1"]),
        ("sql_warnings", ["1", "0"]), ("sql_safe_updates", ["1", "0"]), ("sql_auto_is_null", ["1", "0"]),
        ("sql_big_selects", ["1", "0"]), ("sql_buffer_result", ["1", "0"]), ("sql_quote_show_create", ["0", "1"]),
        ("check_constraint_checks", ["0", "1"]), ("query_cache_strip_comments", ["1", "0"]),
        ("low_priority_updates", ["1", "0"]), ("big_tables", ["1", "0"]), ("completion_type", ["0", "DEFAULT"]),
        ("sql_select_limit", ["2", "100", "DEFAULT"]), ("group_concat_max_len", ["8", "5000", "DEFAULT"]),
        ("max_sort_length", ["512", "DEFAULT"]), ("div_precision_increment", ["7", "0"]),
        ("default_week_format", ["3"]), ("lc_time_names", ["'de_DE'", "'fr_FR'", "DEFAULT"]),
        ("lc_messages", ["'en_US'"]), ("tx_isolation", ["'READ-COMMITTED'", "'SERIALIZABLE'", "DEFAULT"]),
        ("tx_read_only", ["1", "0"]), ("timestamp", ["1000000000", "1200000000.5", "DEFAULT", "0"]),
        ("last_insert_id", ["77", "0"]), ("identity", ["78"]), ("character_set_client", ["latin1", "utf8mb4"]),
        ("character_set_results", ["NULL", "latin1", "utf8mb4", "binary"]),
        ("character_set_connection", ["latin1", "utf8mb3"]), ("collation_connection", ["utf8mb4_bin", "latin1_bin"]),
        ("collation_database", ["latin1_bin", "DEFAULT"]), ("character_set_database", ["latin1"]),
        ("default_storage_engine", ["'MyISAM'", "'Aria'", "DEFAULT"]), ("default_tmp_storage_engine", ["'MyISAM'"]),
        ("innodb_lock_wait_timeout", ["7"]), ("lock_wait_timeout", ["8"]), ("max_statement_time", ["30", "0", "12.5"]),
        ("net_write_timeout", ["61"]), ("net_read_timeout", ["31"]), ("wait_timeout", ["3000"]),
        ("interactive_timeout", ["3001"]), ("idle_transaction_timeout", ["3000"]),
        ("optimizer_switch", ["'index_merge=off'", "'mrr=on,derived_merge=off'", "DEFAULT"]),
        ("optimizer_search_depth", ["5"]), ("max_error_count", ["3", "DEFAULT"]), ("sort_buffer_size", ["262144"]),
        ("join_buffer_size", ["131072"]), ("tmp_table_size", ["65536"]), ("max_heap_table_size", ["65536"]),
        ("old_mode", ["'NO_PROGRESS_INFO'", "''"]), ("default_regex_flags", ["'DOTALL'"]),
        ("updatable_views_with_limit", ["0"]), ("system_versioning_asof", ["'2020-01-01 00:00:00'", "DEFAULT"]),
        ("histogram_size", ["100"]),  // (Under any other than 1 InnoDB's counter is another after a restart.)
        ("auto_increment_increment", ["1", "DEFAULT"]),
        ("auto_increment_offset", ["2", "1"]), ("query_cache_type", ["DEFAULT"]), ("profiling", ["1", "0"]),
        ("alter_algorithm", ["'COPY'", "DEFAULT"]), ("old", ["0"]), ("max_recursive_iterations", ["50"]),
        ("eq_range_index_dive_limit", ["11"]), ("note_verbosity", ["'basic'"]), ("sql_if_exists", ["1", "0"]),
        ("column_compression_threshold", ["101"]), ("standard_compliant_cte", ["0", "1"]),
        ("explicit_defaults_for_timestamp", ["0", "1"]), ("min_examined_row_limit", ["9"]),
        ("analyze_sample_percentage", ["50"]), ("use_stat_tables", ["'NEVER'"]), ("slow_query_log", ["0"]),
        ("long_query_time", ["3.25"]), ("log_slow_verbosity", ["'query_plan'"]),
        ("transaction_prealloc_size", ["8192"]),
        ("character_set_filesystem", ["latin1"]),
        ("collation_server", ["utf8mb4_bin", "latin1_swedish_ci", "DEFAULT"]),
        ("rand_seed1", ["7"]), ("insert_id", ["900"]), ("pseudo_slave_mode", ["0"]),
    ]

    /// A variable's name and one of its values.
    ///
    /// - Parameter isShown: what the server says of its value is looked at, or kept: the clock, and the seed that a
    ///   connection gets, are others on each side.
    mutating func setting(isShown: Bool = false) -> (String, String) {
        while true {
            let (name, values) = pick(Self.settings)
            if isShown, name == "timestamp" || name == "rand_seed1" { continue }
            // Used up by a statement that nobody sees (with @@ and no scope the next transaction's); what is left of
            // autocommit=0 is an open transaction.
            let lossy = ["rand_seed1", "insert_id", "autocommit", "profiling", "tx_isolation", "tx_read_only"]
            if isRestorable, lossy.contains(name) { continue }
            return (name, pick(values))
        }
    }

    static let settingParts: [Part] = [
        Part("set.value", 14, restorable: true) { writer in
            let (name, value) = writer.setting()
            let scope = writer.pick(["", "SESSION ", "LOCAL ", "@@", "@@session.", "@@local.", "/**/session\n\t"])
            writer.say("SET \(scope)\(name) \(writer.pick(["=", ":=", "= "]))\(value)")
        },
        Part("set.several", 6, restorable: true) { writer in
            let assignments = (0..<(2 + writer.below(3))).map { _ -> String in
                let (name, value) = writer.setting()
                return writer.pick(["", "@@", "SESSION "]) + "\(name)=\(value)"
            }
            writer.say("SET \(assignments.joined(separator: ", "))")
        },
        Part("set.value of user variable") { writer in
            let (name, value) = writer.setting()
            guard value != "DEFAULT", !value.contains("_"), value != "latin1" else { return }
            writer.query("SET @val = \(value)")
            writer.say("SET \(name) = @val")
        },
        Part("set.old value", 5, restorable: true) { writer in
            let (name, value) = writer.setting(isShown: true)
            writer.query("SET @old = @@\(name), \(name) = \(value)")
            if writer.chance(2) { writer.query("SELECT @@\(name)") }
            if writer.chance(2) { writer.query("SET \(name) = @old") }
        },
        Part("set.old value in comments", 2, restorable: true) { writer in
            let (name, value) = writer.setting(isShown: true)
            writer.query("/*!40101 SET @OLD_X=@@\(name) */")
            writer.query("/*!40101 SET \(name)=\(value) */")
            if writer.chance(2) { writer.query("/*!40101 SET \(name)=@OLD_X */") }
        },
        Part("set.expression", 5) { writer in
            let (name, value) = writer.setting()
            guard value != "DEFAULT" else { return }
            writer.say(
                "SET \(name) = "
                    + writer.pick(["(SELECT \(value))", "IF(1, \(value), \(value))", "COALESCE(NULL, \(value))"]))
        },
        Part("set.of others", 3) { writer in
            writer.say(
                writer.pick([
                    "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')", "SET sql_mode = @@global.sql_mode",
                    "SET group_concat_max_len = @@max_sort_length + 10", "SET @@tx_isolation = @@global.tx_isolation",
                    "SET sql_mode = (SELECT @@global.sql_mode)", "SET time_zone = CONCAT('+0', 2, ':00')",
                    "SET optimizer_switch = REPLACE('index_merge=on', 'on', 'off')",
                ]))
        },
        Part("set.for a statement", 3, restorable: true) { writer in
            let (name, value) = writer.setting(isShown: true)
            writer.query("SET STATEMENT \(name)=\(value) FOR SELECT @@\(name)")
        },
        Part("set.for a statement that sets", 2) { writer in
            let (name, value) = writer.setting()
            let (other, to) = writer.setting()
            writer.query("SET STATEMENT \(name)=\(value) FOR SET \(other)=\(to)")
        },
        Part("set.prepared with a parameter", 5) { writer in
            let (name, value) = writer.setting()
            let plain = value.filter { $0 != "'" }
            let slot = writer.newSlot(parameters: -1)
            writer.add(.prepare(slot, Array("SET \(name) = ?".utf8)))
            let parameter: FidelityValue = Int64(plain).map { .int($0) } ?? .text(Array(plain.utf8))
            writer.add(.execute(slot, [parameter], cursor: false))
        },
        Part("set.fails midway", 4) { writer in
            let (name, value) = writer.setting()
            writer.say(
                writer.pick([
                    "SET \(name)=\(value), nosuch=1", "SET \(name)=\(value), @a=(SELECT 1 UNION SELECT 2)",
                    "SET @a=5, \(name)=\(value), @b=(SELECT 1 UNION SELECT 2)", "SET \(name)=\(value), time_zone='x'",
                ]))
        },
        Part("set.names", 5, restorable: true) { writer in
            writer.say(
                writer.pick([
                    "SET NAMES latin1", "SET NAMES utf8mb4", "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
                    "SET NAMES utf8mb3",
                    "SET NAMES gbk", "SET NAMES sjis", "SET NAMES DEFAULT", "SET NAMES binary",
                    "SET NAMES 'latin1' COLLATE 'latin1_german2_ci'",
                ]))
        },
        // (Values that were said under it are kept, but under another one later they are lost.)
        Part("set.character set", 3) { writer in
            writer.say(
                writer.pick([
                    "SET CHARACTER SET latin1", "SET CHARACTER SET utf8mb4", "SET CHARSET latin2",
                    "SET CHARACTER SET DEFAULT",
                ]))
        },
        Part("set.transaction", 4, restorable: true) { writer in
            writer.say(
                writer.pick([
                    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
                    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE",
                    "SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE",
                ]))
        },
        Part("set.next transaction", 3) { writer in
            writer.say(
                writer.pick([
                    "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", "SET TRANSACTION READ ONLY",
                    "SET @@tx_isolation='SERIALIZABLE'", "SET @@tx_read_only=1",
                ]))
            if writer.chance(2) {
                writer.query("INSERT INTO f{s}a.t (v) VALUES ('after set transaction')")
            }
        },
        Part("set.role", 3, restorable: true) { writer in
            writer.say(writer.pick(["SET ROLE fid_role", "SET ROLE NONE", "SET ROLE 'fid_role'", "SET ROLE fid_role"]))
        },
        Part("set.in a procedure", 3) { writer in
            writer.say(
                writer.pick([
                    "CALL f{s}a.p_setting()", "CALL f{s}a.p_setting_fails()", "CALL f{s}a.p_autocommit()",
                    "CALL f{s}a.p_one_shot()",
                ]))
        },
        Part("schema.use", 9, restorable: true) { writer in
            let schema = writer.pick(["f{s}a", "f{s}b", "f{s}b", "information_schema"])
            if writer.chance(3) {
                writer.add(.useSchema(Array(schema.utf8)))
            } else {
                writer.query(writer.pick(["USE \(schema)", "use `\(schema)`", "/* x */ USE \(schema)"]))
            }
        },
        Part("schema.use otherwise", 2) { writer in
            writer.query(
                writer.pick([
                    "USE nowhere", "SELECT 1; USE f{s}b", "USE f{s}b; SELECT * FROM nowhere",
                    "EXECUTE IMMEDIATE 'USE f{s}b'",
                ]))
        },
        Part("clock.in an insert", 2) { writer in
            writer.query("SET timestamp=1000000000")
            if writer.chance(2) { writer.query("SET timestamp=DEFAULT") }
            writer.query("INSERT INTO f{s}a.t (v) VALUES ('x')")
            writer.query("SELECT NOW() < '2010-01-01'")
        },
    ]
}
