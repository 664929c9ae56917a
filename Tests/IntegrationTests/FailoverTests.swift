import Foundation
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct FailoverTests {
        @Test("under load, a kill -9 of the primary is a pause for readers and idle sessions, and no row is lost")
        func underLoad() throws {
            try Stage.run { stage in
                var plan = FailoverTrial.Plan()
                plan.transactions = 5
                let outcome = try FailoverTrial(plan).run(stage.pair, port: stage.proxy.port)
                for fault in outcome.broken() { Issue.record("\(fault)\n\(stage.proxy.logTail())") }
                #expect(outcome.inserts.acknowledged.count > 100)
                #expect(!outcome.transactions.acknowledged.isEmpty)
                // The pause was really there: nobody was answered by a dead server.
                #expect(outcome.selects.longest > plan.gap)
                #expect(outcome.clusterDown > plan.gap)
            }
        }

        @Test("statements and logins that come while there is no primary wait for the next one")
        func held() throws {
            try Stage.run { stage in
                let session = try stage.proxy.connect()
                try session.query("CREATE TABLE waited (id INT PRIMARY KEY)")
                stage.pair.failPrimary()
                let write = Background { try session.query("INSERT INTO waited VALUES (1)").affectedRows }
                let login = Background { try stage.proxy.connect() }
                #expect(try write.wait(.milliseconds(500)) == nil)
                #expect(!login.isDone)
                try stage.pair.startStandby()
                #expect(try write.wait() == 1)
                let late = try #require(try login.wait())
                #expect(try late.query("SELECT id FROM waited").rows == [["1"]])
                #expect(try late.query("SELECT @@port").first == "\(stage.pair.primary.port)")
            }
        }

        @Test("prepared statements keep their ids and their types, over two failovers")
        func prepared() throws {
            try Stage.run { stage in
                let session = try stage.proxy.connect()
                try session.query("CREATE TABLE p (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(100), d DOUBLE)")
                let insert = try session.prepare("INSERT INTO p (v, d) VALUES (?, ?)")
                let select = try session.prepare("SELECT id, v, d FROM p WHERE id >= ? ORDER BY id")
                let closed = try session.prepare("SELECT 'closed'")
                try insert.execute(["one", .double(0.5)])
                closed.close()
                for round in 2...3 {
                    try stage.failOver()
                    let made = try session.prepare("SELECT ?")
                    #expect(try made.execute([.int(Int64(round))]).first == "\(round)")
                    try insert.execute([.text("round \(round)"), .null])
                    #expect(try select.execute([1]).rows.count == round)
                    #expect(try select.execute([1]).rows.first == ["1", "one", "0.5"])
                }
                // The types of the last execution are not sent again by a client that has not bound anew.
                #expect(try select.execute([3]).rows == [["3", "round 3", nil]])
            }
        }

        @Test("an open transaction ends with 1213 and SQLSTATE 40001, and the session lives on")
        func openTransaction() throws {
            try Stage.run { stage in
                let session = try stage.proxy.connect()
                #expect(stage.proxy.logs("All tables are of engines with transactions"))
                try stage.pair.direct().query("CREATE TABLE t (id INT PRIMARY KEY)")
                try session.query("SET @kept = 'yes'")
                try session.query("BEGIN")
                try session.query("INSERT INTO t VALUES (1)")
                #expect(session.isInTransaction)
                try stage.failOver()
                let error = clientError { try session.query("INSERT INTO t VALUES (2)") }
                #expect(error?.code == 1213)
                #expect(error?.sqlState == "40001")
                #expect(try session.query("SELECT COUNT(*), @kept FROM t").rows == [["0", "yes"]])
                #expect(!session.isInTransaction)
                try session.query("BEGIN")
                try session.query("INSERT INTO t VALUES (3)")
                try session.query("COMMIT")
                #expect(try stage.pair.direct().query("SELECT id FROM t").rows == [["3"]])

                // With autocommit off, a statement opens the transaction; the next one begins a new one.
                try session.query("SET autocommit = 0")
                try session.query("INSERT INTO t VALUES (4)")
                try stage.failOver()
                #expect(clientError { try session.query("COMMIT") }?.sqlState == "40001")
                try session.query("INSERT INTO t VALUES (5)")
                try session.query("COMMIT")
                #expect(try session.query("SELECT @@autocommit").first == "0")
                #expect(try stage.pair.direct().query("SELECT id FROM t ORDER BY id").rows == [["3"], ["5"]])
            }
        }

        @Test("the session that went idle in a transaction without a write is told, too")
        func readTransaction() throws {
            try Stage.run { stage in
                let session = try stage.proxy.connect()
                #expect(stage.proxy.logs("All tables are of engines with transactions"))
                try session.query("START TRANSACTION WITH CONSISTENT SNAPSHOT")
                try session.query("SELECT 1")
                try stage.failOver()
                #expect(clientError { try session.query("SELECT 2") }?.sqlState == "40001")
                #expect(try session.query("SELECT 3").first == "3")
            }
        }

        @Test(
            "state that cannot be rebuilt is an error at the next statement, once",
            arguments: ["CREATE TEMPORARY TABLE kept (id INT)", "LOCK TABLES numbers READ", "SELECT GET_LOCK('x', 0)"])
        func stateThatIsLost(statement: String) throws {
            try Stage.run { stage in
                try Load.makeTables(stage.pair.direct())
                let session = try stage.proxy.connect()
                try session.query(statement)
                try stage.failOver()
                let error = clientError { try session.query("SELECT 1") }
                #expect(error != nil, "a session without its \(statement) was silently handed on")
                #expect(error?.code != 1146)
                if error?.isConnectionLoss == false { #expect(try session.query("SELECT 2").first == "2") }
                #expect(try stage.proxy.connect().query("SELECT 3").first == "3")
            }
        }

        @Test("after hold_timeout there is a clear error, and the session lives on")
        func holdTimeout() throws {
            try Stage.run(holdTimeout: "1s") { stage in
                let session = try stage.proxy.connect()
                try session.query("SELECT 1")
                stage.pair.failPrimary()
                let begun = ContinuousClock.now
                let error = clientError { try session.query("SELECT 2") }
                let waited = ContinuousClock.now - begun
                #expect(error?.isConnectionLoss == false, "\(String(describing: error))")
                #expect(error?.message.contains("primary") == true, "\(String(describing: error))")
                #expect(waited > .milliseconds(700) && waited < .seconds(5), "\(waited)")
                let login = clientError { _ = try stage.proxy.connect() }
                #expect(login != nil)
                try stage.pair.startStandby()
                #expect(try session.query("SELECT 3").first == "3")
            }
        }

        @Test("a session's every setting is there after a failover, and what was reset stays reset")
        func settings() throws {
            try Stage.run { stage in
                let session = try stage.proxy.connect()
                let idle = try IdleSession(stage.proxy.connect(), number: 7)
                try session.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                try session.query("SET SESSION max_statement_time = 33.5")
                try session.query("SET NAMES utf8mb3")
                try session.query("SET sql_mode = 'ANSI_QUOTES'")
                try session.query("SET @a = 1.5, @b = 'it''s', @c = NULL")
                try session.query("CREATE DATABASE IF NOT EXISTS app")
                try session.query("USE app")
                let question = """
                    SELECT @@tx_isolation, @@sql_mode, @a, @b, @c, @@max_statement_time, @@character_set_client,
                    DATABASE(), @@autocommit
                    """
                let before = try session.query(question)
                let cleared = try stage.proxy.connect()
                try cleared.query("SET @gone = 1, SESSION sort_buffer_size = 1234567")
                let statement = try cleared.prepare("SELECT 1")
                try cleared.reset()
                let clean = try cleared.query("SELECT @gone, @@sort_buffer_size")
                try stage.failOver()
                #expect(try session.query(question).rows == before.rows)
                #expect(before.rows.first?.first == "READ-COMMITTED")
                try idle.check()
                #expect(try cleared.query("SELECT @gone, @@sort_buffer_size").rows == clean.rows)
                #expect(clientError { try statement.execute() } != nil)
            }
        }

        @Test("a server that is restarted in place is a failover, too")
        func restartInPlace() throws {
            try Stage.run { stage in
                let session = try stage.proxy.connect()
                try session.query("SET @mark = 5")
                stage.pair.primary.crash()
                let held = Background { try session.query("SELECT @mark").first }
                try stage.pair.primary.start()
                #expect(try held.wait() == "5")
                stage.pair.primary.stop()
                let again = Background { try session.query("SELECT @mark + 1").first }
                try stage.pair.primary.start()
                #expect(try again.wait() == "6")
            }
        }
    }
}
