/// The proxy's figures as its admin socket gives them: lines `name: value`.
struct Status {
    private var values: [String: String] = [:]
    var perSecond: Double?

    init(cluster: String, counters: String) {
        for text in [counters, cluster] {
            for line in text.split(separator: "\n") {
                guard let colon = line.firstIndex(of: ":") else { continue }
                let name = line[..<colon].lowercased()
                values[name] = line[line.index(after: colon)...].drop { $0 == " " }.description
            }
        }
    }

    /// Begun since the proxy's start.
    var statements: Int? { value("statements_begun").flatMap { Int($0) } }

    var lines: [String] {
        let rate = perSecond.map { String(Int($0.rounded())) } ?? "-"
        return [
            "primary      \(value("primary") ?? "-")   generation \(value("generation") ?? "-")   "
                + "phase \(value("phase") ?? "-")   for \(value("since") ?? "-")   \(value("diagnosis") ?? "")",
            "sessions     \(value("sessions") ?? "-")   held \(value("sessions_held") ?? "-")   "
                + "moved \(value("sessions_moved") ?? "-")   statements/s \(rate)"
                + (value("paused") == "yes" ? "   PAUSED" : ""),
            "last outage  \(lastOutage)",
        ]
    }

    private var lastOutage: String {
        if value("outage_under_way") == "yes" { return "under way" }
        guard let length = value("outage_length") else { return "none" }
        return "\(length), \(value("outage_began_ago") ?? "-") ago, from \(value("outage_from") ?? "-") to "
            + (value("outage_to") ?? "-")
    }

    var line: String { lines.map { $0.split(separator: " ").joined(separator: " ") }.joined(separator: "; ") }

    private func value(_ name: String) -> String? {
        guard let value = values[name], !value.isEmpty, value != "-" else { return nil }
        return value
    }
}
