import ArgumentParser
import Foundation
import Testbed

extension Lab {
    struct HostileCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "hostile",
            abstract:
                "Honest sessions, by themselves and then beside half handshakes, non-readers, pipeliners and others.",
            discussion: """
                Exit status 0 only when beside them nobody honest got an error or a wrong answer, their p99 is at most \
                twice that of the quiet run (or 1.5 times that of a run in which the same hostile sessions are at the \
                server's own port, and take its time and the machine's without the proxy), and memory and descriptors \
                of the proxy are what they were.
                """)

        @Option(help: "Of each of the three runs.")
        var seconds = 60.0
        @Option(help: "Honest ones.")
        var sessions = 50
        @Option(help: "Hostile ones at the same time.")
        var attackers = 10
        @Option(help: "Decides what the hostile ones do.")
        var seed: UInt64 = 1

        func validate() throws {
            guard seconds > 0, seconds <= 3600, (1...500).contains(sessions), (1...500).contains(attackers) else {
                throw ValidationError("up to an hour, and up to 500 sessions of each kind")
            }
        }

        func run() throws {
            let begun = ContinuousClock.now
            let say: (String) -> Void = { output("\(stamp(since: begun))  \($0)") }
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            let proxy = try ProxyProcess(nodes: pair.ports, proxy: ["login_timeout = \"3s\""])
            defer { proxy.stop(grace: .seconds(3)) }
            do {
                let load = try HostileLoad(pair: pair, proxy: proxy, sessions: sessions, attackers: attackers)
                let outcome = try load.run(seconds: seconds, seed: seed, say: say)
                output(Self.summary(outcome))
                guard outcome.faults.isEmpty else { throw ExitCode(1) }
            } catch let failure as TestbedFailure {
                output("\(failure)\nthe proxy's log:\n\(proxy.logTail())")
                throw ExitCode(1)
            }
        }

        private static func summary(_ outcome: HostileLoad.Outcome) -> String {
            let runs = [("quiet", outcome.quiet), ("past us", outcome.past), ("beside", outcome.beside)]
            var lines = ["", "          statements   p50 ms   p99 ms  p99.9 ms  errors"]
            lines += runs.map { name, run in
                name.padding(toLength: 10, withPad: " ", startingAt: 0)
                    + String(
                        format: "%10d %8.2f %8.2f %9.2f %7d", run.statements, run.quantile(0.5), run.quantile(0.99),
                        run.quantile(0.999), run.errors.values.reduce(0, +))
            }
            lines += [
                "\(outcome.connections) hostile connections, \(outcome.bytesSent >> 20) MiB from them, "
                    + "\(outcome.bytesReceived >> 20) MiB to them",
                "resident KiB: \(outcome.before.residentBytes >> 10) before, \(outcome.most.residentBytes >> 10) at most, "
                    + "\(outcome.after.residentBytes >> 10) after; descriptors: \(outcome.before.descriptors) before, "
                    + "\(outcome.most.descriptors) at most, \(outcome.after.descriptors) after",
            ]
            lines.append(outcome.faults.isEmpty ? "every promise held" : "NOT as promised:")
            return (lines + outcome.faults.map { "  \($0)" }).joined(separator: "\n")
        }
    }
}
