/// What a session was doing when its primary was lost.
public enum InFlight: Sendable, Hashable {
    /// Nothing: the last answer was delivered whole.
    case idle
    /// A statement of which no byte was sent to the lost primary.
    case held(StatementFacts.Effect)
    /// A statement of which some bytes were sent, never all: a server executes whole packets only, so it was not
    /// executed; the bytes sent are gone, so it cannot be run again.
    case partlySent(StatementFacts.Effect)
    /// A LOAD DATA LOCAL whose file was not sent to its end: begun, and certainly not committed.
    case loading
    /// Sent whole, no byte of an answer delivered to the client; the proxy still has the statement.
    case sent(StatementFacts.Effect)
    /// Some of the answer was delivered. `atBoundary`: the last packet delivered was whole, so that an error packet
    /// may follow.
    case answering(StatementFacts.Effect, atBoundary: Bool)
}

/// What becomes of the session.
public enum Verdict: Sendable, Hashable {
    /// Move it and rebuild its state; the client sees nothing.
    case moveSilently
    /// Move it, then send the statement (again) to the new primary; the client sees a pause.
    case runAgain
    /// Answer the statement in flight with the error; move the session. If `next` is there, its next statement is
    /// refused with that.
    case error(Refusal, next: Refusal?)
    /// Move it; the client learns at its next statement. A ROLLBACK as the next statement of a lost transaction is
    /// no refusal: ask again with `held` when the statement comes.
    case refuseNextStatement(Refusal)
    /// No packet can be put into the stream any more.
    case close
}

extension Verdict {
    /// The same where the connection was ended by us since the node's answer could not be understood: the statement has
    /// been executed as far as anybody knows, and would be answered so again.
    public var ofUnreadableAnswer: Verdict {
        switch self {
        case .runAgain: .error(.unreadable, next: nil)
        case .error(let refusal, let next) where refusal.kind == .readInterrupted: .error(.unreadable, next: next)
        case .error(let refusal, let next) where refusal.kind == .unknown: .error(.unknownUnreadable, next: next)
        case .moveSilently, .error, .refuseNextStatement, .close: self
        }
    }
}

/// The decision table: a pure function of what was in flight, whether a transaction was open (the server's last
/// status flags), whether autocommit is on, and what cannot be rebuilt.
public enum Outcome {
    public static func verdict(
        _ inFlight: InFlight, _ standing: Standing, losses: Losses = []
    ) -> Verdict {
        let inTransaction = standing.inTransaction
        let transactionLost: Refusal = standing.rowsMayRemain ? .rowsMayRemain : .rolledBack
        let lost =
            losses.isEmpty
            ? nil
            : Refusal.stateLost(
                losses, inTransaction: inTransaction, rowsMayRemain: standing.rowsMayRemain)
        switch inFlight {
        case .idle:
            if let lost { return .refuseNextStatement(lost) }
            return inTransaction ? .refuseNextStatement(transactionLost) : .moveSilently

        case .held(let effect):
            // A ROLLBACK of what is rolled back already gets what it wants; then the loss is told.
            if let lost { return .error(lost, next: nil) }
            if !inTransaction { return .runAgain }
            return effect == .rollback ? .runAgain : .error(transactionLost, next: nil)

        case .partlySent:
            if let lost { return .error(lost, next: nil) }
            return .error(inTransaction ? transactionLost : .notExecuted, next: nil)

        case .loading:
            if standing.rowsMayRemain { return .error(.unknown, next: lost) }
            if let lost { return .error(lost, next: nil) }
            return .error(inTransaction ? .rolledBack : .notExecuted, next: nil)

        case .sent(let effect):
            switch unanswered(effect, standing) {
            case .nothing:
                if let lost { return .error(lost, next: nil) }
                return .runAgain
            case .rolledBack:
                if let lost { return .error(lost, next: nil) }
                return .error(.rolledBack, next: nil)
            case .unknown:
                return .error(.unknown, next: lost)
            }

        case .answering(_, atBoundary: false):
            return .close

        case .answering(let effect, atBoundary: true):
            switch unanswered(effect, standing) {
            case .nothing:
                return .error(.readInterrupted, next: lost)
            case .rolledBack:
                return .error(.rolledBack, next: lost)
            case .unknown:
                return .error(.unknown, next: lost)
            }
        }
    }

    /// What a client is told whose session ends while the primary goes on; then its connection ends, too. Nil where there
    /// is nothing to tell, or no place for it.
    public static func refusal(of end: SessionEnd, _ inFlight: InFlight, _ standing: Standing) -> Refusal? {
        switch inFlight {
        case .idle, .answering(_, atBoundary: false): return nil
        case .loading:
            switch end {
            // The client is in the middle of its file.
            case .byServer: return nil
            case .byAdministrator: return standing.rowsMayRemain ? .unknownKilled : .killed
            case .byStop: return standing.rowsMayRemain ? .unknownStopped : .notExecutedByStop
            }
        case .held, .partlySent:
            switch end {
            // As far as the server was concerned nothing was under way.
            case .byServer: return nil
            case .byAdministrator: return .killed
            case .byStop where !standing.inTransaction: return .notExecutedByStop
            case .byStop: return standing.rowsMayRemain ? .unknownStopped : .rolledBackByStop
            }
        case .sent(let effect), .answering(let effect, atBoundary: true):
            switch (unanswered(effect, standing), end) {
            // With its connection a transaction is rolled back.
            case (.nothing, .byServer), (.rolledBack, .byServer), (.nothing, .byAdministrator),
                (.rolledBack, .byAdministrator):
                return .killed
            case (.nothing, .byStop): return .readStopped
            case (.rolledBack, .byStop): return .rolledBackByStop
            case (.unknown, .byServer), (.unknown, .byAdministrator): return .unknownKilled
            case (.unknown, .byStop): return .unknownStopped
            }
        }
    }

    /// Whether what was executed may have taken effect and nobody can tell, be the client told so or not.
    public static func leavesUnknown(_ inFlight: InFlight, _ standing: Standing) -> Bool {
        switch inFlight {
        case .idle, .held, .partlySent: false
        case .loading: standing.rowsMayRemain
        case .sent(let effect), .answering(let effect, _): unanswered(effect, standing) == .unknown
        }
    }

    private enum Unanswered { case nothing, rolledBack, unknown }

    /// What an executed but unanswered statement left behind on the data.
    private static func unanswered(_ effect: StatementFacts.Effect, _ standing: Standing) -> Unanswered {
        let lost: Unanswered = standing.rowsMayRemain ? .unknown : .rolledBack
        switch effect {
        case .read, .session, .transactional: return standing.inTransaction ? lost : .nothing
        case .rollback: return .nothing
        // Both commit the open transaction; without one there is nothing to commit.
        case .begin, .commit: return standing.inTransaction ? .unknown : .nothing
        // With autocommit off it is the first statement of a transaction that nobody committed.
        case .write: return standing.inTransaction || !standing.autocommit ? lost : .unknown
        case .opaque: return .unknown
        }
    }
}
