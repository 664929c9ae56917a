import Cluster

/// What the page and other programs read. Times of day are milliseconds since 1970 (UTC), lengths milliseconds.
enum WebJSON {
    static func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\(JSONText.quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}"
    }

    static func array(_ elements: [String]) -> String { "[" + elements.joined(separator: ",") + "]" }

    private static func text(_ text: String?) -> String { text.map(JSONText.quoted) ?? "null" }
    private static func flag(_ flag: Bool) -> String { flag ? "true" : "false" }

    static func primary(_ view: ClusterView, at now: Instant) -> String {
        object([
            ("primary", text(view.primary.map(view.name(of:)))),
            ("address", text(view.primary.flatMap { address(of: $0, in: view) })),
            ("generation", String(view.generation.rawValue)),
            ("phase", text(view.phase.rawValue)),
            ("diagnosis", text(view.diagnosis?.rawValue)),
            ("since_ms", String((now - view.since).milliseconds)),
        ])
    }

    private static func address(of id: NodeID, in view: ClusterView) -> String? {
        view.nodes.indices.contains(id.rawValue) ? view.nodes[id.rawValue].node.endpoint.description : nil
    }

    static func view(
        _ view: ClusterView, process: ProcessFacts, activity: Activity, isPaused: Bool, showsUsers: Bool,
        at now: Instant
    ) -> String {
        let nodes = view.nodes.map { node in
            object([
                ("name", text(node.node.name)),
                ("address", text(node.node.endpoint.description)),
                ("role", text(node.node.id == view.primary ? Role.primary.rawValue : node.role.rawValue)),
                ("health", text(node.health.rawValue)),
                ("administrative", text(node.administrative.rawValue)),
                // A server's own words may name an account, and where it comes from.
                ("last_check", showsUsers ? text(node.lastCheck) : "null"),
                ("stray", flag(node.stray != nil)),
                ("since_ms", String((now - node.changedAt).milliseconds)),
            ])
        }
        return object([
            ("primary", text(view.primary.map(view.name(of:)))),
            ("generation", String(view.generation.rawValue)),
            ("phase", text(view.phase.rawValue)),
            ("diagnosis", text(view.diagnosis?.rawValue)),
            ("cautions", array(view.cautions.map { text($0.rawValue) })),
            ("since_ms", String((now - view.since).milliseconds)),
            ("paused", flag(isPaused)),
            ("stopping", flag(process.isStopping)),
            ("version", text(process.version)),
            ("hostname", text(process.hostname)),
            ("uptime_ms", String((now - process.startedAt).milliseconds)),
            ("sessions", String(activity.sessions)),
            ("sessions_max", String(process.connectionsMax)),
            ("sessions_held", String(activity.sessionsHeld)),
            ("sessions_in_transaction", String(activity.sessionsInTransaction)),
            ("nodes", array(nodes)),
        ])
    }

    /// `[time, users, affected, begun, answered, failed, held, in flight, has a primary, p50 us, p99 us]`, the time in
    /// seconds since 1970: short, for there are 3600 of them.
    static func second(_ second: SecondFigures) -> String {
        let primary = second.hasPrimary ? "1" : "0"
        let p50 = second.p50Microseconds.map(String.init) ?? "null"
        let p99 = second.p99Microseconds.map(String.init) ?? "null"
        return "[\(second.time),\(second.users),\(second.usersAffected),\(second.begun),\(second.answered),"
            + "\(second.failed),\(second.heldNow),\(second.inFlightNow),\(primary),\(p50),\(p99)]"
    }

    static func outages(_ reports: [OutageReport]) -> String {
        array(
            reports.map { outage in
                object([
                    ("began", String(outage.began)),
                    ("length_ms", String(outage.length.milliseconds)),
                    ("under_way", flag(outage.isUnderWay)),
                    ("felt", flag(outage.isFelt)),
                    ("planned", flag(outage.isPlanned)),
                    ("kind", text(outage.kind)),
                    ("from", text(outage.from.isEmpty ? nil : outage.from)),
                    ("to", text(outage.to.isEmpty ? nil : outage.to)),
                    ("gained", outage.gained == .none ? "null" : String(outage.gained.rawValue)),
                    ("diagnosis", text(outage.diagnosis?.rawValue)),
                    (
                        "phases",
                        array(
                            outage.stages.map {
                                object([
                                    ("phase", text($0.phase.rawValue)), ("length_ms", String($0.length.milliseconds)),
                                ])
                            })
                    ),
                    ("users_affected", String(outage.usersAffected)),
                    ("user_minutes_lost", String(outage.userMinutesLost)),
                ])
            })
    }

    /// The first `countMax` of them, and how many there are.
    static func sessions(_ rows: [SessionRow], countMax: Int) -> String {
        object([
            ("count", String(rows.count)),
            ("truncated", flag(rows.count > countMax)),
            ("hidden", flag(false)),
            ("sessions", array(rows.prefix(countMax).map(session))),
        ])
    }

    /// How many there are, and nothing else.
    static func hiddenSessions(count: Int) -> String {
        object([
            ("count", String(count)), ("truncated", flag(count > 0)), ("hidden", flag(true)), ("sessions", "[]"),
        ])
    }

    private static func session(_ row: SessionRow) -> String {
        object([
            ("id", String(row.id)),
            ("client", text(row.client)),
            ("user", text(row.user)),
            ("database", text(row.database)),
            ("state", text(row.state)),
            ("node", text(row.node)),
            ("thread", String(row.thread)),
            ("age_ms", String(row.age.milliseconds)),
            ("idle_ms", String(row.idle.milliseconds)),
            ("statements", String(row.statements)),
            ("bytes_in", String(row.bytesIn)),
            ("bytes_out", String(row.bytesOut)),
            ("moves", String(row.moves)),
            ("keeps", array(row.keeps.map(text))),
            ("loses", array(row.loses.map(text))),
        ])
    }

    /// One server-sent event (https://html.spec.whatwg.org/multipage/server-sent-events.html). Data has no line ends:
    /// JSON text escapes them.
    static func event(_ name: String, _ data: String) -> String { "event: \(name)\ndata: \(data)\n\n" }
}
