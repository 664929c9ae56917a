import Cluster
import Foundation
import Glibc
import Health
import Probes
import Reactor
import Synchronization
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct ProbeTests {
        @Test("the primary is found, introduces itself as in its greeting, and its accounts are read")
        func findsThePrimary() throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot()
            defer { root.close() }
            for statement in [
                "INSTALL SONAME 'auth_ed25519'",
                "CREATE OR REPLACE USER open@'%'",
                "CREATE OR REPLACE USER dead@'%' IDENTIFIED VIA mysql_native_password USING 'invalid' OR unix_socket",
                "CREATE OR REPLACE USER two@'%' IDENTIFIED VIA ed25519 USING PASSWORD('a')"
                    + " OR mysql_native_password USING PASSWORD('app')",
                "CREATE OR REPLACE USER curve@'%' IDENTIFIED VIA ed25519 USING PASSWORD('a')",
                "CREATE OR REPLACE USER locked@'%' IDENTIFIED BY 'x' ACCOUNT LOCK",
                "CREATE OR REPLACE ROLE reader",
            ] { try root.query(statement) }
            defer {
                for statement in [
                    "DROP USER open, dead, two, curve, locked", "DROP ROLE reader", "UNINSTALL SONAME 'auth_ed25519'",
                ] { _ = try? root.query(statement) }
            }

            let watching = try Watching(ports: [pair.primary.port])
            #expect(watching.run { !watching.accounts.isEmpty })
            let view = watching.view
            #expect(view.primary == NodeID(0))
            #expect(view.generation == Generation(1))
            #expect(view.phase == .ready)
            #expect(view.nodes[0].health == .up)
            #expect(view.nodes[0].role == .primary)
            #expect(view.nodes[0].lastCheck.contains("writable (server 1 on "))

            let raw = try RawConnection(port: pair.primary.port)
            defer { raw.close() }
            let greeting = try #require(raw.receivePacket()).payload
            let end = try #require(greeting.dropFirst().firstIndex(of: 0))
            let identity = try #require(watching.identities.first)
            #expect(watching.identities.count == 1)
            #expect(Array(identity.version.utf8) == Array(greeting[1..<end]))
            let fixed = Array(greeting[(end + 1 + 13)...])
            #expect(identity.collation == fixed[2])
            #expect(identity.capabilities & 0xff == UInt64(fixed[0]))
            #expect(identity.capabilities >> 16 & 0xff == UInt64(fixed[5]))
            #expect(identity.capabilities >> 32 & 0xff == UInt64(fixed[14]))
            #expect(identity.capabilities >> 32 != 0)

            let accounts = try #require(watching.accounts.first)
            let app = try #require(accounts.accounts(named: "app").first)
            #expect(app.host == "%")
            #expect(app.plugin == "mysql_native_password")
            #expect(app.nativeHash?.count == 20)
            let stored = try root.query("SELECT PASSWORD('app')").first ?? ""
            #expect("*" + (app.nativeHash ?? []).map { String(format: "%02X", $0) }.joined() == stored)
            #expect(accounts.accounts(named: "open").map(\.nativeHash) == [[]])
            #expect(accounts.accounts(named: "dead").map(\.plugin) == ["multiple"])
            #expect(accounts.accounts(named: "dead").map(\.nativeHash) == [nil])
            #expect(accounts.accounts(named: "two").map(\.plugin) == ["mysql_native_password"])
            #expect(accounts.accounts(named: "two").map(\.nativeHash) == [app.nativeHash])
            #expect(accounts.accounts(named: "curve").map(\.plugin) == ["ed25519"])
            #expect(accounts.accounts(named: "locked").isEmpty)
            #expect(accounts.accounts(named: "reader").isEmpty)

            try root.query("CREATE OR REPLACE USER late@'%' IDENTIFIED BY 'late'")
            defer { _ = try? root.query("DROP USER late") }
            watching.watch.refreshAccounts()
            #expect(watching.run { watching.accounts.last?.accounts(named: "late").count == 1 })
        }

        @Test("a killed primary is noticed at once, the standby is primary as soon as it takes logins")
        func failover() throws {
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            // Only the end of the connection can tell within this test.
            let watching = try Watching(ports: pair.ports) { $0.interval = .seconds(60) }
            #expect(watching.run { watching.view.primary == NodeID(0) })
            pair.failPrimary()
            let killed = MonotonicClock.now()
            #expect(watching.run { watching.view.primary == nil })
            #expect((MonotonicClock.now() - killed).milliseconds < 1000)
            #expect(watching.view.diagnosis == .primaryLost)
            #expect(watching.view.nodes.map(\.health) == [.down, .down])

            try pair.launchStandby()
            let server = pair.primary
            let ready = Moment()
            let waiter = try spawnThread(named: "logins") {
                try? server.waitUntilItAcceptsLogins()
                ready.set(MonotonicClock.now())
            }
            #expect(watching.run(.seconds(60)) { watching.view.primary == NodeID(1) })
            let published = MonotonicClock.now()
            waiter.join()
            let accepted = try #require(ready.value)
            #expect((published - accepted).milliseconds <= 200)
            #expect(watching.view.generation == Generation(2))
            #expect(watching.view.nodes.map(\.role) == [.standby, .primary])
            #expect(watching.notes.contains { $0.hasPrefix("No primary (primaryLost): cluster1 down") })
            #expect(watching.notes.contains { $0.hasPrefix("cluster2 is primary, generation 2: answers, writable") })

            // The same server again: a new generation all the same.
            server.crash()
            try server.launch()
            #expect(watching.run(.seconds(60)) { watching.view.generation == Generation(3) })
            #expect(watching.view.primary == NodeID(1))
        }

        @Test("a frozen primary stays primary until its time is over; checks given up leave nothing behind")
        func silence() throws {
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            let watching = try Watching(ports: [pair.primary.port]) {
                $0.interval = .milliseconds(50)
                $0.probeTimeout = .milliseconds(100)
                $0.primaryTimeout = .milliseconds(1500)
            }
            #expect(watching.run { !watching.accounts.isEmpty })
            watching.runFor(.milliseconds(100))
            let before = try openDescriptors()

            pair.primary.freeze()
            #expect(watching.run { watching.view.nodes[0].health == .falling })
            #expect(watching.view.primary == NodeID(0))
            #expect(watching.view.nodes[0].lastCheck.contains("stays primary until 1.5s of silence"))
            watching.runFor(.milliseconds(500))
            pair.primary.thaw()
            #expect(watching.run { watching.view.nodes[0].health == .up })
            #expect(watching.view.generation == Generation(1))

            pair.primary.freeze()
            let frozen = MonotonicClock.now()
            #expect(watching.run { watching.view.primary == nil })
            let silence = (MonotonicClock.now() - frozen).milliseconds
            #expect(silence >= 1300 && silence < 3000)
            #expect(watching.view.diagnosis == .primaryLost)
            watching.runFor(.seconds(2))
            pair.primary.thaw()
            #expect(watching.run { watching.view.primary == NodeID(0) })
            #expect(watching.view.generation == Generation(2))
            #expect(watching.run(.seconds(1)) { watching.accounts.count > 1 } == false)
            #expect(try openDescriptors() <= before)
        }

        @Test("read-only, too many connections and a lost check connection")
        func readOnlyAndBusy() throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot()
            defer { root.close() }
            let watching = try Watching(ports: [pair.primary.port]) { $0.interval = .milliseconds(50) }
            #expect(watching.run { watching.view.primary == NodeID(0) })
            try root.query("SET GLOBAL read_only = 1")
            defer { _ = try? root.query("SET GLOBAL read_only = 0") }
            #expect(watching.run { watching.view.diagnosis == .primaryReadOnly })
            #expect(watching.view.nodes[0].role == .standby)
            try root.query("SET GLOBAL read_only = 0")
            #expect(watching.run { watching.view.primary == NodeID(0) })
            #expect(watching.view.generation == Generation(2))

            // All places taken, and the check's own connection killed: it is told 1040, and nothing changes.
            try root.query("SET GLOBAL max_connections = 10")
            defer { _ = try? root.query("SET GLOBAL max_connections = 2000") }
            var clients: [Client] = []
            defer { for client in clients { client.close() } }
            let checks = "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'proxy'"
            var isTold = false
            // Places are freed a moment after a connection's end, so the check may find one that was not there.
            for _ in 0..<20 where !isTold {
                while let id = try root.query(checks).first { _ = try? root.query("KILL \(id)") }
                while let client = try? pair.direct() { clients.append(client) }
                isTold = watching.run(.milliseconds(500)) {
                    watching.view.nodes[0].lastCheck.hasPrefix("too busy to log in: 1040")
                }
            }
            #expect(isTold)
            #expect(watching.view.primary == NodeID(0))
            #expect(watching.view.generation == Generation(2))
            for client in clients { client.close() }
            #expect(watching.run { watching.view.nodes[0].lastCheck.hasPrefix("answers, writable") })
            #expect(watching.view.generation == Generation(2))
        }

        @Test(
            "logins that sessions have begun and left are made up for by one that goes well, and so is a blocked host")
        func abortedLogins() throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot()
            defer { root.close() }
            let watching = try Watching(ports: [pair.primary.port]) { $0.accountsRefresh = .seconds(3600) }
            #expect(watching.run { watching.view.primary == NodeID(0) && !watching.accounts.isEmpty })
            // The one statement of a login that is only tried.
            func tried() throws -> Int {
                let row = try #require(root.query("SHOW GLOBAL STATUS LIKE 'Com_do'").rows.first)
                return Int(row[1] ?? "") ?? 0
            }
            let before = try tried()
            for _ in 0..<7 { watching.watch.observe(NodeID(0), .loginAborted) }
            watching.runFor(.milliseconds(300))
            #expect(try tried() == before)
            for _ in 0..<100 { watching.watch.observe(NodeID(0), .loginAborted) }
            #expect(watching.run { (try? tried()) == before + 1 })
            watching.runFor(.milliseconds(300))
            watching.watch.observe(NodeID(0), .hostBlocked)
            #expect(watching.run { (try? tried()) == before + 2 })
            #expect(watching.view.cautions.isEmpty)
        }

        @Test("a refused account, and ports with something else behind them, are named")
        func others() throws {
            let pair = try SharedPair.get()
            let wrong = try Watching(ports: [pair.primary.port]) { $0.password = "wrong" }
            #expect(wrong.run { wrong.view.diagnosis == .checkAccountRefused })
            #expect(wrong.view.nodes[0].lastCheck.hasPrefix("check account refused: 1045"))

            let ports = try Ports.free(2)
            let watching = try Watching(ports: ports)
            let listeners = try ports.map { try Sockets.listen(Endpoint(host: "127.0.0.1", port: $0)) }
            defer { for listener in listeners { Sockets.close(listener) } }
            for (index, listener) in listeners.enumerated() {
                watching.loop.watch(listener, read: true, write: false) { _ in
                    while let accepted = try? Sockets.accept(listener) {
                        if index == 1 {
                            let text = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
                            _ = text.withUnsafeBytes { try? Sockets.send(accepted.descriptor, $0) }
                        }
                        Sockets.close(accepted.descriptor)
                    }
                }
            }
            #expect(
                watching.run {
                    watching.view.nodes[0].lastCheck == "connection lost"
                        && watching.view.nodes[1].lastCheck != "connection refused"
                        && watching.view.nodes[1].lastCheck != "not checked yet"
                })
            watching.runFor(.milliseconds(300))
            #expect(watching.view.nodes.map(\.health) == [.down, .down])
            #expect(watching.view.diagnosis == .primaryLost)
        }
    }
}

/// A point in time that another thread leaves.
private final class Moment: Sendable {
    private let stored = Mutex<Instant?>(nil)

    var value: Instant? { stored.withLock { $0 } }
    func set(_ value: Instant) { stored.withLock { $0 = value } }
}
