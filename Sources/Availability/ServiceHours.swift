import Cluster

/// The hours in which the service is agreed to be there. Their sum is the study's agreed service time (AST).
public struct ServiceHours: Hashable, Sendable {
    public enum Wrong: Error, Hashable, CustomStringConvertible {
        case notReadable(String)
        case empty

        public var description: String {
            switch self {
            case .notReadable(let part):
                "\"\(part)\" is not readable; write \"Mon-Fri 08:00-19:00, Sat 09:00-12:00\" or \"always\""
            case .empty: "there are no hours in it"
            }
        }
    }

    /// Per weekday from Monday: seconds of the day, `from..<to`, in order and apart.
    private var week: [[Range<Int64>]]
    private var holidays: [CivilDate]
    public var zone: ZoneOffsets

    /// All day, every day.
    public static let always = ServiceHours(week: Array(repeating: [0..<86_400], count: 7), holidays: [], zone: .utc)

    private init(week: [[Range<Int64>]], holidays: [CivilDate], zone: ZoneOffsets) {
        self.week = week
        self.holidays = holidays
        self.zone = zone
    }

    /// - Parameter text: `always`, or days (`Mon`, `Mon-Fri`) with hours (`08:00-19:00`; `24:00` ends a day), several
    ///   separated by commas. A span of days may run over the week's end (`Sat-Mon`), a span of hours not over midnight.
    public init(_ text: String, holidays: [CivilDate] = [], zone: ZoneOffsets = .utc) throws(Wrong) {
        self.init(week: Array(repeating: [], count: 7), holidays: holidays, zone: zone)
        let whole = text.lowercased().filter { $0 != "\t" }
        if whole == "always" {
            week = Self.always.week
            return
        }
        for part in whole.split(separator: ",") {
            let words = part.split(separator: " ")
            guard words.count == 2, let days = Self.days(words[0]), let hours = Self.hours(words[1]) else {
                throw .notReadable(String(part.drop { $0 == " " }))
            }
            for day in days { week[day] = Self.merged(week[day] + [hours]) }
        }
        if week.allSatisfy(\.isEmpty) { throw .empty }
    }

    private static func days(_ text: Substring) -> [Int]? {
        let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { names.firstIndex(of: String($0)) }
        switch ends.count {
        case 1: return ends[0].map { [$0] }
        case 2:
            guard let first = ends[0], let last = ends[1] else { return nil }
            let count = (last - first + 7) % 7 + 1
            return (0..<count).map { (first + $0) % 7 }
        case _: return nil
        }
    }

    private static func hours(_ text: Substring) -> Range<Int64>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { clock in
            let parts = clock.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[1].count == 2, (1...2).contains(parts[0].count), let hour = Int64(parts[0]),
                let minute = Int64(parts[1]), (0...24).contains(hour), (0...59).contains(minute),
                hour * 60 + minute <= 1440
            else { return Int64?.none }
            return hour * 3600 + minute * 60
        }
        guard ends.count == 2, let from = ends[0], let to = ends[1], from < to else { return nil }
        return from..<to
    }

    private static func merged(_ spans: [Range<Int64>]) -> [Range<Int64>] {
        var result: [Range<Int64>] = []
        for span in spans.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, last.upperBound >= span.lowerBound {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
            } else {
                result.append(span)
            }
        }
        return result
    }

    /// How much of `from..<to` lies in the agreed hours.
    public func agreed(from: WallTime, to: WallTime) -> Instant.Span {
        guard from < to else { return .zero }
        var sum = Instant.Span.zero
        var date = zone.date(of: from)
        let last = zone.date(of: to)
        while date <= last {
            if !holidays.contains(date) {
                for span in week[date.weekday] {
                    let begin = max(from, zone.time(date, second: span.lowerBound))
                    let end = min(to, zone.time(date, second: span.upperBound))
                    if begin < end { sum = sum + (end - begin) }
                }
            }
            date = CivilDate(day: date.day + 1)
        }
        return sum
    }
}
