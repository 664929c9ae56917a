import Testbed
import Testing

extension Integration {
    /// Which executions leave their rows with a cursor, and which only say that there is one.
    @Suite(.serialized)
    struct ProcedureCursorTests {
        private static let texts = [
            "CALL cursor_rows()", "CALL cursor_left_open()", "CALL cursor_none()", "SELECT x FROM cursor_table",
            "SELECT x FROM cursor_table WHERE x = 9", "SELECT cursor_function()", "SHOW TABLES LIKE 'cursor%'",
            "SHOW WARNINGS", "EXPLAIN SELECT 1", "SET @x = 1",
        ]

        /// Everything that the server says to an execution, packet by packet.
        private static func answer(_ session: WireSession, _ text: String, cursor: UInt8) throws -> [WirePacket] {
            // The answer to COM_STATISTICS is a text that nothing else looks like.
            func packets(_ bytes: [UInt8]) throws -> [WirePacket] {
                session.send(bytes + Wire.command(0x09))
                var packets: [WirePacket] = []
                while true {
                    let packet = try #require(session.receive(.seconds(10)), "\(text) \(packets)")
                    if packet.payload.starts(with: Array("Uptime".utf8)) { return packets }
                    packets.append(packet)
                }
            }
            let first = try #require(packets(Wire.prepare(text)).first)
            guard first.isOK, first.payload.count >= 5 else { return [first] }
            let id = Array(first.payload[1...4])
            let executed = try packets(Wire.command(0x17, id + [cursor] + Wire.number(1, 4)))
            return executed + [
                try #require(packets(Wire.fetch(id.reversed().reduce(0) { $0 << 8 | UInt32($1) }, rows: 9)).last)
            ]
        }

        /// Errors name the statement's id, which is the session's own.
        private static func said(_ packet: WirePacket) -> [UInt8] {
            packet.isError ? Array(packet.payload.prefix(9)) : packet.payload
        }

        @Test("CALL, SELECT and SHOW, with and without a cursor asked for, as directly", .timeLimit(.minutes(2)))
        func executions() throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot(schema: EmbeddedPair.schema)
            try WireSession.makeAccount(root)
            for text in [
                "CREATE OR REPLACE TABLE cursor_table (x INT PRIMARY KEY)",
                "INSERT INTO cursor_table VALUES (1), (2), (3)",
                """
                CREATE OR REPLACE PROCEDURE cursor_rows() BEGIN
                DECLARE a INT; DECLARE c CURSOR FOR SELECT x FROM cursor_table;
                OPEN c; FETCH c INTO a; SELECT a, x FROM cursor_table; CLOSE c; SELECT 7; END
                """,
                """
                CREATE OR REPLACE PROCEDURE cursor_left_open() BEGIN
                DECLARE c CURSOR FOR SELECT x FROM cursor_table; OPEN c; SELECT x FROM cursor_table; END
                """,
                "CREATE OR REPLACE PROCEDURE cursor_none() BEGIN SELECT 1; SELECT x FROM cursor_table; END",
                """
                CREATE OR REPLACE FUNCTION cursor_function() RETURNS INT BEGIN
                DECLARE a INT; DECLARE c CURSOR FOR SELECT x FROM cursor_table;
                OPEN c; FETCH c INTO a; RETURN a; END
                """,
            ] {
                try root.query(text)
            }
            let proxy = try SharedProxy.get()
            func losses() -> Int { proxy.log.components(separatedBy: "lost").count }
            let before = losses()
            for flags: Wire.Flags in [.plain, .plain.union(.deprecateEOF)] {
                for text in Self.texts {
                    for cursor: UInt8 in [0, 1] {
                        let direct = try WireSession(port: pair.primary.port, flags: flags)
                        let expected = try Self.answer(direct, text, cursor: cursor)
                        direct.close()
                        let session = try WireSession(port: proxy.port, flags: flags)
                        let found = try Self.answer(session, text, cursor: cursor)
                        #expect(found.map(Self.said) == expected.map(Self.said), "\(text), cursor \(cursor)")
                        #expect(
                            session.value(of: "SELECT 'here'") == (flags == .plain ? "here" : nil) || flags != .plain)
                        session.close()
                    }
                }
            }
            #expect(losses() == before, "\(proxy.logTail(10))")
        }
    }
}
