import Cluster
import Glibc

/// CLOCK_MONOTONIC: the one clock behind every ``Cluster/Instant``.
public enum MonotonicClock {
    @inline(__always)
    public static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
