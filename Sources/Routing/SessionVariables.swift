/// The system variables that need knowing. What a server says of them was tried on MariaDB 10.5, 10.11 and 11.8.
enum SessionVariables {
    /// What the server is to report by itself: what is often set, and what changes by other statements than SET. Others
    /// are asked for when a SET has named them.
    ///
    /// Not among them: `last_gtid`, which with a binary log every write reports, in answers that end in EOF as a
    /// change that nobody can tell from any other; and the variables without a place of their own in the server
    /// (``withoutPlace``), which from 11.5 on come under each other's names. From 11.5 on those that are bits of one
    /// word share one report too, under the name that stands first here: `autocommit`, which the status flags tell.
    static let tracked =
        "autocommit,auto_increment_increment,auto_increment_offset,character_set_client,character_set_connection,"
        + "character_set_filesystem,character_set_results,collation_connection,default_master_connection,"
        + "default_storage_engine,div_precision_increment,foreign_key_checks,group_concat_max_len,interactive_timeout,"
        + "lc_messages,lc_time_names,lock_wait_timeout,max_statement_time,net_read_timeout,net_write_timeout,old_mode,"
        + "optimizer_switch,sql_mode,sql_select_limit,time_zone,tx_isolation,tx_read_only,unique_checks,wait_timeout"

    static let trackedNames = Set(tracked.split(separator: ",").map { Array($0.utf8) })

    /// What a session has from its login that changes answers, data or its own end. Set by anybody, known to every
    /// version.
    static let fromLogin = names(
        "autocommit", "auto_increment_increment", "auto_increment_offset", "character_set_client",
        "character_set_connection",
        "character_set_filesystem", "character_set_results", "character_set_server", "check_constraint_checks",
        "collation_connection", "collation_server", "completion_type", "default_storage_engine",
        "default_tmp_storage_engine", "default_week_format", "div_precision_increment",
        "explicit_defaults_for_timestamp", "foreign_key_checks", "group_concat_max_len",
        "idle_readonly_transaction_timeout", "idle_transaction_timeout", "idle_write_transaction_timeout",
        "innodb_lock_wait_timeout", "innodb_strict_mode", "interactive_timeout", "lc_messages", "lc_time_names",
        "lock_wait_timeout", "low_priority_updates", "max_error_count", "max_join_size", "max_recursive_iterations",
        "max_sort_length", "max_statement_time", "net_read_timeout", "net_retry_count", "net_write_timeout",
        "old_mode", "optimizer_switch", "session_track_transaction_info", "sql_auto_is_null", "sql_big_selects",
        "sql_mode", "sql_notes", "sql_quote_show_create", "sql_safe_updates", "sql_select_limit", "sql_warnings",
        "standard_compliant_cte", "system_versioning_alter_history", "system_versioning_asof", "time_zone",
        "tx_isolation", "tx_read_only", "unique_checks", "updatable_views_with_limit", "wait_timeout")

    /// Either on or off, and set to what was said, though some releases warn that they will have it no longer: nobody has
    /// to be asked.
    static let switches = Set(
        names(
            "big_tables", "check_constraint_checks", "explicit_defaults_for_timestamp", "foreign_key_checks",
            "innodb_compression_default", "innodb_ft_enable_stopword", "innodb_strict_mode", "innodb_table_locks",
            "keep_files_on_create", "low_priority_updates", "old", "pseudo_slave_mode",
            "query_cache_strip_comments", "query_cache_wlock_invalidate", "sql_auto_is_null", "sql_big_selects",
            "sql_buffer_result", "sql_notes", "sql_quote_show_create", "sql_safe_updates", "sql_warnings",
            "standard_compliant_cte", "unique_checks"))

    /// What was said is not all that was set: one flag of several, a connection's to a replica's primary, an instant as
    /// the time zone has it, a clock that goes on.
    private static let moreThanSaid = Set(
        names(
            "optimizer_trace", "debug", "debug_dbug", "max_relay_log_size", "sql_slave_skip_counter",
            "system_versioning_asof", "timestamp"))

