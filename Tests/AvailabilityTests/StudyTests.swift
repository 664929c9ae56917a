import Cluster
import Testing

@testable import Availability

@Suite struct StudyTests {
    private let monday = WallTime(seconds: 1_763_942_400)  // 2025-11-24T00:00:00Z

    private func minute(_ n: Int64, users: Int = 10, answered: Int64 = 600) -> Interval {
        var row = Interval(
            began: monday + .seconds(n * 60), monotonic: Instant(nanoseconds: n * 60_000_000_000), covered: .seconds(60)
        )
        row.userMilliseconds = Int64(users) * 60_000
        row.usersMax = users
        row.begun = answered
        row.answered = answered
        row.latency = LatencyCounts(dense: [UInt32(answered)])
        return row
    }

    private func outage(at second: Int64, lasting length: Instant.Span, users: Int = 10) -> OutageRecord {
        var record = OutageRecord(number: 1, began: Instant(nanoseconds: 0), isFelt: true, cause: .primaryLost)
        record.wall = monday + .seconds(second)
        record.ended = record.began + length
        record.knownUntil = record.began + length
        record.kind = .failover
        record.usersMax = users
        record.usersAffected = users
        record.userMillisecondsLost = Int64(users) * length.milliseconds
        record.primaryLost = record.began
        record.diagnoses = [.primaryLost]
        record.reason = "<refused> & \"gone\""
        return record
    }

    private func study(
        _ intervals: [Interval], _ outages: [OutageRecord] = [], gaps: [LedgerGap] = [], hours: ServiceHours = .always,
        since: WallTime? = nil, until: WallTime? = nil
    ) -> Study {
        Study(
            intervals: intervals, outages: outages, gaps: gaps, clockSteps: [],
            bounds: LatencyBounds(microseconds: [1000]), delayBound: .seconds(1), hours: hours, since: since,
            until: until)
    }

    /// A log is a file: whatever it says, the report is made.
    @Test(arguments: [Int64.min, .min + 1, -1, 0, .max - 1, .max])
    func aLogOfNoSense(_ number: Int64) {
        func wild(_ other: Int64) -> Interval {
            var row = Interval(
                began: WallTime(nanoseconds: other), monotonic: Instant(nanoseconds: other),
                covered: Instant.Span(nanoseconds: number))
            for path in [
                \Interval.userMilliseconds, \.userMillisecondsLost, \.begun, \.answered, \.failed, \.abandoned, \.held,
                \.rerun, \.moved, \.loginsRefused, \.lost, \.bytesIn, \.bytesOut, \.delayed,
            ] {
                row[keyPath: path] = number
            }
            for path in [
                \Interval.usersMax, \.usersAffectedMax, \.heldNow, \.inFlightNow, \.loginsHeldNow, \.heldMax,
                \.estimated,
            ] {
                row[keyPath: path] = Int(number)
            }
            // Counts of 2^63 - 1 in the first buckets.
            let most = [UInt8](repeating: 0xFF, count: 8) + [0x7F]
            row.latency = LatencyCounts(bytes: [0] + most + [1] + most + [1] + most) ?? LatencyCounts()
            return row
        }
        var record = OutageRecord(
            number: Int(number), began: Instant(nanoseconds: number), isFelt: true, cause: .primaryLost)
        record.wall = WallTime(nanoseconds: number)
        record.ended = Instant(nanoseconds: ~number)
        record.primaryLost = Instant(nanoseconds: ~number)
        record.primaryFound = Instant(nanoseconds: number)
        record.phases = [PhaseSpan(phase: .lost, began: Instant(nanoseconds: ~number), ended: record.began)]
        record.usersMax = Int(number)
        record.userMillisecondsLost = number
        record.held = number
        record.failed = number
        record.rerun = number
        let rows = [minute(0), wild(.min), wild(0), wild(.max), minute(1)]
        for pair in zip(rows, rows.dropFirst()) { _ = pair.1.imbalance(after: pair.0) }
        let gap = LedgerGap(
            began: WallTime(nanoseconds: number), ended: WallTime(nanoseconds: ~number), reason: .killed)
        let study = study(rows, [record, record], gaps: [gap])
        #expect(!study.text.isEmpty && !study.json.isEmpty && !study.csv.isEmpty && !study.html.isEmpty)
    }

