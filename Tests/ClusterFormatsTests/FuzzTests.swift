import ClusterFormats
import Foundation
import Health
import Testing

/// Damaged output never traps, hangs or is read in two ways. A short run of fixed seeds by itself; `make fuzz-parsers`
/// goes on for FUZZ_SECONDS from FUZZ_SEED on, and leaves the seed of the round under way in FUZZ_STATE: a crash is
/// repeated with FUZZ_SEED set to it and FUZZ_SECONDS=1.
@Suite struct FuzzTests {
    private static let samples: [(kind: Kind, bytes: [UInt8])] = Fixture.all.compactMap { fixture in
        guard let kind = Kind(fixture), kind != .notes, kind != .witness, !fixture.bytes.isEmpty else { return nil }
        return (kind, fixture.bytes)
    }

    private struct Tally {
        var read = 0
        var refused = 0
    }

    private static func round(seed: UInt64, inputs: Int, _ tally: inout Tally) throws {
        var mutator = Mutator(seed: seed, samples: samples.map(\.bytes))
        for _ in 0..<inputs {
            let sample = samples[mutator.below(samples.count)]
            let bytes = mutator.damaged(sample.bytes)
            let begun = ContinuousClock.now
            let first = outcome(sample.kind, bytes)
            #expect(ContinuousClock.now - begun < .seconds(5), "seed \(seed): slow")
            if mutator.below(8) == 0 {
                #expect(first == outcome(sample.kind, bytes), "seed \(seed): not the same twice")
            }
            switch first {
            case .success: tally.read += 1
            case .failure(let error):
                tally.refused += 1
                #expect(error.description.utf8.count < 600, "seed \(seed): an endless message")
            }
        }
    }

    private static func outcome(_ kind: Kind, _ bytes: [UInt8]) -> Result<String, FormatError> {
        do throws(FormatError) { return .success(try parse(kind, bytes)) } catch { return .failure(error) }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func damagedOutput(_ seed: UInt64) throws {
        var tally = Tally()
        try FuzzTests.round(seed: seed, inputs: 250, &tally)
        // Damage that always, or never, shows would test nothing.
        #expect(tally.read > 20)
        #expect(tally.refused > 20)
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["FUZZ_SECONDS"] != nil))
    func forAsLongAsAsked() throws {
        let environment = ProcessInfo.processInfo.environment
        let seconds = try #require(environment["FUZZ_SECONDS"].flatMap { Int($0) })
        let first = environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...1 << 32)
        let end = ContinuousClock.now + .seconds(seconds)
        var seed = first
        var tally = Tally()
        repeat {
            if let file = environment["FUZZ_STATE"] {
                try "\(seed)\n".write(toFile: file, atomically: true, encoding: .utf8)
            }
            try FuzzTests.round(seed: seed, inputs: 500, &tally)
            seed += 1
        } while ContinuousClock.now < end
        print("cluster formats: seeds \(first) to \(seed - 1), \(tally.read) read, \(tally.refused) refused")
    }
}
