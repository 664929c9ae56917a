import Cluster

/// A command of the admin socket, understood.
enum AdminCommand: Hashable, Sendable {
    enum Subject: String, Sendable, CaseIterable { case info, nodes, sessions, cluster, counters, version }

    case help
    case show(Subject, json: Bool)
    /// Ends by itself after `limit`; answers when nothing is in a transaction, or after `wait`.
    case pause(limit: Instant.Span?, wait: Instant.Span?)
    case resume
    case reload

    enum Misunderstanding: Error, Hashable {
        case unknown
        case wrong(String)
    }

    static let helpText = """
        The following commands are valid at this level:
          help                                 : this list
          prompt                               : stay connected, several lines
          quit                                 : disconnect
          show info [json]                     : the process: uptime, sessions, totals
          show nodes [json]                    : the nodes, their health and roles
          show cluster [json]                  : primary, generation, phase, diagnosis, last outage
          show sessions [json]                 : one line per session
          show counters [json]                 : sums since the start
          show version                         : the version
          pause [<time>] [wait <time>]         : hold new statements at transaction boundaries
          resume                               : let held statements go
          reload                               : read the configuration again, as SIGHUP does
          set severity-output none|number|string : prefix errors with their severity
          set timeout cli <time>               : how long this connection may be idle
        """

    static func parse(_ text: String) throws(Misunderstanding) -> AdminCommand {
        let words = text.split { $0 == " " || $0 == "\t" }.map(String.init)
        switch words.first {
        case "help" where words.count == 1: return .help
        case "resume" where words.count == 1: return .resume
        case "reload" where words.count == 1: return .reload
        case "show": return try show(words.dropFirst())
        case "pause": return try pause(words.dropFirst())
        default: throw .unknown
        }
    }

    private static func show(_ words: ArraySlice<String>) throws(Misunderstanding) -> AdminCommand {
        guard let word = words.first, let subject = Subject(rawValue: word) else { throw .unknown }
        let rest = words.dropFirst()
        if rest.isEmpty { return .show(subject, json: false) }
        guard rest.count == 1, rest.first == "json" else {
            throw .wrong("'show \(subject.rawValue)' expects 'json' or nothing.")
        }
        return .show(subject, json: true)
    }

    private static func pause(_ words: ArraySlice<String>) throws(Misunderstanding) -> AdminCommand {
        var rest = words
        var limit: Instant.Span?
        var wait: Instant.Span?
        if let word = rest.first, word != "wait" {
            limit = try span(word)
            rest.removeFirst()
        }
        if rest.first == "wait" {
            rest.removeFirst()
            guard let word = rest.popFirst() else { throw .wrong("'pause wait' expects a time, as in '10s'.") }
            wait = try span(word)
        }
        guard rest.isEmpty else { throw .wrong("'pause' expects '[<time>] [wait <time>]'.") }
        return .pause(limit: limit, wait: wait)
    }

    private static func span(_ word: String) throws(Misunderstanding) -> Instant.Span {
        guard let span = Instant.Span(word: word), span > .zero, span <= .seconds(86_400) else {
            throw .wrong("'\(Cell.printable(word))' is no time; write it as '250ms', '10s', '5m' or '1h'.")
        }
        return span
    }
}

extension Instant.Span {
    /// `250ms`, `10s`, `5m`, `1h`; a bare number is seconds, as with HAProxy.
    init?(word: String) {
        let digits = word.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits) else { return nil }
        let unit: Int64
        switch word.dropFirst(digits.count) {
        case "ms": unit = 1_000_000
        case "", "s": unit = 1_000_000_000
        case "m": unit = 60_000_000_000
        case "h": unit = 3_600_000_000_000
        default: return nil
        }
        let (nanoseconds, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        self.init(nanoseconds: nanoseconds)
    }
}
