import Cluster
import Testing

@testable import Probes

/// What a node may say, and what ends its connection.
@Suite struct IntakeTests {
    private typealias Words = ServerWords

    /// Every packet of a login and one answer of two rows.
    private static let login =
        Words.greeting() + Words.packet([0xfe] + Words.switchTo("client_ed25519"), 2)
        + Words.packet(Words.ok, 4)
    private static let answer = Words.result(
        columns: 2, rows: [[nil, "b"], ["", String(repeating: "c", count: 300)]])

    /// What the library may read of it; throws where it is refused.
    private static func read(_ intake: inout Intake, _ bytes: [UInt8], step: Int) throws(Intake.Refusal) -> [UInt8] {
        var passed: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            var refusal: Intake.Refusal?
            bytes[start..<min(bytes.count, start + step)].withUnsafeBytes { piece in
                do throws(Intake.Refusal) { try intake.take(piece) } catch { refusal = error }
            }
            if let refusal { throw refusal }
            var room = [UInt8](repeating: 0, count: 7)
            while true {
                let count = room.withUnsafeMutableBytes { intake.read(into: $0) }
                if count == 0 { break }
                passed += room[..<count]
            }
            #expect(!intake.hasReady)
        }
        return passed
    }

    private static func refusal(login: [UInt8] = login, of answer: [UInt8], within bounds: Intake.Bounds = .check)
        -> Intake.Refusal?
    {
        do throws(Intake.Refusal) {
            var intake = Intake()
            _ = try read(&intake, login, step: 1000)
            intake.asked(bounds)
            _ = try read(&intake, answer, step: 1000)
            return nil
        } catch { return error }
    }

    @Test(arguments: [1, 2, 3, 5, 16_384]) func aSoundDialogPassesHoweverItIsCut(step: Int) throws {
        var intake = Intake()
        let passed = try Self.read(&intake, Self.login, step: step)
        #expect(passed.count == Self.login.count)
        #expect(intake.greeting == Words.greeting())
        for _ in 0..<3 {
            intake.asked(.check)
            #expect(try Self.read(&intake, Self.answer, step: step) == Self.answer)
            intake.asked(.check)
            let ok = Words.packet(Words.ok, 1)
            #expect(try Self.read(&intake, ok, step: step) == ok)
            intake.asked(.check)
            let error = Words.packet([0xff, 0x15, 0x04] + Array("#28000no".utf8), 1)
            #expect(try Self.read(&intake, error, step: step) == error)
        }
    }

    @Test func theGreetingOffersTheLibraryNothingThatACheckDoesNotNeed() throws {
        var intake = Intake()
        let passed = try Self.read(&intake, Words.greeting(), step: 1000)
        let differing = passed.indices.filter { passed[$0] != Words.greeting()[$0] }
        let version = try #require(passed[5...].firstIndex(of: 0))
        let low = version + 14
        #expect(differing.allSatisfy { (low..<low + 18).contains($0) })
        // COMPRESS, SSL, LOCAL_FILES; SESSION_TRACK, DEPRECATE_EOF; MariaDB's own.
        #expect(passed[low] & 0x20 == 0 && passed[low] & 0x80 == 0 && passed[low + 1] & 0x08 == 0)
        #expect(passed[low + 5] & 0x80 == 0 && passed[low + 6] & 0x01 == 0)
        #expect(passed[(low + 14)..<(low + 18)].allSatisfy { $0 == 0 })
        #expect(passed[low + 1] & 0x82 == 0x82 && passed[low + 5] & 0x08 == 0x08)
    }

    @Test(arguments: [
        "mysql_clear_password", "dialog", "caching_sha2_password", "sha256_password", "mysql_old_password",
        "auth_gssapi_client", "", "native", "mysql_native_passwor", "../../x",
    ])
    func aPluginThatMayRevealThePasswordIsRefused(_ name: String) {
        let asks = Words.greeting() + Words.packet([0xfe] + Words.switchTo(name), 2)
        #expect(Self.refusal(login: asks, of: []) == .plugin(name))
    }

    @Test func theShortFormOfTheOldPluginIsRefused() {
        #expect(
            Self.refusal(login: Words.greeting() + Words.packet([0xfe], 2), of: []) == .plugin("mysql_old_password"))
    }

    private static let greetings: [[UInt8]] = [
        Words.packet([0xff, 0xff, 0xff, 1, 1, 1, 0, 0, 0, 0], 0), Words.packet([0xff], 0), Words.packet([9, 0], 0),
        Words.packet([10], 0), Words.packet([10] + Array("5.5.5".utf8), 0), Words.packet([10, 0, 1, 2, 3], 0),
        Words.packet([10] + [UInt8](repeating: 65, count: 201) + Array(Words.greeting()[37...]), 0), [0, 0, 0, 0],
        Words.packet(Words.ok, 0), Words.packet([10] + [UInt8](repeating: 0, count: 80), 0),
    ]

    @Test(arguments: greetings.indices) func whatIsNoGreetingIsRefused(_ index: Int) {
        guard case .malformed = Self.refusal(login: Self.greetings[index], of: []) else {
            Issue.record("\(Self.greetings[index]) passed")
            return
        }
    }

    @Test func everyGreetingThatIsCutIsRefused() {
        let whole = Array(Words.greeting().dropFirst(4))
        for count in 1..<whole.count {
            let refusal = Self.refusal(login: Words.packet(Array(whole.prefix(count)), 0), of: [])
            #expect(refusal != nil, "cut after \(count)")
        }
    }

    private static let answers: [([UInt8], Intake.Refusal)] = [
        (Words.packet([0xfb] + Array("/etc/passwd".utf8), 1), .file),
        (Words.packet([65], 1), .columns(65)), (Words.packet([0xfc, 0, 1], 1), .columns(256)),
        (Words.packet([0xfe, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0], 1), .columns(0x7fff_ffff)),
        (Words.packet([0xfe] + [UInt8](repeating: 0xff, count: 8), 1), .malformed("no count of columns")),
        (Words.packet([1, 0], 1), .malformed("more than a count of columns")),
        (Words.packet([0xff, 0xff, 0xff, 1, 1, 1, 0, 0, 0], 1), .malformed("an error without a code")),
        (Words.packet([0, 0, 0, 2], 1), .malformed("an OK that is cut")),
        (Words.packet([0, 0, 0, 8, 0, 0, 0], 1), .malformed("a second result")),
        (Words.packet([0, 0, 0, 2, 0, 0, 0, 9, 65], 1), .malformed("an OK that is cut")),
        ([0xff, 0xff, 0xff, 1], .packet(bytes: 0xff_ffff, bytesMax: 16 << 10)),
        ([0x01, 0x40, 0, 1], .packet(bytes: (16 << 10) + 1, bytesMax: 16 << 10)),
        (
            Words.packet([1], 1) + Words.packet([0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb], 2),
            .malformed("a column's definition")
        ),
        (Words.packet([1], 1) + Words.packet(Words.eof, 2), .malformed("a column's definition")),
        (Words.packet([1], 1) + Words.packet(Words.column + [0], 2), .malformed("a column's definition")),
        (
            Words.packet([1], 1) + Words.packet(Words.column, 2) + Words.packet(Words.column, 3),
            .malformed("no end where one must be")
        ),
        (Words.rows([5, 65], 1), .malformed("a row")), (Words.rows([1, 65, 65], 1), .malformed("a row")),
        (Words.rows([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1), .malformed("a row")),
        (Words.rows([1, 65], 101), .rows(rowsMax: 100)),
        (Words.rows([0xfc, 0, 16] + [UInt8](repeating: 65, count: 4096), 20), .answer(bytesMax: 64 << 10)),
        (Words.packet(Words.ok, 1) + Words.packet(Words.ok, 1), .malformed("one that nobody asked for")),
    ]

    @Test(arguments: answers.indices) func whatIsNoAnswerIsRefused(_ index: Int) {
        #expect(Self.refusal(of: Self.answers[index].0) == Self.answers[index].1)
    }

    @Test func endlessQuestionsInALoginEnd() {
        let asks = (0..<10).flatMap { _ in Words.packet([0xfe] + Words.switchTo("client_ed25519"), 2) }
        #expect(Self.refusal(login: Words.greeting() + asks, of: []) == .malformed("one more plugin"))
    }

    @Test func accountsMayBeMany() {
        let rows = Words.rows([1, 65], 200_000)
        #expect(Self.refusal(of: rows, within: .accounts) == nil)
        var bounds = Intake.Bounds.accounts
        bounds.rowsMax = 199_999
        #expect(Self.refusal(of: rows, within: bounds) == .rows(rowsMax: 199_999))
    }

    /// Bytes changed, cut, put in and moved: nothing but a refusal or sound packets comes of it.
    @Test(arguments: 1...8 as ClosedRange<UInt64>) func whatIsDamagedPassesInSoundPacketsOrNotAtAll(seed: UInt64) {
        var random = Damage(seed: seed)
        for _ in 0..<1500 {
            var intake = Intake()
            intake.asked(.check)
            let step = 1 + random.below(40)
            do throws(Intake.Refusal) {
                let first = try Self.read(&intake, random.damaged(Self.login), step: step)
                Words.expectPackets(first)
                for _ in 0..<3 {
                    intake.asked(.check)
                    Words.expectPackets(try Self.read(&intake, random.damaged(Self.answer), step: step))
                }
            } catch {
                #expect(!error.sentence.isEmpty)
            }
        }
    }
}

