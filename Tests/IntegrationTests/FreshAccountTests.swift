import Testbed
import Testing

extension Integration {
    /// An account that was made, or whose password was changed, a moment ago: the node lets its sessions in, and the proxy
    /// has not read it yet.
    @Suite(.serialized)
    struct FreshAccountTests {
        @Test("a primary that is lost before the account was read loses no session", arguments: ["", "secret"])
        func lostAtOnce(password: String) throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot()
                // The first reading is over.
                #expect(stage.proxy.logs("All tables are of engines with transactions"))
                try root.query("CREATE USER fresh@'%' IDENTIFIED BY '\(password)'")
                try root.query("GRANT ALL ON \(EmbeddedPair.schema).* TO fresh@'%'")
                let session = try Client(
                    port: stage.proxy.port, user: "fresh", password: password, schema: EmbeddedPair.schema)
                stage.pair.failPrimary()
                let held = Background { try session.query("SELECT 7").first }
                #expect(stage.proxy.logs("statements and logins are held"))
                try stage.pair.startStandby()
                #expect(try held.wait() == "7")
            }
        }
    }
}
