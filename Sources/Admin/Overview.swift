import Cluster

/// The answers of `show …`, made from what the source says.
enum Overview {
    /// `show process`: HAProxy's names where the same is meant.
    static func process(_ source: some AdminSource, at now: Instant) -> Answer {
        let process = source.process
        let activity = source.activity
        let uptime = (now - process.startedAt).nanoseconds / 1_000_000_000
        return .fields([
            Field("Name", .text("HAProxyDB")),
            Field("Version", .text(process.version)),
            Field("Nbthread", .count(process.workers)),
            Field("Pid", .number(Int64(process.pid))),
            Field("Uptime", .text(uptimeText(uptime))),
            Field("Uptime_sec", .number(uptime)),
            Field("Ulimit-n", .count(process.descriptorsMax)),
            Field("Maxconn", .count(process.connectionsMax)),
            Field("CurrConns", .count(activity.sessions)),
            Field("CumConns", .count(activity.sessionsTotal)),
            Field("CumReq", .count(activity.statementsBegun)),
            Field("node", .text(process.hostname)),
            Field("Stopping", .number(process.isStopping ? 1 : 0)),
            Field("TotalBytesOut", .count(activity.bytesOut)),
            Field("Paused", .number(source.isPaused ? 1 : 0)),
            Field("Held", .count(activity.sessionsHeld)),
            Field("InTransaction", .count(activity.sessionsInTransaction)),
            Field("Maxconn_configured", .count(process.connectionsAskedFor)),
            Field("DroppedLogs", .count(process.logLinesLost)),
        ])
    }

    /// `0d 0h00m03s`
    static func uptimeText(_ seconds: Int64) -> String {
        func padded(_ n: Int64) -> String { n < 10 ? "0\(n)" : "\(n)" }
        return "\(seconds / 86_400)d \(seconds / 3600 % 24)h\(padded(seconds / 60 % 60))m\(padded(seconds % 60))s"
    }

    static func nodes(_ view: ClusterView, _ activity: Activity, at now: Instant) -> Answer {
        .table(
            columns: [
                "name", "address", "role", "health", "administrative", "since", "sessions", "statements_answered",
                "bytes_in", "bytes_out", "last_check",
            ],
            rows: view.nodes.map { node in
                let done = activity.of(node.node.id)
                return [
                    .text(node.node.name), .text(node.node.endpoint.description), .text(node.role.rawValue),
                    .text(node.health.rawValue), .text(node.administrative.rawValue),
                    .span(now - node.changedAt), .count(done.sessions), .count(done.statementsAnswered),
                    .count(done.bytesIn), .count(done.bytesOut), .text(node.lastCheck),
                ]
            })
    }

    static func cluster(_ source: some AdminSource, at now: Instant) -> Answer {
        let view = source.view
        // The ledger's, as everywhere: the one that is going on, or the last one of this run.
        let outage = source.outageReports.last { !$0.isEarlier }
        let text = { (text: String?) -> Cell in text.map { $0.isEmpty ? .none : .text($0) } ?? .none }
        let name = { (id: NodeID?) -> Cell in id.map { .text(view.name(of: $0)) } ?? .none }
        return .fields([
            Field("generation", .count(view.generation.rawValue)),
            Field("primary", name(view.primary)),
            Field("phase", .text(view.phase.rawValue)),
            Field("diagnosis", view.diagnosis.map { .text($0.rawValue) } ?? .none),
            Field("diagnosis_means", view.diagnosis.map { .text($0.sentence) } ?? .none),
            Field("since", .span(now - view.since)),
            Field("paused", .flag(source.isPaused)),
            Field("outages", .count(source.outageCount)),
            // What is sent to a primary that does not answer waits as well.
            Field(
                "outage_under_way",
                .flag(outage?.isUnderWay == true || view.cautions.contains(.primarySilent))),
            Field("outage_began_ago", outage.map { .span($0.age) } ?? .none),
            Field("outage_length", outage.map { .span($0.length) } ?? .none),
            Field("outage_from", text(outage?.from)),
            Field("outage_to", text(outage?.to)),
            Field(
                "outage_generation",
                outage.map { $0.gained == .none ? .none : .count($0.gained.rawValue) } ?? .none),
            Field("outage_diagnosis", outage?.diagnosis.map { .text($0.rawValue) } ?? .none),
            Field(
                "caution",
                .records(
                    view.cautions.map {
                        caution in
                        let names = view.nodes.filter { $0.cautions.contains(caution) }.map(\.node.name)
                        return [
                            Field("caution", .text(caution.rawValue)),
                            Field("means", .text(meaning(of: caution, view))),
                            Field("nodes", names.isEmpty ? .none : .text(names.joined(separator: ", "))),
                        ]
                    })),
            Field("evidence", .records(source.evidence.map { evidence($0, view, at: now) })),
        ])
    }

    /// With the nodes that it is about, where the diagnosis names some.
    private static func meaning(of caution: Diagnosis, _ view: ClusterView) -> String {
        guard caution == .strayServer else { return caution.sentence }
        let strays = view.nodes.compactMap { node in node.stray.map { "\(node.node.name): \($0)" } }
        return "\(caution.sentence) \(strays.joined(separator: "; "))."
    }

