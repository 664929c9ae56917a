import Cluster
import Testing

@testable import Routing

@Suite struct ReleaseGovernorTests {
    let start = Instant(nanoseconds: 1_000_000_000)

    @Test func boundsWhatRuns() {
        var governor = ReleaseGovernor(concurrencyMax: 3)
        for _ in 0..<3 {
            #expect(governor.mayStart(at: start))
            governor.attachStarted()
        }
        #expect(!governor.mayStart(at: start))
        governor.attachSucceeded()
        #expect(governor.mayStart(at: start))
        governor.attachStarted()
        governor.attachAbandoned()
        #expect(governor.running == 2)
        #expect(governor.mayStart(at: start))
    }

    @Test func afterAFailureOneAtATimeAndNotAtOnce() {
        var governor = ReleaseGovernor(concurrencyMax: 3)
        governor.attachStarted()
        governor.attachFailed(at: start)
        #expect(!governor.mayStart(at: start))
        let later = start + ReleaseGovernor.retryPause
        #expect(governor.mayStart(at: later))
        governor.attachStarted()
        #expect(!governor.mayStart(at: later))
        governor.attachSucceeded()
        for _ in 0..<3 {
            #expect(governor.mayStart(at: later))
            governor.attachStarted()
        }
        #expect(!governor.mayStart(at: later))
    }

    @Test func aNewPrimaryStartsAfresh() {
        var governor = ReleaseGovernor(concurrencyMax: 2)
        governor.refused(at: start, pause: .seconds(1))
        governor.refused(at: start, pause: .milliseconds(1))
        #expect(!governor.mayStart(at: start + .milliseconds(999)))
        governor.opened()
        #expect(governor.mayStart(at: start))
    }

    @Test func neverBelowZero() {
        var governor = ReleaseGovernor(concurrencyMax: 0)
        governor.attachAbandoned()
        governor.attachSucceeded()
        #expect(governor.running == 0)
        #expect(governor.concurrencyMax == 1)
        #expect(governor.mayStart(at: start))
    }
}
