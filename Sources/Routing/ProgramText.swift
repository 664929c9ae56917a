import Cluster

/// The text of a stored program, a trigger or a compound statement, read for its ``ProgramEffects``. Whatever stands in it
/// may be run or not.
struct ProgramText {
    let reader: StatementReader
    /// All its variables are declared in it.
    private let isTrigger: Bool
    /// Texts in texts.
    private let depth: Int

    private static let depthMax = 4

    init(reader: StatementReader, isTrigger: Bool = false) {
        self.init(reader: reader, isTrigger: isTrigger, depth: 0)
    }

    private init(reader: StatementReader, isTrigger: Bool, depth: Int) {
        self.reader = reader
        self.isTrigger = isTrigger
        self.depth = depth
    }

    var effects: ProgramEffects {
        var effects = ProgramEffects()
        for index in 0..<reader.count {
            switch reader.kind(index) {
            case .word, .backquoted, .doubleQuoted: noteWord(index, &effects)
            case .systemVariable:
                // Or a comparison, which is as well.
                if let name = reader.name(index + 1), isAssigned(index + 1) {
                    effects.note(systemVariable: ASCII.lowercased(name))
                }
            case .userVariable:
                if let name = reader.userVariableAsWritten(index), isWritten(index) { effects.note(userVariable: name) }
            case .number, .string, .symbol, nil: break
            }
        }
        return effects
    }

    /// Every name in it, lower case: those of other programs are among them.
    var names: Set<[UInt8]> {
        var names: Set<[UInt8]> = []
        for index in 0..<reader.count {
            if let name = reader.name(index) { names.insert(ASCII.lowercased(name)) }
        }
        return names
    }

    /// How it may write rows.
    var events: Set<TableTrigger.Event> {
        var events: Set<TableTrigger.Event> = []
        for index in 0..<reader.count { events.formUnion(WrittenTables.events(of: reader, index)) }
        return events
    }

    /// The columns of the row that a trigger is run for which it may set, lower case: all that it names.
    var newColumns: Set<[UInt8]> {
        var columns: Set<[UInt8]> = []
        for index in 0..<reader.count where reader.isSymbol(index + 1, ".") {
            guard let row = reader.name(index), ASCII.lowercased(row).elementsEqual("new".utf8),
                let column = reader.name(index + 2)
            else { continue }
            columns.insert(ASCII.lowercased(column))
        }
        return columns
    }

    /// `=` or `:=` behind it.
    private func isAssigned(_ index: Int) -> Bool {
        reader.isSymbol(index + 1, "=") || isColonEquals(index + 1)
    }

    private func isColonEquals(_ index: Int) -> Bool { reader.isSymbol(index, ":") && reader.isSymbol(index + 1, "=") }

    private func isWritten(_ index: Int) -> Bool {
        if isColonEquals(index + 1) { return true }
        guard reader.isSymbol(index + 1, "=") else { return false }
        // SET @a = 1, @b = 2; GET DIAGNOSTICS @n = NUMBER; GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT
        return reader.isSymbol(index - 1, ",") || reader.isWord(index - 1, "SET")
            || reader.isWord(index - 1, "DIAGNOSTICS") || reader.isWord(index - 2, "CONDITION")
    }

    private func noteWord(_ index: Int, _ effects: inout ProgramEffects) {
        if let name = reader.name(index), reader.isSymbol(index + 1, "("),
            ASCII.lowercased(name).elementsEqual("get_lock".utf8)
        {
            effects.takesLocks = true
        }
        // Quoted it is the function as well.
        if reader.kind(index) != .word, let name = reader.name(index),
            ASCII.lowercased(name).elementsEqual("last_insert_id".utf8)
        {
            effects.mayInsert = true
        }
        switch reader.word(index) {
        case "SET":
            if isTrigger { noteSet(index, &effects) } else { effects.mayBeReported = true }
            if reader.isWord(index + 1, "TRANSACTION") {
                effects.note(systemVariable: SessionVariables.nextTransaction[0])
            }
        case "INTO":
            var position = index + 1
            while reader.userVariable(position) != nil || reader.name(position) != nil {
                if let name = reader.userVariableAsWritten(position) { effects.note(userVariable: name) }
                guard reader.isSymbol(position + 1, ",") else { break }
                position += 2
            }
        case "CALL": noteArguments(index, &effects)
        case "FLUSH":
            if reader.isWord(index + 1, "TABLES") || reader.isWord(index + 1, "TABLE")
                || reader.isWord(index + 2, "TABLES") || reader.isWord(index + 2, "TABLE")
            {
                effects.locksServer = effects.locksServer || locks(index)
            }
        case "BACKUP":
            if reader.isWord(index + 1, "STAGE") || reader.isWord(index + 1, "LOCK") { effects.locksServer = true }
        case "TEMPORARY":
            effects.mayBeReported = true
            if let name = temporaryTable(index + 1) { effects.note(temporaryTable: name) }
        case "INSERT", "REPLACE", "LOAD", "LAST_INSERT_ID": effects.mayInsert = true
        case "DROP", "EXECUTE", "DEALLOCATE", "XA": effects.mayBeReported = true
        case "IMMEDIATE":
            if reader.isWord(index - 1, "EXECUTE") { noteText(index + 1, &effects) }
        case "PREPARE":
            effects.mayBeReported = true
            // Not DEALLOCATE PREPARE name, nor XA PREPARE.
            if reader.isWord(index + 2, "FROM") { noteText(index + 3, &effects) }
        default: break
        }
    }

