import ArgumentParser
import Foundation
import Testbed

@main
struct Lab: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "haproxydb-lab",
        abstract: "An embedded pair of real MariaDB servers with HAProxyDB before it, on loopback.",
        discussion: """
            The two servers share one data directory that only the primary's server opens, as with DRBD. Nothing is \
            kept: data, sockets and logs are in a temporary directory that is removed at the end.
            """,
        subcommands: [
            Run.self, Demo.self, CampaignCommand.self, SoakCommand.self, FuzzCommand.self, HostileCommand.self,
            FidelityCommand.self, ConformanceCommand.self, BothCommand.self,
        ])
}

extension Lab {
    struct Demo: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Load through the proxy, kill -9 of the primary, and what the clients felt.",
            discussion: "Exit status 0 only when every promise held.")

        @Option(help: "Clients that loop SELECTs.")
        var selects = 20
        @Option(help: "Clients that loop INSERTs.")
        var inserts = 20
        @Option(help: "Clients that loop transactions.")
        var transactions = 0
        @Option(help: "Sessions with a schema, variables and a prepared statement that wait.")
        var idle = 20
        @Option(help: "Seconds from the death of the primary to the start of the standby.")
        var gap = 3.0

        func validate() throws {
            guard (0...200).contains(min(selects, inserts, transactions, idle)),
                selects + inserts + transactions + idle <= 1000, gap >= 0, gap <= 60
            else { throw ValidationError("at most 1000 clients, and at most 60 seconds") }
        }

        func run() throws {
            var plan = FailoverTrial.Plan()
            (plan.selects, plan.inserts, plan.transactions, plan.idle) = (selects, inserts, transactions, idle)
            plan.gap = .seconds(gap)
            let begun = ContinuousClock.now
            let say: (String) -> Void = { output("\(stamp(since: begun))  \($0)") }

            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            say("\(pair.primary.name) is up on port \(pair.primary.port), \(pair.standby.name) is the standby")
            let proxy = try ProxyProcess(nodes: pair.ports)
            defer { proxy.stop(grace: .seconds(3)) }
            say("haproxydb listens on port \(proxy.port)")
            do {
                let outcome = try FailoverTrial(plan).run(pair, port: proxy.port, say: say)
                output(DemoReport(outcome).text)
                guard outcome.broken().isEmpty else {
                    output("the proxy's log:\n\(proxy.logTail())")
                    throw ExitCode(1)
                }
            } catch let failure as TestbedFailure {
                output("\(failure)\nthe proxy's log:\n\(proxy.logTail())")
                throw ExitCode(1)
            }
        }
    }
}

/// `  3.21 s`.
func stamp(since begun: ContinuousClock.Instant) -> String {
    String(format: "%6.2f s", (ContinuousClock.now - begun).seconds)
}
