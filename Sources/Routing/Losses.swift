/// State of a session that lives in one server's memory only, and cannot be rebuilt elsewhere.
public struct Losses: OptionSet, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let temporaryTables = Losses(rawValue: 1 << 0)
    public static let tableLocks = Losses(rawValue: 1 << 1)
    public static let userLocks = Losses(rawValue: 1 << 2)
    public static let handlers = Losses(rawValue: 1 << 3)
    public static let openCursors = Losses(rawValue: 1 << 4)
    public static let longData = Losses(rawValue: 1 << 5)
    /// User variables whose values only the server knows.
    public static let userVariables = Losses(rawValue: 1 << 6)
    /// PREPARE name FROM a text that only the server knows.
    public static let preparedNames = Losses(rawValue: 1 << 7)
    public static let xa = Losses(rawValue: 1 << 8)
    /// insert_id, rand_seed1, rand_seed2, gtid_seq_no: used up by a statement that the journal does not see.
    public static let oneShotVariables = Losses(rawValue: 1 << 9)
    /// The server reported a change that nothing explains: a procedure, a trigger, an unreadable statement.
    public static let unknown = Losses(rawValue: 1 << 10)
    /// More state than the journal's limit.
    public static let tooLarge = Losses(rawValue: 1 << 11)

    /// System variables whose values only the server knows.
    public static let systemVariables = Losses(rawValue: 1 << 12)

    /// The server reads parameters as their client's character set was when their types were bound.
    public static let boundParameters = Losses(rawValue: 1 << 13)

    private static let names: [(Losses, String)] = [
        (.temporaryTables, "a temporary table"), (.tableLocks, "locked tables"), (.userLocks, "a lock of GET_LOCK"),
        (.handlers, "an open HANDLER"), (.openCursors, "an open cursor"), (.longData, "parameter data sent ahead"),
        (.userVariables, "a user variable set by a query"), (.preparedNames, "a statement prepared from a variable"),
        (.xa, "an XA transaction"), (.oneShotVariables, "a variable meant for the next statement"),
        (.unknown, "session state changed by a procedure, trigger or function"),
        (.systemVariables, "a system variable that the server has not told"),
        (.boundParameters, "parameter types bound under another character set"),
        (.tooLarge, "more session state than is kept"),
    ]

    /// For people: "a temporary table, an open cursor"; empty for none.
    public var description: String {
        Losses.names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }
}
