import Availability
import Cluster
import Foundation
import GRDB
import GRDBSQLite

/// The log's file, open for writing. Used on one thread; every method may take as long as the disk does.
///
/// WAL, so that readers never wait for the writer nor it for them; `synchronous = NORMAL`, so that a kill loses nothing
/// and a loss of power at most the last seconds, and neither damages the file.
///
/// Nobody but SQLite opens the file in this process: `close` of any descriptor of it would drop all locks that the
/// process has on it, and the next reader that goes would take the write-ahead log for nobody's, and delete it.
public final class LedgerStore {
    private let queue: DatabaseQueue
    private let options: LedgerOptions
    private let path: String
    /// Which files were opened: the log, and what is written first.
    private let identity: FileIdentity?
    private let aheadIdentity: FileIdentity?
    /// This run's number in the file.
    public let run: Int64

    /// Opens or makes the file, and begins a run: what an earlier one left open is closed with what is known of it, and
    /// the time between is a gap.
    ///
    /// - Parameter resumed: set where the run has written before, perhaps to another file: the first time that is not
    ///   written yet. The run goes on in the file that knows it; in any other the time before is a gap.
    public init(
        path: String, options: LedgerOptions, run facts: LedgerRun, resumed: WallTime? = nil
    ) throws(LedgerFailure) {
        self.options = options
        self.path = path
        (queue, run) = try LedgerFailure.catching {
            var configuration = Configuration()
            configuration.busyMode = .timeout(1)
            configuration.prepareDatabase { db in
                // Only while there are no tables does the first have an effect.
                try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
                try db.execute(sql: "PRAGMA journal_mode = WAL")
                try db.execute(sql: "PRAGMA synchronous = NORMAL")
                try db.execute(sql: "PRAGMA journal_size_limit = 4194304")
                try db.execute(sql: "PRAGMA max_page_count = \(options.pagesMax)")
            }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            let run = try queue.write { db in
                try Self.prepare(db, bounds: options.bounds)
                return try Self.begin(facts, resumed: resumed, options: options, db)
            }
            return (queue, run)
        }
        identity = FileIdentity(path)
        aheadIdentity = FileIdentity(path + "-wal")
    }

    private static func prepare(_ db: Database, bounds: LatencyBounds) throws {
        let application = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        if application == 0, tables == 0 { return try LedgerSchema.create(db, bounds: bounds) }
        guard application == LedgerSchema.applicationID else {
            throw LedgerFailure.foreign("it is a database of another program")
        }
        guard (1...LedgerSchema.version).contains(version) else {
            throw LedgerFailure.foreign("it is of version \(version), this program writes \(LedgerSchema.version)")
        }
        let check = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? "no answer"
        guard check == "ok" else { throw LedgerFailure.corrupt(check) }
        if version < LedgerSchema.version { try LedgerSchema.upgrade(db, from: version) }
    }

    private static func begin(
        _ facts: LedgerRun, resumed: WallTime?, options: LedgerOptions, _ db: Database
    ) throws -> Int64 {
        let last = try Row.fetchOne(
            db, sql: "SELECT run, ended_wall, began_wall, began_mono FROM runs ORDER BY run DESC LIMIT 1")
        if let last {
            let fields = Fields(last)
            if resumed != nil, fields.number(2) == facts.began.nanoseconds,
                fields.number(3) == facts.monotonic.nanoseconds
            {
                return fields.number(0)
            }
            let written = try Int64.fetchOne(
                db, sql: "SELECT began_wall + covered_ns FROM seconds ORDER BY id DESC LIMIT 1")
            let until = WallTime(nanoseconds: written ?? fields.optional(1) ?? fields.number(2))
            // Where the clock was set back in between, the gap's length is not known.
            try insert(
                LedgerGap(
                    began: until, ended: max(until, resumed ?? facts.began),
                    reason: resumed != nil ? .dropped : fields.optional(1) == nil ? .killed : .stopped), db)
            try db.execute(sql: "UPDATE outages SET interrupted = 1 WHERE is_over = 0")
        } else if let resumed, facts.began < resumed {
            try insert(LedgerGap(began: facts.began, ended: resumed, reason: .dropped), db)
        }
        try db.execute(
            sql: "INSERT INTO runs (version, began_wall, began_mono, delay_bound_ns) VALUES (?, ?, ?, ?)",
            arguments: [
                facts.version, facts.began.nanoseconds, facts.monotonic.nanoseconds, options.delayBound.nanoseconds,
            ])
        return db.lastInsertedRowID
    }

