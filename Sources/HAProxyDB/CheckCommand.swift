import ArgumentParser

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks a configuration and prints everything that is wrong with it.",
        discussion: "Ends with 0, or with 64 where something is wrong.")

    @Option(name: .shortAndLong, help: ArgumentHelp("The configuration.", valueName: "file"))
    var config: String

    func run() throws {
        do throws(ConfigurationFile.Failure) {
            _ = try ConfigurationFile(path: config).read()
        } catch {
            complain(error.description)
            throw ExitCode.configurationWrong
        }
        print("\(config) is valid.")
    }
}
