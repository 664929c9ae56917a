import Foundation
import Testbed
import Testing

extension Integration {
    /// A server that counts logins which were begun and left, and blocks the host they came from (max_connect_errors).
    /// Loopback is exempt from that, so all of it runs in a network of its own.
    @Suite(.serialized, .enabled(if: Namespace.isAllowed))
    struct HostBlockedTests {
        private final class Site {
            let namespace: Namespace
            let server: ChildProcess
            let proxy: ChildProcess
            private var directory: String { namespace.directory.path }

            /// - Parameter connectErrorsMax: of the server.
            init(connectErrorsMax: Int) throws {
                namespace = try Namespace()
                let directory = namespace.directory.path
                try MariaDBServer.install(dataDirectory: "\(directory)/data", logPath: "\(directory)/install.log")
                let release = ServerRelease.tested
                server = try namespace.start(
                    release.command(
                        [
                            release.program, "--no-defaults", "--user=root", "--datadir=\(directory)/data",
                            "--port=3306",
                            "--bind-address=\(Namespace.address)", "--socket=\(directory)/db.sock",
                            "--pid-file=\(directory)/db.pid", "--performance-schema=0", "--innodb-buffer-pool-size=32M",
                            "--innodb-log-file-size=32M", "--innodb-use-native-aio=0",
                            "--max-connect-errors=\(connectErrorsMax)",
                        ] + ServerRelease.options, directories: [directory]), name: "mariadbd")
                try """
                [proxy]
                listen = ["\(Namespace.address):3307"]
                [[node]]
                name = "cluster1"
                address = "\(Namespace.address):3306"
                [health]
                user = "proxy"
                password = "proxy-secret"
                accounts_refresh = "200ms"
                [admin]
                socket = "\(directory)/admin.sock"

                """.write(toFile: "\(directory)/haproxydb.toml", atomically: true, encoding: .utf8)
                let deadline = ContinuousClock.now + .seconds(60)
                while (try? Site.sql(namespace, "SELECT 1")) == nil {
                    guard server.isRunning, ContinuousClock.now < deadline else {
                        throw TestbedFailure("mariadbd: \(server.logTail())")
                    }
                    usleep(20_000)
                }
                for statement in [
                    "CREATE USER proxy@'%' IDENTIFIED BY 'proxy-secret'",
                    "GRANT SELECT ON mysql.global_priv TO proxy@'%'", "CREATE USER app@'%' IDENTIFIED BY 'app'",
                ] { try Site.sql(namespace, statement) }
                proxy = try namespace.start(
                    [ProxyProcess.findProgram(), "run", "-c", "\(directory)/haproxydb.toml"], name: "haproxydb")
                try shown("show cluster") { $0.contains("primary: cluster1") }
            }

            func end() {
                proxy.stop(grace: .seconds(2))
                server.killNow()
                namespace.remove()
            }

            @discardableResult
            private static func sql(_ namespace: Namespace, _ statement: String) throws -> String {
                try namespace.run(
                    [
                        "mariadb", "--no-defaults", "--socket=\(namespace.directory.path)/db.sock", "-u", "root", "-N",
                        "-e", statement,
                    ])
            }

            @discardableResult
            func asRoot(_ statement: String) throws -> String { try Site.sql(namespace, statement) }

            /// Waits until the proxy says so.
            func shown(_ command: String, until fulfilled: (String) -> Bool) throws {
                let deadline = ContinuousClock.now + .seconds(30)
                var answer = ""
                while true {
                    answer = (try? AdminSocket.ask("\(directory)/admin.sock", command)) ?? ""
                    if fulfilled(answer) { return }
                    guard ContinuousClock.now < deadline else {
                        throw TestbedFailure("\(command) still says:\n\(answer)\n\(proxy.logTail())")
                    }
                    usleep(20_000)
                }
            }

            /// The thread of the check's lasting connection: the one that is there at two looks with a reading of the accounts
            /// in between.
            func checkConnection(where isMeant: (String) -> Bool) throws -> String {
                let threads = "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'proxy' ORDER BY ID"
                let deadline = ContinuousClock.now + .seconds(30)
                while ContinuousClock.now < deadline {
                    let before = try asRoot(threads).split(separator: "\n").map(String.init)
                    Thread.sleep(forTimeInterval: 0.5)
                    let after = try asRoot(threads).split(separator: "\n").map(String.init)
                    if let lasting = before.first(where: { after.contains($0) && isMeant($0) }) { return lasting }
                }
                throw TestbedFailure("the check has no lasting connection")
            }

