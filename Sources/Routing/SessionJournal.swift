/// What must be rebuilt when a session moves to another server, and what cannot be.
///
/// Fed in the order of the dialogue. For every answer that carries session tracking information, or whose statement
/// has a change (``StatementFacts/change``), once it is known to be OK: first ``apply(_:)`` (with `.none` where the
/// statement has no change), then the facts in the order of the packet, ``stateChanged()`` for the fact of that
/// name. Where the answer ends in an EOF packet with SERVER_SESSION_STATE_CHANGED (0x4000), which carries no facts:
/// ``apply(_:)``, then ``stateChanged()``; the server reports the values with its next tracked OK.
///
/// The server must have been told `SET session_track_system_variables='*', session_track_schema=ON,
/// session_track_state_change=ON` (``trackingText``). Known limits: variables and locks that a stored procedure,
/// function or trigger takes without the server reporting a change (`SELECT … INTO @x`, GET_LOCK inside of it). And
/// the other way round: a query on a view of a schema that is not the default one reports a change of state, and
/// is taken for the unknown change that it cannot be told from.
public struct SessionJournal: Sendable {
    /// To be run after every login and after COM_RESET_CONNECTION and COM_CHANGE_USER, which undo it.
    public static let trackingText = Array(
        "SET session_track_system_variables='*', session_track_schema=ON, session_track_state_change=ON".utf8)

    /// More tables, locks or handlers than this are not told apart: the loss stays until a reset.
    private static let namesMax = 256

    /// More system variables than this are not kept: ``Losses/tooLarge``. (A server has 700 to 800.)
    static let variablesMax = 2048

    /// Longer texts behind EXECUTE name are known as far as they are plain: the client need not send them again.
    static let executedMax = 16 * 1024

    /// Of SET NAMES, SET ROLE and the names of variables to be tracked. (Of these 256 may stand in one SET.)
    static let textMax = 64 * 1024

    /// What is counted for a text besides its bytes: about what the array takes.
    static let textOverhead = 48

    /// More bytes of state than this are not kept: ``Losses/tooLarge``.
    public let byteCountMax: Int

    /// Present default schema (UTF-8, as the server reports it).
    public private(set) var database: [UInt8]?

    /// What LAST_INSERT_ID() gives, as far as it is known; setting it says that it is.
    public var lastInsertID: UInt64 = 0 {
        didSet { isInsertIDUncertain = false }
    }

    /// LAST_INSERT_ID() may be something else, since a statement has been run that does not tell. It is not rebuilt then,
    /// and whoever asks for it after a move has to be told.
    public private(set) var isInsertIDUncertain = false

    /// The client changed what is tracked: run this text, then call ``trackingRestored()``. Its answer's facts are
    /// to be fed as usual, after `apply(.systemVariables)`.
    public private(set) var pendingTracking: [UInt8]?

    private var variables: [(name: [UInt8], value: [UInt8])] = []
    private var userVariables = UserVariableLog()
    /// `NAMES …` or `CHARACTER SET …`; later reports of single variables come after it.
    private var names: [UInt8]?
    /// The default schema when `names` was set: CHARACTER SET takes its collation from it.
    private var namesDatabase: [UInt8]?
    private var role: [UInt8]?
    private var nextTransaction: [[UInt8]] = []
    private var isNextTransactionUncertain = false
    private var prepared: [(name: [UInt8], literal: [UInt8]?)] = []
    private var temporaryTables: [SessionChangeKind.TableName] = []
    private var userLocks: [(name: [UInt8], count: Int)] = []
    private var handlers: [[UInt8]] = []
    /// Losses that stay until a reset, and those kept by ``lose(_:)`` and ``regain(_:)``.
    private var marked: Losses = []
    private var frame = Frame()

    /// What the answer being fed may report.
    private struct Frame: Sendable {
        var isExplained = false
        var isNames = false
        var passing: [[UInt8]] = []
        var cleared: [[UInt8]] = []
    }

    public init(database: [UInt8]? = nil, byteCountMax: Int = 1 << 20) {
        self.database = database
        self.byteCountMax = byteCountMax
    }

    // MARK: What cannot be rebuilt

