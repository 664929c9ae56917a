import Cluster
import Testing

@testable import Admin

private let now = Instant(nanoseconds: 100_000_000_000)

private func metrics() -> Metrics {
    var view = ClusterView.unobserved(
        [
            Node(id: NodeID(0), name: "a", endpoint: Endpoint(host: "h", port: 1)),
            Node(id: NodeID(1), name: "b\"\\\n", endpoint: Endpoint(host: "h", port: 2)),
        ], at: Instant(nanoseconds: 90_000_000_000))
    view.primary = NodeID(0)
    view.nodes[0].health = .up
    view.nodes[1].administrative = .drain
    view.phase = .ready
    view.diagnosis = nil
    var seconds = SecondKeeper(upperBound: { $0 < 100 ? $0 : 1 << 30 })
    var sample = WorkSample()
    sample.users = 3
    sample.usersAffected = 1
    sample.begun = 10
    sample.answered = 6
    sample.failed = 1
    sample.abandoned = 1
    sample.heldNow = 1
    sample.inFlightNow = 1
    sample.latency = [UInt32](repeating: 0, count: 101)
    sample.latency[63] = 2
    sample.latency[64] = 3
    sample.latency[100] = 1
    seconds.take(sample, hasPrimary: true, wall: 1_000_000)
    var activity = Activity()
    activity.sessions = 3
    return Metrics(
        process: ProcessFacts(
            version: "1", pid: 1, startedAt: Instant(nanoseconds: 0), workers: 2, connectionsMax: 9, descriptorsMax: 99,
            hostname: "h", isStopping: false),
        view: view, activity: activity, isPaused: false, seconds: seconds, outages: OutageTally(at: now),
        outageCount: 3, streams: 0,
        startTime: 1.5)
}

@Suite
struct MetricsTests {
    @Test("every line is a comment or a sample of the metric above it, every metric is described once")
    func format() throws {
        let text = metrics().text(at: now)
        #expect(text.hasSuffix("\n"))
        let label = #"[a-z]+="(?:[^"\\\n]|\\[\\"n])*""#
        let sample = try Regex(#"([a-z_]+)(\{\#(label)(?:,\#(label))*\})? (\S+)"#)
        var described: [String] = []
        var seen: Set<String> = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            let words = line.split(separator: " ")
            if line.hasPrefix("# HELP ") {
                described.append(String(words[2]))
            } else if line.hasPrefix("# TYPE ") {
                #expect(described.last == String(words[2]))
                #expect(["counter", "gauge", "histogram"].contains(words[3]))
            } else {
                let match = try #require(try sample.wholeMatch(in: String(line)), "\(line)")
                let name = match[1].substring.map(String.init) ?? ""
                let base = described.last ?? ""
                #expect([base, base + "_bucket", base + "_sum", base + "_count"].contains(name), "\(line)")
                #expect(Double(match[3].substring ?? "") != nil, "\(line)")
                #expect(seen.insert(String(words.dropLast().joined(separator: " "))).inserted, "twice: \(line)")
            }
        }
        #expect(Set(described).count == described.count)
        // One line for each node and state at most: bounded by the configuration.
        #expect(text.split(separator: "\n").count < 300)
    }

    @Test(
        "values",
        arguments: [
            #"haproxy_frontend_current_sessions{proxy="mariadb"} 3"#,
            #"haproxy_server_status{proxy="mariadb",server="a",state="UP"} 1"#,
            #"haproxy_server_status{proxy="mariadb",server="a",state="DOWN"} 0"#,
            #"haproxy_server_status{proxy="mariadb",server="b\"\\\n",state="DRAIN"} 1"#,
            #"haproxy_server_check_last_change_seconds{proxy="mariadb",server="a"} 10"#,
            #"haproxy_backend_status{proxy="mariadb",state="UP"} 1"#,
            #"haproxydb_phase{phase="ready"} 1"#, #"haproxydb_phase{phase="lost"} 0"#,
            #"haproxydb_diagnosis{diagnosis="primaryLost"} 0"#, #"haproxydb_caution{caution="strayServer"} 0"#,
            #"haproxydb_server_stray{proxy="mariadb",server="a"} 0"#,
            "haproxydb_statements_begun_total 10",
            "haproxydb_user_seconds_total 3", "haproxydb_user_outage_seconds_total 1",
            #"haproxydb_statement_duration_seconds_bucket{le="6.4e-05"} 2"#,
            #"haproxydb_statement_duration_seconds_bucket{le="0.000128"} 5"#,
            #"haproxydb_statement_duration_seconds_bucket{le="67.108864"} 5"#,
            #"haproxydb_statement_duration_seconds_bucket{le="+Inf"} 6"#,
            "haproxydb_statement_duration_seconds_count 6", "haproxy_process_uptime_seconds 100",
        ])
    func values(line: String) {
        #expect(metrics().text(at: now).split(separator: "\n").contains { $0 == line }, "\(metrics().text(at: now))")
    }

