import Foundation
import Testbed
import Testing

extension Integration {
    /// What the socket's commands do to a running proxy.
    @Suite(.serialized)
    struct AdminSocketTests {
        /// The rows of `show stat` by server, each by column.
        private func rows(_ proxy: ProxyProcess) throws -> [String: [String: String]] {
            let lines = try proxy.admin("show stat").split(separator: "\n").map { $0.components(separatedBy: ",") }
            var rows: [String: [String: String]] = [:]
            for line in lines.dropFirst() {
                rows[line[1]] = Dictionary(zip(lines[0], line)) { first, _ in first }
            }
            return rows
        }

        private func number(_ row: [String: String]?, _ column: String) -> Int { Int(row?[column] ?? "") ?? -1 }

        @Test("each server's figures are its own, over a failover")
        func figuresOfNodes() throws {
            try Stage.run { stage in
                let sessions = try (0..<3).map { _ in try stage.proxy.connect() }
                for session in sessions { try session.query("SELECT REPEAT('x', 1000)") }
                let before = try rows(stage.proxy)
                #expect(number(before["cluster1"], "scur") == 3 && number(before["cluster2"], "scur") == 0)
                // Counted when the client has its answer already.
                try stage.proxy.admin("show nodes", within: .seconds(10)) { _ in
                    (try? number(rows(stage.proxy)["cluster1"], "hadb_answered") >= 3) == true
                }
                #expect(number(before["cluster1"], "bout") > 3000 && number(before["cluster2"], "stot") == 0)
                try stage.failOver()
                for session in sessions.dropFirst() { try session.query("SELECT 1") }
                let after = try rows(stage.proxy)
                let (one, two) = (after["cluster1"], after["cluster2"])
                #expect(
                    number(one, "scur") == 0 && number(one, "stot") == 3 && number(one, "wredis") == 2, "\(one ?? [:])")
                #expect(number(one, "bout") >= number(before["cluster1"], "bout"))
                #expect(
                    number(two, "scur") == 2 && number(two, "stot") == 2 && number(two, "smax") >= 2, "\(two ?? [:])")
                #expect(number(two, "bin") > 0 && number(two, "bout") > 0 && number(two, "connect") >= 2)
                let nodes = try stage.proxy.admin("show nodes json")
                #expect(nodes.contains("\"sessions\":2"), "\(nodes)")
            }
        }

        @Test("a disabled frontend refuses connections, an enabled one takes them, one shut down is gone for good")
        func frontend() throws {
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports, proxy: ["name = \"shop\""])
            defer { proxy.stop(grace: .seconds(2)) }
            let session = try proxy.connect()
            #expect(try proxy.admin("disable frontend shop") == "")
            #expect(throws: ClientError.self) { try proxy.connect() }
            #expect(try session.query("SELECT 1").first == "1")
            #expect(try rows(proxy)["FRONTEND"]?["status"] == "PAUSED")
            #expect(try proxy.admin("enable frontend shop") == "")
            #expect(try proxy.connect().query("SELECT 2").first == "2")
            #expect(try proxy.admin("shutdown frontend shop") == "")
            #expect(throws: ClientError.self) { try proxy.connect() }
            #expect(try session.query("SELECT 3").first == "3")
            #expect(try rows(proxy)["FRONTEND"]?["status"] == "STOP")
        }

        @Test("limits of connections and of their rate are those in force")
        func limits() throws {
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports)
            defer { proxy.stop(grace: .seconds(2)) }
            try proxy.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
            let session = try proxy.connect()
            #expect(try proxy.admin("set maxconn server mariadb/cluster1 1") == "")
            #expect(throws: ClientError.self) { try proxy.connect() }
            #expect(try proxy.admin("set maxconn server mariadb/cluster1 0") == "")
            #expect(try session.query("SELECT 1").first == "1")
            #expect(try proxy.admin("set rate-limit connections global 2") == "")
            // Six connections at two per second need two seconds at least, wherever in a second they begin.
            let began = ContinuousClock.now
            for _ in 0..<6 { try proxy.connect().query("SELECT 1") }
            #expect(ContinuousClock.now - began > .milliseconds(1500))
            #expect(try proxy.admin("show info").contains("\nConnRateLimit: 2\n"))
        }

        @Test("health is what was said of it until the next check; without checks it stays")
        func health() throws {
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports)
            defer { proxy.stop(grace: .seconds(2)) }
            try proxy.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
            let session = try proxy.connect()
            #expect(
                try proxy.admin("disable health mariadb/cluster1;set server mariadb/cluster1 health stopping")
                    .allSatisfy { $0 == "\n" })
            #expect(try rows(proxy)["cluster1"]?["status"] == "NOLB")
            let held = Background { try session.query("SELECT 1").first }
            try proxy.admin("show stat", within: .seconds(20)) { _ in
                (try? number(rows(proxy)["BACKEND"], "qcur")) == 1
            }
            #expect(try proxy.admin("set server mariadb/cluster1 health up") == "")
            #expect(try held.wait(.seconds(20)) == "1")
            #expect(try rows(proxy)["cluster1"]?["check_status"] == "")
            #expect(
                try proxy.admin("set server mariadb/cluster1 health down;enable health mariadb/cluster1").allSatisfy {
                    $0 == "\n"
                })
            try proxy.admin("show cluster", within: .seconds(20)) { $0.contains("primary: cluster1") }
            #expect(try session.query("SELECT 2").first == "2")
            #expect(try rows(proxy)["cluster1"]?["check_status"] == "L7OK")
        }

        @Test("drain and maintenance come back after a restart, where a state file is configured")
        func stateFile() throws {
            let directory = try TemporaryDirectory()
            let sections = "state_file = \"\(directory.path)/state\""
            let first = try ProxyProcess(nodes: SharedPair.get().ports, sections: sections)
            try first.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
            #expect(
                try first.admin("set server mariadb/cluster1 state drain;disable server mariadb/cluster2").allSatisfy {
                    $0 == "\n"
                })
            first.send(SIGKILL)
            _ = first.wait(.seconds(10))
            let second = try ProxyProcess(nodes: SharedPair.get().ports, sections: sections)
            defer { second.stop(grace: .seconds(2)) }
            let rows = try rows(second)
            #expect(rows["cluster2"]?["status"] == "MAINT")
            try second.admin("show cluster", within: .seconds(30)) { $0.contains("diagnosis: administrative") }
            #expect(try second.admin("set server mariadb/cluster1 state ready") == "")
            #expect(try second.connect().query("SELECT 1").first == "1")
        }
    }
}
