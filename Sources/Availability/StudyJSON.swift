import Cluster

/// A value of JSON, in the order given.
indirect enum JSON {
    case text(String), number(Double), integer(Int64), flag(Bool), null
    case array([JSON])
    case object([(String, JSON)])

    static func optional(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }

    var text: String {
        switch self {
        case .text(let text): Self.quoted(text)
        case .number(let number): number.isFinite ? "\(number)" : "null"
        case .integer(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        case .null: "null"
        case .array(let all): "[" + all.map(\.text).joined(separator: ",") + "]"
        case .object(let all): "{" + all.map { Self.quoted($0.0) + ":" + $0.1.text }.joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            // "<" too: the text may stand in a page's script.
            case "<": out += "\\u003c"
            case _ where scalar.value < 0x20 || scalar.value == 0x2028 || scalar.value == 0x2029:
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            case _: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

extension Study {
    /// All figures, with their units in their names.
    public var json: String {
        JSON.object([
            ("since", .text(since.text(in: hours.zone))), ("until", .text(until.text(in: hours.zone))),
            ("time_zone", .text(hours.zone.name)), ("delay_bound_seconds", .number(seconds(delayBound))),
            ("agreed_seconds", .number(agreedSeconds)), ("unrecorded_seconds", .number(unrecordedSeconds)),
            ("totals", totalsJSON),
            (
                "availability_by_users",
                .array(
                    byUsers.map {
                        .object([
                            ("users", .text($0.users)), ("outages", .integer(Int64($0.outages))),
                            ("pum_user_minutes", .number($0.pum)), ("uom_user_minutes", .number($0.uom)),
                            ("availability_percent", .optional($0.availability)),
                        ])
                    })
            ),
            (
                "availability_by_time",
                .array(
                    byTime.map {
                        .object([
                            ("view", .text($0.sight.rawValue)), ("outages", .integer(Int64($0.outages))),
                            ("ast_seconds", .number($0.ast)), ("dt_seconds", .number($0.dt)),
                            ("availability_percent", .optional($0.availability)),
                        ])
                    })
            ),
            (
                "times_by_condition",
                .array(
                    byCondition.map {
                        .object([
                            ("condition", .text($0.condition)), ("count", .integer(Int64($0.lengths.count))),
                            ("shortest_seconds", .optional($0.lengths.min())),
                            ("median_seconds", .optional(median($0.lengths))),
                            ("longest_seconds", .optional($0.lengths.max())),
                            ("median_detection_seconds", .optional(median($0.detections))),
                            ("median_without_primary_seconds", .optional(median($0.withoutPrimary))),
                        ])
                    })
            ), ("throughput", .array(throughput.map(throughputJSON))), ("outages", .array(outages.map(outageJSON))),
            (
                "unknown_outcomes",
                .array(
                    unknown.map {
                        .object([
                            ("run", .integer($0.run)), ("told", .text($0.wall.text(in: hours.zone))),
                            ("user", .text($0.outcome.user)), ("client", .text($0.outcome.client)),
                            ("database", .text($0.outcome.database)), ("node", .text($0.outcome.node)),
                            ("thread", .integer(Int64($0.outcome.thread))), ("statement", .text($0.outcome.statement)),
                            ("in_transaction", .flag($0.outcome.inTransaction)),
                            ("in_flight_seconds", .number(seconds($0.inFlight))),
                            ("cause", .text($0.outcome.cause.rawValue)),
                            ("session", .integer(Int64($0.outcome.session))),
                        ])
                    })
            ),
            (
                "error_budgets",
                .array(
                    budgets.map {
                        .object([
                            ("objective_percent", .number($0.objective)), ("view", .text($0.sight.rawValue)),
                            ("allowed_seconds", .number($0.allowed)), ("left_seconds", .number($0.left)),
                        ])
                    })
            ),
            (
                "gaps",
                .array(
                    gaps.map {
                        .object([
                            ("began", .text($0.began.text(in: hours.zone))),
                            ("ended", .text($0.ended.text(in: hours.zone))),
                            ("reason", .text($0.reason.rawValue)),
                        ])
                    })
            ),
        ]).text + "\n"
    }

    private var totalsJSON: JSON {
        .object([
            ("begun", .integer(totals.begun)), ("answered", .integer(totals.answered)),
            ("failed", .integer(totals.failed)),
            ("abandoned", .integer(totals.abandoned)), ("held", .integer(totals.held)),
            ("rerun", .integer(totals.rerun)),
            ("unknown", .integer(totals.unknown)), ("moved", .integer(totals.moved)),
            ("reconnected", .integer(totals.reconnected)), ("logins_refused", .integer(totals.loginsRefused)),
            ("delayed", .integer(totals.delayed)), ("bytes_in", .integer(totals.bytesIn)),
            ("bytes_out", .integer(totals.bytesOut)),
            ("pending", .integer(Int64(totals.heldNow.saturatingAdd(totals.inFlightNow)))),
        ])
    }

    private func throughputJSON(_ line: ThroughputLine) -> JSON {
        func quantile(_ share: Double) -> JSON {
            bounds.quantile(share, of: line.latency).map { .integer(Int64($0)) } ?? .null
        }
        return .object([
            ("users", .text(line.users)), ("seconds", .number(line.seconds)), ("statements", .integer(line.statements)),
            ("statements_per_second", .number(line.perSecond)), ("peak_per_second", .number(line.peak)),
            ("bytes", .integer(line.bytes)), ("p50_us", quantile(0.5)), ("p99_us", quantile(0.99)),
            ("p999_us", quantile(0.999)), ("max_us", quantile(1)),
        ])
    }

    private func outageJSON(_ outage: OutageRecord) -> JSON {
        .object([
            ("run", .integer(outage.run)), ("number", .integer(Int64(outage.number))),
            ("began", .text(outage.wall.text(in: hours.zone))), ("began_unix_ns", .integer(outage.wall.nanoseconds)),
            ("seconds", .number(seconds(outage.length))), ("over", .flag(outage.ended != nil)),
            ("interrupted", .flag(outage.isInterrupted)), ("felt", .flag(outage.isFelt)),
            ("kind", .text(outage.kind.rawValue)), ("planned", .flag(outage.isPlanned)),
            ("cause", .text(outage.cause.rawValue)), ("reason", .text(outage.reason)),
            ("diagnoses", .array(outage.diagnoses.map { .text($0.rawValue) })), ("from", .text(outage.from)),
            ("to", .text(outage.to)), ("lost_generation", .integer(Int64(clamping: outage.lost.rawValue))),
            ("gained_generation", .integer(Int64(clamping: outage.gained.rawValue))),
            ("detection_seconds", .optional(outage.detection.map(seconds))),
            ("without_primary_seconds", .optional(outage.withoutPrimary.map(seconds))),
            (
                "phases",
                .array(
                    outage.phases.map {
                        .object([("phase", .text($0.phase.rawValue)), ("seconds", .optional($0.length.map(seconds)))])
                    })
            ), ("errors", .flag(outage.hasErrors)), ("delay", .flag(outage.isDelay(above: delayBound))),
            ("held", .integer(outage.held)), ("rerun", .integer(outage.rerun)), ("failed", .integer(outage.failed)),
            ("abandoned", .integer(outage.abandoned)), ("moved", .integer(outage.moved)),
            ("unknown", .integer(outage.unknown)), ("reconnected", .integer(outage.reconnected)),
            ("refused", .integer(outage.refused)), ("sessions_lost", .integer(outage.sessionsLost)),
            ("users_present", .integer(Int64(outage.usersMax))),
            ("users_affected", .integer(Int64(outage.usersAffected))),
            ("user_minutes_lost", .number(outage.userMinutesLost)),
        ])
    }
}
