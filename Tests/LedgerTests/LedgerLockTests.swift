import Foundation
import Testing

@testable import Ledger

@Suite struct LedgerLockTests {
    @Test func oneAtATime() throws {
        let place = try Place()
        #expect(LedgerLock.holder(of: place.file) == nil)
        var first: LedgerLock? = try LedgerLock(place.file, origin: "/etc/first.toml")
        let holder = LedgerLock.Holder(pid: getpid(), origin: "/etc/first.toml")
        #expect(LedgerLock.holder(of: place.file) == holder)
        #expect(throws: LedgerFailure.taken(holder)) { try LedgerLock(place.file, origin: "/etc/second.toml") }
        // Whoever asked in vain has taken nothing away.
        #expect(LedgerLock.holder(of: place.file) == holder)
        withExtendedLifetime(first) {}
        first = nil
        #expect(LedgerLock.holder(of: place.file) == nil)
        let next = try LedgerLock(place.file, origin: "")
        #expect(LedgerLock.holder(of: place.file)?.description == "process \(getpid())")
        withExtendedLifetime(next) {}
    }

    @Test func namesOfOneFileAreOneLog() throws {
        let place = try Place()
        let link = place.path + "/link.db"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: place.file)
        #expect(FileManager.default.createFile(atPath: place.file, contents: nil))
        let lock = try LedgerLock(link, origin: "")
        #expect(LedgerLock.holder(of: place.file) != nil)
        #expect(throws: LedgerFailure.self) { try LedgerLock(place.path + "/./availability.db", origin: "") }
        withExtendedLifetime(lock) {}
    }

    @Test func whereThereIsNoDirectoryNobodyHoldsIt() throws {
        let place = try Place()
        let file = place.path + "/none/availability.db"
        #expect(LedgerLock.holder(of: file) == nil)
        #expect {
            try LedgerLock(file, origin: "")
        } throws: { error in
            if case .unusable = error as? LedgerFailure { true } else { false }
        }
    }
}
