/// What was read of the primary's schemas. Names are in UTF-8, as the server has them.
public struct SchemaReport: Sendable, Hashable {
    /// Longer lists are not kept: then nothing is known.
    public static let namesMax = 20_000
    /// Bytes of all programs' texts; and of all triggers'.
    public static let programBytesMax = 2 << 20

    public var tables: TableFacts
    /// False: the rest has still to be looked at.
    public var isWhole: Bool
    /// The names of all views, of whatever schema; nil where nobody has said so.
    public var views: [String]?
    /// All AUTO_INCREMENT columns; nil where nobody has said so.
    public var numberedColumns: [NumberedColumn]?
    /// As of when that holds; nil: as of when all else does.
    public var columnsAsOf: Instant?
    /// All procedures and functions but the server's own; nil where the account does not see what they do.
    public var programs: [StoredProgram]?
    /// All triggers; nil where the account does not see them.
    public var triggers: [TableTrigger]?
    /// Views that call something are among the programs, each as a function of its name.
    public var knowsViews = false

    public init(
        tables: TableFacts = .unknown, isWhole: Bool = true, views: [String]? = nil,
        numberedColumns: [NumberedColumn]? = nil,
        programs: [StoredProgram]? = nil,
        triggers: [TableTrigger]? = nil
    ) {
        self.tables = tables
        self.isWhole = isWhole
        self.views = views
        self.numberedColumns = numberedColumns
        self.programs = programs
        self.triggers = triggers
    }
}

/// An AUTO_INCREMENT column: a table has one at most.
public struct NumberedColumn: Sendable, Hashable {
    public var schema: String
    public var table: String
    public var name: String
    /// It is its table's first.
    public var isFirst: Bool

    public init(schema: String, table: String, name: String, isFirst: Bool) {
        self.schema = schema
        self.table = table
        self.name = name
        self.isFirst = isFirst
    }
}

/// A procedure or function, as `mysql.proc` has it.
public struct StoredProgram: Sendable, Hashable {
    public var name: String
    /// Else a procedure, or a package of both.
    public var isFunction: Bool
    public var body: String
    /// In which it was made.
    public var sqlMode: String

    public init(name: String, isFunction: Bool, body: String, sqlMode: String) {
        self.name = name
        self.isFunction = isFunction
        self.body = body
        self.sqlMode = sqlMode
    }
}

/// A trigger, as `information_schema.TRIGGERS` has it.
public struct TableTrigger: Sendable, Hashable {
    /// What sets it off.
    public enum Event: String, Sendable, Hashable, CaseIterable {
        case insert = "INSERT"
        case update = "UPDATE"
        case delete = "DELETE"
    }

    public var schema: String
    /// Its table's.
    public var table: String
    public var event: Event
    /// It runs before its row is written.
    public var isBefore: Bool
    public var body: String
    /// In which it was made.
    public var sqlMode: String

    public init(schema: String, table: String, event: Event, isBefore: Bool, body: String, sqlMode: String) {
        self.schema = schema
        self.table = table
        self.event = event
        self.isBefore = isBefore
        self.body = body
        self.sqlMode = sqlMode
    }
}
