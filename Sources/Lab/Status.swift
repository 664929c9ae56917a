/// The proxy's figures as its admin socket gives them: lines `name: value`.
struct Status {
    private var values: [String: String] = [:]
    var perSecond: Double?

    init(cluster: String, info: String, counters: String) {
        for text in [info, counters, cluster] {
            for line in text.split(separator: "\n") {
                guard let colon = line.firstIndex(of: ":") else { continue }
                let name = line[..<colon].lowercased()
                values[name] = line[line.index(after: colon)...].drop { $0 == " " }.description
            }
        }
    }

    /// Begun since the proxy's start.
    var statements: Int? { value("statements_begun", "statementsbegun", "cumreq").flatMap { Int($0) } }

    var lines: [String] {
        let rate = perSecond.map { String(Int($0.rounded())) } ?? "-"
        return [
            "primary      \(value("primary") ?? "-")   generation \(value("generation") ?? "-")   "
                + "phase \(value("phase") ?? "-")   \(value("diagnosis") ?? "")",
            "sessions     \(value("sessions_now", "sessionsnow", "currconns") ?? "-")   "
                + "held \(value("sessions_held_now", "sessionsheldnow") ?? "-")   statements/s \(rate)",
            "last outage  \(value("last outage", "last_outage", "lastoutage") ?? "none")",
        ]
    }

    var line: String { lines.map { $0.split(separator: " ").joined(separator: " ") }.joined(separator: "; ") }

    private func value(_ names: String...) -> String? {
        for name in names { if let value = values[name], !value.isEmpty { return value } }
        return nil
    }
}
