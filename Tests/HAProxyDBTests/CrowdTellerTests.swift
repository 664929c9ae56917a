import Cluster
import Routing
import Testing

@testable import HAProxyDB

@Suite struct CrowdTellerTests {
    @Test func isToldAtOnceNowAndThenAndAtTheEnd() {
        func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: 1) + .seconds(seconds) }
        func full(_ waiting: Int) -> FullServer { FullServer(connectionsMax: 100, waiting: waiting, taken: 96) }
        var teller = CrowdTeller()
        var news: [Int64: CrowdTeller.News] = [:]
        for second in 0...30 as ClosedRange<Int64> {
            news[second] = teller.saw(second < 5 || second > 27 ? full(0) : full(300), at: at(second))
        }
        let told = news.filter { $0.value != .nothing }
        #expect(
            told == [
                5: .waits(full(300)), 15: .waits(full(300)), 25: .waits(full(300)), 28: .ended(after: .seconds(23)),
            ])
        #expect(full(1).sentence.hasSuffix("max_connections = 100), 1 session waits"))
        // The primary is gone: that is another story.
        #expect(teller.saw(full(2), at: at(40)) == .waits(full(2)))
        #expect(teller.saw(nil, at: at(41)) == .ended(after: .seconds(1)))
    }
}
