import Foundation
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct LedgerTests {
        /// As `make campaign`, with four incidents and more patience: a machine that is busy otherwise is late itself.
        @Test("induced outages are in the log as the clients felt them")
        func campaign() throws {
            let log = try AvailabilityLog()
            try Stage.run(sections: log.section) { stage in
                var campaign = Campaign([
                    .init(.pause, 0.4), .init(.freeze, 0.6), .init(.kill, 2), .init(.readOnly, 0.8),
                ])
                campaign.clients = [(.selects, 5), (.inserts, 2), (.transactions, 1)]
                campaign.idle = 2
                campaign.rest = 1.5
                campaign.tolerance = 0.4
                campaign.userMinutesTolerance = 0.25
                let outcome = try campaign.run(stage.pair, stage.proxy, log)
                #expect(outcome.faults.isEmpty, "\(outcome.faults)")
                let induced = outcome.findings.filter { $0.incident != nil }
                #expect(induced.count == 4)
                for finding in induced {
                    #expect(finding.faults.isEmpty, "\(String(describing: finding.incident)): \(finding.faults)")
                }
            }
        }

        @Test("long statements are no outage, however long nothing else comes from the server")
        func longStatements() throws {
            let log = try AvailabilityLog()
            try Stage.run(sections: log.section) { stage in
                let session = try stage.proxy.connect()
                let other = try stage.proxy.connect()
                let sleep = Background { try other.query("SELECT SLEEP(2)") }
                try session.query("SELECT SLEEP(1.5)")
                _ = try sleep.wait()
                let report = try log.wait { $0.totals["answered"] ?? 0 >= 2 }
                #expect(report.outages.filter(\.isOfInterest).isEmpty, "\(report.text)")
            }
        }

        @Test("without a file seconds are counted and outages kept as well, for the socket and the page")
        func withoutFile() throws {
            try Stage.run { stage in
                let session = try stage.proxy.connect()
                _ = try stage.proxy.admin("pause")
                let held = Background { try session.query("SELECT 1") }
                try wait { ((try? stage.proxy.admin("show holds")) ?? "").contains("held") }
                usleep(100_000)
                _ = try stage.proxy.admin("resume")
                _ = try held.wait()
                // The time that users lost in it comes from the second's row.
                try wait {
                    let text = (try? stage.proxy.admin("show outages json")) ?? ""
                    let outages = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]]
                    let pause = outages?.last { $0["kind"] as? String == "pause" }
                    return pause?.contains { $0.key.hasPrefix("user_time_lost") && ($0.value as? Double ?? 0) > 0 }
                        ?? false
                }
            }
        }

        @Test("after kill -9 of the proxy in an outage, the log says what it knows, and the next run goes on")
        func killedInTheMiddle() throws {
            let log = try AvailabilityLog()
            try Stage.run { stage in
                let first = try ProxyProcess(nodes: stage.pair.ports, sections: log.section)
                let session = try first.connect()
                try session.query("SELECT 1")
                stage.pair.failPrimary()
                let held = Background { try session.query("SELECT 2") }
                try log.wait { report in
                    report.outages.contains { $0.felt && !$0.over && $0.usersAffected == 1 && $0.seconds > 1 }
                }
                first.send(SIGKILL)
                _ = first.wait(.seconds(10))
                _ = held.error()
                let before = try #require(try log.read())
                #expect(before.outages.last?.interrupted == false)
                #expect(before.isBalanced)
                let second = try ProxyProcess(nodes: stage.pair.ports, sections: log.section)
                let after = try log.wait { !$0.gaps.isEmpty }
                #expect(after.gaps.map(\.reason) == ["killed"])
                let outage = try #require(after.outages.last { $0.run == 1 })
                // What is known: that nobody had been answered until then, and nothing of its end.
                #expect(outage.interrupted && !outage.over)
                #expect(outage.kind == "open")
                #expect(outage.from == "cluster1" && outage.to.isEmpty)
                #expect(outage.seconds >= 1)
                #expect(outage.userMinutesLost > 0)
                // The next run: clients wait for its first primary, and the last second before its stop is written.
                try stage.pair.startStandby()
                let again = try second.connect()
                try again.query("SELECT 3")
                second.stop(grace: .seconds(10))
                let end = try #require(try log.read())
                #expect(end.unrecordedSeconds > 0)
                // The statement that was held when the first run was killed, and nothing else, came to no end.
                let ends = ["answered", "failed", "abandoned", "pending"].reduce(1) { $0 + (end.totals[$1] ?? 0) }
                #expect(end.totals["begun"] == ends, "\(end.totals)")
                #expect(end.gaps.count == 1)
                let session2 = end.outages.filter { $0.run == 2 && $0.felt }
                #expect(session2.allSatisfy { $0.kind == "start" && $0.over })
            }
        }

        /// On a file system of its own: needs root, as the agents' tests do.
        @Test(
            "the log's disk is full: the proxy serves on and says so, and writes when there is room",
            .enabled(if: geteuid() == 0))
        func fullDisk() throws {
            let directory = try TemporaryDirectory(prefix: "hadbf")
            func run(_ program: String, _ arguments: [String]) throws -> Int32 {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: program)
                process.arguments = arguments
                try process.run()
                process.waitUntilExit()
                return process.terminationStatus
            }
            try #require(
                try run("/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory.path]) == 0, "mount")
            defer { _ = try? run("/bin/umount", ["-l", directory.path]) }
            let section = "[availability]\nfile = \"\(directory.path)/availability.db\""
            try Stage.run(sections: section) { stage in
                let session = try stage.proxy.connect()
                try session.query("SELECT 1")
                try wait { FileManager.default.fileExists(atPath: "\(directory.path)/availability.db-wal") }
                // Takes all that is left.
                let filler = "\(directory.path)/filler"
                _ = FileManager.default.createFile(atPath: filler, contents: nil)
                let handle = try #require(FileHandle(forWritingAtPath: filler))
                while (try? handle.write(contentsOf: Data(count: 4096))) != nil {}
                try wait { stage.proxy.log.contains("no room") }
                try session.query("SELECT 2")
                try stage.proxy.connect().close()
                try handle.close()
                try FileManager.default.removeItem(atPath: filler)
                try wait { stage.proxy.log.contains("is written again") }
                #expect(stage.proxy.logs("0 entries were given up"))
            }
        }

        private func wait(_ isTrue: () -> Bool) throws {
            let deadline = ContinuousClock.now + .seconds(60)
            while !isTrue() {
                guard ContinuousClock.now < deadline else { throw TestbedFailure("not after 60 s") }
                usleep(50_000)
            }
        }
    }
}
