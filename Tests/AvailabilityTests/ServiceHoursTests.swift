import Cluster
import Testing

@testable import Availability

@Suite struct ServiceHoursTests {
    /// Central Europe in 2026: an hour ahead, two from 29 March 01:00 UTC to 25 October 01:00 UTC.
    private let berlin = ZoneOffsets(
        name: "Europe/Berlin", initial: 3600,
        changes: [.init(from: 1_774_746_000, offset: 7200), .init(from: 1_792_890_000, offset: 3600)])

    private func day(_ text: String) throws -> WallTime {
        WallTime(seconds: try #require(CivilDate(text)).day * 86_400)
    }

    @Test(arguments: [
        ("1970-01-01", 0, 3), ("2026-11-22", 20_779, 6), ("2024-02-29", 19_782, 3), ("2000-03-01", 11_017, 2),
        ("1969-12-31", -1, 2),
    ])
    func dates(text: String, days: Int64, weekday: Int) throws {
        let date = try #require(CivilDate(text))
        #expect(date.day == days)
        #expect(date.weekday == weekday)
        #expect(date.description == text)
    }

    @Test(arguments: [
        "", "2026-02-30", "2025-02-29", "2026-13-01", "26-01-01", "2026-1-1", "2026-01-01 ", "+026-01-01",
    ])
    func noDates(text: String) { #expect(CivilDate(text) == nil) }

    @Test func texts() {
        let time = WallTime(nanoseconds: 1_774_746_000_250_000_000)
        #expect(time.text() == "2026-03-29T01:00:00.250Z")
        #expect(time.text(in: berlin) == "2026-03-29T03:00:00.250+02:00")
        #expect(time.clock(in: berlin) == "2026-03-29 03:00:00")
    }

    @Test func aWeekOfTheStudy() throws {
        let hours = try ServiceHours("Mon-Fri 08:00-19:00")
        let monday = try day("2026-11-16")
        #expect(hours.agreed(from: monday, to: monday + .seconds(7 * 86_400)) == .seconds(5 * 11 * 3600))
        #expect(hours.agreed(from: monday + .seconds(9 * 3600), to: monday + .seconds(9 * 3600 + 90)) == .seconds(90))
        #expect(hours.agreed(from: monday + .seconds(5 * 86_400), to: monday + .seconds(7 * 86_400)) == .zero)
        #expect(hours.agreed(from: monday, to: monday) == .zero)
    }

    @Test func holidaysAndZones() throws {
        let christmas = try #require(CivilDate("2026-12-25"))
        let hours = try ServiceHours("fri-sat 08:00-24:00, Sat 00:00-08:00", holidays: [christmas], zone: berlin)
        let friday = try day("2026-12-25")
        #expect(hours.agreed(from: friday, to: friday + .seconds(2 * 86_400)) == .seconds(24 * 3600))
        // Saturday begins at 23:00 UTC of Friday.
        #expect(hours.agreed(from: friday, to: friday + .seconds(23 * 3600)) == .zero)
    }

    @Test(arguments: [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-07", 24)])
    func daysOfUnusualLength(date: String, length: Int64) throws {
        let hours = try ServiceHours("Sun 00:00-24:00", zone: berlin)
        let noon = try day(date) + .seconds(43_200)
        let agreed = hours.agreed(
            from: noon + .seconds(-2 * 86_400), to: noon + .seconds(2 * 86_400))
        #expect(agreed == .seconds(length * 3600))
    }

    /// At 02:00 the clocks go to 03:00: of hours that begin or end between, what the clocks show of them counts.
    @Test(arguments: [
        ("02:30-05:00", 2), ("01:00-02:30", 1), ("02:10-02:50", 0), ("02:00-03:00", 0), ("03:00-05:00", 2),
    ])
    func hoursThatTheClocksSkip(text: String, length: Int64) throws {
        let hours = try ServiceHours("Sun \(text)", zone: berlin)
        let sunday = try day("2026-03-29")
        #expect(hours.agreed(from: sunday, to: sunday + .seconds(86_400)) == .seconds(length * 3600))
    }

    @Test func always() {
        #expect(
            ServiceHours.always.agreed(from: WallTime(seconds: 1), to: WallTime(seconds: 1_000_001))
                == .seconds(1_000_000))
    }

    @Test(arguments: [
        "", "Mon", "Mon 8-19", "Mon 19:00-08:00", "Mon 08:00-25:00", "Moo 08:00-19:00", "Mon-Tue-Wed 08:00-09:00",
        "Mon 08:00-19:00 x", "08:00-19:00", "Mon 24:30-24:45", "Mon -1:00-09:00",
    ])
    func notReadable(text: String) {
        #expect(throws: ServiceHours.Wrong.self) { try ServiceHours(text) }
    }
}

@Suite struct LatencyCountsTests {
    @Test func thereAndBack() {
        let counts = LatencyCounts(dense: [0, 3, 0, 500, 70_000, 0, 1])
        #expect(LatencyCounts(bytes: counts.bytes) == counts)
        #expect(LatencyCounts(bytes: []) == LatencyCounts())
        #expect(counts.total == 70_504)
    }

    @Test(arguments: [[1], [0x80], [1, 0], [1, 1, 0, 1], Array(repeating: 0xFF, count: 20)] as [[UInt8]])
    func notOfThatForm(bytes: [UInt8]) { #expect(LatencyCounts(bytes: bytes) == nil) }

    @Test func sums() {
        var sum = LatencyCounts(dense: [1, 0, 2])
        sum.add(LatencyCounts(dense: [0, 5, 1, 0, 7]))
        #expect(sum == LatencyCounts(dense: [1, 5, 3, 0, 7]))
    }

    @Test func quantiles() {
        let bounds = LatencyBounds(microseconds: [10, 20, 40, 80])
        let counts = LatencyCounts(dense: [50, 49, 0, 1])
        #expect(bounds.quantile(0.5, of: counts) == 10)
        #expect(bounds.quantile(0.501, of: counts) == 20)
        #expect(bounds.quantile(0.99, of: counts) == 20)
        #expect(bounds.quantile(1, of: counts) == 80)
        #expect(bounds.quantile(0.5, of: LatencyCounts()) == nil)
        #expect(bounds.last(within: 40) == 2)
        #expect(bounds.last(within: 9) == -1)
        #expect(counts.count(above: 1) == 1)
    }
}