            /// Waits until its log says so.
            func logged(_ text: String) throws {
                let deadline = ContinuousClock.now + .seconds(30)
                while !proxy.log.contains(text) {
                    guard ContinuousClock.now < deadline else { throw TestbedFailure("the log does not say: \(text)") }
                    usleep(20_000)
                }
            }

            /// Logins on the server that get no further than its greeting.
            func leave(_ count: Int) throws {
                let script = """
                    import socket
                    for _ in range(\(count)):
                        s = socket.create_connection(("\(Namespace.address)", 3306))
                        s.recv(1000)
                        s.close()
                    """
                try namespace.run(["python3", "-c", script])
            }

            /// Clients of the proxy that log in as nobody, all at once, and go: before the node has answered, and when it has
            /// asked for a proof. Returns how many were asked.
            func leaveProxy(_ count: Int) throws -> String {
                let script = """
                    import socket, struct
                    def response(user):
                        flags = 1 | 0x200 | 0x2000 | 0x8000 | 0x80000
                        return struct.pack("<IIB", flags, 1 << 24, 45) + bytes(23) + user + bytes(2) + \
                            b"mysql_native_password" + bytes(1)
                    def connect():
                        s = socket.create_connection(("\(Namespace.address)", 3307))
                        s.settimeout(10)
                        s.recv(1000)
                        r = response(b"nobody")
                        s.sendall(struct.pack("<I", len(r) | 1 << 24) + r)
                        return s
                    for s in [connect() for _ in range(\(count))]:
                        s.close()
                    asked = [connect() for _ in range(\(count))]
                    print(sum(s.recv(1000)[4] == 0xfe for s in asked))
                    for i, s in enumerate(asked):
                        if i % 2:
                            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        s.close()
                    """
                return try namespace.run(["python3", "-c", script]).trimmingCharacters(in: .whitespacesAndNewlines)
            }

            /// What a login on the proxy and one statement come to.
            func login() throws -> String {
                try namespace.run(
                    [
                        "mariadb", "--no-defaults", "-h", Namespace.address, "-P", "3307", "-u", "app", "-papp", "-N",
                        "-e", "SELECT 'in'",
                    ])
            }
        }

        private func run(connectErrorsMax: Int, _ body: (Site) throws -> Void) throws {
            let site = try Site(connectErrorsMax: connectErrorsMax)
            defer { site.end() }
            do { try body(site) } catch { Issue.record("\(error)\n\(site.proxy.logTail())") }
            #expect(site.proxy.isRunning)
        }

        /// Far more of them at once than the server lets pass, and too quick for a login in between to make up for it.
        @Test("clients that leave in the middle of their login do not have the proxy's host blocked")
        func leftLogins() throws {
            try run(connectErrorsMax: 5) { site in
                for _ in 0..<3 {
                    #expect(try site.leaveProxy(40) == "40")
                    try site.shown("show info") { $0.contains("\nCurrConns: 0\n") }
                    #expect(try site.login() == "in\n")
                }
                #expect(!site.proxy.log.contains("1129"))
            }
        }

        @Test("a blocked host is said, the primary stays, and RELOAD or an administrator ends it")
        func blocked() throws {
            try run(connectErrorsMax: 5) { site in
                #expect(try site.login() == "in\n")
                try site.leave(8)
                try site.shown("show cluster") {
                    $0.contains("caution: hostBlocked") && $0.contains("primary: cluster1")
                }
                try site.shown("show nodes") { $0.contains("answers, writable") }
                try site.logged("the proxy's host is blocked: 1129")
                try site.logged("may not run FLUSH HOSTS on cluster1 (RELOAD)")
                try site.asRoot("FLUSH HOSTS")
                try site.shown("show cluster") { !$0.contains("hostBlocked") }
                #expect(try site.login() == "in\n")

                // A privilege counts from the next login on.
                try site.asRoot("GRANT RELOAD ON *.* TO proxy@'%'")
                let check = try site.checkConnection { _ in true }
                try site.asRoot("KILL \(check)")
                _ = try site.checkConnection { $0 != check }
                try site.shown("show cluster") { !$0.contains("caution") && $0.contains("generation: 1\n") }
                try site.leave(8)
                try site.logged("FLUSH HOSTS was run on cluster1.")
                try site.shown("show cluster") { !$0.contains("hostBlocked") }
                #expect(try site.login() == "in\n")
                #expect(!site.proxy.log.contains("No primary ("))
            }
        }
    }
}
