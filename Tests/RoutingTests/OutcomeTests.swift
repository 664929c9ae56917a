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

    /// Columns: plain; in a transaction; plain with losses; in a transaction with losses; plain, autocommit off; in a
    /// transaction whose rows may remain; plain, autocommit off, rows may remain.
    static func row(_ inFlight: InFlight) -> [String] {
        [
            word(Outcome.verdict(inFlight, Standing())),
            word(Outcome.verdict(inFlight, Standing(inTransaction: true))),
            word(Outcome.verdict(inFlight, Standing(), losses: .temporaryTables)),
            word(Outcome.verdict(inFlight, Standing(inTransaction: true), losses: .temporaryTables)),
            word(Outcome.verdict(inFlight, Standing(autocommit: false))),
            word(Outcome.verdict(inFlight, Standing(inTransaction: true, rowsMayRemain: true))),
            word(Outcome.verdict(inFlight, Standing(autocommit: false, rowsMayRemain: true))),
        ]
    }

    @Test func idle() {
        #expect(
            Self.row(.idle) == ["move", "next rolledBack", "next stateLost", "next stateLost", "move"] + [
                "next rowsMayRemain", "move",
            ])
    }

    @Test(arguments: StatementFacts.Effect.allCases)
    func held(_ effect: StatementFacts.Effect) {
        let (inTransaction, mixed) = effect == .rollback ? ("again", "again") : ("rolledBack", "rowsMayRemain")
        #expect(
            Self.row(.held(effect)) == ["again", inTransaction, "stateLost", "stateLost", "again", mixed, "again"])
    }

    @Test(arguments: StatementFacts.Effect.allCases)
    func partlySent(_ effect: StatementFacts.Effect) {
        #expect(
            Self.row(.partlySent(effect)) == [
                "notExecuted", "rolledBack", "stateLost", "stateLost", "notExecuted", "rowsMayRemain", "notExecuted",
            ])
    }

    /// Its rows went into the table as they came.
    @Test func loading() {
        #expect(
            Self.row(.loading) == [
                "notExecuted", "rolledBack", "stateLost", "stateLost", "notExecuted", "unknown", "unknown",
            ])
        #expect(
            Self.word(Outcome.verdict(.loading, Standing(rowsMayRemain: true), losses: .temporaryTables))
                == "unknown,stateLost")
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

    /// In a transaction: whatever it is that was in flight, rows of statements before may remain.
    static func mixed(_ effect: StatementFacts.Effect, _ plain: String) -> [String] {
        switch effect {
        case .read, .session, .transactional, .begin, .commit, .opaque: ["unknown", plain]
        case .write: ["unknown", "unknown"]
        case .rollback: [plain, plain]
        }
    }

    @Test(arguments: OutcomeTests.sentTable)
    func sent(_ effect: StatementFacts.Effect, _ expected: [String]) {
        #expect(Self.row(.sent(effect)) == expected + Self.mixed(effect, expected[4]))
    }

    @Test(arguments: OutcomeTests.answeringTable)
    func answering(_ effect: StatementFacts.Effect, _ expected: [String]) {
        #expect(Self.row(.answering(effect, atBoundary: true)) == expected + Self.mixed(effect, expected[4]))
    }

    @Test(arguments: StatementFacts.Effect.allCases)
    func insideOfAPacket(_ effect: StatementFacts.Effect) {
        #expect(Self.row(.answering(effect, atBoundary: false)) == Array(repeating: "close", count: 7))
    }

    // MARK: the primary goes on

    /// Columns: ended by the server, an administrator, the proxy's stop; each plain, in a transaction, and in one whose
    /// rows may remain.
    static func ends(_ inFlight: InFlight) -> [String] {
        SessionEnd.allCases.flatMap { end in
            [Standing(), Standing(inTransaction: true), Standing(inTransaction: true, rowsMayRemain: true)].map {
                Outcome.refusal(of: end, inFlight, $0).map { "\($0.kind)" } ?? "-"
            }
        }
    }

    static let nothingLasts = ["killed", "killed", "unknown", "killed", "killed", "unknown"]
    static let allUnknown = Array(repeating: "unknown", count: 9)
    static let endTable: [(StatementFacts.Effect, [String])] = [
        (.read, nothingLasts + ["readFailed", "rolledBack", "unknown"]),
        (.session, nothingLasts + ["readFailed", "rolledBack", "unknown"]),
        (.transactional, nothingLasts + ["readFailed", "rolledBack", "unknown"]),
        (.begin, ["killed", "unknown", "unknown", "killed", "unknown", "unknown", "readFailed", "unknown", "unknown"]),
        (
            .commit,
            ["killed", "unknown", "unknown", "killed", "unknown", "unknown", "readFailed", "unknown", "unknown"]
        ),
        (.rollback, Array(repeating: "killed", count: 6) + Array(repeating: "readFailed", count: 3)),
        (.write, ["unknown", "killed", "unknown", "unknown", "killed", "unknown", "unknown", "rolledBack", "unknown"]),
        (.opaque, allUnknown),
    ]

    @Test(arguments: OutcomeTests.endTable)
    func ended(_ effect: StatementFacts.Effect, _ expected: [String]) {
        #expect(Self.ends(.sent(effect)) == expected)
        #expect(Self.ends(.answering(effect, atBoundary: true)) == expected)
        #expect(Self.ends(.answering(effect, atBoundary: false)) == Array(repeating: "-", count: 9))
        let notSent = ["-", "-", "-", "killed", "killed", "killed", "notExecuted", "rolledBack", "unknown"]
        #expect(Self.ends(.held(effect)) == notSent)
        #expect(Self.ends(.partlySent(effect)) == notSent)
    }

    @Test func endedWithNothingOrAFileUnderWay() {
        #expect(Set(Self.endTable.map(\.0)) == Set(StatementFacts.Effect.allCases))
        #expect(Self.ends(.idle) == Array(repeating: "-", count: 9))
        #expect(
            Self.ends(.loading) == [
                "-", "-", "-", "killed", "killed", "unknown", "notExecuted", "notExecuted", "unknown",
            ])
    }

    @Test func codes() {
        #expect((Refusal.rolledBack.code, Refusal.rolledBack.sqlState) == (1213, "40001"))
        #expect((Refusal.notExecuted.code, Refusal.notExecuted.sqlState) == (1213, "40001"))
        #expect((Refusal.readInterrupted.code, Refusal.readInterrupted.sqlState) == (1317, "70100"))
        #expect(Refusal.unknown.sqlState == "08007")
        #expect(Refusal.unknown.message.hasPrefix("the outcome of this statement is unknown"))
        let lost = Refusal.stateLost([.temporaryTables, .userLocks], inTransaction: true)
        #expect(lost.sqlState == "08S02")
        #expect(lost.message.contains("a temporary table, a lock of GET_LOCK; the transaction was rolled back"))
        let mixed = Refusal.stateLost([.temporaryTables], inTransaction: true, rowsMayRemain: true)
        #expect(mixed.message.contains("the outcome of the transaction is unknown"))
        for refusal in [Refusal.unknownKilled, .unknownStopped, .unknownWriter, .rowsMayRemain] {
            #expect((refusal.code, refusal.sqlState) == (1927, "08007"))
        }
        #expect((Refusal.killed.code, Refusal.killed.sqlState) == (1927, "70100"))
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
        var full = view
        (full.primary, full.diagnosis) = (NodeID(0), nil)
        let seatless = Refusal.holdExpired(
            login: true, inTransaction: false, view: full,
            full: FullServer(connectionsMax: 100, waiting: 303, taken: 96), at: now)
        #expect(
            seatless.message
                == "the primary takes no more sessions: 1040 (Too many connections; max_connections = 100), 303 sessions wait; "
                + "try again later")
        let transaction = Refusal.holdExpired(login: false, inTransaction: true, view: view, at: now)
        #expect(transaction.message.hasPrefix("transaction rolled back"))
    }
}
