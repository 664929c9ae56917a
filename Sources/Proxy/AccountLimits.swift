import Cluster
import MySQLWire

/// Accounts that the primary lets no further session of in (1203, 1226), and when one of their sessions is tried next: the
/// others wait behind it, each account by itself. Pure.
struct AccountLimits {
    /// Between two attempts of one account's sessions.
    static let pause = Instant.Span.milliseconds(500)
    /// So long the same account is not told of again.
    static let toldAgainMin = Instant.Span.seconds(10)
    /// Accounts that are kept; beyond it each session tries for itself.
    static let countMax = 1024

    struct Limit {
        var nextTry: Instant
        var error: ErrorPacket
        var toldAt: Instant
    }

    private var limits: [[UInt8]: Limit] = [:]

    /// A session of the account was refused. True where that is to be told.
    mutating func refused(_ user: [UInt8], _ error: ErrorPacket, at now: Instant) -> Bool {
        let told = limits[user]?.toldAt
        let isNews = told.map { now - $0 >= Self.toldAgainMin } ?? true
        guard told != nil || limits.count < Self.countMax else { return isNews }
        limits[user] = Limit(nextTry: now + Self.pause, error: error, toldAt: isNews ? now : told ?? now)
        return isNews
    }

    /// Until when a session of the account waits without an attempt, and what the last one came to; nil where it may try.
    func wait(_ user: [UInt8], at now: Instant) -> (until: Instant, error: ErrorPacket)? {
        guard !limits.isEmpty, let limit = limits[user], now < limit.nextTry else { return nil }
        return (limit.nextTry, limit.error)
    }

    /// The first of those that wait tries now; the others after it.
    mutating func tries(_ user: [UInt8], at now: Instant) {
        if limits[user] != nil { limits[user]?.nextTry = now + Self.pause }
    }

    /// Whether sessions of the account were refused lately.
    func isLimited(_ user: [UInt8]) -> Bool { !limits.isEmpty && limits[user] != nil }

    /// Another primary counts anew; and long after the last refusal nothing is known any more.
    mutating func forget(before moment: Instant? = nil) {
        guard let moment else { return limits = [:] }
        limits = limits.filter { $0.value.nextTry >= moment }
    }
}