    /// Whose word it is, how old, and what it says.
    private static func evidence(_ piece: EvidencePiece, _ view: ClusterView, at now: Instant) -> [Field] {
        [
            Field("node", .text(view.name(of: piece.node))), Field("source", .text(piece.source.rawValue)),
            Field("age", piece.observedAt.map { .span(max(.zero, now - $0)) } ?? .none),
            Field("says", .text(piece.says)),
        ]
    }

    /// `show outages`: the ledger's, those of the runs before included where a log is written.
    static func outages(_ reports: [OutageReport]) -> Answer {
        .table(
            columns: [
                "began", "length", "kind", "planned", "felt", "from", "to", "gained", "diagnosis", "users_affected",
                "user_time_lost", "under_way", "phases",
            ],
            rows: reports.map { outage in
                [
                    .text(WallClock.text(milliseconds: outage.began)), .span(outage.length), .text(outage.kind),
                    .flag(outage.isPlanned), .flag(outage.isFelt), outage.from.isEmpty ? .none : .text(outage.from),
                    outage.to.isEmpty ? .none : .text(outage.to),
                    outage.gained == .none ? .none : .count(outage.gained.rawValue),
                    outage.diagnosis.map { .text($0.rawValue) } ?? .none, .count(outage.usersAffected),
                    .span(Self.userTime(outage.userMinutesLost)), .flag(outage.isUnderWay),
                    .records(
                        outage.stages.map {
                            [Field("phase", .text($0.phase.rawValue)), Field("length", .span($0.length))]
                        }),
                ]
            })
    }

    private static func userTime(_ minutes: Double) -> Instant.Span {
        Instant.Span(nanoseconds: Int64(nearest: minutes * 60e9))
    }

    /// `show failovers`: every change from one primary to the next.
    static func failovers(_ source: some AdminSource, at now: Instant) -> Answer {
        table(source.outages.recent, source.view, at: now)
    }

    private static func table(_ outages: [Outage], _ view: ClusterView, at now: Instant) -> Answer {
        .table(
            columns: ["began_ago", "length", "from", "to", "lost", "gained", "diagnosis", "under_way"],
            rows: outages.map { outage in
                [
                    .span(now - outage.began), .span(outage.length(at: now)), .text(view.name(of: outage.from)),
                    outage.to.map { .text(view.name(of: $0)) } ?? .none, .count(outage.lost.rawValue),
                    outage.gained.map { .count($0.rawValue) } ?? .none,
                    outage.diagnosis.map { .text($0.rawValue) } ?? .none, .flag(outage.ended == nil),
                ]
            })
    }

    /// `show unknown`: those of the runs before included where a log is written.
    static func unknown(_ rows: [UnknownRow]) -> Answer {
        .table(
            columns: [
                "told", "user", "client", "database", "node", "thread", "statement", "in_transaction", "in_flight",
                "cause", "session",
            ],
            rows: rows.map { row in
                let outcome = row.outcome
                func text(_ text: String) -> Cell { text.isEmpty ? .none : .text(text) }
                return [
                    .text(WallClock.text(milliseconds: row.told)), text(outcome.user), .text(outcome.client),
                    text(outcome.database), text(outcome.node),
                    outcome.thread == 0 ? .none : .count(UInt64(outcome.thread)), .text(outcome.statement),
                    .flag(outcome.inTransaction), .span(outcome.ended - outcome.began), .text(outcome.cause.rawValue),
                    .count(UInt64(outcome.session)),
                ]
            })
    }

    static func ledger(_ facts: LedgerFacts?) -> Answer {
        guard let facts else {
            return .failure("No log is written: availability.file is not configured.")
        }
        return .fields([
            Field("file", .text(facts.file)),
            Field("rows_written", .count(facts.written)),
            Field("seconds_written", .count(facts.secondsWritten)),
            Field("rows_waiting", .count(facts.waiting)),
            Field("rows_lost", .count(facts.dropped)),
            Field("failure", facts.failure.map { .text($0) } ?? .none),
        ])
    }

    static func counters(_ a: Activity) -> Answer {
        .fields([
            Field("sessions", .count(a.sessions)),
            Field("sessions_held", .count(a.sessionsHeld)),
            Field("sessions_in_transaction", .count(a.sessionsInTransaction)),
            Field("sessions_total", .count(a.sessionsTotal)),
            Field("sessions_moved", .count(a.sessionsMoved)),
            Field("sessions_reconnected", .count(a.sessionsReconnected)),
            Field("logins_refused", .count(a.loginsRefused)),
            Field("statements_begun", .count(a.statementsBegun)),
            Field("statements_answered", .count(a.statementsAnswered)),
            Field("statements_failed", .count(a.statementsFailed)),
            Field("statements_unknown", .count(a.statementsUnknown)),
            Field("statements_held", .count(a.statementsHeld)),
            Field("statements_rerun", .count(a.statementsRerun)),
            Field("bytes_in", .count(a.bytesIn)),
            Field("bytes_out", .count(a.bytesOut)),
            Field("memory_kept", .count(a.memoryKept)),
            Field("memory_max", .count(a.memoryMax)),
            Field("memory_refusals", .count(a.memoryRefusals)),
        ])
    }
}

extension ClusterView {
    /// The node's name; its number if the view does not have it.
    public func name(of id: NodeID) -> String {
        nodes.indices.contains(id.rawValue) ? nodes[id.rawValue].node.name : id.description
    }
}
