import Cluster

/// What `/metrics` says; docs/metrics.md has the list. Labels are node names, phases and diagnoses: all bounded by the
/// configuration.
struct Metrics {
    var process: ProcessFacts
    var view: ClusterView
    var activity: Activity
    var isPaused: Bool
    var seconds: SecondKeeper
    var outages: OutageTally
    var outageCount: Int
    var streams: Int
    /// Seconds since 1970.
    var startTime: Double

    func text(at now: Instant) -> String {
        var out = MetricsText()
        addProcess(&out, at: now)
        addFrontend(&out)
        addBackend(&out, at: now)
        addServers(&out, at: now)
        addServerSums(&out)
        addCluster(&out, at: now)
        addWork(&out)
        addLatency(&out)
        return out.text
    }

    private func addProcess(_ out: inout MetricsText, at now: Instant) {
        out.metric("haproxy_process_build_info", .gauge, "HAProxyDB's version.")
        out.value("haproxy_process_build_info", [("version", process.version)], 1)
        out.single("haproxy_process_nbthread", .gauge, "Worker threads.", process.workers)
        out.single(
            "haproxy_process_uptime_seconds", .gauge, "Time since the start.",
            (now - process.startedAt).nanoseconds / 1_000_000_000)
        out.single(
            "haproxy_process_start_time_seconds", .gauge, "When the process started, since 1970.", seconds: startTime)
        out.single("haproxy_process_max_fds", .gauge, "Descriptors at most.", process.descriptorsMax)
        out.single("haproxy_process_max_connections", .gauge, "Sessions at most.", process.connectionsMax)
        out.single("haproxy_process_current_connections", .gauge, "Sessions present.", activity.sessions)
        out.single("haproxy_process_connections_total", .counter, "Sessions begun.", activity.sessionsTotal)
        out.single("haproxy_process_requests_total", .counter, "Statements begun.", activity.statementsBegun)
        out.single(
            "haproxy_process_dropped_logs_total", .counter, "Lines of the log that nobody took.", process.logLinesLost)
        out.single("haproxy_process_stopping", .gauge, "1 while the process ends.", process.isStopping ? 1 : 0)
    }

    private func addFrontend(_ out: inout MetricsText) {
        let labels = [("proxy", process.proxyName)]
        out.metric("haproxy_frontend_status", .gauge, "Whether new sessions are taken.")
        let isOpen = !process.isStopping && process.frontend == .open
        out.value("haproxy_frontend_status", labels + [("state", "UP")], isOpen)
        out.value("haproxy_frontend_status", labels + [("state", "DOWN")], !isOpen)
        out.metric("haproxy_frontend_current_sessions", .gauge, "Sessions present.")
        out.value("haproxy_frontend_current_sessions", labels, activity.sessions)
        out.metric("haproxy_frontend_limit_sessions", .gauge, "Sessions at most.")
        out.value("haproxy_frontend_limit_sessions", labels, process.connectionsMax)
        out.metric("haproxy_frontend_sessions_total", .counter, "Sessions begun.")
        out.value("haproxy_frontend_sessions_total", labels, activity.sessionsTotal)
        out.metric("haproxy_frontend_bytes_in_total", .counter, "Bytes from clients.")
        out.value("haproxy_frontend_bytes_in_total", labels, activity.bytesIn)
        out.metric("haproxy_frontend_bytes_out_total", .counter, "Bytes to clients.")
        out.value("haproxy_frontend_bytes_out_total", labels, activity.bytesOut)
    }

    private func addBackend(_ out: inout MetricsText, at now: Instant) {
        let labels = [("proxy", process.proxyName)]
        let isUp = view.primary != nil
        out.metric("haproxy_backend_status", .gauge, "Whether there is a primary.")
        out.value("haproxy_backend_status", labels + [("state", "UP")], isUp)
        out.value("haproxy_backend_status", labels + [("state", "DOWN")], !isUp)
        out.metric("haproxy_backend_active_servers", .gauge, "Primaries: one or none.")
        out.value("haproxy_backend_active_servers", labels, isUp)
        out.metric("haproxy_backend_current_queue", .gauge, "Sessions that wait for a primary.")
        out.value("haproxy_backend_current_queue", labels, activity.sessionsHeld)
        out.metric(
            "haproxy_backend_downtime_seconds_total", .counter, "Time without a primary, after there had been one.")
        out.value("haproxy_backend_downtime_seconds_total", labels, "\(downtime(at: now))")
    }

