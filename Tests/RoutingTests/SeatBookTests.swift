import Cluster
import Testing

@testable import Routing

@Suite struct SeatBookTests {
    private func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: 1_000_000_000) + .milliseconds(milliseconds)
    }

    private func take(_ book: inout SeatBook, _ worker: Int, since: Int64, at now: Int64) -> Bool {
        book.take(for: worker, waitingSince: at(since), at: at(now))
    }

    /// As many as wait are let in, as far as they may.
    private func fill(_ book: inout SeatBook, _ count: Int, at now: Int64 = 0) -> Int {
        (0..<count).count { _ in
            guard take(&book, 0, since: -1, at: now) else { return false }
            book.admitted()
            return true
        }
    }

    @Test func seatsAreKeptForAdministratorsAndForWhatOthersUse() {
        var book = SeatBook()
        book.learned(ServerSeats(connectionsMax: 100, connected: 11))
        #expect(book.limit == 86)
        #expect(fill(&book, 400) == 86)
        book.left(wasUnderWay: false)
        #expect(fill(&book, 400) == 1)
        // Counted anew: ten of the others have gone.
        book.learned(ServerSeats(connectionsMax: 100, connected: 87))
        #expect(fill(&book, 400) == 10)
        // Fewer than there are: nobody is sent away, and nobody comes.
        book.learned(ServerSeats(connectionsMax: 50, connected: 97))
        #expect(fill(&book, 400) == 0 && book.taken == 96)
    }

    @Test(arguments: [(1, 1), (2, 1), (5, 4), (10, 8), (20, 17), (30, 26), (151, 147)])
    func smallServersAreUsedToo(_ connectionsMax: Int, _ ours: Int) {
        var book = SeatBook()
        book.learned(ServerSeats(connectionsMax: connectionsMax, connected: 1))
        #expect(fill(&book, 400) == ours)
    }

    @Test func whatIsUnderWayIsNobodyElses() {
        var book = SeatBook()
        book.learned(ServerSeats(connectionsMax: 100, connected: 5))
        for _ in 0..<30 { #expect(take(&book, 0, since: -1, at: 0)) }
        // Some, all or none of the thirty may be among them.
        for connected in [5, 20, 35] {
            book.learned(ServerSeats(connectionsMax: 100, connected: connected))
            #expect(book.limit == 92)
        }
        book.learned(ServerSeats(connectionsMax: 100, connected: 36))
        #expect(book.limit == 91)
    }

    @Test func withoutAnyWordTheServersOwnNoCounts() {
        var book = SeatBook()
        #expect(book.limit == nil)
        #expect(fill(&book, 40) == 40)
        #expect(take(&book, 0, since: -1, at: 0))
        book.refused(at: at(0))
        book.left(wasUnderWay: true)
        #expect(fill(&book, 5) == 0, "no hammering")
        #expect(fill(&book, 5, at: 99) == 0)
        // Somebody of ours leaves: that seat is free at once.
        book.left(wasUnderWay: false)
        #expect(take(&book, 0, since: -1, at: 50))
        book.refused(at: at(50))
        book.left(wasUnderWay: true)
        // Longer each time, and no longer than that.
        var now: Int64 = 50
        for pause in [200, 400, 800, 1600, 2000, 2000] as [Int64] {
            #expect(!take(&book, 0, since: -1, at: now + pause - 1), "\(pause)")
            now += pause
            #expect(take(&book, 0, since: -1, at: now), "\(pause)")
            book.refused(at: at(now))
            book.left(wasUnderWay: true)
        }
        #expect(take(&book, 0, since: -1, at: now + 2000))
        book.admitted()
        #expect(fill(&book, 5, at: now + 2000) == 5)
    }

    @Test func whoHasWaitedLongestIsNext() {
        var book = SeatBook()
        book.learned(ServerSeats(connectionsMax: 30, connected: 1))
        #expect(fill(&book, 26) == 26)
        #expect(!take(&book, 1, since: -30, at: 0))
        #expect(!take(&book, 2, since: -20, at: 0))
        book.left(wasUnderWay: false)
        // The worker whose session left has somebody too, and others were there before.
        #expect(!take(&book, 0, since: -10, at: 1))
        #expect(!take(&book, 2, since: -20, at: 1))
        #expect(take(&book, 1, since: -30, at: 2))
        book.left(wasUnderWay: true)
        #expect(take(&book, 2, since: -20, at: 3))
        book.left(wasUnderWay: true)
        // Whoever gave up is not waited for.
        #expect(!take(&book, 1, since: -30, at: 3) || book.taken == 26)
        book.waitsNoMore(1)
        book.waitsNoMore(2)
        book.left(wasUnderWay: false)
        #expect(take(&book, 0, since: -10, at: 4))
    }

    @Test func aFirstLoginIsTheServersBusiness() {
        var book = SeatBook()
        book.learned(ServerSeats(connectionsMax: 10, connected: 1))
        #expect(fill(&book, 20) == 8)
        book.takeUnasked()
        #expect(book.taken == 9)
        book.left(wasUnderWay: true)
        book.left(wasUnderWay: true)
        for _ in 0..<20 { book.left(wasUnderWay: true) }
        #expect(book.taken == 0)
    }
}