    /// The seed study's table: the availability of 100 hours of service with so many minutes of downtime.
    @Test(arguments: [(5.0, "99.9166"), (20, "99.6666"), (30, "99.5000"), (40, "99.3333"), (0, "100")])
    func tableOfTheStudy(minutes: Double, availability: String) {
        #expect(percent(Formulas.timeAvailability(ast: 100 * 60, dt: minutes)) == availability)
    }

    @Test func nothingIsNotAvailable() {
        #expect(Formulas.timeAvailability(ast: 0, dt: 0) == nil)
        #expect(Formulas.userAvailability(pum: 0, uom: 3) == nil)
        let empty = study([])
        #expect(empty.byUsers.last?.availability == nil)
        #expect(empty.text.contains("Availability"))
        #expect(empty.html.contains("nothing in this time"))
    }

    @Test func userMinutes() throws {
        let study = study((0..<60).map { minute($0) }, [outage(at: 600, lasting: .seconds(60))])
        let all = try #require(study.byUsers.last)
        #expect(all.pum == 600)
        #expect(all.uom == 10)
        #expect(percent(all.availability) == "98.3333")
        #expect(study.byUsers.map(\.users) == ["1-10", "all"])
        let felt = try #require(study.byTime.first)
        #expect(felt.ast == 3600)
        #expect(felt.dt == 60)
        #expect(study.byTime.map(\.outages) == [1, 0, 1])
        #expect(study.throughput.last?.perSecond == 10)
        #expect(study.totals.answered == 36_000)
    }

    /// Asked for from the middle of an outage on, or until then: each part counts what lies in it.
    @Test func anOutageThatTheTimeAskedForCuts() throws {
        let rows = (0..<60).map { minute($0) }
        let outages = [outage(at: 600, lasting: .seconds(60))]
        let first = study(Array(rows[..<10]) + [minute(10)], outages, until: monday + .seconds(620))
        let second = study(Array(rows[11...]), outages, since: monday + .seconds(620))
        #expect(first.byTime.first?.dt == 20)
        // The row from 600 to 660 is not in the second one: it began before.
        #expect(second.byTime.first?.dt == 0)
        let whole = study(Array(rows[10...]), outages, since: monday + .seconds(620))
        #expect(whole.byTime.first?.dt == 40)
        let uom = try #require(whole.byUsers.last?.uom)
        #expect(abs(uom - 10 * 40.0 / 60) < 1e-9)
        #expect(abs((first.byUsers.last?.uom ?? 0) + uom - 10) < 1e-9)
    }

