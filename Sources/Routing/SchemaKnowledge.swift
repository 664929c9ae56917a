import Cluster

/// What the text of a statement does not say, and the primary's schemas do: what its programs leave in a session, which
/// columns number their rows, which tables are views.
public struct SchemaKnowledge: Sendable {
    public let tables: TableFacts
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

    /// Nobody has looked yet.
    public static let none = SchemaKnowledge(SchemaReport(), programs: nil, isRead: false)

    /// - Parameter last: what was made of the report before: most often the programs are still the same.
    public init(_ report: SchemaReport, last: (report: SchemaReport, knowledge: SchemaKnowledge)? = nil) {
        let known = last.flatMap { $0.report.programs == report.programs ? $0.knowledge.programs : nil }
        self.init(report, programs: known ?? report.programs.map(Self.effects), isRead: report.isWhole)
    }

    private init(_ report: SchemaReport, programs: [[UInt8]: ProgramEffects]?, isRead: Bool) {
        self.isRead = isRead
        self.programs = programs
        tables = report.tables
        views = report.views.map(NameSet.init)
        numberedColumns = report.numberedColumns.map { NameSet($0.map(\.name)) }
        numbers = NameSet(
            (report.numberedColumns ?? []).flatMap { column in
                [[column.schema, column.table, column.name]]
                    + (column.isFirst ? [[column.schema, column.table, ""]] : [])
            })
        let names = Set((report.programs ?? []).filter(\.isFunction).map { Self.key($0.name) })
        functions = (programs ?? [:]).filter { names.contains($0.key) && !$0.value.changes.isEmpty }
    }

    // MARK: programs

    /// A plain statement may leave something as well: it has to be looked at.
    public var hasLeavingFunctions: Bool { !functions.isEmpty }

    /// The change of a statement, with what the programs that it names do without a report.
    ///
    /// - Parameter isCurrent: no program has been made or altered since.
    public func change(
        _ change: SessionChangeKind?, of text: UnsafeRawBufferPointer, dialect: Dialect, isCurrent: Bool
    ) -> SessionChangeKind? {
        guard let programs, !programs.isEmpty, change?.callsPrograms == true || hasLeavingFunctions,
            let reader = StatementReader(text, dialect: dialect)
        else { return change }
        guard change?.callsPrograms == true else { return adding(effects(in: text, of: functions), to: change) }
        // A text in a text, or one of several.
        guard reader.isWord(0, "CALL"), let name = called(reader), let called = programs[name] else {
            return adding(effects(in: text, of: programs), to: change)
        }
        var effects = effects(in: text, of: functions)
        effects.formUnion(called)
        guard isCurrent, !effects.isDynamic, !effects.isUnknown else { return adding(effects, to: change) }
        return adding(effects, to: change?.ofKnownProgram(effects))
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
        guard let programs else { return change }
        let effects = effects(in: text, of: programs)
        let change = adding(effects, to: change)
        guard isCurrent, !effects.mayBeReported, !effects.isDynamic, !effects.isUnknown,
            let reader = StatementReader(text, dialect: dialect), reader.isWord(0, "CALL"), let name = called(reader),
            programs[name] != nil
        else { return change }
        // It goes to the procedure's schema and back, and no more.
        return .joined([change, .systemVariables].compactMap(\.self))
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
        var word: [UInt8] = []
        func take() {
            if word.count <= Self.nameMax, let known = programs[word] { effects.formUnion(known) }
            word.removeAll(keepingCapacity: true)
        }
        for byte in text {
            switch byte {
            case 0x41...0x5a: word.append(byte | 0x20)
            case 0x30...0x39, 0x61...0x7a, 0x5f, 0x24, 0x80...: word.append(byte)
            case _: take()
            }
        }
        take()
        return effects
    }

    /// Of a name, 64 characters in UTF-8.
    private static let nameMax = 256

    /// The procedure's own name, behind its schema's or package's.
    private func called(_ reader: StatementReader) -> [UInt8]? {
        var index = 1
        while reader.isSymbol(index + 1, ".") { index += 2 }
        return reader.name(index).map(ASCII.lowercased)
    }

    private static func key(_ name: String) -> [UInt8] { ASCII.lowercased(Array(name.utf8)) }

    /// Of equal names in several schemas it is the one or the other.
    private static func effects(of programs: [StoredProgram]) -> [[UInt8]: ProgramEffects] {
        var effects: [[UInt8]: ProgramEffects] = [:]
        var names: [[UInt8]: Set<[UInt8]>] = [:]
        for program in programs {
            let key = key(program.name)
            let modes = program.sqlMode.split(separator: ",")
            let dialect = Dialect(
                backslashEscapes: !modes.contains("NO_BACKSLASH_ESCAPES"),
                ansiQuotes: modes.contains("ANSI_QUOTES"), characterSet: .safe)
            let body = Array(program.body.utf8)
            body.withUnsafeBytes {
                guard let reader = StatementReader($0, dialect: dialect) else {
                    effects[key, default: ProgramEffects()].isUnknown = true
                    return
                }
                let text = ProgramText(reader: reader)
                effects[key, default: ProgramEffects()].formUnion(text.effects)
                names[key, default: []].formUnion(text.names)
            }
        }
        let known = Set(effects.keys)
        for key in names.keys { names[key]?.formIntersection(known) }
        // What they call, and those call, until nothing is added.
        var isComplete = false
        while !isComplete {
            isComplete = true
            for (key, called) in names {
                guard var own = effects[key] else { continue }
                let before = own
                for name in called { if let other = effects[name] { own.formUnion(other) } }
                if own != before {
                    effects[key] = own
                    isComplete = false
                }
            }
        }
        return effects
    }

    // MARK: inserts

    /// What a row is put into by this name may be a view.
    func isView(_ name: UnsafeRawBufferPointer) -> Bool? { views?.contains(name) }

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
