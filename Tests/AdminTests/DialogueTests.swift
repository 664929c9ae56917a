import Cluster
import Testing

@testable import Admin

/// Talks to a dialogue whose every command is answered with `<command>`, an `error…` with a failure.
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
                said += dialogue.answered(command.hasPrefix("error") ? .failure(command) : .text("<\(command)>"))
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

private let tooLong = "Line too long: there are at most 100 bytes.\n\n"

@Suite struct DialogueTests {
    static let dialogues: [(String, String)] = [
        ("show version\n", "<show version>\n\n"),
        ("show version\r\n", "<show version>\n\n"),
        ("a;b\n", "<a>\n\n<b>\n\n"),
        (" a  ;; b\t;\n", "<a>\n\n<b>\n\n"),
        ("a\nb\n", "<a>\n\n"),
        ("a", ""),
        ("", ""),
        ("\n", Dialogue.unknown + "\n\n"),
        ("prompt\nset timeout cli 60\nshow version\nquit\n", "\n> \n> <show version>\n\n> "),
        ("prompt;a;b\n\nc\n", "\n> <a>\n\n> <b>\n\n> > <c>\n\n> "),
        ("a;quit;b\n", "<a>\n\n"),
        ("prompt\nquit\na\n", "\n> "),
        ("set severity-output number;error x\n", "\n[3]: error x\n\n"),
        ("set severity-output string;error x;a\n", "\n[err]: error x\n\n<a>\n\n"),
        ("set severity-output number;set severity-output none;error x\n", "\n\nerror x\n\n"),
        ("set severity-output 3\n", "'set severity-output' expects 'none', 'number' or 'string'.\n\n"),
        ("set timeout cli x\n", "'set timeout cli' expects a time, as in '60' or '5m'.\n\n"),
        (String(repeating: "x", count: 101), tooLong),
        (String(repeating: "x", count: 101) + "\n", tooLong),
        (String(repeating: "x", count: 100) + "\n", "<" + String(repeating: "x", count: 100) + ">\n\n"),
        ("prompt\n" + String(repeating: ";", count: 200) + "\na\n", "\n> " + tooLong),
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
        #expect(!converse([Array("prompt\na\n".utf8)], ending: false).closed)
        #expect(converse([Array("a\n".utf8)], ending: false).closed)
    }

    @Test func takesNoMoreWhileACommandIsUnderWay() {
        var dialogue = Dialogue(lineMax: 100, idleTimeout: .seconds(60))
        dialogue.received(Array("prompt\na\nb\n".utf8))
        #expect(dialogue.next() == .send("\n> "))
        #expect(dialogue.next() == .run("a"))
        #expect(dialogue.next() == .wait)
        #expect(!dialogue.wantsBytes)
        #expect(dialogue.answered(.done) == "\n> ")
        #expect(dialogue.next() == .run("b"))
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
    @Test(arguments: [
        ("help", AdminCommand.help), ("show  info", .show(.info, json: false)),
        ("show nodes json", .show(.nodes, json: true)), ("pause", .pause(limit: nil, wait: nil)),
        ("pause 60s", .pause(limit: .seconds(60), wait: nil)),
        ("pause wait 10", .pause(limit: nil, wait: .seconds(10))),
        ("pause 1m wait 250ms", .pause(limit: .seconds(60), wait: .milliseconds(250))), ("resume", .resume),
        ("reload", .reload),
    ]) func understood(_ text: String, _ command: AdminCommand) throws {
        #expect(try AdminCommand.parse(text) == command)
    }

    @Test(arguments: [
        ("", AdminCommand.Misunderstanding.unknown), ("show", .unknown), ("show env", .unknown), ("Help", .unknown),
        ("resume now", .unknown), ("show info xml", .wrong("'show info' expects 'json' or nothing.")),
        ("pause wait", .wrong("'pause wait' expects a time, as in '10s'.")),
        ("pause x", .wrong("'x' is no time; write it as '250ms', '10s', '5m' or '1h'.")),
        ("pause 0s", .wrong("'0s' is no time; write it as '250ms', '10s', '5m' or '1h'.")),
        ("pause 5s 5s", .wrong("'pause' expects '[<time>] [wait <time>]'.")),
        (
            "pause 99999999999999999h",
            .wrong("'99999999999999999h' is no time; write it as '250ms', '10s', '5m' or '1h'.")
        ),
    ]) func misunderstood(_ text: String, _ error: AdminCommand.Misunderstanding) {
        #expect(throws: error) { try AdminCommand.parse(text) }
    }
}
