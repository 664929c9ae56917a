import Cluster

/// Writes scripts out of a seed: parts of every kind that a session's state has, in any order, with moves between them and
/// looks at the state after those. The same seed makes the same script.
struct FidelityWriter {
    /// A kind of part, how often it comes relative to others, and whether all that it does can be restored.
    struct Part: Sendable {
        let name: String
        let weight: Int
        let isRestorable: Bool
        let write: @Sendable (inout FidelityWriter) -> Void

        init(
            _ name: String, _ weight: Int = 4, restorable: Bool = false,
            _ write: @escaping @Sendable (inout FidelityWriter) -> Void
        ) {
            self.name = name
            self.weight = weight
            isRestorable = restorable
            self.write = write
        }
    }

    private var random: SplitMix64
    private(set) var steps: [FidelityStep] = []
    private var part = ""
    private var group = 0
    /// Only what can be restored.
    let isRestorable: Bool
    /// What later parts and looks refer to.
    var slots: [Int: Int] = [:]
    var names: Set<String> = []

    /// - Parameters:
    ///   - moves: so many, each somewhere in the script.
    ///   - isShort: one part before the move, and one look or part after it.
    ///   - mayLockAll: it runs alone: it may lock what others would wait for.
    static func script(seed: UInt64, moves: Int, isShort: Bool = false, mayLockAll: Bool = false) -> FidelityScript {
        var random = SplitMix64(seed)
        let isRestorable = random.next() % 4 == 0
        var writer = FidelityWriter(seed: random.next(), isRestorable: isRestorable)
        var flags = Wire.Flags.plain
        flags.remove(.localFiles)
        if random.next() % 12 == 0 { flags.insert(.sessionTrack) }
        if random.next() % 3 == 0 { flags.insert(.deprecateEOF) }
        // utf8mb4_general_ci, latin1_swedish_ci, utf8mb3_general_ci, sjis and gbk.
        let collation: UInt8 = [45, 45, 45, 8, 8, 33, 13, 28][Int(random.next() % 8)]
        writer.write(moves: moves, isShort: isShort, mayLockAll: mayLockAll)
        return FidelityScript(
            seed: seed, collation: collation, flags: flags.rawValue, isRestorable: isRestorable, steps: writer.steps)
    }

    private init(seed: UInt64, isRestorable: Bool) {
        random = SplitMix64(seed)
        self.isRestorable = isRestorable
    }

    private mutating func write(moves: Int, isShort: Bool, mayLockAll: Bool) {
        let all = Self.parts + (mayLockAll ? Self.lockingParts : [])
        let parts = all.filter { !isRestorable || $0.isRestorable }
        for _ in 0..<moves {
            for _ in 0..<(1 + below(isShort ? 2 : 5)) { write(oneOf: parts) }
            steps.append(FidelityStep("move", .move))
            // What comes first matters: a look at one thing, a statement, or the whole probe.
            if chance(2) { for _ in 0..<(1 + below(isShort ? 1 : 3)) { write(oneOf: parts) } }
            if chance(2) { look() }
        }
        guard !isShort else { return look() }
        for _ in 0..<below(3) { write(oneOf: parts) }
        look()
        query(
            "SELECT 'a', t.* FROM f{s}a.t UNION ALL SELECT 'b', t.* FROM f{s}b.t UNION ALL "
                + "SELECT 'm', m.* FROM f{s}a.m", label: "probe.rows")
    }

    private mutating func write(oneOf parts: [Part]) {
        var draw = below(parts.reduce(0) { $0 + $1.weight })
        for candidate in parts {
            draw -= candidate.weight
            guard draw < 0 else { continue }
            part = candidate.name
            group += 1
            candidate.write(&self)
            return
        }
    }

    // MARK: what parts write with

    mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
    /// One in `bound`.
    mutating func chance(_ bound: Int) -> Bool { below(bound) == 0 }
    mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

    mutating func query(_ text: String, label: String? = nil) { query(bytes: Array(text.utf8), label: label) }

    mutating func query(bytes: [UInt8], label: String? = nil) { add(.query(bytes), label: label) }

    mutating func add(_ action: FidelityStep.Action, label: String? = nil) {
        // A look is for itself.
        if label != nil { group += 1 }
        steps.append(FidelityStep(label ?? part, action, group: group))
    }

