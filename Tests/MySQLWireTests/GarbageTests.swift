import Cluster
import Foundation
import MySQLWire
import Testing

/// Bytes of a peer never trap, whatever they are, and what was read is written and read again to the same value.
@Suite struct GarbageTests {
    /// Real payloads, to be damaged.
    private static let samples: [[UInt8]] = {
        var all: [[UInt8]] = []
        for fixture in Fixture.all where fixture.capabilities.contains(.sessionTrack) {
            for line in fixture.lines {
                switch line {
                case .client(let packet), .server(let packet):
                    if packet.payload.count < 200 { all.append(packet.payload) }
                case .note, .over: break
                }
            }
        }
        return all
    }()

    private func damaged(_ random: inout SplitMix64) -> [UInt8] {
        guard Int.random(in: 0..<4, using: &random) > 0, var bytes = GarbageTests.samples.randomElement(using: &random)
        else { return random.bytes(upTo: 80) }
        for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes.removeLast(bytes.count - at)
            case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes[at] = [0, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF][Int.random(in: 0..<6, using: &random)]
            case _: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
            }
        }
        return bytes
    }

    /// 1 where the bytes could be read; what is written then must be read and written to the same again.
    private func settles<T>(
        _ bytes: [UInt8], _ read: (UnsafeRawBufferPointer) throws(WireError) -> T, _ write: (T) -> [UInt8]
    ) throws -> Int {
        guard let value = try? bytes.read(read) else { return 0 }
        let again = write(value)
        #expect(write(try again.read(read)) == again)
        return 1
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func payloads(_ seed: UInt64) throws {
        var random = SplitMix64(seed)
        var read = 0
        for _ in 0..<15_000 {
            let bytes = damaged(&random)
            let capabilities = Capabilities(rawValue: random.next()).union(.protocol41)
            func ok(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> OKPacket {
                try OKPacket(payload: bytes, capabilities: capabilities)
            }
            func changeUser(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> ChangeUser {
                try ChangeUser(payload: bytes, capabilities: capabilities)
            }
            read += try settles(bytes, ok) { $0.payload(capabilities: capabilities) }
            read += try settles(bytes, changeUser) { $0.payload(capabilities: capabilities) }
            read += try settles(bytes, HandshakeResponse.init(payload:)) { $0.payload() }
            read += try settles(bytes, Greeting.init(payload:)) { $0.payload() }
            read += try settles(bytes, AuthSwitch.init(payload:)) { $0.payload() }
            read += try settles(bytes, ErrorPacket.init(payload:)) { $0.payload() }
            read += try settles(bytes, ProgressReport.init(payload:)) { $0.payload() }
            read += try settles(bytes, EOFPacket.init(payload:)) { $0.payload() }
        }
        // Garbage that nothing accepts would test nothing.
        #expect(read > 1000)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func tracker(_ seed: UInt64) {
        var random = SplitMix64(seed)
        var tracker = ResponseTracker()
        var ended = 0
        for _ in 0..<25_000 {
            if tracker.isIdle || Int.random(in: 0..<8, using: &random) == 0 {
                let command = Command.allCases.randomElement(using: &random) ?? .query
                tracker.begin(command, capabilities: Capabilities(rawValue: random.next()))
                #expect(tracker.isIdle == command.isUnanswered)
            }
            var bytes = damaged(&random)
            if Bool.random(using: &random), !bytes.isEmpty {
                bytes[0] = [0, 1, 2, 0xFB, 0xFE, 0xFF][Int.random(in: 0..<6, using: &random)]
            }
            let lengths = [bytes.count, bytes.count, bytes.count, 0xFF_FFFF, 20_000, 0]
            let length = lengths[Int.random(in: 0..<lengths.count, using: &random)]
            switch tracker.packet(length: length, beginning: bytes) {
            case .flows, .localInfile: #expect(!tracker.isIdle)
            case .ok(let more), .eof(let more):
                ended += 1
                #expect(tracker.isIdle == !more)
            case .prepared(_, _, _, let more): #expect(tracker.isIdle == !more)
            case .error, .done:
                ended += 1
                #expect(tracker.isIdle)
            case .malformed:
                #expect(!tracker.isIdle)
                #expect(tracker.packet([0, 0, 0, 2, 0, 0, 0]) == .malformed)
            }
            if Int.random(in: 0..<4, using: &random) == 0 { tracker.fileSent() }
        }
        #expect(ended > 500)
    }

    /// `make fuzz-parsers`: the same with new seeds for FUZZ_SECONDS. The seed of the round under way is in FUZZ_STATE.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["FUZZ_SECONDS"] != nil))
    func forAsLongAsAsked() throws {
        let environment = ProcessInfo.processInfo.environment
        let seconds = try #require(environment["FUZZ_SECONDS"].flatMap { Int($0) })
        var seed = environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...1 << 32)
        let end = ContinuousClock.now + .seconds(seconds)
        repeat {
            if let file = environment["FUZZ_STATE"] {
                try "\(seed)\n".write(toFile: file, atomically: true, encoding: .utf8)
            }
            try payloads(seed)
            tracker(seed)
            seed += 1
        } while ContinuousClock.now < end
        print("MySQL wire: up to seed \(seed - 1)")
    }
}
