import Cluster

/// What one second was like, for the page, the stream and the metrics.
public struct SecondFigures: Sendable, Hashable {
    /// When the second ended, seconds since 1970 (UTC).
    public var time: Int64
    /// Sessions present at its end.
    public var users = 0
    /// Of these and of those that left, how many had a statement or login that failed or had to wait.
    public var usersAffected = 0
    public var begun: UInt64 = 0
    public var answered: UInt64 = 0
    public var failed: UInt64 = 0
    /// Statements and logins that wait for a primary, at the end of the second.
    public var heldNow = 0
    /// Statements with a node, at the end of the second.
    public var inFlightNow = 0
    /// Whether there was a primary at its end.
    public var hasPrimary = false
    /// Of the statements answered; nil without any.
    public var p50Microseconds: Int?
    public var p99Microseconds: Int?

    public init(time: Int64) { self.time = time }

    /// The share of sessions that got what they wanted, 0 to 1. With no sessions there is nobody to ask: then it is
    /// whether somebody would have been served.
    public var availability: Double {
        let asked = max(users, usersAffected)
        guard asked > 0 else { return hasPrimary ? 1 : 0 }
        return Double(asked - usersAffected) / Double(asked)
    }
}

/// The last hour by the second, in a ring of fixed size.
public struct SecondHistory: Sendable {
    public let capacity: Int
    private var ring: [SecondFigures] = []
    private var next = 0

    public init(capacity: Int = 3600) { self.capacity = max(1, capacity) }

    public var count: Int { ring.count }

    public mutating func append(_ second: SecondFigures) {
        if ring.count < capacity {
            ring.append(second)
        } else {
            ring[next] = second
            next = (next + 1) % capacity
        }
    }

    /// Oldest first.
    public var ordered: [SecondFigures] { Array(ring[next...] + ring[..<next]) }
    public var last: SecondFigures? {
        ring.isEmpty ? nil : ring[(next + ring.count - 1) % ring.count]
    }
}
