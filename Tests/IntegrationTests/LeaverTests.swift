import Foundation
import Testbed
import Testing

extension Integration {
    /// Clients that go, in every state of a session: the node learns of it as it would directly, nothing stays behind,
    /// nothing is run for them any more, and the node is not blamed.
    @Suite(.serialized)
    struct LeaverTests {
        enum Departure: String, CaseIterable, Sendable {
            case close, reset, halfClose

            func leave(_ session: WireSession) {
                switch self {
                case .close: session.close()
                case .reset: session.connection.reset()
                case .halfClose: session.connection.finishSending()
                }
            }
        }

        private static let load = Wire.query("LOAD DATA LOCAL INFILE 'any' INTO TABLE app.left_behind")

        /// What a client has done when it goes. It reads no more than it must.
        private static let states: [(name: String, enter: @Sendable (WireSession) throws -> Void)] = [
            ("idle", { _ in }),
            (
                "in a transaction",
                { session in
                    #expect(session.ask(Wire.query("BEGIN"))?.isOK == true)
                    #expect(session.ask(Wire.query("INSERT INTO left_behind VALUES (1)"))?.isOK == true)
                }
            ),
            ("asked for its file", { #expect($0.ask(load)?.payload.first == 0xfb) }),
            ("has said LOAD DATA LOCAL, and not read the question", { $0.send(load) }),
            (
                "in the middle of its file",
                { session in
                    #expect(session.ask(load)?.payload.first == 0xfb)
                    session.send(Wire.packet(Array("1\n2\n".utf8), sequence: 2))
                    session.send(Wire.packet(Array("3\n".utf8), sequence: 3, length: 5000))
                }
            ),
            ("SLEEP", { $0.send(Wire.query("SELECT SLEEP(20)")) }),
            ("waits for a lock", { $0.send(Wire.query("SELECT GET_LOCK('leaver', 600)")) }),
            ("a running write", { $0.send(Wire.query("INSERT INTO left_behind SELECT SLEEP(20)")) }),
            (
                "in the middle of a large statement",
                { session in
                    let text = "INSERT INTO left_behind VALUES (" + String(repeating: " ", count: 300_000)
                    session.send(Wire.packet([3] + Array(text.utf8), length: 1 << 20))
                }
            ),
            ("before a large result", { $0.send(Wire.query("SELECT REPEAT('x', 1000) FROM seq_1_to_200000")) }),
            ("in the middle of a header", { $0.send([5, 0]) }),
            (
                "long data sent",
                {
                    #expect($0.ask(Wire.prepare("INSERT INTO left_behind VALUES (?)"))?.isOK == true)
                    $0.send(Wire.sendLongData(1, parameter: 0, [UInt8](repeating: 49, count: 200_000)))
                }
            ),
            ("holds a table", { #expect($0.ask(Wire.query("LOCK TABLES other_left WRITE"))?.isOK == true) }),
            (
                "changes its user",
                { $0.send(Wire.changeUser(WireSession.user, proof: [UInt8](repeating: 1, count: 20))) }
            ),
            ("has sent ahead", { $0.send(Array((0..<500).flatMap { Wire.query("DO \($0)") })) }),
        ]

        private func prepare(_ root: Client) throws {
            try WireSession.makeAccount(root)
            try root.query("CREATE OR REPLACE TABLE app.left_behind (n INT) ENGINE=InnoDB")
            try root.query("CREATE OR REPLACE TABLE app.other_left (n INT) ENGINE=InnoDB")
            try root.query("INSTALL PLUGIN IF NOT EXISTS ed25519 SONAME 'auth_ed25519'")
            try root.query("CREATE USER IF NOT EXISTS ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret')")
        }

        /// Waits until the server has no session of such clients any more, and nothing of what they held.
        private func untilGone(_ root: Client, _ timeout: Duration) throws -> [String] {
            let question = """
                SELECT CONCAT(id, ' ', user, ' ', command, ' ', IFNULL(state, ''), ' ', LEFT(IFNULL(info, ''), 60))
                FROM information_schema.processlist WHERE user IN ('\(WireSession.user)', 'ed')
                """
            let deadline = ContinuousClock.now + timeout
            while true {
                let left = try root.query(question).rows.compactMap { $0[0] }
                if left.isEmpty || ContinuousClock.now > deadline { return left }
                usleep(20_000)
            }
        }

        private func expectNoBlame(_ proxy: ProxyProcess) throws {
            #expect(!proxy.log.contains(" lost: "), "\(proxy.logTail())")
            let table = try proxy.admin("show stat").split(separator: "\n").map { $0.components(separatedBy: ",") }
            let header = try #require(table.first)
            for name in ["eresp", "wretr", "wredis"] {
                let column = try #require(header.firstIndex(of: name))
                for row in table where row[1] == "cluster1" {
                    #expect(row[column] == "0" || row[column] == "", "\(name) is \(row[column])")
                }
            }
        }

        @Test("the node knows as soon as it does directly, and nothing stays", arguments: Departure.allCases)
        func everyState(_ departure: Departure) throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot()
            try prepare(root)
            let holder = try pair.asRoot()
            #expect(try holder.query("SELECT GET_LOCK('leaver', 0)").first == "1")
            let proxy = try ProxyProcess(nodes: pair.ports, proxy: ["connections_max = 500"])
            defer { proxy.stop(grace: .seconds(5)) }
            let bystander = try proxy.connect()
            try proxy.admin("show info", within: .seconds(10)) { $0.contains("\nCurrConns: 1\n") }
            var rows: [[[String?]]] = []
            for port in [pair.primary.port, proxy.port] {
                let via = port == proxy.port ? "through the proxy" : "directly"
                var sessions: [WireSession] = []
                for state in Self.states {
                    let session = try WireSession(port: port)
                    try state.enter(session)
                    sessions.append(session)
                }
                // Three that have not logged in yet.
                sessions.append(try WireSession(connectingTo: port))
                let half = try WireSession(connectingTo: port)
                half.send(Array(Wire.packet(Wire.handshakeResponse(user: WireSession.user), sequence: 1).prefix(40)))
                sessions.append(half)
                let asked = try WireSession(connectingTo: port)
                _ = asked.receive()
                asked.send(Wire.packet(Wire.handshakeResponse(user: "ed"), sequence: 1))
                #expect(asked.receive()?.payload.first == 0xfe)
                sessions.append(asked)
                // Those that run something are where they should be.
                let running = """
                    SELECT COUNT(*) FROM information_schema.processlist WHERE user = '\(WireSession.user)'
                    AND (info LIKE '%SLEEP(20)' OR info LIKE '%GET_LOCK%' OR info LIKE 'LOAD DATA%'
                    OR info LIKE 'SELECT REPEAT%')
                    """
                let deadline = ContinuousClock.now + .seconds(20)
                while try root.query(running).first != "7", ContinuousClock.now < deadline { usleep(10_000) }
                #expect(try root.query(running).first == "7", "\(via)")

                for session in sessions { departure.leave(session) }
                // Those who still listen do listen.
                let ends = sessions.map { session in
                    Background { departure == .halfClose ? session.connection.receiveEnd(.seconds(20)) : true }
                }
                // A server looks every five seconds whether the client of a statement that waits is there.
                let left = try untilGone(root, .seconds(9))
                #expect(left == [], "\(via)")
                for (number, end) in ends.enumerated() {
                    let name = number < Self.states.count ? Self.states[number].name : "not logged in"
                    #expect(try end.wait(.seconds(21)) == true, "\(name), \(via): no end")
                }
                rows.append(try root.query("SELECT n FROM app.left_behind ORDER BY n").rows)
                #expect(try root.query("INSERT INTO app.other_left VALUES (1)").affectedRows == 1, "\(via)")
                try root.query("TRUNCATE TABLE app.left_behind")
            }
            #expect(rows[1] == rows[0], "what was written")
            try proxy.admin("show info", within: .seconds(10)) { $0.contains("\nCurrConns: 1\n") }
            #expect(try bystander.query("SELECT 'still here'").first == "still here")
            try expectNoBlame(proxy)
        }

        @Test("nothing is run for a client that goes while its statement is held", arguments: Departure.allCases)
        func paused(_ departure: Departure) throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot()
            try prepare(root)
            let proxy = try ProxyProcess(nodes: pair.ports)
            defer { proxy.stop(grace: .seconds(5)) }
            let fresh = try WireSession(port: proxy.port)
            let used = try WireSession(port: proxy.port)
            #expect(used.ask(Wire.query("SET @mark = 1"))?.isOK == true)
            _ = try proxy.admin("pause")
            for session in [fresh, used] { session.send(Wire.query("INSERT INTO left_behind VALUES (1)")) }
            try proxy.admin("show info", within: .seconds(10)) { $0.contains("\nHeld: 2\n") }
            for session in [fresh, used] { departure.leave(session) }
            try proxy.admin("show info", within: .seconds(10)) { $0.contains("\nCurrConns: 0\n") }
            _ = try proxy.admin("resume")
            #expect(try proxy.connect().query("SELECT 'after'").first == "after")
            #expect(try untilGone(root, .seconds(9)) == [])
            #expect(try root.query("SELECT COUNT(*) FROM app.left_behind").first == "0")
        }

        @Test("nothing is run for a client that goes while there is no primary, or while its session is restored")
        func movedAway() throws {
            try Stage.run(options: ["--init-connect=DO SLEEP(1)"]) { stage in
                try prepare(stage.pair.asRoot())
                var early: [WireSession] = []
                var late: [WireSession] = []
                for _ in Departure.allCases {
                    early.append(try WireSession(port: stage.proxy.port))
                    late.append(try WireSession(port: stage.proxy.port))
                }
                let bystander = try stage.proxy.connect()
                for session in early + late { #expect(session.ask(Wire.query("SET @mark = 1"))?.isOK == true) }
                stage.pair.failPrimary()
                for (number, session) in (early + late).enumerated() {
                    session.send(Wire.query("INSERT INTO left_behind VALUES (\(number))"))
                }
                try stage.proxy.admin("show info", within: .seconds(10)) { $0.contains("\nHeld: 6\n") }
                for (departure, session) in zip(Departure.allCases, early) { departure.leave(session) }
                try stage.proxy.admin("show info", within: .seconds(10)) { $0.contains("\nCurrConns: 4\n") }
                try stage.pair.startStandby()
                // They log in, which takes each a second; the proxy knows that they are about to.
                try stage.proxy.admin("show sessions", within: .seconds(20)) {
                    $0.split(separator: "\n").contains { $0.contains(" moving ") }
                }
                let root = try stage.pair.asRoot()
                for (departure, session) in zip(Departure.allCases, late) { departure.leave(session) }
                try stage.proxy.admin("show info", within: .seconds(15)) { $0.contains("\nCurrConns: 1\n") }
                #expect(try bystander.query("SELECT 'still here'").first == "still here")
                #expect(try untilGone(root, .seconds(9)) == [])
                let written = try root.query("SELECT n FROM app.left_behind").rows
                #expect(written == [])
            }
        }

        // A server ends LOAD DATA LOCAL at a packet whose number is wrong, takes it for lost, and what follows for commands.
        @Test("commands in the place of a file, and gone: the session ends", arguments: 0..<6)
        func brokenFile(_ variant: Int) throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot()
            try prepare(root)
            let proxy = try ProxyProcess(nodes: pair.ports)
            defer { proxy.stop(grace: .seconds(5)) }
            let pings = Array((0..<3000).flatMap { _ in Wire.command(0x0e) })
            let rest: [[UInt8]] = [
                Wire.fetch(77, rows: 0) + Wire.execute(0) + pings,
                Wire.query("SELECT 1") + Wire.query("SELECT 2") + pings,
                Wire.execute(0) + Wire.sendLongData(0xffff_ffff, parameter: 2, [UInt8](repeating: 7, count: 1400))
                    + pings,
                Wire.packet([]) + pings, pings,
                // An end of the file with a wrong number, which the server does not take for one, and a large packet.
                Wire.packet([], sequence: 0x17) + [0xff, 0xff, 0xff, 0xff, 0xb7, 0xe6],
            ]
            for (way, end) in [Wire.command(1), [], Array(Wire.query("SELECT 3").dropLast(3))].enumerated() {
                for port in [pair.primary.port, proxy.port] {
                    let session = try WireSession(port: port)
                    #expect(session.ask(Self.load)?.payload.first == 0xfb)
                    session.send(Wire.packet(Array("1\n2\n".utf8), sequence: 2) + rest[variant])
                    _ = session.receive(.seconds(2))
                    session.send(end)
                    _ = session.receive(.milliseconds(200))
                    session.close()
                    let via = "\(port == proxy.port ? "through the proxy" : "directly"), end \(way)"
                    #expect(try untilGone(root, .seconds(9)) == [], "\(via)")
                }
                try proxy.admin("show info", within: .seconds(10)) { $0.contains("\nCurrConns: 0\n") }
            }
            try root.query("TRUNCATE TABLE app.left_behind")
        }
    }
}
