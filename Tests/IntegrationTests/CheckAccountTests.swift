import Cluster
import Foundation
import Health
import Testbed
import Testing

extension Integration {
    /// The check's own account gets no new session from a server that is well: said at once, and nobody else's trouble.
    @Suite(.serialized)
    struct CheckAccountTests {
        private static let audit = "INSERT INTO app.audit VALUES (CURRENT_USER(), NOW())"

        /// A proxy whose accounts are read ten times a second, before a pair of its own.
        private func run(options: [String] = [], _ body: (Stage) throws -> Void) throws {
            try Stage.run(holdTimeout: "20s", options: options) { stage in
                let root = try stage.pair.asRoot()
                try root.query("CREATE TABLE app.audit (who VARCHAR(200), at DATETIME)")
                root.close()
                let text = try String(contentsOfFile: stage.proxy.configurationPath, encoding: .utf8)
                try text.replacingOccurrences(of: "[health]", with: "[health]\naccounts_refresh = \"100ms\"")
                    .write(toFile: stage.proxy.configurationPath, atomically: true, encoding: .utf8)
                stage.proxy.send(SIGHUP)
                try body(stage)
            }
        }

        private func caution(_ proxy: ProxyProcess, _ name: String, isThere: Bool = true) throws {
            try proxy.admin("show cluster", within: .seconds(20)) { $0.contains("caution: \(name)") == isThere }
        }

        /// Has the check log in anew.
        private func endChecks(_ root: Client) throws {
            for row in try root.query("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'proxy'").rows {
                _ = try? root.query("KILL \(row[0] ?? "0")")
            }
        }

        @Test("init_connect that the service account may not run: a caution, a line in the log, and sessions go on")
        func initConnect() throws {
            try run { stage in
                let session = try stage.proxy.connect()
                try session.query("SET @kept = 5")
                let root = try stage.pair.asRoot()
                try root.query("SET GLOBAL init_connect = \"\(Self.audit)\"")
                try caution(stage.proxy, "initConnectFails")
                #expect(
                    stage.proxy.logs("A login of the check's account on cluster1 fails: init_connect fails"))
                #expect(try session.query("SELECT @kept").first == "5")
                #expect(try stage.proxy.connect().query("SELECT COUNT(*) FROM audit").first != "0")

                // The check's connection is ended: the server is alive, and stays what it is.
                try endChecks(root)
                try stage.proxy.admin("show nodes", within: .seconds(10)) { $0.contains("init_connect fails") }
                #expect(try session.query("SELECT @kept").first == "5")
                #expect(try stage.proxy.admin("show cluster").contains("generation: 1\n"))

                try root.query("GRANT CONNECTION ADMIN ON *.* TO proxy@'%'")
                try caution(stage.proxy, "initConnectFails", isThere: false)
                try stage.proxy.admin("show nodes", within: .seconds(10)) { $0.contains("answers, writable") }
                #expect(stage.proxy.logs("Logins of the check's account on cluster1 are well again."))
                #expect(try session.query("SELECT @kept").first == "5")
                #expect(try stage.proxy.admin("show cluster").contains("generation: 1\n"))
            }
        }

        @Test(
            "a failover onto a server whose init_connect ends the check's sessions says so, and goes on once it is mended"
        )
        func failoverToInitConnect() throws {
            try run(options: ["--init-connect=\(Self.audit)"]) { stage in
                // Without the privilege from the start: nobody is primary, and it is said why.
                try stage.proxy.admin("show cluster", within: .seconds(20)) {
                    $0.contains("diagnosis: initConnectFails") && $0.contains("GRANT CONNECTION ADMIN")
                }
                #expect(stage.proxy.logs("No primary (initConnectFails): cluster1 down, init_connect fails"))
                let root = try stage.pair.asRoot()
                try root.query("GRANT CONNECTION ADMIN ON *.* TO proxy@'%'")
                #expect(try stage.proxy.connect().query("SELECT 1").first == "1")
                try root.query("REVOKE CONNECTION ADMIN ON *.* FROM proxy@'%'")
                try caution(stage.proxy, "initConnectFails")
                root.close()
                try stage.failOver()
                try stage.proxy.admin("show cluster", within: .seconds(20)) {
                    $0.contains("diagnosis: initConnectFails")
                }
                try stage.pair.asRoot().query("GRANT CONNECTION ADMIN ON *.* TO proxy@'%'")
                #expect(try stage.proxy.connect().query("SELECT 2").first == "2")
            }
        }

        @Test("limits of the service account are its own: said, and the primary is the primary")
        func limits() throws {
            try run { stage in
                let session = try stage.proxy.connect()
                let root = try stage.pair.asRoot()
                // The check's own connection is the one that it may have; those of before the limit do not count.
                try root.query("ALTER USER proxy@'%' WITH MAX_USER_CONNECTIONS 1")
                try endChecks(root)
                try caution(stage.proxy, "checkAccountLimited")
                try root.query("ALTER USER proxy@'%' WITH MAX_USER_CONNECTIONS 0 MAX_CONNECTIONS_PER_HOUR 1")
                try endChecks(root)
                try stage.proxy.admin("show nodes", within: .seconds(10)) { $0.contains("at a limit of its own: 1226") }
                try root.query("ALTER USER proxy@'%' WITH MAX_CONNECTIONS_PER_HOUR 0 MAX_QUERIES_PER_HOUR 3")
                try stage.proxy.admin("show nodes", within: .seconds(10)) { $0.contains("at a limit of its own: 1226") }
                try root.query("ALTER USER proxy@'%' WITH MAX_QUERIES_PER_HOUR 0")
                try caution(stage.proxy, "checkAccountLimited", isThere: false)
                #expect(try session.query("SELECT 3").first == "3")
                #expect(try stage.proxy.admin("show cluster").contains("generation: 1\n"))
                #expect(!stage.proxy.log.contains("No primary ("))
            }
        }

        @Test("a password of the service account that was changed is said before it is needed")
        func changedPassword() throws {
            try run { stage in
                let session = try stage.proxy.connect()
                try stage.pair.asRoot().query("ALTER USER proxy@'%' IDENTIFIED BY 'another'")
                try caution(stage.proxy, "checkAccountRefused")
                #expect(try session.query("SELECT 4").first == "4")
                #expect(try stage.proxy.admin("show cluster").contains("primary: cluster1"))
            }
        }
    }
}
