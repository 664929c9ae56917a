/// One run of a server's process, from its start to its end.
///
/// Its number is the upper part of what `UUID_SHORT()` gives: the server's id and the second in which it started, by
/// its own clock, taken once at the start. It stays when the clock is set, and no later run has it.
/// Source: MariaDB's sql/item_func.cc, uuid_short_init.
public struct ServerLife: Sendable, Hashable {
    public var number: UInt64

    public init(number: UInt64) { self.number = number }

    /// - Parameter uuidShort: an answer of `SELECT UUID_SHORT()`.
    public init(uuidShort: UInt64) { number = uuidShort >> 24 }

    /// When it started, by its own host's clock; seconds since 1970.
    var startSecond: Int64 { Int64(number & 0xFFFF_FFFF) }
}

/// What a login came to that was begun to see whether a server lives on.
public enum LifeTrialResult: Sendable, Hashable {
    /// It let the check's account in, and said which life it is; nil where it did not say.
    case alive(ServerLife?)
    /// It did not.
    case failed(ProbeResult)
}
