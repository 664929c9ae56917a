/// What must be rebuilt when a session moves to another server, and what cannot be.
///
/// Fed in the order of the dialogue. For every answer that carries session tracking information, or whose statement
/// has a change (``StatementFacts/change``), once it is known to be OK: first ``apply(_:)`` (with `.none` where the
/// statement has no change), then the facts in the order of the packet, ``stateChanged()`` for the fact of that
/// name. Where the answer ends in an EOF packet with SERVER_SESSION_STATE_CHANGED (0x4000), which carries no facts:
/// ``apply(_:)``, then ``stateChanged()``; the server reports the values with its next tracked OK.
///
/// The server must have been told to report changes (``trackingText``). A variable that a SET has named, whose value
/// neither its text says nor the answer reports, is asked for (``questions(left:)``); so is, behind a procedure, what the
/// session has from its login. What stored programs and triggers do without a report comes from ``SchemaKnowledge``.
/// Known limits: what a view does without a report (`SELECT … INTO @x`, GET_LOCK) where nobody sees its text. The change
/// that is reported with a statement prepared in another schema is taken for the change of schema, though a trigger may
/// have changed something as well.
public struct SessionJournal: Sendable {
    /// To be run after every login and after COM_RESET_CONNECTION and COM_CHANGE_USER, which undo it.
    public static let trackingText = trackingText(SessionVariables.tracked.utf8)

    /// The variable whose report carries answers.
    public static let carrier = SessionVariables.carrier

    private static func trackingText(_ list: some Sequence<UInt8>) -> [UInt8] {
        Array("SET session_track_system_variables='".utf8) + list
            + Array("', session_track_schema=ON, session_track_state_change=ON".utf8)
    }

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

    /// Present default schema: UTF-8, as the server reports it; before ``loggedIn(_:schema:)`` as the client said it.
    public private(set) var database: [UInt8]?

    private var isDatabaseReported = false

    /// How often the client's character set or the connection's collation may have become another one.
    public private(set) var characterSetChanges: UInt32 = 0

    /// What LAST_INSERT_ID() gives, as far as it is known; setting it says that it is.
    public var lastInsertID: UInt64 = 0 {
        didSet {
            isInsertIDUncertain = false
            isInsertIDGone = false
        }
    }

    /// LAST_INSERT_ID() may be something else, since a statement has been run that does not tell. It is not rebuilt then,
    /// and whoever asks for it after a move has to be told.
    public private(set) var isInsertIDUncertain = false {
        didSet { isInsertIDAsked = false }
    }

    /// Whether the server has to be asked for it: that can wait until a statement comes that is no insert.
    public var asksInsertID: Bool { isInsertIDUncertain && !isInsertIDAsked }

    private var isInsertIDAsked = false
    /// A move has taken it, uncertain as it was: that the server has none says nothing.
    private var isInsertIDGone = false

    /// What the session has from its login; nil while it has not been asked.
    public private(set) var login: LoginValues?

    /// As the server's status flags have said when they changed; nil: as the login has it. (The flags of a fresh login
    /// on 10.5 say that it is on, whatever it is.)
    public var autocommit: Bool? { didSet { isAutocommitNamed = false } }
    /// A SET has named it: the flags of its answer say what it is, changed or not.
    public private(set) var isAutocommitNamed = false

    /// The server has to be asked: ``questions()``.
    public var asks: Bool {
        triggerQuestion == .due || roleQuestion == .due || !userVariables.wanted.isEmpty
            || isLoginUncertain && login != nil || !isAsking && isUntold
    }

    private var isUntold: Bool { isTrackingChanged || !unanswered.isEmpty }

    /// What the client wants to be told of its session's changes.
    public var clientTracking: ClientTracking { tracking ?? login?.tracking ?? .usual }

    /// Chosen by the client.
    private var tracking: ClientTracking?
    /// What the client has set of that and nobody has read yet. (The others are ours on the server.)
    private var trackingChanged: [[UInt8]] = []
    private var isTrackingChanged: Bool { !trackingChanged.isEmpty }
    /// Variables that were set and whose value has not been reported.
    private var unanswered: [[UInt8]] = []
    /// The questions for these are under way.
    private var isAsking = false
    /// Those of them that have been asked for.
    private var asked: [[UInt8]] = []
    /// A procedure may have set what the session has from its login. (No loss: few do that, and they are asked at once.)
    private var isLoginUncertain = false
    /// A statement that writes has failed, maybe behind a trigger, and its error says nothing of the session: the server has
    /// to be asked.
    private var triggerQuestion = Inquiry.none
    /// COM_RESET_CONNECTION kept the role, which a statement before may have set in a way that nobody has seen.
    private var roleQuestion = Inquiry.none
    /// COM_RESET_CONNECTION kept the schema, and took its character set away.
    private var isSchemaReset = false
    private var variables: [(name: [UInt8], value: [UInt8])] = []
    private var userVariables = UserVariableLog()
    /// `NAMES …` or `CHARACTER SET …`; later reports of single variables come after it.
    private var names: [UInt8]?
    /// The default schema when `names` was set: CHARACTER SET takes its collation from it.
    private var namesDatabase: [UInt8]?
    private var role: [UInt8]?
    private var nextTransaction: [[UInt8]] = []
    private var isNextTransactionUncertain = false
    private var prepared: [(name: [UInt8], literal: [UInt8]?, context: UInt32)] = []
    private var contexts = PreparationContexts()
    /// A statement has been prepared that sets one of the user's variables.
    private var preparesUserVariables = false
    private var temporaryTables: [SessionChangeKind.TableName] = []
    private var userLocks: [(name: [UInt8], count: Int)] = []
    private var handlers: [[UInt8]] = []
    /// Procedures that were called and that nobody had seen yet.
    private var unseenPrograms: [[UInt8]] = []
    /// The last of them is that of the statement under way.
    private var isUnseenNew = false
    /// Losses that stay until a reset, and those kept by ``lose(_:)`` and ``regain(_:)``.
    private var marked: Losses = []
    private var frame = Frame()

    /// LOCK TABLES, which a transaction's beginning ends; FLUSH TABLES WITH READ LOCK and BACKUP are in `marked`.
    private var hasLockedTables = false

    /// What stands of a question that is a loss until it is answered.
    private enum Inquiry: Sendable {
        case none
        /// The server has to be asked.
        case due
        case underWay

        /// What has become due meanwhile stays so.
        mutating func answered() { if self == .underWay { self = .none } }
    }

    /// What the answer being fed may report.
    private struct Frame: Sendable {
        /// The statement was answered with warnings, of whatever.
        var isWarned = false
        var isExplained = false
        /// It is a question of ours.
        var isOwn = false
        var isCollationSaid = false
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
        if !unanswered.isEmpty || isTrackingChanged { losses.insert(.systemVariables) }
        if hasLockedTables { losses.insert(.tableLocks) }
        if triggerQuestion != .none || roleQuestion != .none { losses.insert(.unknown) }
        if !unseenPrograms.isEmpty { losses.insert(.unknown) }
        if isNextTransactionUncertain { losses.insert(.oneShotVariables) }
        if !temporaryTables.isEmpty { losses.insert(.temporaryTables) }
        if !userLocks.isEmpty { losses.insert(.userLocks) }
        if !handlers.isEmpty { losses.insert(.handlers) }
        if prepared.contains(where: { $0.literal == nil }) { losses.insert(.preparedNames) }
        return losses
    }

