import Cluster

// A node in HAProxy's words.

extension NodeView {
    /// Answers its checks, or did until a moment ago.
    var isServing: Bool { health == .up || health == .falling }

    /// As the column `status`.
    func haproxyStatus(_ process: ProcessFacts) -> String {
        if administrative == .maintenance { return "MAINT" }
        if marks.contains(.agentDown) { return "DOWN (agent)" }
        let word = administrative == .drain ? "DRAIN" : marks.contains(.stopping) ? "NOLB" : "UP"
        return switch health {
        case .up: word
        case .falling: "\(word) \(max(1, process.fall - 1))/\(process.fall)"
        case .rising: "DOWN 1/\(process.rise)"
        case .down: "DOWN"
        }
    }

    /// HAProxy's count: 0 is down, `rise` and more is up, `rise + fall - 1` is well.
    func checkHealth(_ process: ProcessFacts) -> Int {
        if administrative == .maintenance { return 0 }
        return switch health {
        case .up: process.rise + process.fall - 1
        case .falling: process.rise + max(0, process.fall - 2)
        case .rising: max(1, process.rise - 1)
        case .down: 0
        }
    }

    struct CheckOutcome: Hashable {
        /// As the column `check_status`.
        var status: String
        /// As the column `check_desc`; nil while nothing has been checked.
        var description: String?
        /// As `srv_check_status` and `srv_check_result` of `show servers state`.
        var number: Int
        var result: Int

        static let initial = CheckOutcome(status: "INI", description: "Initializing", number: 1, result: 0)
        static let passed = CheckOutcome(status: "L7OK", description: "Layer7 check passed", number: 15, result: 3)
        static let refused = CheckOutcome(
            status: "L4CON", description: "Layer4 connection problem", number: 8, result: 2)
        static let silent = CheckOutcome(status: "L7TOUT", description: "Layer7 timeout", number: 12, result: 2)
        static let invalid = CheckOutcome(
            status: "L7RSP", description: "Layer7 invalid response", number: 13, result: 2)
        static let wrong = CheckOutcome(status: "L7STS", description: "Layer7 wrong status", number: 17, result: 2)
    }

    /// What the last check came to, read from its sentence.
    var checkOutcome: CheckOutcome {
        let beginnings: [(String, CheckOutcome)] = [
            ("answers", .passed), ("not checked", .initial), ("connection refused", .refused),
            ("unreachable", .refused), ("connection lost", .invalid), ("no answer", .silent),
            ("not understood", .invalid), ("too busy", .passed), ("check account refused", .wrong),
            ("not ready", .wrong),
        ]
        for (beginning, outcome) in beginnings where lastCheck.hasPrefix(beginning) { return outcome }
        return isServing ? .passed : .wrong
    }

    /// As `srv_op_state`: 0 stopped, 2 running, 3 stopping.
    var operatingState: Int {
        guard isServing, administrative != .maintenance, !marks.contains(.agentDown) else { return 0 }
        return marks.contains(.stopping) ? 3 : 2
    }

    /// As `srv_admin_state`: 1 forced maintenance, 8 forced drain.
    var administrativeBits: Int {
        switch administrative {
        case .ready: 0
        case .maintenance: 1
        case .drain: 8
        }
    }

    /// As `srv_check_state`: 2 configured, 4 enabled, 8 paused.
    var checkBits: Int { (marks.contains(.unchecked) ? 2 : 6) + (administrative == .maintenance ? 8 : 0) }

    /// As `srv_agent_state`: the same, and 16 for an agent's.
    var agentBits: Int {
        guard marks.contains(.agent) else { return 0 }
        return (marks.contains(.agentIgnored) ? 18 : 22) + (administrative == .maintenance ? 8 : 0)
    }
}
