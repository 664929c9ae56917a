import Cluster

/// The static columns of `show stat`: name, tags (origin, nature and scope, a letter each) and type, in HAProxy's order
/// as of its version 3.0. `src_ilim` is really written like that. Tools know positions as well as names: nothing is
/// ever inserted here.
enum StatColumns {
    static let all: [(name: String, tags: String, type: String)] = [
        ("pxname", "KNS", "str"),
        ("svname", "KNS", "str"),
        ("qcur", "MGP", "u32"),
        ("qmax", "MMP", "u32"),
        ("scur", "MGP", "u32"),
        ("smax", "MMP", "u32"),
        ("slim", "CLP", "u32"),
        ("stot", "MCP", "u64"),
        ("bin", "MCP", "u64"),
        ("bout", "MCP", "u64"),
        ("dreq", "MCP", "u64"),
        ("dresp", "MCP", "u64"),
        ("ereq", "MCP", "u64"),
        ("econ", "MCP", "u64"),
        ("eresp", "MCP", "u64"),
        ("wretr", "MCP", "u64"),
        ("wredis", "MCP", "u64"),
        ("status", "SGP", "str"),
        ("weight", "MaP", "u32"),
        ("act", "SGP", "u32"),
        ("bck", "SGP", "u32"),
        ("chkfail", "MCP", "u64"),
        ("chkdown", "MCP", "u64"),
        ("lastchg", "MAP", "u32"),
        ("downtime", "MCP", "u32"),
        ("qlimit", "CLS", "u32"),
        ("pid", "KGP", "u32"),
        ("iid", "KGS", "u32"),
        ("sid", "KGS", "u32"),
        ("throttle", "MaP", "u32"),
        ("lbtot", "MCP", "u64"),
        ("tracked", "CGS", "str"),
        ("type", "CGS", "u32"),
        ("rate", "MRP", "u32"),
        ("rate_lim", "CLP", "u32"),
        ("rate_max", "MMP", "u32"),
        ("check_status", "MOP", "str"),
        ("check_code", "MOP", "u32"),
        ("check_duration", "MDP", "u64"),
        ("hrsp_1xx", "MCP", "u64"),
        ("hrsp_2xx", "MCP", "u64"),
        ("hrsp_3xx", "MCP", "u64"),
        ("hrsp_4xx", "MCP", "u64"),
        ("hrsp_5xx", "MCP", "u64"),
        ("hrsp_other", "MCP", "u64"),
        ("hanafail", "MCP", "u64"),
        ("req_rate", "MRP", "u32"),
        ("req_rate_max", "MMP", "u32"),
        ("req_tot", "MCP", "u64"),
        ("cli_abrt", "MCP", "u64"),
        ("srv_abrt", "MCP", "u64"),
        ("comp_in", "MCP", "u64"),
        ("comp_out", "MCP", "u64"),
        ("comp_byp", "MCP", "u64"),
        ("comp_rsp", "MCP", "u64"),
        ("lastsess", "MAP", "s32"),
        ("last_chk", "MOP", "str"),
        ("last_agt", "MCP", "u64"),
        ("qtime", "MaP", "u32"),
        ("ctime", "MaP", "u32"),
        ("rtime", "MaP", "u32"),
        ("ttime", "MaP", "u32"),
        ("agent_status", "MCP", "u64"),
        ("agent_code", "MCP", "u64"),
        ("agent_duration", "MCP", "u64"),
        ("check_desc", "MOP", "str"),
        ("agent_desc", "MCP", "u64"),
        ("check_rise", "CGS", "u32"),
        ("check_fall", "CGS", "u32"),
        ("check_health", "CGS", "u32"),
        ("agent_rise", "MCP", "u64"),
        ("agent_fall", "MCP", "u64"),
        ("agent_health", "MCP", "u64"),
        ("addr", "CGS", "str"),
        ("cookie", "CNS", "str"),
        ("mode", "CGS", "str"),
        ("algo", "CGS", "str"),
        ("conn_rate", "MRP", "u32"),
        ("conn_rate_max", "MMP", "u32"),
        ("conn_tot", "MCP", "u64"),
        ("intercepted", "MCP", "u64"),
        ("dcon", "MCP", "u64"),
        ("dses", "MCP", "u64"),
        ("wrew", "MCP", "u64"),
        ("connect", "MCP", "u64"),
        ("reuse", "MCP", "u64"),
        ("cache_lookups", "MCP", "u64"),
        ("cache_hits", "MCP", "u64"),
        ("srv_icur", "MGP", "u32"),
        ("src_ilim", "MCP", "u64"),
        ("qtime_max", "MMP", "u32"),
        ("ctime_max", "MMP", "u32"),
        ("rtime_max", "MMP", "u32"),
        ("ttime_max", "MMP", "u32"),
        ("eint", "MCP", "u64"),
        ("idle_conn_cur", "MGP", "u32"),
        ("safe_conn_cur", "MGP", "u32"),
        ("used_conn_cur", "MGP", "u32"),
        ("need_conn_est", "MGP", "u32"),
        ("uweight", "MaP", "u32"),
        ("agg_server_status", "MGP", "u32"),
        ("agg_server_check_status", "MGP", "u32"),
        ("agg_check_status", "MGP", "u32"),
        ("srid", "MCP", "u32"),
        ("sess_other", "MCP", "u64"),
        ("h1sess", "MCP", "u64"),
        ("h2sess", "MCP", "u64"),
        ("h3sess", "MCP", "u64"),
        ("req_other", "MCP", "u64"),
        ("h1req", "MCP", "u64"),
        ("h2req", "MCP", "u64"),
        ("h3req", "MCP", "u64"),
        ("proto", "CGS", "str"),
    ]

