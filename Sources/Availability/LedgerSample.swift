/// What the data plane has counted until one moment. Counters are sums since the start; `…Now` are present values;
/// `usersAffected` and `latency` are of the time since the sample before.
///
/// `begun == answered + failed + abandoned + heldNow + inFlightNow`, always.
public struct LedgerSample: Hashable, Sendable {
    /// Sessions present.
    public var users = 0
    public var begun: Int64 = 0
    public var answered: Int64 = 0
    /// Ended by an error of the proxy's own, because of the infrastructure.
    public var failed: Int64 = 0
    /// Given up by the client.
    public var abandoned: Int64 = 0
    public var heldTotal: Int64 = 0
    public var rerun: Int64 = 0
    /// Statements and transactions of which nobody knows whether they took effect.
    public var unknown: Int64 = 0
    /// Sessions that went on at another node, and at the same one by a connection made anew.
    public var moved: Int64 = 0
    public var reconnected: Int64 = 0
    public var loginsRefused: Int64 = 0
    /// Sessions ended because of the infrastructure.
    public var lost: Int64 = 0
    /// The time that users were affected, summed over them, in nanoseconds.
    public var userNanosecondsLost: Int64 = 0
    public var bytesIn: Int64 = 0
    public var bytesOut: Int64 = 0
    public var heldNow = 0
    public var inFlightNow = 0
    public var loginsHeldNow = 0
    /// Sessions with a statement or login that failed or was held.
    public var usersAffected = 0
    public var latency = LatencyCounts()

    public init() {}

    /// What `begun` exceeds the other side of the sum by; 0 is right.
    public var imbalance: Int64 { begun - answered - failed - abandoned - Int64(heldNow) - Int64(inFlightNow) }
}
