import Foundation
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct PauseTests {
        @Test("while paused, new statements wait, transactions go on to their end, and resume lets all go")
        func pauseAndResume() throws {
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports)
            defer { proxy.stop(grace: .seconds(2)) }
            let (idle, busy) = (try proxy.connect(), try proxy.connect())
            try idle.query("CREATE OR REPLACE TABLE paused (id INT PRIMARY KEY)")
            try busy.query("BEGIN")
            try busy.query("INSERT INTO paused VALUES (1)")
            let answer = try proxy.admin("pause")
            #expect(answer.contains("1"), "one session is in a transaction: \(answer)")
            let held = Background { try idle.query("SELECT COUNT(*) FROM paused").first }
            try busy.query("INSERT INTO paused VALUES (2)")
            try busy.query("COMMIT")
            let next = Background { try busy.query("SELECT 'next'").first }
            #expect(try held.wait(.milliseconds(300)) == nil)
            #expect(!next.isDone)
            _ = try proxy.admin("resume")
            #expect(try held.wait(.seconds(10)) == "2")
            #expect(try next.wait(.seconds(10)) == "next")
        }

        @Test(
            "statements around the size of a buffer, and without an answer, wait and go on whole",
            arguments: [100, 65_530, 65_531, 65_532, 65_533, 65_600, 200_000, 2 << 20])
        func large(_ size: Int) throws {
            let pair = try SharedPair.get()
            try WireSession.makeAccount(pair.asRoot())
            let proxy = try ProxyProcess(nodes: pair.ports)
            defer { proxy.stop(grace: .seconds(2)) }
            let sessions = try (0..<2).map { _ in try WireSession(port: proxy.port) }
            let id = try #require(sessions[1].prepare("SELECT LENGTH(?)"))
            _ = try proxy.admin("pause")
            let text = "SELECT LENGTH('" + String(repeating: "x", count: size - 18) + "')"
            let (query, long) = (Wire.query(text), [UInt8](repeating: 0x79, count: size))
            let sending = Background {
                sessions[0].send(query)
                sessions[1].send(Wire.sendLongData(id, parameter: 0, long) + Wire.execute(id, ["z"]))
                return true
            }
            try proxy.admin("show info", within: .seconds(10)) { $0.contains("\nHeld: 2\n") }
            _ = try proxy.admin("resume")
            #expect(try sending.wait(.seconds(30)) == true)
            #expect(sessions[0].firstValue() == "\(size - 18)")
            // One column.
            #expect(sessions[1].receive()?.payload == [1])
        }

        @Test("a failover while paused: the statements run on the new primary after resume")
        func failoverWhilePaused() throws {
            try Stage.run { stage in
                let session = try stage.proxy.connect()
                try session.query("SET @mark = 3")
                _ = try stage.proxy.admin("pause")
                let held = Background { try session.query("SELECT @mark, @@port").rows }
                stage.pair.primary.stop()
                try stage.pair.startStandby()
                #expect(try held.wait(.milliseconds(300)) == nil)
                _ = try stage.proxy.admin("resume")
                #expect(try held.wait(.seconds(20)) == [["3", "\(stage.pair.primary.port)"]])
            }
        }

        @Test("ctl shows nodes, sessions and info")
        func show() throws {
            let pair = try SharedPair.get()
            let proxy = try SharedProxy.get()
            let session = try proxy.connect()
            #expect(try session.query("SELECT 1").first == "1")
            let nodes = try proxy.admin("show nodes")
            #expect(nodes.contains("cluster1") && nodes.contains("cluster2") && nodes.contains("primary"), "\(nodes)")
            let sessions = try proxy.admin("show sessions")
            #expect(sessions.contains("app"), "\(sessions)")
            #expect(try proxy.admin("show info").contains("Uptime"))
            let directory = try TemporaryDirectory()
            let ctl = try ChildProcess(
                [ProxyProcess.findProgram(), "ctl", "--socket", proxy.adminSocketPath, "show", "nodes"], name: "ctl",
                logPath: "\(directory.path)/ctl.log")
            #expect(ctl.wait(.seconds(10)) == .exited(0), "\(ctl.log)")
            #expect(ctl.log.contains("127.0.0.1:\(pair.primary.port)"), "\(ctl.log)")
            let wrong = try ChildProcess(
                [ProxyProcess.findProgram(), "ctl", "--socket", "\(directory.path)/no.sock", "show", "nodes"],
                name: "ctl", logPath: "\(directory.path)/wrong.log")
            #expect(wrong.wait(.seconds(10)) == .exited(1), "\(wrong.log)")
        }
    }
}
