extension StatementClassifier {
    /// One cheap pass over a statement on its way to the node: true where it is one of the common statements
    /// (SELECT, INSERT, UPDATE, DELETE, REPLACE, BEGIN, START, COMMIT, ROLLBACK) and cannot change the session
    /// beyond what status flags and session tracking say: outside of quotes no `@` (user variables) and no `;`,
    /// outside of strings no `…_LOCK` and no `…T_INSERT_…`. False means that ``classify(_:dialect:)`` has to look. Never true for a statement with a change that
    /// the journal needs.
    @inlinable
    public static func isPlain(_ sql: UnsafeRawBufferPointer) -> Bool {
        let text = CheckedBytes(sql)
        var index: UInt = 0
        while let byte = text.at(index), byte <= 0x20 { index += 1 }
        // The first word, lower case, eight letters at most.
        var word: UInt64 = 0
        var length = 0
        while let byte = text.at(index) {
            let letter = byte | 0x20
            guard letter >= 0x61, letter <= 0x7a else { break }
            length += 1
            if length > 8 { return false }
            word = word << 8 | UInt64(letter)
            index += 1
        }
        if let byte = text.at(index) {
            if byte == 0x5f || byte >= 0x80 || byte == 0x24 { return false }
            if byte >= 0x30, byte <= 0x39 { return false }
        }
        switch word {
        case 0x7365_6c65_6374,  // select
            0x696e_7365_7274,  // insert
            0x7570_6461_7465,  // update
            0x6465_6c65_7465,  // delete
            0x72_6570_6c61_6365,  // replace
            0x62_6567_696e,  // begin
            0x73_7461_7274,  // start
            0x636f_6d6d_6974,  // commit
            0x726f_6c6c_6261_636b:  // rollback
            break
        default:
            return false
        }
        // Text in quotes says nothing, as long as it is certain where it ends: from the first backslash, comment or
        // multibyte character before a backquote on, everything counts.
        var isCertain = true
        var quote: UInt8 = 0
        while true {
            // Letters but for those below, digits, spaces.
            while let byte = text.at(index), byte > 0x60 || byte &- 0x30 < 10 || byte == 0x20 {
                index += 1
            }
            guard let byte = text.at(index) else { break }
            index += 1
            if quote != 0 {
                if byte == quote {
                    if byte == 0x60 && text[index &- 2] >= 0x80 { return false }
                    quote = 0
                } else if byte == 0x5f {
                    // A function's name may stand in quotes.
                    if quote != 0x27 && namesNoted(text, index) { return false }
                } else if byte == 0x5c {
                    // What was skipped inside of this quote was inside under any reading.
                    quote = 0
                    isCertain = false
                }
                continue
            }
            switch byte {
            case 0x40, 0x3b:
                return false
            case 0x60:
                // Or the second half of a character.
                if index > 1 && text[index &- 2] >= 0x80 { return false }
                if isCertain { quote = byte }
            case 0x27, 0x22:
                if isCertain { quote = byte }
            case 0x23:
                isCertain = false
            case 0x2d where text.at(index) == 0x2d, 0x2f where text.at(index) == 0x2a:
                isCertain = false
            case 0x5f:
                if namesNoted(text, index) { return false }
            default:
                break
            }
        }
        return quote == 0
    }

    /// Behind an underscore: the rest of `…_LOCK`, or of `LAST_INSERT_ID`.
    @inlinable
    static func namesNoted(_ text: CheckedBytes, _ index: UInt) -> Bool {
        guard index &+ 3 < text.count else { return false }
        let word =
            UInt32(text[index] | 0x20) << 24 | UInt32(text[index &+ 1] | 0x20) << 16
            | UInt32(text[index &+ 2] | 0x20) << 8 | UInt32(text[index &+ 3] | 0x20)
        switch word {
        case 0x6c6f_636b: return true  // lock
        case 0x696e_7365:  // inse
            return index > 1 && text[index &- 2] | 0x20 == 0x74 && index &+ 6 < text.count
                && text[index &+ 6] == 0x5f
        default: return false
        }
    }
}
