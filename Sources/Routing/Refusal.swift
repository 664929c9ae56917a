import Cluster

/// An error that the proxy itself gives to a client, in the server's terms. The texts are the proxy's own.
public struct Refusal: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// The open transaction is certainly rolled back: retry it.
        case rolledBack
        /// The open transaction is rolled back, but for tables that don't.
        case rowsMayRemain
        /// The statement was not executed: retry it.
        case notExecuted
        /// Nobody can tell whether the statement took effect.
        case unknown
        /// The session held state that could not be rebuilt.
        case stateLost
        /// Rows were delivered already.
        case readInterrupted
        /// A read by its text, which is not run again.
        case readFailed
        /// The connection was killed: nothing of the statement lasts.
        case killed
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
    /// The client is told that it can't be known whether something took effect.
    public let tellsUnknown: Bool

    private init(
        _ kind: Kind, _ code: UInt16, _ sqlState: String, _ message: String, tellsUnknown: Bool = false
    ) {
        self.kind = kind
        self.tellsUnknown = tellsUnknown || kind == .unknown || kind == .rowsMayRemain
        self.code = code
        self.sqlState = sqlState
        self.message = message
    }

    /// ER_LOCK_DEADLOCK: what every client library and framework already knows as "run the transaction again".
    public static let rolledBack = Refusal(
        .rolledBack, 1213, "40001", "transaction rolled back: the primary was lost; try restarting the transaction")

    /// The same, where not every table of the primary's is one that rolls back.
    public static let rowsMayRemain = Refusal(
        .rowsMayRemain, 1927, "08007",
        "the outcome of this transaction is unknown: the primary was lost, and tables without transactions may have "
            + "kept rows; check before running it again")

    public static let notExecuted = Refusal(
        .notExecuted, 1213, "40001", "statement not executed: the primary was lost while it was being sent; retry")

    /// ER_CONNECTION_KILLED (1927), class 08: connectors treat it as a lost connection, never as a retry. SQLSTATE
    /// 08007 is "transaction resolution unknown".
    public static let unknown = Refusal(
        .unknown, 1927, "08007",
        "the outcome of this statement is unknown: the primary was lost before it answered; "
            + "check before running it again")

    /// ER_QUERY_INTERRUPTED, which nothing runs again by itself: by its text it has written nothing, and a text can hide a
    /// function that has.
    public static let readInterrupted = Refusal(
        .readInterrupted, 1317, "70100",
        "query execution was interrupted: the primary was lost after part of the rows")

    /// ER_MALFORMED_PACKET, which nothing takes for a reason to try again.
    public static let unreadable = Refusal(
        .readFailed, 1835, "HY000", "the server's answer could not be understood; the statement is not run again")

    public static let unknownUnreadable = Refusal(
        .unknown, 1927, "08007",
        "the outcome of this statement is unknown: the server's answer could not be understood; "
            + "check before running it again")

    /// In the server's words. What was written in a transaction is rolled back with the connection.
    public static let killed = Refusal(.killed, 1927, "70100", "Connection was killed")

    public static let unknownKilled = Refusal(
        .unknown, 1927, "08007",
        "the outcome of this statement is unknown: its connection was killed before it was answered; "
            + "check before running it again")

    /// Run again after its primary was lost, and found to write.
    public static let unknownWriter = Refusal(
        .unknown, 1927, "08007",
        "the outcome of this statement is unknown: the primary was lost before it answered, and it writes by a function "
            + "or a lock; check before running it again")

    public static let readStopped = Refusal(
        .readFailed, 1317, "70100", "query execution was interrupted: the proxy stops")

    public static let rolledBackByStop = Refusal(
        .rolledBack, 1213, "40001", "transaction rolled back: the proxy stops; try restarting the transaction")

    public static let notExecutedByStop = Refusal(
        .notExecuted, 1213, "40001", "statement not executed: the proxy stops; retry")

    public static let unknownStopped = Refusal(
        .unknown, 1927, "08007",
        "the outcome of this statement is unknown: the proxy stopped before it was answered; "
            + "check before running it again")

    /// Whoever tries again should know what it may do.
    public static let ranTwice = Refusal(
        .readFailed, 1317, "70100",
        "query execution was interrupted: both times that this statement ran, its server was lost; "
            + "it is not run a third time")

    /// 08S02 (communication link): the session cannot go on as it was.
    public static func stateLost(_ losses: Losses, inTransaction: Bool = false, rowsMayRemain: Bool = false) -> Refusal
    {
        let transaction =
            !inTransaction
            ? ""
            : rowsMayRemain
                ? "the outcome of the transaction is unknown, tables without transactions may have kept rows; "
                : "the transaction was rolled back; "
        return Refusal(
            .stateLost, 1927, "08S02",
            "session state lost with the primary: \(losses.isEmpty ? "unknown" : losses.description); \(transaction)"
                + "set it up again before going on", tellsUnknown: inTransaction && rowsMayRemain)
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

    /// The new primary refused parts of the session's state: which, and what it said to the first of them.
    public static func restorationFailed(_ parts: [RestorationPart] = [], code: UInt16, message: String) -> Refusal {
        var names: [String] = []
        for part in parts where !names.contains(part.description) && names.count < 8 { names.append(part.description) }
        let what = names.isEmpty ? "it" : names.joined(separator: ", ")
        return Refusal(
            .stateLost, 1927, "08S02",
            "session state lost with the primary: the new one refused to restore \(what) (\(code): \(message)); "
                + "set it up again before going on")
    }

    /// Why statements are held while there is a primary.
    public enum Pause: Sendable, Hashable {
        case administrator
        /// The cluster, or a switchover, is about to move the primary.
        case move
    }

    /// 1213 for a statement that was never sent; 1040 with 08004 (connection rejected) for a login.
    ///
    /// - Parameter full: where the primary had no seat for the session.
    public static func holdExpired(
        login: Bool, pause: Pause? = nil, inTransaction: Bool, view: ClusterView, full: FullServer? = nil,
        at now: Instant
    ) -> Refusal {
        let why = view.diagnosis.map { ", \($0.rawValue)" } ?? ""
        let state =
            switch (pause, view.primary) {
            case (.administrator, _): "held by an administrator's pause"
            case (.move, .some): "held for a move of the primary"
            case (nil, .some): full.map { "the primary \($0.sentence)" } ?? "the primary does not accept this session"
            case (.move, nil), (nil, nil): "no primary for \(now - view.since) (phase \(view.phase.rawValue)\(why))"
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