    public var isMovable: Bool { losses.isEmpty }

    /// What a move would make of what stands here.
    public var forecast: MoveForecast {
        var forecast = MoveForecast()
        forecast.keep(.defaultSchema, database == nil ? 0 : 1)
        forecast.keep(.systemVariables, variables.count)
        forecast.keep(.characterSet, names == nil ? 0 : 1)
        forecast.keep(.userVariables, userVariables.knownCount)
        forecast.keep(.role, role == nil ? 0 : 1)
        forecast.keep(.nextTransaction, isNextTransactionUncertain ? 0 : nextTransaction.count)
        forecast.keep(.preparedNames, prepared.count { $0.literal != nil })
        forecast.keep(.lastInsertID, lastInsertID == 0 || isInsertIDUncertain ? 0 : 1)
        for state in losses.states { forecast.lose(state) }
        forecast.lose(.temporaryTables, temporaryTables.count)
        forecast.lose(.userLocks, userLocks.count)
        forecast.lose(.handlers, handlers.count)
        forecast.lose(.preparedNames, prepared.count { $0.literal == nil })
        forecast.lose(.userVariables, userVariables.lost.count)
        return forecast
    }

    /// For what others see: open cursors, long data.
    public mutating func lose(_ losses: Losses) { marked.formUnion(losses) }
    public mutating func regain(_ losses: Losses) { marked.subtract(losses) }

    /// A procedure is called that is newer than what is known of the schemas: what it leaves will be seen.
    public mutating func called(unseen name: [UInt8]) {
        isUnseenNew = false
        if unseenPrograms.contains(name) { return }
        guard unseenPrograms.count < Self.unseenMax else {
            marked.insert(.unknown)
            return
        }
        unseenPrograms.append(name)
        isUnseenNew = true
    }

    private static let unseenMax = 16

    /// The schemas have been read again. False where that says nothing new here. `isCurrent`: what is not there now was
    /// never called.
    public mutating func learn(_ knowledge: SchemaKnowledge, isCurrent: Bool) -> Bool {
        if unseenPrograms.isEmpty { return false }
        let seen = unseenPrograms.filter { knowledge.changes(ofCalled: $0) != nil }
        let isOver = isCurrent || knowledge.hidesPrograms
        isUnseenNew = false
        unseenPrograms = isOver ? [] : unseenPrograms.filter { !seen.contains($0) }
        let changes = seen.flatMap { knowledge.changes(ofCalled: $0) ?? [] }.compactMap(unasked)
        if !changes.isEmpty { apply(.several(changes)) }
        return isOver || !seen.isEmpty
    }

    /// Without what every procedure that is not known is asked about.
    private func unasked(_ change: SessionChangeKind) -> SessionChangeKind? {
        guard login != nil, case .setInside(let names) = change else { return change }
        let others = names.filter {
            let name = SessionVariables.canonical($0)
            return SessionVariables.nextTransaction.contains(name) || !SessionVariables.fromLogin.contains(name)
        }
        return others.isEmpty ? nil : .setInside(others)
    }

    /// What the last statement did to LAST_INSERT_ID() can't be told from it.
    public mutating func loseInsertID() { isInsertIDUncertain = true }

    /// The client has been told of the losses; the session goes on without.
    public mutating func lossesTold() {
        marked = []
        triggerQuestion = .none
        roleQuestion = .none
        unseenPrograms = []
        hasLockedTables = false
        unanswered = []
        isAsking = false
        trackingChanged = []
        if isNextTransactionUncertain { transactionEnded() }
        temporaryTables = []
        userLocks = []
        handlers = []
        forgetPrepared { $0.literal == nil }
        userVariables.forgetLost()
    }

    // MARK: Facts of the server

    public mutating func systemVariable(name: [UInt8], value: [UInt8]) {
        let reported = ASCII.lowercased(name)
        if ASCII.starts(reported, "session_track_"), reported != SessionVariables.trackTransactions { return }
        let name = SessionVariables.canonical(reported)
        let isNamed = unanswered.contains(name)
        if isNamed { unanswered.removeAll { $0 == name } }
        // Of these the status flags tell, or nothing that could be set.
        if name == SessionVariables.autocommit { isAutocommitNamed = true }
        if name == SessionVariables.autocommit || SessionVariables.unsettable.contains(name) { return }
        if SessionVariables.withoutPlace.contains(name), !isNamed { return }
        if frame.passing.contains(reported) || frame.passing.contains(name) { return }
        if frame.cleared.contains(name) {
            variables.removeAll { $0.name == name }
            return
        }
        if name == SessionVariables.lastInsertID[0] {
            lastInsertID = ASCII.unsigned(value) ?? lastInsertID
            return
        }
        if frame.isNames && SessionVariables.setByNames.contains(name) { return }
        if !nextTransaction.isEmpty, SessionVariables.nextTransaction.contains(name) {
            overrideNextTransaction(name, value)
        }
        let present = variables.firstIndex { $0.name == name }
        if userVariables.dependsOnContext, SessionVariables.context.contains(name),
            present.map({ variables[$0].value }) != value
        {
            let isClock = name == SessionVariables.timestamp
            userVariables.contextChanged(from: isClock ? nil : presentContext, ofClock: isClock)
        }
        if name == SessionVariables.collationConnection { frame.isCollationSaid = true }
        if name == SessionVariables.characterSetConnection, !frame.isCollationSaid {
            // The server gave the connection that character set's default collation. (What is reported together comes in
            // any order.)
            variables.removeAll { $0.name == SessionVariables.collationConnection }
        }
        // Said by itself, or by that of which it is a part.
        if SessionVariables.whole(of: name) != nil { return }
        if name == SessionVariables.timeZone, variables.contains(where: { $0.name == SessionVariables.asOf }) {
            // The same instant reads otherwise now.
            noteNamed(SessionVariables.asOf)
        }
        let index = variables.firstIndex { $0.name == name }
        if SessionVariables.setByNames.contains(name), index.map({ variables[$0].value != value }) ?? true {
            characterSetChanges &+= 1
        }
        if let index {
            variables[index].value = value
        } else if variables.count == Self.variablesMax {
            shed()
        } else {
            variables.append((name, value))
        }
        limit()
    }

    /// Set for the session, it is so for the next transaction, too.
    private mutating func overrideNextTransaction(_ name: [UInt8], _ value: [UInt8]) {
        let text = Array("SET @@".utf8) + name + [0x3d] + SQLText.value(value, isText: false)
        if nextTransaction.last == text { return }
        if nextTransaction.count < 16 { nextTransaction.append(text) } else { marked.insert(.tooLarge) }
    }

    /// The session has this from its login. `schema`: as the server has it; the client said it in its own character set.
    public mutating func loggedIn(_ values: LoginValues, schema: [UInt8]) {
        login = values
        database = schema.isEmpty ? nil : schema
        isDatabaseReported = true
    }

