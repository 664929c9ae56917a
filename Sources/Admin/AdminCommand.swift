import Cluster

/// A line's command, taken apart: the keyword and the words after it.
struct AdminCommand: Hashable, Sendable {
    var verb: Verb
    var arguments: [String]

    /// Nil for what begins with no command's words. What follows them is the command's own business, as with HAProxy.
    init?(_ text: String) {
        let words = Self.words(text)
        var best: (verb: Verb, count: Int)?
        for (verb, own) in Self.keywords where words.count >= own.count && words.starts(with: own) {
            if own.count > (best?.count ?? 0) { best = (verb, own.count) }
        }
        guard let best else { return nil }
        verb = best.verb
        arguments = Array(words.dropFirst(best.count))
    }

    /// No command has so many words.
    private static let wordsMax = 64

    /// What follows the last that may be is one word.
    static func words(_ text: String) -> [String] {
        text.split(maxSplits: wordsMax - 1) { $0 == " " || $0 == "\t" }.map(String.init)
    }

    private static let keywords = Verb.allCases.map { ($0, $0.words) }
    /// These stand at the end of every list.
    private static let always: [Verb] = [.help, .prompt, .quit]
    private static let shownMax = 5

    static let everything =
        "Unknown command. Please enter one of the following commands only:\n" + list(Verb.allCases)

    /// What is said to a text that is no command.
    static func unknown(_ text: String) -> Answer {
        let words = words(text)
        if words.isEmpty { return .message(.info, everything) }
        return .message(
            .info,
            "Unknown command, but maybe one of the following ones is a better match:\n" + list(similar(to: words)))
    }

    static func help(_ words: [String]) -> Answer {
        .message(
            .info,
            "The following commands are valid at this level:\n"
                + list(words.isEmpty ? Verb.allCases : similar(to: words)))
    }

    private static func list(_ verbs: [Verb]) -> String {
        (verbs.filter { !always.contains($0) } + always).map(\.helpLine).joined(separator: "\n")
    }

    /// Commands that begin like this; among many the nearest few, in the order of the table.
    private static func similar(to words: [String]) -> [Verb] {
        var candidates = keywords.filter { !always.contains($0.0) }
        var matched = 0
        while matched < words.count {
            let more = candidates.filter { $0.1.count > matched && $0.1[matched] == words[matched] }
            if more.isEmpty { break }
            candidates = more
            matched += 1
        }
        // Nothing was left over: all that goes on from here.
        if matched == words.count || (matched > 0 && candidates.count <= shownMax) { return candidates.map(\.0) }
        let word = String(words[matched].prefix(40))
        let nearest = candidates.enumerated()
            .map { (distance($0.element.1.dropFirst(matched).first ?? "", word), $0.offset) }
            .sorted { $0 < $1 }.prefix(shownMax).map(\.1).sorted()
        return nearest.map { candidates[$0].0 }
    }

    /// Levenshtein's.
    private static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}

/// The words of `pause`.
struct PauseRequest: Hashable {
    /// Ends by itself after this long.
    var limit: Instant.Span?
    /// Answers when nothing is in a transaction, or after this long.
    var wait: Instant.Span?

    struct Misunderstanding: Error, Hashable {
        var message: String
    }

    init(limit: Instant.Span? = nil, wait: Instant.Span? = nil) {
        self.limit = limit
        self.wait = wait
    }

    init(_ arguments: [String]) throws(Misunderstanding) {
        var rest = arguments[...]
        if let word = rest.first, word != "wait" {
            limit = try Self.span(word)
            rest.removeFirst()
        }
        if rest.first == "wait" {
            rest.removeFirst()
            guard let word = rest.popFirst() else {
                throw Misunderstanding(message: "'pause wait' expects a time, as in '10s'.")
            }
            wait = try Self.span(word)
        }
        guard rest.isEmpty else { throw Misunderstanding(message: "'pause' expects '[<time>] [wait <time>]'.") }
    }

    private static func span(_ word: String) throws(Misunderstanding) -> Instant.Span {
        guard let span = Instant.Span(word: word), span > .zero, span <= .seconds(86_400) else {
            throw Misunderstanding(
                message: "'\(Cell.printable(word))' is no time; write it as '250ms', '10s', '5m' or '1h'.")
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
