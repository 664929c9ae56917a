import Cluster
import Testing

@testable import Routing

@Suite struct OutcomeTests {

    /// A cell of the table, in a word.
    static func word(_ verdict: Verdict) -> String {
        func name(_ refusal: Refusal) -> String { "\(refusal.kind)" }
        return switch verdict {
        case .moveSilently: "move"
        case .runAgain: "again"
        case .error(let refusal, nil): name(refusal)
        case .error(let refusal, let next?): name(refusal) + "," + name(next)
        case .refuseNextStatement(let refusal): "next " + name(refusal)
        case .close: "close"
        }
    }

    /// Columns: plain; in a transaction; plain with losses; in a transaction with losses; plain, autocommit off.
    static func row(_ inFlight: InFlight) -> [String] {
        [
            word(Outcome.verdict(inFlight, inTransaction: false)),
            word(Outcome.verdict(inFlight, inTransaction: true)),
            word(Outcome.verdict(inFlight, inTransaction: false, losses: .temporaryTables)),
            word(Outcome.verdict(inFlight, inTransaction: true, losses: .temporaryTables)),
            word(Outcome.verdict(inFlight, inTransaction: false, autocommit: false)),
        ]
    }

    @Test func idle() {
        #expect(Self.row(.idle) == ["move", "next rolledBack", "next stateLost", "next stateLost", "move"])
    }

    @Test(arguments: StatementFacts.Effect.allCases)
    func held(_ effect: StatementFacts.Effect) {
        let inTransaction = effect == .rollback ? "again" : "rolledBack"
        #expect(Self.row(.held(effect)) == ["again", inTransaction, "stateLost", "stateLost", "again"])
    }

    @Test(arguments: StatementFacts.Effect.allCases)
    func partlySent(_ effect: StatementFacts.Effect) {
        #expect(
            Self.row(.partlySent(effect)) == ["notExecuted", "rolledBack", "stateLost", "stateLost", "notExecuted"])
    }

    static let sentTable: [(StatementFacts.Effect, [String])] = [
        (.read, ["again", "rolledBack", "stateLost", "stateLost", "again"]),
        (.session, ["again", "rolledBack", "stateLost", "stateLost", "again"]),
        (.begin, ["again", "unknown", "stateLost", "unknown,stateLost", "again"]),
        (.commit, ["again", "unknown", "stateLost", "unknown,stateLost", "again"]),
        (.rollback, ["again", "again", "stateLost", "stateLost", "again"]),
        (.write, ["unknown", "rolledBack", "unknown,stateLost", "stateLost", "rolledBack"]),
        (.transactional, ["again", "rolledBack", "stateLost", "stateLost", "again"]),
        (.opaque, ["unknown", "unknown", "unknown,stateLost", "unknown,stateLost", "unknown"]),
    ]

    static let answeringTable: [(StatementFacts.Effect, [String])] = [
        (
            .read,
            ["readInterrupted", "rolledBack", "readInterrupted,stateLost", "rolledBack,stateLost", "readInterrupted"]
        ),
        (
            .session,
            ["readInterrupted", "rolledBack", "readInterrupted,stateLost", "rolledBack,stateLost", "readInterrupted"]
        ),
        (.begin, ["readInterrupted", "unknown", "readInterrupted,stateLost", "unknown,stateLost", "readInterrupted"]),
        (.commit, ["readInterrupted", "unknown", "readInterrupted,stateLost", "unknown,stateLost", "readInterrupted"]),
        (
            .rollback,
            [
                "readInterrupted", "readInterrupted", "readInterrupted,stateLost", "readInterrupted,stateLost",
                "readInterrupted",
            ]
        ),
        (.write, ["unknown", "rolledBack", "unknown,stateLost", "rolledBack,stateLost", "rolledBack"]),
        (
            .transactional,
            ["readInterrupted", "rolledBack", "readInterrupted,stateLost", "rolledBack,stateLost", "readInterrupted"]
        ),
        (.opaque, ["unknown", "unknown", "unknown,stateLost", "unknown,stateLost", "unknown"]),
    ]

    @Test func everyEffectIsInTheTables() {
        #expect(Set(Self.sentTable.map(\.0)) == Set(StatementFacts.Effect.allCases))
        #expect(Set(Self.answeringTable.map(\.0)) == Set(StatementFacts.Effect.allCases))
    }

    @Test(arguments: OutcomeTests.sentTable)
    func sent(_ effect: StatementFacts.Effect, _ expected: [String]) { #expect(Self.row(.sent(effect)) == expected) }

    @Test(arguments: OutcomeTests.answeringTable)
    func answering(_ effect: StatementFacts.Effect, _ expected: [String]) {
        #expect(Self.row(.answering(effect, atBoundary: true)) == expected)
    }

    @Test(arguments: StatementFacts.Effect.allCases)
    func insideOfAPacket(_ effect: StatementFacts.Effect) {
        #expect(Self.row(.answering(effect, atBoundary: false)) == Array(repeating: "close", count: 5))
    }

    @Test func codes() {
        #expect((Refusal.rolledBack.code, Refusal.rolledBack.sqlState) == (1213, "40001"))
        #expect((Refusal.notExecuted.code, Refusal.notExecuted.sqlState) == (1213, "40001"))
        #expect((Refusal.readInterrupted.code, Refusal.readInterrupted.sqlState) == (1213, "40001"))
        #expect(Refusal.unknown.sqlState == "08007")
        #expect(Refusal.unknown.message.hasPrefix("the outcome of this statement is unknown"))
        let lost = Refusal.stateLost([.temporaryTables, .userLocks], inTransaction: true)
        #expect(lost.sqlState == "08S02")
        #expect(lost.message.contains("a temporary table, a lock of GET_LOCK; the transaction was rolled back"))
    }

    @Test func holdExpired() {
        let start = Instant(nanoseconds: 0)
        let view = ClusterView(
            generation: .none, primary: nil, phase: .recovering, diagnosis: .primaryLost, since: start, nodes: [])
        let now = start + .seconds(90)
        let statement = Refusal.holdExpired(login: false, inTransaction: false, view: view, at: now)
        #expect(
            statement.message
                == "statement not executed: no primary for 1m30s (phase recovering, primaryLost); retry")
        #expect((statement.code, statement.sqlState) == (1213, "40001"))
        let login = Refusal.holdExpired(login: true, inTransaction: false, view: view, at: now)
        #expect((login.code, login.sqlState) == (1040, "08004"))
        #expect(login.message.contains("no primary for 1m30s"))
        let transaction = Refusal.holdExpired(login: false, inTransaction: true, view: view, at: now)
        #expect(transaction.message.hasPrefix("transaction rolled back"))
    }
}