    /// The session stands on another server, which was the first to be asked what a login has.
    public mutating func restored(onto values: LoginValues?) {
        if login == nil { login = values }
    }

    /// The default schema is now this one; empty: none.
    public mutating func schema(_ name: [UInt8]) {
        database = name.isEmpty ? nil : name
        isDatabaseReported = true
        isSchemaReset = false
        variables.removeAll { SessionVariables.ofSchema.contains($0.name) }
        limit()
    }

    /// The server says that session state changed. Without a statement that explains it: ``Losses/unknown``. A
    /// variable reported along with it is no explanation, for what else the trigger or procedure did is not said.
    public mutating func stateChanged() {
        // The server may have gone to another schema and back, which gives the session this one's character set again.
        if isSchemaReset, !frame.isOwn { noteNamed(SessionVariables.ofSchema[1]) }
        if !frame.isExplained { marked.insert(.unknown) }
    }

    // MARK: Statements of the client

    /// - Parameter isWarned: its answer counts warnings.
    public mutating func apply(_ change: SessionChangeKind, isWarned: Bool = false) {
        frame = Frame(isWarned: isWarned)
        isUnseenNew = false
        note(change, isNested: false)
        limit()
    }

    /// A question of ours was answered that reports what it sets.
    public mutating func applyQuestion() {
        frame = Frame(isExplained: true, isOwn: true)
    }

    /// A statement has been prepared whose execution has this change. The server gives a user variable the character set
    /// of what would be assigned to it already then, and of a parameter that is `binary`.
    public mutating func prepared(_ change: SessionChangeKind) {
        switch change {
        // NULL has none.
        case .setUserVariables(let assignments):
            preparesUserVariables = true
            userVariables.disturb(assignments.filter { !UserVariableLog.isNull($0) }.map(\.name), isAny: false)
        case .loseUserVariables(let names):
            preparesUserVariables = true
            userVariables.disturb(names.map(ASCII.lowercased), isAny: names.isEmpty)
        case .several(let changes): for change in changes { prepared(change) }
        case .none, .systemVariables, .setVariables, .setVariable, .oneShotVariables, .clearVariable,
            .passingVariables, .setNames, .setRole, .tracking, .nextTransaction, .createTemporaryTable, .dropTables,
            .renameTables, .lockTables, .lockServer, .unlockTables, .begun, .userLock, .releaseUserLock,
            .releaseAllLocks, .handlerOpen, .handlerClose, .prepareName, .deallocateName, .executeName, .insertID,
            .xaBegun, .xaEnded, .procedure, .knownProcedure, .setInside, .unknown, .sequence:
            break
        }
    }

    /// The server answered a statement that has this change with an error, maybe after a part of its work. What may have
    /// happened is a loss, what may have been undone stays one.
    /// `certainlyNothing`: the statement was refused before it began. `code`: the server's.
    public mutating func failed(_ change: SessionChangeKind, code: UInt16, certainlyNothing: Bool) {
        frame = Frame()
        if isUnseenNew, certainlyNothing { _ = unseenPrograms.popLast() }
        isUnseenNew = false
        noteFailure(change, code: code, certainlyNothing: certainlyNothing, ofSet: false)
        limit()
    }

    private mutating func noteFailure(
        _ change: SessionChangeKind, code: UInt16, certainlyNothing: Bool, ofSet: Bool
    ) {
        switch change {
        // SET evaluates everything before it sets anything (set_var.cc); the others do the one thing or do not.
        case .none, .systemVariables, .setVariables, .setVariable, .oneShotVariables, .clearVariable, .passingVariables,
            .setNames, .setRole, .tracking, .nextTransaction, .createTemporaryTable, .renameTables, .lockTables,
            .lockServer, .unlockTables, .begun, .releaseUserLock, .releaseAllLocks, .handlerOpen, .handlerClose,
            .deallocateName, .xaBegun, .xaEnded, .setInside:
            break
        // But the user's variables are there from then on, and have the character set of what they were to be.
        case .setUserVariables(let assignments):
            if !Self.precedesSetting(code) { userVariables.loseUnlessNumbers(assignments) }
        case .loseUserVariables(let names) where ofSet:
            if !Self.precedesSetting(code) { note(.loseUserVariables(names), isNested: false) }
        // Those before it have been answered, and those behind it do not run.
        case .sequence(let changes):
            if let first = changes.first {
                noteFailure(first, code: code, certainlyNothing: certainlyNothing, ofSet: ofSet)
            }
        // ER_BAD_TABLE_ERROR: those that were there are gone.
        case .dropTables(let tables): if code == 1051 { note(.dropTables(tables), isNested: false) }
        // The name is free before the new text is looked at.
        case .prepareName(let name, _): forgetPrepared(name)
        case .executeName(let name):
            // Unknown, as it was for the journal, or refused before it ran.
            guard code != 1243, !certainlyNothing, let statement = prepared.first(where: { $0.name == name }) else {
                break
            }
            guard let text = contents(of: statement), text.count <= Self.executedMax else {
                marked.insert(.unknown)
                break
            }
            let dialect = dialect(of: statement)
            let facts = text.withUnsafeBytes { StatementClassifier.classify($0, dialect: dialect) }
            if let change = facts.change, change != .executeName(name) {
                noteFailure(change, code: code, certainlyNothing: certainlyNothing, ofSet: false)
            }
        case .loseUserVariables, .userLock:
            if !certainlyNothing, !ofSet { note(change, isNested: false) }
        // LAST_INSERT_ID(5), and then something that failed.
        case .insertID: if !certainlyNothing, !ofSet { isInsertIDUncertain = true }
        // A procedure may have done anything before it failed, and the server says nothing of it.
        case .procedure, .unknown:
            if !certainlyNothing { marked.insert(.unknown) }
        case .knownProcedure(let inserts, let reports):
            if certainlyNothing { break }
            if reports { marked.insert(.unknown) }
            if inserts { isInsertIDUncertain = true }
        case .several(let changes):
            let isSet = ofSet || changes.first == .systemVariables && !changes.contains(.unknown)
            for change in changes {
                noteFailure(change, code: code, certainlyNothing: certainlyNothing, ofSet: isSet)
            }
        }
    }

    /// A statement that writes and has no change failed after it had begun.
    public mutating func writeFailed() {
        if !marked.contains(.unknown) { triggerQuestion = .due }
    }

    /// A SET that failed with this has not looked at its variables: its text, tables or rights were found wanting.
    private static func precedesSetting(_ code: UInt16) -> Bool {
        switch code {
        // ER_PARSE_ERROR, ER_EMPTY_QUERY, ER_NO_DB_ERROR, ER_BAD_DB_ERROR, ER_NO_SUCH_TABLE, ER_TABLEACCESS_DENIED_ERROR,
        // ER_UNKNOWN_SYSTEM_VARIABLE
        case 1064, 1065, 1046, 1049, 1146, 1142, 1193: true
        case _: false
        }
    }

    /// A transaction is waiting for its one-shot characteristics.
    public var hasNextTransaction: Bool { !nextTransaction.isEmpty || isNextTransactionUncertain }

