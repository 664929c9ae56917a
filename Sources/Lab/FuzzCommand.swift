import ArgumentParser
import Foundation
import Testbed

extension Lab {
    struct FuzzCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fuzz",
            abstract: "Hostile clients and nodes against the real proxy, and honest sessions beside them.",
            discussion: """
                Every round comes out of its seed: repeat one with --seed and --rounds 1. Exit status 0 only when the \
                honest sessions got right answers all the time, nothing was left behind, and nobody blamed the node.
                """)

        @Option(help: "How long.")
        var minutes = 10.0
        @Option(help: "Of the first round; the next ones count up.")
        var seed: UInt64 = 1
        @Option(help: "So many rounds at most.")
        var rounds = Int.max
        @Option(help: "Where findings go.")
        var directory = ".build/fuzz"

        func validate() throws {
            guard minutes > 0, minutes <= 1440, rounds > 0 else { throw ValidationError("up to 1440 minutes") }
        }

        func run() throws {
            Interrupt.install()
            let begun = ContinuousClock.now
            let say: (String) -> Void = { output("\(stamp(since: begun))  \($0)") }
            say("seed \(seed)")
            let fuzzer = try Fuzzer(seed: seed, directory: directory)
            var faults: [String] = []
            var current = seed
            let end = begun + .seconds(minutes * 60)
            while ContinuousClock.now < end, current - seed < rounds, !Interrupt.came {
                do {
                    let weather = try fuzzer.round(seed: current)
                    say("round \(current): \(weather.rawValue), nothing found")
                    current += 1
                } catch let finding as Fuzzer.Finding {
                    faults.append("\(finding)")
                    break
                }
            }
            faults += fuzzer.end()
            output(summary(fuzzer.figures))
            for fault in faults { output(fault) }
            guard faults.isEmpty else { throw ExitCode(1) }
        }

        private func summary(_ figures: Fuzzer.Figures) -> String {
            let rounds = figures.rounds.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { "\($0.value) \($0.key.rawValue)" }.joined(separator: ", ")
            return """
                \(figures.rounds.values.reduce(0, +)) rounds (\(rounds)), \(figures.connections) hostile connections, \
                \(figures.bytesSent >> 20) MiB from them, \(figures.bytesReceived >> 20) MiB to them, \
                \(figures.damagedAnswers) answers damaged; \(figures.statements) honest statements, the longest \
                \(String(format: "%.2f", figures.longestWait.seconds)) s
                """
        }
    }
}
