import Cluster

/// One screen of what goes on.
struct LiveView {
    enum Paint: String { case none = "", good = "32", warning = "33", bad = "31", faint = "2", bold = "1" }

    /// Whether to use ANSI colours.
    var isColoured: Bool
    /// Columns; longer lines are cut.
    var width = Int.max

    /// Lines without line ends.
    ///
    /// - Parameter earlier: an earlier sample, for rates; without one they show as `-`.
    func frame(_ sample: LiveSample, since earlier: LiveSample?) -> [String] {
        let info = sample.info
        let counters = sample.counters
        var lines: [String] = []
        lines.append(
            line([
                ("haproxydb \(info.version)", .bold), ("  pid \(info.pid)  up \(info.uptime)", .none),
                (info.isPaused == 1 ? "  PAUSED" : "", .warning), (info.isStopping == 1 ? "  STOPPING" : "", .warning),
            ]))
        lines.append("")
        lines.append(primary(sample.cluster))
        lines.append(outage(sample.cluster))
        lines.append("")
        lines += nodes(sample.nodes)
        lines.append("")
        let perSecond = earlier.flatMap { rate(sample, since: $0) }
        lines.append(
            line([
                ("statements/s ", .faint), (padded(perSecond.map { String($0) } ?? "-", 8), .bold),
                ("   answered \(counters.statementsAnswered)  failed ", .none),
                ("\(counters.statementsFailed)", counters.statementsFailed > 0 ? .warning : .none),
                ("  run again \(counters.statementsRerun)", .none),
            ]))
        lines.append(
            line([
                ("sessions     ", .faint), (padded(String(counters.sessions), 8), .bold),
                ("   of \(info.connectionsMax)  in transaction \(counters.sessionsInTransaction)", .none),
                ("  total \(counters.sessionsTotal)", .none),
            ]))
        lines.append(
            line([
                ("held         ", .faint),
                (padded(String(counters.sessionsHeld), 8), counters.sessionsHeld > 0 ? .warning : .bold),
                ("   moved \(counters.sessionsMoved)", .none),
            ]))
        return lines
    }

    private func rate(_ sample: LiveSample, since earlier: LiveSample) -> Int64? {
        let time = (sample.at - earlier.at).milliseconds
        let count = sample.counters.statementsAnswered - earlier.counters.statementsAnswered
        // Another process has begun to count anew.
        guard time > 0, count >= 0, sample.info.pid == earlier.info.pid else { return nil }
        return (count * 1000 + time / 2) / time
    }

    private func primary(_ cluster: LiveSample.State) -> String {
        let since = Instant.Span.milliseconds(cluster.since)
        guard let primary = cluster.primary else {
            return line([
                ("primary  ", .faint), ("none", .bad),
                ("  \(cluster.phase), \(cluster.diagnosis ?? "unknown"), for \(since)", .none),
            ])
        }
        return line([
            ("primary  ", .faint), (primary, .good),
            ("  generation \(cluster.generation), \(cluster.phase) for \(since)", .none),
        ])
    }

    private func outage(_ cluster: LiveSample.State) -> String {
        guard let length = cluster.outageLength, let ago = cluster.outageBeganAgo else {
            return line([("outage   ", .faint), ("none since the start", .none)])
        }
        let lengthText = Instant.Span.milliseconds(length).description
        if cluster.outageUnderWay {
            return line([
                ("outage   ", .faint), ("under way for \(lengthText)", .bad),
                (", \(cluster.outageFrom ?? "?") was the primary", .none),
            ])
        }
        return line([
            ("outage   ", .faint), ("last one lasted \(lengthText)", .none),
            (", \(cluster.outageFrom ?? "?") to \(cluster.outageTo ?? "?")", .none),
            (", began \(Instant.Span.milliseconds(ago)) ago; \(cluster.outages) in all", .none),
        ])
    }

    private func nodes(_ nodes: [LiveSample.NodeLine]) -> [String] {
        let header = ["node", "address", "role", "health", "for", "last check"]
        let rows = nodes.map { node in
            [
                node.name, node.address, node.role,
                node.administrative == "ready" ? node.health : "\(node.health) (\(node.administrative))",
                Instant.Span.milliseconds(node.since).description, node.lastCheck ?? "-",
            ]
        }
        let widths = header.indices.map { i in ([header] + rows).map { $0[i].count }.max() ?? 0 }
        func texts(_ row: [String]) -> [String] { row.indices.map { padded(row[$0], widths[$0]) + "  " } }
        var lines = [line([(texts(header).joined(), .faint)])]
        for (node, row) in zip(nodes, rows) {
            let cells = texts(row)
            let health: Paint =
                switch node.health {
                case "up": .good
                case "rising", "falling": .warning
                default: .bad
                }
            lines.append(
                line([
                    (cells[0], .bold), (cells[1], .none), (cells[2], node.role == "primary" ? .good : .none),
                    (cells[3], health), (cells[4], .none), (cells[5], .faint),
                ]))
        }
        return lines
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Cut to the width; what is empty or plain costs no escapes.
    private func line(_ parts: [(text: String, paint: Paint)]) -> String {
        var out = ""
        var left = width
        var parts = parts
        while let last = parts.last, last.text.allSatisfy({ $0 == " " }) { parts.removeLast() }
        for (i, part) in parts.enumerated() {
            var text = String(part.text.prefix(left))
            if i == parts.count - 1 { while text.last == " " { text.removeLast() } }
            left -= text.count
            if !isColoured || part.paint == .none || text.isEmpty {
                out += text
            } else {
                out += "\u{1B}[\(part.paint.rawValue)m\(text)\u{1B}[0m"
            }
        }
        return out
    }
}
