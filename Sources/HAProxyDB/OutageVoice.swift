import Admin
import Availability
import Cluster
import Proxy

/// What the log says while clients are not served: the first error at once, then how it stands at most every ten
/// seconds, and at the end what it came to. Pure: a value fed with what is known; sentences come out.
struct OutageVoice {
    /// How it stands now.
    struct Standing {
        var view: ClusterView
        /// Nil where nobody holds statements back.
        var pause: PauseCause?
        /// Statements and logins that wait.
        var held: Int
        var loginsHeld: Int
        /// Sessions.
        var users: Int
        /// What clients were told since the start.
        var told: ToldErrors
    }

    static let interval = Instant.Span.seconds(10)
    /// Where nobody waits and nobody was told anything.
    static let quietInterval = Instant.Span.seconds(60)

    private var told = ToldErrors()
    /// Since the loss of the primary or the pause's beginning: when that was, and what had been told before.
    private var trouble: (began: Instant, told: ToldErrors)?
    private var saidAt: Instant?
    private var toldThen = ToldErrors()
    private var ration = LineRation(linesMax: ToldError.allCases.count, window: .seconds(10))
    private var firstKinds: Set<ToldError> = []

    // MARK: what happens

    /// The primary is lost, or somebody paused: from now on it is told how it stands.
    mutating func began(at now: Instant) {
        guard trouble == nil else { return }
        trouble = (now, told)
        saidAt = now
        toldThen = told
    }

    /// Nil where another of its kind was told in this trouble already, or too many were.
    mutating func failed(_ error: FirstError, at now: Instant) -> String? {
        guard !firstKinds.contains(error.kind), ration.take(at: now) == .say else { return nil }
        // Where there is no trouble that ends, the next one is news again after a while.
        if trouble != nil { firstKinds.insert(error.kind) }
        let whose = error.user.isEmpty ? error.client : "'\(error.user)' from \(error.client)"
        return "Clients get errors: \(error.code) (SQLSTATE \(error.sqlState)) to \(whose), session \(error.session): "
            + (error.message.isEmpty ? "the session's state is lost, or the statement can't be run" : error.message)
    }

    /// Once a second.
    mutating func second(_ standing: Standing, at now: Instant) -> String? {
        _ = ration.sumUpIfDue(at: now)
        told = standing.told
        guard let trouble, let saidAt else { return nil }
        let isQuiet = standing.held == 0 && standing.loginsHeld == 0 && told == toldThen
        guard now - saidAt >= (isQuiet ? Self.quietInterval : Self.interval) else { return nil }
        self.saidAt = now
        toldThen = told
        let state =
            if standing.view.primary == nil {
                "No primary for \(now - standing.view.since.earlier(trouble.began)) (\(words(standing.view)))"
            } else if let pause = standing.pause {
                "Statements are held for \(now - trouble.began), \(words(pause))"
            } else {
                "Statements wait"
            }
        let errors = told.since(trouble.told).sentence
        let sofar = errors.isEmpty ? "no client was told an error so far" : "clients were told so far: \(errors)"
        var text = "\(state): \(waiting(standing)); \(sofar)."
        if standing.view.primary == nil {
            text += " " + standing.view.nodes.map { "\($0.node.name): \($0.lastCheck)" }.joined(separator: "; ") + "."
            if let diagnosis = standing.view.diagnosis { text += " \(diagnosis.sentence)" }
        }
        return text
    }

    /// There is a primary, and nobody pauses.
    mutating func ended() {
        trouble = nil
        saidAt = nil
        firstKinds = []
    }

    private func waiting(_ standing: Standing) -> String {
        if standing.held == 0, standing.loginsHeld == 0 { return "nobody waits" }
        return "\(counted(standing.held, "statement")) and \(counted(standing.loginsHeld, "login")) wait"
    }

    private func words(_ view: ClusterView) -> String {
        "phase \(view.phase.rawValue)" + (view.diagnosis.map { ", \($0.rawValue)" } ?? "")
    }

    private func words(_ pause: PauseCause) -> String {
        switch pause {
        case .administrator: "paused by an administrator"
        case .move: "for a move of the primary"
        }
    }
}

func counted(_ count: some BinaryInteger, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

extension Instant {
    fileprivate func earlier(_ other: Instant) -> Instant { min(self, other) }
}

extension ToldErrors {
    /// `30 x 1213 (not executed or rolled back: to be run again), 2 x 1927 …`; empty for none.
    var sentence: String {
        ToldError.allCases.filter { self[$0] > 0 }.map { "\(self[$0]) x \($0.words)" }.joined(separator: ", ")
    }
}

extension ToldError {
    fileprivate var words: String {
        switch self {
        case .heldTooLong: "1213 (not executed, waited for hold_timeout: to be run again)"
        case .rolledBack: "1213 (rolled back: to be run again)"
        case .loginRefused: "1040 (login refused)"
        case .unknown: "1927/08007 (outcome unknown: see `haproxydb ctl show unknown`)"
        case .stateLost: "1927/08S02 (session state lost)"
        case .interrupted: "1317 (answer cut off)"
        case .other: "another error"
        }
    }
}

extension OutageRecord {
    /// What it came to, for the log, once all of it is counted.
    var total: String {
        let nodes = from.isEmpty ? "" : from == to ? " of \(from)" : " from \(from) to \(to)"
        let name = "Outage \(number) is over: \(isPlanned ? "planned " : "")\(kind.rawValue)\(nodes)"
        guard isFelt else { return "\(name), no primary for \(length), and nobody noticed." }
        let without = withoutPrimary.map { " (no primary for \($0))" } ?? ""
        var parts = ["\(counted(usersAffected, "session")) felt it", "\(counted(held, "statement")) had to wait"]
        if failed > 0 {
            let known = failed - min(unknown, failed)
            parts.append("\(counted(failed, "statement")) ended with an error")
            if unknown > 0, known > 0 { parts.append("of these \(known) certainly without effect or cut off") }
        }
        if unknown > 0 {
            parts.append("\(counted(unknown, "outcome")) unknown (`haproxydb ctl show unknown` lists them)")
        }
        if refused > 0 { parts.append("\(counted(refused, "login")) refused") }
        if sessionsLost > 0 { parts.append("\(counted(sessionsLost, "session")) ended") }
        if rerun > 0 { parts.append("\(counted(rerun, "statement")) run again unseen") }
        if moved > 0 { parts.append("\(counted(moved, "session")) moved") }
        if reconnected > 0 { parts.append("\(counted(reconnected, "session")) connected anew") }
        return "\(name), no answer for \(length)\(without). \(parts.joined(separator: ", "))."
    }
}