    /// All or nothing.
    public func write(_ entries: [LedgerEntry]) throws(LedgerFailure) {
        try LedgerFailure.catching {
            try queue.write { db in
                for entry in entries { try write(entry, db) }
            }
        }
    }

    /// What has become of the files that were opened.
    enum Place: Hashable {
        case kept
        /// The path names another file or none: nobody would ever see another row.
        case replaced
        /// The write-ahead log has gone: nobody would see what is in it.
        case withoutAhead
    }

    /// Throws where the file is in its place, and somebody has written over its beginning.
    func place() throws(LedgerFailure) -> Place {
        guard identity != nil, FileIdentity(path) == identity else { return .replaced }
        guard aheadIdentity != nil, FileIdentity(path + "-wal") == aheadIdentity else { return .withoutAhead }
        guard beginsAsDatabase() else { throw .corrupt("its beginning was overwritten") }
        return .kept
    }

    /// Takes over into the file what the write-ahead log has, as far as readers let it.
    func takeOver() throws(LedgerFailure) {
        try LedgerFailure.catching {
            _ = try queue.writeWithoutTransaction { db in try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(PASSIVE)") }
        }
    }

    /// What every file of SQLite's begins with (https://sqlite.org/fileformat2.html, section 1.3). Read by SQLite's own
    /// descriptor, past its cache. True also where it can't be read: that will show in other ways.
    private func beginsAsDatabase() -> Bool {
        queue.writeWithoutTransaction { db in
            var file: UnsafeMutablePointer<sqlite3_file>?
            guard sqlite3_file_control(db.sqliteConnection, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK,
                let file, let read = file.pointee.pMethods?.pointee.xRead
            else { return true }
            var bytes = [UInt8](repeating: 0, count: 16)
            let isRead = read(file, &bytes, Int32(bytes.count), 0) == SQLITE_OK
            return !isRead || bytes == Array("SQLite format 3\0".utf8)
        }
    }

    /// Empties the write-ahead log where it has grown beyond its limit, which nothing but a reader that holds on to an
    /// old state lets it do.
    public func boundLog() throws(LedgerFailure) {
        guard FileIdentity.size(path + "-wal") > options.walMax else { return }
        try LedgerFailure.catching {
            let isBusy = try queue.writeWithoutTransaction { db in
                try Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)") != 0
            }
            if isBusy { throw LedgerFailure.heldOpen }
        }
    }

    /// This run ended in good order.
    public func end(at time: WallTime) throws(LedgerFailure) {
        try LedgerFailure.catching {
            try queue.write { db in
                try db.execute(
                    sql: "UPDATE runs SET ended_wall = ? WHERE run = ?", arguments: [time.nanoseconds, run])
                try db.execute(
                    sql: "UPDATE outages SET interrupted = 1 WHERE is_over = 0 AND run = ?", arguments: [run])
            }
            try queue.close()
        }
    }

    private func write(_ entry: LedgerEntry, _ db: Database) throws {
        switch entry {
        case .second(let row):
            let statement = try db.cachedStatement(sql: Self.insertSecond)
            var values = [run.databaseValue, row.began.nanoseconds.databaseValue]
            values.append(row.monotonic.nanoseconds.databaseValue)
            try statement.execute(
                arguments: StatementArguments(values + LedgerSchema.values(of: row, bounds: options.bounds)))
        case .gap(let gap): try Self.insert(gap, db)
        case .clockStep(let step):
            try db.execute(
                sql: "INSERT INTO clock_steps (run, mono, expected_wall, found_wall) VALUES (?, ?, ?, ?)",
                arguments: [run, step.at.nanoseconds, step.expected.nanoseconds, step.found.nanoseconds])
        case .outage(let record): try put(record, db)
        case .outageDismissed(let number):
            try db.execute(sql: "DELETE FROM outages WHERE run = ? AND number = ?", arguments: [run, number])
            try db.execute(sql: "DELETE FROM outage_phases WHERE run = ? AND number = ?", arguments: [run, number])
        case .unknown(let record): try put(record, db)
        }
    }

    private static let insertSecond: String = {
        let columns = ["run", "began_wall", "began_mono"] + LedgerSchema.valueColumns
        let marks = columns.map { _ in "?" }.joined(separator: ", ")
        return "INSERT INTO seconds (\(columns.joined(separator: ", "))) VALUES (\(marks))"
    }()

    private static func insert(_ gap: LedgerGap, _ db: Database) throws {
        try db.execute(
            sql: "INSERT INTO gaps (began_wall, ended_wall, reason) VALUES (?, ?, ?)",
            arguments: [gap.began.nanoseconds, gap.ended.nanoseconds, gap.reason.rawValue])
    }

    private func put(_ record: UnknownRecord, _ db: Database) throws {
        let outcome = record.outcome
        let columns = LedgerSchema.unknownColumns
        let marks = columns.map { _ in "?" }.joined(separator: ", ")
        try db.execute(
            sql: "INSERT INTO unknown_outcomes (\(columns.joined(separator: ", "))) VALUES (\(marks))",
            arguments: [
                run, record.wall.nanoseconds, record.inFlight.nanoseconds, Int64(outcome.session), outcome.user,
                outcome.client, outcome.database, outcome.node, Int64(outcome.thread), outcome.statement,
                outcome.inTransaction, outcome.cause.rawValue,
            ])
        try db.execute(
            sql: "DELETE FROM unknown_outcomes WHERE id <= ?",
            arguments: [db.lastInsertedRowID - LedgerSchema.unknownMax])
    }

    private func put(_ record: OutageRecord, _ db: Database) throws {
        let diagnoses = record.diagnoses.map(\.rawValue).joined(separator: " ")
        let times = [record.primaryLost, record.primaryFound, record.firstError]
        var values: [DatabaseValue] = [
            run.databaseValue, record.number.databaseValue, record.wall.nanoseconds.databaseValue,
            record.began.nanoseconds.databaseValue, record.length.nanoseconds.databaseValue,
            (record.ended != nil).databaseValue, false.databaseValue, record.isFelt.databaseValue,
            record.kind.rawValue.databaseValue, record.cause.rawValue.databaseValue, record.isPlanned.databaseValue,
            diagnoses.databaseValue, record.reason.databaseValue, record.from.databaseValue, record.to.databaseValue,
            Int64(clamping: record.lost.rawValue).databaseValue, Int64(clamping: record.gained.rawValue).databaseValue,
        ]
        values += times.map { $0?.nanoseconds.databaseValue ?? .null }
        values += [record.held, record.rerun, record.failed, record.abandoned, record.moved, record.refused].map {
            $0.databaseValue
        }
        values += [record.heldMax, record.usersMax, record.usersAffected].map { $0.databaseValue }
        values += [record.userMillisecondsLost, record.userMillisecondsPresent, record.sessionsLost].map {
            $0.databaseValue
        }
        values += [record.unknown, record.reconnected].map { $0.databaseValue }
        let marks = LedgerSchema.outageColumns.map { _ in "?" }.joined(separator: ", ")
        let names = LedgerSchema.outageColumns.joined(separator: ", ")
        try db.cachedStatement(sql: "INSERT OR REPLACE INTO outages (\(names)) VALUES (\(marks))")
            .execute(arguments: StatementArguments(values))
        try db.cachedStatement(sql: "DELETE FROM outage_phases WHERE run = ? AND number = ?")
            .execute(arguments: [run, record.number])
        for (ordinal, phase) in record.phases.enumerated() {
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO outage_phases VALUES (?, ?, ?, ?, ?, ?)").execute(
                arguments: [
                    run, record.number, ordinal, phase.phase.rawValue, phase.began.nanoseconds,
                    phase.length?.nanoseconds,
                ])
        }
        // There may have been more: what ended before anybody felt it is no part of the outage.
        try db.cachedStatement(sql: "DELETE FROM outage_phases WHERE run = ? AND number = ? AND ordinal >= ?")
            .execute(arguments: [run, record.number, record.phases.count])
    }

