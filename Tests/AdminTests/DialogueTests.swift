import Cluster
import Testing

@testable import Admin

/// Talks to a dialogue whose every command is answered with `<command>`, `show errors` with a failure.
private func converse(_ pieces: [[UInt8]], ending: Bool = true, lineMax: Int = 100) -> (said: String, closed: Bool) {
    var dialogue = Dialogue(lineMax: lineMax, idleTimeout: .seconds(60))
    var said = ""
    func proceed() -> Bool {
        while true {
            switch dialogue.next() {
            case .wait: return false
            case .close: return true
            case .send(let text): said += text
            case .run(let command):
                var pieces = dialogue.answered(
                    command.hasPrefix("show errors") ? .failure(command) : .text("<\(command)>"))
                while let piece = pieces.next() { said += piece }
            }
        }
    }
    for piece in pieces {
        dialogue.received(piece)
        if proceed() { return (said, true) }
    }
    if ending { dialogue.ended() }
    return (said, proceed())
}

private let everything = AdminCommand.everything + "\n\n"
private let tooLong = "Line too long: there are at most 100 bytes.\n\n"

@Suite struct DialogueTests {
    // `show backend`, `show table` and `show sess` are commands that the dialogue does not answer itself.
    static let dialogues: [(String, String)] = [
        ("show backend\n", "<show backend>\n\n"),
        ("show backend\r\n", "<show backend>\n\n"),
        ("show backend;show table\n", "<show backend>\n\n<show table>\n\n"),
        (" show backend  ;\tshow table\t\n", "<show backend>\n\n<show table>\n\n"),
        ("show backend;\n", "<show backend>\n\n" + everything),
        ("show backend\nshow table\n", "<show backend>\n\n"),
        ("show sess a\\;b;show table\n", "<show sess a;b>\n\n<show table>\n\n"),
        ("show backend", ""),
        ("", ""),
        ("\n", everything),
        ("prompt\n\nquit\n", "\n> " + everything + "> "),
        ("prompt\nset timeout cli 60\nshow backend\nquit\n", "\n> \n> <show backend>\n\n> "),
        ("prompt;show table;show sess\nshow pools\n", "\n> <show table>\n\n> <show sess>\n\n> <show pools>\n\n> "),
        ("prompt;prompt;show table\nshow sess\n", "\n> \n<show table>\n\n"),
        ("show table;quit;show sess\n", "<show table>\n\n"),
        ("prompt\nquit\nshow table\n", "\n> "),
        ("set severity-output number;show errors x\n", "\n[3]: show errors x\n\n"),
        ("set severity-output string;show errors x;show table\n", "\n[err]: show errors x\n\n<show table>\n\n"),
        ("set severity-output number;show cli level\n", "\n[6]: admin\n\n"),
        ("set severity-output number;user;set server\n", "\n\n[3]: Permission denied\n\n"),
        ("set severity-output number;set severity-output none;show errors x\n", "\n\nshow errors x\n\n"),
        ("set severity-output 3\n", "one of 'none', 'number', 'string' is a required argument\n\n"),
        ("set severity-output\n", "one of 'none', 'number', 'string' is a required argument\n\n"),
        ("set timeout cli x\n", "Invalid timeout value.\n\n"),
        ("set timeout cli\n", "Expects an integer value.\n\n"),
        ("set timeout x\n", "'set timeout' only supports 'cli'.\n\n"),
        ("operator;show cli level;user;show cli level\n", "\noperator\n\n\nuser\n\n"),
        ("user;operator\n", "\nPermission denied\n\n"),
        (String(repeating: "x", count: 101), tooLong),
        (String(repeating: "x", count: 101) + "\n", tooLong),
        (
            "show sess " + String(repeating: "x", count: 90) + "\n",
            "<show sess " + String(repeating: "x", count: 90) + ">\n\n"
        ),
        ("prompt\n" + String(repeating: ";", count: 200) + "\na\n", "\n> " + tooLong),
        (
            "prompt\n" + String(repeating: "show table\n", count: 30),
            "\n> " + String(repeating: "<show table>\n\n> ", count: 30)
        ),
    ]

    /// Whole, byte by byte, and cut in two at every place: always the same.
    @Test(arguments: dialogues) func saysTheSameHoweverTheBytesArrive(_ input: String, _ expected: String) {
        let bytes = Array(input.utf8)
        #expect(converse([bytes]).said == expected)
        #expect(converse(bytes.map { [$0] }).said == expected)
        for cut in bytes.indices {
            #expect(converse([Array(bytes[..<cut]), Array(bytes[cut...])]).said == expected)
        }
        #expect(converse([bytes]).closed)
    }

    @Test func staysOpenAsLongAsThePeerDoes() {
        #expect(!converse([Array("sho".utf8)], ending: false).closed)
        #expect(!converse([Array("prompt\nshow table\n".utf8)], ending: false).closed)
        #expect(converse([Array("show table\n".utf8)], ending: false).closed)
    }

