import Foundation
import Glibc
import Testbed
import Testing

extension Integration {
    /// What is in flight when the proxy stops, or an administrator ends its session: told as exactly as can be known, and
    /// killed on its node.
    @Suite(.serialized)
    struct ShutdownTests {
        private struct Doing: Sendable, CustomStringConvertible {
            let description: String
            var first: [String] = []
            var then: String?
            /// At the proxy's stop, and by an administrator.
            let stopped: (code: Int, state: String)
            let ended: (code: Int, state: String)
        }

        private static let doings: [Doing] = [
            Doing(description: "nothing", stopped: (1053, "08S01"), ended: (1927, "70100")),
            Doing(
                description: "a transaction", first: ["BEGIN", "INSERT INTO stopped VALUES (1)"],
                stopped: (1053, "08S01"), ended: (1927, "70100")),
            Doing(
                description: "a read", then: "SELECT SLEEP(600) /*mark*/", stopped: (1317, "70100"),
                ended: (1927, "70100")),
            Doing(
                description: "a write", then: "INSERT INTO stopped SELECT SLEEP(600) /*mark*/",
                stopped: (1927, "08007"), ended: (1927, "08007")),
            Doing(
                description: "a write in a transaction", first: ["BEGIN", "INSERT INTO stopped VALUES (2)"],
                then: "INSERT INTO stopped SELECT SLEEP(600) /*mark*/", stopped: (1213, "40001"),
                ended: (1927, "70100")),
            Doing(
                description: "a call", then: "CALL stopped_call()", stopped: (1927, "08007"),
                ended: (1927, "08007")),
        ]

        private func onStage(_ body: (ProxyProcess, Client, [WireSession]) throws -> Void) throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                try WireSession.makeAccount(root)
                try root.query("CREATE TABLE stopped (a INT) ENGINE=InnoDB")
                try root.query("CREATE PROCEDURE stopped_call() INSERT INTO stopped SELECT /*mark*/ SLEEP(600)")
                // One of its own: the stage's is to live.
                let proxy = try ProxyProcess(nodes: stage.pair.ports)
                defer { proxy.stop(grace: .seconds(2)) }
                #expect(proxy.logs("All tables are of engines with transactions"))
                let sessions = try Self.doings.map { doing in
                    let session = try WireSession(port: proxy.port)
                    for statement in doing.first { #expect(session.ask(Wire.query(statement))?.isOK == true) }
                    if let statement = doing.then { session.send(Wire.query(statement)) }
                    return session
                }
                try root.wait(forRunning: Self.doings.count { $0.then != nil })
                try body(proxy, root, sessions)
                // Nothing goes on for nobody, and nothing of it lasts.
                try root.wait(
                    for: "0",
                    "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '\(WireSession.user)'")
                #expect(try root.query("SELECT COUNT(*) FROM stopped").first == "0")
            }
        }

        private func expect(
            _ session: WireSession, _ doing: Doing, _ told: (code: Int, state: String)
        ) throws {
            let packets = try #require(session.receiveAll(.seconds(20)), "\(doing)")
            #expect(packets.count == 1, "\(doing)")
            #expect(packets.first?.errorCode == told.code, "\(doing)")
            #expect(packets.first?.sqlState == told.state, "\(doing)")
            // Unasked, it is the first of its own exchange.
            #expect(packets.first?.sequence == (doing.then == nil ? 0 : 1), "\(doing)")
        }

        @Test("ctl shutdown sessions")
        func administrator() throws {
            try onStage { proxy, _, sessions in
                _ = try proxy.admin("shutdown sessions server mariadb/cluster1")
                for (session, doing) in zip(sessions, Self.doings) { try expect(session, doing, doing.ended) }
                #expect(!proxy.log.contains("is falling"))
                #expect(try proxy.connect().query("SELECT 1").first == "1")
            }
        }

        @Test("two signals to the proxy")
        func signal() throws {
            try onStage { proxy, _, sessions in
                proxy.send(SIGTERM)
                #expect(proxy.logs("Stopping: busy sessions"))
                proxy.send(SIGTERM)
                for (session, doing) in zip(sessions, Self.doings) { try expect(session, doing, doing.stopped) }
                #expect(proxy.wait(.seconds(20)) != nil)
            }
        }

        @Test("client_timeout")
        func clientTimeout() throws {
            try Stage.run(proxy: ["client_timeout = \"1s\""]) { stage in
                try WireSession.makeAccount(stage.pair.asRoot())
                let session = try WireSession(port: stage.proxy.port)
                // Longer than that, and no idleness.
                #expect(session.value(of: "SELECT SLEEP(2.5)") == "0")
                let told = try #require(session.receiveAll(.seconds(20)))
                #expect(told.map(\.sequence) == [0])
                #expect(told.first?.errorCode == 1159)
            }
        }
    }
}
