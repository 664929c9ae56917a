import MySQLWire

/// What a statement, once answered OK, has done to its session beyond what the server reports by itself. Names of
/// user variables and locks are ASCII-lowercased, without quotes, but for ``loseUserVariables(_:)``; texts are verbatim SQL.
public indirect enum SessionChangeKind: Sendable, Hashable {
    /// One `session_track_… = …`.
    public struct TrackingChange: Sendable, Hashable {
        public var name: [UInt8]
        /// ON, OFF or the text, where it is a literal.
        public var value: [UInt8]?

        public init(name: [UInt8], value: [UInt8]? = nil) {
            self.name = name
            self.value = value
        }
    }

    /// One `@name = expression` of a SET statement whose expression is self-contained.
    public struct Assignment: Sendable, Hashable {
        public var name: [UInt8]
        public var expression: [UInt8]
        /// The user variables that the expression reads.
        public var reads: [[UInt8]]
        /// The session's system variables that it reads, by the names that are kept; LAST_INSERT_ID() is one.
        public var systemReads: [[UInt8]]
        /// Nothing but one string or one of ``systemReads``.
        public var isBare: Bool
        /// The value depends on sql_mode, character set or collation in force (anything but plain numbers).
        public var isContextual: Bool
        /// The name as it was written, where that is not in lower case: the server shows a variable under the first one.
        public var spelling: [UInt8]?

        public init(
            name: [UInt8], expression: [UInt8], reads: [[UInt8]] = [], systemReads: [[UInt8]] = [],
            isBare: Bool = false, isContextual: Bool = false, spelling: [UInt8]? = nil
        ) {
            self.name = name
            self.spelling = spelling == name ? nil : spelling
            self.expression = expression
            self.reads = reads
            self.systemReads = systemReads
            self.isBare = isBare
            self.isContextual = isContextual
        }
    }

    public struct TableName: Sendable, Hashable {
        /// Nil: the default schema at that time.
        public var schema: [UInt8]?
        public var table: [UInt8]

        public init(schema: [UInt8]? = nil, table: [UInt8]) {
            self.schema = schema
            self.table = table
        }
    }

    /// The text behind PREPARE … FROM.
    public enum PreparedSource: Sendable, Hashable {
        /// A string literal, verbatim with its quotes.
        case literal([UInt8])
        case userVariable([UInt8])
        case expression
    }

    /// What LAST_INSERT_ID() gives from now on.
    public enum InsertID: Sendable, Hashable {
        case value(UInt64)
        /// The OK packet's insert id, if it has one; without one it can't be known.
        case ofPacket
        case unknown
    }

    /// Nothing that the server does not report; it may report a change of state.
    case none
    /// The session was changed in ways that the server reports.
    case systemVariables
    /// System variables of the session were set (names in lower case): the server reports some of them.
    case setVariables([[UInt8]])
    /// A system variable was set to this very value; where the server warns it may be another one, for most variables
    /// (``SessionVariables/isAsSaidWithWarnings(_:)``).
    case setVariable([UInt8], [UInt8])
    /// Variables were set that the next statement uses up.
    case oneShotVariables
    /// All assignments of one SET statement: their right-hand sides see the values from before it.
    case setUserVariables([Assignment])
    /// Values that only the server knows were assigned to these user variables (as they are written); empty: to which is
    /// not known.
    case loseUserVariables([[UInt8]])
    /// A system variable went back to following the server (`timestamp = DEFAULT`): its report is to be ignored.
    case clearVariable([UInt8])
    /// SET STATEMENT … FOR: reports of these variables are of passing values.
    case passingVariables([[UInt8]])
    /// SET NAMES … or SET CHARACTER SET …, as `SET` plus this text.
    case setNames([UInt8])
    /// SET ROLE, verbatim.
    case setRole([UInt8])
    /// The client set these session_track_…: the proxy must set its own tracking again.
    case tracking([TrackingChange])
    /// One-shot SET TRANSACTION (or `SET @@tx_isolation`), verbatim.
    case nextTransaction([UInt8])
    case createTemporaryTable(TableName)
    /// DROP TABLE, TEMPORARY or not.
    case dropTables([TableName])
    /// ALTER … RENAME, RENAME TABLE: names of temporary tables may have changed.
    case renameTables
    /// LOCK TABLES, FLUSH TABLES … WITH READ LOCK: until UNLOCK TABLES or a transaction.
    case lockTables
    /// FLUSH TABLES WITH READ LOCK, BACKUP: until they are undone.
    case lockServer
    case unlockTables
    /// A transaction was begun.
    case begun
    /// GET_LOCK; nil: of an unknown name, or of many.
    case userLock([UInt8]?)
    /// RELEASE_LOCK; nil: of an unknown name.
    case releaseUserLock([UInt8]?)
    case releaseAllLocks
    case handlerOpen([UInt8])
    case handlerClose([UInt8])
    case prepareName([UInt8], PreparedSource)
    case deallocateName([UInt8])
    /// EXECUTE name: the journal knows the text.
    case executeName([UInt8])
    /// LAST_INSERT_ID(expression), and statements that may insert without saying what.
    case insertID(InsertID)
    case xaBegun
    case xaEnded
    /// CALL, EXECUTE IMMEDIATE, compound statements: whatever the server reports in answer explains nothing.
    case procedure
    /// CALL of a procedure that sets nothing without a report but what is said beside it.
    case knownProcedure(inserts: Bool, reports: Bool)
    /// These system variables are set somewhere in a compound statement, without a scope: the server does not report
    /// them, and what it does report they do not explain.
    case setInside([[UInt8]])
    /// The session may have changed in ways that cannot be known.
    case unknown
    /// All of them, in order; none of them is `several` itself, see ``joined(_:)``.
    case several([SessionChangeKind])
    /// Of several statements in one text, one for each: each is done when its statement has been answered.
    case sequence([SessionChangeKind])
}

