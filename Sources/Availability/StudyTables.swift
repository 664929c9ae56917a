import Cluster

/// A study as tables of texts: what the text, CSV and HTML reports print.
public struct StudyTable: Sendable {
    public var title: String
    public var note: String
    public var columns: [String]
    public var rows: [[String]]
}

extension Study {
    public var tables: [StudyTable] {
        [usersTable, timeTable, conditionTable, throughputTable, outageTable, unknownTable, budgetTable, gapTable]
            .filter {
                !$0.rows.isEmpty
            }
    }

    private var usersTable: StudyTable {
        StudyTable(
            title: "Availability by users: (PUM - UOM) / PUM",
            note: "PUM: users present x agreed minutes. UOM: users affected x minutes without an answer.",
            columns: ["users", "outages", "PUM (user-minutes)", "UOM (user-minutes)", "availability %"],
            rows: byUsers.map {
                [$0.users, "\($0.outages)", fixed($0.pum, 2), fixed($0.uom, 3), percent($0.availability)]
            })
    }

    private var timeTable: StudyTable {
        var note = "AST: agreed service time that was recorded. DT: downtime in it."
        if unrecordedSeconds > 0 {
            let worst = byTime.first.flatMap {
                Formulas.timeAvailability(ast: $0.ast + unrecordedSeconds, dt: $0.dt + unrecordedSeconds)
            }
            note +=
                " Not recorded, because the proxy did not run: \(fixed(unrecordedSeconds, 0)) s; counted as downtime,"
            note += " the first line would be \(percent(worst)) %."
        }
        let names: [Sight: String] = [
            .felt: "any (waited or failed)", .errors: "errors", .delay: "waited longer than \(delayBound)",
        ]
        return StudyTable(
            title: "Availability by time: (AST - DT) / AST", note: note,
            columns: ["downtime is", "outages", "AST (hours)", "DT (minutes)", "availability %"],
            rows: byTime.map {
                [
                    names[$0.sight] ?? "", "\($0.outages)", fixed($0.ast / 3600, 3), fixed($0.dt / 60, 3),
                    percent($0.availability),
                ]
            })
    }

    private var conditionTable: StudyTable {
        func text(_ value: Double?) -> String { value.map { fixed($0, 3) } ?? "-" }
        return StudyTable(
            title: "Failover and fallback times by condition", note: "Seconds; medians unless said otherwise.",
            columns: [
                "condition", "count", "shortest", "median", "longest", "detection", "without primary", "held",
                "run again",
                "failed",
            ],
            rows: byCondition.map {
                [
                    $0.condition, "\($0.lengths.count)", text($0.lengths.min()), text(median($0.lengths)),
                    text($0.lengths.max()), text(median($0.detections)), text(median($0.withoutPrimary)), "\($0.held)",
                    "\($0.rerun)", "\($0.failed)",
                ]
            })
    }

    private var throughputTable: StudyTable {
        func milliseconds(_ share: Double, _ counts: LatencyCounts) -> String {
            bounds.quantile(share, of: counts).map { fixed(Double($0) / 1000, 3) } ?? "-"
        }
        return StudyTable(
            title: "Throughput by users",
            note: "Latencies in milliseconds, from a statement's arrival to its answer's end.",
            columns: ["users", "seconds", "statements", "per second", "peak", "MB", "p50", "p99", "p99.9", "max"],
            rows: throughput.map {
                [
                    $0.users, fixed($0.seconds, 0), "\($0.statements)", fixed($0.perSecond, 1), fixed($0.peak, 1),
                    fixed(Double($0.bytes) / 1e6, 1), milliseconds(0.5, $0.latency), milliseconds(0.99, $0.latency),
                    milliseconds(0.999, $0.latency), milliseconds(1, $0.latency),
                ]
            })
    }

    private var outageTable: StudyTable {
        StudyTable(
            title: "Outages", note: "Times in \(hours.zone.name); phases in seconds.",
            columns: [
                "began", "seconds", "what", "from", "to", "generations", "users", "held", "moved", "run again",
                "refused",
                "failed", "unknown", "user-minutes", "phases",
            ],
            rows: outages.map { outage in
                let phases = outage.phases.map { phase in
                    "\(phase.phase.rawValue) \(phase.length.map { fixed(seconds($0), 2) } ?? "?")"
                }
                return [
                    outage.wall.clock(in: hours.zone) + "." + padded(outage.wall.nanoseconds / 1_000_000 % 1000, 3),
                    fixed(seconds(outage.length), 3) + (outage.ended == nil ? "+" : ""), outage.condition, outage.from,
                    outage.to, outage.lost == .none ? "" : "\(outage.lost) -> \(outage.gained)",
                    "\(outage.usersAffected)",
                    "\(outage.held)", "\(outage.moved)", "\(outage.rerun)", "\(outage.refused)", "\(outage.failed)",
                    "\(outage.unknown)",
                    fixed(outage.userMinutesLost, 3), phases.joined(separator: ", "),
                ]
            })
    }

