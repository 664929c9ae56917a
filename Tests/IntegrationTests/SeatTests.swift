import Foundation
import Testbed
import Testing

extension Integration {
    /// More sessions than the new primary has seats for: who waits is served in turn, and who can't be is told why.
    @Suite(.serialized)
    struct SeatTests {
        private static let sessions = 400

        /// So many sessions on a first primary that takes them all; the next one takes 100.
        private func run(
            holdTimeout: String, sessions count: Int = sessions, _ body: (Stage, [Client]) throws -> Void
        ) throws {
            try Stage.run(
                holdTimeout: holdTimeout, proxy: ["workers = 2"], options: ["--max-connections=100"],
                prepare: { try $0.query("SET GLOBAL max_connections = 2000") }
            ) { stage in
                let clients = try (0..<count).map { _ in try stage.proxy.connect(readTimeout: 60) }
                for (number, client) in clients.enumerated() { try client.query("SET @number = \(number)") }
                try body(stage, clients)
            }
        }

        /// Each asks once, all at the same time, while there is no primary; and leaves, or stays.
        private func ask(_ clients: [Client], leaves: Bool) -> [Background<String?>] {
            clients.map { client in
                Background {
                    defer { if leaves { client.close() } }
                    return try client.query("SELECT @number").first
                }
            }
        }

        private func status(_ stage: Stage, _ name: String) throws -> String? {
            let root = try stage.pair.asRoot()
            defer { root.close() }
            return try root.query("SHOW GLOBAL STATUS LIKE '\(name)'").rows.first?.last ?? nil
        }

        @Test(
            "400 sessions for 100 seats, each of which leaves once it is answered: all are served, and none is refused")
        func inTurn() throws {
            try run(holdTimeout: "60s") { stage, clients in
                stage.pair.failPrimary()
                let answers = ask(clients, leaves: true)
                try stage.proxy.admin("show info", within: .seconds(20)) { $0.contains("Held: \(clients.count)") }
                try stage.pair.startStandby()
                for (number, answer) in answers.enumerated() {
                    #expect(try answer.wait(.seconds(40)) == .some("\(number)"))
                }
                // No herd: a seat was left for the administrator all the time.
                #expect(try status(stage, "Connection_errors_max_connections") == "0")
                let used = try status(stage, "Max_used_connections").flatMap { Int($0) } ?? 0
                #expect((50...100).contains(used), "\(used)")
            }
        }

        @Test("and sessions that stay: who has no seat is told so, and the log and show cluster say it")
        func told() throws {
            try run(holdTimeout: "4s", sessions: 160) { stage, clients in
                stage.pair.failPrimary()
                let answers = ask(clients, leaves: false)
                try stage.proxy.admin("show info", within: .seconds(20)) { $0.contains("Held: \(clients.count)") }
                try stage.pair.startStandby()
                try stage.proxy.admin("show cluster", within: .seconds(20)) {
                    $0.contains("primary: cluster2") && $0.contains("caution: serverFull")
                }
                #expect(stage.proxy.logs("The primary cluster2 takes no more sessions: 1040 (Too many connections; "))
                // A seat was left for an administrator.
                #expect(try status(stage, "Connection_errors_max_connections") == "0")
                let waiting = "max_connections = 100), "
                let errors = answers.compactMap { $0.error(.seconds(30)) }
                #expect((60...70).contains(errors.count), "\(errors.count)")
                for error in errors {
                    #expect(error.code == 1213 && error.message.contains(waiting), "\(error)")
                }
                try stage.proxy.admin("show cluster", within: .seconds(20)) { !$0.contains("caution: serverFull") }
                #expect(stage.proxy.logs("Nobody waits for a seat at the primary any more"))

                // Once more, with a remedy: the limit is raised while they wait.
                let again = ask(clients, leaves: false)
                try stage.proxy.admin("show cluster", within: .seconds(20)) { $0.contains("caution: serverFull") }
                try stage.pair.asRoot().query("SET GLOBAL max_connections = 500")
                for (number, answer) in again.enumerated() {
                    #expect(try answer.wait(.seconds(30)) == .some("\(number)"))
                }
            }
        }

        @Test("an account with a limit of its own is served in turn, too, and tried no more often than it must be")
        func accounts() throws {
            try Stage.run(holdTimeout: "60s", options: ["--max-connections=500"]) { stage in
                let root = try stage.pair.asRoot()
                try root.query("CREATE USER limited@'%' IDENTIFIED BY 'limited'")
                try root.query("GRANT ALL ON app.* TO limited@'%'")
                let clients = try (0..<60).map { number in
                    let client = try Client(
                        port: stage.proxy.port, user: "limited", password: "limited", schema: "app", readTimeout: 60)
                    try client.query("SET @number = \(number)")
                    return client
                }
                try root.query("ALTER USER limited@'%' WITH MAX_USER_CONNECTIONS 5")
                root.close()
                stage.pair.failPrimary()
                let answers = ask(clients, leaves: true)
                try stage.proxy.admin("show info", within: .seconds(20)) { $0.contains("Held: 60") }
                try stage.pair.startStandby()
                for (number, answer) in answers.enumerated() {
                    #expect(try answer.wait(.seconds(40)) == .some("\(number)"))
                }
                #expect(stage.proxy.logs("Sessions of 'limited' wait: the primary refuses them: 1226"))
                let refused = try status(stage, "Access_denied_errors").flatMap { Int($0) } ?? 0
                #expect(refused < 200, "\(refused)")
            }
        }
    }
}
