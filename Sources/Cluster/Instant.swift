/// A point on the monotonic clock, nanoseconds since an arbitrary start (CLOCK_MONOTONIC). Always passed in as
/// `at now:`; nothing pure reads a clock. All arithmetic stops at the ends of what can be said (292 years): ages and
/// lengths come from peers and files too.
public struct Instant: Hashable, Comparable, Sendable {
    public let nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func + (a: Instant, b: Span) -> Instant {
        Instant(nanoseconds: a.nanoseconds.saturatingAdd(b.nanoseconds))
    }
    public static func - (a: Instant, b: Span) -> Instant {
        Instant(nanoseconds: a.nanoseconds.saturatingSubtract(b.nanoseconds))
    }
    public static func - (a: Instant, b: Instant) -> Span {
        Span(nanoseconds: a.nanoseconds.saturatingSubtract(b.nanoseconds))
    }

    /// A length of time in nanoseconds. (`Duration` of the standard library is 128 bits wide and prints no units.)
    public struct Span: Hashable, Comparable, Sendable, CustomStringConvertible {
        public let nanoseconds: Int64

        public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

        public static func milliseconds(_ n: Int64) -> Span { Span(nanoseconds: n.saturatingMultiply(1_000_000)) }
        public static func seconds(_ n: Int64) -> Span { Span(nanoseconds: n.saturatingMultiply(1_000_000_000)) }
        public static let zero = Span(nanoseconds: 0)

        public static func < (a: Span, b: Span) -> Bool { a.nanoseconds < b.nanoseconds }
        public static func + (a: Span, b: Span) -> Span {
            Span(nanoseconds: a.nanoseconds.saturatingAdd(b.nanoseconds))
        }
        public static func - (a: Span, b: Span) -> Span {
            Span(nanoseconds: a.nanoseconds.saturatingSubtract(b.nanoseconds))
        }
        public static func * (a: Span, n: Int64) -> Span { Span(nanoseconds: a.nanoseconds.saturatingMultiply(n)) }
        public var milliseconds: Int64 { nanoseconds / 1_000_000 }

        /// `850ms`, `12.4s`, `3m05s`, `2h07m`.
        public var description: String {
            let ms = milliseconds
            if ms < 1_000 { return "\(ms)ms" }
            if ms < 60_000 { return "\(ms / 1000).\(ms % 1000 / 100)s" }
            let s = ms / 1000
            func padded(_ n: Int64) -> String { n < 10 ? "0\(n)" : "\(n)" }
            return s < 3600 ? "\(s / 60)m\(padded(s % 60))s" : "\(s / 3600)h\(padded(s % 3600 / 60))m"
        }
    }
}