    /// A transaction ended (the status flag went out): one-shot characteristics are used up.
    public mutating func transactionEnded() {
        nextTransaction = []
        isNextTransactionUncertain = false
    }

    /// While ``hasNextTransaction``: a statement was answered and no transaction is open. Where nobody can say whether it
    /// has used up the one-shot characteristics they are a loss, until a transaction ends.
    public mutating func answeredOutsideTransaction(_ use: OneShotUse) {
        if nextTransaction.isEmpty { return }
        switch use {
        case .used: transactionEnded()
        case .unused: break
        case .unknown: isNextTransactionUncertain = true
        }
    }

    /// The text that takes back a PREPARE.
    public static func deallocation(of name: [UInt8]) -> [UInt8] {
        Array("DEALLOCATE PREPARE ".utf8) + SQLText.identifier(name)
    }

    /// Could not be prepared again.
    public mutating func forgetPrepared(_ name: [UInt8]) { forgetPrepared { $0.name == name } }

    /// COM_RESET_CONNECTION succeeded. The server keeps the default schema and the role.
    public mutating func reset() {
        let (role, isDatabaseReported) = (self.role, self.isDatabaseReported)
        let isRoleUncertain = losses.contains(.unknown)
        self = SessionJournal(database: database, byteCountMax: byteCountMax)
        self.role = role
        if isRoleUncertain { roleQuestion = .due }
        self.isDatabaseReported = isDatabaseReported
        isSchemaReset = database != nil
    }

    /// COM_CHANGE_USER succeeded, with this default schema.
    public mutating func changedUser(database: [UInt8]?) {
        self = SessionJournal(database: database, byteCountMax: byteCountMax)
    }

    /// A transaction has begun, which ends LOCK TABLES.
    public mutating func transactionBegun() { hasLockedTables = false }

    /// BEGIN would tell the journal something.
    public var watchesTransactions: Bool {
        hasLockedTables || !nextTransaction.isEmpty || isNextTransactionUncertain
    }

    /// What the session has set a variable to, or has from its login; nil where neither is known.
    public func value(ofVariable name: StaticString) -> [UInt8]? {
        let name = name.withUTF8Buffer(Array.init)
        return variables.first { $0.name == name }?.value ?? login?.value(of: name)
    }

    private mutating func note(_ change: SessionChangeKind, isNested: Bool) {
        switch change {
        case .none:
            break
        case .knownProcedure(let inserts, _):
            if inserts { isInsertIDUncertain = true }
        case .procedure:
            isInsertIDUncertain = true
            // `SET @@x = …` in it is not reported.
            isLoginUncertain = true
        case .setInside(let names):
            for name in names { noteInside(SessionVariables.canonical(name)) }
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
            assign(assignments)
        case .loseUserVariables(let names):
            userVariables.lose(names)
        case .setVariables(let names):
            frame.isExplained = true
            for name in names { noteNamed(SessionVariables.canonical(name)) }
        case .setVariable(let name, let value):
            frame.isExplained = true
            if frame.isWarned, !SessionVariables.isAsSaidWithWarnings(name) {
                noteNamed(name)
            } else {
                systemVariableSet(name, value)
            }
        case .clearVariable(let name):
            frame.isExplained = true
            unanswered.removeAll { $0 == name }
            frame.cleared.append(name)
            variables.removeAll { $0.name == name }
        case .passingVariables(let names):
            frame.isExplained = true
            let known = names.map(SessionVariables.canonical)
            // With its collation, which is put back as well.
            frame.passing += names + known + known.compactMap(SessionVariables.alsoSet)
            for name in names { passed(name) }
        case .setNames(let text):
            frame.isExplained = true
            frame.isNames = true
            if userVariables.dependsOnContext,
                names != text || variables.contains(where: { SessionVariables.context.contains($0.name) })
            {
                userVariables.contextChanged(from: presentContext)
            }
            if setsCollationOfVariable(text) {
                names = nil
                namesDatabase = nil
                frame.isNames = false
                variables.removeAll { SessionVariables.setByNames.contains($0.name) }
                for name in SessionVariables.setByNames { noteNamed(name) }
                break
            }
            // CHARACTER SET takes its collation from the schema.
            if names != text || ASCII.starts(ASCII.lowercased(text), "char")
                || variables.contains(where: { SessionVariables.setByNames.contains($0.name) })
            {
                characterSetChanges &+= 1
            }
            names = kept(text)
            namesDatabase = database
            variables.removeAll { SessionVariables.setByNames.contains($0.name) }
        case .setRole(let text):
            frame.isExplained = true
            role = kept(text)
        case .tracking(let changes):
            frame.isExplained = true
            isAsking = false
            for change in changes {
                if !trackingChanged.contains(change.name) { trackingChanged.append(change.name) }
                // Of the SET itself the client is told as it wants it from now on.
                if change.value != nil { tracking = clientTracking.setting(change) }
            }
        case .oneShotVariables:
            frame.isExplained = true
            marked.insert(.oneShotVariables)
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
            hasLockedTables = true
        case .lockServer:
            frame.isExplained = true
            marked.insert(.tableLocks)
        case .unlockTables:
            hasLockedTables = false
            marked.remove(.tableLocks)
        case .begun:
            transactionBegun()
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
            // Before the old one goes: its context is as good.
            let context = contexts.take(preparationContext)
            forgetPrepared { $0.name == name }
            prepared.append((name, context == nil ? nil : literal(of: source), context ?? 0))
            notePrepared()
        case .deallocateName(let name):
            frame.isExplained = true
            forgetPrepared { $0.name == name }
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
        case .several(let changes), .sequence(let changes):
            for change in changes { note(change, isNested: isNested) }
        }
    }

    /// CHARACTER SET takes the collation that the session has for its schema. Where that is not the schema's own, all that
    /// it sets is kept by itself.
    private func setsCollationOfVariable(_ names: [UInt8]) -> Bool {
        ASCII.starts(ASCII.lowercased(names), "char")
            && (isSchemaReset || !unanswered.allSatisfy { !SessionVariables.ofSchema.contains($0) }
                || variables.contains { SessionVariables.ofSchema.contains($0.name) })
    }

    /// Set for a statement. The server has put it back by its name: a character set of the login's collation is then that
    /// of its character set's own, as the columns of every result show; so is the schema's, and is asked for.
    private mutating func passed(_ name: [UInt8]) {
        if ASCII.starts(name, "character_set_"), let collation = SessionVariables.alsoSet(by: name) {
            noteNamed(collation)
        }
        guard name == SessionVariables.characterSetClient || name == SessionVariables.characterSetResults, names == nil,
            !variables.contains(where: { $0.name == name }), let value = login?.value(of: name)
        else { return }
        characterSetChanges &+= 1
        variables.append((name, value))
    }

