import ArgumentParser

@main
struct Program: ParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "haproxydb",
        abstract: "A failover proxy for MariaDB.",
        version: version,
        subcommands: [
            RunCommand.self, CheckCommand.self, CtlCommand.self, TopCommand.self, AgentCommand.self,
            AnnounceCommand.self, LedgerReportCommand.self, DoctorCommand.self,
        ])
}