    public var losses: Losses {
        var losses = marked
        if userVariables.isLossy { losses.insert(.userVariables) }
        if isNextTransactionUncertain { losses.insert(.oneShotVariables) }
        if !temporaryTables.isEmpty { losses.insert(.temporaryTables) }
        if !userLocks.isEmpty { losses.insert(.userLocks) }
        if !handlers.isEmpty { losses.insert(.handlers) }
        if prepared.contains(where: { $0.literal == nil }) { losses.insert(.preparedNames) }
        return losses
    }

    public var isMovable: Bool { losses.isEmpty }

    /// For what others see: open cursors, long data.
    public mutating func lose(_ losses: Losses) { marked.formUnion(losses) }
    public mutating func regain(_ losses: Losses) { marked.subtract(losses) }

    /// What the last statement did to LAST_INSERT_ID() can't be told from it.
    public mutating func loseInsertID() { isInsertIDUncertain = true }

    /// The client has been told of the losses; the session goes on without.
    public mutating func lossesTold() {
        marked = []
        if isNextTransactionUncertain { transactionEnded() }
        temporaryTables = []
        userLocks = []
        handlers = []
        prepared.removeAll { $0.literal == nil }
        userVariables.forgetLost()
    }

    // MARK: Facts of the server

    public mutating func systemVariable(name: [UInt8], value: [UInt8]) {
        let name = ASCII.lowercased(name)
        if ASCII.starts(name, "session_track_") || frame.passing.contains(name) { return }
        if frame.cleared.contains(name) {
            variables.removeAll { $0.name == name }
            return
        }
        if Known.oneShot.contains(name) {
            marked.insert(.oneShotVariables)
            return
        }
        if Known.lastInsertID.contains(name) {
            lastInsertID = ASCII.unsigned(value) ?? lastInsertID
            return
        }
        if frame.isNames && Known.setByNames.contains(name) { return }
        let present = variables.firstIndex { $0.name == name }
        if userVariables.dependsOnContext, Known.context.contains(name), present.map({ variables[$0].value }) != value {
            userVariables.contextChanged(from: name == Known.timestamp ? nil : presentContext)
        }
        if name == Known.characterSetConnection {
            // The server gave the connection that character set's default collation.
            variables.removeAll { $0.name == Known.collationConnection }
        }
        if let index = variables.firstIndex(where: { $0.name == name }) {
            variables[index].value = value
        } else if variables.count == Self.variablesMax {
            shed()
        } else {
            variables.append((name, value))
        }
        limit()
    }

    /// The default schema is now this one; empty: none.
    public mutating func schema(_ name: [UInt8]) {
        database = name.isEmpty ? nil : name
        limit()
    }

    /// The server says that session state changed. Without a statement that explains it: ``Losses/unknown``. A
    /// variable reported along with it is no explanation, for what else the trigger or procedure did is not said.
    public mutating func stateChanged() {
        if !frame.isExplained { marked.insert(.unknown) }
    }

    // MARK: Statements of the client

    public mutating func apply(_ change: SessionChangeKind) {
        frame = Frame()
        note(change, isNested: false)
        limit()
    }

    /// A transaction is waiting for its one-shot characteristics.
    public var hasNextTransaction: Bool { !nextTransaction.isEmpty }

    /// A transaction ended (the status flag went out): one-shot characteristics are used up.
    public mutating func transactionEnded() {
        nextTransaction = []
        isNextTransactionUncertain = false
    }

    /// While ``hasNextTransaction``: a statement other than SET was answered and no transaction is open. The server
    /// does not say whether it has used up the one-shot characteristics (`SELECT 1` has not, one that read a table
    /// has): until a transaction ends they are a loss.
    public mutating func answeredOutsideTransaction() {
        if !nextTransaction.isEmpty { isNextTransactionUncertain = true }
    }

    /// COM_RESET_CONNECTION succeeded. The server keeps the default schema and the role.
    public mutating func reset() {
        let role = self.role
        self = SessionJournal(database: database, byteCountMax: byteCountMax)
        self.role = role
        pendingTracking = Self.trackingText
    }

    /// COM_CHANGE_USER succeeded, with this default schema.
    public mutating func changedUser(database: [UInt8]?) {
        self = SessionJournal(database: database, byteCountMax: byteCountMax)
        pendingTracking = Self.trackingText
    }

    public mutating func trackingRestored() { pendingTracking = nil }

