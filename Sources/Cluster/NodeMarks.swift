/// What administrators have made of a node's checks; see HAProxy's `set server … health`, `disable health` and the like.
public struct NodeMarks: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Takes no new statements until the next check.
    public static let stopping = NodeMarks(rawValue: 1)
    /// Is not checked: what was known of it stays.
    public static let unchecked = NodeMarks(rawValue: 2)
    /// Has an agent.
    public static let agent = NodeMarks(rawValue: 4)
    /// Its agent is heard.
    public static let agentHeard = NodeMarks(rawValue: 8)
    /// Its agent's word does not count.
    public static let agentIgnored = NodeMarks(rawValue: 16)
    /// Takes no statements until its agent's next word.
    public static let agentDown = NodeMarks(rawValue: 32)
}

/// What an administrator may say of a node's health, in HAProxy's words.
public enum HealthWord: String, Sendable, Hashable, CaseIterable {
    case up
    /// To be left alone.
    case stopping
    case down
}
