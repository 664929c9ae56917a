import Foundation
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct TwoPrimariesTests {
        /// A server with its own data and the usual accounts.
        private func server(_ name: String, _ directory: TemporaryDirectory, id: Int) throws -> MariaDBServer {
            let data = "\(directory.path)/\(name)-data"
            try MariaDBServer.install(dataDirectory: data, logPath: "\(directory.path)/\(name)-install.log")
            let server = MariaDBServer(
                name: name, dataDirectory: data, runDirectory: directory.path, port: try Ports.free(1)[0], serverID: id)
            try server.start()
            let root = try Client(port: server.port, user: "root")
            try EmbeddedPair.makeAccounts(root)
            return server
        }

        /// The present diagnosis, not the one of the last outage.
        private func isTwoPrimaries(_ cluster: String) -> Bool {
            cluster.split(separator: "\n").contains("diagnosis: twoPrimaries")
        }

        @Test("two writable nodes: nobody gets statements, until one of them is gone or read-only")
        func nobody() throws {
            let directory = try TemporaryDirectory()
            let one = try server("one", directory, id: 1)
            defer { one.crash() }
            let two = try server("two", directory, id: 2)
            defer { two.crash() }
            let proxy = try ProxyProcess(nodes: [one.port, two.port], holdTimeout: "1s")
            defer { proxy.stop(grace: .seconds(2)) }
            try proxy.admin("show cluster", within: .seconds(10)) { isTwoPrimaries($0) }
            #expect(clientError { try proxy.connect().query("SELECT 1") } != nil)

            let roots = try [one, two].map { try Client(port: $0.port, user: "root") }
            try roots[1].query("SET GLOBAL read_only = 1")
            try proxy.admin("show cluster", within: .seconds(10)) { !isTwoPrimaries($0) }
            let session = try proxy.connect()
            #expect(try session.query("SELECT @@server_id").first == "1")

            // Both again, with a session that is there already: its next statement reaches neither.
            try session.query("CREATE TABLE app.seen (id INT)")
            try roots[1].query("SET GLOBAL read_only = 0")
            try proxy.admin("show cluster", within: .seconds(10)) { isTwoPrimaries($0) }
            #expect(clientError { try session.query("INSERT INTO app.seen VALUES (1)") } != nil)
            #expect(try roots[0].query("SELECT COUNT(*) FROM app.seen").first == "0")
            one.crash()
            try proxy.admin("show cluster", within: .seconds(10)) { !isTwoPrimaries($0) }
            #expect(try proxy.connect().query("SELECT @@server_id").first == "2")
        }

        @Test("only read-only servers: nobody gets statements, and a client never sees 1290")
        func readOnly() throws {
            try Stage.run(holdTimeout: "30s") { stage in
                let root = try stage.pair.asRoot()
                let session = try stage.proxy.connect()
                try session.query("CREATE TABLE r (id INT)")
                try root.query("SET GLOBAL read_only = 1")
                let write = Background { try session.query("INSERT INTO r VALUES (1)").affectedRows }
                #expect(try write.wait(.milliseconds(1500)) == nil)
                try root.query("SET GLOBAL read_only = 0")
                #expect(try write.wait() == 1)
            }
        }
    }
}
