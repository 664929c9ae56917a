import ArgumentParser
import Foundation
import Testbed

extension Lab {
    struct BothCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "both",
            abstract:
                "Two equal servers, one of them behind the proxy, and a command that holds one against the other.",
            discussion: """
                The command finds their ports on 127.0.0.1 in $HAPROXYDB_TEST_DIRECT and $HAPROXYDB_TEST_PROXY; root needs \
                no password on both. Exit status 0 only when the command's is, and the proxy was alive to the end.
                """)

        @Option(help: "An option of both servers, e.g. --option=--max-connections=500; repeatable.")
        var option: [String] = []
        @Argument(parsing: .postTerminator, help: "After --: the program and its arguments.")
        var command: [String] = []

        func validate() throws {
            guard !command.isEmpty else { throw ValidationError("no command after --") }
        }

        func run() throws {
            let direct = try EmbeddedPair(options: option)
            defer { direct.stop() }
            try direct.start()
            let behind = try EmbeddedPair(options: option)
            defer { behind.stop() }
            try behind.start()
            let proxy = try ProxyProcess(nodes: behind.ports)
            defer { proxy.stop(grace: .seconds(3)) }
            try proxy.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
            // Its descriptor 1 is closed before the file that takes its place is opened.
            let ours = dup(1)
            let child = try ChildProcess(
                command, name: command[0], logPath: "/dev/fd/\(ours)",
                environment: [
                    "HAPROXYDB_TEST_DIRECT": "\(direct.primary.port)", "HAPROXYDB_TEST_PROXY": "\(proxy.port)",
                ])
            let end = child.wait(.seconds(24 * 3600))
            guard proxy.isRunning else {
                output("the proxy has ended:\n\(proxy.logTail())")
                throw ExitCode(1)
            }
            guard end == .exited(0) else { throw ExitCode(1) }
        }
    }
}
