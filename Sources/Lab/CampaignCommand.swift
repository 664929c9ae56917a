import ArgumentParser
import Foundation
import Testbed

extension Lab {
    struct CampaignCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "campaign",
            abstract:
                "Induced outages of random lengths under load, and the availability log held against the clients'.",
            discussion: "Exit status 0 only when every outage is in the log as the clients felt it, and no other.")

        @Option(help: "How many.")
        var outages = 25
        @Option(help: "Decides lengths and order.")
        var seed: UInt64 = 1
        @Option(help: "Milliseconds by which begin and end may differ.")
        var tolerance = 100.0

        func validate() throws {
            guard (1...100).contains(outages) else { throw ValidationError("1 to 100 outages") }
        }

        func run() throws {
            let begun = ContinuousClock.now
            let say: (String) -> Void = { output("\(stamp(since: begun))  \($0)") }
            let log = try AvailabilityLog()
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            let proxy = try ProxyProcess(nodes: pair.ports, sections: log.section)
            defer { proxy.stop(grace: .seconds(3)) }
            var campaign = Campaign(outages: outages, seed: seed)
            campaign.tolerance = tolerance / 1000
            let outcome: Campaign.Outcome
            do {
                outcome = try campaign.run(pair, proxy, log, say: say)
            } catch {
                output("\(error)\nthe proxy's log:\n\(proxy.logTail())")
                throw ExitCode(1)
            }
            output(CampaignReport(outcome).text)
            guard outcome.isSound else {
                output("the proxy's log:\n\(proxy.log)")
                throw ExitCode(1)
            }
        }
    }
}

/// A campaign's outcome, for people.
struct CampaignReport {
    let outcome: Campaign.Outcome

    init(_ outcome: Campaign.Outcome) { self.outcome = outcome }

    var text: String {
        var lines = [
            "",
            "                    seconds    begin      end  users affected  user minutes lost  failed",
            "cause                  felt   off ms   off ms   felt     log     felt      log     log  in the log",
        ]
        for finding in outcome.findings { lines.append(line(finding)) }
        let matched = outcome.findings.filter { $0.observed != nil && $0.recorded != nil }
        let begins = matched.compactMap { $0.beginOff.map(abs) }
        let ends = matched.compactMap { $0.endOff.map(abs) }
        lines += [
            "",
            "\(outcome.statements) turns of the clients; begin off by at most \(ms(begins.max())) ms, end by at most "
                + "\(ms(ends.max())) ms",
            String(
                format: "user minutes lost: %.4f felt, %.4f in the log, %+.2f %%", outcome.observedUserMinutes,
                outcome.recordedUserMinutes, (outcome.userMinutesRatio - 1) * 100),
            "\(outcome.hiccups) waits of everyone under \(Campaign.hiccupMax) s that nothing was done for",
        ]
        let faults =
            outcome.faults
            + outcome.findings.enumerated().flatMap { number, finding in
                finding.faults.map { "\(number + 1), \(finding.incident?.cause.rawValue ?? "not induced"): \($0)" }
            }
        lines.append(faults.isEmpty ? "every promise held" : "NOT as promised:")
        return (lines + faults.map { "  \($0)" }).joined(separator: "\n")
    }

    private func line(_ finding: Campaign.Finding) -> String {
        let name = finding.incident?.cause.rawValue ?? "(not induced)"
        let felt = finding.observed
        let row = finding.recorded
        let phases = row.map { row in
            row.phases.map { "\($0.phase) \($0.seconds.map { String(format: "%.2f", $0) } ?? "?")" }
                .joined(separator: ", ")
        }
        let what = row.map { row in
            (row.planned ? "planned " : "") + row.kind + (row.from.isEmpty ? "" : " \(row.from)->\(row.to)")
        }
        let columns: [(String, Int)] = [
            (felt.map { String(format: "%.3f", $0.length) } ?? "-", 8), (ms(finding.beginOff), 9),
            (ms(finding.endOff), 9), (felt.map { "\($0.users)" } ?? "-", 7),
            (row.map { "\($0.usersAffected)" } ?? "-", 8),
            (felt.map { String(format: "%.4f", $0.userMinutes) } ?? "-", 9),
            (row.map { String(format: "%.4f", $0.userMinutesLost) } ?? "-", 9), (row.map { "\($0.failed)" } ?? "-", 8),
        ]
        let cells = columns.map { text, width in String(repeating: " ", count: max(0, width - text.count)) + text }
        return name.padding(toLength: 19, withPad: " ", startingAt: 0) + cells.joined() + "  \(what ?? "not there")"
            + (phases.map { $0.isEmpty ? "" : " (\($0))" } ?? "") + (finding.faults.isEmpty ? "" : "  <-- !")
    }

    private func ms(_ seconds: Double?) -> String { seconds.map { String(format: "%.1f", $0 * 1000) } ?? "-" }
}
