import Cluster
import Glibc
import Reactor
import Testing

/// A loop that gives up after ten seconds, so that what never comes is a failure and not a hang.
func guardedLoop() throws -> EventLoop {
    let loop = try EventLoop()
    loop.schedule(after: .seconds(10)) { [unowned loop] in
        Issue.record("nothing happened for ten seconds")
        loop.stop()
    }
    return loop
}

@Suite struct EventLoopTests {
    @Test func timersFireInTheOrderOfTheirTimesAndNeverEarly() throws {
        let loop = try guardedLoop()
        var fired: [Int64] = []
        let begun = MonotonicClock.now()
        for ms in [30, 10, 20] as [Int64] {
            loop.schedule(after: .milliseconds(ms)) {
                fired.append(ms)
                #expect((MonotonicClock.now() - begun).milliseconds >= ms)
                if ms == 30 { loop.stop() }
            }
        }
        loop.run()
        #expect(fired == [10, 20, 30])
    }

    @Test func aCancelledTimerDoesNotFire() throws {
        let loop = try guardedLoop()
        var fired = false
        let timer = loop.schedule(after: .milliseconds(1)) { fired = true }
        timer.cancel()
        timer.cancel()
        #expect(!timer.isActive)
        loop.schedule(after: .milliseconds(20)) { loop.stop() }
        loop.run()
        #expect(!fired)
    }

    @Test func aRepeatingTimerMayCancelItself() throws {
        let loop = try guardedLoop()
        var count = 0
        var timer: Timer?
        timer = loop.schedule(every: .milliseconds(2)) {
            count += 1
            if count == 3 {
                timer?.cancel()
                loop.schedule(after: .milliseconds(15)) { loop.stop() }
            }
        }
        loop.run()
        #expect(count == 3)
    }

    @Test func aTimerMayBeScheduledFromATimerAtOnce() throws {
        let loop = try guardedLoop()
        var steps = 0
        loop.schedule(after: .zero) {
            steps += 1
            loop.schedule(after: .zero) {
                steps += 1
                loop.stop()
            }
        }
        loop.run()
        #expect(steps == 2)
    }

    @Test func stoppedBeforeItRunsItReturnsAtOnce() throws {
        let loop = try guardedLoop()
        loop.stop()
        loop.run()
        var ran = false
        loop.schedule(after: .zero) {
            ran = true
            loop.stop()
        }
        loop.run()
        #expect(ran)
    }

    @Test func theLoopReleasesWhatItKept() throws {
        final class Token {}
        weak var kept: Token?
        do {
            let loop = try EventLoop()
            let token = Token()
            kept = token
            loop.schedule(after: .seconds(60)) { withExtendedLifetime(token) {} }
        }
        #expect(kept == nil)
    }

    @Test func aSignalArrivesOnTheLoop() throws {
        let loop = try guardedLoop()
        var count = 0
        Signals.on(SIGUSR2, loop: loop) {
            count += 1
            loop.stop()
        }
        loop.schedule(after: .zero) { kill(getpid(), SIGUSR2) }
        loop.run()
        #expect(count == 1)
    }
}
