import Admin
import ArgumentParser
import Cluster
import Glibc
import Reactor

struct AnnounceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "announce", abstract: "Tells this node's agent something: for the OCF gate and the alert agent.",
        discussion: """
            pause [TIME] has every proxy hold new statements and answers when none is in the middle of something, or \
            after TIME (10s) and half a second; resume lets statements go; look has the cluster asked at once; status \
            prints what the agent sees. Ends with 0 where the agent answered. An agent that hangs is given up after \
            3 s.
            """)

    @Argument(help: "pause [TIME], resume, look or status.")
    var words: [String]

    @Option(help: ArgumentHelp("The agent's socket.", valueName: "path"))
    var socket = "/run/haproxydb/agent.sock"

    @Option(help: ArgumentHelp("Give up after that many seconds, whatever happens.", valueName: "seconds"))
    var timeout = 15

    /// An agent that lives answers `status` at once, whatever it waits for.
    private static let pulseSeconds: Int64 = 3

    func run() throws {
        let socket = socket
        // Not joined: it ends with the process.
        _ = try? spawnThread(named: "pulse") {
            let began = MonotonicClock.now()
            let limit = Instant.Span.seconds(Self.pulseSeconds)
            let answer = try? AdminClient.ask("status", at: socket, timeout: limit)
            if answer == nil, MonotonicClock.now() - began >= limit {
                complain("the agent at \(socket) is there, and does not answer within \(limit)")
                Glibc.exit(EXIT_FAILURE)
            }
        }
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