    // MARK: SET in a trigger

    /// What is neither the row's column, nor the user's, nor declared, is a variable of the system.
    private func noteSet(_ index: Int, _ effects: inout ProgramEffects) {
        guard isStatement(index) else { return }
        var end = index + 1
        while reader.token(end) != nil, !reader.isSymbol(end, ";") { end += 1 }
        reader.part(index + 1, end).forEachPart(between: ",") { item in
            noteItem(item, &effects)
            return true
        }
    }

    /// SET that is no part of an UPDATE, an INSERT, a SIGNAL or of CHARACTER SET.
    private func isStatement(_ index: Int) -> Bool {
        if reader.isWord(index - 1, "CHARACTER") || reader.isWord(index - 1, "CHAR") { return false }
        var position = index - 1
        var depth = 0
        while position >= 0, !reader.isSymbol(position, ";") {
            if reader.isSymbol(position, ")") { depth += 1 }
            if reader.isSymbol(position, "(") { depth -= 1 }
            if depth == 0 {
                switch reader.word(position) {
                case "UPDATE", "INSERT", "REPLACE", "SIGNAL", "RESIGNAL": return false
                case "THEN", "ELSE", "DO", "BEGIN", "LOOP", "REPEAT": return true
                case _: break
                }
            }
            position -= 1
        }
        return true
    }

    private func noteItem(_ item: StatementReader, _ effects: inout ProgramEffects) {
        var index = 0
        if item.kind(0) == .userVariable || item.isWord(0, "TRANSACTION") { return }
        if item.kind(0) == .systemVariable { index = 1 }
        let scope = item.word(index)
        if scope == "GLOBAL" { return }
        if scope == "SESSION" || scope == "LOCAL" { index += item.isSymbol(index + 1, ".") ? 2 : 1 }
        guard let name = item.name(index).map(ASCII.lowercased) else { return effects.mayBeReported = true }
        if item.isSymbol(index + 1, "=") || item.isSymbol(index + 1, ":") && item.isSymbol(index + 2, "=") {
            if index > 0 || !declared.contains(name) { effects.note(systemVariable: name) }
        } else if !item.isSymbol(index + 1, ".") || !name.elementsEqual("new".utf8) && !declared.contains(name) {
            // NAMES, CHARACTER SET, ROLE …
            effects.mayBeReported = true
        }
    }

    /// DECLARE a, b INT
    private var declared: Set<[UInt8]> {
        var names: Set<[UInt8]> = []
        for index in 0..<reader.count where reader.isWord(index, "DECLARE") {
            var position = index + 1
            while let name = reader.name(position) {
                names.insert(ASCII.lowercased(name))
                guard reader.isSymbol(position + 1, ",") else { break }
                position += 2
            }
        }
        return names
    }

    /// Behind CREATE TEMPORARY; the last part of its name.
    private func temporaryTable(_ index: Int) -> [UInt8]? {
        guard !reader.isWord(index - 2, "DROP"), reader.isWord(index, "TABLE") else { return nil }
        var position = index + 1
        if reader.isWord(position, "IF") { position += 3 }
        if reader.isSymbol(position + 1, ".") { position += 2 }
        return reader.name(position)
    }

    /// What a procedure is given it may set.
    private func noteArguments(_ index: Int, _ effects: inout ProgramEffects) {
        var position = index + 1
        while reader.name(position) != nil || reader.isSymbol(position, ".") { position += 1 }
        guard reader.isSymbol(position, "(") else { return }
        var open = 0
        while reader.token(position) != nil {
            if reader.isSymbol(position, "(") { open += 1 }
            if reader.isSymbol(position, ")") { open -= 1 }
            if open == 0 { return }
            if open == 1, let name = reader.userVariableAsWritten(position) { effects.note(userVariable: name) }
            position += 1
        }
    }

    /// FLUSH TABLES … WITH READ LOCK, or FOR EXPORT.
    private func locks(_ index: Int) -> Bool {
        var position = index
        while reader.token(position) != nil, !reader.isSymbol(position, ";") {
            if reader.isWord(position, "WITH") || reader.isWord(position, "EXPORT") { return true }
            position += 1
        }
        return false
    }

    /// A text that is run: a literal is read, everything else is not known.
    private func noteText(_ index: Int, _ effects: inout ProgramEffects) {
        let isAlone =
            reader.token(index + 1) == nil || reader.isSymbol(index + 1, ";") || reader.isWord(index + 1, "USING")
        guard isAlone, depth < Self.depthMax, reader.kind(index) == .string || reader.kind(index) == .doubleQuoted,
            let text = SQLScanner.contents(
                ofLiteral: reader.bytes(index), backslashEscapes: reader.dialect.backslashEscapes)
        else { return effects.isDynamic = true }
        text.withUnsafeBytes {
            guard let inner = StatementReader($0, dialect: reader.dialect) else { return effects.isDynamic = true }
            effects.formUnion(ProgramText(reader: inner, isTrigger: false, depth: depth + 1).effects)
        }
    }
}
