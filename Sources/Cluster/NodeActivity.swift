/// What was done with one node: present values, and sums since the start.
public struct NodeActivity: Sendable, Hashable {
    /// Logged in there.
    public var sessions = 0
    public var sessionsTotal: UInt64 = 0
    /// Connections begun, and those that came to nothing.
    public var connects: UInt64 = 0
    public var connectsFailed: UInt64 = 0
    /// To and from the node, logins and restored state included.
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    public var statementsAnswered: UInt64 = 0
    /// Ended with an error because the node was lost.
    public var statementsFailed: UInt64 = 0
    /// Run again elsewhere for the same reason.
    public var statementsRerun: UInt64 = 0
    /// Their clients went first.
    public var statementsAbandoned: UInt64 = 0
    /// That went to another node.
    public var sessionsLeft: UInt64 = 0

    public init() {}
}
