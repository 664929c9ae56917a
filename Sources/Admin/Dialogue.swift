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

    private enum SeverityOutput: Hashable { case none, number, string }

    /// Commands in one line. Whoever sends more wants answers, not something done: an answer is up to 5,000 times as long
    /// as its command.
    static let commandsMax = 256

    private var state = State.listening
    private var bytes: [UInt8] = []
    /// Where the present line begins, and how far its end has been looked for.
    private var lineStart = 0
    private var looked = 0
    /// Commands of the present line that have not been executed, the next one last.
    private var commands: [String] = []
    /// The only line that a connection without `prompt` has.
    private var lineRead = false
    private var isInteractive = false
    private var severityOutput = SeverityOutput.none
    private var hasEnded = false
    /// The client sent a line without an end, or one with too many commands.
    private(set) var wasTooLong = false
    private let lineMax: Int
    /// How long the connection may be idle.
    private(set) var idleTimeout: Instant.Span
    /// What the client may do; it can only give up some of it.
    private(set) var level: AccessLevel

    init(lineMax: Int, idleTimeout: Instant.Span, level: AccessLevel = .admin) {
        self.lineMax = lineMax
        self.idleTimeout = idleTimeout
        self.level = level
    }

    mutating func received(_ more: some Collection<UInt8>) {
        if state != .finished { bytes.append(contentsOf: more) }
    }

    /// The peer sends no more. Lines that are complete are still answered.
    mutating func ended() { hasEnded = true }

    /// Whether more bytes are of use now: not while a command is executed or a whole line waits.
    var wantsBytes: Bool { state == .listening && commands.isEmpty && waiting <= lineMax && !hasEnded }

    private var waiting: Int { bytes.count - lineStart }

    mutating func next() -> Step {
        switch state {
        case .executing: return .wait
        case .finished: return .close
        case .listening: break
        }
        while true {
            if let command = commands.popLast() { return step(command) }
            if lineRead, !isInteractive { return finish() }
            guard let end = bytes[looked...].firstIndex(of: UInt8(ascii: "\n")), end - lineStart <= lineMax else {
                looked = bytes.count
                if waiting > lineMax { return refuse("Line too long: there are at most \(lineMax) bytes.") }
                return hasEnded ? finish() : .wait
            }
            let isWindows = end > lineStart && bytes[end - 1] == UInt8(ascii: "\r")
            commands = Self.commands(bytes[lineStart..<(isWindows ? end - 1 : end)])
            take(upTo: end + 1)
            lineRead = true
            if commands.count > Self.commandsMax {
                return refuse("Too many commands in one line: there are at most \(Self.commandsMax).")
            }
        }
    }

    private mutating func take(upTo end: Int) {
        lineStart = end
        // Not for each of many short lines.
        if lineStart > lineMax / 2 || lineStart == bytes.count {
            bytes.removeFirst(lineStart)
            lineStart = 0
        }
        looked = lineStart
    }

    private mutating func refuse(_ text: String) -> Step {
        state = .finished
        commands = []
        wasTooLong = true
        return .send(reply(.failure(text)))
    }

    /// What answers the command under way.
    mutating func answered(_ answer: Answer, json: Bool = false) -> AnswerPieces {
        if state == .executing { state = .listening }
        return AnswerPieces(answer, json: json, mark: mark(answer), end: end(answer))
    }

    /// The commands of a line, the last one first; of too many, one more than the limit. An empty one is one too: HAProxy
    /// answers it. A semicolon after a backslash does not separate.
    private static func commands(_ line: ArraySlice<UInt8>) -> [String] {
        var all: [String] = []
        var command: [UInt8] = []
        var isEscaped = false
        for byte in line {
            if byte == UInt8(ascii: ";"), !isEscaped {
                all.append(text(command))
                if all.count > commandsMax { return all }
                command = []
                continue
            }
            if byte == UInt8(ascii: ";") { command.removeLast() }
            command.append(byte)
            isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        }
        all.append(text(command))
        return all.reversed()
    }

    /// Without the blanks around it.
    private static func text(_ command: [UInt8]) -> String {
        let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard let first = command.firstIndex(where: { !isBlank($0) }),
            let last = command.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(decoding: command[first...last], as: UTF8.self)
    }

    private mutating func finish() -> Step {
        state = .finished
        bytes = []
        (lineStart, looked) = (0, 0)
        return .close
    }

    /// The dialogue's own commands are answered here.
    private mutating func step(_ text: String) -> Step {
        guard let command = AdminCommand(text) else { return .send(reply(AdminCommand.unknown(text))) }
        guard command.verb.level <= level else { return .send(reply(.failure("Permission denied"))) }
        let arguments = command.arguments
        switch command.verb {
        case .quit:
            return finish()
        case .prompt:
            isInteractive.toggle()
            return .send(reply(.done))
        case .help:
            return .send(reply(AdminCommand.help(arguments)))
        case .lowerToUser:
            level = .user
            return .send(reply(.done))
        case .lowerToOperator:
            level = .operator
            return .send(reply(.done))
        case .showCLILevel:
            return .send(reply(.message(.info, level.rawValue)))
        case .setSeverityOutput:
            switch arguments.first {
            case "none": severityOutput = .none
            case "number": severityOutput = .number
            case "string": severityOutput = .string
            default: return .send(reply(.failure("one of 'none', 'number', 'string' is a required argument")))
            }
            return .send(reply(.done))
        case .setTimeout:
            return .send(reply(setTimeout(arguments)))
        default:
            state = .executing
            return .run(text)
        }
    }

    private mutating func setTimeout(_ arguments: [String]) -> Answer {
        guard arguments.first == "cli" else { return .failure("'set timeout' only supports 'cli'.") }
        guard arguments.count > 1 else { return .failure("Expects an integer value.") }
        guard let span = Instant.Span(word: arguments[1]), span > .zero, span <= .seconds(86_400) else {
            return .failure("Invalid timeout value.")
        }
        idleTimeout = span
        return .done
    }

    private func reply(_ answer: Answer) -> String { mark(answer) + answer.rendered(json: false) + end(answer) }

    private func mark(_ answer: Answer) -> String {
        guard let severity = answer.severity else { return "" }
        return switch severityOutput {
        case .none: ""
        case .number: "[\(severity.rawValue)]: "
        case .string: "[\(severity.word)]: "
        }
    }

    private func end(_ answer: Answer) -> String {
        (answer.isBrief ? "" : "\n") + (isInteractive && state != .finished ? "> " : "")
    }
}
