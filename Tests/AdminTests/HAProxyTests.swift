import Cluster
import Foundation
import Glibc
import Reactor
import Testing

@testable import Admin

/// Compared with what HAProxy itself answered.
@Suite struct HAProxyTests {
    /// The recorded HAProxy's two servers, node1 the primary.
    private static func harness(level: AccessLevel = .admin, limits: AdminServer.Limits = .init()) throws -> Harness {
        let harness = try Harness(limits: limits, level: level)
        harness.onLoop { source, server in
            source.process.connectionsConfigured = 100
            let view = Self.view(at: MonotonicClock.now())
            source.view = view
            server.observe(view)
        }
        return harness
    }

    private static func view(at now: Instant) -> ClusterView {
        var view = ClusterView.unobserved(
            [
                Node(id: NodeID(0), name: "node1", endpoint: Endpoint(host: "127.0.0.1", port: 21998)),
                Node(id: NodeID(1), name: "node2", endpoint: Endpoint(host: "127.0.0.1", port: 21997)),
            ], at: now)
        view.primary = NodeID(0)
        view.generation = Generation(1)
        view.phase = .ready
        view.diagnosis = nil
        view.nodes[0].role = .primary
        view.nodes[0].health = .up
        view.nodes[0].lastCheck = "answers, writable (server 1 on \"h\", 10.11)"
        view.nodes[1].role = .standby
        view.nodes[1].health = .up
        view.nodes[1].lastCheck = "answers, read-only (server 2 on h, 10.11)"
        return view
    }

    private func records() throws -> HAProxyRecords { try HAProxyRecords.debian.get() }

    @Test func answersAreByteForByteThoseOfHAProxy() throws {
        let records = try records()
        #expect(records.answers.count > 100)
        let harness = try Self.harness()
        defer { harness.stop() }
        for pair in records.answers {
            let client = try RawClient(harness.path)
            client.send(pair[0] + "\n")
            #expect(client.receive() == pair[1], "\(pair[0])")
        }
    }