    @Test func takesNoMoreWhileACommandIsUnderWay() {
        var dialogue = Dialogue(lineMax: 100, idleTimeout: .seconds(60))
        dialogue.received(Array("prompt\nshow table\nshow sess\n".utf8))
        #expect(dialogue.next() == .send("\n> "))
        #expect(dialogue.next() == .run("show table"))
        #expect(dialogue.next() == .wait)
        #expect(!dialogue.wantsBytes)
        var pieces = dialogue.answered(.done)
        #expect(pieces.next() == "\n> " && pieces.next() == nil)
        #expect(dialogue.next() == .run("show sess"))
    }

    @Test func idleTimeoutIsTheClients() {
        var dialogue = Dialogue(lineMax: 100, idleTimeout: .seconds(60))
        dialogue.received(Array("prompt;set timeout cli 5m\n".utf8))
        _ = dialogue.next()
        #expect(dialogue.next() == .send("\n> "))
        #expect(dialogue.idleTimeout == .seconds(300))
    }
}

@Suite struct CommandTests {
    @Test(
        arguments: [
            ("help", Verb.help, []), ("show  info", .showInfo, []), ("show info json", .showInfo, ["json"]),
            ("show servers state mariadb", .showServersState, ["mariadb"]), ("show sess 0x1", .showSess, ["0x1"]),
            ("show sessions json", .showSessions, ["json"]), ("set maxconn global 3", .setMaxconnGlobal, ["3"]),
            ("set server a/b state drain", .setServer, ["a/b", "state", "drain"]),
            ("set severity-output", .setSeverityOutput, []),
            ("enable server a/b", .enableServer, ["a/b"]), ("operator", .lowerToOperator, []),
            ("shutdown sessions server a/b", .shutdownSessionsServer, ["a/b"]), ("quit", .quit, []),
        ] as [(String, Verb, [String])]) func understood(_ text: String, _ verb: Verb, _ arguments: [String]) throws
    {
        let command = try #require(AdminCommand(text))
        #expect(command.verb == verb)
        #expect(command.arguments == arguments)
    }

    @Test(arguments: [
        "", "show", "show env", "Help", "shows", "set", "set maxconn", "show sessionsx", "@1 show version",
    ])
    func unknown(_ text: String) { #expect(AdminCommand(text) == nil) }

    /// No command hides another, and each is listed as HAProxy lists: the help begins at the 43rd column.
    @Test func everyVerbIsFoundAndListed() throws {
        for verb in Verb.allCases {
            #expect(AdminCommand(verb.words.joined(separator: " "))?.verb == verb)
            let line = verb.helpLine
            #expect(line.hasPrefix("  \(verb.words.joined(separator: " "))"))
            #expect(line.dropFirst(42).hasPrefix(": "), "\(line)")
        }
        let usages = Verb.allCases.dropLast(3).map { $0.words.joined(separator: " ") }
        #expect(usages == usages.sorted())
    }

    /// As recorded from HAProxy 2.6.12, whose own list has no more of these.
    @Test(arguments: [
        (
            "shutdown",
            "  shutdown frontend <frontend>            : stop a specific frontend\n"
                + "  shutdown session [id]                   : kill a specific session\n"
                + "  shutdown sessions server <bk>/<srv>     : kill sessions on a server\n"
        ),
        ("shutdown sessions", "  shutdown sessions server <bk>/<srv>     : kill sessions on a server\n"),
        (
            "set maxconn",
            "  set maxconn frontend <frontend> <value> : change a frontend's maxconn setting\n"
                + "  set maxconn global <value>              : change the per-process maxconn setting\n"
                + "  set maxconn server <bk>/<srv>           : change a server's maxconn setting\n"
        ),
    ]) func whatIsUnknownGetsHAProxysAdvice(_ text: String, _ advice: String) {
        let expected =
            "Unknown command, but maybe one of the following ones is a better match:\n" + advice
            + "  help [<command>]                        : list matching or all commands\n"
            + "  prompt                                  : toggle interactive mode with prompt\n"
            + "  quit                                    : disconnect"
        #expect(AdminCommand.unknown(text) == .message(.info, expected))
    }

    @Test(
        arguments: [
            ([], PauseRequest()), (["60s"], PauseRequest(limit: .seconds(60))),
            (["wait", "10"], PauseRequest(wait: .seconds(10))),
            (["1m", "wait", "250ms"], PauseRequest(limit: .seconds(60), wait: .milliseconds(250))),
        ] as [([String], PauseRequest)]) func pauses(_ words: [String], _ request: PauseRequest) throws
    {
        #expect(try PauseRequest(words) == request)
    }

    @Test(arguments: [
        (["wait"], "'pause wait' expects a time, as in '10s'."),
        (["x"], "'x' is no time; write it as '250ms', '10s', '5m' or '1h'."),
        (["0s"], "'0s' is no time; write it as '250ms', '10s', '5m' or '1h'."),
        (["5s", "5s"], "'pause' expects '[<time>] [wait <time>]'."),
        (["99999999999999999h"], "'99999999999999999h' is no time; write it as '250ms', '10s', '5m' or '1h'."),
    ]) func misunderstoodPauses(_ words: [String], _ message: String) {
        #expect(throws: PauseRequest.Misunderstanding(message: message)) { try PauseRequest(words) }
    }
}
