import Foundation
import Testbed
import Testing

extension Integration {
    /// "Rolled back" is said only where every table rolls back.
    @Suite(.serialized)
    struct EngineTests {
        /// What a session does with the table `kept`; what it does next is told the outcome.
        private static let doings: [(name: String, enter: @Sendable (WireSession) throws -> Void)] = [
            (
                "nothing, in a transaction",
                { session in
                    for statement in ["BEGIN", "INSERT INTO kept VALUES (1)"] {
                        #expect(session.ask(Wire.query(statement))?.isOK == true)
                    }
                }
            ),
            (
                "a read in a transaction",
                { session in
                    for statement in ["BEGIN", "INSERT INTO kept VALUES (1)"] {
                        #expect(session.ask(Wire.query(statement))?.isOK == true)
                    }
                    session.send(Wire.query("SELECT SLEEP(600) /*mark*/"))
                }
            ),
            (
                "a write, with autocommit off",
                { session in
                    #expect(session.ask(Wire.query("SET autocommit=0"))?.isOK == true)
                    session.send(Wire.query("INSERT INTO kept SELECT SLEEP(600) /*mark*/"))
                }
            ),
        ]

        private func tell(_ stage: Stage, _ doing: (WireSession) throws -> Void) throws -> WirePacket? {
            let session = try WireSession(port: stage.proxy.port)
            try doing(session)
            let running = try stage.pair.asRoot()
            let count = try running.query(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '\(WireSession.user)'")
            #expect(count.first == "1")
            try stage.failOver()
            if let answer = session.receive(.milliseconds(1500)) { return answer }
            return session.ask(Wire.query("SELECT 1"))
        }

        /// The proxy has read the tables of the present primary at least this often.
        private func onStage(_ engine: String, _ body: (Stage) throws -> Void) throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                try WireSession.makeAccount(root)
                #expect(stage.proxy.logs("All tables are of engines with transactions"))
                let maker = try stage.proxy.connect()
                try maker.query("CREATE TABLE kept (a INT) ENGINE=\(engine)")
                if engine != "InnoDB" { #expect(stage.proxy.logs("tables are without transactions (app.kept")) }
                try body(stage)
            }
        }

        @Test("with a table that knows no rollback", arguments: ["Aria", "MEMORY"])
        func mixed(engine: String) throws {
            try onStage(engine) { stage in
                for doing in Self.doings {
                    let told = try tell(stage, doing.enter)
                    #expect(told?.errorCode == 1927, "\(doing.name)")
                    #expect(told?.sqlState == "08007", "\(doing.name)")
                }
                // It has written nothing.
                let told = try tell(stage) {
                    #expect($0.ask(Wire.query("START TRANSACTION READ ONLY"))?.isOK == true)
                }
                #expect(told?.errorCode == 1213)
            }
        }

        @Test("a file of LOAD DATA LOCAL that is cut has been loaded as far as it came")
        func load() throws {
            try onStage("Aria") { stage in
                try stage.pair.asRoot().query("GRANT FILE ON *.* TO \(WireSession.user)@'%'")
                let session = try WireSession(port: stage.proxy.port)
                let answer = session.ask(Wire.query("LOAD DATA LOCAL INFILE 'any' INTO TABLE app.kept"))
                #expect(answer?.payload.first == 0xfb)
                session.send(Wire.packet(Array("1\n2\n".utf8), sequence: 2))
                try stage.failOver()
                session.send(Wire.packet([], sequence: 3))
                let told = session.receive()
                #expect(told?.errorCode == 1927)
                #expect(told?.sqlState == "08007")
            }
        }

        @Test("with InnoDB alone it is rolled back for certain, once the tables have been looked at again")
        func innoDB() throws {
            try onStage("InnoDB") { stage in
                // A table was made: the list is read again half a second later.
                let session = try WireSession(port: stage.proxy.port)
                var told: WirePacket?
                let deadline = ContinuousClock.now + .seconds(60)
                session.close()
                repeat {
                    told = try tell(stage, Self.doings[0].enter)
                } while told?.errorCode == 1927
                    && ContinuousClock.now < deadline
                #expect(told?.errorCode == 1213)
                for doing in Self.doings {
                    let told = try tell(stage, doing.enter)
                    #expect(told?.errorCode == 1213, "\(doing.name)")
                    #expect(told?.sqlState == "40001", "\(doing.name)")
                }
            }
        }

        @Test("a table that has just been made counts at once")
        func justMade() throws {
            try onStage("InnoDB") { stage in
                let told = try tell(stage) { session in
                    for statement in [
                        "CREATE TABLE fresh (a INT) ENGINE=Aria", "BEGIN", "INSERT INTO fresh VALUES (1)",
                    ] {
                        #expect(session.ask(Wire.query(statement))?.isOK == true)
                    }
                }
                #expect(told?.sqlState == "08007")
            }
        }

        @Test("an account that does not see the tables knows nothing of them")
        func withoutGrant() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                try WireSession.makeAccount(root)
                try root.query("CREATE TABLE kept (a INT) ENGINE=InnoDB")
                try root.query("REVOKE REFERENCES ON *.* FROM '\(EmbeddedPair.service.user)'@'%'")
                let other = try ProxyProcess(nodes: stage.pair.ports)
                defer { other.stop(grace: .seconds(2)) }
                #expect(other.logs("GRANT REFERENCES ON *.*"))
                let session = try WireSession(port: other.port)
                for statement in ["BEGIN", "INSERT INTO kept VALUES (1)"] {
                    #expect(session.ask(Wire.query(statement))?.isOK == true)
                }
                try stage.failOver()
                let told = session.ask(Wire.query("SELECT 1"))
                #expect(told?.sqlState == "08007")
            }
        }
    }
}
