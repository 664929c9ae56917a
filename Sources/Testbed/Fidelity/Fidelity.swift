import Cluster
import Foundation

/// Scripts out of a seed, on a direct connection that stays and through the proxy with moves: every answer after a move
/// is the direct one, byte for byte, or an error of the proxy's own came first. What is not is found, made as short as
/// it gets, and told.
public final class Fidelity {
    /// A script that went on with another answer, and no word of it; or, of what can be restored only, a loss told.
    public struct Finding: Sendable, CustomStringConvertible {
        public let seed: UInt64
        /// What kind of step differed, after what kinds of steps.
        public let kind: String
        public let script: FidelityScript
        public let answers: String

        public var description: String { "\(kind)\n\(script.text)\n\(answers)" }
    }

    public struct Figures: Sendable {
        public var scripts = 0
        public var batches = 0
        /// Of sessions.
        public var moves = 0
        public var movesOfRestorable = 0
        public var statements = 0
        /// What was told of, each with how often.
        public var told: [String: Int] = [:]
        public var falseLosses = 0
        /// In 1,000 moves of scripts that use only what can be restored.
        public var falseLossRate: Double { Double(falseLosses) * 1000 / Double(max(movesOfRestorable, 1)) }
        /// Scripts with a difference, those that were not made shorter included.
        public var differences = 0
        /// Kinds of steps that differed, each with how often.
        public var kinds: [String: Int] = [:]
        /// Servers that ended by a script, and nobody's signal: their batches say nothing.
        public var serverCrashes = 0
    }

    private var stage: FidelityStage
    private let makeStage: () throws -> FidelityStage
    private let directory: String
    private let findingsMax: Int
    private var random: SplitMix64
    private let seed: UInt64
    private var seen: [String: Int] = [:]
    private var minimal: Set<String> = []
    public private(set) var findings: [Finding] = []
    public private(set) var figures = Figures()

    /// Starts the servers and the proxy.
    ///
    /// - Parameters:
    ///   - places: so many sessions share a move.
    ///   - directory: where findings go.
    ///   - findingsMax: so many are made short; the rest is counted.
    ///   - standIn: what stands in the proxy's place, for tests of the harness: given the nodes' ports, its own.
    public init(
        seed: UInt64, directory: String, places: Int = 48, findingsMax: Int = 12, program: String? = nil,
        standIn: (([UInt16]) throws -> UInt16)? = nil
    ) throws {
        self.seed = seed
        self.directory = directory
        self.findingsMax = findingsMax
        random = SplitMix64(seed)
        makeStage = { try FidelityStage(places: places, program: program, standIn: standIn) }
        stage = try makeStage()
    }

    /// One batch of scripts, and their findings. A server that ends by itself is replaced, with all others.
    public func batch(say: (String) -> Void) throws {
        figures.batches += 1
        do {
            try play(say)
        } catch {
            guard stage.fault == nil, let crash = stage.serverCrash else { throw error }
            figures.serverCrashes += 1
            say("a server crashed (\(error)):\n\(crash)")
            _ = stage.stop()
            stage = try makeStage()
        }
    }

    private func play(_ say: (String) -> Void) throws {
        let plan = plan(figures.batches)
        let scripts = (0..<(plan.mayLockAll ? 1 : stage.places)).map { _ in
            FidelityWriter.script(
                seed: random.next(), moves: plan.moves.count, isShort: plan.isShort, mayLockAll: plan.mayLockAll
            ).timingOut(plan.moves == [.timedOut])
        }
        let outcomes = try run(scripts, plan)
        for outcome in outcomes.sorted(by: { $0.script.steps.count < $1.script.steps.count }) {
            figures.scripts += 1
            figures.moves += outcome.moves
            figures.statements += outcome.statements
            if outcome.script.isRestorable, !plan.isAbrupt { figures.movesOfRestorable += outcome.moves }
            switch outcome.end {
            case nil, .over: break
            case .told(let message):
                figures.told[message, default: 0] += 1
                // The answers to the proxy's questions were still under way.
                guard outcome.script.isRestorable, !plan.isAbrupt else { continue }
                figures.falseLosses += 1
                figures.told["(false) " + message, default: 0] += 1
                try found(outcome, label: "false loss", told: message, plan, say)
            case .different(_, let label, let answers):
                figures.differences += 1
                figures.kinds[label, default: 0] += 1
                try found(outcome, label: label, told: answers, plan, say)
            }
        }
        if let fault = stage.fault { throw TestbedFailure(fault) }
    }

    /// What the scripts of a batch have in common.
    private struct Plan {
        var moves: [FidelityStage.Move]
        var isShort = false
        var mayLockAll = false
        var globals: [(String, String)] = []
        /// The moves come right behind an answer; else the proxy has a moment to ask what it does not know.
        var isAbrupt = false
    }

    private func plan(_ number: Int) -> Plan {
        // Every so often one alone, which may lock what others would wait for; and all that are to end.
        if number % 12 == 5 { return Plan(moves: [.killed], isShort: true) }
        if number % 12 == 11 { return Plan(moves: [.timedOut], isShort: true) }
        // Short scripts tell more; long ones find what only several things do together.
        let isShort = number % 2 == 1
        let moves = (0..<(isShort ? 1 : 2 + Int(random.next() % 2))).map { _ in
            FidelityStage.Move.ofServers[Int(random.next() % 2)]
        }
        if number % 8 == 0 { return Plan(moves: moves, mayLockAll: true) }
        return Plan(
            moves: moves, isShort: isShort, globals: random.next() % 4 == 0 ? Self.globals : [],
            isAbrupt: random.next() % 4 == 0)
    }

