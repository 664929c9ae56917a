/// What one SQL text does: to data (may it be run again?) and to its session (what must the journal note?).
public struct StatementFacts: Sendable, Equatable {
    /// What is known of a statement whose answer never came.
    public enum Effect: Sendable, Hashable, CaseIterable {
        /// Proven free of side effects on data: may be run again if its answer had not begun.
        case read
        /// Changes only this session: may be run again.
        case session
        /// BEGIN, START TRANSACTION in all forms. Commits a transaction that is open.
        case begin
        /// COMMIT in all forms, and `SET autocommit=1`, which commits.
        case commit
        /// ROLLBACK of the whole transaction.
        case rollback
        /// Writes rows: rolled back with its transaction; alone, unknown when unanswered.
        case write
        /// Has meaning inside a transaction only (SAVEPOINT, SELECT … FOR UPDATE): lost with it, harmless alone.
        case transactional
        /// Anything else: unknown when unanswered, even in a transaction (it may have committed it).
        case opaque
    }

    public var effect: Effect
    /// What the session journal must do once the server has answered OK; nil for nothing.
    public var change: SessionChangeKind?
    /// The answer depends on the statement before (FOUND_ROWS(), ROW_COUNT(), SHOW WARNINGS, …): as the first
    /// statement after a move it must be refused, since the new connection has no statement before.
    public var readsPrevious: Bool

    public init(_ effect: Effect, change: SessionChangeKind? = nil, readsPrevious: Bool = false) {
        self.effect = effect
        self.change = change
        self.readsPrevious = readsPrevious
    }
}

/// How the session's SQL is to be read, as the server's status flags tell it.
public struct Dialect: Sendable, Hashable {
    /// Whether a backslash escapes in strings; nil when not known: a text whose reading depends on it is `opaque`.
    public var backslashEscapes: Bool?
    /// Whether "…" is an identifier; nil when not known.
    public var ansiQuotes: Bool?

    public init(backslashEscapes: Bool?, ansiQuotes: Bool?) {
        self.backslashEscapes = backslashEscapes
        self.ansiQuotes = ansiQuotes
    }

    /// From the status flags of the session's last OK or EOF packet: SERVER_STATUS_NO_BACKSLASH_ESCAPES is 0x0200,
    /// SERVER_STATUS_ANSI_QUOTES (MariaDB) is 0x8000.
    public init(status: UInt16) {
        self.init(backslashEscapes: status & 0x0200 == 0, ansiQuotes: status & 0x8000 != 0)
    }

    public static let unknown = Dialect(backslashEscapes: nil, ansiQuotes: nil)
}
