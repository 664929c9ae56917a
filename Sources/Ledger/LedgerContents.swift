import Availability
import Cluster
import GRDB

/// What a log has of the runs before.
public struct LedgerPast: Sendable {
    /// In the order in which they were written.
    public var seconds: [Interval] = []
    public var outages: [OutageRecord] = []
    /// Failovers and fallbacks, and the name of the node that each went away from.
    public var moves: [(kind: OutageKind, from: String)] = []
    /// The latest, in the order in which they came.
    public var unknown: [UnknownRecord] = []

    public init() {}

    init(
        seconds: [Interval], outages: [OutageRecord], moves: [(kind: OutageKind, from: String)],
        unknown: [UnknownRecord]
    ) {
        self.unknown = unknown
        self.seconds = seconds
        self.outages = outages
        self.moves = moves
    }
}

/// What a log says of a time.
public struct LedgerContents: Sendable {
    public enum Resolution: String, Sendable { case seconds, minutes, hours }

    public var resolution: Resolution
    /// In the order of their beginning; the last ones may be seconds where the others are minutes or hours.
    public var intervals: [Interval]
    public var outages: [OutageRecord]
    public var gaps: [LedgerGap]
    public var clockSteps: [ClockStep]
    /// Statements and transactions of which nobody knows whether they took effect.
    public var unknown: [UnknownRecord]
    public var bounds: LatencyBounds
    public var delayBound: Instant.Span

    /// Reads a log, also one that is being written. Seconds for up to 6 hours, minutes for up to 60 days, else hours;
    /// coarser where the finer ones are not kept so long.
    public static func read(
        path: String, since: WallTime?, until: WallTime?
    ) throws(LedgerFailure) -> LedgerContents {
        try LedgerFailure.catching {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            return try queue.read { db in
                guard try Int.fetchOne(db, sql: "PRAGMA application_id") == LedgerSchema.applicationID else {
                    throw LedgerFailure.foreign("it is no availability log")
                }
                let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
                guard version == LedgerSchema.version else {
                    throw LedgerFailure.foreign(
                        "it is of version \(version), this program reads \(LedgerSchema.version); the proxy brings an older "
                            + "one up to date when it starts")
                }
                return try read(db, since?.nanoseconds ?? Int64.min, until?.nanoseconds ?? Int64.max)
            }
        }
    }

    /// What a run remembers of those before it: the seconds from `since` on, the latest outages, and all failovers and
    /// fallbacks that are in the log, oldest first. Does not wait for anyone who has locked the file.
    public static func recent(
        path: String, since: WallTime, outagesMax: Int, unknownMax: Int
    ) throws(LedgerFailure) -> LedgerPast {
        try LedgerFailure.catching {
            var configuration = Configuration()
            configuration.readonly = true
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            return try queue.read { db in
                guard try Int.fetchOne(db, sql: "PRAGMA application_id") == LedgerSchema.applicationID,
                    try Int.fetchOne(db, sql: "PRAGMA user_version") == LedgerSchema.version
                else { throw LedgerFailure.foreign("it is no availability log of this version") }
                let names = LedgerSchema.readColumns.joined(separator: ", ")
                let seconds = try Row.fetchAll(
                    db, sql: "SELECT began_wall, began_mono, \(names) FROM seconds WHERE began_wall >= ? ORDER BY id",
                    arguments: [since.nanoseconds]
                ).map(LedgerSchema.interval)
                let moves = try Row.fetchAll(
                    db,
                    sql: """
                        SELECT kind, from_node FROM outages WHERE kind IN ('failover', 'fallback') ORDER BY run, number
                        """)
                return LedgerPast(
                    seconds: seconds, outages: try outages(db, Int64.min, Int64.max, latest: outagesMax),
                    moves: moves.compactMap { row in
                        let fields = Fields(row)
                        return OutageKind(rawValue: fields.text(0)).map { (kind: $0, from: fields.text(1)) }
                    }, unknown: try unknown(db, Int64.min, Int64.max, latest: unknownMax))
            }
        }
    }

