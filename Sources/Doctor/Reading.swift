/// Something that was looked for.
public enum Reading<Value: Sendable & Hashable>: Sendable, Hashable {
    case known(Value)
    /// It should be here, and could not be read, and why.
    case unread(String)
    /// It is not to be found on this host, or was not asked for, and where it would be.
    case elsewhere(String)

    public var value: Value? {
        switch self {
        case .known(let value): value
        case .unread, .elsewhere: nil
        }
    }

    var gap: Gap? {
        switch self {
        case .known: nil
        case .unread(let reason): Gap(reason: reason, isFault: true)
        case .elsewhere(let reason): Gap(reason: reason, isFault: false)
        }
    }

    public func map<Other>(_ change: (Value) -> Other) -> Reading<Other> {
        switch self {
        case .known(let value): .known(change(value))
        case .unread(let reason): .unread(reason)
        case .elsewhere(let reason): .elsewhere(reason)
        }
    }
}

/// Why something can't be judged.
struct Gap: Sendable, Hashable {
    var reason: String
    /// Whether that is wrong by itself.
    var isFault: Bool
}