    @Test func states() {
        var node = metrics().view.nodes[0]
        #expect(Metrics.serverState(node, isPrimary: true) == "UP")
        #expect(Metrics.serverState(node, isPrimary: false) == "NOLB")
        node.health = .down
        #expect(Metrics.serverState(node, isPrimary: false) == "DOWN")
        node.administrative = .maintenance
        #expect(Metrics.serverState(node, isPrimary: true) == "MAINT")
    }
}

@Suite
struct SecondTests {
    @Test("the ring keeps the last ones in order")
    func ring() {
        var history = SecondHistory(capacity: 3)
        #expect(history.last == nil && history.ordered.isEmpty)
        for time in 1...7 as ClosedRange<Int64> {
            history.append(SecondFigures(time: time))
            #expect(history.last?.time == time)
            #expect(history.ordered.map(\.time) == Array(max(1, time - 2)...time))
        }
    }

    @Test("seconds are differences, and none is there twice or missing because a timer is late")
    func differences() {
        var keeper = SecondKeeper(upperBound: { $0 })
        var sample = WorkSample()
        sample.begun = 5
        keeper.take(sample, hasPrimary: true, wall: 10_999)
        sample.begun = 8
        keeper.take(sample, hasPrimary: true, wall: 12_001)
        sample.begun = 8
        keeper.take(sample, hasPrimary: true, wall: 12_998)
        sample.begun = 9
        // The clock was set.
        keeper.take(sample, hasPrimary: true, wall: 50_000)
        #expect(keeper.history.ordered.map(\.time) == [10, 11, 12, 50])
        #expect(keeper.history.ordered.map(\.begun) == [5, 3, 0, 1])
    }

    @Test func availability() {
        var second = SecondFigures(time: 0)
        #expect(second.availability == 0)
        second.hasPrimary = true
        #expect(second.availability == 1)
        second.users = 4
        second.usersAffected = 1
        #expect(second.availability == 0.75)
        // They were affected, and left.
        second.users = 0
        second.usersAffected = 2
        #expect(second.availability == 0)
    }

    @Test func quantiles() {
        let of = { LatencyHistogram.quantile($0, of: [0, 50, 49, 1], upperBound: { $0 * 10 }) }
        #expect(of(0.5) == 10)
        #expect(of(0.51) == 20)
        #expect(of(0.99) == 20)
        #expect(of(0.999) == 30)
        #expect(LatencyHistogram.quantile(0.5, of: [0, 0], upperBound: { $0 }) == nil)
        #expect(LatencyHistogram.quantile(0.5, of: [], upperBound: { $0 }) == nil)
    }

    @Test("times without a primary are counted and summed up; a move without a gap is counted")
    func outages() {
        let at = { Instant(nanoseconds: $0 * 1_000_000_000) }
        var view = metrics().view
        var tally = OutageTally(at: at(0))
        for round in 0..<3 as Range<Int64> {
            view.primary = NodeID(0)
            view.generation = view.generation.next
            tally.observe(view, at: at(10 * round))
            view.primary = nil
            view.diagnosis = .primaryLost
            tally.observe(view, at: at(10 * round + 1))
            view.diagnosis = .recovering
            tally.observe(view, at: at(10 * round + 2))
            #expect(tally.current?.diagnosis == .recovering)
            view.primary = NodeID(1)
            view.diagnosis = nil
            view.generation = view.generation.next
            tally.observe(view, at: at(10 * round + 4))
        }
        #expect(tally.secondsEnded == 9)
        #expect(tally.current == nil)
        #expect(tally.total == 5)
    }

    @Test("a token is compared as a whole")
    func tokens() {
        #expect(HTTPAccess.isSame("abc", "abc"))
        for wrong in ["", "a", "ab", "abd", "abcd", "abcabc", "ABC"] { #expect(!HTTPAccess.isSame(wrong, "abc")) }
        #expect(HTTPAccess.tokenParameter("x=1&token=a%20b") == "a b")
        #expect(HTTPAccess.tokenParameter("x=1") == nil)
        #expect(HTTPAccess.tokenParameter("token=%zz") == nil)
        #expect(HTTPAccess.tokenParameter("token=%+1") == nil)
    }

    @Test("the page asks nothing of anybody else, and its texts are escaped where they are made")
    func page() {
        let html = DashboardPage.html(nonce: "n0")
        for diagnosis in Diagnosis.allCases { #expect(html.contains("\(diagnosis.rawValue): '"), "\(diagnosis)") }
        // The name of a name space, which nobody fetches.
        #expect(html.count(of: "http://") == html.count(of: "http://www.w3.org/2000/svg"))
        #expect(!html.contains("https://"))
        #expect(!html.contains("innerHTML") && !html.contains(" style=") && !html.contains("eval("))
        #expect(html.count(of: "nonce=\"n0\"") == 2)
        let policy = DashboardPage.answer().headers.first { $0.name == "Content-Security-Policy" }?.value ?? ""
        #expect(policy.contains("default-src 'none'"))
        #expect(DashboardPage.answer().headers != DashboardPage.answer().headers)
    }
}

extension String {
    /// How often it is in here.
    fileprivate func count(of part: String) -> Int {
        split(separator: part, omittingEmptySubsequences: false).count - 1
    }
}