    @Test func levelsDenyWhatHAProxyDenies() throws {
        let records = try records()
        for (level, denied) in [
            (AccessLevel.user, records.deniedToUsers), (.operator, records.deniedToOperators),
        ] {
            let harness = try Self.harness(level: level)
            defer { harness.stop() }
            #expect(denied.count > 1)
            for command in denied { #expect(try harness.ask(command) == "Permission denied\n\n", "\(command)") }
            for command in ["pause", "resume", "reload", "set server mariadb/node1 state maint"] {
                #expect(try harness.ask(command) == "Permission denied\n\n")
            }
            #expect(try harness.ask("show cli level") == "\(level.rawValue)\n\n")
            #expect(try harness.ask("show stat").hasPrefix("# pxname,"))
            #expect(try harness.ask("get weight mariadb/node1") == "1 (initial 1)\n\n")
            #expect(harness.onLoop { source, _ in !source.isPaused && source.administered.isEmpty })
        }
        let harness = try Self.harness(level: .operator)
        defer { harness.stop() }
        #expect(try harness.ask("clear counters") == "\n")
        #expect(try harness.ask("show sess") == "\n")
    }

    /// The same fields empty and the same filled, and the same values where they do not depend on what was measured.
    @Test func rowsHaveHAProxysShape() throws {
        let records = try records().statCSV.split(separator: "\n").map { $0.components(separatedBy: ",") }
        let names = records[0].prefix { $0 != "-" }
        #expect(names.count == 103)
        let harness = try Self.harness()
        defer { harness.stop() }
        harness.onLoop { source, _ in
            source.process.connectionsMax = 4096
            source.activity.sessions = 1
            source.activity.sessionsTotal = 1
            source.activity.nodes = [NodeActivity(), NodeActivity()]
            source.activity.nodes[0].sessions = 1
        }
        let lines = try harness.ask("show stat").dropLast().split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.last == "")
        let table = lines.dropLast().map { $0.components(separatedBy: ",") }
        #expect(table.count == 5)
        #expect(table[0].prefix(103) == names)
        #expect(table[0].count == table[0].firstIndex(of: "-").map { $0 + 1 + StatColumns.own.count + 1 })
        #expect(table[0].firstIndex(of: "-") == 113)
        #expect(
            table[0][103..<113] == [
                "srid", "sess_other", "h1sess", "h2sess", "h3sess", "req_other", "h1req", "h2req", "h3req", "proto",
            ])
        // What HAProxy measures and we do not, what depends on the kind of check, and on the moment.
        let others: Set<String> = [
            "check_duration", "check_status", "check_desc", "last_chk", "check_rise", "check_fall", "check_health",
        ]
        let measured: Set<String> = [
            "lastchg", "lastsess", "rate", "rate_max", "conn_rate", "conn_rate_max", "conn_tot", "slim", "algo",
            "weight", "uweight", "connect", "stot", "lbtot", "smax", "used_conn_cur", "downtime",
        ]
        for (row, recorded) in zip(table.dropFirst(), records[1...4]) {
            #expect(row.count == table[0].count)
            #expect(row[113] == "-")
            for (position, name) in names.enumerated() where name != "check_duration" {
                #expect(
                    row[position].isEmpty == recorded[position].isEmpty || others.contains(name), "\(row[1]) \(name)")
                if !others.contains(name), !measured.contains(name) {
                    let value = recorded[1].hasPrefix("node2") && name == "status" ? "UP" : recorded[position]
                    #expect(row[position] == value, "\(row[1]) \(name)")
                }
            }
        }
        // No comma and no quote of ours: some tools take lines apart at commas.
        #expect(table[2][56] == "answers; writable (server 1 on 'h'; 10.11)")
        #expect(table[2][36] == "L7OK" && table[2][65] == "Layer7 check passed")
    }

    @Test func typedFieldsHaveHAProxysTagsAndTypes() throws {
        let records = try records()
        let harness = try Self.harness()
        defer { harness.stop() }
        let ours = Set(
            try harness.ask("show stat typed").split(separator: "\n").map { line in
                line.split(separator: ":", maxSplits: 3).prefix(3).joined(separator: ":")
            })
        for field in records.statFields {
            let parts = field.split(separator: ".")
            // Its modules' fields are not static, and how long a check took is not known here.
            guard let position = Int(parts[3]), position < 103, parts[4] != "check_duration" else { continue }
            #expect(ours.contains(field), "\(field)")
        }
        let info = try harness.ask("show info typed").split(separator: "\n").map { line in
            line.split(separator: ":", maxSplits: 3).prefix(3).joined(separator: ":")
        }
        #expect(Array(info.prefix(records.infoKeys.count)) == records.infoKeys)
        #expect(info.count == records.infoKeys.count + 5)
    }

    @Test func jsonHasHAProxysShape() throws {
        let records = try records()
        let harness = try Self.harness()
        defer { harness.stop() }
        let stat = try harness.ask("show stat json")
        #expect(stat.hasPrefix("[[\(records.statJSONItem),{"))
        #expect(stat.hasSuffix("}]]\n\n"))
        let info = try harness.ask("show info json")
        #expect(info.hasPrefix("[\(records.infoJSONItem),{"))
        let rows = try JSONSerialization.jsonObject(with: Data(stat.utf8)) as? [[[String: Any]]]
        #expect(rows?.count == 4)
        let fields = try JSONSerialization.jsonObject(with: Data(info.utf8)) as? [[String: Any]]
        #expect(fields?.count == InfoKeys.all.count)
    }

    /// Byte for byte, but for the seconds since the last change and the kind of check.
    @Test func serverTablesAreHAProxys() throws {
        let records = try records()
        let harness = try Self.harness()
        defer { harness.stop() }
        func masked(_ text: String) -> [[String]] {
            text.components(separatedBy: "\n").map { line in
                var fields = line.components(separatedBy: " ")
                if fields.count == 25, fields[0] == "2" { for i in [9, 10, 12] { fields[i] = "*" } }
                return fields
            }
        }
        #expect(masked(try harness.ask("show servers state")) == masked(records.serversState))
        #expect(try harness.ask("show servers state mariadb") == harness.ask("show servers state"))
        #expect(try harness.ask("show servers conn") == records.serversConn)
        harness.onLoop { source, _ in
            source.view.nodes[0].administrative = .drain
            source.view.nodes[1].administrative = .maintenance
        }
        let lines = try harness.ask("show servers state").split(separator: "\n").dropFirst(2)
            .map { $0.split(separator: " ") }
        // As observed: op_state and admin_state of DRAIN are 2 and 8, of MAINT 0 and 1, with health 0 and state 14.
        #expect(lines[0][5...6] == ["2", "8"] && lines[0][13] == "6")
        #expect(lines[1][5...6] == ["0", "1"] && lines[1][12] == "0" && lines[1][13] == "14")
        let statuses = try harness.ask("show stat -1 4 -1").split(separator: "\n").dropFirst()
            .map { $0.components(separatedBy: ",")[17] }
        #expect(statuses == ["DRAIN", "MAINT"])
    }

    @Test func filtersChooseRows() throws {
        let harness = try Self.harness()
        defer { harness.stop() }
        func names(_ arguments: String) throws -> [String] {
            try harness.ask("show stat \(arguments)").split(separator: "\n").dropFirst()
                .map { $0.components(separatedBy: ",")[1] }
        }
        #expect(try names("") == ["FRONTEND", "node1", "node2", "BACKEND"])
        #expect(try names("-1 1 -1") == ["FRONTEND"])
        #expect(try names("-1 2 -1") == ["BACKEND"])
        #expect(try names("2 4 -1") == ["node1", "node2"])
        #expect(try names("mariadb 4 2") == ["node2"])
        #expect(try names("-1 6 -1") == ["node1", "node2", "BACKEND"])
        #expect(try names("9 -1 -1") == [])
        #expect(try names("2 7") == ["FRONTEND", "node1", "node2", "BACKEND"])
        harness.onLoop { source, _ in
            source.view.nodes[1].health = .down
            source.view.nodes[1].administrative = .maintenance
        }
        #expect(try names("no-maint") == ["FRONTEND", "node1", "BACKEND"])
        #expect(try names("up") == ["FRONTEND", "node1", "BACKEND"])
        #expect(try harness.ask("show stat 9 4 1 typed") == "\n")
    }

    @Test(arguments: [
        (HealthState.up, AdministrativeState.ready, "UP"), (.falling, .ready, "UP 1/2"), (.rising, .ready, "DOWN 1/1"),
        (.down, .ready, "DOWN"), (.up, .drain, "DRAIN"), (.falling, .drain, "DRAIN 1/2"), (.down, .drain, "DOWN"),
        (.up, .maintenance, "MAINT"), (.down, .maintenance, "MAINT"),
    ]) func statusIsInHAProxysWords(_ health: HealthState, _ administrative: AdministrativeState, _ status: String) {
        var node = Self.view(at: Instant(nanoseconds: 0)).nodes[0]
        node.health = health
        node.administrative = administrative
        let process = ProcessFacts(
            version: "", pid: 1, startedAt: Instant(nanoseconds: 0), workers: 1, connectionsMax: 1, descriptorsMax: 1,
            hostname: "", isStopping: false)
        #expect(node.haproxyStatus(process) == status)
    }

    @Test func commandsReachTheirNode() throws {
        let harness = try Self.harness()
        defer { harness.stop() }
        func administered() -> [String] {
            harness.onLoop { source, _ in source.administered.map { "\($0.rawValue) \($1.rawValue)" } }
        }
        for command in [
            "set server mariadb/node2 state drain", "set server #2/#1 state maint",
            "set server mariadb/node1 state ready",
            "disable server mariadb/node2", "enable server mariadb/node2",
            // hatop's keys for less and more weight.
            "set weight mariadb/node1 0", "set weight mariadb/node1 100%",
            // Weight has nothing to say of a node in maintenance.
            "disable server mariadb/node2", "set weight mariadb/node2 0", "set weight mariadb/node2 1",
        ] { #expect(try harness.ask(command) == "\n", "\(command)") }
        #expect(
            administered() == [
                "1 drain", "0 maintenance", "0 ready", "1 maintenance", "1 ready", "0 drain", "0 ready",
                "1 maintenance",
            ])
        #expect(try harness.ask("shutdown sessions server mariadb/node2") == "\n")
        #expect(harness.onLoop { source, _ in source.endedNodes } == [NodeID(1)])
    }

    @Test func sessionsAreShownAndEnded() throws {
        let records = try records()
        let harness = try Self.harness()
        defer { harness.stop() }
        harness.onLoop { source, _ in
            source.rows = [1_000_000_001, 1_000_000_002].map {
                SessionRow(
                    id: $0, client: "127.0.0.1:59100", user: "a b", database: "", state: "idle", node: "node1",
                    thread: 7, age: .seconds(200), idle: .zero, statements: 3, bytesIn: 1, bytesOut: 2, moves: 0,
                    keeps: ["default schema", "user variables (3)"], loses: ["open cursors"])
            }
        }
        let lines = try harness.ask("show sess").split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("0x3b9aca01: proto=tcpv4 src=127.0.0.1:59100 fe=mariadb be=mariadb srv=node1 ts=00"))
        #expect(lines[0].contains(" age=3m20s calls=3 "))
        func keys(_ line: some StringProtocol) -> [String] {
            line.split(separator: " ").dropFirst().map { String($0.prefix { $0 != "=" && $0 != "[" }) }
        }
        #expect(keys(lines[0]) == keys(records.sess) + ["keep", "lose"])
        #expect(lines[0].hasSuffix(" keep=default_schema,user_variables(3) lose=open_cursors"))
        let one = try harness.ask("show sess 0x3b9aca02")
        #expect(one.hasPrefix("0x3b9aca02: ") && one.contains("user=a?b database=- ") && !one.contains("0x3b9aca01"))
        #expect(one.contains("\n  keep=default_schema,user_variables(3) lose=open_cursors pinned=yes\n"))
        #expect(try harness.ask("show sess all").contains("0x3b9aca01"))
        #expect(try harness.ask("shutdown session 0x3b9aca02") == "\n")
        #expect(try harness.ask("shutdown session 1000000001") == "\n")
        #expect(try harness.ask("shutdown session 0x3b9aca03") == "No such session (use 'show sess').\n\n")
        #expect(harness.onLoop { source, _ in source.endedSessions } == [1_000_000_002, 1_000_000_001])
    }

    @Test func theFrontendIsDisabledEnabledAndShutDown() throws {
        let harness = try Self.harness()
        defer { harness.stop() }
        func status() throws -> String {
            try harness.ask("show stat -1 1 -1").split(separator: "\n")[1].components(separatedBy: ",")[17]
        }
        #expect(try harness.ask("enable frontend mariadb") == "All sockets are already enabled.\n\n")
        #expect(try harness.ask("disable frontend mariadb") == "\n" && status() == "PAUSED")
        #expect(try harness.ask("disable frontend mariadb") == "All sockets are already disabled.\n\n")
        #expect(try harness.ask("enable frontend mariadb") == "\n" && status() == "OPEN")
        #expect(try harness.ask("shutdown frontend mariadb") == "\n" && status() == "STOP")
        #expect(harness.onLoop { source, _ in source.process.frontend } == .stopped)
        #expect(
            try harness.ask("enable frontend mariadb") == "Frontend was previously shut down, cannot enable.\n\n")
        #expect(
            try harness.ask("disable frontend mariadb") == "Frontend was previously shut down, cannot disable.\n\n")
        #expect(try harness.ask("shutdown frontend mariadb") == "Frontend was already shut down.\n\n")
    }

    /// The least of all limits is what new connections meet; a node's own counts while it is the primary.
    @Test func limitsAreKeptApart() throws {
        let harness = try Self.harness()
        defer { harness.stop() }
        func inForce() -> Int { harness.onLoop { source, _ in source.process.connectionsMax } }
        func shown() throws -> [String] {
            let rows = try harness.ask("show stat").split(separator: "\n").dropFirst()
                .map { $0.components(separatedBy: ",")[6] }
            let info = try harness.ask("show info").split(separator: "\n").first { $0.hasPrefix("Maxconn: ") }
            return rows + [String(info?.dropFirst(9) ?? "")]
        }
        #expect(try harness.ask("set maxconn frontend mariadb 90;set maxconn global 80") == "\n\n")
        #expect(inForce() == 80)
        #expect(try shown() == ["90", "", "", "90", "80"])
        #expect(try harness.ask("set maxconn server mariadb/node1 5;set maxconn server mariadb/node2 7") == "\n\n")
        #expect(inForce() == 5)
        harness.onLoop { source, server in
            source.view.primary = NodeID(1)
            server.observe(source.view)
        }
        #expect(inForce() == 7)
        #expect(try shown() == ["90", "5", "7", "90", "80"])
        harness.onLoop { source, server in
            source.view.primary = nil
            server.observe(source.view)
        }
        #expect(inForce() == 80)
        #expect(try harness.ask("set maxconn global 0") == "\n")
        #expect(inForce() == 90)
        harness.onLoop { source, _ in source.activity.sessions = 100 }
        #expect(try harness.ask("show stat -1 1 -1").contains(",FULL,"))
    }

    @Test func ratesAreLimitedByTheLeastOfTwo() throws {
        let harness = try Self.harness()
        defer { harness.stop() }
        for command in [
            "connections global 50", "sessions global 20", "connections global 10", "connections global 0",
            "sessions global 0", "ssl-sessions global 3",
        ] { #expect(try harness.ask("set rate-limit \(command)") == "\n") }
        #expect(
            harness.onLoop { source, _ in source.said }
                == ["rate 50", "rate 20", "rate 10", "rate 20", "rate 0", "rate 0"])
        #expect(try harness.ask("set rate-limit sessions global 9;show info").contains("\nSessRateLimit: 9\n"))
        #expect(try harness.ask("set rate-limit sessions global -3") == "Value out of range.\n\n")
    }

    @Test func whatIsRefusedSaysSoAndChangesNothing() throws {
        let harness = try Self.harness()
        defer { harness.stop() }
        for command in [
            "set maxconn frontend mariadb x", "set maxconn global -1", "set maxconn server mariadb/node1 -1",
            "set rate-limit connections global x", "set server mariadb/node1 addr 10.0.0.9",
            "set server mariadb/node1 agent up", "set server mariadb/node1 health well",
        ] { #expect(try harness.ask("set severity-output number;\(command)").hasPrefix("\n[3]: "), "\(command)") }
        #expect(harness.onLoop { source, _ in source.process.connectionsMax } == 100)
        #expect(harness.onLoop { source, _ in source.said }.isEmpty)
    }

    @Test func checksAndAgentsAreSteered() throws {
        let harness = try Self.harness()
        defer { harness.stop() }
        harness.onLoop { source, _ in source.view.nodes[0].marks = [.agent, .agentHeard] }
        func columns(_ server: Int, _ positions: Int...) throws -> [String] {
            let row = try harness.ask("show stat -1 4 \(server)").split(separator: "\n")[1]
                .components(separatedBy: ",")
            return positions.map { row[$0] }
        }
        #expect(try columns(1, 17, 36, 62, 72) == ["UP", "L7OK", "L7OK", "1"])
        for command in [
            "set server mariadb/node2 health down", "set server mariadb/node2 health up",
            "set server mariadb/node2 health stopping", "disable health mariadb/node2",
            "set server mariadb/node1 agent down", "set server mariadb/node1 agent up", "disable agent mariadb/node1",
            "disable agent mariadb/node2",
        ] { #expect(try harness.ask(command) == "\n", "\(command)") }
        // Of an agent that does not count nothing is set; of none nothing is enabled.
        #expect(
            try harness.ask("set server mariadb/node1 agent up") == "agent checks are not enabled on this server.\n\n")
        #expect(
            try harness.ask("enable agent mariadb/node2")
                == "Agent was not configured on this server, cannot enable.\n\n")
        #expect(try columns(1, 62) == [""])
        #expect(try columns(2, 17, 36, 68) == ["UP", "", ""])
        #expect(try harness.ask("enable agent mariadb/node1;enable health mariadb/node2") == "\n\n")
        #expect(
            harness.onLoop { source, _ in source.said } == [
                "1 down", "1 up", "1 stopping", "1 unchecked", "0 agent down", "0 agent up", "0 agent ignored",
                "0 agent heard", "1 checked",
            ])
        harness.onLoop { source, _ in
            source.view.nodes[0].marks.insert(.agentDown)
            source.view.nodes[1].marks.insert(.stopping)
        }
        #expect(try columns(1, 17) == ["DOWN (agent)"])
        #expect(try columns(2, 17) == ["NOLB"])
        let states = try harness.ask("show servers state").split(separator: "\n").dropFirst(2)
            .map { $0.split(separator: " ") }
        #expect(states[0][5] == "0" && states[0][14] == "22" && states[1][5] == "3" && states[1][14] == "0")
    }

    /// Each node's row has what the node did, not the primary of the time.
    @Test func serversHaveFiguresOfTheirOwn() throws {
        let harness = try Self.harness()
        defer { harness.stop() }
        harness.onLoop { source, _ in
            source.activity.nodes = (1...2).map { index in
                var node = NodeActivity()
                node.sessions = index
                node.sessionsTotal = UInt64(10 * index)
                node.connects = UInt64(11 * index)
                node.connectsFailed = UInt64(index)
                node.bytesIn = UInt64(100 * index)
                node.bytesOut = UInt64(200 * index)
                node.statementsFailed = UInt64(3 * index)
                node.statementsRerun = UInt64(4 * index)
                node.statementsAbandoned = UInt64(5 * index)
                node.sessionsLeft = UInt64(6 * index)
                node.statementsAnswered = UInt64(7 * index)
                return node
            }
        }
        let lines = try harness.ask("show stat -1 4 -1").split(separator: "\n").map { $0.components(separatedBy: ",") }
        let names = lines[0].map { $0.hasPrefix("# ") ? String($0.dropFirst(2)) : $0 }
        for (index, row) in lines.dropFirst().enumerated() {
            let n = index + 1
            for (name, value) in [
                ("scur", n), ("stot", 10 * n), ("bin", 100 * n), ("bout", 200 * n), ("econ", n), ("eresp", 3 * n),
                ("wretr", 4 * n), ("wredis", 6 * n), ("connect", 11 * n), ("cli_abrt", 5 * n), ("srv_abrt", 7 * n),
                ("used_conn_cur", n), ("hadb_answered", 7 * n),
            ] {
                let position = try #require(names.firstIndex(of: name))
                #expect(row[position] == "\(value)", "\(row[1]) \(name)")
            }
        }
        #expect(try harness.ask("clear counters all") == "\n")
        #expect(try harness.ask("show stat -1 4 2").split(separator: "\n")[1].contains("node2,0,0,2,2,,0,0,0,"))
    }

    @Test func emptyListsAndTheSchema() throws {
        let harness = try Self.harness()
        defer { harness.stop() }
        #expect(try harness.ask("show map;show acl") == "# id (file) description\n\n# id (file) description\n\n")
        #expect(try harness.ask("show peers;show cache;show resolvers;show table") == "\n\n\n\n")
        let schema = try harness.ask("show schema json")
        let parsed = try JSONSerialization.jsonObject(with: Data(schema.utf8)) as? [String: Any]
        #expect((parsed?["oneOf"] as? [Any])?.count == 2)
        // As HAProxy: what is no pointer asks for the list.
        #expect(try harness.ask("show sess none") == harness.ask("show sess"))
    }

    @Test func ourOwnCommandsSpeakJSON() throws {
        let harness = try Self.harness()
        defer { harness.stop() }
        func object(_ line: String) throws -> [String: Any]? {
            try JSONSerialization.jsonObject(with: Data(harness.ask(line).utf8)) as? [String: Any]
        }
        #expect(try object("pause json")?["message"] as? String == "Paused; sessions in a transaction: 0.")
        #expect(try object("pause 10s wait 1s json")?["message"] != nil)
        #expect(try object("pause soon json")?["error"] != nil)
        #expect(try object("resume json")?["message"] as? String == "Resumed.")
        #expect(try object("reload json")?["message"] as? String == "Nothing has changed.")
        #expect(try object("switchover node2 json")?["error"] as? String == "Not possible: there are no agents here.")
        let latest = try object("show switchover json")
        #expect(latest?["state"] as? String == "none" && (latest?["lines"] as? [String]) == [])
        for command in ["nodes", "cluster", "failovers", "outages", "sessions", "holds", "counters", "process"] {
            let answer = try harness.ask("show \(command) json")
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(answer.utf8)) }
        }
        #expect(try harness.ask("resume now") == "'resume' expects 'json' or nothing.\n\n")
    }

    /// Tools that read two answers at once: no empty line inside, one colon per line of info.
    @Test func infoAndStatAreTwoBlocks() throws {
        let harness = try Self.harness()
        defer { harness.stop() }
        harness.onLoop { source, _ in source.process.hostname = "a:b" }
        let client = try RawClient(harness.path)
        client.send("show info;show stat\r\n")
        let blocks = client.receive().components(separatedBy: "\n\n")
        #expect(blocks.count == 3 && blocks[2].isEmpty)
        #expect(blocks[0].split(separator: "\n").allSatisfy { $0.split(separator: ":").count == 2 })
        #expect(blocks[0].contains("\nnode: a-b\n"))
        #expect(blocks[0].utf8.allSatisfy { $0 < 0x80 } && blocks[1].utf8.allSatisfy { $0 < 0x80 })
    }

    @Test func aThousandAtOnce() throws {
        _ = try DescriptorLimit.raise()
        let harness = try Self.harness()
        defer { harness.stop() }
        let clients = try (0..<1000).map { _ in try RawClient(harness.path) }
        for client in clients { client.send("show stat\n") }
        var served = 0
        for client in clients {
            let answer = client.receive()
            if answer.hasPrefix("# pxname,"), answer.hasSuffix("\n\n") {
                served += 1
            } else {
                #expect(answer == "Too many connections to the admin socket.\n\n")
            }
        }
        #expect(served >= 100)
        #expect(try harness.ask("show version") == "1.2.3\n\n")
    }

    @Test func overTCPTheSameAtItsOwnLevel() throws {
        let harness = try Harness(tcp: true)
        defer { harness.stop() }
        let port = try #require(harness.port)
        #expect(
            try harness.ask("show cli sockets")
                == "# socket lvl processes\nunix@\(harness.path) admin all\nipv4@127.0.0.1:\(port) user all\n\n")
        let client = try RawClient(port: port)
        client.send("show version;pause;show cli level\n")
        #expect(client.receive() == "1.2.3\n\nPermission denied\n\nuser\n\n")
    }
}