/// A server's packets, by hand.
enum ServerWords {
    static let ok: [UInt8] = [0, 0, 0, 2, 0, 0, 0]
    static let eof: [UInt8] = [0xfe, 0, 0, 2, 0]
    static let column: [UInt8] = [3, 100, 101, 102, 0, 0, 0, 1, 97, 0, 12, 45, 0, 255, 0, 0, 0, 253, 0, 0, 0, 0, 0]

    static func packet(_ payload: [UInt8], _ sequence: UInt8) -> [UInt8] {
        let count = payload.count
        return [UInt8(count & 0xff), UInt8(count >> 8 & 0xff), UInt8(count >> 16 & 0xff), sequence] + payload
    }

    /// As sent by 10.11.19 on Debian 12, and offering all that there is.
    static func greeting() -> [UInt8] {
        var payload: [UInt8] = [10]
        payload += Array("5.5.5-10.11.19-MariaDB-0+deb12u1".utf8) + [0]
        payload += [7, 0, 0, 0] + Array("abcdefgh".utf8) + [0]
        payload += [0xfe, 0xff, 45, 2, 0, 0xff, 0x81, 21] + [0, 0, 0, 0, 0, 0] + [0x1d, 0, 0, 0]
        payload += Array("ijklmnopqrst".utf8) + [0] + Array("mysql_native_password".utf8) + [0]
        return packet(payload, 0)
    }

