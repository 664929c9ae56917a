import ArgumentParser
import Reactor
import Settings

struct AgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Runs the agent: tells proxies what this node's DRBD and cluster manager say.",
        discussion: "SIGTERM and SIGINT end it. Its user must be in the group haclient; see docs/agent.md.")

    @Option(name: .shortAndLong, help: ArgumentHelp("The configuration, [agent] and [cluster].", valueName: "file"))
    var config: String

    @Flag(help: "Only check the configuration.")
    var check = false

    func run() throws {
        if !check { try Daemon.begin() }
        defer { LogLines.finish() }
        let configuration: AgentConfiguration
        do throws(ConfigurationFile.Failure) {
            configuration = try ConfigurationFile(path: config).readAgent()
        } catch {
            complain(error.description)
            throw ExitCode.configurationWrong
        }
        if check {
            for warning in configuration.warnings { warn(warning.description) }
            return print("\(config) is valid.")
        }
        do throws(SystemError) {
            let agent = try AgentProgram(configuration)
            try agent.start()
            agent.run()
        } catch {
            complain("can't start: \(error)")
            throw error.isTemporary ? ExitCode.notNow : ExitCode.systemRefuses
        }
    }
}
