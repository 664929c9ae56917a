import Cluster

/// A server is there, and new sessions of the check's account do not come about on it; for one node.
///
/// A check's connection lasts, and says nothing about the next login: that it fails would show at the next failover. So
/// it is asked now and then, and told at once.
struct LoginTrouble: Sendable {
    /// So long the same trouble of a node is not told again: a node may change its mind with every check.
    static let toldAgainMin = Instant.Span.seconds(60)
    /// Between two logins that are only tried.
    static let triesMin = Instant.Span.milliseconds(200)
    /// Between two FLUSH HOSTS.
    static let flushesMin = Instant.Span.seconds(1)
    /// Logins that were begun and left since the last one that went well. A server's own limit (max_connect_errors) is
    /// 100, rarely 10.
    static let abortedMax = 8

    /// Why they do not; nil where all is well, or nobody knows.
    private(set) var present: Diagnosis?
    private var told: (diagnosis: Diagnosis, at: Instant)?
    private var isTold = false
    private var aborted = 0
    private var triedAt: Instant?
    private var flushedAt: Instant?
    private var toldFlush: FlushOutcome?

    enum Change: Hashable {
        case none
        /// For the log.
        case began
        case ended
    }

    /// - Parameter isProved: a login went well; otherwise there is merely nobody who refuses one.
    mutating func took(_ diagnosis: Diagnosis?, isProved: Bool, at now: Instant) -> Change {
        if isProved { aborted = 0 }
        let before = present
        present = diagnosis
        guard let diagnosis else {
            toldFlush = nil
            defer { isTold = false }
            return before != nil && isProved && isTold ? .ended : .none
        }
        guard diagnosis != before else { return .none }
        if let told, told.diagnosis == diagnosis, now - told.at < LoginTrouble.toldAgainMin { return .none }
        told = (diagnosis, now)
        isTold = true
        return .began
    }

    /// Whether a login should be tried now.
    mutating func wasBlocked(at now: Instant) -> Bool { isTryDue(at: now) }

    /// The same.
    mutating func wasAborted(at now: Instant) -> Bool {
        aborted = min(aborted + 1, LoginTrouble.abortedMax)
        return aborted >= LoginTrouble.abortedMax && isTryDue(at: now)
    }

    /// Whether FLUSH HOSTS should be run now.
    mutating func isFlushDue(at now: Instant) -> Bool {
        guard present == .hostBlocked, flushedAt.map({ now - $0 >= LoginTrouble.flushesMin }) ?? true else {
            return false
        }
        flushedAt = now
        return true
    }

    /// Whether that is news.
    mutating func flushed(_ outcome: FlushOutcome) -> Bool {
        defer { toldFlush = outcome }
        return toldFlush != outcome
    }

    private mutating func isTryDue(at now: Instant) -> Bool {
        guard triedAt.map({ now - $0 >= LoginTrouble.triesMin }) ?? true else { return false }
        triedAt = now
        return true
    }
}

/// What came of FLUSH HOSTS on a node that had blocked the proxy's host.
public enum FlushOutcome: Sendable, Hashable {
    case done
    /// The check's account may not.
    case denied
    /// There is no connection left to say it on, or it was lost.
    case unable
}

extension ProbeResult {
    /// Why the check's account gets no session; nil for all else.
    package var loginTrouble: Diagnosis? {
        switch self {
        case .loginDenied: .checkAccountRefused
        case .passwordWithheld: .passwordAsked
        case .initConnectFailed: .initConnectFails
        case .hostBlocked: .hostBlocked
        case .accountLimited: .checkAccountLimited
        case .proxy: .nodeIsProxy
        case .writable, .readOnly, .refused, .lost, .unreachable, .unresolved, .timeout, .busy, .starting,
            .protocolError:
            nil
        }
    }
}