    @Test func theCSVHasEveryRow() throws {
        let study = study((0..<60).map { minute($0) }, [outage(at: 600, lasting: .seconds(60))])
        let lines = study.csv.split(separator: "\r\n")
        let begin = try #require(lines.firstIndex(of: "Rows"))
        #expect(lines.count == begin + 2 + 60)
        #expect(
            lines[begin + 2]
                == "2025-11-24T00:00:00.000Z,60.000,10.0,0,0,600,600,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1000,1000,1000")
        #expect(lines[begin + 1].split(separator: ",").count == lines[begin + 2].split(separator: ",").count)
    }

    @Test func onlyAgreedHoursCount() throws {
        let hours = try ServiceHours("Mon 00:30-00:40")
        // One outage half inside, one outside.
        let outages = [outage(at: 1740, lasting: .seconds(120)), outage(at: 3000, lasting: .seconds(120))]
        let study = study((0..<60).map { minute($0) }, outages, hours: hours)
        #expect(study.byUsers.last?.pum == 100)
        #expect(study.byUsers.last?.uom == 10)
        #expect(study.byTime.first?.ast == 600)
        #expect(study.byTime.first?.dt == 60)
        #expect(study.byTime.first?.outages == 1)
        #expect(study.outages.count == 2)
    }

    @Test func sightsAreKeptApart() {
        var short = outage(at: 60, lasting: .milliseconds(800))
        short.failed = 2
        var unfelt = outage(at: 120, lasting: .seconds(30))
        unfelt.isFelt = false
        let study = study((0..<60).map { minute($0) }, [short, unfelt, outage(at: 600, lasting: .seconds(2))])
        #expect(study.byTime.map(\.sight) == [.felt, .errors, .delay])
        #expect(study.byTime.map(\.dt) == [2.8, 0.8, 2])
        #expect(study.byCondition.count == 2)
    }

    @Test func budgets() {
        let study = study((0..<60).map { minute($0) }, [outage(at: 60, lasting: .seconds(1))])
        let line = study.budgets.first { $0.objective == 99.9 && $0.sight == .felt }
        #expect(line.map { fixed($0.allowed, 6) } == "3.600000")
        #expect(line.map { fixed($0.left, 6) } == "2.600000")
        #expect(study.budgets.contains { $0.objective == 99.999 && $0.left < 0 })
    }

    @Test func bandsAreTheStudys() {
        let users = [0, 1, 10, 11, 50, 100, 101, 300, 500, 501]
        let study = study(users.enumerated().map { minute(Int64($0.offset), users: $0.element) })
        let names = study.throughput.map(\.users)
        #expect(names == ["0", "1-10", "11-50", "51-100", "101-300", "301-500", "over 500", "all"])
    }

    @Test func gapsAreSaidAndNotCounted() {
        let gap = LedgerGap(began: monday + .seconds(600), ended: monday + .seconds(1200), reason: .killed)
        let rows = (0..<10).map { minute($0) } + (20..<60).map { minute($0) }
        let study = study(rows, gaps: [gap])
        #expect(study.agreedSeconds == 3000)
        #expect(study.unrecordedSeconds == 600)
        #expect(study.byTime.first?.dt == 0)
        #expect(study.text.contains("83.3333 %"))
        #expect(study.html.contains("class=\"gap\""))
    }

    @Test func formatsAreWellFormed() throws {
        var open = outage(at: 1200, lasting: .seconds(3))
        open.ended = nil
        open.phases = [
            PhaseSpan(phase: .lost, began: open.began, ended: open.began + .seconds(1)),
            PhaseSpan(phase: .recovering, began: open.began + .seconds(1)),
        ]
        let study = study((0..<60).map { minute($0) }, [outage(at: 600, lasting: .seconds(60)), open])
        #expect(study.text.contains("2025-11-24 00:10:00.000"))
        #expect(study.json.contains(#""reason":"\u003crefused> & \"gone\"""#))
        #expect(study.json.contains(#""over":false"#))
        #expect(study.csv.contains("\"unplanned failover (primaryLost)\"") == false)
        #expect(study.csv.contains("\r\n"))
        let html = study.html
        for id in ["availability", "outages", "throughput", "latency"] { #expect(html.contains("<svg id=\"\(id)\"")) }
        #expect(html.contains("class=\"recovering\""))
        #expect(!html.contains("http"))
        #expect(html.components(of: "<rect") == html.components(of: "</rect>"))
    }

    @Test(arguments: [
        (0.0, 0, "0"), (1.005, 1, "1.0"), (-0.04, 1, "0.0"), (-2.5, 0, "-3"), (99.99999, 2, "100.00"),
        (1e12, 1, "1000000000000.0"),
    ])
    func numbers(value: Double, digits: Int, text: String) { #expect(fixed(value, digits) == text) }
}

extension String {
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
