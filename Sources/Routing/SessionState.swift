/// What a session is on its server beside its tables: every kind of state that a statement may leave behind, where the
/// proxy knows it from, and what a move makes of it. docs/session-state.md is this list for people; a test holds the two
/// against each other.
public enum SessionState: String, CaseIterable, Sendable, Hashable {
    case account
    case loginValues = "values from the login"
    case defaultSchema = "default schema"
    case autocommit
    case systemVariables = "system variables"
    case characterSet = "character set"
    case userVariables = "user variables"
    case role
    case nextTransaction = "next transaction"
    case transaction
    case xaTransaction = "XA transaction"
    case preparedStatements = "prepared statements"
    case parameterTypes = "parameter types"
    case longData = "long data"
    case openCursors = "open cursors"
    case preparedNames = "prepared names"
    case lastInsertID = "last insert id"
    case sequenceValues = "sequence values"
    case leftovers = "what the statement before left"
    case temporaryTables = "temporary tables"
    case tableLocks = "table locks"
    case userLocks = "user locks"
    case handlers
    case oneShotVariables = "variables for one statement"
    case multiStatements = "multi statements"
    case tracking = "tracking asked for"
    case unexplained = "unexplained changes"

    /// Where the proxy knows it from.
    public enum Source: String, CaseIterable, Sendable {
        /// The packets of the login, and of COM_CHANGE_USER.
        case login
        /// Status flags of OK and EOF packets.
        case flag
        /// Session tracking in OK packets.
        case report
        /// The text of the statement.
        case text
        /// Other commands, and other fields of their answers.
        case command
        /// A question of the proxy's own.
        case asked
    }

    /// What a move makes of it.
    public enum Fate: String, CaseIterable, Sendable {
        /// Rebuilt before the next statement runs.
        case kept
        /// Rebuilt where its value is certain; else lost.
        case keptIfCertain = "kept if certain"
        /// Gone: the next statement is refused, once, with an error that names it.
        case lost
        /// Gone: the statement that uses it is refused.
        case lostWhenUsed = "lost when used"
    }

    public var sources: [Source] {
        switch self {
        case .account: [.login]
        case .loginValues: [.asked]
        case .defaultSchema: [.login, .report, .asked]
        case .autocommit: [.flag, .asked]
        case .systemVariables: [.report, .asked, .text]
        case .characterSet: [.login, .report, .text]
        case .userVariables, .role: [.text, .asked]
        case .nextTransaction: [.text]
        case .transaction: [.flag]
        case .xaTransaction: [.text]
        case .preparedStatements, .parameterTypes, .longData: [.command]
        case .openCursors: [.flag]
        case .preparedNames: [.text]
        case .lastInsertID: [.text, .command, .asked]
        case .sequenceValues, .leftovers: [.text]
        case .temporaryTables, .tableLocks, .userLocks, .handlers, .oneShotVariables: [.text]
        case .multiStatements: [.login, .command]
        case .tracking: [.asked]
        case .unexplained: [.report]
        }
    }

    public var fate: Fate {
        switch self {
        case .account, .loginValues, .defaultSchema, .autocommit, .characterSet, .role, .preparedStatements,
            .multiStatements, .tracking:
            .kept
        case .systemVariables, .userVariables, .nextTransaction, .parameterTypes, .preparedNames, .lastInsertID:
            .keptIfCertain
        case .transaction, .xaTransaction, .temporaryTables, .tableLocks, .userLocks, .handlers, .oneShotVariables,
            .unexplained:
            .lost
        case .longData, .openCursors, .sequenceValues, .leftovers: .lostWhenUsed
        }
    }
}

/// What a move would make of one session as it stands.
public struct MoveForecast: Sendable, Hashable {
    public struct Item: Sendable, Hashable {
        public var state: SessionState
        /// How many; 1 where it is one thing.
        public var count: Int

        public init(_ state: SessionState, _ count: Int = 1) {
            self.state = state
            self.count = count
        }
    }

    /// In the order of ``SessionState``.
    public private(set) var keeps: [Item] = []
    public private(set) var loses: [Item] = []

    public init() {}

    /// Nothing where `count` is 0.
    public mutating func keep(_ state: SessionState, _ count: Int = 1) { Self.note(Item(state, count), in: &keeps) }
    public mutating func lose(_ state: SessionState, _ count: Int = 1) { Self.note(Item(state, count), in: &loses) }

    private static func note(_ item: Item, in items: inout [Item]) {
        guard item.count > 0 else { return }
        if let known = items.firstIndex(where: { $0.state == item.state }) {
            items[known].count = max(items[known].count, item.count)
        } else {
            items.append(item)
        }
    }
}

extension Losses {
    /// What kind of state each of them is; ``tooLarge`` may be of any.
    var states: [SessionState] {
        let all: [(Losses, SessionState)] = [
            (.temporaryTables, .temporaryTables), (.tableLocks, .tableLocks), (.userLocks, .userLocks),
            (.handlers, .handlers), (.openCursors, .openCursors), (.longData, .longData),
            (.userVariables, .userVariables), (.preparedNames, .preparedNames), (.xa, .xaTransaction),
            (.oneShotVariables, .oneShotVariables), (.systemVariables, .systemVariables), (.unknown, .unexplained),
            (.boundParameters, .parameterTypes), (.tooLarge, .unexplained),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }
}
