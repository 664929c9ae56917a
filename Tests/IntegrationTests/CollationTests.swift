import Testbed
import Testing

extension Integration {
    /// A session's collations come out of its login, COM_CHANGE_USER and what sets its character sets; the columns of every
    /// result carry their numbers.
    @Suite(.serialized)
    struct CollationTests {
        enum Said: Sendable {
            case query(String)
            case changeUser(UInt16)
            case reset
        }

        struct Case: Sendable {
            var collation: UInt8 = 224
            var script: [Said] = []
        }

        private static let schema = "app_\u{e9}"

        private static let cases: [Case] =
            [45, 224, 8, 31, 28, 33, 192].map { Case(collation: $0) }
            // Of one byte and of two: croatian, NOPAD, those of Unicode 14.
            + [8, 45, 224, 576, 608, 1025, 1069, 2052, 2308, 2310].flatMap { number -> [Case] in
                [
                    Case(script: [.changeUser(number)]),
                    Case(script: [.changeUser(number), .reset]),
                    Case(script: [.changeUser(number), .query("SET collation_connection = latin1_bin")]),
                ]
            }
            // One that no server knows.
            + [Case(script: [.changeUser(4000)]), Case(script: [.changeUser(4000), .reset])]
            + [
                ["SET character_set_results = NULL"], ["SET NAMES DEFAULT"], ["SET CHARACTER SET utf8mb4"],
                ["SET character_set_results = utf8mb4"], ["SET character_set_client = utf8mb4"],
                ["SET STATEMENT character_set_results = latin1 FOR SELECT 1"],
                ["SET STATEMENT character_set_client = latin1, sql_mode = '' FOR SELECT 1"],
                ["USE `\(schema)`"], ["SET NAMES utf8mb4", "USE `\(schema)`"],
                ["USE `\(schema)`", "SET CHARACTER SET latin1", "USE app"],
                ["USE `\(schema)`", "PREPARE x FROM 'SELECT COLLATION(\\'a\\'), DATABASE()'", "USE app"],
                ["USE `\(schema)`", "SET collation_connection = latin1_bin"],
            ].map { Case(script: $0.map(Said.query)) }
            + [Case(collation: 31, script: [.query("SET character_set_client = utf8mb4"), .query("USE `\(schema)`")])]

        private static let questions = [
            "SELECT 'x', @@character_set_client, @@character_set_results, @@collation_connection, DATABASE()",
            "EXECUTE x",
        ]

        /// An answer up to the end of its rows, byte for byte.
        private static func answer(_ session: WireSession, to text: String) -> [WirePacket] {
            session.send(Wire.query(text))
            var packets: [WirePacket] = []
            var ends = 0
            while ends < 2, let packet = session.receive() {
                packets.append(packet)
                if packet.isError || packet.isOK { break }
                if packet.payload.first == 0xfe, packet.payload.count < 9 { ends += 1 }
            }
            // What has changed is more on the proxy's side of it.
            return packets.map {
                $0.payload.first == 0xfe && $0.payload.count == 5
                    ? WirePacket(sequence: $0.sequence, payload: $0.payload.dropLast() + [0]) : $0
            }
        }

        private static func answers(_ session: WireSession) -> [[WirePacket]] {
            questions.map { answer(session, to: $0) }
        }

        /// False where the server has ended the session.
        private static func play(_ one: Case, _ session: WireSession) -> Bool {
            for said in one.script {
                switch said {
                case .query(let text): guard !answer(session, to: text).isEmpty else { return false }
                case .reset: guard session.ask(Wire.command(0x1f)) != nil else { return false }
                case .changeUser(let number):
                    guard let word = session.ask(Wire.changeUser(WireSession.user, collation: number)) else {
                        return false
                    }
                    // Asked once more: there still is no password.
                    if word.payload.first == 0xfe {
                        session.send(Wire.packet([], sequence: word.sequence &+ 1))
                        guard session.receive() != nil else { return false }
                    }
                }
            }
            return true
        }

        private static let show = """
            SHOW VARIABLES WHERE Variable_name LIKE 'collation%' OR Variable_name LIKE 'character\\_set\\_%'
            """

        /// A character set's collation is its own by default, and on 11.8 another one than the login's.
        @Test("what sets a character set or a collation, for the session and for a statement", .timeLimit(.minutes(2)))
        func variables() throws {
            let variables =
                ["client", "connection", "results", "database", "server", "filesystem"].flatMap { name in
                    ["latin1", "utf8mb4", "DEFAULT"].map { "character_set_\(name)=\($0)" }
                }
                + ["connection", "database", "server"].flatMap { name in
                    ["latin1_bin", "utf8mb4_general_ci", "DEFAULT"].map { "collation_\(name)=\($0)" }
                }
            let cases =
                variables.flatMap { ["SET \($0)", "SET STATEMENT \($0) FOR SELECT 1"] }
                + ["latin1", "utf8mb4", "DEFAULT"].flatMap { ["SET NAMES \($0)", "SET CHARACTER SET \($0)"] }
            try SessionCase.move(cases.map { SessionCase([$0], asks: Self.show) })
        }

        @Test("they are the session's before and after moves, to the number", .timeLimit(.minutes(3)))
        func numbers() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot()
                try WireSession.makeAccount(root)
                try root.query("CREATE DATABASE `\(Self.schema)`")
                try root.query("GRANT ALL ON `\(Self.schema)`.* TO \(WireSession.user)@'%'")
                var open: [(Case, WireSession, expected: [[WirePacket]])] = []
                for one in Self.cases {
                    let direct = try WireSession(port: stage.pair.primary.port, collation: one.collation)
                    let session = try WireSession(port: stage.proxy.port, collation: one.collation)
                    let goesOn = Self.play(one, direct)
                    #expect(Self.play(one, session) == goesOn, "\(one)")
                    guard goesOn else { continue }
                    let expected = Self.answers(direct)
                    direct.close()
                    #expect(Self.answers(session) == expected, "\(one)")
                    open.append((one, session, expected))
                }
                for move in Move.allCases {
                    try move(stage)
                    for (one, session, expected) in open {
                        #expect(Self.answers(session) == expected, "\(one), \(move)")
                    }
                }
            }
        }
    }
}
