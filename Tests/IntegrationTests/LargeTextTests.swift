import Testbed
import Testing

extension Integration {
    /// Texts with quotes and characters of all kinds, and texts too long to be kept: a move loses nothing that is there,
    /// and tells what it loses.
    @Suite(.serialized)
    struct LargeTextTests {
        /// More than a mebibyte, full of what means something outside of quotes.
        private static let long = String(repeating: "a@b;it\\'s -- /* \u{e9}", count: 90_000)

        private static let harmless = [
            "SELECT 'Andr\u{e9}\\'s', 'a@b.fr; x'", "SELECT LENGTH('\(long)')",
            "WITH x AS (SELECT '\(long)' AS a) SELECT 1 FROM x",
            "DELETE FROM large WHERE a='\(long)'", "(SELECT LENGTH('\(long)')) UNION (SELECT 2)",
            "INSERT INTO large VALUES ('\(long)')", "UPDATE large SET a='\(long)' WHERE a='x'",
            "SELECT '\u{e9}\\'', '@a;'",
            "SELECT 1 AS `caf\u{e9}`, '@'", "/* it's */ SELECT LENGTH('\(long)')", "SELECT LENGTH('\(long)');",
        ]

        private static let hidden = [
            "INSERT INTO large VALUES ('\(long)'); SET @hidden=7", "SELECT GET_LOCK('large', 1), LENGTH('\(long)')",
            "SELECT `GET_LOCK`('large2', 1), LENGTH('\(long)')", "SELECT LENGTH('\(long)') INTO @hidden",
            "INSERT INTO large VALUES ('\(long)'); CREATE TEMPORARY TABLE gone (a INT)",
            "REPLACE INTO large VALUES ('\(long)'), (@hidden:=7)",
        ]

        @Test("a long text loses a session only where it changed it")
        func moved() throws {
            try Stage.run(options: ["--max-allowed-packet=64M"]) { stage in
                try stage.pair.direct().query("CREATE TABLE large (a LONGTEXT)")
                let sessions = try (Self.harmless + Self.hidden).map { text in
                    let session = try stage.proxy.connect(multiStatements: true)
                    try session.query(text)
                    return (text, session)
                }
                // Of more than one packet of the protocol.
                let huge = try stage.proxy.connect(multiStatements: true)
                let text = String(repeating: "@;\\'", count: 5 << 20)
                #expect(try huge.query("SELECT LENGTH('\(text)')").first == "\(15 << 20)")
                try stage.failOver()
                for (text, session) in sessions {
                    let error = clientError { try session.query("SELECT 1") }
                    let isHidden = Self.hidden.contains(text)
                    #expect((error != nil) == isHidden, "\(text.prefix(60)): \(String(describing: error))")
                    if isHidden { #expect(error?.sqlState == "08S02") }
                }
                #expect(try huge.query("SELECT 1").first == "1")
            }
        }

        @Test(
            "the session's character set decides where a string ends", arguments: ["sjis", "gbk", "utf8mb4", "latin1"])
        func characterSets(_ name: String) throws {
            try Stage.run { stage in
                try WireSession.makeAccount(stage.pair.asRoot())
                // In sjis and gbk 0x95 0x5c is one character: the string ends behind it.
                let endsEarly = name == "sjis" || name == "gbk"
                let begin: [UInt8] = Array("SELECT '".utf8) + [0x95]
                let text: [UInt8] = begin + Array("\\', @v:=5, '".utf8) + Array((endsEarly ? "'" : "', 1 #'").utf8)
                let session = try WireSession(port: stage.proxy.port)
                #expect(session.ask(Wire.query("SET NAMES \(name)"))?.isOK == true)
                session.send(Wire.packets([3] + text))
                #expect(session.firstValue() != nil)
                // Only where it is code has the variable a value.
                let value = session.value(of: "SELECT COALESCE(@v, 'none')")
                #expect(value == (endsEarly ? "5" : "none"))
                try stage.failOver()
                #expect(session.value(of: "SELECT COALESCE(@v, 'none')") == value)
            }
        }
    }
}
