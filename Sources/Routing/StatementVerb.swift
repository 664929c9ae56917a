/// What a statement is called by its first word, for people: a word of a closed list, never a part of its text.
public enum StatementVerb {
    private static let known: Set<String> = [
        "ALTER", "ANALYZE", "BEGIN", "CALL", "CHECK", "COMMIT", "CREATE", "DEALLOCATE", "DELETE", "DO", "DROP",
        "EXECUTE", "FLUSH", "GRANT", "HANDLER", "INSERT", "KILL", "LOAD", "LOCK", "OPTIMIZE", "PREPARE", "RELEASE",
        "RENAME", "REPAIR", "REPLACE", "REVOKE", "ROLLBACK", "SAVEPOINT", "SELECT", "SET", "SHOW", "START", "TRUNCATE",
        "UNLOCK", "UPDATE", "USE", "VALUES", "WITH", "XA",
    ]
    /// Of one text.
    private static let partsMax = 3
    private static let other = "other"

    /// `INSERT`; of several statements in one text `INSERT, UPDATE`, three at most. `other` where it can't be read.
    public static func of(_ sql: UnsafeRawBufferPointer, dialect: Dialect) -> String {
        guard let reader = StatementReader(sql, dialect: dialect) else { return other }
        if reader.isCompound || reader.isRoutineDefinition { return word(reader) }
        var verbs: [String] = []
        var isMore = false
        reader.forEachPart(between: ";") { part in
            guard part.count > 0 else { return true }
            let verb = word(part)
            guard verb != verbs.last else { return true }
            isMore = verbs.count == partsMax
            if !isMore { verbs.append(verb) }
            return !isMore
        }
        return verbs.isEmpty ? other : verbs.joined(separator: ", ") + (isMore ? ", …" : "")
    }

    private static func word(_ part: StatementReader) -> String {
        var index = 0
        while part.isSymbol(index, "(") { index += 1 }
        let word = part.word(index)
        return known.contains(word) ? word : other
    }
}
