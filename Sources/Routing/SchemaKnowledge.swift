import Cluster

/// What the text of a statement does not say, and the primary's schemas do: what its programs and triggers leave in a
/// session, which columns number their rows, which tables are views.
public struct SchemaKnowledge: Sendable {
    public let tables: TableFacts
    /// As of when it holds which columns number their rows; nil: as of when all else does.
    public let columnsAsOf: Instant?
    /// Somebody has said which do.
    public var knowsColumns: Bool { numberedColumns != nil }
    /// Somebody has looked at the programs.
    private let isRead: Bool
    /// Nil where nobody has said so.
    private let views: NameSet?
    private let numberedColumns: NameSet?
    /// schema, table and column; and an empty name for a column that comes first.
    private let numbers: NameSet
    /// By name, lower case, with those of all that they call; nil where nobody has said so.
    private let programs: [[UInt8]: ProgramEffects]?
    private let functions: [[UInt8]: ProgramEffects]
    /// Nil where nobody has said so.
    private let triggers: TriggerKnowledge?
    /// What a view calls is known, or there is nothing that it could call.
    private let knowsViews: Bool
    /// Of whose rows a trigger may set the number.
    private let numberingTables: NameSet

    /// Nobody has looked yet.
    public static let none = SchemaKnowledge(SchemaReport(), programs: nil, triggers: nil, isRead: false)

    /// - Parameter last: what was made of the report before: most often the programs are still the same.
    public init(_ report: SchemaReport, last: (report: SchemaReport, knowledge: SchemaKnowledge)? = nil) {
        if let last, last.report.programs == report.programs, last.report.triggers == report.triggers,
            last.report.views == report.views
        {
            self.init(
                report, programs: last.knowledge.programs, triggers: last.knowledge.triggers, isRead: report.isWhole)
            return
        }
        let graph = EffectGraph(
            programs: report.programs ?? [], triggers: report.triggers ?? [], views: report.views.map(NameSet.init))
        self.init(
            report, programs: report.programs.map { _ in graph.programs },
            triggers: report.triggers.map { _ in graph.triggers }, isRead: report.isWhole)
    }

    private init(
        _ report: SchemaReport, programs: [[UInt8]: ProgramEffects]?, triggers: TriggerKnowledge?, isRead: Bool
    ) {
        self.isRead = isRead
        self.programs = programs
        self.triggers = triggers
        tables = report.tables
        columnsAsOf = report.columnsAsOf
        views = report.views.map(NameSet.init)
        let numberedColumns = report.numberedColumns.map { NameSet($0.map(\.name)) }
        self.numberedColumns = numberedColumns
        numbers = NameSet(
            (report.numberedColumns ?? []).flatMap { column in
                [[column.schema, column.table, column.name]]
                    + (column.isFirst ? [[column.schema, column.table, ""]] : [])
            })
        let names = Set((report.programs ?? []).filter(\.isFunction).map { Self.key($0.name) })
        knowsViews = report.knowsViews && triggers != nil || programs != nil && names.isEmpty
        functions = (programs ?? [:]).filter { names.contains($0.key) && !$0.value.changes.isEmpty }
        numberingTables = NameSet(
            triggers?.numbering { $0.withUnsafeBytes { numberedColumns?.contains($0) ?? true } } ?? [])
        hasLeaving = !functions.isEmpty || triggers?.leaveUnreported == true
    }

    /// A plain statement may leave something as well, by functions or triggers: it has to be looked at.
    public let hasLeaving: Bool

    // MARK: programs

    /// Functions that a plain statement may call leave something.
    public var hasLeavingFunctions: Bool { !functions.isEmpty }

