import Testbed

/// What the clients of a demonstration felt, for people.
struct DemoReport {
    let outcome: FailoverTrial.Outcome

    init(_ outcome: FailoverTrial.Outcome) { self.outcome = outcome }

    var text: String {
        var lines = ["", "what the clients felt:"]
        let loads = [("SELECT", outcome.selects), ("INSERT", outcome.inserts), ("BEGIN…COMMIT", outcome.transactions)]
        for (name, report) in loads where report.statements > 0 {
            lines.append(
                "  \(name): \(report.statements) statements, longest pause \(seconds(report.longest)), "
                    + (report.errors.isEmpty ? "no error" : "\(report.errorCount) errors"))
            for (error, count) in report.errors.sorted(by: { $0.value > $1.value }).prefix(6) {
                lines.append("    \(count) x \(error)")
            }
        }
        let accounting = outcome.accounting
        let inserts = outcome.inserts
        let transactions = outcome.transactions
        let acknowledged = inserts.acknowledged.count + transactions.acknowledged.count
        let unknown = inserts.unknown.count + transactions.unknown.count
        lines += [
            "  rows: \(acknowledged) acknowledged, \(accounting.lost.count) of them lost, "
                + "\(accounting.doubled.count) there twice; \(unknown) of unknown outcome (08007)",
            "  sessions lost: \(outcome.sessionsLost); idle sessions changed: \(outcome.idleFaults.count)",
            "  no server for \(seconds(outcome.clusterDown)) (from the kill to the first login past the proxy)",
        ]
        if let first = outcome.firstAnswerAfterLogin {
            lines.append(
                "  first answer through the proxy \(seconds(first)) after that login "
                    + "(promised: at most \(seconds(FailoverTrial.firstAnswerMax)))")
        }
        let broken = outcome.broken()
        lines.append(broken.isEmpty ? "every promise held" : "NOT as promised:")
        lines += broken.map { "  \($0)" }
        return lines.joined(separator: "\n")
    }
}
