import Testing

@testable import Routing

@Suite struct ReleaseGovernorTests {
    @Test func boundsWhatRuns() {
        var governor = ReleaseGovernor(concurrencyMax: 3)
        #expect(governor.held(5) == 0)
        #expect(governor.opened() == 3)
        #expect(governor.held() == 0)
        #expect(governor.attachEnded(success: true) == 1)
        #expect(governor.waiting == 2)
        #expect(governor.attachEnded(success: true) == 1)
        #expect(governor.attachEnded(success: true) == 1)
        #expect(governor.attachEnded(success: true) == 0)
        #expect(governor.running == 2)
        #expect(governor.held() == 1)
    }

    @Test func failureSlowsDown() {
        var governor = ReleaseGovernor(concurrencyMax: 2)
        _ = governor.opened()
        #expect(governor.held(10) == 2)
        #expect(governor.attachEnded(success: false) == 0)
        // Nothing else is under way that could go on from here: one tries.
        #expect(governor.attachEnded(success: false) == 1)
        #expect(governor.attachEnded(success: true) == 2)
    }

    @Test func closedStartsNothing() {
        var governor = ReleaseGovernor(concurrencyMax: 2)
        _ = governor.opened()
        #expect(governor.held(4) == 2)
        governor.closed()
        #expect(governor.attachEnded(success: true) == 0)
        #expect(governor.attachEnded(success: false) == 0)
        governor.abandoned()
        #expect(governor.opened() == 1)
        governor.abandoned(5)
        #expect(governor.waiting == 0)
    }

    @Test func everythingIsReleasedOnce() {
        for maximum in 1...5 {
            var governor = ReleaseGovernor(concurrencyMax: maximum)
            var started = governor.held(100)
            started += governor.opened()
            var ended = 0
            while ended < started {
                ended += 1
                started += governor.attachEnded(success: ended % 3 != 0)
                #expect(governor.running <= maximum)
            }
            #expect(started == 100)
            #expect(governor.waiting == 0)
        }
    }

    @Test func atLeastOne() {
        #expect(ReleaseGovernor(concurrencyMax: 0).concurrencyMax == 1)
    }
}
