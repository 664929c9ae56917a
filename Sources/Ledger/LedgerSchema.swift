import Availability
import GRDB

/// The log's tables. docs/availability.md tells what each column means.
enum LedgerSchema {
    /// "HPDB": tells the log from other databases.
    static let applicationID = 0x4850_4442
    static let version = 3

    /// The counted columns, the same in seconds, minutes and hours.
    static let counts: [(name: String, path: WritableKeyPath<Interval, Int64> & Sendable)] = [
        ("user_ms", \.userMilliseconds), ("begun", \.begun), ("answered", \.answered), ("failed", \.failed),
        ("abandoned", \.abandoned), ("held", \.held), ("rerun", \.rerun), ("moved", \.moved),
        ("logins_refused", \.loginsRefused), ("bytes_in", \.bytesIn), ("bytes_out", \.bytesOut),
        ("delayed", \.delayed), ("sessions_lost", \.lost), ("user_ms_lost", \.userMillisecondsLost),
        ("unknown", \.unknown), ("reconnected", \.reconnected),
    ]
    static let levels: [(name: String, path: WritableKeyPath<Interval, Int> & Sendable)] = [
        ("users_max", \.usersMax), ("users_affected", \.usersAffectedMax), ("held_now", \.heldNow),
        ("in_flight_now", \.inFlightNow), ("logins_held_now", \.loginsHeldNow), ("held_max", \.heldMax),
        ("estimated", \.estimated),
    ]
    static let quantiles: [(name: String, share: Double)] = [
        ("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99), ("p999_us", 0.999), ("max_us", 1),
    ]

    /// Behind the columns that identify a row.
    static var valueColumns: [String] {
        ["covered_ns"] + counts.map(\.name) + levels.map(\.name) + ["latency"] + quantiles.map(\.name)
    }
    /// What a row is read back from: `valueColumns` without what is derived.
    static var readColumns: [String] { ["covered_ns"] + counts.map(\.name) + levels.map(\.name) + ["latency"] }

    static let outageColumns = [
        "run", "number", "began_wall", "began_mono", "length_ns", "is_over", "interrupted", "felt", "kind", "cause",
        "planned", "diagnoses", "reason", "from_node", "to_node", "lost_generation", "gained_generation",
        "primary_lost_mono", "primary_found_mono", "first_error_mono", "held", "rerun", "failed", "abandoned", "moved",
        "refused", "held_max", "users_max", "users_affected", "user_ms_lost", "user_ms_present", "sessions_lost",
        "unknown", "reconnected",
    ]
    /// Rows of `unknown_outcomes` at most: the oldest go.
    static let unknownMax: Int64 = 10_000
    static let unknownColumns = [
        "run", "told_wall", "in_flight_ns", "session", "user", "client", "database", "node", "thread", "statement",
        "in_transaction", "cause",
    ]

    /// A file that an earlier version wrote: what it did not know counts as nothing.
    static func upgrade(_ db: Database, from version: Int) throws {
        if version < 2 {
            for table in ["seconds", "minutes", "hours"] {
                for column in ["sessions_lost", "user_ms_lost"] {
                    try db.execute(sql: "ALTER TABLE \(table) ADD COLUMN \(column) INTEGER NOT NULL DEFAULT 0")
                }
            }
            try db.execute(sql: "ALTER TABLE outages ADD COLUMN sessions_lost INTEGER NOT NULL DEFAULT 0")
        }
        if version < 3 {
            for table in ["seconds", "minutes", "hours", "outages"] {
                for column in ["unknown", "reconnected"] {
                    try db.execute(sql: "ALTER TABLE \(table) ADD COLUMN \(column) INTEGER NOT NULL DEFAULT 0")
                }
            }
            try db.execute(sql: createUnknown)
        }
        try db.execute(sql: "PRAGMA user_version = \(Self.version)")
    }

    private static let createUnknown = """
        CREATE TABLE unknown_outcomes (id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL,
            told_wall INTEGER NOT NULL, in_flight_ns INTEGER NOT NULL, session INTEGER NOT NULL, user TEXT NOT NULL,
            client TEXT NOT NULL, database TEXT NOT NULL, node TEXT NOT NULL, thread INTEGER NOT NULL,
            statement TEXT NOT NULL, in_transaction INTEGER NOT NULL, cause TEXT NOT NULL);
        CREATE VIEW readable_unknown AS SELECT strftime('%Y-%m-%d %H:%M:%f', told_wall / 1e9, 'unixepoch')
            AS told_utc, user, client, database, node, thread, statement, in_transaction, in_flight_ns / 1e9
            AS seconds, cause, session, run FROM unknown_outcomes;
        """

    static func create(_ db: Database, bounds: LatencyBounds) throws {
        let values =
            (["covered_ns"] + counts.map(\.name) + levels.map(\.name)).map { "\($0) INTEGER NOT NULL" }
            + ["latency BLOB NOT NULL"] + quantiles.map { "\($0.name) INTEGER" }
        let interval = values.joined(separator: ", ")
        try db.execute(
            sql: """
                CREATE TABLE runs (run INTEGER PRIMARY KEY AUTOINCREMENT, version TEXT NOT NULL,
                    began_wall INTEGER NOT NULL, began_mono INTEGER NOT NULL, ended_wall INTEGER,
                    delay_bound_ns INTEGER NOT NULL);
                CREATE TABLE seconds (id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL,
                    began_wall INTEGER NOT NULL, began_mono INTEGER NOT NULL, \(interval));
                CREATE INDEX seconds_by_wall ON seconds (began_wall);
                CREATE TABLE minutes (began_wall INTEGER PRIMARY KEY, \(interval));
                CREATE TABLE hours (began_wall INTEGER PRIMARY KEY, \(interval));
                CREATE TABLE outages (\(outageColumns.map { "\($0)" }.joined(separator: ", ")),
                    PRIMARY KEY (run, number));
                CREATE TABLE outage_phases (run INTEGER NOT NULL, number INTEGER NOT NULL, ordinal INTEGER NOT NULL,
                    phase TEXT NOT NULL, began_mono INTEGER NOT NULL, length_ns INTEGER,
                    PRIMARY KEY (run, number, ordinal));
                CREATE TABLE gaps (id INTEGER PRIMARY KEY AUTOINCREMENT, began_wall INTEGER NOT NULL,
                    ended_wall INTEGER NOT NULL, reason TEXT NOT NULL);
                CREATE TABLE clock_steps (id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL,
                    mono INTEGER NOT NULL, expected_wall INTEGER NOT NULL, found_wall INTEGER NOT NULL);
                CREATE TABLE latency_scale (bucket INTEGER PRIMARY KEY, upper_us INTEGER NOT NULL);
                CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
                CREATE VIEW readable_outages AS SELECT run, number,
                    strftime('%Y-%m-%d %H:%M:%f', began_wall / 1e9, 'unixepoch') AS began_utc, length_ns / 1e9 AS seconds,
                    is_over, kind, planned, cause, diagnoses, from_node, to_node, held, moved, rerun, failed, refused,
                    users_affected, user_ms_lost / 6e4 AS user_minutes_lost FROM outages;
                CREATE VIEW readable_seconds AS SELECT strftime('%Y-%m-%d %H:%M:%f', began_wall / 1e9, 'unixepoch')
                    AS began_utc, users_max AS users, begun, answered, failed, abandoned, held_now, in_flight_now,
                    logins_held_now, users_affected, delayed, p50_us, p99_us, max_us FROM seconds;
                PRAGMA application_id = \(applicationID);
                PRAGMA user_version = \(version);
                """)
        try db.execute(sql: createUnknown)
        for (bucket, upper) in bounds.microseconds.enumerated() {
            try db.execute(sql: "INSERT INTO latency_scale VALUES (?, ?)", arguments: [bucket, upper])
        }
    }

    // MARK: rows

    static func values(of row: Interval, bounds: LatencyBounds) -> [DatabaseValue] {
        var values = [row.covered.nanoseconds.databaseValue]
        for column in counts { values.append(row[keyPath: column.path].databaseValue) }
        for column in levels { values.append(row[keyPath: column.path].databaseValue) }
        values.append(Blob.value(row.latency.bytes))
        for quantile in quantiles {
            values.append(bounds.quantile(quantile.share, of: row.latency)?.databaseValue ?? .null)
        }
        return values
    }

    /// From `began_wall`, `began_mono` and ``readColumns``. A value of the wrong type counts as nothing.
    static func interval(_ row: Row) -> Interval {
        let fields = Fields(row)
        var interval = Interval(
            began: WallTime(nanoseconds: fields.number(0)), monotonic: .init(nanoseconds: fields.number(1)),
            covered: .init(nanoseconds: fields.number(2)))
        var index = 3
        for column in counts {
            interval[keyPath: column.path] = fields.number(index)
            index += 1
        }
        for column in levels {
            interval[keyPath: column.path] = Int(fields.number(index))
            index += 1
        }
        interval.latency = LatencyCounts(bytes: fields.bytes(index)) ?? LatencyCounts()
        return interval
    }
}

/// A row's values by position. Whatever a file holds, reading it does not trap.
struct Fields {
    private let values: [DatabaseValue]

    init(_ row: Row) { values = Array(row.databaseValues) }

    private func value(_ index: Int) -> DatabaseValue { values.indices.contains(index) ? values[index] : .null }
    func optional(_ index: Int) -> Int64? { Int64.fromDatabaseValue(value(index)) }
    func number(_ index: Int) -> Int64 { optional(index) ?? 0 }
    func flag(_ index: Int) -> Bool { number(index) != 0 }
    func text(_ index: Int) -> String { String.fromDatabaseValue(value(index)) ?? "" }
    func bytes(_ index: Int) -> [UInt8] { Blob.bytes(value(index)) }
}