    private func downtime(at now: Instant) -> Double {
        let current = outages.current.map { Double($0.length(at: now).nanoseconds) / 1e9 } ?? 0
        return outages.secondsEnded + current
    }

    /// HAProxy's states as far as they have a meaning here; NOLB is a node that answers and is not the primary.
    static let serverStates = ["UP", "DOWN", "MAINT", "DRAIN", "NOLB"]

    static func serverState(_ node: NodeView, isPrimary: Bool) -> String {
        switch node.administrative {
        case .maintenance: return "MAINT"
        case .drain: return "DRAIN"
        case .ready: break
        }
        if isPrimary { return "UP" }
        switch node.health {
        case .up, .falling: return "NOLB"
        case .down, .rising: return "DOWN"
        }
    }

    private func addServers(_ out: inout MetricsText, at now: Instant) {
        out.metric("haproxy_server_status", .gauge, "1 for the node's present state.")
        for node in view.nodes {
            let state = Self.serverState(node, isPrimary: node.node.id == view.primary)
            for name in Self.serverStates {
                out.value("haproxy_server_status", labels(node) + [("state", name)], name == state)
            }
        }
        out.metric("haproxy_server_active", .gauge, "1 for the primary.")
        for node in view.nodes { out.value("haproxy_server_active", labels(node), node.node.id == view.primary) }
        out.metric("haproxy_server_check_last_change_seconds", .gauge, "Since the node's health or role changed.")
        for node in view.nodes {
            let seconds = (now - node.changedAt).nanoseconds / 1_000_000_000
            out.value("haproxy_server_check_last_change_seconds", labels(node), max(0, seconds))
        }
    }

    /// What the data plane did with each node.
    private func addServerSums(_ out: inout MetricsText) {
        out.metric("haproxy_server_current_sessions", .gauge, "Sessions that are logged in there.")
        for node in view.nodes {
            out.value("haproxy_server_current_sessions", labels(node), activity.of(node.node.id).sessions)
        }
        let sums: [(String, String, KeyPath<NodeActivity, UInt64>)] = [
            ("haproxy_server_sessions_total", "Logins that succeeded, moves included.", \.sessionsTotal),
            ("haproxy_server_bytes_in_total", "Bytes to the node.", \.bytesIn),
            ("haproxy_server_bytes_out_total", "Bytes from the node.", \.bytesOut),
            ("haproxy_server_connection_attempts_total", "Connections begun.", \.connects),
            ("haproxy_server_connection_errors_total", "Connections that came to nothing.", \.connectsFailed),
            (
                "haproxy_server_response_errors_total", "Statements that failed because the node was lost.",
                \.statementsFailed
            ),
            (
                "haproxy_server_retry_warnings_total", "Statements run again elsewhere because the node was lost.",
                \.statementsRerun
            ),
            ("haproxy_server_redispatch_warnings_total", "Sessions that went to another node.", \.sessionsLeft),
            ("haproxydb_server_statements_answered_total", "Statements that the node answered.", \.statementsAnswered),
        ]
        for (name, help, sum) in sums {
            out.metric(name, .counter, help)
            for node in view.nodes { out.value(name, labels(node), activity.of(node.node.id)[keyPath: sum]) }
        }
    }

    private func labels(_ node: NodeView) -> [(String, String)] {
        [("proxy", process.proxyName), ("server", node.node.name)]
    }

