import Foundation
import Testbed
import Testing

extension Integration {
    /// The protocol through the proxy, held against a direct connection.
    @Suite(.serialized)
    struct ProtocolTests {
        private func pairOfClients(multiStatements: Bool = false, localInfile: Bool = false) throws -> [Client] {
            let port = try SharedPair.get().primary.port
            let direct = try Client(
                port: port, user: "app", password: "app", schema: "app", readTimeout: 60,
                multiStatements: multiStatements, localInfile: localInfile)
            return [
                direct,
                try SharedProxy.get().connect(
                    readTimeout: 60, multiStatements: multiStatements, localInfile: localInfile),
            ]
        }

        @Test(
            "results, errors and warnings are the same",
            arguments: [
                "SELECT 1, NULL, '', 'ä', x'00ff', 1.5e300, DATE'2024-02-29', TIME'-838:59:59'",
                "SELECT * FROM nowhere", "SELEC 1", "SELECT 1/0", "SELECT seq FROM seq_1_to_5000", "DO 1",
                "SHOW STATUS LIKE 'x'",
                "INSERT INTO nowhere VALUES (1)", "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'own'",
                "SELECT '' WHERE FALSE",
                "EXPLAIN SELECT 1", "USE nowhere", "SELECT 1 INTO @x", "CREATE DATABASE forbidden", "KILL 4294967290",
                "SELECT CAST('x' AS INT)", "BEGIN NOT ATOMIC SELECT 1; SELECT 2; SIGNAL SQLSTATE '45001'; END",
            ])
        func sameAnswer(statement: String) throws {
            let answers = try pairOfClients(multiStatements: true).map { client in
                do throws(ClientError) {
                    return Result<[Rows], ClientError>.success(try client.results(of: statement))
                } catch {
                    return .failure(error)
                }
            }
            #expect(answers[1] == answers[0])
        }

        @Test("several statements in one, a procedure's results, and an error in the middle")
        func multiStatements() throws {
            for client in try pairOfClients(multiStatements: true) {
                try client.query(
                    """
                    CREATE OR REPLACE PROCEDURE three() BEGIN SELECT 1; SELECT 2, 3; SELECT seq FROM seq_1_to_3; END
                    """)
                let results = try client.results(of: "SELECT 'a'; CALL three(); DO 1; SELECT 'b'")
                #expect(results.map(\.rows.count) == [1, 1, 1, 3, 0, 0, 1])
                #expect(clientError { try client.query("SELECT 1; SELECT * FROM nowhere; SELECT 2") }?.code == 1146)
                #expect(try client.query("SELECT 'after'").first == "after")
                let call = try client.prepare("CALL three()")
                #expect(try call.execute().rows.count >= 0)
                #expect(try client.query("SELECT 'and after'").first == "and after")
            }
        }

        @Test("every type in the binary protocol")
        func binaryTypes() throws {
            let clients = try pairOfClients()
            // MariaDB has it from 10.7 on.
            let uuid =
                clientError { try clients[0].query("SELECT CAST('' AS UUID)") }?.code == 4161 ? "CHAR(36)" : "UUID"
            try clients[0].query(
                """
                CREATE OR REPLACE TABLE types (a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT, d INT, e BIGINT UNSIGNED,
                f FLOAT, g DOUBLE, h DECIMAL(30,10), i DATE, j TIME(6), k DATETIME(6), l TIMESTAMP NULL, m YEAR,
                n CHAR(10), o VARCHAR(100), p BINARY(4), q LONGTEXT, r ENUM('x','y'), s SET('p','q'), t BIT(12),
                u JSON, v \(uuid), w INET6)
                """)
            for client in clients {
                let insert = try client.prepare(
                    "INSERT INTO types VALUES (\([String](repeating: "?", count: 23).joined(separator: ",")))")
                let values: [PreparedStatement.Parameter] = [
                    -128, 65535, -8_388_608, .int(Int64(Int32.min)), .int(Int64.max), .double(1.25), .double(-1e300),
                    "12345678901234567890.0123456789", "2024-02-29", "-12:34:56.789012", "9999-12-31 23:59:59.999999",
                    "2001-01-01 00:00:00", 2155, "char", .text(String(repeating: "ü", count: 100)), "bin\0",
                    .text(String(repeating: "q", count: 70_000)), "y", "p,q", .int(4095), "{\"a\": [1, 2]}",
                    "123e4567-e89b-12d3-a456-426655440000", "2001:db8::1",
                ]
                #expect(try insert.execute(values, longData: [16]).affectedRows == 1)
                #expect(
                    try insert.execute([PreparedStatement.Parameter](repeating: .null, count: 23)).affectedRows == 1)
            }
            let answers = try clients.map {
                try $0.prepare("SELECT * FROM types WHERE a = ? OR a IS NULL").execute([-128])
            }
            #expect(answers[0].rows.count == 4)
            #expect(answers[1] == answers[0])
            #expect(answers[1].rows[0] == answers[1].rows[2])
        }

