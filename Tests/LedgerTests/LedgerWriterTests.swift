import Availability
import Cluster
import Foundation
import GRDB
import Synchronization
import Testing

@testable import Ledger

@Suite struct LedgerWriterTests {
    private final class Notes: Sendable {
        private let all = Mutex<[String]>([])
        var texts: [String] { all.withLock { $0 } }
        func add(_ text: String) { all.withLock { $0.append(text) } }
    }

    private func writer(_ place: Place, _ notes: Notes, _ options: LedgerOptions) -> LedgerWriter {
        LedgerWriter(path: place.file, options: options, run: run(), lock: nil, origin: "test") { notes.add($1) }
    }

    /// Waits for what the writer's thread does.
    private func eventually(_ what: String, _ isTrue: () -> Bool) {
        let deadline = ContinuousClock.now + .seconds(30)
        while !isTrue() {
            guard ContinuousClock.now < deadline else {
                Issue.record("not after 30 s: \(what)")
                return
            }
            usleep(2000)
        }
    }

    @Test func closingWritesAll() throws {
        let place = try Place()
        let notes = Notes()
        let writer = writer(place, notes, options())
        for n in Int64(0)..<100 { writer.post([.second(second(epoch + n))]) }
        writer.close(within: .seconds(30))
        #expect(writer.status.written == 100)
        let contents = try LedgerContents.read(path: place.file, since: nil, until: nil)
        #expect(contents.intervals.count == 100, "\(contents.resolution)")
        #expect(notes.texts.count == 1)
    }

    /// SQLite says "full" at its page limit just as it does on a full disk.
    @Test func withoutRoomRowsAreGivenUpAndItIsSaid() throws {
        let place = try Place()
        let notes = Notes()
        let writer = writer(
            place, notes,
            options {
                $0.pagesMax = 60
                $0.waitingMax = 50
            })
        for n in Int64(0)..<200 where writer.status.failure == nil {
            writer.post((0..<40).map { .second(second(epoch + n * 40 + $0)) })
            eventually("written or refused") { writer.status.waiting == 0 || writer.status.failure != nil }
        }
        eventually("no room") { if case .full = writer.status.failure { true } else { false } }
        writer.post((0..<200).map { .second(second(epoch + 8000 + $0)) })
        #expect(writer.status.waiting <= 50)
        #expect(writer.status.dropped > 0)
        // Said by the writer's own thread, after the status that was waited for.
        eventually("it is said") { notes.texts.contains { $0.contains("no room") } }
        writer.close(within: .seconds(30))
        // What was written before is whole.
        _ = try LedgerContents.read(path: place.file, since: nil, until: nil)
    }

    @Test func aDamagedFileIsMovedAside() throws {
        let place = try Place()
        try Data(repeating: 0x5A, count: 9000).write(to: URL(fileURLWithPath: place.file))
        let notes = Notes()
        let writer = writer(place, notes, options())
        writer.post([.second(second(epoch))])
        eventually("written to a new file") { writer.status.written == 1 }
        writer.close(within: .seconds(30))
        #expect(try LedgerContents.read(path: place.file, since: nil, until: nil).intervals.count == 1)
        #expect(notes.texts.contains { $0.contains("a new one begins") })
        let names = try FileManager.default.contentsOfDirectory(atPath: place.path)
        #expect(names.contains { $0.contains(".damaged-") })
    }

