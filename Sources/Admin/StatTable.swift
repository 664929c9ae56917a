import Cluster

/// The rows of `show stat`.
struct StatTable {
    enum Kind: Int, Sendable {
        // HAProxy's numbers in the column `type`.
        case frontend = 0
        case backend = 1
        case server = 2

        /// Its bit in the command's second argument.
        var mask: Int {
            switch self {
            case .frontend: 1
            case .backend: 2
            case .server: 4
            }
        }

        var letter: String {
            switch self {
            case .frontend: "F"
            case .backend: "B"
            case .server: "S"
            }
        }

        var word: String {
            switch self {
            case .frontend: "Frontend"
            case .backend: "Backend"
            case .server: "Server"
            }
        }
    }

    struct Row {
        var kind: Kind
        var sid: Int
        /// One per column, the static ones and ours; nil is an empty field.
        var values: [StatValue?]

        init(_ kind: Kind, sid: Int, _ named: KeyValuePairs<String, StatValue>) {
            self.kind = kind
            self.sid = sid
            values = [StatValue?](repeating: nil, count: StatColumns.all.count + StatColumns.own.count)
            for (name, value) in named {
                guard let position = StatColumns.position[name] else { continue }
                values[position] = value
            }
        }

        mutating func set(_ name: String, _ value: StatValue) {
            if let position = StatColumns.position[name] { values[position] = value }
        }
    }

    /// The only proxy has HAProxy's first free number for one.
    static let proxyID = 2

    var rows: [Row]

    /// `-1` means all, as does a missing filter. As with HAProxy, `sid` chooses among servers only.
    struct Filter: Hashable {
        var proxy = -1
        var mask = -1
        var sid = -1
        var hidesDown = false
        var hidesMaintenance = false
    }

    init(_ facts: StatFacts, _ filter: Filter = Filter()) {
        rows = []
        guard filter.proxy == -1 || filter.proxy == Self.proxyID else { return }
        func wants(_ kind: Kind) -> Bool { filter.mask & kind.mask != 0 }
        if wants(.frontend) { rows.append(facts.frontend) }
        if wants(.server) {
            for index in facts.view.nodes.indices where filter.sid == -1 || filter.sid == index + 1 {
                let node = facts.view.nodes[index]
                if filter.hidesMaintenance, node.administrative == .maintenance { continue }
                if filter.hidesDown, !node.isServing { continue }
                rows.append(facts.server(index))
            }
        }
        if wants(.backend) {
            rows.append(facts.backend(counting: filter.hidesDown || filter.hidesMaintenance))
        }
    }

    var csv: Answer {
        var lines = [StatColumns.header]
        for row in rows {
            var line = ""
            for (position, value) in row.values.enumerated() {
                if position == StatColumns.all.count { line += "-," }
                line += (value?.csv ?? "") + ","
            }
            lines.append(line)
        }
        return .text(lines.joined(separator: "\n"))
    }

    var typed: Answer {
        var lines: [String] = []
        for row in rows {
            for (position, value) in row.values.enumerated() {
                guard let value else { continue }
                let column = Self.column(position, row.kind)
                lines.append(
                    "\(row.kind.letter).\(Self.proxyID).\(row.sid).\(position).\(column.name).1:"
                        + "\(column.tags):\(column.type):\(value.plain)")
            }
        }
        return lines.isEmpty ? .done : .text(lines.joined(separator: "\n"))
    }

    var json: Answer {
        let objects = rows.map { row in
            let fields = row.values.enumerated().compactMap { position, value -> String? in
                guard let value else { return nil }
                let column = Self.column(position, row.kind)
                return "{\"objType\":\"\(row.kind.word)\",\"proxyId\":\(Self.proxyID),\"id\":\(row.sid),"
                    + "\"field\":{\"pos\":\(position),\"name\":\"\(column.name)\"},\"processNum\":1,"
                    + "\"tags\":\(StatTags.json(column.tags)),"
                    + "\"value\":{\"type\":\"\(column.type)\",\"value\":\(value.json)}}"
            }
            return "[" + fields.joined(separator: ",") + "]"
        }
        return .text("[" + objects.joined(separator: ",") + "]")
    }

    /// A backend's tags differ in four places.
    private static func column(_ position: Int, _ kind: Kind) -> (name: String, tags: String, type: String) {
        guard position < StatColumns.all.count else { return StatColumns.own[position - StatColumns.all.count] }
        var column = StatColumns.all[position]
        if kind == .backend, ["act", "bck", "rate", "rate_max"].contains(column.name) { column.tags = "MGP" }
        return column
    }
}