        @Test("a cursor is fetched in pieces; reset and close leave the session in order")
        func cursor() throws {
            for client in try pairOfClients() {
                let statement = try client.prepare("SELECT seq, REPEAT('c', 100) FROM seq_1_to_1000 WHERE seq > ?")
                statement.useCursor(prefetch: 7)
                #expect(try statement.execute([100]).rows.count == 900)
                try statement.reset()
                #expect(try statement.execute([990]).rows.count == 10)
                statement.close()
                #expect(try client.query("SELECT 1").first == "1")
                #expect(clientError { _ = try client.prepare("SELECT * FROM nowhere") }?.code == 1146)
            }
        }

        @Test("LOAD DATA LOCAL INFILE: rows arrive, and a file that is not there is an error")
        func localInfile() throws {
            let directory = try TemporaryDirectory()
            let path = "\(directory.path)/rows.csv"
            let rows = (1...100_000).map { "\($0),\(String(repeating: "v", count: $0 % 50))\n" }.joined()
            try rows.write(toFile: path, atomically: true, encoding: .utf8)
            for client in try pairOfClients(localInfile: true) {
                try client.query("CREATE OR REPLACE TABLE loaded (id INT PRIMARY KEY, v VARCHAR(60))")
                let load = "LOAD DATA LOCAL INFILE '\(path)' INTO TABLE loaded FIELDS TERMINATED BY ','"
                #expect(try client.query(load).affectedRows == 100_000)
                #expect(try client.query("SELECT COUNT(*), SUM(id) FROM loaded").rows == [["100000", "5000050000"]])
                let missing = clientError {
                    try client.query("LOAD DATA LOCAL INFILE '\(path).no' INTO TABLE loaded")
                }
                #expect(missing != nil)
                #expect(try client.query("SELECT 'after'").first == "after")
            }
        }

        @Test("rows and statements of 20 MB, and of exactly 16 MiB - 1", .timeLimit(.minutes(1)))
        func large() throws {
            for client in try pairOfClients() {
                let twenty = 20 << 20
                #expect(try client.query("SELECT REPEAT('x', \(twenty)), 1").first?.utf8.count == twenty)
                let statement = "SELECT LENGTH('\(String(repeating: "y", count: twenty))')"
                #expect(try client.query(statement).first == "\(twenty)")
                // The command byte and this text are a payload of 0xffffff bytes: an empty packet must follow it.
                let full = "SELECT LENGTH('\(String(repeating: "z", count: 0xff_ffff - 1 - 17))')"
                #expect(full.utf8.count == 0xff_ffff - 1)
                #expect(try client.query(full).first == "\(0xff_ffff - 18)")
                // A row of one value with a length prefix of four bytes.
                let row = 0xff_ffff - 4
                #expect(try client.query("SELECT REPEAT('r', \(row))").first?.utf8.count == row)
                #expect(try client.query("SELECT REPEAT('r', \(row + 1))").first?.utf8.count == row + 1)
                let prepared = try client.prepare("SELECT LENGTH(?)")
                #expect(try prepared.execute([.bytes([UInt8](repeating: 65, count: twenty))]).first == "\(twenty)")
                #expect(try client.query("SELECT 'after'").first == "after")
            }
        }

