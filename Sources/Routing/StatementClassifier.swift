/// Reads SQL far enough to know what it does to data and session; what it cannot read is `opaque`.
///
/// Known limit: a view may hide a stored function that writes.
public enum StatementClassifier {
    /// Longer texts are not cut into tokens (12 bytes for a byte of the text, at worst): they are known as far as
    /// ``isPlain(_:)`` goes, else `opaque`.
    static let byteCountMax = 1 << 20

    /// Full analysis, not for the hot path. `dialect`: best from the session's status flags, since without it a
    /// text with `\'` in it is `opaque`.
    public static func classify(
        _ sql: UnsafeRawBufferPointer, dialect: Dialect = .unknown
    ) -> StatementFacts {
        classify(sql, dialect: dialect, nesting: Nesting())
    }

    static func classify(_ sql: UnsafeRawBufferPointer, dialect: Dialect, nesting: Nesting) -> StatementFacts {
        guard let reader = StatementReader(sql, dialect: dialect) else { return unread(sql, dialect) }
        if reader.isCompound { return CompoundStatement(reader: reader).facts }
        if reader.isRoutineDefinition { return StatementFacts(.opaque) }

        var sum: Sum?
        reader.forEachPart(between: ";") { part in
            // Nothing between two of them, or behind the last, is no statement.
            if part.count == 0, sum != nil { return true }
            let facts = StatementKind(part, nesting: nesting).facts
            if sum == nil { sum = Sum(facts) } else { sum?.add(facts) }
            return sum?.isSettled != true
        }
        return sum?.facts ?? StatementFacts(.read)
    }

    /// A text that is not read further. That it is plain still says that it needs no note.
    private static func unread(_ sql: UnsafeRawBufferPointer, _ dialect: Dialect) -> StatementFacts {
        var whole = FlowingStatement(dialect: dialect)
        whole.take(sql)
        return StatementFacts(
            .opaque, change: whole.isPlain || isPlain(sql) ? nil : .unknown, reads: [.insertID, .autoIsNull])
    }

    /// The `number`th (from 0) of the statements of one text, in the order of their answers; nil where there is no such one,
    /// or one of them may have more answers than one.
    public static func statement(
        _ number: Int, of sql: UnsafeRawBufferPointer, dialect: Dialect
    ) -> UnsafeRawBufferPointer? {
        guard let reader = StatementReader(sql, dialect: dialect) else { return nil }
        if reader.hasExecutableComment || reader.isCompound || reader.isRoutineDefinition { return nil }
        var found: UnsafeRawBufferPointer?
        var position = 0
        reader.forEachPart(between: ";") { part in
            guard let first = part.token(0), let last = part.token(part.count - 1) else { return true }
            switch part.word(0) {
            case "CALL", "EXECUTE", "SET", "ANALYZE":
                // May stand for others.
                found = nil
                position = Int.max
            default: break
            }
            guard position <= number else { return false }
            if position == number { found = reader.sql[first.start..<last.end] }
            position += 1
            return true
        }
        return found
    }

    /// What the statements of one text come to.
    private struct Sum {
        private let first: StatementFacts
        private var isOnly = true
        private var effect = StatementFacts.Effect.read
        private var changes: [SessionChangeKind] = []
        /// Not known, or more of them than are kept.
        private var isUnknown = false
        private var reads: Leftovers = []
        private var overwrites: Leftovers = []
        private var sequencesRead: [[UInt8]] = []
        private var sequencesTaken: [[UInt8]] = []

        /// More statements than this that stand in one text with one that has a change are not told apart.
        private static let countMax = 1024

        init(_ first: StatementFacts) {
            self.first = first
            take(first)
        }

        mutating func add(_ facts: StatementFacts) {
            isOnly = false
            take(facts)
        }

        /// No other statement can change it.
        var isSettled: Bool { !isOnly && effect == .opaque && isUnknown }

        var facts: StatementFacts {
            if isOnly { return first }
            var facts = StatementFacts(effect, change: change, reads: reads)
            facts.overwrites = overwrites
            facts.sequencesRead = sequencesRead
            facts.sequencesTaken = sequencesTaken
            return facts
        }

