import Foundation
import Testbed
import Testing

extension Integration {
    /// What was in flight when its primary was lost is run again only where the server refuses it to write.
    @Suite(.serialized)
    struct RerunTests {
        /// Long at the present primary, so that it can be lost in the middle, and short at the next.
        private static let pause = "SLEEP(IF(@@server_id = (SELECT id FROM slow), 600, 0))"

        private static let made = [
            "CREATE TABLE slow (id INT) ENGINE=InnoDB", "INSERT INTO slow VALUES (0)",
            "CREATE TABLE written (a INT) ENGINE=InnoDB", "CREATE TABLE read_only (a INT) ENGINE=InnoDB",
            "CREATE TABLE after_it (a INT) ENGINE=InnoDB", "INSERT INTO read_only VALUES (42)", "COMMIT",
            "CREATE FUNCTION writer() RETURNS INT BEGIN INSERT INTO written VALUES (1); DO /*mark*/ \(pause); RETURN 1; END",
            "CREATE FUNCTION any_value() RETURNS INT BEGIN INSERT INTO written VALUES (1); DO /*mark*/ \(pause); RETURN 1; END",
            "CREATE FUNCTION reader() RETURNS INT BEGIN DECLARE x INT; SELECT a INTO x FROM read_only; "
                + "DO /*mark*/ \(pause); RETURN x; END",
            "CREATE VIEW writing AS SELECT writer() AS x", "CREATE VIEW reading AS SELECT reader() AS x",
        ]

        private func onStage(_ body: (Stage, Client) throws -> Void) throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                try WireSession.makeAccount(root)
                for statement in Self.made { try root.query(statement) }
                #expect(stage.proxy.logs("All tables are of engines with transactions"))
                try body(stage, root)
            }
        }

        /// The client's command is running at the primary when that is killed.
        private func lose(_ stage: Stage, _ session: WireSession, _ command: [UInt8]) throws {
            let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
            try root.query("UPDATE slow SET id = @@server_id")
            session.send(command)
            try root.wait(forRunning: 1)
            try stage.failOver()
        }

        /// It reads and writes as it likes, and what our guard set is gone.
        private func expectWell(_ session: WireSession, _ place: Comment) {
            #expect(session.ask(Wire.query("INSERT INTO after_it VALUES (1)"))?.isOK == true, place)
            #expect(session.ask(Wire.query("START TRANSACTION"))?.isOK == true, place)
            #expect(session.ask(Wire.query("INSERT INTO after_it VALUES (2)"))?.isOK == true, place)
            #expect(session.ask(Wire.query("COMMIT"))?.isOK == true, place)
        }

        @Test("a read that writes is not run again, in whatever it is wrapped")
        func writers() throws {
            try onStage { stage, _ in
                let texts = [
                    "SELECT x FROM writing", "SELECT any_value()",
                    "EXPLAIN SELECT * FROM (SELECT x FROM writing) AS q",
                    "ANALYZE SELECT x FROM writing", "DO (SELECT x FROM writing)",
                    "SET @a = (SELECT x FROM writing)", "SELECT x INTO @b FROM writing",
                ]
                for text in texts {
                    let session = try WireSession(port: stage.proxy.port)
                    try lose(stage, session, Wire.query(text))
                    // Of two statements the first may have been answered.
                    var answer = session.receive()
                    while let packet = answer, !packet.isError { answer = session.receive() }
                    #expect(answer?.errorCode == 1927, "\(text)")
                    #expect(answer?.sqlState == "08007", "\(text)")
                    let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                    #expect(try root.query("SELECT COUNT(*) FROM written").first == "0", "\(text)")
                    expectWell(session, "\(text)")
                }
            }
        }

        @Test("rows that were delivered are followed by an error that nobody takes for a reason to try again")
        func interrupted() throws {
            try onStage { stage, _ in
                let session = try WireSession(port: stage.proxy.port)
                try lose(stage, session, Wire.query("SELECT 1; SELECT x FROM writing"))
                var answer = session.receive()
                while let packet = answer, !packet.isError { answer = session.receive() }
                #expect(answer?.errorCode == 1317)
                #expect(answer?.sqlState == "70100")
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                #expect(try root.query("SELECT COUNT(*) FROM written").first == "0")
                expectWell(session, "interrupted")
            }
        }

        @Test("so is a prepared one")
        func preparedWriter() throws {
            try onStage { stage, _ in
                let session = try WireSession(port: stage.proxy.port)
                let id = try #require(session.prepare("SELECT x FROM writing WHERE ? = 1"))
                try lose(stage, session, Wire.execute(id, ["1"]))
                let answer = session.receive()
                #expect(answer?.sqlState == "08007")
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                #expect(try root.query("SELECT COUNT(*) FROM written").first == "0")
                expectWell(session, "prepared")
            }
        }

        @Test("a read that only reads is, and leaves the session as it was")
        func readers() throws {
            try onStage { stage, _ in
                for (text, value) in [("SELECT x FROM reading", "42"), ("SELECT /*mark*/ 7, \(Self.pause)", "7")] {
                    let session = try WireSession(port: stage.proxy.port)
                    try lose(stage, session, Wire.query(text))
                    #expect(session.firstValue() == value, "\(text)")
                    expectWell(session, "\(text)")
                }
                // What it left is still there when it is asked for first.
                let session = try WireSession(port: stage.proxy.port)
                try lose(stage, session, Wire.query("SELECT SQL_CALC_FOUND_ROWS x FROM reading LIMIT 1"))
                #expect(session.firstValue() == "42")
                #expect(session.value(of: "SELECT FOUND_ROWS()") == "1")
                expectWell(session, "FOUND_ROWS")
            }
        }

        @Test("with autocommit off it stays the first of a transaction that writes")
        func withoutAutocommit() throws {
            try onStage { stage, _ in
                let session = try WireSession(port: stage.proxy.port)
                #expect(session.ask(Wire.query("SET autocommit=0"))?.isOK == true)
                try lose(stage, session, Wire.query("SELECT x FROM reading"))
                #expect(session.firstValue() == "42")
                #expect(session.ask(Wire.query("INSERT INTO after_it VALUES (3)"))?.isOK == true)
                #expect(session.ask(Wire.query("COMMIT"))?.isOK == true)
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                #expect(try root.query("SELECT COUNT(*) FROM after_it WHERE a = 3").first == "1")
            }
        }
    }
}
