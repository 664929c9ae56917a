import Cluster

/// The conversation on one connection of the admin socket, after HAProxy's rules: a line of commands separated by `;`,
/// each answer ends with an empty line, and the server closes after the last; `prompt` keeps the connection for more
/// lines. Pure: bytes in, one command at a time out.
struct Dialogue {
    /// What to do next.
    enum Step: Hashable {
        /// Nothing to do until more bytes arrive.
        case wait
        /// Execute it and give its answer to ``answered(_:)``.
        case run(String)
        /// Send these; ask again.
        case send(String)
        /// Everything has been said.
        case close
    }

    private enum State: Hashable {
        /// Can transition to: executing, finished.
        case listening
        /// Can transition to: listening.
        case executing
        /// Says no more and hears no more.
        case finished
    }

    private enum Severity: Hashable { case none, number, string }

    private var state = State.listening
    private var bytes: [UInt8] = []
    /// Commands of the present line that have not been executed, the next one last.
    private var commands: [String] = []
    /// The only line that a connection without `prompt` has.
    private var lineRead = false
    private var isInteractive = false
    private var severity = Severity.none
    private var hasEnded = false
    private let lineMax: Int
    /// How long the connection may be idle.
    private(set) var idleTimeout: Instant.Span

    init(lineMax: Int, idleTimeout: Instant.Span) {
        self.lineMax = lineMax
        self.idleTimeout = idleTimeout
    }

    mutating func received(_ more: some Collection<UInt8>) {
        if state != .finished { bytes.append(contentsOf: more) }
    }

    /// The peer sends no more. Lines that are complete are still answered.
    mutating func ended() { hasEnded = true }

    /// Whether more bytes are of use now: not while a command is executed or a whole line waits.
    var wantsBytes: Bool { state == .listening && commands.isEmpty && bytes.count <= lineMax && !hasEnded }

    mutating func next() -> Step {
        switch state {
        case .executing: return .wait
        case .finished: return .close
        case .listening: break
        }
        while true {
            if let command = commands.popLast() { return step(command) }
            if lineRead, !isInteractive { return finish() }
            guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")), end <= lineMax else {
                if bytes.count > lineMax {
                    state = .finished
                    return .send(reply(.failure("Line too long: there are at most \(lineMax) bytes.")))
                }
                return hasEnded ? finish() : .wait
            }
            let line = String(decoding: bytes[..<end], as: UTF8.self)
            bytes.removeSubrange(...end)
            lineRead = true
            commands = line.split(whereSeparator: { $0 == ";" || $0 == "\r" })
                .map { $0.trimmingBlanks() }.filter { !$0.isEmpty }.reversed()
            if commands.isEmpty { return isInteractive ? .send("> ") : .send(reply(.failure(Self.unknown))) }
        }
    }

    /// The bytes that answer the command under way.
    mutating func answered(_ answer: Answer, json: Bool = false) -> String {
        if state == .executing { state = .listening }
        return reply(answer, json: json)
    }

    static let unknown = "Unknown command. Please enter one of the following commands only:\n" + AdminCommand.helpText

    private mutating func finish() -> Step {
        state = .finished
        bytes = []
        return .close
    }

    /// The dialogue's own commands are answered here.
    private mutating func step(_ command: String) -> Step {
        let words = command.split { $0 == " " || $0 == "\t" }
        switch words.first {
        case "quit", "exit":
            return finish()
        case "prompt" where words.count == 1:
            isInteractive = true
            return .send(reply(.done))
        case "set" where words.count > 1 && words[1] == "severity-output":
            switch words.count == 3 ? words[2] : "" {
            case "none": severity = .none
            case "number": severity = .number
            case "string": severity = .string
            default: return .send(reply(.failure("'set severity-output' expects 'none', 'number' or 'string'.")))
            }
            return .send(reply(.done))
        case "set" where words.count > 2 && words[1] == "timeout" && words[2] == "cli":
            guard words.count == 4, let span = Instant.Span(word: String(words[3])), span > .zero,
                span <= .seconds(86_400)
            else { return .send(reply(.failure("'set timeout cli' expects a time, as in '60' or '5m'."))) }
            idleTimeout = span
            return .send(reply(.done))
        default:
            state = .executing
            return .run(command)
        }
    }

    private func reply(_ answer: Answer, json: Bool = false) -> String {
        var text = answer.rendered(json: json)
        if case .failure = answer {
            switch severity {
            case .none: break
            case .number: text = "[3]: " + text
            case .string: text = "[err]: " + text
            }
        }
        return text + "\n" + (isInteractive && state != .finished ? "> " : "")
    }
}

extension Substring {
    fileprivate func trimmingBlanks() -> String {
        let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard let first = firstIndex(where: { !blank($0) }), let last = lastIndex(where: { !blank($0) }) else {
            return ""
        }
        return String(self[first...last])
    }
}
