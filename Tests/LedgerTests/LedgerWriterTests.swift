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
        LedgerWriter(path: place.file, options: options, run: run()) { notes.add($1) }
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
