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

    /// The texts that bring it about on a session in which nothing is set that is not set here.
    func texts() -> [[UInt8]] {
        var texts: [[UInt8]] = []
        // CHARACTER SET takes its collation from the schema.
        let isOfSchema = names.map { ASCII.starts(ASCII.lowercased($0), "char") } ?? false
        let first = isOfSchema ? namesSchema : schema
        if let first { texts.append(Self.use(first)) }
        if let names { texts.append(Array("SET ".utf8) + names) }
        if let schema, schema != first { texts.append(Self.use(schema)) }
        if !variables.isEmpty {
            let items = variables.map { variable in
                Array("@@session.".utf8) + variable.name + [0x3d] + SQLText.value(variable.value, isText: false)
            }
            texts.append(Array("SET ".utf8) + Array(items.joined(separator: Array(", ".utf8))))
        }
        return texts
    }

    private static func use(_ schema: [UInt8]) -> [UInt8] { Array("USE ".utf8) + SQLText.identifier(schema) }

    /// What goes back from all of them to what a login has, but for the schema. `collation`: what the login said.
    static func backToLogin(from contexts: [PreparationContext], collation: UInt16) -> [[UInt8]] {
        let characterSets = ["character_set_client", "character_set_results", "collation_connection"]
        var names: Set<String> = []
        for context in contexts {
            if context.names != nil { names.formUnion(characterSets) }
            for variable in context.variables {
                let name = String(decoding: variable.name, as: UTF8.self)
                names.insert(name == "character_set_connection" ? "collation_connection" : name)
            }
        }
        if names.isEmpty { return [] }
        let items = names.sorted().map { "@@session.\($0)=DEFAULT" }
        let texts = [Array("SET \(items.joined(separator: ", "))".utf8)]
        return collation != 0 && !names.isDisjoint(with: characterSets)
            ? texts + LoginCollation.texts(collation) : texts
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
