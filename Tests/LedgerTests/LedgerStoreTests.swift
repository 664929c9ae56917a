import Availability
import Cluster
import Foundation
import GRDB
import Testing

@testable import Ledger

/// A directory that goes with its test.
final class Place {
    let path: String
    var file: String { path + "/availability.db" }

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("ledger-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

let bounds = LatencyBounds(microseconds: [10, 20, 40, 80])

func options(_ change: (inout LedgerOptions) -> Void = { _ in }) -> LedgerOptions {
    var options = LedgerOptions()
    options.bounds = bounds
    change(&options)
    return options
}

/// A minute's beginning.
let epoch: Int64 = 1_700_000_040

func run(_ second: Int64 = epoch) -> LedgerRun {
    LedgerRun(version: "t", began: WallTime(seconds: second), monotonic: Instant(nanoseconds: 0))
}

func second(_ n: Int64) -> Interval {
    var row = Interval(
        began: WallTime(seconds: n), monotonic: Instant(nanoseconds: (n - epoch) * 1_000_000_000), covered: .seconds(1))
    row.begun = 10
    row.answered = 9
    row.failed = 1
    row.usersMax = 4
    row.userMilliseconds = 4000
    row.latency = LatencyCounts(dense: [5, 3, 0, 1])
    return row
}

@Suite struct LedgerStoreTests {
    @Test func whatIsWrittenIsRead() throws {
        let place = try Place()
        let store = try LedgerStore(path: place.file, options: options(), run: run())
        var outage = OutageRecord(number: 1, began: Instant(nanoseconds: 500), isFelt: true, cause: .primaryLost)
        outage.run = store.run
        outage.wall = WallTime(seconds: epoch)
        outage.diagnoses = [.primaryLost, .recovering]
        outage.reason = "it's gone; \"really\""
        outage.from = "cluster1"
        outage.phases = [
            PhaseSpan(phase: .lost, began: Instant(nanoseconds: 600), ended: Instant(nanoseconds: 650)),
            PhaseSpan(phase: .promoting, began: Instant(nanoseconds: 650)),
        ]
        try store.write([.second(second(epoch)), .outage(outage)])
        // Beside the writer.
        #expect(try LedgerContents.read(path: place.file, since: nil, until: nil).outages == [outage])
        // Nobody felt the first one after all.
        outage.phases = [
            PhaseSpan(phase: .promoting, began: Instant(nanoseconds: 650), ended: Instant(nanoseconds: 900))
        ]
        outage.ended = Instant(nanoseconds: 2_000_000_500)
        outage.knownUntil = Instant(nanoseconds: 2_000_000_500)
        outage.primaryLost = Instant(nanoseconds: 600)
        outage.kind = .fallback
        outage.failed = 3
        outage.unknown = 2
        outage.reconnected = 5
        outage.userMillisecondsLost = 77
        outage.gained = Generation(9)
        let gap = LedgerGap(began: WallTime(seconds: epoch + 1), ended: WallTime(seconds: epoch + 3), reason: .stalled)
        let step = ClockStep(
            at: Instant(nanoseconds: 7), expected: WallTime(seconds: epoch), found: WallTime(seconds: epoch + 5))
        try store.write([.outage(outage), .gap(gap), .clockStep(step), .second(second(epoch + 3))])
        let contents = try LedgerContents.read(path: place.file, since: nil, until: nil)
        #expect(contents.resolution == .seconds)
        #expect(contents.intervals == [second(epoch), second(epoch + 3)])
        #expect(contents.outages == [outage])
        #expect(contents.gaps == [gap])
        #expect(contents.clockSteps == [step])
        #expect(contents.bounds == bounds)
        try store.write([.outageDismissed(number: 1)])
        #expect(try LedgerContents.read(path: place.file, since: nil, until: nil).outages == [])
    }

    @Test func secondsBecomeMinutesAndHours() throws {
        let place = try Place()
        let store = try LedgerStore(path: place.file, options: options { $0.keepSeconds = .seconds(600) }, run: run())
        try store.write((0..<7200).map { .second(second(epoch + $0)) })
        // At most an hour of seconds at a time.
        for _ in 0..<3 { try store.rollUp(at: WallTime(seconds: epoch + 7200)) }
        let contents = try LedgerContents.read(path: place.file, since: nil, until: nil)
        #expect(contents.resolution == .minutes)
        #expect(contents.intervals.reduce(0) { $0 + $1.begun } == 72_000)
        #expect(contents.intervals.reduce(0) { $0 + $1.covered.nanoseconds } == 7_200_000_000_000)
        #expect(contents.intervals.first?.began == WallTime(seconds: epoch))
        #expect(contents.intervals.first?.latency == LatencyCounts(dense: [300, 180, 0, 60]))
        #expect(contents.intervals.reduce(0) { $0 + $1.latency.total } == 9 * 7200)
        // Seconds are let go; the last minute, not complete yet, is still there as seconds.
        let late = try LedgerContents.read(path: place.file, since: WallTime(seconds: epoch + 6700), until: nil)
        #expect(late.resolution == .seconds)
        #expect(late.intervals.count == 500)
    }

    @Test func aClockThatIsWrongForAWhileDoesNotTakeTheHistory() throws {
        let place = try Place()
        let store = try LedgerStore(path: place.file, options: options(), run: run())
        try store.write((0..<7200).map { .second(second(epoch + $0)) })
        for _ in 0..<3 { try store.rollUp(at: WallTime(seconds: epoch + 7200)) }
        // Ten years ahead, for a minute.
        try store.rollUp(at: WallTime(seconds: epoch + 320_000_000))
        let contents = try LedgerContents.read(
            path: place.file, since: WallTime(seconds: epoch + 3600), until: nil)
        #expect(contents.resolution == .seconds)
        #expect(contents.intervals.count == 3600)
        // And it is right again.
        try store.rollUp(at: WallTime(seconds: epoch + 7260))
        #expect(try LedgerContents.read(path: place.file, since: nil, until: nil).intervals.count >= 60)
    }

    @Test func aMinuteThatTheClockGoesThroughTwiceAddsUp() throws {
        let place = try Place()
        let store = try LedgerStore(path: place.file, options: options { $0.keepSeconds = .seconds(0) }, run: run())
        let back = (0..<60).map { second(epoch + $0) } + (0..<60).map { second(epoch + $0) }
        try store.write(back.map { .second($0) } + [.second(second(epoch + 60))])
        try store.rollUp(at: WallTime(seconds: epoch + 120))
        let contents = try LedgerContents.read(path: place.file, since: nil, until: nil)
        #expect(contents.intervals.map(\.begun) == [1200, 10])
        #expect(contents.intervals.first?.covered == .seconds(120))
    }

    @Test(arguments: [true, false])
    func theTimeBetweenTwoRunsIsAGap(inGoodOrder: Bool) throws {
        let place = try Place()
        let first = try LedgerStore(path: place.file, options: options(), run: run())
        var outage = OutageRecord(number: 1, began: Instant(nanoseconds: 0), isFelt: true, cause: .primaryLost)
        outage.wall = WallTime(seconds: epoch)
        outage.knownUntil = Instant(nanoseconds: 1_000_000_000)
        try first.write([.second(second(epoch)), .outage(outage)])
        if inGoodOrder { try first.end(at: WallTime(seconds: epoch + 1)) }
        let second = try LedgerStore(path: place.file, options: options(), run: run(epoch + 61))
        #expect(second.run == 2)
        let contents = try LedgerContents.read(path: place.file, since: nil, until: nil)
        #expect(
            contents.gaps == [
                LedgerGap(
                    began: WallTime(seconds: epoch + 1), ended: WallTime(seconds: epoch + 61),
                    reason: inGoodOrder ? .stopped : .killed)
            ])
        #expect(contents.outages.first?.isInterrupted == true)
        #expect(contents.outages.first?.ended == nil)
        #expect(contents.outages.first?.length == .seconds(1))
    }

    private func unknown(_ number: Int) -> UnknownRecord {
        var record = UnknownRecord(
            UnknownOutcome(
                session: UInt32(number), user: "o'hara", database: "shop", client: "10.0.0.1:40000", node: "cluster1",
                thread: 7, statement: "INSERT", inTransaction: true, began: Instant(nanoseconds: 0),
                ended: Instant(nanoseconds: 1_500_000_000), cause: .killed),
            wall: WallTime(seconds: epoch + Int64(number)))
        record.run = 1
        return record
    }

    @Test func outcomesThatNobodyKnowsAreKeptAndBounded() throws {
        let place = try Place()
        let store = try LedgerStore(path: place.file, options: options(), run: run())
        try store.write((0..<3).map { .unknown(unknown($0)) } + [.second(second(epoch + 2))])
        let contents = try LedgerContents.read(
            path: place.file, since: WallTime(seconds: epoch + 1), until: WallTime(seconds: epoch + 2))
        #expect(contents.unknown == [unknown(1)])
        let past = try LedgerContents.recent(
            path: place.file, since: WallTime(seconds: epoch), outagesMax: 1, unknownMax: 2)
        #expect(past.unknown == [unknown(1), unknown(2)])
        try store.write((3..<11_000).map { .unknown(unknown($0)) })
        let all = try LedgerContents.read(path: place.file, since: nil, until: nil).unknown
        #expect(all.count == 10_000)
        #expect(all.last == unknown(10_999))
    }

    @Test(arguments: [1, 2])
    func aFileOfAnEarlierVersionIsBroughtUpToDate(version: Int) throws {
        let place = try Place()
        do {
            let store = try LedgerStore(path: place.file, options: options(), run: run())
            try store.write([.second(second(epoch))])
            try store.end(at: WallTime(seconds: epoch + 1))
            // As that version had it.
            try DatabaseQueue(path: place.file).write { db in
                for table in ["seconds", "minutes", "hours", "outages"] {
                    for column in ["unknown", "reconnected"] {
                        try db.execute(sql: "ALTER TABLE \(table) DROP COLUMN \(column)")
                    }
                }
                try db.execute(sql: "DROP VIEW readable_unknown; DROP TABLE unknown_outcomes")
                for table in ["seconds", "minutes", "hours"] where version == 1 {
                    for column in ["sessions_lost", "user_ms_lost"] {
                        try db.execute(sql: "ALTER TABLE \(table) DROP COLUMN \(column)")
                    }
                }
                if version == 1 { try db.execute(sql: "ALTER TABLE outages DROP COLUMN sessions_lost") }
                try db.execute(sql: "PRAGMA user_version = \(version)")
            }
        }
        #expect(throws: LedgerFailure.self) { try LedgerContents.read(path: place.file, since: nil, until: nil) }
        let store = try LedgerStore(path: place.file, options: options(), run: run(epoch + 5))
        var row = second(epoch + 5)
        row.userMillisecondsLost = 7
        row.lost = 2
        row.unknown = 3
        row.reconnected = 4
        try store.write([.second(row), .unknown(unknown(9))])
        let contents = try LedgerContents.read(path: place.file, since: nil, until: nil)
        #expect(contents.intervals == [second(epoch), row])
        var kept = unknown(9)
        kept.run = store.run
        #expect(contents.unknown == [kept])
    }

    @Test func whatTheNextRunRemembers() throws {
        let place = try Place()
        let store = try LedgerStore(path: place.file, options: options(), run: run())
        var entries: [LedgerEntry] = []
        for (number, kind) in [OutageKind.failover, .restart, .fallback, .open].enumerated() {
            var record = OutageRecord(
                number: number + 1, began: Instant(nanoseconds: Int64(number)), isFelt: true, cause: .primaryLost)
            record.wall = WallTime(seconds: epoch + Int64(number))
            record.kind = kind
            record.from = "cluster\(number)"
            if kind != .open { record.ended = record.began }
            entries.append(.outage(record))
        }
        try store.write((0..<10).map { .second(second(epoch + $0)) } + entries)
        let past = try LedgerContents.recent(
            path: place.file, since: WallTime(seconds: epoch + 4), outagesMax: 2, unknownMax: 2)
        #expect(past.seconds.map(\.began.seconds) == Array(epoch + 4..<epoch + 10))
        #expect(past.outages.map(\.kind) == [.fallback, .open])
        #expect(past.moves.map(\.kind) == [.failover, .fallback])
        #expect(past.moves.map(\.from) == ["cluster0", "cluster2"])
        // In good order, and yet in the middle of an outage.
        try store.end(at: WallTime(seconds: epoch + 11))
        let ended = try LedgerContents.read(path: place.file, since: nil, until: nil)
        #expect(ended.outages.map(\.isInterrupted) == [false, false, false, true])
    }

    @Test func damagedFilesAndThoseOfOthers() throws {
        let place = try Place()
        try Data(repeating: 0x5A, count: 9000).write(to: URL(fileURLWithPath: place.file))
        #expect(throws: LedgerFailure.corrupt("file is not a database")) {
            try LedgerStore(path: place.file, options: options(), run: run())
        }
        #expect(throws: LedgerFailure.self) { try LedgerContents.read(path: place.file, since: nil, until: nil) }
        #expect(throws: LedgerFailure.self) {
            try LedgerStore(path: place.path + "/none/x.db", options: options(), run: run())
        }
    }
}
