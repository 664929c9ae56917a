import Foundation
import Testbed
import Testing

extension Integration {
    /// `haproxydb doctor` beside a proxy, on a real server.
    @Suite(.serialized)
    struct DoctorTests {
        private struct Report: Decodable {
            struct Found: Decodable {
                var id: String
                var severity: String
                var evidence: String
                var remedy: [String]
            }

            struct Missed: Decodable {
                var source: String
                var fault: Bool
            }

            enum CodingKeys: String, CodingKey {
                case status, findings
                case notRead = "not_read"
            }

            var status: Int32
            var findings: [Found]
            var notRead: [Missed]

            /// Those about the server.
            var ids: Set<String> { Set(findings.map(\.id)).intersection(DoctorTests.rules) }
        }

        private static let rules: Set = [
            "second-server", "flush-at-commit", "sync-binlog", "doublewrite", "plain-tables", "max-connections",
            "wait-timeout", "keepalive", "name-resolution", "redo-size", "buffer-pool", "grants", "fixed-accounts",
        ]

        private func examine(_ pair: EmbeddedPair, connectionsMax: Int = 100) throws -> Report {
            let file = "\(pair.directory.path)/doctor.toml"
            var lines = ["[proxy]", "listen = [\"127.0.0.1:1\"]", "connections_max = \(connectionsMax)"]
            for node in pair.nodes {
                lines += ["[[node]]", "name = \"\(node.name)\"", "address = \"127.0.0.1:\(node.port)\""]
            }
            lines += ["[health]", "user = \"proxy\"", "password = \"\(EmbeddedPair.service.password)\"", ""]
            try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
            chmod(file, 0o600)
            let log = "\(pair.directory.path)/doctor.json"
            try? FileManager.default.removeItem(atPath: log)
            let doctor = try ChildProcess(
                [try ProxyProcess.findProgram(), "doctor", "-c", file, "--json"], name: "doctor", logPath: log)
            let end = try #require(doctor.wait(.seconds(60)))
            let report = try JSONDecoder().decode(Report.self, from: Data(doctor.log.utf8))
            #expect(end == .exited(report.status))
            return report
        }

        private static let right = [
            "--innodb-buffer-pool-dump-at-shutdown=1", "--innodb-buffer-pool-load-at-startup=1",
            "--tcp-keepalive-time=60", "--sync-binlog=1", "--max-connections=110",
        ]

        @Test("of a server as it should be nothing is said, and what is not there is no fault")
        func right() throws {
            let pair = try EmbeddedPair(options: Self.right)
            defer { pair.stop() }
            try pair.start()
            let report = try examine(pair)
            #expect(report.ids == [])
            #expect(!report.notRead.contains { $0.source == "the servers" || $0.source == "the tables' engines" })
        }

        @Test("all that is wrong with a server is found, and the SQL that is advised mends it")
        func wrong() throws {
            let pair = try EmbeddedPair(
                options: Self.right + [
                    "--innodb-flush-log-at-trx-commit=2", "--log-bin", "--sync-binlog=0", "--skip-innodb-doublewrite",
                    "--max-connections=60", "--wait-timeout=60", "--innodb-buffer-pool-load-at-startup=0",
                    "--tcp-keepalive-time=0",
                ])
            defer { pair.stop() }
            try pair.start()
            let root = try pair.asRoot()
            defer { root.close() }
            try root.query("INSTALL SONAME 'auth_ed25519'")
            try root.query("CREATE USER hr@'%' IDENTIFIED VIA ed25519 USING PASSWORD('x')")
            try root.query("CREATE USER local@localhost IDENTIFIED VIA ed25519 USING PASSWORD('x')")
            try root.query("CREATE TABLE app.`o``dd` (a INT) ENGINE = MyISAM")
            try root.query("CREATE TABLE app.fine (a INT) ENGINE = InnoDB")
            try root.query("REVOKE SELECT ON mysql.proc FROM proxy@'%'")
            let report = try examine(pair)
            #expect(
                report.ids == [
                    "flush-at-commit", "sync-binlog", "doublewrite", "plain-tables", "max-connections", "wait-timeout",
                    "keepalive", "buffer-pool", "grants", "fixed-accounts",
                ])
            #expect(report.status == 2)
            let tables = try #require(report.findings.first { $0.id == "plain-tables" })
            #expect(tables.evidence == "cluster1: app.o`dd (MyISAM)")
            let accounts = try #require(report.findings.first { $0.id == "fixed-accounts" })
            #expect(accounts.evidence == "cluster1: 'hr'@'%' (ed25519)")
            for line in report.findings.flatMap(\.remedy) {
                guard let end = line.lastIndex(of: ";"), !line.hasPrefix("my.cnf"), !line.contains("PASSWORD") else {
                    continue
                }
                try root.query(String(line[..<end]))
            }
            // What only a start changes, or a person: the rest is well.
            #expect(try examine(pair).ids == ["doublewrite", "buffer-pool", "fixed-accounts"])
        }

        @Test("what the account may not see is said, and so is a second server")
        func hidden() throws {
            let pair = try EmbeddedPair(options: Self.right)
            defer { pair.stop() }
            try pair.start()
            let root = try pair.asRoot()
            defer { root.close() }
            try root.query("REVOKE REFERENCES ON *.* FROM proxy@'%'")
            try root.query("REVOKE SELECT ON mysql.global_priv FROM proxy@'%'")
            try root.query("REVOKE SELECT ON mysql.user FROM proxy@'%'")
            let report = try examine(pair)
            #expect(report.ids == ["grants"])
            #expect(report.findings.filter { $0.id == "grants" }.map(\.severity) == ["critical", "warning"])
            let faults = Set(report.notRead.filter(\.fault).map(\.source))
            #expect(faults.isSuperset(of: ["the tables' engines", "the accounts"]))
            // On the standby's port, with data of its own, and without the account.
            let node = pair.standby
            let data = "\(pair.directory.path)/stray"
            try MariaDBServer.install(dataDirectory: data, logPath: "\(pair.directory.path)/stray.log")
            let stray = MariaDBServer(
                name: "stray", dataDirectory: data, runDirectory: pair.directory.path, port: node.port, serverID: 9)
            defer { stray.crash() }
            try stray.start()
            let second = try examine(pair).findings.filter { $0.id == "second-server" }
            #expect(second.count == 1)
            #expect(second.first?.evidence.hasPrefix("cluster2: 1045") == true, "\(second)")
        }
    }
}
