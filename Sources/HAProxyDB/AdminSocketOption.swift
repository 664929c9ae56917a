import ArgumentParser
import Settings

/// Which proxy to ask.
struct AdminSocketOption: ParsableArguments {
    @Option(help: ArgumentHelp("The admin socket.", valueName: "path"))
    var socket: String?

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The proxy's configuration, which names its socket.", valueName: "file")
    )
    var config: String?

    func path() throws -> String {
        if let socket { return socket }
        guard let config else { return Configuration.Admin.socketDefault }
        do throws(ConfigurationFile.Failure) {
            return try ConfigurationFile(path: config).adminSocket()
        } catch {
            complain(error.description)
            throw ExitCode.configurationWrong
        }
    }
}
