/// What a session was doing when its primary was lost.
public enum InFlight: Sendable, Hashable {
    /// Nothing: the last answer was delivered whole.
    case idle
    /// A statement of which no byte was sent to the lost primary.
    case held(StatementFacts.Effect)
    /// A statement of which some bytes were sent, never all: a server executes whole packets only, so it was not
    /// executed; the bytes sent are gone, so it cannot be run again.
    case partlySent(StatementFacts.Effect)
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
        _ inFlight: InFlight, inTransaction: Bool, autocommit: Bool = true, losses: Losses = []
    ) -> Verdict {
        let lost = losses.isEmpty ? nil : Refusal.stateLost(losses, inTransaction: inTransaction)
        switch inFlight {
        case .idle:
            if let lost { return .refuseNextStatement(lost) }
            return inTransaction ? .refuseNextStatement(.rolledBack) : .moveSilently

        case .held(let effect):
            // A ROLLBACK of what is rolled back already gets what it wants; then the loss is told.
            if let lost { return .error(lost, next: nil) }
            if !inTransaction { return .runAgain }
            return effect == .rollback ? .runAgain : .error(.rolledBack, next: nil)

        case .partlySent:
            if let lost { return .error(lost, next: nil) }
            return .error(inTransaction ? .rolledBack : .notExecuted, next: nil)

        case .sent(let effect):
            switch unanswered(effect, inTransaction: inTransaction, autocommit: autocommit) {
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
            switch unanswered(effect, inTransaction: inTransaction, autocommit: autocommit) {
            case .nothing:
                return .error(.readInterrupted, next: lost)
            case .rolledBack:
                return .error(.rolledBack, next: lost)
            case .unknown:
                return .error(.unknown, next: lost)
            }
        }
    }

    private enum Unanswered { case nothing, rolledBack, unknown }

    /// What an executed but unanswered statement left behind on the data.
    private static func unanswered(
        _ effect: StatementFacts.Effect, inTransaction: Bool, autocommit: Bool
    ) -> Unanswered {
        switch effect {
        case .read, .session, .transactional: inTransaction ? .rolledBack : .nothing
        case .rollback: .nothing
        // Both commit the open transaction; without one there is nothing to commit.
        case .begin, .commit: inTransaction ? .unknown : .nothing
        // With autocommit off it is the first statement of a transaction that nobody committed.
        case .write: inTransaction || !autocommit ? .rolledBack : .unknown
        case .opaque: .unknown
        }
    }
}