        private var change: SessionChangeKind? {
            if isUnknown { return .unknown }
            return changes.allSatisfy { $0 == .none } ? nil : .sequence(changes)
        }

        private mutating func take(_ facts: StatementFacts) {
            switch facts.effect {
            case .read: break
            case .session: if effect == .read { effect = .session }
            case .begin, .commit, .rollback, .write, .transactional, .opaque: effect = .opaque
            }
            noteLeftovers(facts)
            // Behind one that may give several answers nobody knows whose answer is whose.
            if let last = changes.last, last.callsPrograms { isUnknown = true }
            guard changes.count < Self.countMax else {
                isUnknown = isUnknown || facts.change != nil || change != nil
                return
            }
            changes.append(facts.change ?? (facts.effect == .begin ? .begun : .none))
        }

        /// What one has left, the next may ask for.
        private mutating func noteLeftovers(_ facts: StatementFacts) {
            var missing = facts.reads.subtracting(overwrites)
            if missing.contains(.sequenceValues), !facts.sequencesRead.isEmpty,
                facts.sequencesRead.allSatisfy({ sequencesTaken.contains($0) })
            {
                missing.remove(.sequenceValues)
            }
            reads.formUnion(missing)
            for name in facts.sequencesRead where !sequencesTaken.contains(name) {
                if sequencesRead.count < StatementReader.sequencesMax {
                    sequencesRead.append(name)
                } else {
                    sequencesRead[0] = []
                }
            }
            overwrites.formUnion(facts.overwrites)
            for name in facts.sequencesTaken where sequencesTaken.count < StatementReader.sequencesMax {
                sequencesTaken.append(name)
            }
        }
    }
}

/// Where a statement stands in others.
struct Nesting {
    /// SET STATEMENT … FOR a statement, ANALYZE of one, EXECUTE IMMEDIATE of a text: how many of them.
    private(set) var depth = 0
    /// In a text that EXECUTE runs: it may not run another.
    private(set) var isExecuted = false

    /// A statement deeper than this is `opaque`, its change unknown: reading it takes stack.
    static let depthMax = 8

    /// One level further in; nil where that is too deep.
    func inner(isExecuted: Bool = false) -> Nesting? {
        guard depth < Self.depthMax else { return nil }
        var inner = self
        inner.depth += 1
        if isExecuted { inner.isExecuted = true }
        return inner
    }
}

extension StatementReader {
    /// BEGIN NOT ATOMIC, and the other statements of stored programs that MariaDB takes on their own.
    var isCompound: Bool {
        switch word(0) {
        case "BEGIN": isWord(1, "NOT")
        case "IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR", "DECLARE": true
        default: false
        }
    }

    /// CREATE of something whose body is SQL, which is not run now.
    var isRoutineDefinition: Bool {
        guard isWord(0, "CREATE") || isWord(0, "ALTER") else { return false }
        for index in 1..<max(1, min(count, 24)) {
            switch word(index) {
            case "PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE", "VIEW": return true
            case "TABLE", "SEQUENCE", "DATABASE", "SCHEMA", "INDEX", "USER", "ROLE", "SERVER": return false
            default: continue
            }
        }
        return false
    }
}

/// One statement's first words decide how the rest is read.
struct StatementKind {
    private let reader: StatementReader
    private let nesting: Nesting

    init(_ reader: StatementReader, nesting: Nesting) {
        var begin = 0
        while reader.isSymbol(begin, "(") { begin += 1 }
        self.reader = reader.part(begin)
        self.nesting = nesting
    }

    var facts: StatementFacts {
        var facts = ofKind
        facts.overwrites.formUnion(overwrites)
        return facts
    }

