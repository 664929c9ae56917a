import Testbed
import Testing

extension Integration {
    /// The server takes strings for what the character set was when their types were bound, and that may have been long
    /// before the execution that relies on it.
    @Suite(.serialized)
    struct BoundParameterTests {
        private static let text = """
            SELECT CONCAT_WS(',', COLLATION(p), HEX(p), HEX(CONVERT(p USING utf8mb4))) FROM (SELECT ? AS p) AS t
            """

        struct Case: Sendable {
            var before: [String] = []
            /// Between COM_STMT_PREPARE and the execution that binds.
            var between: [String] = []
            var after: [String]
            /// Bound under the character set under which it was prepared: then it is bound so again.
            var isKept: Bool { between.isEmpty }
        }

        private static let cases = [
            Case(after: ["SET NAMES latin1"]),
            Case(before: ["SET NAMES gbk"], after: ["SET NAMES utf8mb4"]),
            Case(before: ["SET NAMES sjis"], after: ["SET CHARACTER SET utf8mb4"]),
            Case(before: ["SET NAMES latin1"], after: ["SET character_set_client = gbk"]),
            Case(before: ["SET character_set_client = sjis"], after: ["SET collation_connection = utf8mb4_bin"]),
            Case(after: ["SET collation_connection = latin1_german1_ci", "SET sql_mode = 'ANSI'"]),
            Case(before: ["SET NAMES gbk"], after: ["SET NAMES latin1", "SET NAMES gbk"]),
            Case(after: ["SET NAMES utf8mb4"]),
            Case(between: ["SET NAMES gbk"], after: ["SET NAMES latin1"]),
            Case(before: ["SET NAMES gbk"], between: ["SET NAMES utf8mb4"], after: ["SET NAMES latin1"]),
            Case(between: ["SET NAMES gbk"], after: []),
        ]

        /// In gbk and sjis one character, of which the second byte is a backslash.
        private static let value: [UInt8] = [0x95, 0x5c]

        /// The row of an execution, or whatever the answer is.
        private static func execute(_ session: WireSession, _ id: UInt32, binds: Bool) -> [UInt8]? {
            session.send(Wire.execute(id, values: [.text(value)], cursor: false, bindsTypes: binds))
            var last: [UInt8]?
            var ends = 2
            while let packet = session.receive() {
                if packet.isError { return packet.payload }
                if packet.payload.first == 0xfe, packet.payload.count < 9 {
                    ends -= 1
                    if ends == 0 { return last }
                } else {
                    last = packet.payload
                }
            }
            return nil
        }

        private static func play(_ one: Case, _ port: UInt16) throws -> (WireSession, UInt32) {
            let session = try WireSession(port: port)
            func say(_ texts: [String]) {
                for text in texts { #expect(session.ask(Wire.query(text))?.isOK == true, "\(text)") }
            }
            say(one.before)
            let id = try #require(session.prepare(text))
            say(one.between)
            #expect(Self.execute(session, id, binds: true)?.first == 0, "\(one)")
            say(one.after)
            return (session, id)
        }

        @Test("a character set that is another only behind the move changes nothing", .timeLimit(.minutes(1)))
        func changedBehind() throws {
            try Stage.run { stage in
                try WireSession.makeAccount(stage.pair.asRoot())
                let (session, id) = try Self.play(Case(after: []), stage.proxy.port)
                let expected = Self.execute(session, id, binds: false)
                try stage.failOver()
                #expect(session.ask(Wire.query("SET NAMES gbk"))?.isOK == true)
                #expect(Self.execute(session, id, binds: false) == expected)
            }
        }

        @Test(
            "they are bound so again, or the execution is refused, once", .timeLimit(.minutes(2)),
            arguments: Move.allCases)
        func bound(_ move: Move) throws {
            try Stage.run { stage in
                try WireSession.makeAccount(stage.pair.asRoot())
                let open = try Self.cases.map { one in
                    let (direct, directID) = try Self.play(one, stage.pair.primary.port)
                    defer { direct.close() }
                    let expected = Self.execute(direct, directID, binds: false)
                    #expect(expected?.first == 0)
                    let (session, id) = try Self.play(one, stage.proxy.port)
                    return (one, session, id, expected)
                }
                try move(stage)
                for (one, session, id, expected) in open {
                    let answer = Self.execute(session, id, binds: false)
                    // ER_CONNECTION_KILLED, with what is lost.
                    let isTold = answer?.starts(with: [0xff, 0x87, 0x07]) == true
                    #expect(answer == expected || !one.isKept && isTold, "\(one): \(answer ?? []), \(expected ?? [])")
                    #expect(Self.execute(session, id, binds: true)?.first == 0, "\(one)")
                }
            }
        }
    }
}