    private func addCluster(_ out: inout MetricsText, at now: Instant) {
        out.single(
            "haproxydb_generation", .gauge, "Counts the primaries since the start.", view.generation.rawValue)
        out.metric("haproxydb_phase", .gauge, "1 for the phase that the cluster is in.")
        for phase in Phase.allCases { out.value("haproxydb_phase", [("phase", phase.rawValue)], phase == view.phase) }
        out.metric("haproxydb_diagnosis", .gauge, "1 for the reason why there is no primary.")
        for diagnosis in Diagnosis.allCases {
            out.value("haproxydb_diagnosis", [("diagnosis", diagnosis.rawValue)], diagnosis == view.diagnosis)
        }
        out.metric("haproxydb_caution", .gauge, "1 for what is not as it should be.")
        for caution in Diagnosis.allCases {
            out.value("haproxydb_caution", [("caution", caution.rawValue)], view.cautions.contains(caution))
        }
        out.metric("haproxydb_server_stray", .gauge, "1 where a writable server is not the cluster's.")
        for node in view.nodes { out.value("haproxydb_server_stray", labels(node), node.stray != nil) }
        out.single(
            "haproxydb_outages_total", .counter, "Outages of this run, as the ledger counts them.", outageCount)
        out.single("haproxydb_paused", .gauge, "1 while an administrator holds statements.", isPaused ? 1 : 0)
    }

    private func addWork(_ out: inout MetricsText) {
        out.single(
            "haproxydb_sessions_in_transaction", .gauge, "Sessions in a transaction.", activity.sessionsInTransaction)
        out.single(
            "haproxydb_sessions_without_seat", .gauge, "Held sessions for which the primary has no seat.",
            activity.sessionsWithoutSeat)
        out.single(
            "haproxydb_memory_kept_bytes", .gauge, "Kept for sessions: statements, bytes on their way, prepared texts.",
            activity.memoryKept)
        out.single("haproxydb_memory_max_bytes", .gauge, "What may be kept for all sessions.", activity.memoryMax)
        out.single(
            "haproxydb_memory_refusals_total", .counter, "Not kept, or sessions ended, for want of that memory.",
            activity.memoryRefusals)
        out.single("haproxydb_http_streams", .gauge, "Open event streams.", streams)
        // All of one sample, so that their arithmetic holds.
        let work = seconds.last ?? WorkSample()
        out.single("haproxydb_statements_begun_total", .counter, "Statements that arrived.", work.begun)
        out.single("haproxydb_statements_answered_total", .counter, "Answered by a node.", work.answered)
        out.single(
            "haproxydb_statements_failed_total", .counter, "Ended by an error of the proxy's own.", work.failed)
        out.single(
            "haproxydb_statements_abandoned_total", .counter, "Their client went before the answer.", work.abandoned)
        out.single("haproxydb_statements_held", .gauge, "Here and not with a node.", work.heldNow)
        out.single("haproxydb_statements_in_flight", .gauge, "With a node.", work.inFlightNow)
        out.single("haproxydb_logins_held", .gauge, "Logins that wait for a primary.", work.loginsHeldNow)
        out.single("haproxydb_held_total", .counter, "Statements and logins that had to wait.", work.heldTotal)
        out.single(
            "haproxydb_statements_rerun_total", .counter, "Run again on the next primary, unseen by clients.",
            work.rerun)
        out.single(
            "haproxydb_statements_unknown_total", .counter,
            "Statements and transactions of which nobody knows whether they took effect.", work.unknown)
        out.single("haproxydb_sessions_moved_total", .counter, "Moves of a session to another node.", work.moved)
        out.single(
            "haproxydb_sessions_reconnected_total", .counter,
            "Sessions that went on at the same node by a connection made anew.", work.reconnected)
        out.single("haproxydb_logins_refused_total", .counter, "Logins that were refused.", work.loginsRefused)
        out.single(
            "haproxydb_user_seconds_total", .counter, "Sessions present, summed up every second (potential).",
            seconds.userSeconds)
        out.single(
            "haproxydb_user_outage_seconds_total", .counter,
            "Sessions with a failed or held statement or login, summed up every second.", seconds.userSecondsAffected)
    }

    private func addLatency(_ out: inout MetricsText) {
        let name = "haproxydb_statement_duration_seconds"
        out.metric(name, .histogram, "Answered statements, from arrival to the end of the answer.")
        var sum: UInt64 = 0
        for (bound, count) in zip(LatencyHistogram.bounds, seconds.latency.counts) {
            sum &+= count
            out.value("\(name)_bucket", [("le", "\(Double(bound) / 1e6)")], sum)
        }
        out.value("\(name)_bucket", [("le", "+Inf")], seconds.latency.total)
        out.value("\(name)_sum", [], "\(Double(seconds.latency.sumMicroseconds) / 1e6)")
        out.value("\(name)_count", [], seconds.latency.total)
    }
}