    /// What this kind of statement leaves of its own, as tried on 10.5, 10.11 and 11.8. Not every statement overwrites
    /// everything: FOUND_ROWS() is that of the last SELECT, and warnings stay until one uses a table.
    private var overwrites: Leftovers {
        switch reader.word(0) {
        case "GET": []
        case "SELECT": usesTable ? [.rowCount, .foundRows, .warnings] : [.rowCount, .foundRows]
        case "INSERT", "REPLACE": [.rowCount, .warnings, .profile, .insertID]
        case "UPDATE", "DELETE", "LOAD": [.rowCount, .warnings, .profile]
        case "CREATE", "DROP", "ALTER", "TRUNCATE": [.rowCount, .warnings]
        default: [.rowCount]
        }
    }

    /// FROM, outside of parentheses (and so no part of EXTRACT or TRIM), a table's name.
    private var usesTable: Bool {
        var depth = 0
        for index in 0..<reader.count {
            if reader.isSymbol(index, "(") { depth += 1 }
            if reader.isSymbol(index, ")") { depth -= 1 }
            if depth == 0, reader.isWord(index, "FROM") {
                return reader.name(index + 1) != nil && !reader.isWord(index + 1, "DUAL")
                    && !reader.isSymbol(index + 2, "(")
            }
        }
        return false
    }

    private var ofKind: StatementFacts {
        switch reader.word(0) {
        case "SELECT", "VALUES": query
        case "DO": query
        case "WITH": commonTableExpression
        case "INSERT", "REPLACE", "UPDATE", "DELETE": write
        case "LOAD": load
        case "SHOW": show
        case "DESC", "DESCRIBE", "EXPLAIN": explain
        case "ANALYZE": analyze
        case "HELP": StatementFacts(.read)
        case "CHECKSUM": StatementFacts(.read)
        case "USE": StatementFacts(.session, change: .systemVariables)
        case "SET": SetStatement(reader, nesting: nesting).facts
        case "BEGIN": begin
        case "START": isAny(1, "TRANSACTION") ? StatementFacts(.begin) : StatementFacts(.opaque)
        case "COMMIT": hasOnlyTransactionWords ? StatementFacts(.commit) : opaque
        case "ROLLBACK": rollback
        case "SAVEPOINT": StatementFacts(.transactional)
        case "RELEASE": reader.isWord(1, "SAVEPOINT") ? StatementFacts(.transactional) : opaque
        case "CREATE": create
        case "DROP": drop
        case "ALTER", "RENAME": rename
        case "LOCK": StatementFacts(.opaque, change: .lockTables)
        // Commits if tables were locked.
        case "UNLOCK": StatementFacts(.commit, change: .unlockTables)
        case "FLUSH": flush
        case "BACKUP": backup
        case "HANDLER": handler
        case "PREPARE": prepare
        case "EXECUTE": execute
        case "DEALLOCATE": deallocate(2, isKnown: reader.isWord(1, "PREPARE"))
        case "XA": xa
        case "CALL": call
        case "GET":
            StatementFacts(
                .session, change: .loseUserVariables(reader.userVariablesAsWritten ?? []),
                reads: [.warnings, .rowCount])
        case "TRUNCATE", "GRANT", "REVOKE", "KILL", "RESET", "OPTIMIZE", "REPAIR", "CHECK", "CACHE", "PURGE", "CHANGE",
            "STOP", "INSTALL", "UNINSTALL", "BINLOG", "SHUTDOWN", "SIGNAL", "RESIGNAL":
            StatementFacts(.opaque)
        case "": reader.count == 0 ? StatementFacts(.read) : opaque
        default: opaque
        }
    }

    private var opaque: StatementFacts {
        StatementFacts(.opaque, change: .unknown, reads: [.insertID, .autoIsNull])
    }

    private func isAny(_ index: Int, _ words: StaticString...) -> Bool {
        words.contains { reader.isWord(index, $0) }
    }

    private func contains(_ words: StaticString...) -> Bool {
        for index in 0..<reader.count where words.contains(where: { reader.isWord(index, $0) }) { return true }
        return false
    }

    /// The notes that any statement with expressions may need: `@a := …` and locks.
    private func notes(_ calls: StatementReader.Calls) -> [SessionChangeKind] {
        calls.changes + (reader.assignsInside ? [.loseUserVariables(reader.userVariablesAssigned ?? [])] : [])
            + (calls.insertID.map { [.insertID($0)] } ?? [])
    }

