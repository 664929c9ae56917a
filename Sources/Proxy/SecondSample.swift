import Cluster

/// The buckets in which latencies are counted: eight to every power of two, so a bucket is at most 12.5 % wide; from
/// 1 microsecond to 134 seconds. (The scheme of HdrHistogram, http://hdrhistogram.org, with 3 bits of precision.)
public enum LatencyScale {
    static let bits = 3
    static let highestPower = 27
    public static let bucketCount = (1 << bits) + (highestPower - bits) << bits

    @inline(__always)
    static func bucket(ofMicroseconds value: Int64) -> Int {
        guard value >= 1 << Int64(bits) else { return Int(max(0, value)) }
        let power = 63 - value.leadingZeroBitCount
        guard power < highestPower else { return bucketCount - 1 }
        return (1 << bits) + (power - bits) << bits + Int(value >> Int64(power - bits)) & (1 << bits - 1)
    }

    /// The largest number of microseconds that falls into a bucket.
    public static func upperBoundMicroseconds(of bucket: Int) -> Int {
        guard bucket >= 1 << bits else { return bucket }
        let power = bits + (bucket - 1 << bits) >> bits
        let step = (bucket - 1 << bits) & (1 << bits - 1)
        return (1 << power) + (step + 1) << (power - bits) - 1
    }
}

/// Statements by latency, since they were taken last. One thread's.
struct LatencyBuckets: ~Copyable {
    // A pointer alone: of a buffer pointer in a type like this the compiler makes nothing valid for ThreadSanitizer.
    private let counts = UnsafeMutablePointer<UInt32>.allocate(capacity: LatencyScale.bucketCount)

    init() { counts.initialize(repeating: 0, count: LatencyScale.bucketCount) }

    deinit { counts.deallocate() }

    /// Traps for a bucket that there is none of.
    @inline(__always)
    func count(_ bucket: Int) {
        precondition(UInt(bitPattern: bucket) < UInt(LatencyScale.bucketCount), "no such bucket")
        counts[bucket] &+= 1
    }

    /// Moves them into an array of as many buckets.
    func take(into all: inout [UInt32]) {
        precondition(all.count == LatencyScale.bucketCount, "buckets of another scale")
        for bucket in 0..<LatencyScale.bucketCount {
            all[bucket] = counts[bucket]
            counts[bucket] = 0
        }
    }
}

/// Who holds statements back.
public enum PauseCause: Sendable, Hashable {
    case administrator
    /// The cluster is about to move the primary, or a switchover is.
    case move
}

/// What the data plane has done, for the ledger's second. Sums over all workers; each worker's part is taken between
/// two of its events, so that `begun == answered + failed + abandoned + heldNow + inFlightNow` holds exactly.
public struct SecondSample: Sendable, Equatable {
    /// Sessions present.
    public var users = 0
    // Since the start:
    public var begun: UInt64 = 0
    public var answered: UInt64 = 0
    /// Ended by an error of the proxy's own, because of the infrastructure.
    public var failed: UInt64 = 0
    /// Their client went before the answer.
    public var abandoned: UInt64 = 0
    public var heldTotal: UInt64 = 0
    public var rerun: UInt64 = 0
    /// Statements and transactions of which nobody knows whether they took effect.
    public var unknown: UInt64 = 0
    /// Sessions that went on at another node, and at the same one by a connection made anew.
    public var moved: UInt64 = 0
    public var reconnected: UInt64 = 0
    public var loginsRefused: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    /// Sessions that were ended because of the infrastructure.
    public var sessionsLost: UInt64 = 0
    /// The time that sessions were affected (waited, or had an error and no answer since), summed over them.
    public var userNanosecondsLost: Int64 = 0
    // At this moment:
    /// Statements that are here and not with a node.
    public var heldNow = 0
    /// Statements with a node.
    public var inFlightNow = 0
    public var loginsHeldNow = 0
    // Since the sample before:
    /// Distinct sessions with a failed or held statement or login.
    public var usersAffected = 0
    /// Each worker's present or last episode of trouble.
    public var episodes: [AffectedEpisode] = []
    /// Since the start: what clients were told.
    public var told = ToldErrors()
    /// Answered statements by latency, from arrival to the end of the answer; see ``LatencyScale``.
    public var latency = [UInt32](repeating: 0, count: LatencyScale.bucketCount)

    public init() {}

    mutating func add(_ other: SecondSample) {
        users += other.users
        begun += other.begun
        answered += other.answered
        failed += other.failed
        abandoned += other.abandoned
        heldTotal += other.heldTotal
        rerun += other.rerun
        unknown += other.unknown
        moved += other.moved
        reconnected += other.reconnected
        loginsRefused += other.loginsRefused
        bytesIn += other.bytesIn
        bytesOut += other.bytesOut
        sessionsLost += other.sessionsLost
        userNanosecondsLost += other.userNanosecondsLost
        episodes += other.episodes
        told = told + other.told
        heldNow += other.heldNow
        inFlightNow += other.inFlightNow
        loginsHeldNow += other.loginsHeldNow
        usersAffected += other.usersAffected
        for i in latency.indices { latency[i] += other.latency[i] }
    }
}

/// The moments at which service stops and starts being what it should, as users feel it.
public enum ServiceEvent: Sendable, Hashable {
    /// The first statement or login that was held, since all was well.
    case held(Instant)
    /// The first statement that waits for a server which says nothing, since all was well.
    case stalled(Instant)
    /// The first statement that failed, since all was well.
    case failed(Instant)
    /// The first statement that was answered after that, with the gate open.
    case answered(Instant)
    /// The first error of a kind that a client was told, since all was well.
    case told(FirstError, at: Instant)
    /// Statements or logins are under way, and nothing has come from that node since then: is it there?
    case silent(NodeID, worker: Int, since: Instant)
}
