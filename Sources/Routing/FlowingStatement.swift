/// A statement too long to be kept, read as it passes, for one question: can it have changed the session beyond what
/// the server reports? What ``StatementClassifier/isPlain(_:)`` is for a text that is there as a whole, and exact where
/// the dialect is known, since long texts are full of quotes.
///
/// One value for one statement; it takes time in proportion to the text, and no memory.
public struct FlowingStatement: Sendable {
    private enum State: UInt8 {
        case code, quoted, escaped, line, comment
        /// Behind `/*`: an executable comment says so by its first character.
        case commentBegun
    }

    private let dialect: Dialect
    private var state = State.code
    private var quote: UInt8 = 0
    /// The byte before, 0 at the start and behind a character of two bytes.
    private var last: UInt8 = 0
    /// How many `-` stand before this byte.
    private var dashes = 0
    /// The first half of a character has been taken, the second may be anything.
    private var isHalf = false
    /// The last eight bytes of names, lower case.
    private var word: UInt64 = 0
    private var wordLength = 0
    private var hasFirstWord = false
    /// Behind a `;`: nothing more may come.
    private var isOver = false
    /// A `-` or `/` where only a comment may stand.
    private var needsComment = false
    private var isSuspect = false

    public init(dialect: Dialect) { self.dialect = dialect }

    /// The next bytes of the text.
    public mutating func take(_ piece: UnsafeRawBufferPointer) {
        let bytes = CheckedBytes(piece)
        var index: UInt = 0
        while !isSuspect, let byte = bytes.at(index) {
            index += 1
            if state == .quoted, !isHalf {
                take(quoted: byte)
            } else {
                take(byte)
            }
        }
    }

    /// All of it has passed, and it has changed nothing that would have to be noted.
    public var isPlain: Bool {
        var end = self
        end.take(0x20)
        switch end.state {
        case .code, .line: return !end.isSuspect && end.hasFirstWord
        case .quoted, .escaped, .comment, .commentBegun: return false
        }
    }

    private mutating func take(_ byte: UInt8) {
        if isHalf {
            isHalf = false
            if dialect.characterSet.isTrail(byte) {
                last = 0
                return
            }
        }
        switch state {
        case .code: take(code: byte)
        case .quoted: take(quoted: byte)
        case .escaped: state = .quoted
        case .line: if byte == 0x0a { state = .code }
        case .commentBegun:
            if byte == 0x21 || byte == 0x4d { isSuspect = true }
            state = .comment
            last = byte
            return
        case .comment: if byte == 0x2f && last == 0x2a { state = .code }
        }
        last = byte
    }

    private mutating func take(quoted byte: UInt8) {
        let before = last
        last = byte
        if byte == quote {
            if byte == 0x60 && dialect.characterSet == .unknown && before >= 0x80 { isSuspect = true }
            // Two of them are one, in text that goes on as it was.
            state = .code
            word = 0
        } else if byte == 0x5c && quote != 0x60 {
            if dialect.characterSet == .unknown && before >= 0x80 { isSuspect = true }
            switch (quote == 0x22, dialect.ansiQuotes, dialect.backslashEscapes) {
            case (true, true?, _), (_, _, false?): break
            case (false, _, true?), (true, false?, true?): state = .escaped
            case (_, _, nil), (true, nil, _): isSuspect = true
            }
        } else if byte >= 0x80 {
            isHalf = dialect.characterSet.isLead(byte)
        } else if quote != 0x27 {
            spell(byte)
        }
    }

    private mutating func take(code byte: UInt8) {
        if dashes == 2 {
            dashes = 0
            if byte <= 0x20 || byte == 0x7f {
                needsComment = false
                if byte != 0x0a { state = .line }
                return
            }
            if dialect.characterSet.maySeparate(byte) { isSuspect = true }
        }
        if needsComment, !(byte == 0x2d && last == 0x2d), !(byte == 0x2a && last == 0x2f) { isSuspect = true }
        dashes = byte == 0x2d ? dashes + 1 : 0
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x5f, 0x61...0x7a, 0x24:
            if isOver { isSuspect = true }
            spell(byte)
            return
        case 0x80...:
            if isOver || dialect.characterSet.maySeparate(byte) { isSuspect = true }
            isHalf = dialect.characterSet.isLead(byte)
            spell(byte)
            return
        default:
            break
        }
        endWord()
        switch byte {
        case 0x01...0x20: return
        case 0x3b: isOver = true
        case 0x00, 0x40: isSuspect = true
        case 0x23: state = .line
        case 0x2a where last == 0x2f:
            needsComment = false
            state = .commentBegun
        // What `-` and `/` begin is seen with the next byte.
        case 0x2d, 0x2f: if isOver || !hasFirstWord { needsComment = true }
        case 0x27, 0x22, 0x60:
            if isOver || !hasFirstWord || (byte == 0x60 && dialect.characterSet == .unknown && last >= 0x80) {
                isSuspect = true
            }
            state = .quoted
            quote = byte
        default:
            if isOver { isSuspect = true }
            if !hasFirstWord && byte != 0x28 { isSuspect = true }
        }
    }

    /// A byte of a name, quoted or not.
    private mutating func spell(_ byte: UInt8) {
        word = word << 8 | UInt64(byte | 0x20)
        wordLength += 1
        // _lock (an underscore with that bit is 0x7f), and nsert_id
        if word & 0xff_ffff_ffff == 0x7f_6c6f_636b || word == 0x6e73_6572_747f_6964 { isSuspect = true }
    }

    private mutating func endWord() {
        guard wordLength > 0 else { return }
        if !hasFirstWord {
            hasFirstWord = true
            switch word {
            case 0x7365_6c65_6374,  // select
                0x696e_7365_7274,  // insert
                0x7570_6461_7465,  // update
                0x6465_6c65_7465,  // delete
                0x72_6570_6c61_6365,  // replace
                0x7769_7468,  // with
                0x7661_6c75_6573:  // values
                break
            default: isSuspect = true
            }
        }
        word = 0
        wordLength = 0
    }
}