    /// Whether a literal (``SetStatement``) that the server takes without a warning is the value, for whoever says it again:
    /// tried with all variables of three releases. Not so, or not needed, where the server reports the value itself, and
    /// where something else is set with it.
    static func isAsSaid(_ name: [UInt8]) -> Bool {
        if switches.contains(name) || lastInsertID.contains(name) { return true }
        return !trackedNames.contains(name) && !unsettable.contains(name) && !moreThanSaid.contains(name)
            && alsoSet(by: name) == nil && whole(of: name) == nil && !ASCII.starts(name, "character_set_")
            && !ASCII.starts(name, "collation_")
    }

    /// Whether it is as said even where the server warns.
    static func isAsSaidWithWarnings(_ name: [UInt8]) -> Bool {
        switches.contains(name) || name == timestamp || nextTransaction.contains(name)
    }

    /// From 11.5 on these come under the name of that one of them which the list of the tracked has first.
    static func mayShareReport(_ name: [UInt8]) -> Bool {
        switches.contains(name) || name == autocommit
    }

    /// Tracked, and yet not asked for by being set again: from 11.5 on these are reported as `autocommit` and
    /// `character_set_connection`, and the last one sets its collation to the character set's own.
    static let neverSetAgain = Set(
        names("collation_connection", "foreign_key_checks", "unique_checks", "character_set_connection"))

    /// Anybody may set these to DEFAULT, and few to anything else (1227): so they are not said again with their value.
    static let privileged = Set(
        names(
            "binlog_annotate_row_events", "binlog_direct_non_transactional_updates", "binlog_format",
            "binlog_row_image", "enforce_storage_engine", "gtid_domain_id", "innodb_tmpdir", "log_disabled_statements",
            "server_id", "skip_parallel_replication", "skip_replication", "sql_log_bin", "sql_log_off", "wsrep_on"))

    /// A statement that writes can't even be prepared under it (1792).
    static let refusesWrites = names("tx_read_only")

    static let trackTransactions = name("session_track_transaction_info")

    static let autocommit = name("autocommit")
    static let characterSetClient = name("character_set_client")
    static let characterSetConnection = name("character_set_connection")
    static let characterSetDatabase = name("character_set_database")
    static let characterSetResults = name("character_set_results")
    static let collationConnection = name("collation_connection")
    /// Anybody may set it, it means nothing to a session that commands no replicas, and its report tells what it was
    /// set to, whatever that was computed from: it carries the answers to what we ask.
    static let carrier = name("default_master_connection")
    /// Of the carrier, in characters, on the oldest of them.
    static let carriedMax = 190
    /// Can go back to following the clock, which no text of a context says.
    static let timestamp = name("timestamp")

    /// What SET NAMES and SET CHARACTER SET set; the collation is set without a report.
    static let setByNames = [characterSetClient, characterSetConnection, characterSetResults, collationConnection]

    /// Used up by one statement.
    static let oneShot = names("insert_id", "rand_seed1", "rand_seed2", "gtid_seq_no")

    /// `SET @@x = …` sets them for the next transaction, as SET TRANSACTION does.
    static let nextTransaction = names("tx_isolation", "tx_read_only")

    static let lastInsertID = names("last_insert_id", "identity")

    /// Their reports are believed only where a statement has named them.
    static let withoutPlace = Set(names("timestamp", "pseudo_thread_id") + oneShot + lastInsertID)

    /// A text that reads this one may be said again, behind one that sets it to what it was: it can be set, and stands
    /// where it was set (no clock, no tracking of ours), and sets no other with it that may be another.
    static func isReadAgain(_ name: [UInt8]) -> Bool {
        if name == lastInsertID[0] { return true }
        return !unsettable.contains(name) && !privileged.contains(name) && !withoutPlace.contains(name)
            && name != characterSetDatabase && name != carrier && !ASCII.starts(name, "session_track_")
    }

    /// Facts of the server or the session, which nobody can set (1238, 1621).
    static let unsettable = Set(
        names(
            "last_gtid", "error_count", "warning_count", "in_transaction", "proxy_user", "external_user",
            "max_allowed_packet", "net_buffer_length", "max_user_connections"))