    private mutating func note(_ change: SessionChangeKind, isNested: Bool) {
        switch change {
        case .none:
            break
        case .procedure:
            isInsertIDUncertain = true
        case .insertID(.value(let id)):
            lastInsertID = id
        case .insertID(.unknown):
            isInsertIDUncertain = true
        case .insertID(.ofPacket):
            // Comes with the packet.
            break
        case .systemVariables:
            frame.isExplained = true
        case .setUserVariables(let assignments):
            frame.isExplained = true
            userVariables.assign(assignments)
        case .loseUserVariables(let names):
            userVariables.lose(names)
        case .clearVariable(let name):
            frame.isExplained = true
            frame.cleared.append(name)
            variables.removeAll { $0.name == name }
        case .passingVariables(let names):
            frame.isExplained = true
            frame.passing += names
        case .setNames(let text):
            frame.isExplained = true
            frame.isNames = true
            if userVariables.dependsOnContext,
                names != text || variables.contains(where: { Known.context.contains($0.name) })
            {
                userVariables.contextChanged(from: presentContext)
            }
            names = kept(text)
            namesDatabase = database
            variables.removeAll { Known.setByNames.contains($0.name) }
        case .setRole(let text):
            frame.isExplained = true
            role = kept(text)
        case .tracking(let variables):
            frame.isExplained = true
            var text = Self.trackingText
            for name in variables {
                text += Array(", @@session.".utf8) + name + Array("=@@session.".utf8) + name
            }
            pendingTracking = kept(text) ?? Self.trackingText
        case .nextTransaction(let text):
            frame.isExplained = true
            if nextTransaction.count < 16 { nextTransaction.append(text) } else { marked.insert(.tooLarge) }
        case .createTemporaryTable(let table):
            frame.isExplained = true
            let name = qualified(table)
            if temporaryTables.count == Self.namesMax {
                marked.insert(.temporaryTables)
            } else if !temporaryTables.contains(name) {
                temporaryTables.append(name)
            }
        case .dropTables(let tables):
            frame.isExplained = true
            if !temporaryTables.isEmpty {
                let names = Set(tables.map(qualified))
                temporaryTables.removeAll { names.contains($0) }
            }
        case .renameTables:
            frame.isExplained = true
            if !temporaryTables.isEmpty { marked.insert(.temporaryTables) }
        case .lockTables:
            // Reports a change where a view of another schema is among them.
            frame.isExplained = true
            marked.insert(.tableLocks)
        case .unlockTables:
            marked.remove(.tableLocks)
        case .userLock(let name?):
            if let index = userLocks.firstIndex(where: { $0.name == name }) {
                userLocks[index].count += 1
            } else if userLocks.count == Self.namesMax {
                marked.insert(.userLocks)
            } else {
                userLocks.append((name, 1))
            }
        case .userLock(nil):
            marked.insert(.userLocks)
        case .releaseUserLock(let name):
            // Counted is what may be held at most: a GET_LOCK that was refused only makes it too high.
            if let name, let index = userLocks.firstIndex(where: { $0.name == name }) {
                userLocks[index].count -= 1
                if userLocks[index].count == 0 { userLocks.remove(at: index) }
            }
        case .releaseAllLocks:
            userLocks = []
            marked.remove(.userLocks)
        case .handlerOpen(let name):
            if handlers.count == Self.namesMax {
                marked.insert(.handlers)
            } else if !handlers.contains(name) {
                handlers.append(name)
            }
        case .handlerClose(let name):
            handlers.removeAll { $0 == name }
        case .prepareName(let name, let source):
            frame.isExplained = true
            prepared.removeAll { $0.name == name }
            prepared.append((name, literal(of: source)))
        case .deallocateName(let name):
            frame.isExplained = true
            prepared.removeAll { $0.name == name }
        case .executeName(let name):
            noteExecution(of: name, isNested: isNested)
        case .xaBegun:
            marked.insert(.xa)
        case .xaEnded:
            marked.remove(.xa)
        case .unknown:
            frame.isExplained = true
            isInsertIDUncertain = true
            marked.insert(.unknown)
        case .several(let changes):
            for change in changes { note(change, isNested: isNested) }
        }
    }

