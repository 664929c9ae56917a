import Glibc

/// The time of day, for people; nothing is decided by it.
enum WallClock {
    /// Milliseconds since 1970 (UTC).
    static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// `2026-11-23T01:02:03.456Z`
    static func text(milliseconds: Int64) -> String {
        var (clock, parts) = (time_t(milliseconds / 1000), tm())
        gmtime_r(&clock, &parts)
        func padded(_ n: some BinaryInteger, _ width: Int = 2) -> String {
            String(repeating: "0", count: max(0, width - String(n).count)) + String(n)
        }
        return "\(Int(parts.tm_year) + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
            + "T\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec)).\(padded(milliseconds % 1000, 3))Z"
    }
}