    private var unknownTable: StudyTable {
        StudyTable(
            title: "Outcomes that nobody knows",
            note: "The client got error 1927 (SQLSTATE 08007): look at the data, or in the binary log for the thread.",
            columns: [
                "told", "user", "client", "database", "node", "thread", "statement", "in transaction", "seconds",
                "because",
            ],
            rows: unknown.map { record in
                let outcome = record.outcome
                return [
                    record.wall.clock(in: hours.zone), outcome.user, outcome.client, outcome.database, outcome.node,
                    "\(outcome.thread)", outcome.statement, outcome.inTransaction ? "yes" : "no",
                    fixed(seconds(record.inFlight), 3), outcome.cause.rawValue,
                ]
            })
    }

    private var budgetTable: StudyTable {
        StudyTable(
            title: "Error budget",
            note: "Seconds of downtime that an objective allows in the recorded AST, and what is left.",
            columns: ["objective %", "downtime is", "allowed", "left"],
            rows: budgets.map { [fixed($0.objective, 3), $0.sight.rawValue, fixed($0.allowed, 3), fixed($0.left, 3)] })
    }

    private var gapTable: StudyTable {
        StudyTable(
            title: "Not recorded", note: "The proxy did not run, or its rows could not be written.",
            columns: ["from", "to", "seconds", "why"],
            rows: gaps.map {
                [
                    $0.began.clock(in: hours.zone), $0.ended.clock(in: hours.zone),
                    fixed(seconds($0.ended - $0.began), 1),
                    $0.reason.rawValue,
                ]
            })
    }

    /// One line on what is reported.
    public var heading: String {
        "\(since.clock(in: hours.zone)) to \(until.clock(in: hours.zone)) (\(hours.zone.name))"
    }

    // MARK: texts

    public var text: String {
        var text = "Availability, \(heading)\n"
        for table in tables {
            text += "\n\(table.title)\n"
            let widths = table.columns.indices.map { column in
                ([table.columns] + table.rows).map { $0[column].count }.max() ?? 0
            }
            for (n, row) in ([table.columns] + table.rows).enumerated() {
                let cells = row.indices.map { i in
                    let blanks = String(repeating: " ", count: widths[i] - row[i].count)
                    let isNumber = table.rows.allSatisfy { $0[i].first.map { "0123456789-".contains($0) } ?? true }
                    return isNumber ? blanks + row[i] : row[i] + blanks
                }
                var line = cells.joined(separator: "  ")
                while line.last == " " { line.removeLast() }
                text += "  \(line)\n"
                if n == 0 {
                    text += "  " + widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ") + "\n"
                }
            }
            text += "  \(table.note)\n"
        }
        return text
    }

    /// Every row of the log in this time, as the CSV has them behind the tables.
    private var rowTables: [StudyTable] {
        let rows = intervals.map { row in
            func quantile(_ share: Double) -> String { bounds.quantile(share, of: row.latency).map { "\($0)" } ?? "" }
            let counts = [
                row.begun, row.answered, row.failed, row.abandoned, row.held, row.rerun, row.moved, row.loginsRefused,
                row.lost, row.unknown, row.reconnected, row.delayed, row.bytesIn, row.bytesOut, Int64(row.heldNow),
                Int64(row.inFlightNow),
                Int64(row.loginsHeldNow),
            ]
            return [row.began.text(in: hours.zone), fixed(seconds(row.covered), 3), fixed(row.users, 1)]
                + ["\(row.usersAffectedMax)", "\(row.userMillisecondsLost)"] + counts.map { "\($0)" }
                + [quantile(0.5), quantile(0.99), quantile(1)]
        }
        let steps = clockSteps.map { [$0.expected.text(in: hours.zone), $0.found.text(in: hours.zone)] }
        return [
            StudyTable(
                title: "Rows", note: "",
                columns: [
                    "began", "seconds", "users", "users affected", "user-ms lost", "begun", "answered", "failed",
                    "abandoned", "held", "run again", "moved", "logins refused", "sessions lost", "unknown",
                    "reconnected", "delayed", "bytes in",
                    "bytes out", "held now", "in flight now", "logins held now", "p50 us", "p99 us", "max us",
                ], rows: rows),
            StudyTable(title: "The clock was set", note: "", columns: ["would have shown", "shows"], rows: steps),
        ].filter { !$0.rows.isEmpty }
    }

    /// RFC 4180, one block per table: a line with the title, the columns, the rows; an empty line between blocks. Behind
    /// the tables of the other forms every row.
    public var csv: String {
        func field(_ text: String) -> String {
            text.contains(where: { ",\"\n\r".contains($0) }) ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
        }
        return (tables + rowTables).map { table in
            ([[table.title], table.columns] + table.rows).map { $0.map(field).joined(separator: ",") + "\r\n" }.joined()
        }.joined(separator: "\r\n")
    }
}