    // MARK: bounded size

    /// Adds the seconds of complete minutes up to minutes and hours, and lets go what is older than its time: a bounded
    /// part at once, so that a clock that is wrong for a while does not take the history with it. Seconds of a minute
    /// that the clock went through twice add to the same row.
    public func rollUp(at now: WallTime) throws(LedgerFailure) {
        try LedgerFailure.catching {
            try queue.write { db in
                try Self.roll(db, bounds: options.bounds)
                for (table, keep, most) in [
                    ("seconds", options.keepSeconds, 3600), ("minutes", options.keepMinutes, 60),
                    ("hours", options.keepHours, 24),
                ] {
                    let limit = now.nanoseconds - keep.nanoseconds
                    let rolled =
                        table == "seconds" ? " AND id <= (SELECT value FROM progress WHERE name = 'rolled')" : ""
                    try db.execute(
                        sql: """
                            DELETE FROM \(table) WHERE rowid IN (SELECT rowid FROM \(table) WHERE began_wall < ?\(rolled)
                                ORDER BY began_wall LIMIT ?)
                            """, arguments: [limit, most])
                }
                let oldest = now.nanoseconds - options.keepHours.nanoseconds
                try db.execute(
                    sql: """
                        DELETE FROM outage_phases WHERE (run, number) IN
                            (SELECT run, number FROM outages WHERE began_wall < ? ORDER BY began_wall LIMIT 10)
                        """, arguments: [oldest])
                for (table, time) in [
                    ("outages", "began_wall"), ("gaps", "ended_wall"), ("clock_steps", "found_wall"),
                    ("unknown_outcomes", "told_wall"),
                ] {
                    try db.execute(
                        sql: """
                            DELETE FROM \(table) WHERE rowid IN (SELECT rowid FROM \(table) WHERE \(time) < ?
                                ORDER BY \(time) LIMIT 10)
                            """, arguments: [oldest])
                }
                try db.execute(sql: "PRAGMA incremental_vacuum(256)")
            }
        }
    }

