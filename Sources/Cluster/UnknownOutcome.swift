/// A statement, or an open transaction, of which nobody can tell whether it took effect: somebody has to look.
public struct UnknownOutcome: Hashable, Sendable {
    /// What kept the answer from coming.
    public enum Cause: String, Hashable, Sendable, CaseIterable {
        /// The primary was lost.
        case lost
        /// The connection was killed, by KILL or an administrator.
        case killed
        /// The proxy stopped.
        case stopped
        /// The server's answer could not be understood.
        case unreadable
    }

    public var session: UInt32
    /// As the client gave them, 80 bytes at most each.
    public var user: String
    public var database: String
    /// `ip:port`
    public var client: String
    /// The node's name; empty where the session had none.
    public var node: String
    /// The connection's id there, as in its general log and binary log; 0 where it had none.
    public var thread: UInt32
    /// The statement's kind, e.g. `INSERT`; never a name or a value of it.
    public var statement: String
    /// Of a transaction that had been begun.
    public var inTransaction: Bool
    /// When the statement arrived, and when its answer was given up.
    public var began: Instant
    public var ended: Instant
    public var cause: Cause

    public init(
        session: UInt32, user: String, database: String, client: String, node: String, thread: UInt32,
        statement: String, inTransaction: Bool, began: Instant, ended: Instant, cause: Cause
    ) {
        self.session = session
        self.user = user
        self.database = database
        self.client = client
        self.node = node
        self.thread = thread
        self.statement = statement
        self.inTransaction = inTransaction
        self.began = began
        self.ended = ended
        self.cause = cause
    }
}
