/// Where a session stood when its connection ended, as far as that decides on the statement in flight.
public struct Standing: Sendable, Hashable {
    /// By the server's last status flags.
    public var inTransaction: Bool
    public var autocommit: Bool
    /// What it wrote may have gone into tables that know no rollback (Aria, MyISAM, CSV).
    public var rowsMayRemain: Bool

    public init(inTransaction: Bool = false, autocommit: Bool = true, rowsMayRemain: Bool = false) {
        self.inTransaction = inTransaction
        self.autocommit = autocommit
        self.rowsMayRemain = rowsMayRemain
    }
}

/// How a session ends whose primary goes on.
public enum SessionEnd: Sendable, Hashable, CaseIterable {
    /// The server ended the connection: a KILL, or a timeout of its own.
    case byServer
    /// An administrator of the proxy ends it.
    case byAdministrator
    /// The proxy stops.
    case byStop
}