    private static func read(_ db: Database, _ since: Int64, _ until: Int64) throws -> LedgerContents {
        func first(_ table: String) throws -> Int64? {
            try Int64.fetchOne(db, sql: "SELECT min(began_wall) FROM \(table)")
        }
        let seconds = try first("seconds")
        let minutes = try first("minutes")
        let hours = try first("hours")
        let hour: Int64 = 3_600_000_000_000
        // Finer rows cover all that was asked for unless there is an older coarse one, that began before them.
        let secondsCover = covers(seconds, coarser: minutes, width: hour / 60, since)
        let minutesCover = covers(minutes, coarser: hours, width: hour, since)
        let oldest = (secondsCover ? seconds : minutesCover ? minutes : hours) ?? 0
        let newest = try Int64.fetchOne(db, sql: "SELECT max(began_wall) FROM seconds") ?? oldest
        let length = max(0, min(until, newest).saturatingSubtract(max(since, oldest)))
        let resolution: Resolution
        if secondsCover, length <= 6 * hour {
            resolution = .seconds
        } else if minutesCover, length <= 60 * 24 * hour {
            resolution = .minutes
        } else {
            resolution = .hours
        }
        let names = LedgerSchema.readColumns.joined(separator: ", ")
        var intervals: [Interval] = []
        switch resolution {
        case .seconds:
            intervals = try Row.fetchAll(
                db,
                sql: """
                    SELECT began_wall, began_mono, \(names) FROM seconds WHERE began_wall >= ? AND began_wall < ?
                    ORDER BY began_wall, id
                    """, arguments: [since, until]
            ).map(LedgerSchema.interval)
        case .minutes, .hours:
            intervals = try Row.fetchAll(
                db,
                sql: """
                    SELECT began_wall, 0, \(names) FROM \(resolution.rawValue)
                    WHERE began_wall >= ?1 AND began_wall < ?2
                    UNION ALL SELECT began_wall, began_mono, \(names) FROM seconds
                    WHERE began_wall >= ?1 AND began_wall < ?2
                    AND id > coalesce((SELECT value FROM progress WHERE name = 'rolled'), 0)
                    ORDER BY began_wall
                    """, arguments: [since, until]
            ).map(LedgerSchema.interval)
        }
        return LedgerContents(
            resolution: resolution, intervals: intervals, outages: try outages(db, since, until),
            gaps: try Row.fetchAll(
                db,
                sql: """
                    SELECT began_wall, ended_wall, reason FROM gaps WHERE ended_wall >= ? AND began_wall < ?
                    AND ended_wall > began_wall ORDER BY began_wall
                    """, arguments: [since, until]
            ).map { row in
                let fields = Fields(row)
                return LedgerGap(
                    began: WallTime(nanoseconds: fields.number(0)), ended: WallTime(nanoseconds: fields.number(1)),
                    reason: LedgerGap.Reason(rawValue: fields.text(2)) ?? .killed)
            },
            clockSteps: try Row.fetchAll(
                db,
                sql: """
                    SELECT mono, expected_wall, found_wall FROM clock_steps WHERE found_wall >= ? AND found_wall < ?
                    ORDER BY id
                    """, arguments: [since, until]
            ).map { row in
                let fields = Fields(row)
                return ClockStep(
                    at: Instant(nanoseconds: fields.number(0)), expected: WallTime(nanoseconds: fields.number(1)),
                    found: WallTime(nanoseconds: fields.number(2)))
            },
            unknown: try unknown(db, since, until),
            bounds: LatencyBounds(
                microseconds: try Int.fetchAll(db, sql: "SELECT upper_us FROM latency_scale ORDER BY bucket")),
            delayBound: Instant.Span(
                nanoseconds: try Int64.fetchOne(db, sql: "SELECT delay_bound_ns FROM runs ORDER BY run DESC LIMIT 1")
                    ?? 1_000_000_000))
    }

    private static func covers(_ fine: Int64?, coarser: Int64?, width: Int64, _ since: Int64) -> Bool {
        guard let fine else { return coarser == nil }
        guard let coarser else { return true }
        return since >= fine || coarser > fine.saturatingSubtract(width)
    }