    /// What EXECUTE did is what the prepared text says.
    private mutating func noteExecution(of name: [UInt8], isNested: Bool) {
        guard !isNested, let statement = prepared.first(where: { $0.name == name }),
            let literal = statement.literal, let text = SQLScanner.contents(ofLiteral: literal)
        else {
            note(.unknown, isNested: true)
            return
        }
        guard text.count <= Self.executedMax else {
            if !text.withUnsafeBytes(StatementClassifier.isPlain) { note(.unknown, isNested: true) }
            return
        }
        let facts = text.withUnsafeBytes { StatementClassifier.classify($0) }
        if let change = facts.change { note(change, isNested: true) }
    }

    /// The text of the statement prepared under this name (ASCII-lowercased), where it is known.
    public func preparedText(_ name: [UInt8]) -> [UInt8]? {
        prepared.first { $0.name == name }?.literal.flatMap { SQLScanner.contents(ofLiteral: $0) }
    }

    /// `WHERE id IS NULL` asks for the row of LAST_INSERT_ID().
    public var isAutoNull: Bool {
        variables.contains {
            $0.name == Known.autoIsNull && ($0.value == [0x31] || ASCII.lowercased($0.value) == Known.on)
        }
    }

    private func literal(of source: SessionChangeKind.PreparedSource) -> [UInt8]? {
        switch source {
        case .literal(let text):
            return text
        case .userVariable(let name):
            guard let text = userVariables.expression(of: name), SQLScanner.contents(ofLiteral: text) != nil else {
                return nil
            }
            return text
        case .expression:
            return nil
        }
    }

    private func qualified(_ table: SessionChangeKind.TableName) -> SessionChangeKind.TableName {
        SessionChangeKind.TableName(schema: table.schema ?? database, table: table.table)
    }

    // MARK: Restoration

    /// The schema to log in with; nil where ``restoration()`` chooses it itself, since a role has to be taken first
    /// or a character set was taken from another schema.
    public var loginDatabase: [UInt8]? { restorationUses ? nil : database }

    private var restorationUses: Bool {
        role != nil || (isCharacterSetOfSchema && namesDatabase != database)
    }

    private var isCharacterSetOfSchema: Bool { names.map { ASCII.starts(ASCII.lowercased($0), "char") } ?? false }

    /// SQL texts that rebuild the state on a fresh login, in order; none if there is nothing to do. The new login
    /// has ``loginDatabase``, the login's own character set, and ``trackingText`` may be run before or after.
    public func restoration() -> [[UInt8]] {
        var texts: [[UInt8]] = []
        if let role { texts.append(role) }
        let movesSchema = isCharacterSetOfSchema && namesDatabase != database
        if restorationUses, let first = movesSchema ? namesDatabase : database { texts.append(use(first)) }
        texts += userVariables.statementsBefore()
        if let names { texts.append(Array("SET ".utf8) + names) }
        if movesSchema, let database { texts.append(use(database)) }

        var items = variables.sorted(by: Known.precedes).map(assignment)
        if lastInsertID != 0 && !isInsertIDUncertain {
            items.append(Array("@@session.last_insert_id=\(lastInsertID)".utf8))
        }
        if !items.isEmpty { texts.append(Array("SET ".utf8) + items.joined(separator: Array(", ".utf8))) }

        // After the variables above, since how these are read depends on them.
        texts += userVariables.statements()
        for statement in prepared {
            guard let literal = statement.literal else { continue }
            texts.append(
                Array("PREPARE ".utf8) + SQLText.identifier(statement.name) + Array(" FROM ".utf8) + literal)
        }
        return texts + nextTransaction
    }

    private func assignment(_ variable: (name: [UInt8], value: [UInt8])) -> [UInt8] {
        let isNull = variable.value.isEmpty && Known.nullable.contains(variable.name)
        return Array("@@session.".utf8) + variable.name + Array("=".utf8)
            + (isNull
                ? Array("NULL".utf8)
                : SQLText.value(variable.value, isText: Known.textual.contains(variable.name)))
    }

