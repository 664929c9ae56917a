import Cluster
import Testing

@testable import Proxy

@Suite struct AcceptRateTests {
    private func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: 5_000_000_000 + milliseconds * 1_000_000) }

    @Test func soManyPerSecondAndTheRestWaits() {
        var rate = AcceptRate()
        for _ in 0..<3 {
            #expect(rate.pause(limit: 3, at: at(0)) == nil)
            rate.counted(at: at(0))
        }
        #expect(rate.pause(limit: 3, at: at(200)) == .milliseconds(800))
        #expect(rate.pause(limit: 0, at: at(200)) == nil)
        #expect(rate.pause(limit: 4, at: at(200)) == nil)
        #expect(rate.pause(limit: 3, at: at(1000)) == nil)
        rate.counted(at: at(1000))
        #expect(rate.pause(limit: 1, at: at(1001)) == .milliseconds(999))
    }
}