        @Test("a reader who stops reading does not make the proxy hold the result in memory")
        func backPressure() throws {
            let proxy = try SharedProxy.get()
            let session = try proxy.connect()
            let before = try #require(proxy.statistics).residentBytes
            var during = 0
            let rows = try session.stream("SELECT REPEAT('b', 1000) FROM seq_1_to_200000") { count in
                // After the first rows have come, nothing is read while others work: 200 MB are on their way.
                guard count == 1, let other = try? proxy.connect() else { return }
                for _ in 0..<200 { _ = try? other.query("SELECT 1") }
                during = proxy.statistics?.residentBytes ?? Int.max
            }
            #expect(rows == 200_000)
            #expect(during > 0)
            #expect(during - before < 32 << 20, "\((during - before) >> 20) MiB more")
        }

        @Test("the small commands: ping, init db, statistics, field list, reset connection")
        func smallCommands() throws {
            for client in try pairOfClients() {
                try client.ping()
                try client.query("CREATE TABLE IF NOT EXISTS fields (one INT, two INT)")
                #expect(try client.fields(of: "fields") == ["one", "two"])
                #expect(clientError { _ = try client.fields(of: "nowhere") }?.code == 1146)
                #expect(try client.statistics().contains("Uptime"))
                try client.selectSchema("information_schema")
                #expect(try client.query("SELECT DATABASE()").first == "information_schema")
                #expect(clientError { try client.selectSchema("nowhere") }?.code == 1044)
                try client.query("SET @x = 1")
                let statement = try client.prepare("SELECT 1")
                try client.reset()
                #expect(try client.query("SELECT @x").rows == [[nil]])
                #expect(clientError { try statement.execute() } != nil)
            }
        }

        @Test("autocommit, transactions and locks are the node's")
        func transactions() throws {
            let proxy = try SharedProxy.get()
            let (one, two) = (try proxy.connect(), try proxy.connect())
            try one.query("CREATE OR REPLACE TABLE locked (id INT PRIMARY KEY, v INT)")
            try one.query("INSERT INTO locked VALUES (1, 0)")
            try one.query("BEGIN")
            try one.query("UPDATE locked SET v = 1")
            try two.query("SET innodb_lock_wait_timeout = 1")
            #expect(clientError { try two.query("UPDATE locked SET v = 2") }?.code == 1205)
            try one.query("COMMIT")
            #expect(try two.query("UPDATE locked SET v = 3").affectedRows == 1)
        }

        @Test("KILL ends a session as it does directly, and the thread id is the node's or kills nobody else")
        func kill() throws {
            let proxy = try SharedProxy.get()
            let session = try proxy.connect()
            let id = try #require(try session.query("SELECT CONNECTION_ID()").first)
            try SharedPair.get().asRoot().query("KILL \(id)")
            // The node closes the connection: to the proxy that is a lost backend. Nobody else must be hit.
            let other = try proxy.connect()
            #expect(try other.query("SELECT 1").first == "1")
            let after = Background { try session.query("SELECT 2").first }
            _ = try? after.wait(.seconds(20))
            #expect(after.isDone)
        }

        @Test("a client that goes away in the middle of a result leaves nothing behind")
        func goneClient() throws {
            let proxy = try SharedProxy.get()
            let root = try SharedPair.get().asRoot()
            let count = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app' AND info LIKE '%gone%'"
            let session = try proxy.connect()
            try session.send("SELECT REPEAT('gone', 1000) FROM seq_1_to_1000000")
            _ = try root.query(count)
            session.abandon()
            let deadline = ContinuousClock.now + .seconds(20)
            while try root.query(count).first != "0", ContinuousClock.now < deadline {}
            #expect(try root.query(count).first == "0")
        }
    }
}