    /// A statement in one of the ways in which clients send one; a restorable one in every way that is.
    mutating func say(_ text: String) {
        switch below(isRestorable ? 8 : 12) {
        case 0, 1, 2, 3: query(text)
        case 4:
            let slot = newSlot(parameters: -1)
            add(.prepare(slot, Array(text.utf8)))
            add(.execute(slot, [], cursor: false))
            if chance(2) { add(.closeStatement(slot)) }
        case 5: query("SELECT 1; \(text); SELECT 2")
        case 6: query("/* c */ \(text) -- end\n")
        case 7: query("/*!50000 \(text) */")
        case 8:
            query("PREPARE x1 FROM \(Self.quoted(text))")
            query("EXECUTE x1")
            names.insert("x1")
        case 9: query("EXECUTE IMMEDIATE \(Self.quoted(text))")
        case 10: query("\(text); SELECT * FROM nowhere")
        // (The server puts sql_mode back behind it, and its status flags stay.)
        case _: query(text.contains("sql_mode") ? text : "BEGIN NOT ATOMIC \(text); END")
        }
    }

    static func quoted(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "''") + "'"
    }

    /// - Parameter parameters: of the statement; -1 for one that is not executed again.
    mutating func newSlot(parameters: Int) -> Int {
        let slot = below(6)
        slots[slot] = parameters
        return slot
    }

    /// All that can be seen of the session's state.
    private mutating func look() {
        let before = part
        defer { part = before }
        var looks = Self.looks
        looks.shuffle(using: &random)
        for (label, text) in looks.prefix(chance(2) ? looks.count : 3) { query(text, label: "probe.\(label)") }
        for (slot, parameters) in slots.sorted(by: { $0.key < $1.key }) where parameters >= 0 {
            add(
                .execute(slot, (0..<parameters).map { .text(Array("look\($0)".utf8)) }, cursor: false),
                label: "probe.execute")
        }
        for name in names.sorted() { query("EXECUTE \(name)", label: "probe.name") }
    }

    private static let looks: [(String, String)] = [
        (
            "variables",
            "SELECT variable_name, session_value FROM information_schema.system_variables WHERE variable_scope LIKE "
                + "'SESSION%' AND variable_name NOT IN ('PSEUDO_THREAD_ID', 'SERVER_ID', 'TIMESTAMP', 'LAST_GTID', 'WARNING_COUNT', "
                + "'ERROR_COUNT', 'SESSION_TRACK_SYSTEM_VARIABLES', 'SESSION_TRACK_SCHEMA', "
                + "'SESSION_TRACK_STATE_CHANGE', 'SESSION_TRACK_TRANSACTION_INFO', 'SESSION_TRACK_USER_VARIABLES', "
                + "'RAND_SEED1', 'RAND_SEED2') ORDER BY 1"
        ),
        ("user variables", "SELECT * FROM information_schema.user_variables ORDER BY 1"),
        ("schema", "SELECT DATABASE(), CURRENT_ROLE(), CURRENT_USER(), SCHEMA()"),
        (
            "locks",
            "SELECT "
                + (["a", "b", "f", "v", "p"].map {
                    "IFNULL(IS_USED_LOCK('l{s}\($0)') = CONNECTION_ID(), 'free')"
                }.joined(separator: ", "))
        ),
        ("temporary table", "SELECT COUNT(*) FROM tmp"),
        ("insert id", "SELECT LAST_INSERT_ID(), @@last_insert_id, @@identity"),
        ("transaction", "SELECT @@in_transaction, @@autocommit, @@tx_read_only, @@tx_isolation"),
        ("clock", "SELECT NOW() < '2010-01-01', @@timestamp < 1300000000"),
        ("names", "SELECT 'x' = \"x\", 'a' || 'b', HEX('\u{e9}'), COLLATION('x'), CHARSET('x')"),
        ("time zone", "SELECT FROM_UNIXTIME(86400), @@time_zone"),
        ("strictness", "SELECT 1/0, CAST('abc' AS SIGNED), @@sql_mode"),
        ("table", "SELECT v FROM t ORDER BY id LIMIT 2"),
    ]
}