    private func facts(
        _ effect: StatementFacts.Effect, _ changes: [SessionChangeKind], _ calls: StatementReader.Calls
    ) -> StatementFacts {
        var facts = StatementFacts(effect, change: SessionChangeKind.joined(changes), reads: calls.reads)
        facts.sequencesRead = calls.sequencesRead
        facts.sequencesTaken = calls.sequencesTaken
        return facts
    }

    // MARK: Queries

    private var query: StatementFacts {
        let calls = reader.calls
        var changes = notes(calls)
        var effect = StatementFacts.Effect.read
        if reader.assignsInside || calls.insertID != nil { effect = .session }
        var names: [[UInt8]] = []
        for index in 0..<reader.count {
            if reader.isWord(index, "INTO") {
                var position = index + 1
                while let name = reader.userVariableAsWritten(position) {
                    if names.count < StatementReader.namesMax { names.append(name) }
                    position += reader.isSymbol(position + 1, ",") ? 2 : 1
                }
                if position == index + 1 {
                    effect = .opaque
                } else if effect == .read {
                    effect = .session
                }
            }
            let locks =
                reader.isWord(index, "FOR") && reader.isWord(index + 1, "UPDATE")
                || reader.isWord(index, "LOCK") && reader.isWord(index + 1, "IN")
            if locks && effect != .opaque { effect = .transactional }
        }
        if !names.isEmpty { changes.append(.loseUserVariables(names.count < StatementReader.namesMax ? names : [])) }
        if calls.takesSequenceValue && effect != .opaque { effect = .write }
        if !calls.isHarmless { effect = .opaque }
        return facts(effect, changes, calls)
    }

    private var commonTableExpression: StatementFacts {
        var depth = 0
        for index in 0..<reader.count {
            if reader.isSymbol(index, "(") { depth += 1 }
            if reader.isSymbol(index, ")") { depth -= 1 }
            guard depth == 0, reader.isSymbol(index, ")") else { continue }
            switch reader.word(index + 1) {
            case "SELECT", "VALUES": return query
            case "UPDATE", "DELETE", "INSERT", "REPLACE": return write
            default: continue
            }
        }
        return StatementFacts(.opaque, change: SessionChangeKind.joined(notes(reader.calls)))
    }

    private var write: StatementFacts {
        let calls = reader.calls
        var changes = notes(calls).map { change -> SessionChangeKind in
            // Called for as many rows as there are.
            if case .userLock = change { .userLock(nil) } else { change }
        }
        changes.removeAll {
            switch $0 {
            case .releaseUserLock, .insertID: true
            default: false
            }
        }
        if isAny(0, "INSERT", "REPLACE") && contains("RETURNING") {
            // Its answer ends without an id.
            changes.append(.insertID(.unknown))
        } else if calls.insertID != nil {
            changes.append(.insertID(isAny(0, "INSERT", "REPLACE", "UPDATE") ? .ofPacket : .unknown))
        }
        return facts(.write, changes, calls)
    }

    private var load: StatementFacts {
        guard isAny(1, "DATA", "XML") else { return StatementFacts(.opaque) }
        let names = reader.userVariablesAsWritten
        return StatementFacts(
            .write,
            change: .joined([.insertID(.unknown)] + (names == [] ? [] : [.loseUserVariables(names ?? [])])))
    }

    private var show: StatementFacts {
        let calls = reader.calls
        var facts = facts(calls.isHarmless ? .read : .opaque, notes(calls), calls)
        if isAny(1, "WARNINGS", "ERRORS", "COUNT") { facts.reads.insert(.warnings) }
        if isAny(1, "PROFILE", "PROFILES") { facts.reads.insert(.profile) }
        if isAny(1, "VARIABLES") || isAny(1, "SESSION", "LOCAL") && isAny(2, "VARIABLES"), mayShowInsertID {
            facts.reads.insert(.insertID)
        }
        return facts
    }