    /// Set by a SET: what the answer does not report is asked for.
    private mutating func noteNamed(_ name: [UInt8]) {
        let name = SessionVariables.whole(of: name) ?? name
        if name == SessionVariables.autocommit { isAutocommitNamed = true }
        if name == SessionVariables.autocommit || SessionVariables.unsettable.contains(name) { return }
        guard unanswered.count < Self.namesMax else {
            marked.insert(.tooLarge)
            return
        }
        isAsking = false
        if !unanswered.contains(name) { unanswered.append(name) }
        if let other = SessionVariables.alsoSet(by: name), !unanswered.contains(other) { unanswered.append(other) }
    }

    /// What reads system variables is kept with the values that these have now, where they are known.
    private mutating func assign(_ assignments: [SessionChangeKind.Assignment]) {
        guard assignments.contains(where: { !$0.systemReads.isEmpty }) else { return userVariables.assign(assignments) }
        let present = presentContext
        // A system variable by its name reads the same under whatever else.
        var context: [[UInt8]] = []
        var kept: [SessionChangeKind.Assignment] = []
        var lost: [[UInt8]] = []
        var values: [UserVariableLog.SystemValue] = []
        for assignment in assignments {
            let read = assignment.systemReads.map { ($0, presentValue(of: $0)) }
            let needsContext =
                assignment.isContextual && (!assignment.isBare || read.isEmpty) || read.contains { $0.1 == .ofContext }
            if read.contains(where: { $0.1 == .unknown }) || needsContext && present == nil {
                lost.append(assignment.spelling ?? assignment.name)
                continue
            }
            if needsContext { context = present ?? [] }
            kept.append(assignment)
            for (name, value) in read {
                switch value {
                case .known(let value): values.append(UserVariableLog.SystemValue(name: name, value: value))
                case .ofContext, .ofLogin, .unknown: break
                }
            }
        }
        if !kept.isEmpty {
            // Such a record is said before the session's present context is, and so are those before it.
            if userVariables.dependsOnContext { userVariables.contextChanged(from: present) }
            userVariables.assign(kept, context: context, values: values)
        }
        if !lost.isEmpty { userVariables.lose(lost) }
    }

    private enum PresentValue: Hashable {
        case known([UInt8])
        /// Comes with what ``presentContext`` says.
        case ofContext
        /// The login's, which the session has not touched.
        case ofLogin
        case unknown
    }

    private func presentValue(of name: [UInt8]) -> PresentValue {
        if name == SessionVariables.autocommit {
            return autocommit.map { .known([$0 ? 0x31 : 0x30]) } ?? (login == nil ? .unknown : .ofLogin)
        }
        if name == SessionVariables.lastInsertID[0] {
            return isInsertIDUncertain ? .unknown : .known(Array(String(lastInsertID).utf8))
        }
        if unanswered.contains(name) || isLoginUncertain { return .unknown }
        if let variable = variables.first(where: { $0.name == name }) { return .known(variable.value) }
        if SessionVariables.setByNames.contains(name),
            names != nil || variables.contains(where: { SessionVariables.setByNames.contains($0.name) })
        {
            return .ofContext
        }
        return login?.value(of: name) == nil ? .unknown : .ofLogin
    }

    /// Maybe set, maybe not.
    private mutating func noteInside(_ name: [UInt8]) {
        if ASCII.starts(name, "session_track_"), name != SessionVariables.trackTransactions {
            if !trackingChanged.contains(name) { trackingChanged.append(name) }
            isAsking = false
        } else if SessionVariables.nextTransaction.contains(name) {
            isNextTransactionUncertain = true
        } else if SessionVariables.oneShot.contains(name) {
            marked.insert(.oneShotVariables)
        } else {
            noteNamed(name)
        }
    }

    private mutating func systemVariableSet(_ name: [UInt8], _ value: [UInt8]) {
        if !unanswered.contains(name) { unanswered.append(name) }
        systemVariable(name: name, value: value)
    }

    /// What EXECUTE did is what the prepared text says.
    private mutating func noteExecution(of name: [UInt8], isNested: Bool) {
        guard !isNested, let statement = prepared.first(where: { $0.name == name }),
            let text = contents(of: statement)
        else {
            note(.unknown, isNested: true)
            return
        }
        guard text.count <= Self.executedMax else {
            if !text.withUnsafeBytes(StatementClassifier.isPlain) { note(.unknown, isNested: true) }
            return
        }
        let dialect = dialect(of: statement)
        let facts = text.withUnsafeBytes { StatementClassifier.classify($0, dialect: dialect) }
        // The server reports that it has gone to the statement's own schema and back.
        let isAll = facts.effect != .opaque || text.withUnsafeBytes { TableChange.isAll(of: $0, dialect: dialect) }
        if isAll, let context = contexts[statement.context], context.schema != database { frame.isExplained = true }
        if let change = facts.change { note(change, isNested: true) }
    }

    /// What PREPARE itself has done to the variables that the text sets.
    private mutating func notePrepared() {
        guard let statement = prepared.last, let text = contents(of: statement), text.count <= Self.executedMax,
            !text.withUnsafeBytes(StatementClassifier.isPlain)
        else { return }
        let dialect = dialect(of: statement)
        if let change = text.withUnsafeBytes({ StatementClassifier.classify($0, dialect: dialect) }).change {
            prepared(change)
        }
    }

    private mutating func forgetPrepared(_ isGone: ((name: [UInt8], literal: [UInt8]?, context: UInt32)) -> Bool) {
        for statement in prepared where isGone(statement) { contexts.give(back: statement.context) }
        prepared.removeAll(where: isGone)
    }

    /// The text of the statement prepared under this name (ASCII-lowercased), where it is known.
    public func preparedText(_ name: [UInt8]) -> [UInt8]? {
        prepared.first { $0.name == name }.flatMap(contents)
    }

    private typealias PreparedName = (name: [UInt8], literal: [UInt8]?, context: UInt32)

    private func contents(of statement: PreparedName) -> [UInt8]? {
        let dialect = dialect(of: statement)
        return statement.literal.flatMap {
            SQLScanner.contents(ofLiteral: $0, backslashEscapes: dialect.backslashEscapes)
        }
    }

    /// How its text was read when it was prepared, as far as sql_mode tells.
    private func dialect(of statement: PreparedName) -> Dialect {
        let name = Array("sql_mode".utf8)
        let set = contexts[statement.context]?.variables.first { $0.name == name }?.value
        guard let mode = set ?? login?.value(of: name) else { return .unknown }
        let words = mode.split(separator: 0x2c)
        return Dialect(
            backslashEscapes: !words.contains { $0.elementsEqual("NO_BACKSLASH_ESCAPES".utf8) },
            ansiQuotes: words.contains { $0.elementsEqual("ANSI_QUOTES".utf8) })
    }

    /// `WHERE id IS NULL` asks for the row of LAST_INSERT_ID().
    public var isAutoNull: Bool {
        value(ofVariable: "sql_auto_is_null").map { $0 == [0x31] || ASCII.lowercased($0) == Array("on".utf8) } ?? false
    }

    private func literal(of source: SessionChangeKind.PreparedSource) -> [UInt8]? {
        switch source {
        case .literal(let text):
            return text
        case .userVariable(let name):
            guard let text = userVariables.expression(of: name),
                SQLScanner.contents(ofLiteral: text, backslashEscapes: true) != nil
            else { return nil }
            return text
        case .expression:
            return nil
        }
    }

