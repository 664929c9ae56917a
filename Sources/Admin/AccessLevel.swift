/// What a client of an admin socket may do. HAProxy's names and order.
public enum AccessLevel: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Looks, and learns nothing of single sessions.
    case user
    /// Sees sessions too, and may clear maxima.
    case `operator`
    /// Everything.
    case admin

    private var rank: Int {
        switch self {
        case .user: 0
        case .operator: 1
        case .admin: 2
        }
    }

    public static func < (a: AccessLevel, b: AccessLevel) -> Bool { a.rank < b.rank }
}

/// How grave an answer is, by syslog's numbers.
public enum Severity: Int, Sendable, Hashable {
    case error = 3
    case warning = 4
    case notice = 5
    case info = 6

    /// HAProxy's word for it.
    var word: String {
        switch self {
        case .error: "err"
        case .warning: "warning"
        case .notice: "notice"
        case .info: "info"
        }
    }
}
