import Cluster

/// What a report says: the study's tables over a log's rows and outages. Lengths of time are in seconds.
public struct Study: Sendable {
    /// Three ways of seeing the same outages.
    public enum Sight: String, Sendable, CaseIterable {
        /// All that users felt: someone waited for a primary, or got an error.
        case felt
        /// Someone got an error.
        case errors
        /// Someone waited longer than the delay bound.
        case delay
    }

    /// Availability by users (the study's PUM and UOM), one line per band of users present.
    public struct UserLine: Sendable, Hashable {
        /// `1-10`, …, `all`.
        public var users: String
        public var outages = 0
        /// User-minutes.
        public var pum = 0.0
        public var uom = 0.0
        public var availability: Double? { Formulas.userAvailability(pum: pum, uom: uom) }
    }

    /// Availability by time (the study's AST and DT).
    public struct TimeLine: Sendable, Hashable {
        public var sight: Sight
        public var outages = 0
        /// Seconds.
        public var ast = 0.0
        public var dt = 0.0
        public var availability: Double? { Formulas.timeAvailability(ast: ast, dt: dt) }
    }

    /// How long outages of one condition took.
    public struct ConditionLine: Sendable, Hashable {
        public var condition: String
        public var lengths: [Double] = []
        public var detections: [Double] = []
        public var withoutPrimary: [Double] = []
        public var held: Int64 = 0
        public var failed: Int64 = 0
        public var rerun: Int64 = 0
    }

    /// Throughput by users present.
    public struct ThroughputLine: Sendable, Hashable {
        public var users: String
        public var seconds = 0.0
        public var statements: Int64 = 0
        public var bytes: Int64 = 0
        /// Statements per second in the best row.
        public var peak = 0.0
        public var latency = LatencyCounts()
        public var perSecond: Double { seconds > 0 ? Double(statements) / seconds : 0 }
    }

    public struct BudgetLine: Sendable, Hashable {
        public var objective: Double
        public var sight: Sight
        public var allowed: Double
        public var left: Double
    }

    public var since: WallTime
    public var until: WallTime
    public var hours: ServiceHours
    public var bounds: LatencyBounds
    public var delayBound: Instant.Span
    public var intervals: [Interval]
    public var outages: [OutageRecord]
    public var gaps: [LedgerGap]
    public var clockSteps: [ClockStep]
    /// Statements and transactions of which nobody knows whether they took effect, in the order in which they came.
    public var unknown: [UnknownRecord]

    /// Agreed and recorded; agreed, and not recorded because the proxy did not run.
    public private(set) var agreedSeconds = 0.0
    public private(set) var unrecordedSeconds = 0.0
    public private(set) var byUsers: [UserLine] = []
    public private(set) var byTime: [TimeLine] = []
    public private(set) var byCondition: [ConditionLine] = []
    public private(set) var throughput: [ThroughputLine] = []
    public private(set) var budgets: [BudgetLine] = []
    public private(set) var totals = Interval(
        began: WallTime(nanoseconds: 0), monotonic: Instant(nanoseconds: 0), covered: .zero)

    /// The study's numbers of users.
    static let bands = [10, 50, 100, 300, 500]
    public static let objectives = [99.9, 99.99, 99.999]

    public init(
        intervals: [Interval], outages: [OutageRecord], gaps: [LedgerGap], clockSteps: [ClockStep],
        unknown: [UnknownRecord] = [], bounds: LatencyBounds, delayBound: Instant.Span, hours: ServiceHours,
        since: WallTime?, until: WallTime?
    ) {
        self.intervals = intervals
        self.outages = outages
        self.gaps = gaps
        self.clockSteps = clockSteps
        self.unknown = unknown
        self.bounds = bounds
        self.delayBound = delayBound
        self.hours = hours
        let begin = intervals.first?.began ?? outages.first?.wall ?? WallTime(seconds: 0)
        let end = intervals.map(\.ended).max() ?? begin
        self.since = max(since ?? begin, begin)
        self.until = max(min(until ?? end, end), self.since)
        compute()
    }

    /// The agreed part of `began..<ended` within the report's time, 0...1 of its length; all or nothing for a moment.
    private func agreedShare(_ began: WallTime, _ ended: WallTime) -> Double {
        let from = max(began, since)
        let to = min(ended, until)
        guard began < ended else {
            let moment = hours.agreed(from: began, to: began + .milliseconds(1))
            return moment > .zero ? 1 : 0
        }
        guard from < to else { return 0 }
        return seconds(hours.agreed(from: from, to: to)) / seconds(ended - began)
    }

