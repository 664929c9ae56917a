/// The value of a user variable as the server has it: its type, and with a string its character set and collation, to the
/// bit. A dynamic column tells all of this apart, where every function of SQL says the same of 5 and of 5 without a sign.
enum UserVariableValue {
    /// Longer strings are not asked for, in bytes.
    static let stringMax = 2048

    /// Asks for it, in one row of one value that reads the same under any character set and sql_mode. It uses no table and
    /// warns of nothing: FOUND_ROWS() and the warnings of the statement before stay.
    static func question(_ name: [UInt8]) -> [UInt8] {
        let variable = SQLText.userVariable(name)
        func call(_ function: StaticString) -> [UInt8] {
            function.withUTF8Buffer(Array.init) + [0x28] + variable + [0x29]
        }
        return [
            // Commas between: X'2C'. Numbers are of the character set `binary`.
            Array("VALUES (CONCAT_WS(X'2C',".utf8), call("CHARSET"), Array(",".utf8), call("COLLATION"),
            Array(",IF(".utf8), call("CHARSET"), Array("=X'62696E617279',CAST(".utf8), variable,
            Array(" AS BINARY),X'2D'),IF(".utf8), call("LENGTH"),
            Array("<=\(stringMax),COLUMN_CREATE(1,".utf8), variable, Array("),X'2D')))".utf8),
        ].flatMap { $0 }
    }

    /// The expression that gives a variable the same value; nil where there is none that does: NULL, which has a character
    /// set that nothing shows, and strings of bytes, some of which are shapes.
    static func literal(ofAnswer answer: [UInt8]) -> [UInt8]? {
        let parts = answer.split(separator: 0x2c, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        let (characterSet, collation, text, column) = (parts[0], parts[1], parts[2], Array(parts[3]))
        // Flags, the number of columns, the number of the only one, and its type with its place: of one to four bytes.
        guard column.count > 5, column[1] == 1, column[2] == 0 else { return nil }
        let data = column.dropFirst(6 + Int(column[0] & 3))
        switch column[5] & 7 {
        case 0 where isInteger(text): return Array(text)
        case 1 where isInteger(text): return Array("CAST(".utf8) + text + Array(" AS UNSIGNED)".utf8)
        case 2: return double(data)
        case 3 where !characterSet.elementsEqual("binary".utf8):
            guard characterSet.allSatisfy(isName), collation.allSatisfy(isName) else { return nil }
            // The number of the collation, seven bits in a byte.
            guard let end = data.firstIndex(where: { $0 & 0x80 == 0 }) else { return nil }
            return [0x5f] + characterSet + Array(" X'".utf8) + SQLText.digits(data[(end + 1)...])
                + Array("' COLLATE ".utf8) + collation
        case 4 where SQLText.isNumber(Array(text)): return Array(text)
        default: return nil
        }
    }

    private static func isInteger(_ text: ArraySlice<UInt8>) -> Bool {
        SQLText.isNumber(Array(text)) && !text.contains(0x2e)
    }

    private static func isName(_ byte: UInt8) -> Bool {
        byte == 0x5f || byte >= 0x61 && byte <= 0x7a || byte >= 0x30 && byte <= 0x39
    }

    /// Its shortest text that reads as the same number. As a number with an exponent it is no decimal.
    private static func double(_ data: ArraySlice<UInt8>) -> [UInt8]? {
        guard data.count == 8 else { return nil }
        let value = Double(bitPattern: data.reversed().reduce(0) { $0 << 8 | UInt64($1) })
        guard value.isFinite else { return nil }
        let text = "\(value)"
        return Array((text.contains("e") ? text : text + "e0").utf8)
    }
}
