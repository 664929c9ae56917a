/// Errors by which a server says that it has not begun a statement, where the code alone does not tell: what a statement
/// calls may have said the same in the middle of its work.
public enum ServerRefusal {
    /// The statement was refused as it stands. `text` is the statement, or the first of several.
    public static func isCertain(
        code: UInt16, message: String, of text: UnsafeRawBufferPointer, dialect: Dialect
    ) -> Bool {
        switch code {
        // ER_PARSE_ERROR. Text is parsed while a statement runs only by EXECUTE, which no function or trigger may say.
        case 1064: return isParsedOnce(text)
        // ER_SP_DOES_NOT_EXIST, ER_SP_WRONG_NO_OF_ARGS, ER_PROCACCESS_DENIED_ERROR: of the procedure that was called.
        case 1305, 1318, 1370:
            guard let name = calledProcedure(text, dialect) else { return false }
            return name.count <= nameMax && names(message, name)
        case _: return false
        }
    }

    /// ER_NO_SUCH_TABLE says the statement's own table, and not that of a trigger.
    public static func isOfOwnTable(message: String, of text: UnsafeRawBufferPointer) -> Bool {
        let message = Array(message.utf8)
        // Table 'schema.name' doesn't exist
        guard let start = message.firstIndex(of: 0x27), let end = message.lastIndex(of: 0x27),
            let quote = message[..<end].lastIndex(of: 0x27), quote > start
        else { return false }
        let full = message[(start + 1)..<quote]
        guard let name = full.split(separator: 0x2e).last, !name.isEmpty, name.count <= nameMax else { return false }
        return stands(ASCII.lowercased(Array(name)), in: CheckedBytes(text))
    }

    /// Bytes of any name that a server has, quoted twice over: longer ones are somebody's invention.
    private static let nameMax = 64 * 4 * 2

    /// One pass over the text, but for names that begin like themselves.
    private static func stands(_ name: [UInt8], in text: CheckedBytes) -> Bool {
        let length = UInt(name.count)
        guard let first = name.first, text.count >= length else { return false }
        func folded(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }
        for start in 0...(text.count - length) where folded(text[start]) == first {
            var index: UInt = 1
            while index < length, folded(text[start + index]) == name[Int(index)] { index += 1 }
            if index == length { return true }
        }
        return false
    }

    private static func isParsedOnce(_ text: UnsafeRawBufferPointer) -> Bool {
        let isLetter = { (byte: UInt8) in byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a }
        let rest = text.drop { $0 <= 0x20 }
        let word = rest.prefix(wordMax).prefix(while: isLetter)
        switch String(decoding: word, as: UTF8.self).uppercased() {
        case "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "SHOW", "WITH", "DO", "CREATE", "ALTER", "DROP":
            return true
        case "SET":
            // SET STATEMENT … FOR CALL
            let next = rest.dropFirst(word.count).drop { $0 <= 0x20 }
            let name = String(decoding: next.prefix(wordMax).prefix(while: isLetter), as: UTF8.self).uppercased()
            return next.first == 0x40 || !name.isEmpty && name != "STATEMENT"
        default: return false
        }
    }

    /// Longer than any word that is asked for.
    private static let wordMax = 16

    /// The last part of the name behind CALL, lower case.
    private static func calledProcedure(_ text: UnsafeRawBufferPointer, _ dialect: Dialect) -> [UInt8]? {
        guard let reader = StatementReader(text, dialect: dialect), reader.isWord(0, "CALL"),
            let first = reader.name(1)
        else { return nil }
        return ASCII.lowercased(reader.isSymbol(2, ".") ? reader.name(3) ?? first : first)
    }

    /// `schema.name` stands in the message, and nothing that goes on behind the name.
    private static func names(_ message: String, _ name: [UInt8]) -> Bool {
        let text = ASCII.lowercased(Array(message.utf8))
        let wanted = [0x2e] + name
        var index = 0
        while index + wanted.count <= text.count {
            if text[index..<(index + wanted.count)].elementsEqual(wanted) {
                let end = index + wanted.count
                // Its end, a space, a quote or a semicolon.
                return end == text.count || [0x20, 0x27, 0x3b].contains(text[end])
            }
            index += 1
        }
        return false
    }
}