/// All that HAProxy's tables are made of, at one moment.
struct StatFacts {
    var view: ClusterView
    /// As it is shown: without what was cleared.
    var activity: Activity
    var process: ProcessFacts
    var book: StatBook
    var limits = AdminLimits()
    /// Percent.
    var idle = 100
    var isPaused: Bool
    var now: Instant

    private var proxy: StatValue { .text(process.proxyName) }

    var frontendStatus: String {
        if process.isStopping { return "STOP" }
        switch process.frontend {
        case .open: return activity.sessions >= process.connectionsMax ? "FULL" : "OPEN"
        case .paused: return "PAUSED"
        case .stopped: return "STOP"
        }
    }

    var frontend: StatTable.Row {
        var row = StatTable.Row(
            .frontend, sid: 0,
            [
                "pxname": proxy, "svname": .text("FRONTEND"), "scur": .count(activity.sessions),
                "smax": .count(book.sessionsMax), "slim": .count(limits.frontend ?? process.connectionsAtStart),
                "stot": .count(activity.sessionsTotal), "bin": .count(activity.bytesIn),
                "bout": .count(activity.bytesOut), "dreq": .number(0), "dresp": .number(0),
                "ereq": .count(activity.loginsRefused), "status": .text(frontendStatus), "pid": .number(1),
                "iid": .count(StatTable.proxyID), "sid": .number(0), "type": .number(0),
                "rate": .count(book.sessionRate.now), "rate_lim": .number(0), "rate_max": .count(book.sessionRate.max),
                "req_rate": .count(book.statementRate.now), "req_rate_max": .count(book.statementRate.max),
                "req_tot": .count(activity.statementsBegun), "comp_in": .number(0), "comp_out": .number(0),
                "comp_byp": .number(0), "comp_rsp": .number(0), "mode": .text("tcp"),
                "conn_rate": .count(book.sessionRate.now), "conn_rate_max": .count(book.sessionRate.max),
                "conn_tot": .count(activity.sessionsTotal), "dcon": .number(0), "dses": .number(0),
                "wrew": .number(0), "eint": .number(0), "sess_other": .count(activity.sessionsTotal),
                "h1sess": .number(0), "h2sess": .number(0), "h3sess": .number(0),
                "req_other": .count(activity.statementsBegun), "h1req": .number(0), "h2req": .number(0),
                "h3req": .number(0),
            ])
        cluster(&row)
        return row
    }

    func server(_ index: Int) -> StatTable.Row {
        let node = view.nodes[index]
        let stats = book.nodes.indices.contains(index) ? book.nodes[index] : StatBook.NodeStats()
        let done = activity.of(node.node.id)
        let sessions = done.sessions
        let isPrimary = node.role == .primary
        var row = StatTable.Row(
            .server, sid: index + 1,
            [
                "pxname": proxy, "svname": .text(node.node.name), "qcur": .number(0), "qmax": .number(0),
                "scur": .count(sessions), "smax": .count(stats.sessionsMax), "stot": .count(done.sessionsTotal),
                "bin": .count(done.bytesIn), "bout": .count(done.bytesOut), "dresp": .number(0),
                "econ": .count(done.connectsFailed),
                "eresp": .count(done.statementsFailed), "wretr": .count(done.statementsRerun),
                "wredis": .count(done.sessionsLeft),
                "status": .text(node.haproxyStatus(process)), "weight": .count(stats.weight),
                "act": .number(isPrimary ? 1 : 0), "bck": .number(isPrimary ? 0 : 1),
                "chkfail": .count(stats.failedChecks), "chkdown": .count(stats.timesDown),
                "lastchg": .seconds(now - node.changedAt), "downtime": .seconds(stats.downtime(at: now)),
                "pid": .number(1), "iid": .count(StatTable.proxyID), "sid": .count(index + 1),
                "lbtot": .count(done.sessionsTotal), "type": .number(2), "rate": .count(stats.rate),
                "rate_max": .count(stats.rateMax), "cli_abrt": .count(done.statementsAbandoned),
                "srv_abrt": .count(done.statementsFailed &+ done.statementsRerun),
                "lastsess": Self.age(stats.lastSession, now), "qtime": .number(0),
                "ctime": .number(0), "rtime": .number(0), "ttime": .number(0),
                "addr": .text(node.node.endpoint.description), "mode": .text("tcp"), "wrew": .number(0),
                "connect": .count(done.connects), "reuse": .number(0), "srv_icur": .number(0),
                "qtime_max": .number(0), "ctime_max": .number(0), "rtime_max": .number(0), "ttime_max": .number(0),
                "eint": .number(0), "idle_conn_cur": .number(0), "safe_conn_cur": .number(0),
                "used_conn_cur": .count(sessions), "need_conn_est": .count(max(1, sessions)),
                "uweight": .count(stats.weight), "srid": .number(0), "hadb_role": .text(node.role.rawValue),
                "hadb_answered": .count(done.statementsAnswered),
            ])
        if stats.connectionsMax > 0 { row.set("slim", .count(stats.connectionsMax)) }
        // As HAProxy: nothing is checked in maintenance.
        if node.administrative != .maintenance, !node.marks.contains(.unchecked) {
            let check = node.checkOutcome
            row.set("check_status", .text(check.status))
            if let text = check.description { row.set("check_desc", .text(text)) }
            // Some tools take lines apart at commas and know nothing of quotes.
            row.set("last_chk", .text(String(node.lastCheck.map { $0 == "," ? ";" : $0 == "\"" ? "'" : $0 })))
            row.set("check_rise", .count(process.rise))
            row.set("check_fall", .count(process.fall))
            row.set("check_health", .count(node.checkHealth(process)))
        }
        if node.marks.contains(.agent), !node.marks.contains(.agentIgnored), node.administrative != .maintenance {
            let isHeard = node.marks.contains(.agentHeard)
            row.set("agent_status", .text(isHeard ? "L7OK" : "L7TOUT"))
            row.set("agent_desc", .text(isHeard ? "Layer7 check passed" : "Layer7 timeout"))
            row.set("agent_rise", .number(1))
            row.set("agent_fall", .number(1))
            row.set("agent_health", .number(isHeard && !node.marks.contains(.agentDown) ? 1 : 0))
        }
        return row
    }

