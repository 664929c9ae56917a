import ArgumentParser
import Cluster
import Reactor
import Settings

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks a configuration and prints everything that is wrong with it.",
        discussion: """
            Ends with 0, or with 64 where something is wrong. Warnings are for what works and should not stay so: \
            secrets that others may read, sockets that let everybody in, too few descriptors, a log that another proxy writes.
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("The configuration.", valueName: "file"))
    var config: String

    func run() throws {
        let file = ConfigurationFile(path: config)
        let configuration: Configuration
        do throws(ConfigurationFile.Failure) {
            configuration = try file.read()
        } catch {
            complain(error.description)
            throw ExitCode.configurationWrong
        }
        for warning in configuration.warnings { warn(warning.description) }
        if let limit = try? DescriptorLimit.raise(),
            let sentence = DescriptorBudget(configuration, limit: limit).sentence
        {
            warn("\(config): warning: \(sentence)")
        }
        if let path = configuration.availability.file, let holder = LedgerClaim.rival(path, for: file) {
            warn(
                """
                \(config): warning: availability.file: \(holder) writes \(path) now; a second proxy with it does not \
                start: give each a file of its own
                """)
        }
        let lookupMax = Instant.Span.seconds(5)
        for node in configuration.nodes where NameLookup.now(node.endpoint, within: lookupMax) == nil {
            warn(
                "\(config): warning: node \(node.name): \(node.endpoint.host) can't be resolved now: it is looked up again and "
                    + "again, and the node counts for nothing until then")
        }
        for listener in ListenerWatch.absent(configuration.proxy.listen) {
            print("\(config): proxy.listen: \(ListenerWatch.sentence(listener))")
        }
        print("\(config) is valid.")
    }
}