    private func qualified(_ table: SessionChangeKind.TableName) -> SessionChangeKind.TableName {
        SessionChangeKind.TableName(schema: table.schema ?? database, table: table.table)
    }

    // MARK: Restoration

    /// What a statement is prepared under now.
    public var preparationContext: PreparationContext {
        PreparationContext(
            schema: database, names: names, namesSchema: names == nil ? nil : namesDatabase,
            variables: variables.filter { PreparationContext.read.contains($0.name) }
                .sorted(by: SessionVariables.precedes)
                .map { PreparationContext.Variable(name: $0.name, value: $0.value) })
    }

    /// The contexts, other than the present one, under which something has to be prepared: in the order in which they
    /// can be brought about.
    private func otherContexts(_ statements: PreparationContexts) -> [PreparationContext] {
        var others: [PreparationContext] = []
        let present = preparationContext
        for context in contexts.all + statements.all where context != present && !others.contains(context) {
            others.append(context)
        }
        // Equal ones keep their order: that in which they came about.
        return others.enumerated().sorted {
            PreparationContext.precedes($0.element, $1.element)
                || !PreparationContext.precedes($1.element, $0.element) && $0.offset < $1.offset
        }.map(\.element)
    }

    private var isCharacterSetOfSchema: Bool { names.map { ASCII.starts(ASCII.lowercased($0), "char") } ?? false }

    /// What rebuilds the state on a fresh login without a schema, in order; none if there is nothing to do.
    ///
    /// - Parameters:
    ///   - statements: the contexts of what else has to be prepared.
    ///   - onto: what that login has.
    ///   - isAutocommit: what its flags say, where that is not known.
    ///   - piecewise: each variable for itself, so that one that the server refuses does not take others with it. (SET
    ///     sets all of its variables or none.)
    public func restoration(
        of statements: PreparationContexts = PreparationContexts(), onto present: LoginValues? = nil,
        isAutocommit: Bool? = nil, piecewise: Bool = false
    ) -> [RestorationStep] {
        var steps: [RestorationStep] = []
        func add(_ texts: [[UInt8]], _ part: RestorationPart) { steps += texts.map { .text($0, part) } }
        func set(_ variables: [(name: [UInt8], value: [UInt8])], _ more: [([UInt8], [UInt8])] = []) {
            // SET reads all values before it sets anything, and this one in the time zone that is in force.
            let items = variables.map { ($0.name, SessionVariables.assignment($0.name, $0.value)) } + more
            addItems(items.filter { $0.0 != SessionVariables.asOf })
            addItems(items.filter { $0.0 == SessionVariables.asOf })
        }
        func addItems(_ items: [([UInt8], [UInt8])]) {
            let prefix = Array("SET ".utf8)
            if piecewise {
                for (name, text) in items { add([prefix + text], .variable(name)) }
            } else if !items.isEmpty {
                add([prefix + Array(items.map(\.1).joined(separator: Array(", ".utf8)))], .variables)
            }
        }
        if let role { add([role], .role) }
        // What the session had before it set anything: all that follows was said under it.
        let differing = login.flatMap { login in present.map { login.differing(from: $0) } } ?? []
        set(differing.filter { !SessionVariables.refusesWrites.contains($0.name) })
        let base = login ?? present
        // A statement that is prepared would make these under the name that it has for them.
        let spelled = preparesUserVariables ? userVariables.spelled : []
        if !spelled.isEmpty {
            let items = spelled.map { SQLText.userVariable($0) + Array(" = NULL".utf8) }
            add([Array("SET ".utf8) + items.joined(separator: Array(", ".utf8))], .userVariables)
        }
        let others = otherContexts(statements)
        for context in others {
            // A session that has no schema now can't be brought back from one.
            if database == nil, context.schema != nil {
                steps.append(.lostStatements(context))
                continue
            }
            steps.append(.context(context.texts(onto: base)))
            steps += preparations(under: context)
        }
        var more: [([UInt8], [UInt8])] = []
        let isOn = present?.isAutocommit ?? isAutocommit
        let isRead = userVariables.reads(SessionVariables.autocommit)
        if let autocommit = autocommit ?? login?.isAutocommit, isRead || isOn.map({ $0 != autocommit }) ?? false {
            more.append((SessionVariables.autocommit, Array("@@session.autocommit=\(autocommit ? 1 : 0)".utf8)))
        }
        if !isInsertIDUncertain, lastInsertID != 0 || userVariables.reads(SessionVariables.lastInsertID[0]) {
            more.append((SessionVariables.lastInsertID[0], Array("@@session.last_insert_id=\(lastInsertID)".utf8)))
        }
        let sorted = variables.sorted(by: SessionVariables.precedes)
        let movesSchema = isCharacterSetOfSchema && namesDatabase != database
        /// All that the session has set, behind `contexts`; on the way there `before` is said.
        func setAll(_ before: [[UInt8]], behind contexts: [PreparationContext]) {
            // They were said under what the login had, and more and more of the session's own.
            if !before.isEmpty { add(PreparationContext.back(from: contexts, to: base), .variables) }
            if let first = movesSchema ? namesDatabase : database {
                add(use(first, base, isLogins: !contexts.contains(where: \.setsCharacterSetClient)), .schema(first))
            }
            if isSchemaReset, database != nil, let collation = login?.collationOfSchema {
                set([(SessionVariables.ofSchema[1], collation)])
            }
            add(before, .userVariables)
            if let names { add([Array("SET ".utf8) + names], .names) }
            if movesSchema, let database { add(use(database, nil, isLogins: false), .schema(database)) }
            set(sorted.filter { !SessionVariables.refusesWrites.contains($0.name) }, more)
        }
        // What is prepared comes after the variables, since how it is read depends on them; and before the user's own,
        // since to prepare `SET @a = ?` changes a value that is there.
        let before = userVariables.statementsBefore()
        if before.isEmpty || !preparesUserVariables {
            setAll(before, behind: others)
            steps += preparations(under: preparationContext)
        } else {
            setAll([], behind: others)
            steps += preparations(under: preparationContext)
            var present = preparationContext
            present.variables = sorted.map { PreparationContext.Variable(name: $0.name, value: $0.value) }
            setAll(before, behind: others + [present])
        }
        add(userVariables.statements(), .userVariables)
        let refusing = (differing + sorted).filter { SessionVariables.refusesWrites.contains($0.name) }
        set(refusing.last.map { [$0] } ?? [])
        add(nextTransaction, .nextTransaction)
        return steps
    }

    /// PREPARE … FROM of what was prepared under this context, and then all else that was.
    private func preparations(under context: PreparationContext) -> [RestorationStep] {
        var steps: [RestorationStep] = []
        for statement in prepared where contexts[statement.context] == context {
            guard let literal = statement.literal else { continue }
            let text = Array("PREPARE ".utf8) + SQLText.identifier(statement.name) + Array(" FROM ".utf8) + literal
            steps.append(.preparedName(statement.name, text: text))
        }
        return steps + [.statements(context)]
    }