    @Test(arguments: [true, false])
    func aFileThatIsGoneInMidRunIsBegunAnew(isReplaced: Bool) throws {
        let place = try Place()
        let notes = Notes()
        let writer = writer(place, notes, options())
        var outage = OutageRecord(number: 1, began: Instant(nanoseconds: 0), isFelt: true, cause: .primaryLost)
        outage.wall = WallTime(seconds: epoch)
        writer.post([.second(second(epoch)), .outage(outage)])
        eventually("the first row") { writer.status.written == 2 }
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: place.file + suffix) }
        if isReplaced {
            // By one of a run before.
            let other = try LedgerStore(path: place.file, options: options(), run: run(epoch - 100))
            try other.write([.second(second(epoch - 100))])
            try other.end(at: WallTime(seconds: epoch - 99))
        }
        writer.post([.second(second(epoch + 1)), .outage(outage)])
        eventually("the second row") { writer.status.written == 4 }
        writer.close(within: .seconds(30))
        let contents = try LedgerContents.read(path: place.file, since: nil, until: nil)
        let gap = LedgerGap(
            began: WallTime(seconds: isReplaced ? epoch - 99 : epoch), ended: WallTime(seconds: epoch + 1),
            reason: .dropped)
        #expect(contents.gaps == [gap])
        #expect(contents.intervals == (isReplaced ? [second(epoch - 100)] : []) + [second(epoch + 1)])
        #expect(contents.outages.map(\.number) == [1])
        #expect(notes.texts.contains { $0.contains("removed or replaced") })
    }

    /// The last reader that goes deletes it where nobody seems to hold the log; so does `rm`.
    @Test func aWriteAheadLogThatIsGoneInMidRunIsBegunAnew() throws {
        let place = try Place()
        let notes = Notes()
        let writer = writer(place, notes, options())
        writer.post([.second(second(epoch))])
        eventually("the first row") { writer.status.written == 1 }
        for suffix in ["-wal", "-shm"] { try FileManager.default.removeItem(atPath: place.file + suffix) }
        writer.post([.second(second(epoch + 1))])
        eventually("the second row") { writer.status.written == 2 }
        // Beside the writer.
        let contents = try LedgerContents.read(path: place.file, since: nil, until: nil)
        #expect(contents.intervals == [second(epoch), second(epoch + 1)])
        #expect(contents.gaps == [])
        writer.close(within: .seconds(30))
        #expect(notes.texts.contains { $0.contains("-wal") })
    }

    @Test func aLogThatAnotherWritesIsNotWritten() throws {
        let place = try Place()
        let notes = Notes()
        var other: LedgerLock? = try LedgerLock(place.file, origin: "another.toml")
        let writer = writer(place, notes, options())
        writer.post([.second(second(epoch))])
        eventually("taken") { if case .taken = writer.status.failure { true } else { false } }
        eventually("it is said") {
            notes.texts.contains { $0.contains("process \(getpid()) (another.toml) writes it") }
        }
        #expect(!FileManager.default.fileExists(atPath: place.file))
        withExtendedLifetime(other) {}
        other = nil
        eventually("written") { writer.status.written == 1 }
        // Who takes the lock's file away does not let a second one in.
        try FileManager.default.removeItem(atPath: place.file + ".lock")
        writer.post([.second(second(epoch + 1))])
        eventually("written") { writer.status.written == 2 }
        #expect(throws: LedgerFailure.self) { try LedgerLock(place.file, origin: "") }
        writer.close(within: .seconds(30))
    }

    @Test func aFileThatIsOverwrittenInMidRunIsMovedAside() throws {
        let place = try Place()
        let notes = Notes()
        let writer = writer(place, notes, options())
        writer.post((0..<100).map { .second(second(epoch + $0)) })
        eventually("the first rows") { writer.status.written == 100 }
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: place.file))
        try file.write(contentsOf: Data(repeating: 0x5A, count: 5000))
        try file.close()
        writer.post([.second(second(epoch + 100))])
        eventually("the next row") { writer.status.written == 101 }
        writer.close(within: .seconds(30))
        let contents = try LedgerContents.read(path: place.file, since: nil, until: nil)
        #expect(contents.intervals == [second(epoch + 100)])
        #expect(
            contents.gaps == [
                LedgerGap(
                    began: WallTime(seconds: epoch), ended: WallTime(seconds: epoch + 100), reason: .dropped)
            ])
        #expect(notes.texts.contains { $0.contains("a new one begins") })
    }

    /// A file that can't be opened for a while is the same run's when it can be again.
    @Test func aDirectoryThatComesLate() throws {
        let place = try Place()
        let notes = Notes()
        let path = place.path + "/later/availability.db"
        let writer = LedgerWriter(path: path, options: options(), run: run(), lock: nil, origin: "test") {
            notes.add($1)
        }
        writer.post([.second(second(epoch))])
        eventually("no directory") { if case .unusable = writer.status.failure { true } else { false } }
        try FileManager.default.createDirectory(atPath: place.path + "/later", withIntermediateDirectories: true)
        eventually("written") { writer.status.written == 1 }
        writer.close(within: .seconds(30))
        let contents = try LedgerContents.read(path: path, since: nil, until: nil)
        #expect(contents.intervals == [second(epoch)])
        #expect(contents.gaps == [])
    }

    /// Who reads an old state keeps the write-ahead log from being emptied: it stops growing at its limit.
    @Test func aReaderThatHoldsOnDoesNotLetTheWriteAheadLogGrow() throws {
        let place = try Place()
        let notes = Notes()
        let limit = 200_000
        let writer = writer(place, notes, options { $0.walMax = limit })
        func walSize() throws -> Int {
            let attributes = try FileManager.default.attributesOfItem(atPath: place.file + "-wal")
            return (attributes[.size] as? NSNumber)?.intValue ?? 0
        }
        writer.post([.second(second(epoch))])
        eventually("the first row") { writer.status.written == 1 }
        let reader = try DatabaseQueue(path: place.file)
        var largest = 0
        try reader.inDatabase { db in
            try db.execute(sql: "BEGIN")
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM seconds") == 1)
            for n in Int64(1)...400 where writer.status.failure == nil {
                writer.post([.second(second(epoch + n))])
                eventually("written or refused") { writer.status.waiting == 0 || writer.status.failure != nil }
            }
            eventually("held open") { writer.status.failure == .heldOpen }
            largest = try walSize()
            writer.post((1000..<1100).map { .second(second(epoch + $0)) })
            // Its next try ends like the one before.
            let before = writer.status.written
            eventually("all of it waits") { writer.status.waiting >= 100 }
            #expect(writer.status.written == before)
            #expect(try walSize() == largest)
            // Its own view has not moved meanwhile.
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM seconds") == 1)
            try db.execute(sql: "COMMIT")
        }
        #expect(largest < limit + 100_000, "\(largest)")
        eventually("written") { writer.status.waiting == 0 && writer.status.failure == nil }
        #expect(try walSize() < largest)
        #expect(writer.status.dropped == 0)
        writer.close(within: .seconds(30))
        #expect(notes.texts.contains { $0.contains("reading it for so long") })
        #expect(try LedgerContents.read(path: place.file, since: nil, until: nil).gaps == [])
    }

    @Test func aDatabaseOfAnotherProgramIsLeftAlone() throws {
        let place = try Place()
        try DatabaseQueue(path: place.file).write {
            try $0.execute(sql: "CREATE TABLE theirs (x); PRAGMA user_version = 9")
        }
        let notes = Notes()
        let writer = writer(place, notes, options())
        writer.post([.second(second(epoch))])
        eventually("refused") { if case .foreign = writer.status.failure { true } else { false } }
        writer.close(within: .seconds(30))
        #expect(try DatabaseQueue(path: place.file).read { try $0.tableExists("theirs") })
        #expect(notes.texts.count == 1)
    }

    @Test func aLockedFileIsWrittenWhenItIsFree() throws {
        let place = try Place()
        let notes = Notes()
        let writer = writer(place, notes, options())
        writer.post([.second(second(epoch))])
        eventually("the first row") { writer.status.written == 1 }
        var patient = Configuration()
        patient.busyMode = .timeout(10)
        let other = try DatabaseQueue(path: place.file, configuration: patient)
        try other.inDatabase { db in
            try db.execute(sql: "BEGIN EXCLUSIVE")
            let begun = ContinuousClock.now
            writer.post([.second(second(epoch + 1))])
            #expect(ContinuousClock.now - begun < .seconds(1), "posting waits for the file")
            eventually("locked") { writer.status.failure == .locked }
            #expect(writer.status.waiting == 1)
            try db.execute(sql: "COMMIT")
        }
        eventually("the second row") { writer.status.written == 2 }
        writer.close(within: .seconds(30))
        #expect(writer.status.dropped == 0)
        #expect(notes.texts.contains { $0.contains("written again") })
    }
}
