import ArgumentParser
import Availability
import Cluster
import Foundation
import Ledger
import Testbed

extension Lab {
    struct SoakCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "soak",
            abstract: "A mixed load for a long time, and the ledger's arithmetic checked for every second of it.",
            discussion: """
                Text and prepared statements, transactions, connects, clients that go in the middle of a statement, \
                sessions killed, pauses, failovers. Exit status 0 only when every second is there, adds up, and memory \
                and descriptors of the proxy are what they were.
                """)

        @Option(help: "How long.")
        var minutes = 30.0
        @Option(help: "Seconds between two failovers.")
        var failoverEvery = 150.0
        @Option(help: "Decides what happens when.")
        var seed: UInt64 = 1

        func validate() throws {
            guard minutes > 0, minutes <= 1440, failoverEvery >= 10 else {
                throw ValidationError("up to 1440 minutes, and at least 10 s between failovers")
            }
        }

        func run() throws {
            let begun = ContinuousClock.now
            let say: (String) -> Void = { output("\(stamp(since: begun))  \($0)") }
            let log = try AvailabilityLog()
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            let proxy = try ProxyProcess(nodes: pair.ports, sections: log.section)
            defer { proxy.stop(grace: .seconds(3)) }
            var soak = Soak(pair: pair, proxy: proxy, log: log, seed: seed)
            do {
                try soak.run(minutes: minutes, failoverEvery: failoverEvery, say: say)
            } catch {
                output("\(error)\nthe proxy's log:\n\(proxy.logTail())")
                throw ExitCode(1)
            }
            output(soak.summary)
            guard soak.faults.isEmpty else {
                output("the proxy's log:\n\(proxy.logTail())")
                throw ExitCode(1)
            }
        }
    }
}

/// A long mixed load, and what is watched meanwhile.
struct Soak {
    private struct Resources {
        var resident: Int
        var descriptors: Int
    }

    private let pair: EmbeddedPair
    private let proxy: ProxyProcess
    private let log: AvailabilityLog
    private var random: SplitMix64
    private(set) var faults: [String] = []
    private var before: Resources?
    private var minutes: [Resources] = []
    private var after: Resources?
    private var done: [String: Int] = [:]
    private var rows: [Interval] = []
    private var outages = 0

    init(pair: EmbeddedPair, proxy: ProxyProcess, log: AvailabilityLog, seed: UInt64) {
        self.pair = pair
        self.proxy = proxy
        self.log = log
        random = SplitMix64(seed)
    }

    mutating func run(minutes length: Double, failoverEvery: Double, say: (String) -> Void) throws {
        let root = try pair.asRoot(schema: EmbeddedPair.schema)
        try Load.makeTables(root)
        root.close()
        // What is allocated once, at the first sessions, is not counted.
        try proxy.connect().close()
        before = resources()
        let clients = Observers(
            [(.selects, 8), (.inserts, 4), (.transactions, 4), (.connects, 3)], port: proxy.port, think: 20_000,
            keeps: false)
        try clients.start()
        let others = Disturbers(port: proxy.port)
        others.start()
        let end = ContinuousClock.now + .seconds(length * 60)
        var nextMinute = ContinuousClock.now + .seconds(60)
        var nextFailover = ContinuousClock.now + .seconds(failoverEvery / 2)
        while ContinuousClock.now < end, !Interrupt.came {
            Thread.sleep(forTimeInterval: 2 + Double(random.next() % 4000) / 1000)
            try disturb()
            if ContinuousClock.now >= nextFailover {
                nextFailover = ContinuousClock.now + .seconds(failoverEvery)
                pair.failPrimary()
                Thread.sleep(forTimeInterval: Double(random.next() % 4000) / 1000)
                try pair.startStandby()
                count("failovers")
            }
            if ContinuousClock.now >= nextMinute {
                nextMinute = ContinuousClock.now + .seconds(60)
                if let now = resources() { minutes.append(now) }
                try check()
                say(line)
                guard proxy.isRunning else { throw TestbedFailure("the proxy has ended") }
            }
        }
        try clients.stop()
        others.stop()
        done["turns"] = clients.turns + others.turns
        done["aborted"] = others.aborts
        // What clients leave behind is closed when the proxy has seen it.
        let counted = before?.descriptors ?? 0
        for _ in 0..<100 where (resources()?.descriptors ?? 0) > counted + 2 { usleep(100_000) }
        after = resources()
        proxy.stop(grace: .seconds(10))
        try check()
        judge()
    }