    /// The change of a statement, with what the programs that it names, and the triggers that it sets off, do without a
    /// report.
    ///
    /// - Parameter isCurrent: no program has been made or altered since.
    public func change(
        _ change: SessionChangeKind?, of text: UnsafeRawBufferPointer, dialect: Dialect, isCurrent: Bool
    ) -> SessionChangeKind? {
        let callsPrograms = change?.callsPrograms == true
        guard hasLeaving || callsPrograms && programs?.isEmpty == false,
            let reader = StatementReader(text, dialect: dialect)
        else { return change }
        guard callsPrograms else {
            let written = triggered(by: WrittenTables(text, reader))
            let effects = effects(in: text, of: functions).union(written)
            let change = adding(effects, to: change)
            return isCurrent && explains(written, text) ? change.map { $0.adding([.systemVariables]) } : change
        }
        // A text in a text, or one of several.
        guard reader.isWord(0, "CALL"), let name = called(reader), let called = programs?[name] else {
            let written = triggered(by: WrittenTables(anywhereIn: text))
            return adding(effects(in: text, of: programs ?? [:]).union(written), to: change)
        }
        var effects = effects(in: text, of: functions)
        effects.formUnion(called)
        guard isCurrent, !effects.isDynamic, !effects.isUnknown else { return adding(effects, to: change) }
        return adding(effects, to: change?.ofKnownProgram(effects))
    }

    /// What the triggers leave that are set off by what is written.
    private func triggered(by written: WrittenTables) -> ProgramEffects {
        triggers?.effects(of: written, views: views) ?? ProgramEffects()
    }

    /// A change of state that is reported can be nothing else: the text runs nothing but these triggers, of which all is
    /// known. (A view may call whatever.)
    private func explains(_ triggered: ProgramEffects, _ text: UnsafeRawBufferPointer) -> Bool {
        guard !triggered.changes.isEmpty, triggered.isUnreported, let programs else { return false }
        return WrittenTables(anywhereIn: text).names.allSatisfy { name in
            programs[name] == nil && name.withUnsafeBytes { views?.contains($0) == false }
        }
    }

    /// A change of state that is reported with this text, which only reads, can be nothing else than that the server has
    /// gone to a view's schema and back.
    public func explainsRead(_ text: UnsafeRawBufferPointer) -> Bool {
        guard knowsViews, let views, let programs else { return false }
        var namesView = false
        var effects = ProgramEffects()
        NameWords.forEach(in: text) { word in
            namesView = namesView || word.withUnsafeBytes { views.contains($0) }
            if let known = programs[word] { effects.formUnion(known) }
        }
        return namesView && effects.isUnreported
    }

    /// What triggers, and functions, may have left that were run by a statement which then failed; nil where that is not
    /// known, empty for nothing.
    public func changes(
        ofFailed text: UnsafeRawBufferPointer, dialect: Dialect, isCurrent: Bool
    ) -> [SessionChangeKind]? {
        guard isCurrent, triggers != nil, programs != nil, let reader = StatementReader(text, dialect: dialect) else {
            return nil
        }
        let effects = effects(in: text, of: functions).union(triggered(by: WrittenTables(text, reader)))
        // Of an error no change is reported.
        return effects.mayBeReported || effects.isDynamic ? effects.changes + [.unknown] : effects.changes
    }

    /// The procedure that a CALL names and that nobody has seen yet: it is newer than what is known.
    public func unseenProgram(calledBy text: UnsafeRawBufferPointer, dialect: Dialect) -> [UInt8]? {
        guard !isRead || programs != nil, let reader = StatementReader(text, dialect: dialect),
            reader.isWord(0, "CALL"), let name = called(reader), programs?[name] == nil
        else { return nil }
        return name
    }

    /// The account does not see them.
    var hidesPrograms: Bool { isRead && programs == nil }

    /// What a procedure of this name leaves; nil where there is none.
    func changes(ofCalled name: [UInt8]) -> [SessionChangeKind]? { programs?[name]?.changes }

