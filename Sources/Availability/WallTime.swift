import Cluster

/// A point in civil time: nanoseconds since 1970-01-01T00:00:00Z (CLOCK_REALTIME). It may be set; lengths of time are
/// therefore always taken from ``Cluster/Instant``.
public struct WallTime: Hashable, Comparable, Sendable {
    public let nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    public init(seconds: Int64) { self.init(nanoseconds: seconds.saturatingMultiply(1_000_000_000)) }

    // As with ``Cluster/Instant``, all arithmetic stops at the ends of what can be said: 1677 and 2262.
    public static func < (a: WallTime, b: WallTime) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func + (a: WallTime, b: Instant.Span) -> WallTime {
        WallTime(nanoseconds: a.nanoseconds.saturatingAdd(b.nanoseconds))
    }
    public static func - (a: WallTime, b: WallTime) -> Instant.Span {
        Instant.Span(nanoseconds: a.nanoseconds.saturatingSubtract(b.nanoseconds))
    }

    /// Whole seconds since 1970, rounded down.
    public var seconds: Int64 { nanoseconds.flooredDivision(by: 1_000_000_000) }

    /// The beginning of the stretch of that many seconds (60: of the minute) that this lies in.
    public func rounded(to seconds: Int64) -> WallTime {
        WallTime(seconds: self.seconds.flooredDivision(by: seconds) * seconds)
    }

    /// `2026-11-22T21:48:16.250+01:00`; without an offset: `…Z`.
    public func text(in zone: ZoneOffsets = .utc, fraction: Bool = true) -> String {
        let offset = zone.offset(at: self)
        let local = WallTime(seconds: seconds + offset)
        let day = local.seconds.flooredDivision(by: 86_400)
        let second = local.seconds - day * 86_400
        var text = CivilDate(day: day).description
        text += "T\(padded(second / 3600)):\(padded(second / 60 % 60)):\(padded(second % 60))"
        if fraction {
            // Of a second that has begun, before 1970 as well.
            let rest = nanoseconds % 1_000_000_000
            text += ".\(padded((rest < 0 ? rest + 1_000_000_000 : rest) / 1_000_000, 3))"
        }
        if offset == 0 { return text + "Z" }
        let minutes = abs(offset) / 60
        return text + (offset < 0 ? "-" : "+") + "\(padded(minutes / 60)):\(padded(minutes % 60))"
    }

    /// `2026-11-22 21:48:16` in that zone.
    public func clock(in zone: ZoneOffsets) -> String {
        let text = text(in: zone, fraction: false)
        return text.prefix(10) + " " + text.dropFirst(11).prefix(8)
    }
}

/// A date of the Gregorian calendar.
public struct CivilDate: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Days since 1970-01-01.
    public let day: Int64

    public init(day: Int64) { self.day = day }

    /// Reads `2026-12-25`; nil for anything else, also for the 30th of February.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 4, parts[1].utf8.count == 2, parts[2].utf8.count == 2,
            text.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let year = Int64(parts[0]), let month = Int64(parts[1]), let dayOfMonth = Int64(parts[2]),
            (1...12).contains(month), (1...31).contains(dayOfMonth)
        else { return nil }
        self.init(year: year, month: month, day: dayOfMonth)
        guard description == text else { return nil }
    }

    /// Days from civil dates: Howard Hinnant's algorithm (years begin in March, eras of 400 years).
    init(year: Int64, month: Int64, day: Int64) {
        let y = month <= 2 ? year - 1 : year
        let era = y.flooredDivision(by: 400)
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        self.day = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    public static func < (a: CivilDate, b: CivilDate) -> Bool { a.day < b.day }

    /// Monday is 0.
    public var weekday: Int { Int((day + 3) - (day + 3).flooredDivision(by: 7) * 7) }

    public var description: String {
        let z = day + 719_468
        let era = z.flooredDivision(by: 146_097)
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(month))-\(padded(dayOfYear - (153 * shifted + 2) / 5 + 1))"
    }
}

/// What a time zone's clocks showed when: its offsets from UTC, as a table. (Reading the system's zone files is I/O,
/// and done elsewhere.)
public struct ZoneOffsets: Hashable, Sendable {
    public struct Change: Hashable, Sendable {
        /// From this second (since 1970) on.
        public var from: Int64
        /// Seconds east of UTC.
        public var offset: Int64

        public init(from: Int64, offset: Int64) {
            self.from = from
            self.offset = offset
        }
    }

    public var name: String
    /// Before the first change.
    private var initial: Int64
    private var changes: [Change]

    public init(name: String, initial: Int64, changes: [Change] = []) {
        self.name = name
        self.initial = initial
        self.changes = changes.sorted { $0.from < $1.from }
    }

    public static let utc = ZoneOffsets(name: "UTC", initial: 0)

    /// Seconds east of UTC.
    public func offset(at time: WallTime) -> Int64 {
        changes.last { $0.from <= time.seconds }?.offset ?? initial
    }

    /// The moment at which that zone's clocks show midnight of `date` plus `second`. Where they skip it, the moment at
    /// which they skip; where they show it twice, the first.
    public func time(_ date: CivilDate, second: Int64) -> WallTime {
        let local = date.day * 86_400 + second
        var candidates = [initial] + changes.map(\.offset)
        candidates = candidates.filter { offset(at: WallTime(seconds: local - $0)) == $0 }
        if let offset = candidates.max() { return WallTime(seconds: local - offset) }
        let skip = changes.first { change in
            let before = offset(at: WallTime(seconds: change.from - 1))
            return change.from + before <= local && local < change.from + change.offset
        }
        return WallTime(seconds: skip?.from ?? local - initial)
    }

    func date(of time: WallTime) -> CivilDate {
        CivilDate(day: (time.seconds + offset(at: time)).flooredDivision(by: 86_400))
    }
}

extension Int64 {
    func flooredDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder != 0 && (remainder < 0) != (divisor < 0) ? quotient - 1 : quotient
    }
}

func padded(_ number: Int64, _ width: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
}