    /// SHOW VARIABLES shows last_insert_id and identity, unless it asks for others by name.
    private var mayShowInsertID: Bool {
        for index in 2..<max(2, reader.count) where reader.isWord(index, "LIKE") && reader.kind(index + 1) == .string {
            // Behind the quote: a letter that neither begins with, nor a character that stands for any.
            return "LlIi%_\\".utf8.contains(reader.bytes(index + 1).dropFirst().first ?? 0x25)
        }
        return true
    }

    /// Explains without running it, except that the optimizer may evaluate functions of a SELECT.
    private var explain: StatementFacts {
        let calls = reader.calls
        return StatementFacts(calls.isHarmless ? .read : .opaque, change: SessionChangeKind.joined(notes(calls)))
    }

    /// ANALYZE of a statement runs it.
    private var analyze: StatementFacts {
        var index = 1
        if reader.isWord(1, "FORMAT") { index = 4 }
        guard let inner = nesting.inner() else { return opaque }
        return isAny(index, "SELECT", "VALUES", "WITH")
            ? StatementKind(reader.part(index), nesting: inner).facts
            : StatementFacts(.opaque, change: SessionChangeKind.joined(notes(reader.calls)))
    }

    // MARK: Transactions

    private var hasOnlyTransactionWords: Bool {
        for index in 1..<max(1, reader.count) where !isAny(index, "WORK", "AND", "NO", "CHAIN", "RELEASE") {
            return false
        }
        return true
    }

    private var begin: StatementFacts {
        reader.count == 1 || reader.count == 2 && reader.isWord(1, "WORK") ? StatementFacts(.begin) : opaque
    }

    private var rollback: StatementFacts {
        if isAny(1, "TO") || reader.isWord(1, "WORK") && isAny(2, "TO") { return StatementFacts(.transactional) }
        return hasOnlyTransactionWords ? StatementFacts(.rollback) : opaque
    }

    private var xa: StatementFacts {
        switch reader.word(1) {
        case "START", "BEGIN": StatementFacts(.opaque, change: .xaBegun)
        case "COMMIT", "ROLLBACK": StatementFacts(.opaque, change: .xaEnded)
        case "END", "PREPARE": StatementFacts(.opaque)
        case "RECOVER": StatementFacts(.read)
        default: opaque
        }
    }

    // MARK: Tables

    private var create: StatementFacts {
        var index = 1
        if reader.isWord(1, "OR") && reader.isWord(2, "REPLACE") { index = 3 }
        guard reader.isWord(index, "TEMPORARY") else {
            return StatementFacts(.opaque, change: SessionChangeKind.joined(notes(reader.calls)))
        }
        guard isAny(index + 1, "TABLE", "SEQUENCE") else { return opaque }
        index += 2
        if reader.isWord(index, "IF") && reader.isWord(index + 1, "NOT") && reader.isWord(index + 2, "EXISTS") {
            index += 3
        }
        guard let table = tableName(index)?.table else { return opaque }
        let calls = reader.part(index + 1).calls
        // No commit, and gone with the server: only what a query in it does may last.
        let lasts = contains("SELECT") && (!calls.isHarmless || calls.takesSequenceValue)
        return StatementFacts(
            lasts ? .write : .session, change: SessionChangeKind.joined([.createTemporaryTable(table)] + notes(calls)))
    }

    private var drop: StatementFacts {
        if reader.isWord(1, "PREPARE") { return deallocate(2, isKnown: true) }
        let isTemporary = reader.isWord(1, "TEMPORARY")
        var index = isTemporary ? 2 : 1
        guard isAny(index, "TABLE", "TABLES", "SEQUENCE") else { return StatementFacts(.opaque) }
        index += 1
        if reader.isWord(index, "IF") && reader.isWord(index + 1, "EXISTS") { index += 2 }
        var tables: [SessionChangeKind.TableName] = []
        while let (table, next) = tableName(index) {
            tables.append(table)
            guard reader.isSymbol(next, ",") else { break }
            index = next + 1
        }
        return StatementFacts(isTemporary ? .session : .opaque, change: .dropTables(tables))
    }