    /// The server refuses this part of the state; the session goes on without it. `others`: what its login has.
    public mutating func giveUp(_ part: RestorationPart, onto others: LoginValues?) {
        switch part {
        case .role: role = nil
        case .schema(let name): if database == name { database = nil }
        case .names: names = nil
        case .variables: variables = []
        case .variable(let name):
            variables.removeAll { $0.name == name }
            if let others { login = login?.giving(up: name, to: others) }
            if name == SessionVariables.autocommit { autocommit = nil }
            if name == SessionVariables.lastInsertID[0] { lastInsertID = 0 }
        case .userVariables: userVariables = UserVariableLog()
        case .nextTransaction: transactionEnded()
        }
    }

    /// The texts that set everything which the meaning of a text depends on to what it is now, on a session that has
    /// come here by the same way. Nil where a character set was taken from a schema: that way is not gone twice.
    private var presentContext: [[UInt8]]? {
        if isCharacterSetOfSchema { return nil }
        var texts: [[UInt8]] = []
        if let names { texts.append(Array("SET ".utf8) + names) }
        let items = variables.filter {
            SessionVariables.context.contains($0.name) && $0.name != SessionVariables.timestamp
        }
        .sorted(by: SessionVariables.precedes).map { SessionVariables.assignment($0.name, $0.value) }
        if !items.isEmpty { texts.append(Array("SET ".utf8) + items.joined(separator: Array(", ".utf8))) }
        return texts
    }

    /// USE of a schema whose name the server has reported in UTF-8. `login`: where nothing that follows says the character
    /// sets, the login's. `isLogins`: they are that now.
    private func use(_ schema: [UInt8], _ login: LoginValues?, isLogins: Bool) -> [[UInt8]] {
        let text = Array("USE ".utf8) + SQLText.identifier(schema)
        // A server that has said nothing yet has not said this either: it is the client's own spelling.
        guard isDatabaseReported, !schema.allSatisfy({ $0 < 0x80 }) else { return [text] }
        if isLogins, let spelling = login?.spelling(of: schema) {
            return [Array("USE ".utf8) + SQLText.identifier(spelling)]
        }
        let back: [[UInt8]]
        if let login {
            let items = SessionVariables.setByNames.compactMap { name in
                login.value(of: name).map { SessionVariables.assignment(name, $0) }
            }
            back = [Array("SET ".utf8) + items.joined(separator: Array(", ".utf8))]
        } else if let names {
            back = [Array("SET ".utf8) + names]
        } else {
            return [text]
        }
        return [Array("SET NAMES utf8mb4".utf8), text] + back
    }

    // MARK: What the server is asked

    /// One of our own statements whose answer tells the journal something, or sets the stage for the next.
    public struct Question: Sendable, Hashable {
        public enum Answer: Sendable, Hashable {
            /// Reports what it sets: to be fed as usual, after ``SessionJournal/applyQuestion()``.
            case reports
            /// The report of the carrier: ``SessionJournal/answered(_:about:)``.
            case values([[UInt8]])
            /// The report of the carrier: ``SessionJournal/answeredInsertID(_:)``.
            case insertID
            /// The report of the carrier: ``SessionJournal/answeredTracking(_:)``.
            case tracking
            /// The row of ``LoginValues/question``: ``SessionJournal/answered(_:)``.
            case login
            /// The report of the carrier: ``SessionJournal/answeredTriggers(_:)``.
            case triggers
            /// The report of the carrier: ``SessionJournal/answeredRole(_:)``.
            case role
            /// A row: ``SessionJournal/answered(row:about:)``.
            case userVariable(UserVariable)
            /// Nothing.
            case none
        }

        /// One of the user's variables, whose value only the server knows.
        public struct UserVariable: Sendable, Hashable {
            fileprivate let wanted: UserVariableLog.Wanted
        }

        public let text: [UInt8]
        public let answer: Answer

        fileprivate var usesCarrier: Bool {
            switch answer {
            case .values, .insertID, .tracking, .triggers, .role: true
            case .reports, .login, .userVariable, .none: false
            }
        }
    }

    /// Whether one of the questions reads a table, which takes FOUND_ROWS() and the warnings of the statement before.
    public var asksTables: Bool { triggerQuestion == .due }

    /// To be run now, in order. Unless they read tables (``asksTables``), they leave FOUND_ROWS(), LAST_INSERT_ID() and the
    /// warnings alone, for a server forgets warnings only with a statement that uses a table or has warnings of its own;
    /// and ROW_COUNT() as it is `left`. From here on nothing is asked a second time. `tables`: those as well that read
    /// tables; else they are for the next time.
    public mutating func questions(left: RowCountLeft = .nothing, tables: Bool = true) -> [Question] {
        var questions: [Question] = []
        if asksInsertID {
            isInsertIDAsked = true
            let text = "SET default_master_connection=CONCAT('=',@@session.last_insert_id)"
            questions.append(Question(text: Array(text.utf8), answer: .insertID))
        }
        if triggerQuestion == .due, tables {
            triggerQuestion = .underWay
            questions.append(
                Question(
                    text: Array(
                        ("SET default_master_connection=CONCAT('=',(SELECT COUNT(*) FROM information_schema.session_status "
                            + "WHERE variable_name='EXECUTED_TRIGGERS' AND variable_value>0)*"
                            + "(SELECT COUNT(*) FROM information_schema.user_variables))").utf8), answer: .triggers))
        }
        if roleQuestion == .due {
            roleQuestion = .underWay
            let text = "SET default_master_connection=CONCAT('=',IFNULL(CURRENT_ROLE(),''))"
            questions.append(Question(text: Array(text.utf8), answer: .role))
        }
        if isLoginUncertain, login != nil {
            isLoginUncertain = false
            questions.append(Question(text: LoginValues.question, answer: .login))
            // For its ROW_COUNT().
            questions.append(Question(text: Array("DO 0".utf8), answer: .none))
        }
        if !isAsking {
            isAsking = true
            askUnanswered(&questions)
        }
        if questions.contains(where: \.usesCarrier) {
            let present = variables.first { $0.name == SessionVariables.carrier }?.value ?? []
            questions.append(
                Question(
                    text: Array("SET ".utf8) + SessionVariables.assignment(SessionVariables.carrier, present),
                    answer: .none))
        }
        let wanted = userVariables.takeWanted()
        for one in wanted {
            let variable = Question.UserVariable(wanted: one)
            questions.append(Question(text: UserVariableValue.question(one.name), answer: .userVariable(variable)))
        }
        switch left {
        case .nothing: if !wanted.isEmpty { questions.append(Question(text: Array("DO 0".utf8), answer: .none)) }
        // Rows of no table.
        case .ofQuery:
            if wanted.isEmpty, !questions.isEmpty {
                questions.append(Question(text: Array("VALUES (0)".utf8), answer: .none))
            }
        }
        return questions
    }

