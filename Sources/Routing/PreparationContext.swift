/// What a statement is read under when it is prepared, and keeps until it is closed: the server executes it in the
/// schema in which it was prepared, and what quotes, operators and literals mean is settled by then
/// (sql_prepare.cc: `Prepared_statement::stmt_db`; the parser reads sql_mode and the character sets).
public struct PreparationContext: Sendable, Hashable {
    struct Variable: Sendable, Hashable {
        var name: [UInt8]
        var value: [UInt8]
    }

    /// The default schema, UTF-8; nil: none.
    public internal(set) var schema: [UInt8]?
    /// `NAMES …` or `CHARACTER SET …`; what is said in `variables` came after it.
    var names: [UInt8]?
    /// The default schema when `names` was set.
    var namesSchema: [UInt8]?
    /// Those of ``read`` that have been set, character sets before collations. What is not here is the login's.
    var variables: [Variable] = []

    /// No schema, and nothing set.
    public init() {}

    init(schema: [UInt8]?, names: [UInt8]?, namesSchema: [UInt8]?, variables: [Variable]) {
        self.schema = schema
        self.names = names
        self.namesSchema = namesSchema
        self.variables = variables
    }

    /// The variables that count when a statement is prepared, and no more when it is executed.
    static let read: Set<[UInt8]> = Set(
        [
            "sql_mode", "old_mode", "character_set_client", "character_set_connection", "collation_connection",
            "character_set_filesystem", "character_set_collations", "sql_if_exists", "time_zone",
        ].map { Array($0.utf8) })

    /// The texts that bring it about on a session in which nothing is set that is not set here, and that has the rest
    /// from `login`.
    func texts(onto login: LoginValues?) -> [[UInt8]] {
        var texts: [[UInt8]] = []
        // CHARACTER SET takes its collation from the schema.
        let isOfSchema = names.map { ASCII.starts(ASCII.lowercased($0), "char") } ?? false
        let first = isOfSchema ? namesSchema : schema
        if let first {
            // The server has reported the name in UTF-8.
            let isForeign = !first.allSatisfy { $0 < 0x80 }
            if isForeign, !setsCharacterSetClient, let spelling = login?.spelling(of: first) {
                texts.append(Self.use(spelling))
            } else {
                if isForeign { texts.append(Array("SET NAMES utf8mb4".utf8)) }
                texts.append(Self.use(first))
                if isForeign, names == nil { texts += Self.set(SessionVariables.setByNames, to: login) }
            }
        }
        if let names { texts.append(Array("SET ".utf8) + names) }
        if let schema, schema != first { texts.append(Self.use(schema)) }
        if !variables.isEmpty {
            let items = variables.map { SessionVariables.assignment($0.name, $0.value) }
            texts.append(Array("SET ".utf8) + Array(items.joined(separator: Array(", ".utf8))))
        }
        return texts
    }

    /// In this context the client's character set need not be the login's.
    var setsCharacterSetClient: Bool {
        names != nil || variables.contains { $0.name == SessionVariables.characterSetClient }
    }

    private static func use(_ schema: [UInt8]) -> [UInt8] { Array("USE ".utf8) + SQLText.identifier(schema) }

    /// What goes back from all of them to what a login has, but for the schema.
    static func back(from contexts: [PreparationContext], to login: LoginValues?) -> [[UInt8]] {
        var names: Set<[UInt8]> = []
        for context in contexts {
            if context.names != nil { names.formUnion(SessionVariables.setByNames) }
            names.formUnion(context.variables.map(\.name))
        }
        return set(names.map { ($0, [UInt8]()) }.sorted(by: SessionVariables.precedes).map(\.0), to: login)
    }

    /// One SET of all of them to what a login has; to the server's own where that is not known.
    private static func set(_ names: [[UInt8]], to login: LoginValues?) -> [[UInt8]] {
        if names.isEmpty { return [] }
        let items = names.map { name in
            login?.value(of: name).map { SessionVariables.assignment(name, $0) }
                ?? Array("@@session.".utf8) + name + Array("=DEFAULT".utf8)
        }
        return [Array("SET ".utf8) + Array(items.joined(separator: Array(", ".utf8)))]
    }

    /// The order in which they can be brought about one after the other: a session cannot go back to having no schema,
    /// nor, by a text, to what its login had. What has been set once stays set, so the fewer the earlier.
    static func precedes(_ a: PreparationContext, _ b: PreparationContext) -> Bool {
        if (a.schema == nil) != (b.schema == nil) { return a.schema == nil }
        return a.weight < b.weight
    }

    /// How much of it has been set. SET NAMES sets more than there are character sets.
    private var weight: Int { variables.count + (names == nil ? 0 : Self.read.count) }

    /// What it costs to keep.
    var byteCount: Int {
        var sum = 0
        for text in [schema, names, namesSchema] { if let text { sum += text.count + SessionJournal.textOverhead } }
        for variable in variables {
            sum += variable.name.count + variable.value.count + 2 * SessionJournal.textOverhead
        }
        return sum
    }
}

/// The contexts of a session's prepared statements: few, however many statements there are.
public struct PreparationContexts: Sendable {
    private var entries: [(id: UInt32, context: PreparationContext, uses: Int)] = []
    private var lastID: UInt32 = 0
    /// What they cost to keep.
    public private(set) var byteCount = 0

    /// More than this are not told apart.
    static let countMax = 256

    public init() {}

    /// The id of this context, for one statement more; nil where there are too many.
    public mutating func take(_ context: PreparationContext) -> UInt32? {
        // That of the statement before, most of the time.
        if let index = entries.lastIndex(where: { $0.context == context }) {
            entries[index].uses += 1
            return entries[index].id
        }
        guard entries.count < Self.countMax else { return nil }
        lastID &+= 1
        entries.append((lastID, context, 1))
        byteCount += context.byteCount
        return lastID
    }

    /// One statement less is of this context.
    public mutating func give(back id: UInt32) {
        guard let index = entries.firstIndex(where: { $0.id == id }) else { return }
        entries[index].uses -= 1
        if entries[index].uses == 0 {
            byteCount -= entries[index].context.byteCount
            entries.remove(at: index)
        }
    }

    /// In the order in which they came about.
    var all: [PreparationContext] { entries.map(\.context) }

    public subscript(id: UInt32) -> PreparationContext? { entries.first { $0.id == id }?.context }

    public mutating func removeAll() { self = PreparationContexts() }
}
