import Cluster

/// An error that the proxy itself gives to a client, in the server's terms. The texts are the proxy's own.
public struct Refusal: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// The open transaction is certainly rolled back: retry it.
        case rolledBack
        /// The statement was not executed: retry it.
        case notExecuted
        /// Nobody can tell whether the statement took effect.
        case unknown
        /// The session held state that could not be rebuilt.
        case stateLost
        /// Rows were delivered already; nothing was written.
        case readInterrupted
        /// Nothing was written, and it is not run again.
        case readFailed
        /// No primary within the hold time; the statement was never sent.
        case holdExpired
        /// No primary within the hold time, at login.
        case loginExpired
    }

    public let kind: Kind
    /// MariaDB's error code.
    public let code: UInt16
    /// Five characters.
    public let sqlState: String
    public let message: String

    private init(_ kind: Kind, _ code: UInt16, _ sqlState: String, _ message: String) {
        self.kind = kind
        self.code = code
        self.sqlState = sqlState
        self.message = message
    }

    /// ER_LOCK_DEADLOCK: what every client library and framework already knows as "run the transaction again".
    public static let rolledBack = Refusal(
        .rolledBack, 1213, "40001", "transaction rolled back: the primary was lost; try restarting the transaction")

    public static let notExecuted = Refusal(
        .notExecuted, 1213, "40001", "statement not executed: the primary was lost while it was being sent; retry")

    /// ER_CONNECTION_KILLED (1927), class 08: connectors treat it as a lost connection, never as a retry. SQLSTATE
    /// 08007 is "transaction resolution unknown".
    public static let unknown = Refusal(
        .unknown, 1927, "08007",
        "the outcome of this statement is unknown: the primary was lost before it answered; "
            + "check before running it again")

    public static let readInterrupted = Refusal(
        .readInterrupted, 1213, "40001",
        "result set interrupted: the primary was lost after part of the rows; nothing was written, retry")

    /// ER_MALFORMED_PACKET, which nothing takes for a reason to try again.
    public static let unreadable = Refusal(
        .readFailed, 1835, "HY000", "the server's answer could not be understood; nothing was written")

    public static let unknownUnreadable = Refusal(
        .unknown, 1927, "08007",
        "the outcome of this statement is unknown: the server's answer could not be understood; "
            + "check before running it again")

    /// ER_QUERY_INTERRUPTED: nothing was written, and whoever tries again should know what it may do.
    public static let ranTwice = Refusal(
        .readFailed, 1317, "70100",
        "query execution was interrupted: both times that this statement ran, its server was lost; "
            + "it is not run a third time")

    /// 08S02 (communication link): the session cannot go on as it was.
    public static func stateLost(_ losses: Losses, inTransaction: Bool = false) -> Refusal {
        Refusal(
            .stateLost, 1927, "08S02",
            "session state lost with the primary: \(losses.isEmpty ? "unknown" : losses.description); "
                + (inTransaction ? "the transaction was rolled back; " : "") + "set it up again before going on")
    }

    /// For a statement that asks for what statements before the move left.
    public static func leftoversLost(_ leftovers: Leftovers) -> Refusal {
        let what =
            if !leftovers.isDisjoint(with: [.insertID, .autoIsNull]) {
                "LAST_INSERT_ID() is not known any more"
            } else if leftovers.contains(.sequenceValues) {
                "the last value of a sequence is gone"
            } else {
                "what the statement before left (warnings, row counts) is gone"
            }
        return Refusal(.stateLost, 1927, "08S02", "session state lost with the primary: \(what)")
    }

    /// The new primary refused a part of the session's state.
    public static func restorationFailed(code: UInt16, message: String) -> Refusal {
        Refusal(
            .stateLost, 1927, "08S02",
            "session state lost with the primary: the new one refused to restore it (\(code): \(message)); "
                + "set it up again before going on")
    }

    /// 1213 for a statement that was never sent; 1040 with 08004 (connection rejected) for a login.
    public static func holdExpired(
        login: Bool, paused: Bool = false, inTransaction: Bool, view: ClusterView, at now: Instant
    ) -> Refusal {
        let why = view.diagnosis.map { ", \($0.rawValue)" } ?? ""
        let state =
            if paused {
                "held by an administrator's pause"
            } else if view.primary != nil {
                "the primary does not accept this session"
            } else {
                "no primary for \(now - view.since) (phase \(view.phase.rawValue)\(why))"
            }
        if login {
            return Refusal(.loginExpired, 1040, "08004", "\(state); try again later")
        }
        return Refusal(
            .holdExpired, 1213, "40001",
            inTransaction
                ? "transaction rolled back: \(state); try restarting the transaction"
                : "statement not executed: \(state); retry")
    }
}