    /// Ours, behind the column `-` that ends the static part.
    static let own: [(name: String, tags: String, type: String)] = [
        ("hadb_phase", "SGP", "str"),
        ("hadb_diagnosis", "SGP", "str"),
        ("hadb_generation", "SGP", "u64"),
        ("hadb_role", "SGP", "str"),
        ("hadb_held", "MGP", "u32"),
        ("hadb_in_transaction", "MGP", "u32"),
        ("hadb_held_total", "MCP", "u64"),
        ("hadb_failed", "MCP", "u64"),
        ("hadb_answered", "MCP", "u64"),
    ]

    static let position: [String: Int] = Dictionary(
        uniqueKeysWithValues: (all + own).enumerated().map { ($0.element.name, $0.offset) })

    /// `# pxname,svname,…,proto,-,hadb_phase,…,`
    static let header =
        "# " + (all.map(\.name) + ["-"] + own.map(\.name)).map { $0 + "," }.joined()
}

/// HAProxy's words for the letters of a field's tags, as `json` gives them.
enum StatTags {
    static func origin(_ tags: String) -> String {
        switch tags.first {
        case "M": "Metric"
        case "S": "Status"
        case "K": "Key"
        case "C": "Config"
        case "P": "Product"
        default: "Unknown"
        }
    }

    static func nature(_ tags: String) -> String {
        switch tags.dropFirst().first {
        case "G": "Gauge"
        case "L": "Limit"
        case "m": "Min"
        case "M": "Max"
        case "R": "Rate"
        case "C": "Counter"
        case "D": "Duration"
        case "A": "Age"
        case "T": "Time"
        case "N": "Name"
        case "O": "Output"
        case "a": "Avg"
        default: "Unknown"
        }
    }

    static func scope(_ tags: String) -> String {
        switch tags.last {
        case "C": "Cluster"
        case "P": "Process"
        case "S": "Service"
        case "s": "System"
        default: "Unknown"
        }
    }

    static func json(_ tags: String) -> String {
        "{\"origin\":\"\(origin(tags))\",\"nature\":\"\(nature(tags))\",\"scope\":\"\(scope(tags))\"}"
    }
}

/// What a field holds.
enum StatValue: Hashable, Sendable {
    case number(Int64)
    case text(String)

    static func count(_ n: UInt64) -> StatValue { .number(Int64(clamping: n)) }
    static func count(_ n: Int) -> StatValue { .number(Int64(n)) }
    static func seconds(_ span: Instant.Span) -> StatValue { .number(max(0, span.nanoseconds / 1_000_000_000)) }

    /// On one line, in ASCII: tools take lines apart.
    var plain: String {
        switch self {
        case .number(let n): String(n)
        case .text(let text):
            String(
                String.UnicodeScalarView(
                    text.unicodeScalars.map { (0x20...0x7E).contains($0.value) ? $0 : "?" }))
        }
    }

    var json: String {
        switch self {
        case .number(let n): String(n)
        case .text: JSONText.quoted(plain)
        }
    }

    /// Quoted where a comma or a quote would break the line.
    var csv: String {
        let plain = plain
        guard plain.contains(where: { $0 == "," || $0 == "\"" }) else { return plain }
        return "\"" + plain.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
