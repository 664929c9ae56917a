import Cluster
import Foundation
import Testing

@testable import Evidence

/// Damaged conversations never trap, and nothing that was damaged is heard. A short run of fixed seeds by itself;
/// `make fuzz-parsers` goes on for FUZZ_SECONDS from FUZZ_SEED on.
@Suite struct FuzzTests {
    private static let key = Array("a key that only we know".utf8)
    private static let messages: [EvidenceMessage] = [
        .report(
            NodeReport(
                node: "n1",
                storage: .init(
                    role: .primary, disk: .upToDate, generations: [DataGeneration(volume: 0, current: 9, past: [7])]),
                manager: .init(promoted: ["n1"]), phase: .mounting), sequence: 3, age: 5, ages: .init(storage: 1)),
        .pause(id: 1, wait: 10, reason: "x"), .resume(id: 2, reason: ""), .move(id: 3, to: "n2"), .clear(id: 4),
        .plan(id: 5, to: "n2"), .moved(id: 6, isDone: true, text: "done"), .paused(id: 7, open: 0),
    ]

    /// How many conversations came through unchanged, and how many were refused.
    private static func round(_ seed: UInt64) -> (whole: Int, refused: Int) {
        var random = SplitMix64(seed)
        var sum = (whole: 0, refused: 0)
        for _ in 0..<40 {
            let nonces = (0..<2).map { _ in (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) } }
            var agent = EvidenceLink(side: .agent, name: "n1", key: key, nonce: nonces[0])
            var proxy = EvidenceLink(side: .proxy, name: "p", key: key, nonce: nonces[1], expectedPeer: "n1")
            var expected: [EvidenceMessage] = []
            var heard: [EvidenceMessage] = []
            var isDamaged = false
            var wasRefused = false
            for step in 0..<6 {
                if step > 2, let message = messages.randomElement(using: &random), agent.send(message) {
                    expected.append(message)
                }
                let isToProxy = step % 2 == 0 || step > 2
                var bytes = isToProxy ? agent.takeOutgoing() : proxy.takeOutgoing()
                if !bytes.isEmpty, Int.random(in: 0..<4, using: &random) == 0 {
                    isDamaged = true
                    damage(&bytes, &random)
                }
                // In pieces of any size.
                while !bytes.isEmpty {
                    let count = Int.random(in: 1...bytes.count, using: &random)
                    let piece = Array(bytes.prefix(count))
                    bytes.removeFirst(count)
                    for event in isToProxy ? proxy.received(piece) : agent.received(piece) {
                        switch event {
                        case .message(let message): heard.append(message)
                        case .refused: wasRefused = true
                        case .established, .passedOver: break
                        }
                    }
                }
            }
            // What was heard is what was said, in its order and from its beginning, whatever happened on the way.
            #expect(heard == Array(expected.prefix(heard.count)), "seed \(seed)")
            if !isDamaged {
                #expect(heard == expected && !wasRefused, "seed \(seed)")
                sum.whole += 1
            }
            if wasRefused { sum.refused += 1 }
            for message in messages { fuzzBody(message, &random) }
        }
        return sum
    }

    private static func damage(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        for _ in 0...Int.random(in: 0..<3, using: &random) {
            let at = Int.random(in: 0..<max(1, bytes.count), using: &random)
            guard bytes.indices.contains(at) else { return }
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[at] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
            case 3: bytes.removeLast(bytes.count - at)
            case _: bytes.insert(contentsOf: bytes[at...], at: at)
            }
        }
    }

    /// A body that passed its code, from a peer that has gone mad.
    private static func fuzzBody(_ message: EvidenceMessage, _ random: inout SplitMix64) {
        var body = message.encoded()
        damage(&body, &random)
        guard let read = EvidenceMessage.decoded(body) else { return }
        #expect(EvidenceMessage.decoded(read.encoded()) == read)
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>) func damagedConversations(_ seed: UInt64) {
        let sum = Self.round(seed)
        // Damage that always, or never, shows would test nothing.
        #expect(sum.whole > 2 && sum.refused > 2)
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["FUZZ_SECONDS"] != nil))
    func forAsLongAsAsked() throws {
        let environment = ProcessInfo.processInfo.environment
        let seconds = try #require(environment["FUZZ_SECONDS"].flatMap { Int($0) })
        let first = environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...1 << 32)
        let end = ContinuousClock.now + .seconds(seconds)
        var seed = first
        repeat {
            if let file = environment["FUZZ_STATE"] {
                try "\(seed)\n".write(toFile: file, atomically: true, encoding: .utf8)
            }
            _ = Self.round(seed)
            seed += 1
        } while ContinuousClock.now < end
        print("evidence: seeds \(first) to \(seed - 1)")
    }
}
