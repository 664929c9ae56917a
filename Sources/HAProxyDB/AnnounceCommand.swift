import Admin
import ArgumentParser
import Reactor

struct AnnounceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "announce", abstract: "Tells this node's agent something: for the OCF gate and the alert agent.",
        discussion: """
            pause [TIME] has every proxy hold new statements and answers when none is in the middle of something, or \
            after TIME (10s) and half a second; resume lets statements go; look has the cluster asked at once; status \
            prints what the agent sees. Ends with 0 where the agent answered.
            """)

    @Argument(help: "pause [TIME], resume, look or status.")
    var words: [String]

    @Option(help: ArgumentHelp("The agent's socket.", valueName: "path"))
    var socket = "/run/haproxydb/agent.sock"

    @Option(help: ArgumentHelp("Give up after that many seconds, whatever happens.", valueName: "seconds"))
    var timeout = 15

    func run() throws {
        let answer: String
        do throws(SystemError) {
            answer = try AdminClient.ask(
                words.joined(separator: " "), at: socket, timeout: .seconds(Int64(max(1, min(timeout, 3600)))))
        } catch {
            complain("can't reach an agent at \(socket): \(error.reason)")
            throw ExitCode.failure
        }
        print(answer, terminator: "")
        if !answer.hasPrefix("ok") { throw ExitCode.failure }
    }
}
