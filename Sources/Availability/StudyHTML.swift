import Cluster

extension Study {
    /// One file without outside resources: charts as SVG, and all tables.
    public var html: String {
        let charts = Charts(self)
        var body = "<h1>Availability</h1><p class=\"when\">\(escaped(heading))</p>"
        body += figures
        body += charts.page
        for table in tables {
            body += "<section><h2>\(escaped(table.title))</h2><div class=\"wide\"><table><thead><tr>"
            body += table.columns.map { "<th>\(escaped($0))</th>" }.joined() + "</tr></thead><tbody>"
            for row in table.rows { body += "<tr>" + row.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>" }
            body += "</tbody></table></div><p class=\"note\">\(escaped(table.note))</p></section>"
        }
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
            <link rel="icon" href="data:,"><title>Availability, \(escaped(heading))</title><style>\(Self.style)</style></head>
            <body><main>\(body)</main></body></html>

            """
    }

    private var figures: String {
        let felt = byTime.first { $0.sight == .felt }
        let parts = [
            ("by users, (PUM - UOM) / PUM", percent(byUsers.last?.availability) + " %"),
            ("by time, (AST - DT) / AST", percent(felt?.availability) + " %"),
            ("outages felt", "\(felt?.outages ?? 0)"), ("downtime", fixed(felt?.dt ?? 0, 2) + " s"),
            ("statements", "\(totals.answered)"), ("failed", "\(totals.failed)"),
        ]
        return "<dl>" + parts.map { "<div><dt>\(escaped($0.0))</dt><dd>\(escaped($0.1))</dd></div>" }.joined() + "</dl>"
    }

    private static let style = """
        :root{color-scheme:light dark;--ink:#1c2733;--soft:#5d6b78;--line:#d5dce2;--back:#fff;--good:#2b8a5b;--bad:#c8321f;\
        --wait:#e2a11c;--blue:#2667b5}@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#9aa8b5;--line:#35414c;\
        --back:#12181e;--good:#45b882;--bad:#ef6a57;--wait:#f0bb4b;--blue:#6aa5ee}}*{box-sizing:border-box}body{margin:0;\
        background:var(--back);color:var(--ink);font:15px/1.45 system-ui,sans-serif}main{max-width:1120px;margin:0 auto;\
        padding:20px 16px}h1{margin:0;font-size:1.6em}h2{font-size:1.1em;margin:1.8em 0 .4em}.when,.note,dt{color:var(--soft)}\
        .note{font-size:.85em;margin:.4em 0}dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px}\
        dl div{border:1px solid var(--line);border-radius:8px;padding:8px 12px}dt{font-size:.8em}dd{margin:0;font-size:1.35em;\
        font-variant-numeric:tabular-nums}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85em;\
        font-variant-numeric:tabular-nums}th,td{text-align:left;padding:4px 10px 4px 0;border-bottom:1px solid var(--line);\
        white-space:nowrap}svg{width:100%;min-width:820px;height:auto;display:block}svg text{fill:var(--soft);font-size:12px}\
        .axis{stroke:var(--line)}.answered{fill:var(--good)}.held{fill:var(--wait)}.failed{fill:var(--bad)}\
        .gap{fill:var(--line)}.line{fill:none;stroke-width:1.5}.a{stroke:var(--blue)}.b{stroke:var(--bad)}\
        .lost{fill:#8b1e12}.fencing{fill:#b5541b}.promoting{fill:#cf7c1d}.mounting{fill:#dfa13a}.starting{fill:#c9b458}\
        .recovering{fill:#7d9fc4}.ready{fill:#2b8a5b}.unknown{fill:#c8321f}
        """
}

/// The report's charts, all on the same time axis.
private struct Charts {
    private let study: Study
    private let rows: [Interval]
    private let width = 1000.0
    private let left = 64.0

    init(_ study: Study) {
        self.study = study
        // At most that many points: neighbours are added up.
        let each = max(1, (study.intervals.count + 499) / 500)
        var rows: [Interval] = []
        for (i, row) in study.intervals.enumerated() {
            // What lies apart stays apart.
            if i % each == 0 || rows.last.map({ row.began - $0.ended > .seconds(2) }) ?? true {
                rows.append(row)
            } else {
                rows[rows.count - 1].add(row)
            }
        }
        self.rows = rows
    }

    var page: String {
        guard !rows.isEmpty, study.until > study.since else { return "<p>There is nothing in this time.</p>" }
        return availability + outages + throughput + latency
    }

    private func x(_ time: WallTime) -> Double {
        let share = seconds(time - study.since) / seconds(study.until - study.since)
        return left + min(1, max(0, share)) * (width - left - 8)
    }

    private func section(_ title: String, _ id: String, height: Double, _ note: String, _ content: String) -> String {
        """
        <section><h2>\(escaped(title))</h2><div class="wide"><svg id="\(id)" viewBox="0 0 \(fixed(width, 0)) \(fixed(height + 22, 0))" \
        role="img" aria-label="\(escaped(title))">\(content)\(axis(height))</svg></div><p class="note">\(escaped(note))</p></section>
        """
    }

    private func axis(_ height: Double) -> String {
        var text = "<line class=\"axis\" x1=\"\(left)\" x2=\"\(width - 8)\" y1=\"\(height)\" y2=\"\(height)\"/>"
        for n in 0...4 {
            let quarter = Instant.Span(nanoseconds: (study.until - study.since).nanoseconds / 4)
            let time = study.since + quarter * Int64(n)
            let clock = time.clock(in: study.hours.zone)
            let label = seconds(study.until - study.since) > 86_400 * 2 ? clock.prefix(10) : clock.dropFirst(11)
            let anchor = n == 0 ? "start" : n == 4 ? "end" : "middle"
            text += "<text x=\"\(fixed(x(time), 1))\" y=\"\(height + 16)\" text-anchor=\"\(anchor)\">\(label)</text>"
        }
        return text
    }

    private func bar(_ kind: String, _ from: WallTime, _ to: WallTime, top: Double, height: Double, _ title: String)
        -> String
    {
        let begin = x(from)
        let wide = max(1, x(to) - begin)
        return """
            <rect class="\(kind)" x="\(fixed(begin, 2))" y="\(fixed(top, 2))" width="\(fixed(wide, 2))" \
            height="\(fixed(height, 2))"><title>\(escaped(title))</title></rect>
            """
    }

    private var gaps: String {
        study.gaps.map {
            bar("gap", $0.began, $0.ended, top: 0, height: 110, "not recorded: \($0.reason.rawValue)")
        }.joined()
    }

    /// For every row what became of the statements: answered from below, failed and held above.
    private var availability: String {
        var content = gaps
        for row in rows {
            let pending = Double(row.heldMax)
            let all = Double(row.answered) + Double(row.failed) + pending
            let when = row.began.clock(in: study.hours.zone)
            guard all > 0 else { continue }
            let answered = 110 * Double(row.answered) / all
            let failed = 110 * Double(row.failed) / all
            content += bar(
                "answered", row.began, row.ended, top: 110 - answered, height: answered,
                "\(when): \(row.answered) answered")
            if pending > 0 {
                content += bar(
                    "held", row.began, row.ended, top: 0, height: 110 - answered - failed,
                    "\(when): \(row.heldMax) held")
            }
            if failed > 0 {
                content += bar(
                    "failed", row.began, row.ended, top: 110 - answered - failed, height: max(2, failed),
                    "\(when): \(row.failed) failed")
            }
        }
        content += "<text x=\"0\" y=\"12\">100 %</text><text x=\"0\" y=\"110\">0</text>"
        return section(
            "Availability", "availability", height: 110,
            "Statements answered (green), waiting (yellow), failed (red); grey: not recorded.", content)
    }

    private var outages: String {
        guard !study.outages.isEmpty else { return "" }
        // One outage per line, on a scale of its own: seconds since its beginning.
        let shown = study.outages.suffix(40)
        let longest = max(0.001, shown.map { seconds($0.length) }.max() ?? 0)
        func place(_ time: Double) -> Double { 150 + min(1, max(0, time / longest)) * (width - 230) }
        var content = ""
        var top = 0.0
        for outage in shown {
            let name = outage.wall.clock(in: study.hours.zone)
            content += "<text x=\"0\" y=\"\(fixed(top + 14, 0))\">\(name)</text>"
            func part(_ kind: String, _ from: Instant, _ to: Instant) -> String {
                let begin = place(seconds(from - outage.began))
                let wide = max(1, place(seconds(to - outage.began)) - begin)
                return """
                    <rect class="\(kind)" x="\(fixed(begin, 2))" y="\(fixed(top + 3, 0))" width="\(fixed(wide, 2))" \
                    height="14"><title>\(kind) \(fixed(seconds(to - from), 3)) s: \(escaped(outage.condition))</title></rect>
                    """
            }
            content += part("unknown", outage.began, outage.began + outage.length)
            for phase in outage.phases {
                content += part(phase.phase.rawValue, phase.began, phase.ended ?? outage.began + outage.length)
            }
            let end = place(seconds(outage.length)) + 6
            content +=
                "<text x=\"\(fixed(end, 1))\" y=\"\(fixed(top + 14, 0))\">\(fixed(seconds(outage.length), 2)) s</text>"
            top += 22
        }
        let names = Phase.allCases.map(\.rawValue).joined(separator: ", ")
        return """
            <section><h2>Outages and their phases</h2><div class="wide"><svg id="outages" viewBox="0 0 \(fixed(width, 0)) \(fixed(top, 0))" \
            role="img" aria-label="Outages and their phases">\(content)</svg></div><p class="note">From the first statement held or \
            failed to the first answered. Phases, in this order of colours: \(names); red: felt before the cluster knew.</p>\
            </section>
            """
    }

    private func line(_ kind: String, _ values: [Double?], top: Double) -> String {
        var path = ""
        var isDown = false
        for (row, value) in zip(rows, values) {
            guard let value else {
                isDown = false
                continue
            }
            let middle = (x(row.began) + x(row.ended)) / 2
            path += "\(isDown ? "L" : "M")\(fixed(middle, 1)) \(fixed(110 - 105 * value / max(top, 1e-9), 1))"
            isDown = true
        }
        return "<path class=\"line \(kind)\" d=\"\(path)\"/>"
    }

    private var throughput: String {
        let values = rows.map { $0.covered > .zero ? Double($0.answered) / seconds($0.covered) : 0 }
        let top = values.max() ?? 0
        let content = gaps + line("a", values, top: top) + "<text x=\"0\" y=\"12\">\(fixed(top, 0))/s</text>"
        return section("Throughput", "throughput", height: 110, "Statements answered per second.", content)
    }

    private var latency: String {
        func quantile(_ share: Double) -> [Double?] {
            rows.map { study.bounds.quantile(share, of: $0.latency).map { Double($0) / 1000 } }
        }
        let high = quantile(0.99)
        let top = high.compactMap { $0 }.max() ?? 0
        let content =
            gaps + line("b", high, top: top) + line("a", quantile(0.5), top: top)
            + "<text x=\"0\" y=\"12\">\(fixed(top, 1)) ms</text>"
        return section(
            "Latency", "latency", height: 110, "Half of all statements (blue) and 99 % (red) took at most.", content)
    }
}

private func escaped(_ text: String) -> String {
    var out = ""
    for character in text.unicodeScalars {
        switch character {
        case "&": out += "&amp;"
        case "<": out += "&lt;"
        case ">": out += "&gt;"
        case "\"": out += "&quot;"
        case _: out.unicodeScalars.append(character)
        }
    }
    return out
}
