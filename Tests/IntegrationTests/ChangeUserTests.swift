import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct ChangeUserTests {
        private static let question =
            """
            SELECT CONCAT_WS(' ', @@character_set_client, @@character_set_results, @@collation_connection,
            COLLATION('x'), HEX('é'))
            """

        /// COM_CHANGE_USER with a collation's number in two bytes.
        private static func changeUser(_ session: WireSession, _ collation: UInt16) -> Bool {
            let request = Wire.command(
                0x11,
                Array(WireSession.user.utf8) + [0, 0] + Array(EmbeddedPair.schema.utf8) + [0]
                    + Wire.number(UInt32(collation), 2) + Array("mysql_native_password".utf8) + [0])
            guard let answer = session.ask(request) else { return false }
            guard answer.payload.first == 0xfe else { return answer.isOK }
            // Asked once more: there still is no password.
            session.send(Wire.packet([], sequence: answer.sequence &+ 1))
            return session.receive()?.isOK == true
        }

        @Test("the collation of COM_CHANGE_USER is the session's, also after moves", .timeLimit(.minutes(3)))
        func collations() throws {
            try Stage.run { stage in
                try WireSession.makeAccount(stage.pair.asRoot())
                // Of one byte, and of two: croatian, those of Unicode 14, and NOPAD ones.
                let numbers: [UInt16] = [8, 45, 224, 255, 576, 608, 1025, 2052, 2304, 2308, 2310]
                var open: [(number: UInt16, session: WireSession, expected: String?)] = []
                for number in numbers {
                    let direct = try WireSession(port: stage.pair.primary.port)
                    #expect(Self.changeUser(direct, number))
                    let expected = direct.value(of: Self.question)
                    #expect(expected != nil)
                    let session = try WireSession(port: stage.proxy.port)
                    #expect(Self.changeUser(session, number))
                    #expect(session.value(of: Self.question) == expected, "collation \(number)")
                    open.append((number, session, expected))
                }
                for move in Move.allCases {
                    try move(stage)
                    for (number, session, expected) in open {
                        #expect(session.value(of: Self.question) == expected, "collation \(number), \(move)")
                        #expect(session.ask(Wire.command(0x1f))?.isOK == true)
                        #expect(session.value(of: Self.question) == expected, "collation \(number), reset")
                    }
                }
            }
        }

        @Test("to an account that was made a moment ago, or whose password has just changed", .timeLimit(.minutes(2)))
        func newAccount() throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot()
            let proxy = try ProxyProcess(nodes: pair.ports)
            defer { proxy.stop(grace: .seconds(2)) }
            let client = try proxy.connect()
            for password in ["first", "second"] {
                try root.query(
                    "CREATE OR REPLACE USER newcomer@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('\(password)')"
                )
                try client.changeUser("newcomer", password: password, schema: nil)
                #expect(try client.query("SELECT CURRENT_USER()").rows == [["newcomer@%"]])
            }
            let wanted = clientError { try pair.direct().changeUser("newcomer", password: "wrong", schema: nil) }
            #expect(clientError { try client.changeUser("newcomer", password: "wrong", schema: nil) } == wanted)
            #expect(wanted?.code == 1045)
        }
    }
}
