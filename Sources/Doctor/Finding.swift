import Cluster

/// Something that should be changed.
public struct Finding: Sendable, Hashable {
    public enum Severity: Int, Sendable, Hashable, Comparable {
        case notice, warning, critical

        public static func < (a: Severity, b: Severity) -> Bool { a.rawValue < b.rawValue }
        public var word: String {
            switch self {
            case .notice: "notice"
            case .warning: "warning"
            case .critical: "critical"
            }
        }
    }

    /// What a change would save, the dearest first: findings are told in this order.
    public enum Saving: Sendable, Hashable {
        /// Rows that were acknowledged.
        case data
        /// An outage that lasts until somebody comes.
        case service
        /// So much of every failover.
        case time(Instant.Span)
        /// Errors of clients.
        case errors
        /// Somebody's search for what happened.
        case knowledge

        var rank: Int {
            switch self {
            case .data: 0
            case .service: 1
            case .time: 2
            case .errors: 3
            case .knowledge: 4
            }
        }

        public var word: String {
            switch self {
            case .data: "data"
            case .service: "service"
            case .time: "time"
            case .errors: "errors"
            case .knowledge: "knowledge"
            }
        }

        public var length: Instant.Span? {
            switch self {
            case .time(let span): span
            case .data, .service, .errors, .knowledge: nil
            }
        }
    }

    public var rule: Rule
    public var severity: Severity
    /// The resource, node or account that it is about.
    public var subject: String
    public var saving: Saving
    /// What it would save, in words.
    public var saves: String
    /// Where it was found: file, parameter, value, and the arithmetic.
    public var evidence: String
    /// Commands, and lines for files, that mend it.
    public var remedy: [String]

    public init(
        _ rule: Rule, _ severity: Severity, _ subject: String, saving: Saving, saves: String, evidence: String,
        remedy: [String]
    ) {
        self.rule = rule
        self.severity = severity
        self.subject = subject
        self.saving = saving
        self.saves = saves
        self.evidence = evidence
        self.remedy = remedy
    }

    /// The dearest first; what saves the same in the order of severity, then of the rules.
    static func isBefore(_ a: Finding, _ b: Finding) -> Bool {
        if a.saving.rank != b.saving.rank { return a.saving.rank < b.saving.rank }
        let (longer, shorter) = (a.saving.length ?? .zero, b.saving.length ?? .zero)
        if longer != shorter { return longer > shorter }
        if a.severity != b.severity { return a.severity > b.severity }
        if a.rule != b.rule { return a.rule.ordinal < b.rule.ordinal }
        return a.subject < b.subject
    }
}

/// Of a long list only the first are told, and how many more there are.
let fewMax = 5

func few<Element>(_ all: [Element], _ name: (Element) -> String) -> String {
    let rest = all.count - fewMax
    return all.prefix(fewMax).map(name).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
}
