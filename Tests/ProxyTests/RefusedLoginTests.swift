import Cluster
import Testing

@testable import Proxy

@Suite struct RefusedLoginTests {
    private let login = RefusedLogin(user: "app", client: "10.0.0.7:1", code: 1045, message: "Access denied")

    @Test func tellsAFewInASecondAndCountsTheRest() {
        var teller = RefusedLoginTeller()
        var told = 0
        for millisecond in 0..<900 {
            if teller.refused(login, at: Instant(nanoseconds: 1_000_000_000 + Int64(millisecond) * 1_000_000)) != nil {
                told += 1
            }
        }
        #expect(told == RefusedLoginTeller.perSecondMax)
        let next = teller.refused(login, at: Instant(nanoseconds: 2_000_000_000))
        #expect(next?.untold == UInt64(900 - told))
        #expect(teller.refused(login, at: Instant(nanoseconds: 2_000_000_001))?.untold == 0)
    }
}
