import Foundation
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct TestbedTests {
        @Test("a failover of the embedded pair keeps what was committed, and needs the old server to be gone")
        func failover() throws {
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            let client = try pair.direct()
            try client.query("CREATE TABLE t (id INT PRIMARY KEY)")
            try client.query("INSERT INTO t VALUES (7)")
            #expect(throws: TestbedFailure.self) { try pair.launchStandby() }

            let old = pair.primary
            pair.failPrimary()
            #expect(!old.isRunning)
            let lost = clientError { try client.query("SELECT 1") }
            #expect(lost?.isConnectionLoss == true)

            try pair.startStandby()
            #expect(pair.primary !== old)
            #expect(pair.primary.isRunning)
            let again = try pair.direct()
            #expect(try again.query("SELECT id FROM t").rows == [["7"]])
            #expect(try again.query("SELECT @@port, @@server_id").rows == [["\(pair.primary.port)", "2"]])
            let directory = pair.directory.path
            pair.stop()
            #expect(!FileManager.default.fileExists(atPath: directory))
            #expect(pair.ports.filter { !Ports.isFree($0) }.isEmpty)
        }

        @Test("a server is of the release that is tested, by its own pid, and leaves nothing mounted")
        func release() throws {
            func mounts() throws -> String { try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8) }
            let before = try mounts()
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            let pid = try #require(pair.primary.pid)
            let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")
            #expect(program.hasSuffix("/mariadbd"))
            let asked = try ChildProcess(
                ServerRelease.tested.command([ServerRelease.tested.program, "--version"], directories: []),
                name: "version", logPath: "\(pair.directory.path)/version.log")
            #expect(asked.wait(.seconds(30)) == .exited(0))
            let version = try #require(try pair.direct().query("SELECT @@version").first)
            #expect(asked.log.contains(" \(version.prefix { $0 != "-" })-"), "\(version), not \(asked.log)")
            for option in ServerRelease.options where option == "--log-bin" {
                #expect(try pair.direct().query("SELECT @@log_bin").first == "1")
            }
            #expect(try mounts() == before)
        }

        @Test("the client reads text and binary results, errors, and several results")
        func client() throws {
            let pair = try SharedPair.get()
            let client = try Client(
                port: pair.primary.port, user: "app", password: "app", schema: "app", multiStatements: true)
            let rows = try client.query("SELECT 1 AS a, NULL AS b, 'x' AS c")
            #expect(rows.columns == ["a", "b", "c"])
            #expect(rows.rows == [["1", nil, "x"]])
            #expect(try client.results(of: "SELECT 1; SELECT 2; DO 3").map(\.first) == ["1", "2", nil])
            let error = clientError { try client.query("SELECT * FROM nowhere") }
            #expect(error?.code == 1146)
            #expect(error?.sqlState == "42S02")

            let statement = try client.prepare("SELECT ?, ? + 1, ?, ?")
            #expect(statement.parameterCount == 4)
            let long = String(repeating: "long", count: 5000)
            #expect(
                try statement.execute([.text(long), .int(41), .null, .double(0.5)]).rows == [[long, "42", nil, "0.5"]])
            #expect(try client.statistics().contains("Uptime"))
            let wrong = clientError { _ = try Client(port: pair.primary.port, user: "app", password: "no") }
            #expect(wrong?.code == 1045)
        }

        @Test("a child ends with the process's own description, and statistics see it")
        func child() throws {
            let directory = try TemporaryDirectory()
            let child = try ChildProcess(["sleep", "60"], name: "sleep", logPath: "\(directory.path)/log")
            #expect(child.wait(.milliseconds(1)) == nil)
            // In the middle of its exec a process has no memory of its own.
            let deadline = ContinuousClock.now + .seconds(10)
            var resident = 0
            while resident == 0, ContinuousClock.now < deadline {
                resident = Int(ProcessStatistics(pid: child.pid)?.residentBytes ?? 0)
            }
            #expect(resident > 0)
            child.stop()
            #expect(child.ended == .signalled(SIGTERM))
            let failing = try ChildProcess(
                ["sh", "-c", "echo said; exit 3"], name: "sh", logPath: "\(directory.path)/log2")
            #expect(failing.wait(.seconds(10)) == .exited(3))
            #expect(failing.log == "said\n")
        }

        @Test("a load that is not disturbed has no error, and the accounting sees what is wrong with rows")
        func load() throws {
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            let direct = try pair.direct()
            try Load.makeTables(direct)
            let selects = Load(.selects, clients: 2, port: pair.primary.port)
            let inserts = Load(.inserts, clients: 2, port: pair.primary.port)
            let couples = Load(.transactions, clients: 2, port: pair.primary.port, firstNumber: 1_000_000_000)
            for load in [selects, inserts, couples] { try load.start() }
            let calm = try selects.stop()
            #expect(calm.errors.isEmpty)
            #expect(calm.statements > 0)
            var written = try inserts.stop()
            let transactions = try couples.stop()
            #expect(written.errors.isEmpty)
            #expect(transactions.errors.isEmpty)
            #expect(!written.acknowledged.isEmpty)
            written.couples = transactions.couples
            #expect(try Accounting(written, direct).isSound)

            let numbers = written.acknowledged.sorted()
            let lost = try #require(numbers.first)
            let doubled = try #require(numbers.last)
            let torn = try #require(transactions.couples.first)
            try direct.query("DELETE FROM ledger WHERE n = \(torn.0)")
            try direct.query("INSERT INTO ledger (n) VALUES (-5), (\(doubled))")
            written.rolledBack.insert(-5)
            try direct.query("DELETE FROM ledger WHERE n = \(lost) AND n <> \(doubled)")
            let accounting = try Accounting(written, direct)
            #expect(accounting.lost == (lost == doubled ? [] : [lost]))
            #expect(accounting.doubled == [doubled])
            #expect(accounting.undead == [-5])
            #expect(accounting.torn.map { [$0.0, $0.1] } == [[torn.0, torn.1]])
        }

        @Test("a load on a server that is killed loses its sessions, and says so")
        func loadOnAKilledServer() throws {
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            let direct = try pair.direct()
            try Load.makeTables(direct)
            let load = Load(.selects, clients: 3, port: pair.primary.port)
            try load.start()
            let poller = DirectPoller(port: pair.standby.port)
            pair.failPrimary()
            try pair.startStandby()
            #expect(poller.firstLogin() != nil)
            let report = try load.stop()
            #expect(report.sessionsLost >= 3)
            #expect(report.errors.keys.filter { !$0.isConnectionLoss }.isEmpty)
        }
    }
}