extension SessionChangeKind {
    /// Runs what is not in its text: a procedure, or a text that is not read. It may give several answers.
    public var callsPrograms: Bool {
        switch self {
        case .procedure, .knownProcedure, .executeName, .unknown: true
        case .several(let changes), .sequence(let changes): changes.contains(where: \.callsPrograms)
        case .none, .systemVariables, .setVariables, .setVariable, .oneShotVariables, .setUserVariables,
            .loseUserVariables, .clearVariable, .passingVariables, .setNames, .setRole, .tracking, .nextTransaction,
            .createTemporaryTable, .dropTables, .renameTables, .lockTables, .lockServer, .unlockTables, .begun,
            .userLock, .releaseUserLock, .releaseAllLocks, .handlerOpen, .handlerClose, .prepareName,
            .deallocateName, .insertID, .xaBegun, .xaEnded, .setInside:
            false
        }
    }

    /// A program that is known: whatever is reported with any of its answers says no more than that it has run.
    public var explainsAll: Bool {
        if case .several(let changes) = self { changes.contains(.systemVariables) && callsPrograms } else { false }
    }

    /// The names of all EXECUTE in it.
    public var executed: [[UInt8]] {
        switch self {
        case .executeName(let name): [name]
        case .several(let changes), .sequence(let changes): changes.flatMap(\.executed)
        case .none, .systemVariables, .setVariables, .setVariable, .oneShotVariables, .setUserVariables,
            .loseUserVariables, .clearVariable, .passingVariables, .setNames, .setRole, .tracking, .nextTransaction,
            .createTemporaryTable, .dropTables, .renameTables, .lockTables, .lockServer, .unlockTables, .begun,
            .userLock, .releaseUserLock, .releaseAllLocks, .handlerOpen, .handlerClose, .prepareName,
            .deallocateName, .insertID, .xaBegun, .xaEnded, .procedure, .knownProcedure, .setInside, .unknown:
            []
        }
    }

    /// What it says of LAST_INSERT_ID(); nil for nothing.
    public var ofInsertID: InsertID? {
        switch self {
        case .insertID(let id): id
        case .procedure, .unknown: .unknown
        case .knownProcedure(let inserts, _): inserts ? .unknown : nil
        case .several(let changes): changes.lazy.compactMap(\.ofInsertID).first
        // The next answer is the first one's.
        case .sequence(let changes): changes.first?.ofInsertID
        case .none, .systemVariables, .setVariables, .setVariable, .oneShotVariables, .setUserVariables,
            .loseUserVariables, .clearVariable, .passingVariables, .setNames, .setRole, .tracking, .nextTransaction,
            .createTemporaryTable, .dropTables, .renameTables, .lockTables, .lockServer, .unlockTables, .begun,
            .userLock, .releaseUserLock, .releaseAllLocks, .handlerOpen, .handlerClose, .prepareName, .deallocateName,
            .executeName, .xaBegun, .xaEnded, .setInside:
            nil
        }
    }

    /// Of the first of several answers.
    public var first: SessionChangeKind {
        if case .sequence(let changes) = self { changes.first ?? .none } else { self }
    }

    /// What SET STATEMENT sets.
    public var passing: [[UInt8]] {
        switch self {
        case .passingVariables(let names): names
        case .several(let changes): changes.flatMap(\.passing)
        case _: []
        }
    }

    /// The statement names what has been reported.
    func sets(_ report: SessionChange) -> Bool {
        guard case .systemVariable(let name, _) = report else { return false }
        let canonical = SessionVariables.canonical(ASCII.lowercased(name))
        func names(_ name: [UInt8]) -> Bool {
            // From 11.5 on under the name of whichever of them the client's list has first.
            name == canonical
                || SessionVariables.mayShareReport(canonical) && SessionVariables.mayShareReport(name)
        }
        switch self {
        case .several(let changes): return changes.contains { $0.sets(report) }
        case .setVariables(let all), .passingVariables(let all): return all.contains(where: names)
        case .setVariable(let name, _), .clearVariable(let name): return names(name)
        case .setNames: return SessionVariables.setByNames.contains(canonical)
        case _: return false
        }
    }

    /// A statement that certainly goes to no other schema. (USE is a change of system variables, and nothing else.)
    var staysInSchema: Bool {
        switch self {
        case .none, .systemVariables, .procedure, .knownProcedure, .unknown, .executeName, .sequence: false
        case .several(let changes): !changes.contains { $0.callsPrograms }
        case .setVariables, .setVariable, .oneShotVariables, .setUserVariables, .loseUserVariables, .clearVariable,
            .passingVariables, .setNames, .setRole, .tracking, .nextTransaction, .createTemporaryTable, .dropTables,
            .renameTables, .lockTables, .lockServer, .unlockTables, .begun, .userLock, .releaseUserLock,
            .releaseAllLocks, .handlerOpen, .handlerClose, .prepareName, .deallocateName, .insertID, .xaBegun, .xaEnded,
            .setInside:
            true
        }
    }

    /// All of them as one; nil for none. Flat, whatever statement stood in whatever other.
    static func joined(_ changes: [SessionChangeKind]) -> SessionChangeKind? {
        var flat: [SessionChangeKind] = []
        for change in changes {
            if case .several(let inner) = change { flat += inner } else { flat.append(change) }
        }
        return flat.count > 1 ? .several(flat) : flat.first
    }
}
