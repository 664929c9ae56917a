import Foundation
import Testbed
import Testing

extension Integration {
    /// What a client sends ahead stays where it is until it is its turn, in every state of a session: each command is
    /// answered as a direct connection's is, packet by packet, and the memory of the proxy stays bounded.
    @Suite(.serialized)
    struct PipeliningTests {
        /// More than all buffers on the way hold together; but for a sanitizer, which judges every byte of it and no memory.
        private static let ahead = (Sanitizer.isPresent ? 2 : 10) << 20

        /// Sends everything in one go, a mix of all commands at its end: nothing is read until no more of it is taken.
        private func packets(_ session: WireSession, _ bytes: [UInt8], statements: [UInt32] = []) throws -> [WirePacket]
        {
            let mix = CommandMix(bytes: Self.ahead, statements: statements)
            let flood = Flood(bytes + mix.bytes, to: session.connection)
            _ = flood.waitUntilItStalls()
            return try #require(session.receiveAll(.seconds(120)), "the session does not end")
        }

        /// The same in a session that has logged in and prepared what the commands use.
        private func packets(port: UInt16, _ bytes: [UInt8]) throws -> [WirePacket] {
            let session = try WireSession(port: port)
            return try packets(session, bytes, statements: statements(session))
        }

        private func statements(_ session: WireSession) throws -> [UInt32] {
            try (0..<30).map { try #require(session.prepare("SELECT CONCAT(?, '\($0)')")) }
        }

        private func expectSame(
            _ found: [WirePacket], _ wanted: [WirePacket], _ location: SourceLocation = #_sourceLocation
        ) {
            #expect(found.count == wanted.count, sourceLocation: location)
            let pairs = zip(found, wanted).enumerated()
            if let (number, (one, other)) = pairs.first(where: {
                CommandMix.comparable($1.0) != CommandMix.comparable($1.1)
            }) {
                Issue.record("packet \(number) is \(one), directly \(other)", sourceLocation: location)
            }
        }

        /// A shared server with what the commands need, and a proxy of the test's own.
        private func withProxy(_ body: (EmbeddedPair, ProxyProcess) throws -> Void) throws {
            let pair = try SharedPair.get()
            try prepare(pair)
            let proxy = try ProxyProcess(nodes: pair.ports)
            defer { proxy.stop(grace: .seconds(5)) }
            let bystander = try proxy.connect()
            try body(pair, proxy)
            #expect(proxy.isRunning, "\(proxy.logTail())")
            #expect(try bystander.query("SELECT 'still here'").first == "still here", "\(proxy.logTail())")
        }

        private func prepare(_ pair: EmbeddedPair) throws {
            let root = try pair.asRoot(schema: EmbeddedPair.schema)
            try WireSession.makeAccount(root)
            try Load.makeTables(root)
            try root.query("CREATE TABLE IF NOT EXISTS loaded (n INT)")
        }

        /// Sends the same bytes to the proxy and to the server.
        private func compare(_ bytes: [UInt8]) throws {
            try withProxy { pair, proxy in
                let wanted = try packets(port: pair.primary.port, bytes)
                let found = try packets(port: proxy.port, bytes)
                expectSame(found, wanted)
            }
        }

        @Test("two direct connections are answered alike: the comparison itself")
        func judge() throws {
            let pair = try SharedPair.get()
            try prepare(pair)
            let all = try (0..<2).map { _ in try packets(port: pair.primary.port, []) }
            expectSame(all[1], all[0])
            #expect(all[0].count > Self.ahead / 100)
        }

        @Test("while the session is idle", .timeLimit(.minutes(5)))
        func idle() throws { try compare([]) }

        @Test("while a statement runs", .timeLimit(.minutes(5)))
        func running() throws { try compare(Wire.query("SELECT SLEEP(0.7)")) }

        @Test("while the client does not read a large result", .timeLimit(.minutes(5)))
        func nonReader() throws {
            try compare(Wire.query("SELECT REPEAT('r', 50000) FROM seq_1_to_1000"))
        }

        @Test("behind a statement of more than 16 MiB", .timeLimit(.minutes(5)))
        func behindLargeStatement() throws {
            try compare(Wire.query("SELECT LENGTH('" + String(repeating: "l", count: 17 << 20) + "')"))
        }

        @Test("behind LOAD DATA LOCAL and its file, all in one write", .timeLimit(.minutes(5)))
        func infile() throws {
            try withProxy { pair, proxy in
                let file = Wire.packet(Array("1\n2\n3\n".utf8), sequence: 2) + Wire.packet([], sequence: 3)
                let load = Wire.query("LOAD DATA LOCAL INFILE 'any' INTO TABLE app.loaded") + file
                let root = try pair.asRoot()
                let wanted = try packets(port: pair.primary.port, load)
                #expect(try root.query("SELECT COUNT(*) FROM app.loaded").first == "3")
                let found = try packets(port: proxy.port, load)
                #expect(try root.query("SELECT COUNT(*) FROM app.loaded").first == "6")
                try root.query("TRUNCATE TABLE app.loaded")
                expectSame(found, wanted)
            }
        }

        @Test("behind COM_CHANGE_USER", .timeLimit(.minutes(5)))
        func changeUser() throws {
            try withProxy { pair, proxy in
                let all = try [pair.primary.port, proxy.port].map { port in
                    let session = try WireSession(port: port)
                    var answer = try #require(session.ask(Wire.changeUser(WireSession.user)))
                    // A server asks for the proof anew.
                    guard answer.payload.first == 0xfe else { return try packets(session, []) }
                    var all = try packets(session, Wire.packet([], sequence: answer.sequence &+ 1))
                    answer = all.removeFirst()
                    #expect(answer.isOK, "\(answer)")
                    return all
                }
                expectSame(all[1], all[0])

                // Before the question has come it is not an answer, however it ends.
                let hasty = try WireSession(port: proxy.port)
                _ = try packets(hasty, Wire.changeUser(WireSession.user))
            }
        }

        @Test("behind the answer to the greeting, before the login is through", .timeLimit(.minutes(5)))
        func login() throws {
            let response = Wire.packet(Wire.handshakeResponse(user: WireSession.user), sequence: 1)
            try withProxy { pair, proxy in
                let wanted = try packets(WireSession(connectingTo: pair.primary.port), response)
                let found = try packets(WireSession(connectingTo: proxy.port), response)
                // The greetings have scrambles and ids of their own.
                expectSame(Array(found.dropFirst()), Array(wanted.dropFirst()))
            }
        }

        @Test(
            "in the middle of a relayed exchange: the answer to the first question, and far more",
            arguments: [
                "ed25519 USING PASSWORD('one') OR mysql_native_password USING PASSWORD('two')",
                "mysql_native_password USING PASSWORD('two') OR ed25519 USING PASSWORD('one')",
            ])
        func relayed(_ plugins: String) throws {
            try withProxy { pair, proxy in
                let root = try pair.asRoot()
                try root.query("INSTALL PLUGIN IF NOT EXISTS ed25519 SONAME 'auth_ed25519'")
                try root.query("CREATE OR REPLACE USER several@'%' IDENTIFIED VIA \(plugins)")
                try root.query("GRANT ALL ON app.* TO several@'%'")
                let right = try Client(port: proxy.port, user: "several", password: "two", schema: "app")
                #expect(try right.query("SELECT CURRENT_USER()").first == "several@%")
                let answers: [[UInt8]] = [
                    Wire.packet([UInt8](repeating: 7, count: 400_000), sequence: 3),
                    Wire.packet([UInt8](repeating: 7, count: 64), sequence: 3) + CommandMix(bytes: Self.ahead).bytes,
                    Array(
                        (0..<2000).flatMap { Wire.packet([UInt8](repeating: 7, count: 200), sequence: UInt8($0 & 255)) }
                    ),
                ]
                for answer in answers {
                    func ends(port: UInt16, changes: Bool) throws -> Bool {
                        let session: WireSession
                        if changes {
                            session = try WireSession(port: port)
                            session.send(Wire.changeUser("several", proof: [UInt8](repeating: 1, count: 20)))
                        } else {
                            session = try WireSession(connectingTo: port)
                            _ = session.receive()
                            session.connection.sendPacket(
                                Wire.handshakeResponse(user: "several", proof: [UInt8](repeating: 1, count: 20)),
                                sequence: 1)
                        }
                        let question = try #require(session.receive())
                        #expect(question.payload.first == 0xfe, "\(question)")
                        let flood = Flood(answer, to: session.connection)
                        _ = flood.waitUntilItStalls(quiet: .milliseconds(100))
                        let last = session.receiveAll(.seconds(20))?.last
                        // With bytes unread on its side, the peer's end may be a reset that takes its last words along.
                        return last.map { $0.isError || $0.payload.first == 0xfe } ?? true
                    }
                    for changes in [false, true] {
                        #expect(try ends(port: pair.primary.port, changes: changes))
                        #expect(try ends(port: proxy.port, changes: changes))
                        #expect(proxy.isRunning, "\(proxy.logTail())")
                    }
                }
                #expect(try right.query("SELECT 'still here'").first == "still here")
            }
        }

        @Test("while there is no primary, and while the session is restored on the next one", .timeLimit(.minutes(5)))
        func heldAndRestoring() throws {
            // Logins take their time: what comes meanwhile comes to a session that is being restored.
            try Stage.run(options: ["--init-connect=DO SLEEP(0.3)"]) { stage in
                try prepare(stage.pair)
                let wanted = try packets(port: stage.pair.primary.port, [])
                let session = try WireSession(port: stage.proxy.port)
                let restored = try WireSession(port: stage.proxy.port)
                let mixes = try [session, restored].map {
                    CommandMix(bytes: Self.ahead, statements: try statements($0)).bytes
                }
                #expect(session.ask(Wire.query("SET @mark = 1"))?.isOK == true)
                #expect(restored.ask(Wire.query("SET @mark = 1"))?.isOK == true)
                let before = try #require(stage.proxy.statistics).residentBytes
                stage.pair.failPrimary()
                let flood = Flood(mixes[0], to: session.connection)
                _ = flood.waitUntilItStalls()
                let growth = try #require(stage.proxy.statistics).residentBytes - before
                #expect(Sanitizer.isPresent || growth < 8 << 20, "\(growth >> 10) KiB more while one session is held")
                try stage.pair.launchStandby()
                let late = Flood(mixes[1], to: restored.connection)
                expectSame(try #require(session.receiveAll(.seconds(120))), wanted)
                _ = late.waitUntilItStalls()
                expectSame(try #require(restored.receiveAll(.seconds(120))), wanted)
            }
        }

        @Test("100 MB of commands that are answered by an error of ours, and nothing read: we stop reading")
        func unreadErrors() throws {
            try withProxy { _, proxy in
                let session = try WireSession(port: proxy.port)
                let round = (0..<500).flatMap { Wire.execute(77_000 + UInt32($0)) }
                let before = try #require(proxy.statistics).residentBytes
                let total = 100 << 20
                let flood = Flood(to: session.connection, total: total) { $0 * round.count < total ? round : nil }
                let taken = flood.waitUntilItStalls(quiet: .seconds(1))
                let growth = try #require(proxy.statistics).residentBytes - before
                #expect(taken < total, "all \(taken) bytes were taken")
                #expect(Sanitizer.isPresent || growth < 32 << 20, "\(growth >> 10) KiB more")
                session.connection.shutdown()
                #expect(!flood.wait(.seconds(10)))
                session.connection.reset()
                try proxy.admin("show info", within: .seconds(20)) { $0.contains("\nCurrConns: 1\n") }
            }
        }
    }
}
