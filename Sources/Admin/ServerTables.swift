import Cluster

// HAProxy's other tables of servers and sessions.

extension StatFacts {
    /// `show servers state`: the format of HAProxy's server-state files, version 1.
    var serversState: Answer {
        var lines = [
            "1",
            "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight"
                + " srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state"
                + " srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl"
                + " srv_check_port srv_check_addr srv_agent_addr srv_agent_port",
        ]
        for (index, node) in view.nodes.enumerated() {
            let check = node.checkOutcome
            let fields = [
                "\(StatTable.proxyID)", process.proxyName, "\(index + 1)", node.node.name, node.node.endpoint.host,
                "\(node.operatingState)", "\(node.administrativeBits)", "\(weight(index))", "1",
                "\(max(0, (now - node.changedAt).nanoseconds / 1_000_000_000))", "\(check.number)", "\(check.result)",
                "\(node.checkHealth(process))", "\(node.checkBits)", "\(node.agentBits)", "0", "0", "-",
                "\(node.node.endpoint.port)",
                "-", "0", "0", "-", "-", "0",
            ]
            lines.append(fields.joined(separator: " "))
        }
        return .text(lines.joined(separator: "\n"))
    }

    /// `show servers conn`
    var serversConnections: Answer {
        let threads = max(1, process.workers)
        var lines = [
            "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim"
                + " idle_cur idle_per_thr[\(threads)]"
        ]
        for (index, node) in view.nodes.enumerated() {
            let used = activity.of(node.node.id).sessions
            let stats = book.nodes.indices.contains(index) ? book.nodes[index] : StatBook.NodeStats()
            lines.append(
                "\(process.proxyName)/\(node.node.name) \(StatTable.proxyID)/\(index + 1) \(node.node.endpoint.host)"
                    + " \(node.node.endpoint.port) - 5000 \(used) \(max(1, stats.sessionsMax)) \(max(1, used)) 0 0 -1 0"
                    + String(repeating: " 0", count: threads))
        }
        return .text(lines.joined(separator: "\n"))
    }

    private func weight(_ index: Int) -> Int { book.nodes.indices.contains(index) ? book.nodes[index].weight : 1 }
}

/// `show sess`
enum SessLines {
    /// HAProxy gives a pointer; here it is the session's id.
    static func pointer(_ id: UInt32) -> String { "0x" + String(id, radix: 16) }

    /// `show sess`: one line for each. Behind HAProxy's own keys two of ours: what a failover would keep and lose.
    static func line(_ row: SessionRow, _ process: ProcessFacts) -> String {
        let seconds = row.age.nanoseconds / 1_000_000_000
        return "\(pointer(row.id)): proto=\(family(row)) src=\(client(row)) fe=\(process.proxyName)"
            + " be=\(process.proxyName) srv=\(server(row)) ts=00 epoch=0 age=\(age(seconds)) calls=\(row.statements)"
            + " rate=0 cpu=0 lat=0 rq[f=848000h,i=0,an=00h,rx=,wx=,ax=] rp[f=80008000h,i=0,an=00h,rx=,wx=,ax=]"
            + " scf=[8,0h,fd=-1] scb=[8,1h,fd=-1] exp= rc=0 c_exp="
            + " keep=\(list(row.keeps)) lose=\(list(row.loses))"
    }

    /// `show sess <id>` and `show sess all`: HAProxy's outline as far as it means anything here.
    static func details(_ row: SessionRow, _ process: ProcessFacts, _ nodes: [Node]) -> String {
        let sid = nodes.firstIndex { $0.name == row.node }
        let address = sid.map { nodes[$0].endpoint.description } ?? "?"
        return """
            \(pointer(row.id)): id=\(row.id) proto=\(family(row)) source=\(client(row))
              frontend=\(process.proxyName) (id=\(StatTable.proxyID) mode=tcp), listener=? (id=1)
              backend=\(process.proxyName) (id=\(StatTable.proxyID) mode=tcp)
              server=\(server(row)) (id=\(sid.map { $0 + 1 } ?? -1)) addr=\(address)
              user=\(word(row.user)) database=\(word(row.database)) state=\(row.state) thread=\(row.thread) \
            moves=\(row.moves)
              keep=\(list(row.keeps)) lose=\(list(row.loses)) pinned=\(row.loses.isEmpty ? "no" : "yes")
              age=\(row.age) idle=\(row.idle) statements=\(row.statements)
              req=(total=\(row.bytesIn)) res=(total=\(row.bytesOut))
            """
    }

    private static func family(_ row: SessionRow) -> String { row.client.hasPrefix("[") ? "tcpv6" : "tcpv4" }
    private static func client(_ row: SessionRow) -> String { word(row.client) }
    private static func server(_ row: SessionRow) -> String { row.node.isEmpty ? "<none>" : word(row.node) }

    /// `default_schema,user_variables(3)`.
    private static func list(_ items: [String]) -> String {
        items.map { item in
            String(item.replacing(" (", with: "(").map { $0 == " " ? "_" : $0 })
        }.joined(separator: ",")
    }

    /// A peer's text as one word.
    private static func word(_ text: String) -> String {
        let printable = Cell.printable(text)
        return printable.isEmpty ? "-" : String(printable.map { $0 == " " ? "?" : $0 })
    }

    /// `17s`, `3m20s`, `1h05m`, `2d3h`: two units at most, as HAProxy.
    static func age(_ seconds: Int64) -> String {
        switch seconds {
        case ..<60: "\(max(0, seconds))s"
        case ..<3600: "\(seconds / 60)m" + (seconds % 60 == 0 ? "" : "\(seconds % 60)s")
        case ..<86_400: "\(seconds / 3600)h" + (seconds / 60 % 60 == 0 ? "" : "\(seconds / 60 % 60)m")
        default: "\(seconds / 86_400)d" + (seconds / 3600 % 24 == 0 ? "" : "\(seconds / 3600 % 24)h")
        }
    }
}