    /// - Parameter counting: say how many servers there are, where there is none: `DOWN (0/2)`.
    func backend(counting: Bool = false) -> StatTable.Row {
        let serving = view.nodes.count { $0.isServing && $0.administrative == .ready }
        let isUp = view.primary != nil
        let active = isUp ? 1 : 0
        let status = isUp ? "UP" : counting ? "DOWN (0/\(view.nodes.count))" : "DOWN"
        var row = StatTable.Row(
            .backend, sid: 0,
            [
                "pxname": proxy, "svname": .text("BACKEND"), "qcur": .count(activity.sessionsHeld),
                "qmax": .count(book.heldMax), "scur": .count(activity.sessions), "smax": .count(book.sessionsMax),
                "slim": .count(limits.frontend ?? process.connectionsAtStart), "stot": .count(activity.sessionsTotal),
                "bin": .count(activity.bytesIn), "bout": .count(activity.bytesOut), "dreq": .number(0),
                "dresp": .number(0), "econ": .number(0), "eresp": .count(activity.statementsFailed),
                "wretr": .count(activity.statementsRerun), "wredis": .count(activity.sessionsMoved),
                "status": .text(status), "weight": .count(active), "act": .count(active),
                "bck": .count(max(0, serving - active)), "chkdown": .count(book.timesWithout),
                "lastchg": .seconds(now - view.since), "downtime": .seconds(book.downtime(at: now)),
                "pid": .number(1), "iid": .count(StatTable.proxyID), "sid": .number(0),
                "lbtot": .count(activity.sessionsTotal &+ activity.sessionsMoved &+ activity.sessionsReconnected),
                "type": .number(1),
                "rate": .count(book.sessionRate.now), "rate_max": .count(book.sessionRate.max),
                "cli_abrt": .number(0), "srv_abrt": .number(0), "comp_in": .number(0), "comp_out": .number(0),
                "comp_byp": .number(0), "comp_rsp": .number(0),
                "lastsess": Self.age(book.lastSession, now), "qtime": .number(0),
                "ctime": .number(0), "rtime": .number(0), "ttime": .number(0), "mode": .text("tcp"),
                "algo": .text("first"), "wrew": .number(0),
                "connect": .count(activity.sessionsTotal &+ activity.sessionsMoved &+ activity.sessionsReconnected),
                "reuse": .number(0),
                "qtime_max": .number(0), "ctime_max": .number(0), "rtime_max": .number(0), "ttime_max": .number(0),
                "eint": .number(0), "uweight": .count(active), "agg_server_status": .number(0),
                "agg_server_check_status": .number(0), "agg_check_status": .number(0),
                "hadb_held_total": .count(activity.statementsHeld), "hadb_failed": .count(activity.statementsFailed),
            ])
        cluster(&row)
        return row
    }

    private static func age(_ moment: Instant?, _ now: Instant) -> StatValue {
        moment.map { .seconds(now - $0) } ?? .number(-1)
    }

    private func cluster(_ row: inout StatTable.Row) {
        row.set("hadb_phase", .text(view.phase.rawValue))
        row.set("hadb_diagnosis", .text(view.diagnosis?.rawValue ?? ""))
        row.set("hadb_generation", .count(view.generation.rawValue))
        row.set("hadb_held", .count(activity.sessionsHeld))
        row.set("hadb_in_transaction", .count(activity.sessionsInTransaction))
    }
}
