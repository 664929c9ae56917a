import Cluster
import Testing

@testable import Availability

@Suite struct SecondLedgerTests {
    private let start = Instant(nanoseconds: 5_000_000_000)
    /// 250 ms after a whole second.
    private let wall = WallTime(nanoseconds: 1_700_000_000_250_000_000)
    private let bounds = LatencyBounds(microseconds: Array(0..<10).map { 10 * (1 << $0) })

    private func ledger() -> SecondLedger {
        SecondLedger(bounds: bounds, delayBound: .milliseconds(1), at: start, wall: wall)
    }

    private func rows(_ entries: [SecondLedger.Entry]) -> [Interval] {
        entries.compactMap { if case .second(let row) = $0 { row } else { nil } }
    }

    @Test func firstRowEndsAtTheWholeSecond() {
        var ledger = ledger()
        #expect(ledger.due == start + .milliseconds(750))
        let first = rows(ledger.record(LedgerSample(), at: ledger.due, wall: wall + .milliseconds(750)))
        #expect(first.map(\.covered) == [.milliseconds(750)])
        #expect(first.first?.began == wall)
        #expect(ledger.due == start + .milliseconds(1750))
    }

    @Test func aSampleBeforeItsTimeAddsToTheRow() {
        var ledger = ledger()
        var early = LedgerSample()
        early.usersAffected = 7
        early.latency = LatencyCounts(dense: [0, 2])
        #expect(ledger.record(early, at: start + .milliseconds(10), wall: wall + .milliseconds(10)) == [])
        var sample = LedgerSample()
        sample.begun = 3
        sample.answered = 3
        sample.latency = LatencyCounts(dense: [1, 0, 0, 0, 0, 0, 0, 4])
        let row = rows(ledger.record(sample, at: ledger.due, wall: wall + .milliseconds(750))).first
        #expect(row?.latency == LatencyCounts(dense: [1, 2, 0, 0, 0, 0, 0, 4]))
        #expect(row?.usersAffectedMax == 7)
        #expect(row?.delayed == 4)
        #expect(row?.begun == 3)
    }

    @Test func theLastRowEndsWithTheProcess() {
        var ledger = ledger()
        var sample = LedgerSample()
        sample.begun = 5
        sample.answered = 5
        sample.userNanosecondsLost = 1_700_000
        sample.latency = LatencyCounts(dense: [5])
        _ = ledger.record(sample, at: ledger.due, wall: wall + .milliseconds(750))
        sample.begun = 9
        sample.answered = 8
        sample.abandoned = 1
        sample.userNanosecondsLost = 4_200_000
        sample.latency = LatencyCounts(dense: [3])
        let rows = rows(ledger.close(sample, at: start + .milliseconds(1000), wall: wall + .seconds(1)))
        #expect(rows.map(\.covered) == [.milliseconds(250)])
        #expect(rows.first?.begun == 4)
        #expect(rows.first?.latency.total == 3)
        #expect(rows.first?.userMillisecondsLost == 3)
        // Late by a second and a bit: the whole one, and the bit.
        var late = self.ledger()
        let two = self.rows(late.close(sample, at: start + .milliseconds(900), wall: wall + .milliseconds(900)))
        #expect(two.map(\.covered) == [.milliseconds(750), .milliseconds(150)])
        #expect(two.map(\.latency.total) == [3, 0])
    }

    @Test func lateSampleStandsForTheSecondsMissed() {
        var ledger = ledger()
        var sample = LedgerSample()
        sample.begun = 107
        sample.answered = 100
        sample.heldNow = 7
        let at = start + .milliseconds(3800)
        let rows = rows(ledger.record(sample, at: at, wall: wall + .milliseconds(3800)))
        #expect(rows.count == 4)
        #expect(rows.map(\.estimated) == [1, 1, 1, 1])
        #expect(rows.reduce(0) { $0 + $1.begun } == 107)
        #expect(rows.last?.heldNow == 7)
        var before: Interval?
        for row in rows {
            #expect(row.imbalance(after: before) == 0)
            if let before { #expect(before.ended == row.began) }
            before = row
        }
    }

    @Test func tooLateIsAGap() {
        var ledger = ledger()
        let entries = ledger.record(LedgerSample(), at: start + .seconds(60), wall: wall + .seconds(60))
        guard case .gap(let gap) = entries.first else {
            Issue.record("no gap in \(entries)")
            return
        }
        #expect(gap.reason == .stalled)
        #expect(gap.began == wall)
        #expect(rows(entries).first?.began == gap.ended)
        #expect(ledger.due > start + .seconds(60))
        #expect(ledger.due <= start + .seconds(61))
    }

    @Test(arguments: [-3600, -1, 1, 86_400])
    func clockThatIsSetMovesDatesAndNotLengths(seconds: Int64) {
        var ledger = ledger()
        _ = ledger.record(LedgerSample(), at: ledger.due, wall: wall + .milliseconds(750))
        let at = ledger.due
        let entries = ledger.record(LedgerSample(), at: at, wall: wall + (at - start) + .seconds(seconds))
        #expect(
            entries.first
                == .clockStep(
                    ClockStep(
                        at: at, expected: wall + (at - start), found: wall + (at - start) + .seconds(seconds))))
        #expect(rows(entries).map(\.covered) == [.seconds(1)])
        #expect(ledger.wall(of: at) == wall + (at - start) + .seconds(seconds))
    }

    /// Whatever the samples' times, rows are without a hole, add up, and the sum of the counters holds in each.
    @Test(arguments: UInt64(1)...20)
    func randomSamples(seed: UInt64) {
        var random = SplitMix64(seed)
        var ledger = ledger()
        var now = start
        var sample = LedgerSample()
        var all: [Interval] = []
        var gaps: Int64 = 0
        for _ in 0..<300 {
            now = now + .milliseconds(random.next(100) < 3 ? random.next(30_000) : 600 + random.next(900))
            sample.answered += random.next(500)
            sample.failed += random.next(3)
            sample.abandoned += random.next(2)
            sample.heldNow = Int(random.next(40))
            sample.inFlightNow = Int(random.next(40))
            sample.heldTotal += random.next(4)
            sample.users = Int(random.next(100))
            sample.begun = sample.answered + sample.failed + sample.abandoned
            sample.begun += Int64(sample.heldNow + sample.inFlightNow)
            #expect(sample.imbalance == 0)
            for entry in ledger.record(sample, at: now, wall: wall + (now - start)) {
                switch entry {
                case .second(let row):
                    #expect(row.imbalance(after: all.last) == 0)
                    all.append(row)
                case .gap(let gap): gaps += (gap.ended - gap.began).nanoseconds
                case .clockStep: Issue.record("the clock was not set")
                }
            }
        }
        let covered = all.reduce(0) { $0 + $1.covered.nanoseconds }
        let until = all.last.map { $0.monotonic + $0.covered } ?? start
        #expect(covered + gaps == (until - start).nanoseconds)
        #expect(ledger.due == until + .seconds(1))
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.monotonic + $0.covered <= $1.monotonic })
    }
}

extension SplitMix64 {
    /// 0..<limit
    mutating func next(_ limit: Int64) -> Int64 { Int64(next() % UInt64(limit)) }
}
