/// Whether a statement may make a table or change one's engine.
public enum TableChange {
    /// Of a text whose effect is ``StatementFacts/Effect/opaque``: the words CREATE and ALTER, wherever they stand. What a
    /// procedure or a prepared statement does is not seen.
    public static func isPossible(in sql: UnsafeRawBufferPointer) -> Bool {
        contains(sql, "create") || contains(sql, "alter")
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
