import Foundation
import Testbed
import Testing

extension Integration {
    /// A server on a copy of the data, at the standby's own address, without an agent that could tell it from the
    /// cluster's.
    @Suite(.serialized)
    struct StrayTests {
        /// A stage whose standby's port belongs to a stray server with a log of all statements.
        private struct Scene {
            let stage: Stage
            let stray: MariaDBServer
            let statementsPath: String

            /// What the proxy's clients have brought to it.
            func statements() throws -> Int {
                let text = try String(contentsOfFile: statementsPath, encoding: .utf8)
                return text.split(separator: "\n").count { $0.contains("app.marked") }
            }
        }

        /// - Parameter body: with a table `app.marked` on both, which all statements name, and a session that is at rest.
        private func run(_ body: (Scene, Client) throws -> Void) throws {
            try Stage.run(prepare: { try $0.query("CREATE TABLE app.marked (id INT PRIMARY KEY)") }) { stage in
                let pair = stage.pair
                let path = pair.directory.path
                // At rest for the copy.
                pair.primary.stop()
                try FileManager.default.copyItem(atPath: "\(path)/data", toPath: "\(path)/stray-data")
                try pair.primary.start()
                let stray = MariaDBServer(
                    name: "stray", dataDirectory: "\(path)/stray-data", runDirectory: path, port: pair.standby.port,
                    serverID: pair.standby.serverID,
                    options: ["--general-log=1", "--general-log-file=\(path)/stray-statements.log"])
                defer { stray.crash() }
                let session = try stage.proxy.connect()
                try session.query("INSERT INTO app.marked VALUES (1)")
                try body(
                    Scene(stage: stage, stray: stray, statementsPath: "\(path)/stray-statements.log"), session)
            }
        }

        /// The stray one goes, the cluster starts its own in its place, and what waited runs there.
        private func end(_ scene: Scene, _ held: Background<UInt64>) throws {
            try scene.stage.proxy.admin("show cluster", within: .seconds(20)) {
                $0.contains("diagnosis: strayServer\n")
            }
            let cautions = try scene.stage.proxy.admin("show cluster")
            #expect(cautions.contains("caution: strayServer"), "\(cautions)")
            #expect(scene.stage.proxy.logs("A stray server is writable on cluster2"))
            #expect(!held.isDone)
            #expect(try scene.statements() == 0)
            scene.stray.crash()
            try scene.stage.pair.launchStandby()
            #expect(try held.wait() == 1)
            #expect(try scene.statements() == 0)
            let root = try scene.stage.pair.asRoot()
            #expect(try root.query("SELECT COUNT(*) FROM app.marked WHERE id < 3").first == "2")
            let cluster = try scene.stage.proxy.admin("show cluster")
            #expect(cluster.contains("primary: cluster2\n") && !cluster.contains("caution: strayServer"), "\(cluster)")
        }

        @Test("a server that was writable beside the primary is not the one that follows")
        func before() throws {
            try run { scene, session in
                try scene.stray.start()
                try scene.stage.proxy.admin("show cluster", within: .seconds(10)) {
                    $0.contains("caution: strayServer")
                }
                scene.stage.pair.failPrimary()
                let held = Background { try session.query("INSERT INTO app.marked VALUES (2)").affectedRows }
                try end(scene, held)
            }
        }

        @Test("a server that comes after the primary's end, and lacks what it had written, is not the one that follows")
        func after() throws {
            try run { scene, session in
                let root = try scene.stage.pair.asRoot()
                for id in 10..<200 { try session.query("INSERT INTO app.marked VALUES (\(id))") }
                // The proxy has asked twice since the last row: it knows how far the log is.
                let begun = try #require(try statusQuestions(root))
                let deadline = ContinuousClock.now + .seconds(20)
                while try statusQuestions(root) ?? 0 < begun + 2, ContinuousClock.now < deadline { usleep(20_000) }
                #expect(try statusQuestions(root) ?? 0 >= begun + 2)
                scene.stage.pair.failPrimary()
                let held = Background { try session.query("INSERT INTO app.marked VALUES (2)").affectedRows }
                try scene.stray.start()
                try end(scene, held)
            }
        }

        /// How often anybody has asked for a server's state.
        private func statusQuestions(_ root: Client) throws -> Int? {
            let rows = try root.query(
                "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'Com_show_status'")
            return rows.first.flatMap { Int($0) }
        }
    }
}