    private static func roll(_ db: Database, bounds: LatencyBounds) throws {
        let rolled = try Int64.fetchOne(db, sql: "SELECT value FROM progress WHERE name = 'rolled'") ?? 0
        let names = LedgerSchema.readColumns.joined(separator: ", ")
        // At most an hour at a time: what has waited longer comes next time.
        let rows = try Row.fetchAll(
            db,
            sql: "SELECT began_wall, began_mono, \(names), id FROM seconds WHERE id > ? ORDER BY id LIMIT 3600",
            arguments: [rolled])
        let seconds = rows.map { (LedgerSchema.interval($0), Fields($0).number($0.count - 1)) }
        guard let current = seconds.last?.0.began.rounded(to: 60) else { return }
        var sum: Interval?
        var done = rolled
        for (second, id) in seconds {
            let minute = second.began.rounded(to: 60)
            if let complete = sum, complete.began.rounded(to: 60) != minute {
                try add(complete, to: "minutes", width: 60, db, bounds)
                try add(complete, to: "hours", width: 3600, db, bounds)
                sum = nil
            }
            if minute == current { break }
            if sum == nil { sum = second } else { sum?.add(second) }
            done = id
        }
        if let complete = sum {
            try add(complete, to: "minutes", width: 60, db, bounds)
            try add(complete, to: "hours", width: 3600, db, bounds)
        }
        try db.execute(sql: "INSERT OR REPLACE INTO progress VALUES ('rolled', ?)", arguments: [done])
    }

    private static func add(
        _ sum: Interval, to table: String, width: Int64, _ db: Database, _ bounds: LatencyBounds
    ) throws {
        let began = sum.began.rounded(to: width)
        let names = LedgerSchema.readColumns.joined(separator: ", ")
        var total = sum
        if let row = try Row.fetchOne(
            db, sql: "SELECT began_wall, 0, \(names) FROM \(table) WHERE began_wall = ?", arguments: [began.nanoseconds]
        ) {
            total = LedgerSchema.interval(row)
            total.add(sum)
        }
        let columns = ["began_wall"] + LedgerSchema.valueColumns
        let marks = columns.map { _ in "?" }.joined(separator: ", ")
        try db.execute(
            sql: "INSERT OR REPLACE INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(marks))",
            arguments: StatementArguments(
                [began.nanoseconds.databaseValue] + LedgerSchema.values(of: total, bounds: bounds)))
    }
}

/// Which file a path names.
struct FileIdentity: Equatable {
    private let device: dev_t
    private let inode: ino_t

    /// Nil where there is none.
    init?(_ path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        self.init(facts)
    }

    init(_ facts: stat) { (device, inode) = (facts.st_dev, facts.st_ino) }

    /// In bytes; 0 where there is no such file.
    static func size(_ path: String) -> Int {
        var facts = stat()
        return stat(path, &facts) == 0 ? Int(facts.st_size) : 0
    }
}

extension LedgerFailure {
    /// Runs what talks to SQLite, and says in our words what went wrong.
    static func catching<Value>(_ body: () throws -> Value) throws(LedgerFailure) -> Value {
        do {
            return try body()
        } catch let failure as LedgerFailure {
            throw failure
        } catch let error as DatabaseError {
            let reason = error.message ?? "SQLite error \(error.resultCode.rawValue)"
            switch error.resultCode.primaryResultCode {
            case .SQLITE_FULL: throw .full(reason)
            case .SQLITE_BUSY, .SQLITE_LOCKED: throw .locked
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: throw .corrupt(reason)
            case _: throw .unusable(reason)
            }
        } catch {
            throw .unusable("\(error)")
        }
    }
}
