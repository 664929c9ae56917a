/// Whether a statement that was answered outside of a transaction has used up the characteristics that SET TRANSACTION
/// gave to the next one. The server does not say it. Tried on 10.5, 10.11 and 11.8: they go with the first statement that
/// uses a table of an engine with transactions, and with every COMMIT, ROLLBACK and implicit commit.
public enum OneShotUse: Sendable, Hashable {
    case used
    /// They are still there.
    case unused
    case unknown

    /// `failure`: the error that was all its answer; nil where it succeeded. `tablesRollBack`: the engines of all tables
    /// have transactions.
    public static func of(
        _ text: UnsafeRawBufferPointer, dialect: Dialect, failure: UInt16?, tablesRollBack: Bool
    ) -> OneShotUse {
        let facts = StatementClassifier.classify(text, dialect: dialect)
        if facts.change?.callsPrograms == true { return .unknown }
        guard let reader = StatementReader(text, dialect: dialect) else { return .unknown }
        if let failure { return of(reader, facts, failure) }
        switch facts.effect {
        case .commit: return reader.isWord(0, "COMMIT") ? .used : .unknown
        case .rollback: return .used
        case .read, .session: return reader.usesNoTable ? .unused : .unknown
        case .write: return tablesRollBack && reader.isOfOrdinaryTables ? .used : .unknown
        case .begin, .transactional, .opaque: return .unknown
        }
    }

    private static func of(_ reader: StatementReader, _ facts: StatementFacts, _ failure: UInt16) -> OneShotUse {
        switch facts.effect {
        case .read, .session, .write, .transactional: break
        case .begin, .commit, .rollback, .opaque: return .unknown
        }
        switch failure {
        // ER_PARSE_ERROR, ER_NO_DB_ERROR, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: no table was locked.
        case 1064, 1046, 1792: return .unused
        // ER_BAD_DB_ERROR, ER_NO_SUCH_TABLE: the same, unless a trigger says it.
        case 1049, 1146: return facts.effect == .write ? .unknown : .unused
        case _: return reader.usesNoTable ? .unused : .unknown
        }
    }
}

extension StatementReader {
    /// One SELECT, DO or SET without FROM, or one that only has to do with names.
    fileprivate var usesNoTable: Bool {
        switch word(0) {
        case "SELECT", "DO", "SET", "VALUES", "USE", "PREPARE", "DEALLOCATE": break
        default: return false
        }
        if isWord(1, "ROLE") || isWord(1, "STATEMENT") { return false }
        for index in 0..<count where isWord(index, "FROM") || isWord(index, "VALUE") || isWord(index, "TABLE") {
            guard isWord(0, "PREPARE"), index == 2 else { return false }
        }
        return true
    }

    /// Tables of a schema's own, as far as names tell: none of the server's.
    fileprivate var isOfOrdinaryTables: Bool {
        switch word(0) {
        case "INSERT", "REPLACE", "UPDATE", "DELETE": break
        default: return false
        }
        for index in 0..<count where isSymbol(index + 1, ".") {
            switch String(decoding: name(index) ?? [], as: UTF8.self).uppercased() {
            case "MYSQL", "SYS", "PERFORMANCE_SCHEMA", "INFORMATION_SCHEMA": return false
            default: continue
            }
        }
        return true
    }
}
