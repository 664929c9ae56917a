import MySQLWire
import Testbed
import Testing

extension Integration {
    /// A client that tracks its session sees what it sees on a direct connection, packet by packet.
    @Suite(.serialized)
    struct ClientTrackingTests {
        /// What the client asks for, and whether all of it is the client's own. (Lists made from the present one have ours in
        /// them.)
        static let wishes: [[String]] = [
            [], ["SET session_track_system_variables='sql_mode,foreign_key_checks'"],
            ["SET session_track_system_variables=''"], ["SET session_track_schema=0"],
            ["SET session_track_state_change=1"], ["SET session_track_system_variables='*'"],
            ["EXECUTE IMMEDIATE 'SET session_track_state_change=ON'", "SET session_track_state_change=OFF"],
            ["SET session_track_state_change=1, session_track_schema=0, session_track_system_variables='sql_mode'"],
            ["SET session_track_system_variables=DEFAULT, session_track_schema=0"],
            ["SET session_track_transaction_info='CHARACTERISTICS'"],
        ]

        static let script = [
            "SELECT 1", "SET time_zone='+01:00'", "SET sql_mode='ANSI'", "SET autocommit=0", "SET autocommit=1",
            "SET foreign_key_checks=0", "SET NAMES latin1", "USE information_schema", "USE app", "SET @a=1",
            "CREATE TEMPORARY TABLE tt (a INT)", "DROP TEMPORARY TABLE tt", "SET timestamp=5", "SET timestamp=DEFAULT",
            "SET @@sql_mode=''", "PREPARE p FROM 'SET time_zone=''+02:00'''", "EXECUTE p",
            "SET collation_connection=latin1_bin", "BEGIN", "COMMIT",
            // What comes with the next report: of another schema, where a program ran, and of what was set for a statement.
            "USE information_schema", "SELECT app.tracked_function()", "SET @a=2", "SET lc_messages='en_US'",
            "SET time_zone='+03:00'", "SELECT app.tracked_function()", "USE app",
            "SET STATEMENT time_zone='+02:00' FOR SELECT 1", "SET @a=3", "PREPARE p FROM 'DO 1'", "SET NAMES latin1",
            "SET STATEMENT foreign_key_checks=0 FOR SELECT 1", "SET @a=4", "SET autocommit=0", "SET autocommit=1",
        ]

        /// The packets of the answer, each list of changes in an order of its own.
        private func answer(_ session: WireSession, _ text: String) throws -> [String] {
            session.send(Wire.query(text))
            let first = try #require(session.receive())
            guard first.payload.first != 0, !first.isError else { return [description(first)] }
            // One column and its end, one row and its end.
            var packets = [first]
            for _ in 0..<4 { packets.append(try #require(session.receive())) }
            // An end of rows has no room for what has changed; that something has is said where the client knows of more.
            return packets.map { packet in
                let isEnd = packet.payload.first == 0xfe && packet.payload.count == 5
                return "\(isEnd ? packet.payload.dropLast() + [packet.payload[4] & ~0x40] : packet.payload)"
            }
        }

        private func description(_ packet: WirePacket) -> String {
            let capabilities: Capabilities = [.protocol41, .transactions, .sessionTrack]
            return packet.payload.withUnsafeBytes { bytes in
                guard let ok = try? OKPacket(payload: bytes, capabilities: capabilities) else { return "\(packet)" }
                let changes = ok.changes.map { "\(withoutCount($0))" }.sorted()
                return "\(ok.status.rawValue) \(ok.affectedRows) \(ok.lastInsertID) \(ok.warnings) \(changes)"
            }
        }

        /// A transaction's id counts what all sessions have written: of it the domain and the server are compared.
        private func withoutCount(_ change: SessionChange) -> SessionChange {
            guard case .systemVariable(let name, let value) = change, name == Array("last_gtid".utf8) else {
                return change
            }
            let parts = value.split(separator: UInt8(ascii: "-"))
            guard parts.count == 3 else { return change }
            return .systemVariable(name: name, value: Array(parts[..<2].joined(separator: [UInt8(ascii: "-")])))
        }

        @Test("before and after a move", arguments: wishes)
        func sameAsDirect(wish: [String]) throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot()
                try WireSession.makeAccount(root)
                try root.query("CREATE FUNCTION app.tracked_function() RETURNS INT RETURN 1")
                let flags = Wire.Flags.plain.union(.sessionTrack)
                let direct = try WireSession(port: stage.pair.primary.port, flags: flags)
                let session = try WireSession(port: stage.proxy.port, flags: flags)
                for text in wish {
                    let expected = try answer(direct, text)
                    #expect(try answer(session, text) == expected, "\(text)")
                }
                var expected: [[String]] = []
                for text in Self.script {
                    expected.append(try answer(direct, text))
                    #expect(try answer(session, text) == expected.last, "\(text)")
                }
                // From 11.5 on a server that tracks all tells some of it under names that depend on what came first.
                let version = root.serverVersion.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap {
                    Int($0)
                }
                if wish.contains(where: { $0.contains("'*'") }), !version.lexicographicallyPrecedes([11, 5]) { return }
                try stage.failOver()
                // On a direct connection the second time says the same as the first.
                let again = try WireSession(port: stage.pair.primary.port, flags: flags)
                for text in wish { _ = try answer(again, text) }
                for text in Self.script { _ = try answer(again, text) }
                // A program that was run in another schema may have changed anything: that is told first.
                _ = try answer(session, "DO 1")
                _ = try answer(again, "DO 1")
                for text in Self.script { #expect(try answer(session, text) == answer(again, text), "\(text)") }
            }
        }
    }
}
