import Cluster
import Testing

@testable import HAProxyDB

@Suite struct LineRationTests {
    private func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    @Test func someAreSaidAndTheRestIsCounted() {
        var ration = LineRation(linesMax: 2, window: .seconds(10))
        #expect(ration.take(at: at(0)) == .say)
        #expect(ration.take(at: at(1)) == .say)
        #expect(ration.take(at: at(2)) == .sumUp(at: at(10_000)))
        #expect(ration.take(at: at(9_000)) == .counted)
        // The sum is late: what comes before it belongs to it.
        #expect(ration.take(at: at(10_001)) == .counted)
        #expect(ration.sumUp(at: at(10_002)) == 3)
        #expect(ration.take(at: at(10_003)) == .say)
        #expect(ration.take(at: at(10_004)) == .say)
        #expect(ration.take(at: at(10_005)) == .sumUp(at: at(20_002)))
    }

    @Test func theNextTimeBeginsWithTheNextLine() {
        var ration = LineRation(linesMax: 1, window: .seconds(1))
        for second in Int64(0)..<5 { #expect(ration.take(at: at(second * 1000)) == .say) }
    }
}
