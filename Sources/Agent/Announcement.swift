import Cluster

/// What the agent is told on its own node, by the OCF gate, the alert agent or an administrator.
public enum Announcement: Sendable, Hashable {
    /// The database is about to stop here.
    case pause(wait: Instant.Span, reason: String)
    /// The database takes statements here, or goes on.
    case resume(reason: String)
    /// Something happened in the cluster: look at once.
    case look
    case status

    public static let waitDefault: Instant.Span = .seconds(10)
    public static let waitMax: Instant.Span = .seconds(300)

    /// `pause [TIME] [REASON…]`, `resume [REASON…]`, `look …`, `status`. Nil for anything else.
    public init?(_ line: String) {
        var words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
        guard let verb = words.first else { return nil }
        words.removeFirst()
        switch verb {
        case "pause":
            var wait = Self.waitDefault
            if let word = words.first, word.first?.isNumber ?? false {
                guard let span = Self.span(word), span <= Self.waitMax else { return nil }
                wait = span
                words.removeFirst()
            }
            self = .pause(wait: wait, reason: words.isEmpty ? "announced" : words.joined(separator: " "))
        case "resume": self = .resume(reason: words.isEmpty ? "announced" : words.joined(separator: " "))
        case "look": self = .look
        case "status" where words.isEmpty: self = .status
        case _: return nil
        }
    }

    /// `250ms`, `10s` or `10`.
    private static func span(_ word: String) -> Instant.Span? {
        let digits = word.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits), number <= 1_000_000 else { return nil }
        switch word.dropFirst(digits.count) {
        case "ms": return .milliseconds(number)
        case "s", "": return .seconds(number)
        case _: return nil
        }
    }
}
