import Testing

@testable import HAProxyDB

@Suite struct CtlAnswerTests {
    @Test(
        arguments: [
            ("\n1.2.3\n\n", "1.2.3\n", []),
            ("\na\nb\n\nc\n\n", "a\nb\nc\n", []),
            ("\n[3]: No.\nWhy?\n\n", "", ["No.\nWhy?"]),
            ("\na\n\n[3]: No.\n\nb\n\n", "a\nb\n", ["No."]),
            ("\n[6]: 1.2.3\n\n[4]: careful\n\n", "1.2.3\ncareful\n", []),
            ("\n[6]: Unknown command. Please …\n  a\n\n", "", ["Unknown command. Please …\n  a"]),
            // A command that has nothing to say, and one after it.
            ("\n\n\na\n\n", "a\n", []),
            ("\n", "", []),
            ("", "", ["the proxy closed the connection without an answer"]),
            ("Too many connections to the admin socket.\n\n", "", ["Too many connections to the admin socket."]),
        ] as [(String, String, [String])]) func isToldApart(_ raw: String, _ text: String, _ errors: [String])
    {
        let answer = CtlAnswer(raw)
        #expect(answer.text == text)
        #expect(answer.errors == errors)
    }
}