    private mutating func compute() {
        unrecordedSeconds = gaps.reduce(0) { $0 + agreedShare($1.began, $1.ended) * seconds($1.ended - $1.began) }
        var bands: [Int: (UserLine, ThroughputLine)] = [:]
        var all = (UserLine(users: "all"), ThroughputLine(users: "all"))
        for row in intervals {
            let share = agreedShare(row.began, row.ended)
            agreedSeconds += share * seconds(row.covered)
            let band = Self.band(row.users)
            let rate = row.covered > .zero ? Double(row.answered) / seconds(row.covered) : 0
            var mine = bands[band] ?? (UserLine(users: Self.name(band)), ThroughputLine(users: Self.name(band)))
            for lines in 0...1 {
                var line = lines == 0 ? mine : all
                line.0.pum += share * Double(row.userMilliseconds) / 60_000
                line.1.seconds += seconds(row.covered)
                line.1.statements = line.1.statements.saturatingAdd(row.answered)
                line.1.bytes = line.1.bytes.saturatingAdd(row.bytesIn.saturatingAdd(row.bytesOut))
                line.1.peak = max(line.1.peak, rate)
                line.1.latency.add(row.latency)
                if lines == 0 { mine = line } else { all = line }
            }
            bands[band] = mine
            totals.add(row)
        }
        for outage in outages where outage.isFelt {
            let share = agreedShare(outage.wall, outage.wallEnded)
            guard share > 0 else { continue }
            let band = Self.band(Double(outage.usersMax))
            var mine = bands[band] ?? (UserLine(users: Self.name(band)), ThroughputLine(users: Self.name(band)))
            mine.0.outages += 1
            mine.0.uom += share * outage.userMinutesLost
            bands[band] = mine
            all.0.outages += 1
            all.0.uom += share * outage.userMinutesLost
        }
        let ordered = bands.keys.sorted().compactMap { bands[$0] }
        byUsers = ordered.map(\.0).filter { $0.pum > 0 || $0.outages > 0 } + [all.0]
        throughput = ordered.map(\.1).filter { $0.statements > 0 } + [all.1]
        for sight in Sight.allCases {
            var line = TimeLine(sight: sight, ast: agreedSeconds)
            for outage in outages where shows(outage, in: sight) {
                let share = agreedShare(outage.wall, outage.wallEnded)
                guard share > 0 else { continue }
                line.outages += 1
                line.dt += share * seconds(outage.length)
            }
            byTime.append(line)
            for objective in Self.objectives {
                let budget = Formulas.errorBudget(objective: objective, ast: line.ast, dt: line.dt)
                budgets.append(
                    BudgetLine(objective: objective, sight: sight, allowed: budget.allowed, left: budget.left))
            }
        }
        conditions()
    }

    public func shows(_ outage: OutageRecord, in sight: Sight) -> Bool {
        switch sight {
        case .felt: outage.isFelt
        case .errors: outage.hasErrors
        case .delay: outage.isDelay(above: delayBound)
        }
    }

    private mutating func conditions() {
        var order: [String] = []
        var lines: [String: ConditionLine] = [:]
        for outage in outages {
            let name = outage.condition
            if lines[name] == nil { order.append(name) }
            var line = lines[name] ?? ConditionLine(condition: name)
            line.lengths.append(seconds(outage.length))
            if let detection = outage.detection { line.detections.append(seconds(detection)) }
            if let without = outage.withoutPrimary { line.withoutPrimary.append(seconds(without)) }
            line.held = line.held.saturatingAdd(outage.held)
            line.failed = line.failed.saturatingAdd(outage.failed)
            line.rerun = line.rerun.saturatingAdd(outage.rerun)
            lines[name] = line
        }
        byCondition = order.sorted().compactMap { lines[$0] }
    }

    private static func band(_ users: Double) -> Int {
        users < 0.5 ? -1 : bands.firstIndex { users <= Double($0) } ?? bands.count
    }

    private static func name(_ band: Int) -> String {
        if band < 0 { return "0" }
        guard band < bands.count else { return "over \(bands.last ?? 0)" }
        return "\(band == 0 ? 1 : bands[band - 1] + 1)-\(bands[band])"
    }
}

extension OutageRecord {
    /// Kind, who wanted it, and what was found: what the table of times is grouped by.
    public var condition: String {
        var words = [isPlanned ? "planned" : "unplanned", isInterrupted ? "interrupted" : kind.rawValue]
        if !isFelt { words.append("unfelt") }
        let findings = diagnoses.map(\.rawValue).joined(separator: ", ")
        return words.joined(separator: " ") + (findings.isEmpty ? "" : " (\(findings))")
    }
}

func seconds(_ span: Instant.Span) -> Double { Double(span.nanoseconds) / 1e9 }

/// The middle one; the mean of the two middle ones of an even number. Nil for none.
func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// With that many digits behind the point (at most 9), rounded half away from zero.
func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite, abs(value) < 9e8 else { return "\(value)" }
    var scale: Int64 = 1
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int64((abs(value) * Double(scale)).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return digits == 0 ? "\(sign)\(scaled)" : "\(sign)\(scaled / scale).\(padded(scaled % scale, digits))"
}

/// A percentage, cut and not rounded: 99.9996 is not 100.
func percent(_ value: Double?) -> String {
    guard let value else { return "-" }
    return value >= 100 ? "100" : fixed((value * 10_000).rounded(.down) / 10_000, 4)
}