    private func run(_ scripts: [FidelityScript], _ plan: Plan) throws -> [FidelityStage.Outcome] {
        try stage.run(scripts, moves: plan.moves, globals: plan.globals, isAbrupt: plan.isAbrupt)
    }

    /// Ends everything. Faults.
    public func end() -> [String] {
        stage.stop().map { [$0] } ?? []
    }

    /// What the account's logins get from the server that is gone at the first move.
    private static let globals: [(String, String)] = [
        ("sql_mode", "'ANSI_QUOTES,STRICT_ALL_TABLES'"), ("time_zone", "'+06:00'"),
        ("tx_isolation", "'READ-COMMITTED'"),
        ("lc_time_names", "'de_DE'"), ("group_concat_max_len", "9"), ("foreign_key_checks", "0"),
        ("div_precision_increment", "8"),
    ]

    // MARK: findings

    private func found(
        _ outcome: FidelityStage.Outcome, label: String, told: String, _ plan: Plan, _ say: (String) -> Void
    ) throws {
        let tracks = Wire.Flags(rawValue: outcome.script.flags).contains(.sessionTrack)
        // What a session is told of its changes comes with every kind of step.
        let rough =
            plan.moves.contains { !FidelityStage.Move.ofServers.contains($0) }
            ? "ending"
            : label == "false loss" ? label + told : tracks ? "tracking" : plan.globals.isEmpty ? label : "globals"
        seen[rough, default: 0] += 1
        // The same step can differ for several reasons.
        guard findings.count < findingsMax, seen[rough, default: 0] <= 3 else { return }
        let (script, answers) = try shorten(outcome.script, label: label, told: told, plan)
        let kind = ([label] + script.steps.map(\.label).filter { $0 != "move" }).joined(separator: " < ")
        guard minimal.insert(kind).inserted else { return }
        let withGlobals = plan.globals.isEmpty ? "" : "\n-- with globals of the old server"
        let finding = Finding(
            seed: outcome.script.seed, kind: kind, script: script,
            answers: answers
                + "\n-- moves\(plan.isAbrupt ? ", abrupt" : ""): \(plan.moves.map(\.rawValue).joined(separator: ", "))\(withGlobals)"
        )
        findings.append(finding)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try (finding.description + "\n").write(
            toFile: "\(directory)/seed-\(outcome.script.seed)", atomically: true, encoding: .utf8)
        say("FOUND \(finding)")
    }

    /// The shortest script that still ends so: what can be left out is left out, as much as goes at once.
    private func shorten(
        _ script: FidelityScript, label: String, told: String, _ plan: Plan
    ) throws -> (FidelityScript, String) {
        var best = script
        var answers = "\(told)\n(not seen again: it depends on time)"
        func tail(_ outcome: FidelityStage.Outcome) -> String? {
            switch outcome.end {
            case .told(let message): label == "false loss" ? message : nil
            case .different(_, let own, let text): own == label ? text : nil
            case nil, .over: nil
            }
        }
        func attempt(_ candidates: [FidelityScript]) throws -> [Int: String] {
            var held: [Int: String] = [:]
            for start in stride(from: 0, to: candidates.count, by: stage.places) {
                let part = Array(candidates[start..<min(start + stage.places, candidates.count)])
                for (index, outcome) in try run(part, plan).enumerated() {
                    held[start + index] = tail(outcome)
                }
            }
            return held
        }
        guard let first = try attempt([best])[0] else { return (best, answers) }
        answers = first
        for _ in 0..<12 {
            let removable = best.steps.indices.filter { best.steps[$0].action != .move }
            guard !removable.isEmpty else { break }
            // Each step by itself, and halves and quarters of them all. What can be restored as a whole need not be
            // restorable in part.
            var sets =
                label == "false loss"
                ? Dictionary(grouping: removable) { best.steps[$0].group }.values.map(Set.init)
                : removable.map { Set([$0]) }
            for parts in [2, 4, 8] where label != "false loss" && removable.count >= 2 * parts {
                let size = (removable.count + parts - 1) / parts
                for start in stride(from: 0, to: removable.count, by: size) {
                    sets.append(Set(removable[start..<min(start + size, removable.count)]))
                }
            }
            let held = try attempt(sets.map { best.without($0) })
            guard !held.isEmpty else { break }
            // All that can go by itself may go together, or only half of it.
            let singles = held.keys.map { sets[$0] }.filter { $0.count == 1 || label == "false loss" }
                .sorted { ($0.min() ?? 0) < ($1.min() ?? 0) }
            let together = [
                singles, Array(singles.prefix(singles.count / 2)), Array(singles.suffix(singles.count / 2)),
            ]
            .filter { $0.count > 1 }.map { $0.reduce(into: Set<Int>()) { $0.formUnion($1) } }
            let more = together.isEmpty ? [:] : try attempt(together.map { best.without($0) })
            let choices =
                held.map { (sets[$0.key], $0.value) } + more.map { (together[$0.key], $0.value) }
            guard let choice = choices.max(by: { ($0.0.count, $1.1) < ($1.0.count, $0.1) }) else { break }
            best = best.without(choice.0)
            answers = choice.1
        }
        return (best, answers)
    }
}