    private var rename: StatementFacts {
        StatementFacts(.opaque, change: contains("RENAME") ? .renameTables : nil)
    }

    private func tableName(_ index: Int) -> (table: SessionChangeKind.TableName, next: Int)? {
        guard let first = reader.name(index) else { return nil }
        guard reader.isSymbol(index + 1, ".") else { return (SessionChangeKind.TableName(table: first), index + 1) }
        guard let second = reader.name(index + 2) else { return nil }
        return (SessionChangeKind.TableName(schema: first, table: second), index + 3)
    }

    private var flush: StatementFacts {
        guard contains("LOCK", "EXPORT") else { return StatementFacts(.opaque) }
        // Without names it is the whole server, and stays locked when a transaction begins.
        let index = isAny(1, "LOCAL", "NO_WRITE_TO_BINLOG") ? 3 : 2
        let isOfTables = reader.name(index) != nil && !reader.isWord(index, "WITH")
        return StatementFacts(.opaque, change: isOfTables ? .lockTables : .lockServer)
    }

    private var backup: StatementFacts {
        if reader.isWord(1, "UNLOCK") || reader.isWord(1, "STAGE") && reader.isWord(2, "END") {
            return StatementFacts(.opaque, change: .unlockTables)
        }
        return StatementFacts(.opaque, change: .lockServer)
    }

    private var handler: StatementFacts {
        guard let (table, next) = tableName(1) else { return opaque }
        if reader.isWord(next, "OPEN") {
            let alias = reader.isWord(next + 1, "AS") ? reader.name(next + 2) : reader.name(next + 1)
            return StatementFacts(.session, change: .handlerOpen(alias ?? table.table))
        }
        if reader.isWord(next, "CLOSE") { return StatementFacts(.session, change: .handlerClose(table.table)) }
        let calls = reader.part(next).calls
        return StatementFacts(calls.isHarmless ? .read : .opaque, change: SessionChangeKind.joined(calls.changes))
    }

    // MARK: Prepared by name, and programs

    private var prepare: StatementFacts {
        guard let name = reader.name(1).map(ASCII.lowercased), reader.isWord(2, "FROM") else { return opaque }
        let source: SessionChangeKind.PreparedSource
        if reader.count == 4, reader.kind(3) == .string || reader.kind(3) == .doubleQuoted {
            source = .literal(reader.bytes(3))
        } else if reader.count == 4, let variable = reader.userVariable(3) {
            source = .userVariable(variable)
        } else {
            source = .expression
        }
        return StatementFacts(.session, change: .prepareName(name, source))
    }

    private var execute: StatementFacts {
        guard !reader.isWord(1, "IMMEDIATE") else {
            guard !nesting.isExecuted, let nesting = nesting.inner(isExecuted: true), reader.kind(2) == .string,
                let text = SQLScanner.contents(
                    ofLiteral: reader.bytes(2), backslashEscapes: reader.dialect.backslashEscapes)
            else { return opaque }
            let inner = text.withUnsafeBytes {
                StatementClassifier.classify($0, dialect: reader.dialect, nesting: nesting)
            }
            var facts = inner
            facts.effect = .opaque
            // Inside, an insert's id is not that of a statement that can be looked at.
            return facts
        }
        guard !nesting.isExecuted, let name = reader.name(1).map(ASCII.lowercased) else { return opaque }
        let calls = reader.part(2).calls
        return StatementFacts(.opaque, change: .executeName(name), reads: calls.reads)
    }

    private func deallocate(_ index: Int, isKnown: Bool) -> StatementFacts {
        guard isKnown, let name = reader.name(index).map(ASCII.lowercased) else { return opaque }
        return StatementFacts(.session, change: .deallocateName(name))
    }

    private var call: StatementFacts {
        let names = reader.userVariablesAsWritten
        let calls = reader.calls
        return StatementFacts(
            .opaque, change: names == [] ? .procedure : .several([.procedure, .loseUserVariables(names ?? [])]),
            reads: calls.reads.union([.insertID, .autoIsNull]))
    }
}
