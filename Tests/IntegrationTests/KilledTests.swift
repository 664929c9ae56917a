import Foundation
import Testbed
import Testing

extension Integration {
    /// A connection that ends while its node lives on was killed, or was idle for too long: the client's ends as it does
    /// directly, nothing is run again, and the node is not blamed.
    @Suite(.serialized)
    struct KilledTests {
        /// What a client is doing when its connection is killed: what it sends first, and then, without reading.
        private struct Doing: Sendable, CustomStringConvertible {
            let description: String
            var first: [String] = []
            var then: String?
            /// What it is told; nil for nothing.
            var told: (code: Int, state: String)?
        }

        private static let doings: [Doing] = [
            Doing(description: "nothing"),
            Doing(description: "nothing, in a transaction", first: ["BEGIN", "INSERT INTO killed VALUES (1)"]),
            Doing(description: "SLEEP", then: "SELECT SLEEP(600) /*mark*/", told: (1927, "70100")),
            Doing(
                description: "a long read", then: "SELECT BENCHMARK(4000000000, MD5('x')) /*mark*/",
                told: (1927, "70100")),
            Doing(
                description: "a write", then: "INSERT INTO killed SELECT SLEEP(600) /*mark*/", told: (1927, "08007")),
            Doing(
                description: "a write in a transaction", first: ["BEGIN", "INSERT INTO killed VALUES (2)"],
                then: "INSERT INTO killed SELECT SLEEP(600) /*mark*/", told: (1927, "70100")),
            Doing(
                description: "a call", then: "CALL killed_call()", told: (1927, "08007")),
        ]

        private enum Way: String, CaseIterable, Sendable {
            case thread, hard, user, session, processKill
        }

        private func kill(
            _ way: Way, thread: String, session: UInt32, proxy: ProxyProcess, root: Client
        ) throws {
            switch way {
            case .thread: try root.query("KILL \(thread)")
            case .hard: try root.query("KILL HARD CONNECTION \(thread)")
            case .user: try root.query("KILL USER \(WireSession.user)")
            case .session, .processKill:
                let other = try WireSession(port: proxy.port)
                defer { other.close() }
                let command =
                    way == .session
                    ? Wire.query("KILL \(session)")
                    : Wire.command(0x0c, (0..<4).map { UInt8(truncatingIfNeeded: session >> ($0 * 8)) })
                #expect(other.ask(command)?.isOK == true)
            }
        }

        @Test("KILL, in every form and whatever the session does")
        func kill() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                try WireSession.makeAccount(root)
                try root.query("CREATE TABLE killed (a INT) ENGINE=InnoDB")
                try root.query("CREATE PROCEDURE killed_call() SELECT /*mark*/ SLEEP(600)")
                #expect(stage.proxy.logs("All tables are of engines with transactions"))
                for doing in Self.doings {
                    // In a procedure a thread is its definer's: its own account can't kill it, directly either.
                    let ways: [Way] = doing.description == "a call" ? [.thread, .hard] : Way.allCases
                    for way in ways {
                        let session = try WireSession(port: stage.proxy.port)
                        let thread = try #require(session.value(of: "SELECT CONNECTION_ID()"))
                        for statement in doing.first { #expect(session.ask(Wire.query(statement))?.isOK == true) }
                        if let statement = doing.then {
                            session.send(Wire.query(statement))
                            try root.wait(forRunning: 1)
                        }
                        try kill(way, thread: thread, session: session.id, proxy: stage.proxy, root: root)
                        let place: Comment = "\(doing), \(way)"
                        let packets = session.receiveAll(.seconds(20)) ?? []
                        #expect(session.connection.waitForEnd(.zero), place)
                        if let told = doing.told {
                            #expect(packets.count == 1, place)
                            #expect(packets.first?.sequence == 1, place)
                            #expect(packets.first?.errorCode == told.code, place)
                            #expect(packets.first?.sqlState == told.state, place)
                        } else {
                            #expect(packets.isEmpty, place)
                        }
                        // Not there, and not there again.
                        try root.wait(forRunning: 0)
                    }
                }
                #expect(try root.query("SELECT COUNT(*) FROM killed").first == "0")
                #expect(!stage.proxy.log.contains("is falling"), "\(stage.proxy.logTail())")
                #expect(!stage.proxy.log.contains("disturbance"), "\(stage.proxy.logTail())")
            }
        }

        @Test("KILL QUERY ends the statement alone, with the server's own words")
        func killQuery() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot()
                try WireSession.makeAccount(root)
                let session = try WireSession(port: stage.proxy.port)
                let thread = try #require(session.value(of: "SELECT CONNECTION_ID()"))
                session.send(Wire.query("DO SLEEP(600) /*mark*/"))
                try root.wait(forRunning: 1)
                try root.query("KILL QUERY \(thread)")
                let answer = try #require(session.receive())
                #expect(answer.errorCode == 1317 || answer.isOK)
                #expect(session.value(of: "SELECT CONNECTION_ID()") == thread)
            }
        }

        @Test(
            "the server's timeouts end a session through the proxy as they do directly",
            arguments: [
                ["SET wait_timeout=1"], ["SET idle_transaction_timeout=1", "BEGIN", "INSERT INTO timed VALUES (1)"],
                ["SET idle_readonly_transaction_timeout=1", "START TRANSACTION READ ONLY"],
                ["SET idle_write_transaction_timeout=1", "BEGIN", "INSERT INTO timed VALUES (1)"],
            ])
        func timeout(statements: [String]) throws {
            let proxy = try SharedProxy.get()
            let root = try SharedPair.get().asRoot(schema: EmbeddedPair.schema)
            try WireSession.makeAccount(root)
            try root.query("CREATE TABLE IF NOT EXISTS timed (a INT) ENGINE=InnoDB")
            for port in [try SharedPair.get().primary.port, proxy.port] {
                let session = try WireSession(port: port)
                for statement in statements { #expect(session.ask(Wire.query(statement))?.isOK == true) }
                #expect(session.receiveAll(.seconds(20)) == [], "port \(port)")
            }
            #expect(try root.query("SELECT COUNT(*) FROM timed").first == "0")
        }

        @Test("a session without a connection after a move is ended by its own wait_timeout")
        func detached() throws {
            try Stage.run { stage in
                try WireSession.makeAccount(stage.pair.asRoot())
                let session = try WireSession(port: stage.proxy.port)
                let patient = try WireSession(port: stage.proxy.port)
                #expect(session.ask(Wire.query("SET wait_timeout=2"))?.isOK == true)
                try stage.failOver()
                #expect(session.receiveAll(.seconds(30)) == [])
                #expect(patient.value(of: "SELECT 1") == "1")
            }
        }

        @Test("a statement that waits in a pause goes on, although the server has ended the idle connection meanwhile")
        func held() throws {
            try Stage.run { stage in
                try WireSession.makeAccount(stage.pair.asRoot())
                let session = try WireSession(port: stage.proxy.port)
                #expect(session.ask(Wire.query("SET wait_timeout=1"))?.isOK == true)
                let thread = session.value(of: "SELECT CONNECTION_ID()")
                _ = try stage.proxy.admin("pause")
                session.send(Wire.query("SELECT CONNECTION_ID()"))
                let root = try stage.pair.asRoot()
                let count = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '\(WireSession.user)'"
                try root.wait(for: "0", count)
                _ = try stage.proxy.admin("resume")
                let other = session.firstValue()
                #expect(other != nil && other != thread)
            }
        }
    }
}
