/// Whether a statement may make a table or change one's engine or name; or a program, a trigger or a view.
public enum TableChange {
    /// Of a text whose effect is ``StatementFacts/Effect/opaque``: the words CREATE, ALTER and RENAME, wherever they
    /// stand. What a procedure or a prepared statement does is not seen.
    public static func isPossible(in sql: UnsafeRawBufferPointer) -> Bool {
        contains(sql, "create") || contains(sql, "alter") || contains(sql, "rename")
    }

    /// Where it is: what is known of programs and of who sets off triggers may not hold any more.
    public static func isOfPrograms(in sql: UnsafeRawBufferPointer) -> Bool {
        for word: StaticString in ["trigger", "procedure", "function", "package", "view", "rename"]
        where contains(sql, word) { return true }
        return false
    }

    /// Certainly no more than that, of a table that lasts: nothing in it is computed by a program.
    public static func isAll(of sql: UnsafeRawBufferPointer, dialect: Dialect) -> Bool {
        guard let reader = StatementReader(sql, dialect: dialect) else { return false }
        switch reader.word(0) {
        case "CREATE", "ALTER", "DROP", "TRUNCATE": break
        default: return false
        }
        var place = 1
        if reader.isWord(place, "OR"), reader.isWord(place + 1, "REPLACE") { place += 2 }
        guard reader.isWord(place, "TABLE") else { return false }
        return (0..<reader.count).allSatisfy { index in
            switch reader.word(index) {
            // CREATE TABLE … SELECT, and its other forms; and another statement.
            case "SELECT", "VALUES", "WITH", "TABLE": index == place
            default: !reader.isSymbol(index, ";")
            }
        }
    }

    private static func contains(_ sql: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        let text = CheckedBytes(sql)
        let length = word.utf8CodeUnitCount
        guard sql.count >= length else { return false }
        for start in 0...(sql.count - length) {
            var index = 0
            while index < length, text[start + index] | 0x20 == word.byte(at: index) { index += 1 }
            if index == length { return true }
        }
        return false
    }
}