    /// An empty report means NULL (and some of them refuse an empty string).
    static let nullable = names(
        "character_set_results", "innodb_ft_user_stopword_table", "innodb_tmpdir", "enforce_storage_engine",
        "default_tmp_storage_engine", "s3_host_name")

    /// Strings that may look like numbers.
    static let textual = names("default_master_connection", "innodb_ft_user_stopword_table", "innodb_tmpdir")

    static let timeZone = name("time_zone")

    /// The report `DEFAULT` of this one is a word, not a string.
    static let asOf = name("system_versioning_asof")

    /// What the meaning of a text depends on.
    static let context = Set(
        names(
            "sql_mode", "character_set_client", "character_set_connection", "collation_connection", "time_zone",
            "div_precision_increment", "lc_time_names", "default_week_format", "character_set_filesystem",
            "character_set_collations", "old_mode", "sql_auto_is_null", "timestamp"))

    /// Names for one and the same variable; the second is the one to keep. (`SET SESSION TRANSACTION` reports the
    /// first.)
    private static let aliases: [[UInt8]: [UInt8]] = [
        name("transaction_isolation"): name("tx_isolation"),
        name("transaction_read_only"): name("tx_read_only"),
        name("storage_engine"): name("default_storage_engine"),
        name("identity"): name("last_insert_id"),
        name("log_slow_query"): name("slow_query_log"),
        name("log_slow_query_time"): name("long_query_time"),
        name("log_slow_min_examined_row_limit"): name("min_examined_row_limit"),
        name("sql_low_priority_updates"): name("low_priority_updates"),
        name("max_delayed_threads"): name("max_insert_delayed_threads"),
        name("tmp_memory_table_size"): name("tmp_table_size"),
        name("old_alter_table"): name("alter_algorithm"),
    ]

    static func canonical(_ name: [UInt8]) -> [UInt8] { aliases[name] ?? name }

    /// The variable of which this one shows, and sets, a part: that is the one to keep.
    static func whole(of name: [UInt8]) -> [UInt8]? {
        switch String(decoding: name, as: UTF8.self) {
        case "log_queries_not_using_indexes": Self.name("log_slow_filter")
        case "log_slow_admin_statements", "log_slow_slave_statements": Self.name("log_slow_disabled_statements")
        case "wsrep_causal_reads": Self.name("wsrep_sync_wait")
        default: nil
        }
    }

    /// What else is set with it: a character set and its collation, the limit of a join and whether it is one.
    static func alsoSet(by name: [UInt8]) -> [UInt8]? {
        switch String(decoding: name, as: UTF8.self) {
        case "character_set_connection": collationConnection
        case "character_set_server": Self.name("collation_server")
        case "character_set_database": Self.name("collation_database")
        case "collation_server": Self.name("character_set_server")
        case "collation_database": characterSetDatabase
        case "max_join_size": Self.name("sql_big_selects")
        default: nil
        }
    }

    /// Set by USE.
    static let ofSchema = names("character_set_database", "collation_database")

    static func precedes(
        _ a: (name: [UInt8], value: [UInt8]), _ b: (name: [UInt8], value: [UInt8])
    ) -> Bool {
        let (rankA, rankB) = (rank(a.name), rank(b.name))
        return rankA == rankB ? a.name.lexicographicallyPrecedes(b.name) : rankA < rankB
    }

    /// Character sets before the collations that they would undo; otherwise by name, so that a text is the same
    /// whatever the order of the reports.
    private static func rank(_ name: [UInt8]) -> Int {
        if ASCII.starts(name, "character_set_") { return 0 }
        return ASCII.starts(name, "collation_") ? 1 : 2
    }

    /// `@@session.name=value`
    static func assignment(_ name: [UInt8], _ value: [UInt8]) -> [UInt8] {
        let said: [UInt8]
        if value.isEmpty, nullable.contains(name) {
            said = Array("NULL".utf8)
        } else if name == asOf, value == Array("DEFAULT".utf8) {
            said = value
        } else {
            said = SQLText.value(value, isText: textual.contains(name))
        }
        return Array("@@session.".utf8) + name + [0x3d] + said
    }

    private static func name(_ text: String) -> [UInt8] { Array(text.utf8) }
    private static func names(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }
}
