import Cluster

/// How many statements took how long: one count per bucket of a scale.
public struct LatencyCounts: Hashable, Sendable {
    /// A bucket's index and its count; in the order of the buckets, none with 0.
    public private(set) var counts: [Entry] = []

    public struct Entry: Hashable, Sendable {
        public var bucket: Int
        public var count: UInt64
    }

    public init() {}

    /// - Parameter dense: one count per bucket.
    public init(dense: [UInt32]) {
        for (bucket, count) in dense.enumerated() where count > 0 {
            counts.append(Entry(bucket: bucket, count: UInt64(count)))
        }
    }

    public var isEmpty: Bool { counts.isEmpty }
    public var total: UInt64 { counts.reduce(0) { $0.saturatingAdd($1.count) } }

    public mutating func add(_ other: LatencyCounts) {
        if other.counts.isEmpty { return }
        var sum: [Entry] = []
        sum.reserveCapacity(counts.count + other.counts.count)
        var mine = counts[...]
        var theirs = other.counts[...]
        while let a = mine.first, let b = theirs.first {
            if a.bucket == b.bucket {
                sum.append(Entry(bucket: a.bucket, count: a.count.saturatingAdd(b.count)))
                mine.removeFirst()
                theirs.removeFirst()
            } else if a.bucket < b.bucket {
                sum.append(mine.removeFirst())
            } else {
                sum.append(theirs.removeFirst())
            }
        }
        counts = sum + mine + theirs
    }

    /// The bucket that the fastest `share` (0...1) of all statements reach into; nil where there are none.
    public func bucket(of share: Double) -> Int? {
        let total = total
        guard total > 0 else { return nil }
        let rank = max(1, UInt64(exactly: (Double(total) * share).rounded(.up)) ?? total)
        var seen: UInt64 = 0
        for entry in counts {
            seen = seen.saturatingAdd(entry.count)
            if seen >= rank { return entry.bucket }
        }
        return counts.last?.bucket
    }

    /// Statements in buckets above that one.
    public func count(above bucket: Int) -> UInt64 {
        counts.reduce(0) { $1.bucket > bucket ? $0.saturatingAdd($1.count) : $0 }
    }

    // MARK: bytes

    /// For each entry two LEB128 numbers: the distance from the bucket before it (for the first, its index), and the
    /// count. Empty for no statements.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        var last = 0
        for entry in counts {
            Self.put(UInt64(entry.bucket - last), into: &bytes)
            Self.put(entry.count, into: &bytes)
            last = entry.bucket
        }
        return bytes
    }

    /// Nil where the bytes are not of that form.
    public init?(bytes: [UInt8]) {
        var rest = bytes[...]
        var last = 0
        while !rest.isEmpty {
            guard let distance = Self.take(&rest), let count = Self.take(&rest), distance < 1 << 20, count > 0,
                counts.isEmpty || distance > 0
            else { return nil }
            last += Int(distance)
            counts.append(Entry(bucket: last, count: count))
        }
    }

    private static func put(_ number: UInt64, into bytes: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private static func take(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = bytes.popFirst() {
            guard shift < 63 else { return nil }
            number |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return number }
            shift += 7
        }
        return nil
    }
}

/// The buckets' upper bounds in microseconds, in order.
public struct LatencyBounds: Hashable, Sendable {
    public let microseconds: [Int]

    public init(microseconds: [Int]) { self.microseconds = microseconds }

    /// Nil for a bucket that the scale does not have.
    public func upperBound(of bucket: Int) -> Int? {
        microseconds.indices.contains(bucket) ? microseconds[bucket] : nil
    }

    /// The last bucket whose statements all took at most that long; -1 where there is none.
    public func last(within microseconds: Int) -> Int {
        (self.microseconds.firstIndex { $0 > microseconds } ?? self.microseconds.count) - 1
    }

    /// In microseconds.
    public func quantile(_ share: Double, of counts: LatencyCounts) -> Int? {
        counts.bucket(of: share).flatMap { upperBound(of: $0) }
    }
}
