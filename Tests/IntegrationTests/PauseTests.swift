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
