import Admin
import ArgumentParser
import Reactor

struct CtlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ctl", abstract: "Asks or steers a running proxy through its admin socket.",
        discussion:
            "For example: show nodes, show sessions, show info, pause wait 10s, resume, switchover cluster2, help.")

    @Argument(help: "The command and its words; several commands are separated by ';'.")
    var command: [String]

    @Flag(help: "For switchover: say what would be done.")
    var dryRun = false

    @OptionGroup var target: AdminSocketOption

    func run() throws {
        let path = try target.path()
        if command.first == "switchover", command.count == 2 {
            return try SwitchoverFollower(path: path).run(to: command[1], isDry: dryRun)
        }
        let answer: String
        do throws(SystemError) {
            // Errors are told apart from other answers by their severity.
            answer = try AdminClient.ask(
                "set severity-output number;" + command.joined(separator: " "), at: path)
        } catch {
            complain("can't reach a proxy at \(path): \(error.reason)")
            throw ExitCode.failure
        }
        let parts = CtlAnswer(answer)
        print(parts.text, terminator: "")
        for error in parts.errors { complain(error) }
        if !parts.errors.isEmpty { throw ExitCode.failure }
    }
}

/// What came back, told apart.
struct CtlAnswer: Equatable {
    /// Answers, one after the other.
    var text = ""
    var errors: [String] = []

    private static let marks = ["[4]: ", "[5]: ", "[6]: "]

    /// - Parameter raw: begins with the empty answer to `set severity-output number`.
    init(_ raw: String) {
        guard raw.hasPrefix("\n") else {
            let reason = raw.split(separator: "\n").joined(separator: "\n")
            errors = [reason.isEmpty ? "the proxy closed the connection without an answer" : reason]
            return
        }
        var answers = raw.dropFirst().split(separator: "\n\n", omittingEmptySubsequences: false)
        // Every answer ends with an empty line: behind the last one there is nothing.
        if answers.last?.isEmpty == true { answers.removeLast() }
        for answer in answers {
            let lines = answer.drop { $0 == "\n" }
            if lines.hasPrefix("[3]: ") {
                errors.append(String(lines.dropFirst(5)))
            } else if lines.hasPrefix("[6]: Unknown command") {
                // HAProxy calls that information.
                errors.append(String(lines.dropFirst(5)))
            } else if Self.marks.contains(where: lines.hasPrefix) {
                text += lines.dropFirst(5) + "\n"
            } else if !lines.isEmpty {
                text += lines + "\n"
            }
        }
    }
}