    private mutating func disturb() throws {
        switch random.next() % 6 {
        case 0:
            _ = try proxy.admin("pause")
            Thread.sleep(forTimeInterval: Double(random.next() % 1500) / 1000)
            _ = try proxy.admin("resume")
            count("pauses")
        case 1:
            let ids = try proxy.admin("show sessions").split(separator: "\n").compactMap { line in
                line.split(separator: " ").first.flatMap { UInt32($0) }
            }
            guard !ids.isEmpty else { return }
            _ = try proxy.admin("shutdown session \(ids[Int(random.next() % UInt64(ids.count))])")
            count("sessions ended")
        case 2:
            // As Ctrl-C does, from another session.
            guard let killer = try? proxy.connect() else { return }
            let ids = try proxy.admin("show sessions").split(separator: "\n").compactMap { line in
                line.split(separator: " ").first.flatMap { UInt32($0) }
            }
            guard !ids.isEmpty else { return }
            _ = try? killer.query("KILL QUERY \(ids[Int(random.next() % UInt64(ids.count))])")
            killer.close()
            count("queries killed")
        case 3:
            guard let root = try? pair.asRoot() else { return }
            // Of the node's threads, those of the application.
            let threads =
                (try? root.query("SELECT id FROM information_schema.processlist WHERE user = 'app'").rows) ?? []
            if let id = threads.randomElement(using: &random)?[0] {
                _ = try? root.query("KILL \(id)")
                count("backends killed")
            }
            root.close()
        case _: break
        }
    }

    private mutating func count(_ what: String) { done[what, default: 0] += 1 }

    private func resources() -> Resources? {
        proxy.statistics.map { Resources(resident: $0.residentBytes, descriptors: $0.descriptors) }
    }

    // MARK: what is checked

    /// Every second so far.
    private mutating func check() throws {
        let contents = try LedgerContents.read(path: log.path, since: nil, until: nil)
        rows = contents.intervals
        outages = contents.outages.filter(\.isFelt).count
        var found: [String] = contents.gaps.map { "a gap from \($0.began.text()) on: \($0.reason.rawValue)" }
        if contents.resolution != .seconds { found.append("the seconds are not all there any more") }
        for (n, row) in rows.enumerated() {
            let last = n > 0 ? rows[n - 1] : nil
            let off = row.imbalance(after: last)
            if off != 0 { found.append("\(row.began.text()): off by \(off)") }
            if let last, last.monotonic + last.covered != row.monotonic {
                found.append("\(row.began.text()): there is a hole before it")
            }
        }
        for sentence in found where faults.count < 20 && !faults.contains(sentence) { faults.append(sentence) }
    }

    private mutating func judge() {
        guard let before, let after, minutes.count >= 4 else {
            if minutes.count >= 4 { faults.append("the proxy's resources could not be read") }
            return
        }
        let quarter = minutes.count / 4
        let early = minutes[quarter..<(2 * quarter)].map(\.resident).sorted()[quarter / 2]
        let late = minutes.suffix(quarter).map(\.resident).sorted()[quarter / 2]
        if late > early + max(early / 10, 4 << 20) {
            faults.append("memory grew from \(early >> 10) to \(late >> 10) KiB")
        }
        if after.descriptors > before.descriptors + 2 {
            faults.append("\(before.descriptors) descriptors before, \(after.descriptors) after")
        }
    }

    private var line: String {
        let now = minutes.last
        return "\(rows.count) seconds, \(rows.reduce(0) { $0 + $1.answered }) statements answered, \(outages) outages, "
            + "resident \((now?.resident ?? 0) >> 10) KiB, \(now?.descriptors ?? 0) descriptors"
            + (faults.isEmpty ? "" : ", \(faults.count) FAULTS")
    }

    var summary: String {
        func sum(_ path: KeyPath<Interval, Int64>) -> Int64 { rows.reduce(0) { $0 + $1[keyPath: path] } }
        let things = done.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        let resident = minutes.map { "\($0.resident >> 10)" }.joined(separator: " ")
        var lines = [
            "", "\(rows.count) seconds: \(things); \(outages) outages felt",
            "begun \(sum(\.begun)) = answered \(sum(\.answered)) + failed \(sum(\.failed)) + abandoned "
                + "\(sum(\.abandoned)) + pending at the end \((rows.last?.heldNow ?? 0) + (rows.last?.inFlightNow ?? 0)); "
                + "checked for each of them; \(rows.reduce(0) { $0 + $1.estimated }) interpolated",
            "resident KiB by the minute: \(resident)",
            "descriptors: \(before?.descriptors ?? 0) before, \(minutes.map(\.descriptors).max() ?? 0) at most, "
                + "\(after?.descriptors ?? 0) after",
        ]
        lines.append(faults.isEmpty ? "every second is there and adds up" : "NOT as promised:")
        return (lines + faults.map { "  \($0)" }).joined(separator: "\n")
    }
}
