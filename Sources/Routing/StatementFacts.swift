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
    /// What the answer depends on that earlier statements have left: after a move it must be refused, since the new
    /// connection has no statement before.
    public var reads: Leftovers
    /// What is certainly this statement's own behind it, where it succeeds.
    public var overwrites: Leftovers = []
    /// The sequences whose last value it asks for, as they are written, lower case.
    public var sequencesRead: [[UInt8]] = []
    /// The sequences that it takes a value from.
    public var sequencesTaken: [[UInt8]] = []

    /// It asks for what no move leaves (``Leftovers/ofServer``).
    public var readsPrevious: Bool { !reads.isDisjoint(with: .ofServer) }

    public init(_ effect: Effect, change: SessionChangeKind? = nil, reads: Leftovers = []) {
        self.effect = effect
        self.change = change
        self.reads = reads
    }
}

/// How the session's SQL is to be read, as the server's status flags and its character set tell it.
public struct Dialect: Sendable, Hashable {
    /// Whether a backslash escapes in strings; nil when not known: a text whose reading depends on it is `opaque`.
    public var backslashEscapes: Bool?
    /// Whether "…" is an identifier; nil when not known.
    public var ansiQuotes: Bool?
    /// character_set_client.
    public var characterSet: ClientCharacterSet

    public init(backslashEscapes: Bool?, ansiQuotes: Bool?, characterSet: ClientCharacterSet = .unknown) {
        self.backslashEscapes = backslashEscapes
        self.ansiQuotes = ansiQuotes
        self.characterSet = characterSet
    }

    /// From the status flags of the session's last OK or EOF packet: SERVER_STATUS_NO_BACKSLASH_ESCAPES is 0x0200,
    /// SERVER_STATUS_ANSI_QUOTES (MariaDB) is 0x8000.
    public init(status: UInt16, characterSet: ClientCharacterSet = .unknown) {
        self.init(
            backslashEscapes: status & 0x0200 == 0, ansiQuotes: status & 0x8000 != 0, characterSet: characterSet)
    }

    public static let unknown = Dialect(backslashEscapes: nil, ansiQuotes: nil)
}