    static func switchTo(_ plugin: String) -> [UInt8] {
        Array(plugin.utf8) + [0] + [UInt8](repeating: 7, count: 32)
    }

    static func result(columns: Int, rows: [[String?]]) -> [UInt8] {
        var bytes = packet([UInt8(columns)], 1)
        for _ in 0..<columns { bytes += packet(column, 2) }
        bytes += packet(eof, 3)
        for row in rows { bytes += packet(row.flatMap(text), 4) }
        return bytes + packet(eof, 5)
    }

    /// One column, and that row so many times.
    static func rows(_ row: [UInt8], _ count: Int) -> [UInt8] {
        packet([1], 1) + packet(column, 2) + packet(eof, 3) + (0..<count).flatMap { _ in packet(row, 4) }
            + packet(eof, 5)
    }

    static func text(_ text: String?) -> [UInt8] {
        guard let text else { return [0xfb] }
        let count = text.utf8.count
        return (count < 251 ? [UInt8(count)] : [0xfc, UInt8(count & 0xff), UInt8(count >> 8)]) + Array(text.utf8)
    }

    /// Whole packets of at least a byte, and nothing after them.
    static func expectPackets(_ bytes: [UInt8]) {
        var at = 0
        while at + 4 <= bytes.count {
            let length = Int(bytes[at]) | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2]) << 16
            #expect(length > 0 && length <= Intake.Bounds.check.packetBytesMax)
            at += 4 + length
        }
        #expect(at == bytes.count)
    }
}

private struct Damage {
    private var numbers: SplitMix64

    init(seed: UInt64) { numbers = SplitMix64(seed) }

    mutating func next() -> UInt64 { numbers.next() }
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<below(4) where !bytes.isEmpty {
            let place = below(bytes.count)
            switch below(5) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: next())
            case 1: bytes[place] ^= 1 << UInt8(below(8))
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(9)))
            case 3:
                bytes.insert(contentsOf: (0..<(1 + below(9))).map { _ in UInt8(truncatingIfNeeded: next()) }, at: place)
            case _: bytes += bytes[place..<min(bytes.count, place + 1 + below(60))]
            }
        }
        return bytes
    }
}
