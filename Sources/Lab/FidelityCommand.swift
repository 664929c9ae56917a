import ArgumentParser
import Foundation
import Testbed

extension Lab {
    struct FidelityCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fidelity",
            abstract: "Seeded session scripts, directly and through the proxy with moves: every answer is the same.",
            discussion: """
                Every script comes out of its seed. Exit status 0 only when no answer after a move differed without a \
                word, and few sessions were told of a loss that could have been restored. HAPROXYDB_TEST_SERVER \
                names another release's root, HAPROXYDB_TEST_OPTIONS more options of the servers.
                """)

        @Option(help: "How long.")
        var minutes = 10.0
        @Option(help: "Of the first batch; the next ones come out of it.")
        var seed: UInt64 = 1
        @Option(help: "So many batches at most.")
        var batches = Int.max
        @Option(help: "So many sessions share a move.")
        var sessions = 48
        @Option(help: "So many findings are made as short as they get.")
        var findings = 12
        @Option(
            help: "False losses, in 1,000 moves of scripts that use only what can be restored, that are no failure.")
        var lossesMax = 1.0
        @Option(help: "Instead: so many numbered writes of each kind, and a judgement of what is there in the end.")
        var writes: Int?
        @Option(help: "With --writes: over so many moves at least.")
        var moves = 20
        @Option(help: "Where findings go.")
        var directory = ".build/fidelity"

        func validate() throws {
            guard minutes > 0, minutes <= 1440, batches > 0, lossesMax >= 0, (1...200).contains(sessions),
                findings >= 0,
                (1...10_000_000).contains(writes ?? 1), (1...10_000).contains(moves)
            else { throw ValidationError("up to 1440 minutes, 200 sessions, and 10,000 moves") }
        }

        func run() throws {
            Interrupt.install()
            let begun = ContinuousClock.now
            let say: (String) -> Void = { output("\(stamp(since: begun))  \($0)") }
            if let writes { return try count(writes, say) }
            say("seed \(seed)")
            let fidelity = try Fidelity(
                seed: seed, directory: directory, places: sessions, findingsMax: findings)
            let end = begun + .seconds(minutes * 60)
            while ContinuousClock.now < end, fidelity.figures.batches < batches, !Interrupt.came {
                try fidelity.batch(say: say)
                say("batch \(fidelity.figures.batches): \(fidelity.figures.scripts) scripts so far")
            }
            let faults = fidelity.end()
            output(summary(fidelity.figures))
            for fault in faults { output(fault) }
            guard faults.isEmpty, fidelity.figures.differences == 0, fidelity.figures.falseLossRate <= lossesMax else {
                throw ExitCode(1)
            }
        }

        private func count(_ writes: Int, _ say: (String) -> Void) throws {
            let counter = try WriteCounter()
            defer { counter.end() }
            let report = try counter.run(each: writes, moves: moves, say: say)
            output(
                "\(report.statements) writes of \(WriteCounter.Kind.allCases.count) kinds over \(report.moves) moves: "
                    + "\(report.absent) said not to be there, \(report.unknown) of unknown outcome")
            for fault in report.faults { output(fault) }
            guard report.faults.isEmpty else { throw ExitCode(1) }
        }

        private func summary(_ figures: Fidelity.Figures) -> String {
            let told = figures.told.sorted { $0.value > $1.value }.map { "  \($0.value) times: \($0.key)" }
            let kinds = figures.kinds.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { "\($0.value) at \($0.key)" }
            return
                ([
                    "\(figures.scripts) scripts, \(figures.moves) moves of sessions, \(figures.statements) statements: "
                        + "\(figures.differences) scripts with a difference that nobody was told of",
                    kinds.joined(separator: ", "),
                    "\(figures.falseLosses) false losses in \(figures.movesOfRestorable) moves of what can be restored: "
                        + String(format: "%.2f in 1,000", figures.falseLossRate),
                    "\(figures.serverCrashes) batches ended by a server's crash", "told:",
                ] + told).joined(separator: "\n")
        }
    }
}
