import ArgumentParser
import Ledger
import Reactor
import Settings

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs the proxy.",
        discussion: """
            SIGTERM and SIGINT let busy sessions finish for drain_timeout and end the program; a second one ends it at \
            once. SIGHUP reads the configuration again.
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("The configuration.", valueName: "file"))
    var config: String

    func run() throws {
        try Daemon.begin()
        defer { LogLines.finish() }
        let file = ConfigurationFile(path: config)
        let configuration: Configuration
        do throws(ConfigurationFile.Failure) {
            configuration = try file.read()
        } catch {
            complain(error.description)
            throw ExitCode.configurationWrong
        }
        let claim: LedgerClaim
        do throws(LedgerFailure) {
            claim = try LedgerClaim(configuration.availability.file, for: file)
        } catch {
            complain("can't start: the availability log \(configuration.availability.file ?? ""): \(error)")
            throw ExitCode.notNow
        }
        do throws(SystemError) {
            let control = try Control(configuration, file: file, claim: claim)
            try control.start()
            control.run()
        } catch {
            complain("can't start: \(error)")
            throw error.isTemporary ? ExitCode.notNow : ExitCode.systemRefuses
        }
    }
}
