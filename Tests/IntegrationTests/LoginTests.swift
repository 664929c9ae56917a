import Foundation
import Testbed
import Testing

extension Integration {
    /// Every login gets the answer that a direct connection gets.
    @Suite(.serialized)
    struct LoginTests {
        struct Attempt: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let user: String
            let password: String
            let schema: String?

            init(_ description: String, _ user: String, _ password: String, _ schema: String? = nil) {
                testDescription = description
                (self.user, self.password, self.schema) = (user, password, schema)
            }
        }

        private func prepareAccounts() throws {
            let root = try SharedPair.get().asRoot()
            for statement in [
                "CREATE USER IF NOT EXISTS nopass@'%'",
                "GRANT ALL ON app.* TO nopass@'%'",
                "CREATE USER IF NOT EXISTS locked@'%' IDENTIFIED BY 'locked' ACCOUNT LOCK",
                "CREATE USER IF NOT EXISTS elsewhere@'10.9.8.7' IDENTIFIED BY 'elsewhere'",
                "CREATE USER IF NOT EXISTS other@'%' IDENTIFIED BY 'other'",
                "GRANT ALL ON app.* TO other@'%'",
                "CREATE USER IF NOT EXISTS hurried@'%' IDENTIFIED BY 'hurried' PASSWORD EXPIRE",
            ] { try root.query(statement) }
        }

        private func result(_ attempt: Attempt, port: UInt16) -> Result<String, ClientError> {
            do throws(ClientError) {
                let client = try Client(
                    port: port, user: attempt.user, password: attempt.password, schema: attempt.schema, readTimeout: 20)
                return .success(
                    try client.query("SELECT CONCAT(CURRENT_USER(), ' ', IFNULL(DATABASE(), '-'))").first ?? "")
            } catch {
                return .failure(error)
            }
        }

        @Test(
            "the answer to a login is the one of a direct connection",
            arguments: [
                Attempt("right password", "app", "app", "app"),
                Attempt("no schema", "app", "app"),
                Attempt("wrong password", "app", "wrong", "app"),
                Attempt("no password given", "app", "", "app"),
                Attempt("unknown user", "nobody", "x", "app"),
                Attempt("unknown user without a password", "nobody", ""),
                Attempt("no user name", "", ""),
                Attempt("unknown database", "app", "app", "nowhere"),
                Attempt("no privilege on the database", "app", "app", "mysql"),
                Attempt("account without a password", "nopass", "", "app"),
                Attempt("password for an account without one", "nopass", "x"),
                Attempt("locked account", "locked", "locked"),
                Attempt("account of another host", "elsewhere", "elsewhere"),
                Attempt("expired password", "hurried", "hurried"),
                Attempt("long name", String(repeating: "n", count: 120), "x"),
                Attempt("name with a quote", "o'neil", "x"),
            ])
        func sameAnswer(attempt: Attempt) throws {
            try prepareAccounts()
            let proxy = try SharedProxy.get()
            let wanted = result(attempt, port: try SharedPair.get().primary.port)
            // An account that was made a moment ago may take a moment: the right answer must come in the end.
            var found = result(attempt, port: proxy.port)
            let deadline = ContinuousClock.now + .seconds(15)
            while found != wanted, ContinuousClock.now < deadline { found = result(attempt, port: proxy.port) }
            #expect(found == wanted, "\(proxy.logTail(10))")
        }

        @Test("an account with another plugin logs in: the exchange is relayed to the node")
        func ed25519() throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot()
            try root.query("INSTALL PLUGIN IF NOT EXISTS ed25519 SONAME 'auth_ed25519'")
            try root.query("CREATE USER IF NOT EXISTS ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret')")
            try root.query("GRANT ALL ON app.* TO ed@'%'")
            let proxy = try SharedProxy.get()
            let attempts = [Attempt("", "ed", "secret", "app"), Attempt("", "ed", "wrong", "app")]
            for attempt in attempts {
                let wanted = result(attempt, port: pair.primary.port)
                #expect(result(attempt, port: proxy.port) == wanted, "\(proxy.logTail(10))")
            }
        }

        @Test("a changed password counts, and so does a new account")
        func changedAccounts() throws {
            let pair = try SharedPair.get()
            let proxy = try SharedProxy.get()
            let root = try pair.asRoot()
            try root.query("CREATE OR REPLACE USER moving@'%' IDENTIFIED BY 'old'")
            let (old, new) = (Attempt("", "moving", "old"), Attempt("", "moving", "new"))
            #expect(result(old, port: proxy.port) == .success("moving@% -"), "\(proxy.logTail(10))")
            try root.query("ALTER USER moving@'%' IDENTIFIED BY 'new'")
            #expect(result(new, port: proxy.port) == .success("moving@% -"), "\(proxy.logTail(10))")
            #expect(result(old, port: proxy.port) == result(old, port: pair.primary.port), "\(proxy.logTail(10))")
        }

        @Test("COM_CHANGE_USER: to another account, to a wrong password, and back")
        func changeUser() throws {
            try prepareAccounts()
            let direct = try SharedPair.get().direct()
            let through = try SharedProxy.get().connect()
            for client in [direct, through] {
                try client.query("SET @mark = 1")
                try client.changeUser("other", password: "other", schema: "app")
                let rows = try client.query("SELECT CURRENT_USER(), DATABASE(), @mark").rows
                #expect(rows == [["other@%", "app", nil]])
                try client.changeUser("app", password: "app", schema: nil)
                #expect(try client.query("SELECT CURRENT_USER(), DATABASE()").rows == [["app@%", nil]])
            }
            let wanted = clientError { try direct.changeUser("other", password: "wrong", schema: nil) }
            let found = clientError { try through.changeUser("other", password: "wrong", schema: nil) }
            #expect(wanted?.code == 1045)
            #expect(found == wanted)
        }

        @Test("the greeting shows the primary's version, and the connection's character set is the client's")
        func greeting() throws {
            let direct = try SharedPair.get().direct()
            let through = try SharedProxy.get().connect()
            #expect(through.serverVersion == direct.serverVersion)
            #expect(through.characterSet == direct.characterSet)
            let question = "SELECT @@character_set_client, @@collation_connection, @@character_set_results"
            #expect(try through.query(question) == direct.query(question))
        }
    }
}
