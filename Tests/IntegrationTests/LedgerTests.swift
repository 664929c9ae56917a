import Foundation
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct LedgerTests {
        @Test("a failover under load is one outage, and begins and ends when an observer says so")
        func oneOutage() throws {
            let log = try Log()
            try Stage.run(sections: log.section) { stage in
                let stop = Watched(false)
                let observers = try (0..<4).map { _ in
                    let session = try stage.proxy.connect()
                    return Background { () throws -> (began: Double, ended: Double) in
                        var longest = (began: 0.0, ended: 0.0)
                        while !stop.value {
                            let began = Date().timeIntervalSince1970
                            try session.query("SELECT 1")
                            let ended = Date().timeIntervalSince1970
                            if ended - began > longest.ended - longest.began { longest = (began, ended) }
                        }
                        return longest
                    }
                }
                try log.wait { $0.number("totals", "answered") > 100 }
                stage.pair.failPrimary()
                // The pause is to be longer than what a shared machine does by itself.
                usleep(1_500_000)
                try stage.pair.startStandby()
                let report = try log.wait { report in
                    // A session that waited for the very first primary was in an outage too, of another kind.
                    report.outages.contains {
                        $0["over"] as? Bool == true && $0["felt"] as? Bool == true && $0["kind"] as? String != "start"
                    }
                }
                stop.set(true)
                let waits = try observers.compactMap { try $0.wait() }
                #expect(waits.count == 4)
                let began = try #require(waits.map(\.began).min())
                let ended = try #require(waits.map(\.ended).min())
                let felt = report.outages.filter { $0["felt"] as? Bool == true && $0["kind"] as? String != "start" }
                #expect(felt.count == 1, "\(report.text)")
                let outage = try #require(felt.first)
                let recorded = try #require(outage["began_unix_ns"] as? NSNumber).doubleValue / 1e9
                let length = try #require(outage["seconds"] as? NSNumber).doubleValue
                #expect(abs(recorded - began) < 0.25, "began \(recorded), observed \(began)")
                #expect(abs(recorded + length - ended) < 0.25, "ended \(recorded + length), observed \(ended)")
                #expect(outage["kind"] as? String == "failover")
                #expect(outage["from"] as? String == "cluster1")
                #expect(outage["to"] as? String == "cluster2")
                #expect(outage["planned"] as? Bool == false)
                #expect(outage["users_affected"] as? Int == 4)
                #expect((outage["phases"] as? [Any])?.isEmpty == false)
            }
            // The arithmetic of the whole run.
            let report = try log.read()
            let ends = ["answered", "failed", "abandoned", "pending"]
            let accounted = ends.reduce(0) { $0 + report.number("totals", $1) }
            #expect(report.number("totals", "begun") == accounted)
        }

        @Test("after kill -9 of the proxy in an outage, the log says what it knows, and the next run goes on")
        func killedInTheMiddle() throws {
            let log = try Log()
            try Stage.run { stage in
                let first = try ProxyProcess(nodes: stage.pair.ports, sections: log.section)
                let session = try first.connect()
                try session.query("SELECT 1")
                stage.pair.failPrimary()
                let held = Background { try session.query("SELECT 2") }
                try log.wait { $0.outages.contains { $0["felt"] as? Bool == true && $0["over"] as? Bool == false } }
                first.send(SIGKILL)
                _ = first.wait(.seconds(10))
                _ = held.error()
                let before = try log.read()
                #expect(before.outages.last?["interrupted"] as? Bool == false)
                let second = try ProxyProcess(nodes: stage.pair.ports, sections: log.section)
                let after = try log.wait { !$0.gaps.isEmpty }
                #expect(after.gaps.first?["reason"] as? String == "killed")
                #expect(after.outages.contains { $0["interrupted"] as? Bool == true })
                second.stop(grace: .seconds(2))
            }
        }
    }
}

/// A log in a directory of its own, looked at with `haproxydb report`.
private final class Log {
    struct Report {
        let text: String
        let all: [String: Any]

        var outages: [[String: Any]] { all["outages"] as? [[String: Any]] ?? [] }
        var gaps: [[String: Any]] { all["gaps"] as? [[String: Any]] ?? [] }
        func number(_ section: String, _ name: String) -> Int {
            ((all[section] as? [String: Any])?[name] as? NSNumber)?.intValue ?? 0
        }
    }

    private let directory: TemporaryDirectory
    private var path: String { "\(directory.path)/availability.db" }
    var section: String { "[availability]\nfile = \"\(path)\"" }

    init() throws { directory = try TemporaryDirectory(prefix: "hadbl") }

    func read() throws -> Report {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try ProxyProcess.findProgram())
        process.arguments = ["report", "--file", path, "--format", "json"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let all = process.terminationStatus == 0 ? try JSONSerialization.jsonObject(with: data) : nil
        return Report(text: String(decoding: data, as: UTF8.self), all: all as? [String: Any] ?? [:])
    }

    /// Until the log says so.
    @discardableResult
    func wait(_ fulfilled: (Report) -> Bool) throws -> Report {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let report = try read()
            if fulfilled(report) { return report }
            guard ContinuousClock.now < deadline else {
                throw TestbedFailure("after 30 s the log says:\n\(report.text)")
            }
            usleep(50_000)
        }
    }
}