    private mutating func askUnanswered(_ questions: inout [Question]) {
        asked = unanswered
        let session = Array("@@session.".utf8)
        if isTrackingChanged {
            // What the client has chosen is read before it is joined with ours, and reported after.
            let list = "@@session_track_system_variables"
            let text =
                "SET default_master_connection=CONCAT(@@session_track_schema+0,@@session_track_state_change+0,"
                + "LEFT(\(list),\(SessionVariables.carriedMax - 2))),session_track_system_variables="
                + "IF(INSTR(\(list),'*'),\(list),CONCAT_WS(',',NULLIF(\(list),''),'\(SessionVariables.tracked)')),"
                + "session_track_schema=1,session_track_state_change=1"
            questions.append(Question(text: Array(text.utf8), answer: .none))
            questions.append(
                Question(
                    text: Array("SET default_master_connection=@@default_master_connection".utf8), answer: .tracking))
        }
        let reported = unanswered.filter {
            SessionVariables.trackedNames.contains($0) && !SessionVariables.neverSetAgain.contains($0)
        }
        if !reported.isEmpty {
            let items = reported.map { session + $0 + [0x3d] + session + $0 }
            questions.append(
                Question(
                    text: Array("SET ".utf8) + items.joined(separator: Array(", ".utf8)), answer: .reports))
        }
        let mute = unanswered.filter { !reported.contains($0) && $0.allSatisfy(Self.isPlainName) }
        // The answer about a character set takes the collation with it.
        for name in mute.sorted(by: { SessionVariables.precedes(($0, []), ($1, [])) }) {
            // NULL is nothing; and a clock that may or may not stand still is no answer.
            let value =
                name == SessionVariables.timestamp
                ? Array("IF(ABS(@@session.timestamp-UNIX_TIMESTAMP(SYSDATE(6)))<2,'?',@@session.timestamp)".utf8)
                : Array("IFNULL(".utf8) + session + name + Array(",'')".utf8)
            questions.append(
                Question(
                    text: Array("SET default_master_connection=CONCAT('=',".utf8) + value + Array(")".utf8),
                    answer: .values([name])))
        }
    }

    private static func isPlainName(_ byte: UInt8) -> Bool {
        byte == 0x5f || byte >= 0x61 && byte <= 0x7a || byte >= 0x30 && byte <= 0x39
    }

    /// The carrier's value, as the answer to a question about this variable.
    public mutating func answered(_ value: [UInt8], about names: [[UInt8]]) {
        guard names.count == 1, value.first == 0x3d, value != Array("=?".utf8) else { return }
        apply(.systemVariables)
        systemVariable(name: names[0], value: Array(value.dropFirst()))
    }

    /// A row that says what the user's variable is.
    public mutating func answered(row packet: [UInt8], about variable: Question.UserVariable) {
        guard let value = OneValueRow.value(packet), let expression = UserVariableValue.literal(ofAnswer: value) else {
            return
        }
        userVariables.found(variable.wanted, expression)
        limit()
    }

    /// The carrier's value, as the answer to the question what LAST_INSERT_ID() gives.
    public mutating func answeredInsertID(_ value: [UInt8]) {
        guard value.first == 0x3d, let id = ASCII.unsigned(Array(value.dropFirst())) else { return }
        if id == 0, isInsertIDGone { return }
        lastInsertID = id
    }

    /// The session stands on another connection, which knows nothing of it.
    public mutating func insertIDGone() {
        isInsertIDAsked = isInsertIDUncertain
        isInsertIDGone = isInsertIDUncertain
    }

    /// What the session has now of what it had from its login: some of it may have been set by a procedure, without a
    /// report.
    public mutating func answered(_ values: LoginValues) {
        guard let login else { return }
        apply(.systemVariables)
        for (name, value) in zip(SessionVariables.fromLogin, values.values) where name != SessionVariables.autocommit {
            // NAMES stands for these.
            if names != nil, SessionVariables.setByNames.contains(name) { continue }
            let known = variables.first { $0.name == name }?.value ?? login.value(of: name)
            if known.map({ Self.isSame($0, value) }) != true { systemVariable(name: name, value: value) }
        }
    }

    /// A report says ON where a question is answered by 1.
    private static func isSame(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a == b || ClientTracking.isOn(a) && ClientTracking.isOn(b) || ClientTracking.isOff(a) && ClientTracking.isOff(b)
    }

    /// Whether a trigger has run in this session, and there are variables of the user's: the failed statement's trigger may
    /// have set them.
    public mutating func answeredTriggers(_ value: [UInt8]) {
        triggerQuestion.answered()
        if value != Array("=0".utf8) { marked.insert(.unknown) }
    }

    /// What CURRENT_ROLE() gives; empty for none. A role's name outside of ASCII comes in the carrier's character set.
    public mutating func answeredRole(_ value: [UInt8]) {
        roleQuestion.answered()
        guard value.first == 0x3d, value.count < SessionVariables.carriedMax, value.allSatisfy({ $0 < 0x80 }) else {
            marked.insert(.unknown)
            return
        }
        let name = Array(value.dropFirst())
        role = Array("SET ROLE ".utf8) + (name.isEmpty ? Array("NONE".utf8) : SQLText.identifier(name))
        limit()
    }

    /// What the client has chosen to be told: the two flags and the list.
    public mutating func answeredTracking(_ value: [UInt8]) {
        guard value.count >= 2 else { return }
        // One that has been cut is not known: then the usual one is shown.
        let list = value.count < SessionVariables.carriedMax ? Array(value[2...]) : ClientTracking.usual.list
        let present = clientTracking
        func isChanged(_ name: String) -> Bool { trackingChanged.contains { $0.elementsEqual(name.utf8) } }
        tracking = ClientTracking(
            list: isChanged("session_track_system_variables") ? list : present.list,
            showsSchema: isChanged("session_track_schema") ? value[0] == 0x31 : present.showsSchema,
            showsState: isChanged("session_track_state_change") ? value[1] == 0x31 : present.showsState)
        trackingChanged = []
        limit()
    }

    /// All questions have been answered, or refused: what is still not known is a loss.
    public mutating func questionsAnswered() {
        // An answer may have put something else in doubt.
        isAsking = isUntold && unanswered.allSatisfy(asked.contains)
        asked = []
        if roleQuestion == .underWay {
            roleQuestion = .none
            marked.insert(.unknown)
        }
    }

    /// ``trackingText``, for a client that has asked for more.
    public var presentTrackingText: [UInt8] {
        guard let tracking, tracking.list != login?.tracking.list else { return Self.trackingText }
        return Self.trackingText(tracking.trackedWithOurs)
    }

    // MARK: Size

    /// Bytes of state kept, each text with ``textOverhead``.
    public var byteCount: Int {
        var sum = userVariables.byteCount
        func add(_ text: [UInt8]?) { if let text { sum += text.count + Self.textOverhead } }
        for text in [database, names, namesDatabase, role, tracking?.list] { add(text) }
        for name in unanswered + trackingChanged { add(name) }
        for variable in variables {
            add(variable.name)
            add(variable.value)
        }
        for text in nextTransaction { add(text) }
        for statement in prepared {
            add(statement.name)
            add(statement.literal)
        }
        sum += contexts.byteCount
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
        forgetPrepared { _ in true }
        temporaryTables = []
        userLocks = []
        handlers = []
        variables = []
        unanswered = []
        transactionEnded()
    }
}