    private static func outages(
        _ db: Database, _ since: Int64, _ until: Int64, latest: Int = -1
    ) throws -> [OutageRecord] {
        let names = LedgerSchema.outageColumns.joined(separator: ", ")
        var records = try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM (SELECT \(names) FROM outages WHERE began_wall + length_ns >= ? AND began_wall < ?
                ORDER BY began_wall DESC, run DESC, number DESC LIMIT ?) ORDER BY began_wall, run, number
                """, arguments: [since, until, latest]
        ).map(outage)
        for i in records.indices {
            records[i].phases = try Row.fetchAll(
                db,
                sql: """
                    SELECT phase, began_mono, length_ns FROM outage_phases WHERE run = ? AND number = ?
                    ORDER BY ordinal
                    """, arguments: [records[i].run, records[i].number]
            ).compactMap { row in
                let fields = Fields(row)
                guard let phase = Phase(rawValue: fields.text(0)) else { return nil }
                let began = Instant(nanoseconds: fields.number(1))
                return PhaseSpan(
                    phase: phase, began: began,
                    ended: fields.optional(2).map { began + Instant.Span(nanoseconds: $0) })
            }
        }
        return records
    }

    private static func unknown(
        _ db: Database, _ since: Int64, _ until: Int64, latest: Int = -1
    ) throws -> [UnknownRecord] {
        let names = LedgerSchema.unknownColumns.joined(separator: ", ")
        return try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM (SELECT \(names), id FROM unknown_outcomes WHERE told_wall >= ? AND told_wall < ?
                ORDER BY id DESC LIMIT ?) ORDER BY id
                """, arguments: [since, until, latest]
        ).map { row in
            let fields = Fields(row)
            // Only their distance is kept.
            let ended = Instant(nanoseconds: fields.number(2))
            var record = UnknownRecord(
                UnknownOutcome(
                    session: UInt32(clamping: fields.number(3)), user: fields.text(4), database: fields.text(6),
                    client: fields.text(5), node: fields.text(7), thread: UInt32(clamping: fields.number(8)),
                    statement: fields.text(9), inTransaction: fields.flag(10), began: Instant(nanoseconds: 0),
                    ended: ended, cause: UnknownOutcome.Cause(rawValue: fields.text(11)) ?? .lost),
                wall: WallTime(nanoseconds: fields.number(1)))
            record.run = fields.number(0)
            return record
        }
    }

    private static func outage(_ row: Row) -> OutageRecord {
        let fields = Fields(row)
        func instant(_ index: Int) -> Instant? { fields.optional(index).map { Instant(nanoseconds: $0) } }
        let began = Instant(nanoseconds: fields.number(3))
        var record = OutageRecord(
            number: Int(fields.number(1)), began: began, isFelt: fields.flag(7),
            cause: OutageCause(rawValue: fields.text(9)) ?? .connections)
        record.run = fields.number(0)
        record.wall = WallTime(nanoseconds: fields.number(2))
        record.knownUntil = began + Instant.Span(nanoseconds: fields.number(4))
        if fields.flag(5) { record.ended = record.knownUntil }
        record.isInterrupted = fields.flag(6)
        record.kind = OutageKind(rawValue: fields.text(8)) ?? .open
        record.isPlanned = fields.flag(10)
        record.diagnoses = fields.text(11).split(separator: " ").compactMap { Diagnosis(rawValue: String($0)) }
        record.reason = fields.text(12)
        record.from = fields.text(13)
        record.to = fields.text(14)
        record.lost = Generation(UInt64(clamping: fields.number(15)))
        record.gained = Generation(UInt64(clamping: fields.number(16)))
        record.primaryLost = instant(17)
        record.primaryFound = instant(18)
        record.firstError = instant(19)
        record.held = fields.number(20)
        record.rerun = fields.number(21)
        record.failed = fields.number(22)
        record.abandoned = fields.number(23)
        record.moved = fields.number(24)
        record.refused = fields.number(25)
        record.heldMax = Int(fields.number(26))
        record.usersMax = Int(fields.number(27))
        record.usersAffected = Int(fields.number(28))
        record.userMillisecondsLost = fields.number(29)
        record.userMillisecondsPresent = fields.number(30)
        record.sessionsLost = fields.number(31)
        record.unknown = fields.number(32)
        record.reconnected = fields.number(33)
        return record
    }
}
