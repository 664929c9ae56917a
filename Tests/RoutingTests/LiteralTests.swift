import Testing

@testable import Routing

/// What is in a string literal, where it is known how backslashes are read.
@Suite struct LiteralTests {
    private func contents(_ text: String, _ escapes: Bool?) -> String? {
        SQLScanner.contents(ofLiteral: Array(text.utf8), backslashEscapes: escapes).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test func backslashes() {
        #expect(contents(#"'it\'s \\ \n\t\Z\0\%\_\x'"#, true) == "it's \\ \n\t\u{1a}\0\\%\\_x")
        #expect(contents(#"'a\\b'"#, false) == #"a\\b"#)
        #expect(contents(#"'a\'"#, false) == #"a\"#)
        #expect(contents(#"'a\'"#, true) == nil)
        #expect(contents(#"'a\'b'"#, false) == nil)
        #expect(contents(#"'a\n'"#, nil) == nil)
        // The second half of a character, in some character sets.
        #expect(contents(#"'ä\'s'"#, true) == nil)
        #expect(contents(#"'ä'"#, true) == "ä")
    }

    @Test("a prepared name's text is read as it was when it was prepared")
    func preparedNames() {
        var session = SessionJournalTests.Session()
        session.run("SET sql_mode='NO_BACKSLASH_ESCAPES'", "sql_mode=NO_BACKSLASH_ESCAPES", "state")
        session.journal.apply(.prepareName(Array("a".utf8), .literal(Array(#"'SELECT "a\b"'"#.utf8))))
        session.run("SET sql_mode=''", "sql_mode=", "state")
        session.journal.apply(.prepareName(Array("b".utf8), .literal(Array(#"'SELECT \'a\''"#.utf8))))
        #expect(session.journal.preparedText(Array("a".utf8)) == Array(#"SELECT "a\b""#.utf8))
        #expect(session.journal.preparedText(Array("b".utf8)) == Array("SELECT 'a'".utf8))
        session.run("EXECUTE a")
        session.run("EXECUTE b")
        #expect(session.journal.isMovable)
    }
}