    /// The texts that set everything which the meaning of a text depends on to what it is now, on a session that has
    /// come here by the same way. Nil where a character set was taken from a schema: that way is not gone twice.
    private var presentContext: [[UInt8]]? {
        if isCharacterSetOfSchema { return nil }
        var texts: [[UInt8]] = []
        if let names { texts.append(Array("SET ".utf8) + names) }
        let items = variables.filter { Known.context.contains($0.name) && $0.name != Known.timestamp }
            .sorted(by: Known.precedes).map(assignment)
        if !items.isEmpty { texts.append(Array("SET ".utf8) + items.joined(separator: Array(", ".utf8))) }
        return texts
    }

    private func use(_ schema: [UInt8]) -> [UInt8] { Array("USE ".utf8) + SQLText.identifier(schema) }

    // MARK: Size

    /// Bytes of state kept, each text with ``textOverhead``.
    public var byteCount: Int {
        var sum = userVariables.byteCount
        func add(_ text: [UInt8]?) { if let text { sum += text.count + Self.textOverhead } }
        for text in [database, names, namesDatabase, role, pendingTracking] { add(text) }
        for variable in variables {
            add(variable.name)
            add(variable.value)
        }
        for text in nextTransaction { add(text) }
        for statement in prepared {
            add(statement.name)
            add(statement.literal)
        }
        for table in temporaryTables {
            add(table.table)
            add(table.schema)
        }
        for lock in userLocks { add(lock.name) }
        for handler in handlers { add(handler) }
        return sum
    }

    /// A text that is not dropped with the rest: nil, and a loss, where it is longer than any that means something.
    private mutating func kept(_ text: [UInt8]) -> [UInt8]? {
        if text.count <= Self.textMax { return text }
        marked.insert(.tooLarge)
        return nil
    }

    /// Past the limit nothing is kept that could grow.
    private mutating func limit() {
        if byteCount > byteCountMax { shed() }
    }

    /// There is no room for it: nothing is kept that could grow, and the session can no longer be moved
    /// (``Losses/tooLarge``).
    public mutating func shed() {
        marked.insert(.tooLarge)
        userVariables = UserVariableLog()
        prepared = []
        temporaryTables = []
        userLocks = []
        handlers = []
        variables = []
        transactionEnded()
    }
}

/// System variables that need knowing.
private enum Known {
    static let characterSetConnection = Array("character_set_connection".utf8)
    /// Can go back to following the clock, which no text of a context says.
    static let timestamp = Array("timestamp".utf8)
    static let autoIsNull = Array("sql_auto_is_null".utf8)
    static let on = Array("on".utf8)
    static let collationConnection = Array("collation_connection".utf8)

    /// What SET NAMES and SET CHARACTER SET set; the collation is set without a report.
    static let setByNames = names(
        "character_set_client", "character_set_connection", "character_set_results", "collation_connection")

    /// Used up by one statement.
    static let oneShot = names("insert_id", "rand_seed1", "rand_seed2", "gtid_seq_no")

    static let lastInsertID = names("last_insert_id", "identity")

    /// An empty report means NULL (and some of them refuse an empty string).
    static let nullable = names(
        "character_set_results", "innodb_ft_user_stopword_table", "innodb_tmpdir", "enforce_storage_engine",
        "default_tmp_storage_engine")

    /// Strings that may look like numbers.
    static let textual = names("default_master_connection", "innodb_ft_user_stopword_table", "innodb_tmpdir")

    /// What the meaning of a text depends on.
    static let context: Set<[UInt8]> = Set(
        names(
            "sql_mode", "character_set_client", "character_set_connection", "collation_connection", "time_zone",
            "div_precision_increment", "lc_time_names", "default_week_format", "character_set_filesystem",
            "character_set_collations", "old_mode", "max_allowed_packet", "sql_auto_is_null", "timestamp"))

    /// Character sets before the collations that they would undo; otherwise by name, so that a text is the same
    /// whatever the order of the reports.
    static func precedes(
        _ a: (name: [UInt8], value: [UInt8]), _ b: (name: [UInt8], value: [UInt8])
    ) -> Bool {
        let (rankA, rankB) = (rank(a.name), rank(b.name))
        return rankA == rankB ? a.name.lexicographicallyPrecedes(b.name) : rankA < rankB
    }

    private static func rank(_ name: [UInt8]) -> Int {
        if ASCII.starts(name, "character_set_") { return 0 }
        return ASCII.starts(name, "collation_") ? 1 : 2
    }

    private static func names(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }
}
