/// How long answered statements took, since the start, in the buckets of a Prometheus histogram.
public struct LatencyHistogram: Sendable, Hashable {
    /// Upper bounds, microseconds: the powers of two from 64 microseconds to 67 seconds.
    static let bounds = (6...26).map { 1 << $0 }

    /// By bound, not cumulative; the last one is what took longer than every bound.
    private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    /// Microseconds, each statement taken at the upper bound of the fine bucket that it was counted in.
    private(set) var sumMicroseconds: UInt64 = 0

    public init() {}

    var total: UInt64 { counts.reduce(0, &+) }

    /// - Parameter upperBound: the largest number of microseconds that falls into a bucket.
    public mutating func add(_ fine: [UInt32], upperBound: (Int) -> Int) {
        var bound = 0
        for (index, count) in fine.enumerated() where count > 0 {
            let upper = upperBound(index)
            // Fine buckets end one microsecond below a power of two, and counting drops what is below a microsecond.
            while bound < Self.bounds.count, upper >= Self.bounds[bound] { bound += 1 }
            // The last fine bucket has no end.
            counts[index == fine.count - 1 ? Self.bounds.count : bound] &+= UInt64(count)
            sumMicroseconds &+= UInt64(count) &* UInt64(max(0, upper))
        }
    }

    /// The upper bound of the bucket in which that share of all counts is reached; nil without counts.
    public static func quantile(_ share: Double, of fine: [UInt32], upperBound: (Int) -> Int) -> Int? {
        let total = fine.reduce(0) { $0 + UInt64($1) }
        guard total > 0 else { return nil }
        let wanted = max(1, UInt64((Double(total) * share).rounded(.up)))
        var seen: UInt64 = 0
        for (index, count) in fine.enumerated() {
            seen += UInt64(count)
            if seen >= wanted { return upperBound(index) }
        }
        return nil
    }
}
