import Testing

@testable import Routing

/// Where strings and names end, under each way in which a server may read the same bytes.
@Suite struct ScannerTests {
    static func tokens(_ text: [UInt8], _ dialect: Dialect) -> [String]? {
        text.withUnsafeBytes { bytes in
            StatementReader(bytes, dialect: dialect).map { reader in
                (0..<reader.count).map { index in
                    reader.bytes(index).map { $0 < 0x80 ? String(UnicodeScalar($0)) : "~" }.joined()
                }
            }
        }
    }

    @Test("a backslash behind a byte of a character")
    func backslash() {
        // 0x95 0x5c is one character of sjis and gbk, and none of big5, whose first halves begin at 0xa1.
        let text = Array("SELECT '".utf8) + [0x95] + Array("\\'@a'".utf8)
        #expect(Self.tokens(text, Dialect(status: 0, characterSet: .safe)) == ["SELECT", "'~\\'@a'"])
        #expect(Self.tokens(text, Dialect(status: 0, characterSet: .eightBit)) == ["SELECT", "'~\\'@a'"])
        #expect(Self.tokens(text, Dialect(status: 0, characterSet: .big5)) == ["SELECT", "'~\\'@a'"])
        #expect(Self.tokens(text, Dialect(status: 0, characterSet: .unknown)) == nil)
        // The string ends, and another is open at the end.
        #expect(Self.tokens(text, Dialect(status: 0, characterSet: .sjis)) == nil)
        #expect(Self.tokens(text + [0x27], Dialect(status: 0, characterSet: .sjis)) == ["SELECT", "'~\\'", "@a", "''"])
        #expect(Self.tokens(text + [0x27], Dialect(status: 0, characterSet: .gbk)) == ["SELECT", "'~\\'", "@a", "''"])
        // A backslash escapes one byte, be it half a character.
        let half = Array("SELECT '\\".utf8) + [0x95] + Array("\\'@a'".utf8)
        #expect(Self.tokens(half, Dialect(status: 0, characterSet: .sjis)) == ["SELECT", "'\\~\\'@a'"])
        // Without escapes it is itself.
        #expect(
            Self.tokens(Array("SELECT 'a\\',@a".utf8), Dialect(status: 0x0200, characterSet: .safe))
                == ["SELECT", "'a\\'", ",", "@a"])
    }

    @Test("a backquote that is the second half of a character ends no name, and begins none")
    func backquote() {
        for (set, lead) in [(ClientCharacterSet.sjis, UInt8(0x83)), (.gbk, 0x95), (.big5, 0xa4)] {
            let name = Array("SELECT `".utf8) + [lead, 0x60] + Array("@a`".utf8)
            #expect(Self.tokens(name, Dialect(status: 0, characterSet: set)) == ["SELECT", "`~`@a`"])
            let bare = Array("SELECT a".utf8) + [lead, 0x60] + Array(",@a".utf8)
            #expect(Self.tokens(bare, Dialect(status: 0, characterSet: set)) == ["SELECT", "a~`", ",", "@a"])
            for text in [name, bare] {
                #expect(Self.tokens(text, .unknown) == nil)
                #expect(!text.withUnsafeBytes(StatementClassifier.isPlain))
            }
        }
        let utf8 = Array("SELECT `caf\u{e9}`, 1".utf8)
        #expect(Self.tokens(utf8, Dialect(status: 0, characterSet: .safe))?.count == 4)
    }

    @Test("two dashes and a control character begin a comment")
    func dashes() {
        for byte: UInt8 in [0x01, 0x09, 0x1f, 0x20, 0x7f] {
            let text = Array("SELECT 1 --".utf8) + [byte] + Array(" it's".utf8)
            #expect(Self.tokens(text, Dialect(status: 0, characterSet: .safe)) == ["SELECT", "1"])
        }
        #expect(Self.tokens(Array("SELECT 1--a".utf8), Dialect(status: 0, characterSet: .safe))?.count == 5)
        // A space in latin1.
        let space = Array("SELECT 1 --".utf8) + [0xa0] + Array("@a".utf8)
        #expect(Self.tokens(space, Dialect(status: 0, characterSet: .eightBit)) == nil)
        #expect(Self.tokens(Array("SELECT GET_LOCK".utf8) + [0xa0], Dialect(status: 0, characterSet: .eightBit)) == nil)
    }

    @Test func characterSets() {
        #expect(ClientCharacterSet(name: Array("UTF8MB4".utf8)) == .safe)
        #expect(ClientCharacterSet(name: Array("cp932".utf8)) == .sjis)
        #expect(ClientCharacterSet(name: Array("gb18030".utf8)) == .unknown)
        for (id, set) in [
            (UInt16(45), ClientCharacterSet.safe), (33, .safe), (255, .safe), (2308, .safe), (8, .eightBit),
            (63, .eightBit),
            (13, .sjis), (95, .sjis), (28, .gbk), (1, .big5), (84, .big5), (0, .unknown), (35, .unknown),
            (10, .unknown),
        ] {
            #expect(ClientCharacterSet(collation: id) == set, "\(id)")
        }
    }
}