    /// The change of EXECUTE, which runs this text.
    public func change(
        _ change: SessionChangeKind?, executing text: UnsafeRawBufferPointer, dialect: Dialect, isCurrent: Bool
    ) -> SessionChangeKind? {
        guard hasLeaving || programs != nil else { return change }
        let programs = programs ?? [:]
        let reader = StatementReader(text, dialect: dialect)
        let written = reader.map { triggered(by: WrittenTables(text, $0)) } ?? ProgramEffects()
        let effects = effects(in: text, of: programs).union(written)
        var change = adding(effects, to: change)
        if isCurrent, explains(written, text) || reads(text, dialect) && explainsRead(text) {
            change = change?.adding([.systemVariables])
        }
        guard isCurrent, effects.isUnreported, let reader, reader.isWord(0, "CALL"), let name = called(reader),
            programs[name] != nil
        else { return change }
        // It goes to the procedure's schema and back, and no more.
        return .joined([change, .systemVariables].compactMap(\.self))
    }

    private func reads(_ text: UnsafeRawBufferPointer, _ dialect: Dialect) -> Bool {
        StatementClassifier.classify(text, dialect: dialect).effect == .read
    }

    private func adding(_ effects: ProgramEffects, to change: SessionChangeKind?) -> SessionChangeKind? {
        let more = effects.changes
        return more.isEmpty ? change : change.map { $0.adding(more) } ?? .joined(more)
    }

    /// Of those that are named anywhere in the text, quoted or not.
    private func effects(
        in text: UnsafeRawBufferPointer, of programs: [[UInt8]: ProgramEffects]
    ) -> ProgramEffects {
        var effects = ProgramEffects()
        if programs.isEmpty { return effects }
        NameWords.forEach(in: text) { if let known = programs[$0] { effects.formUnion(known) } }
        return effects
    }

    /// The procedure's own name, behind its schema's or package's.
    private func called(_ reader: StatementReader) -> [UInt8]? {
        var index = 1
        while reader.isSymbol(index + 1, ".") { index += 2 }
        return reader.name(index).map(ASCII.lowercased)
    }

    private static func key(_ name: String) -> [UInt8] { ASCII.lowercased(Array(name.utf8)) }

    // MARK: inserts

    /// What a row is put into by this name may be a view.
    func isView(_ name: UnsafeRawBufferPointer) -> Bool? { views?.contains(name) }

    /// The number of a row that is put into this table may be a trigger's.
    func mayBeNumberedByTrigger(_ table: UnsafeRawBufferPointer) -> Bool { numberingTables.contains(table) }

    /// There are such tables.
    var hasNumberingTriggers: Bool { !numberingTables.isEmpty }

    /// A column of this name numbers its rows, in one table or another.
    func isNumbered(_ column: UnsafeRawBufferPointer) -> Bool? { numberedColumns?.contains(column) }

    /// It numbers the rows of this very table. `column`: empty for the first one.
    func isNumber(
        _ column: UnsafeRawBufferPointer, of table: UnsafeRawBufferPointer, in schema: UnsafeRawBufferPointer
    ) -> Bool { numbers.certainlyContains(schema, table, column) }
}

extension SessionChangeKind {
    /// Of a CALL whose procedure is known: that a change is reported says then only that the server has gone to the
    /// procedure's schema and back, unless it can do such a thing itself.
    fileprivate func ofKnownProgram(_ effects: ProgramEffects) -> SessionChangeKind {
        let procedure = SessionChangeKind.knownProcedure(inserts: effects.mayInsert, reports: effects.mayBeReported)
        let known = parts.map { $0 == .procedure ? procedure : $0 }
        return .joined(effects.mayBeReported ? known : known + [.systemVariables]) ?? self
    }

    /// The name behind EXECUTE, where that is all that it runs.
    public var executedName: [UInt8]? {
        let names = parts.compactMap { if case .executeName(let name) = $0 { name } else { nil } }
        return names.count == 1 && parts.count { $0.callsPrograms } == 1 ? names[0] : nil
    }

    /// Itself, or those that it stands for.
    var parts: [SessionChangeKind] {
        if case .several(let changes) = self { changes } else { [self] }
    }

    /// With these behind it; in a text of several statements behind each of them.
    fileprivate func adding(_ more: [SessionChangeKind]) -> SessionChangeKind {
        if case .sequence(let changes) = self { return .sequence(changes.map { $0.adding(more) }) }
        return .joined([self] + more) ?? self
    }
}
