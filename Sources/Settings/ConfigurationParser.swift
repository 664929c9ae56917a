import Cluster
import TOMLKit

extension Configuration {
    /// Reads a configuration. `file` is its name as errors give it.
    ///
    /// A text that is no TOML yields one error; one that is, all that is wrong with it.
    ///
    /// - Parameter host: where the proxy is to run; what is in the way of a database there is an error, too.
    public static func parse(
        _ text: String, file: String, secrets: some SecretSource, host: some HostSource = UnknownHost()
    ) throws(ConfigurationErrors) -> Configuration {
        let outline = try Outline(bounded: text, file: file)
        let root = try TOMLTree.root(of: text, file: file)
        var parser = ConfigurationParser(draft: Draft(file: file, outline: outline), root: root)
        var settings = parser.settings(secrets: secrets)
        parser.keepApart(settings, on: host)
        try parser.draft.check()
        settings.warnings = parser.draft.warnings.sorted { $0.position < $1.position }
        return settings
    }
}

private struct ConfigurationParser {
    var draft: Draft
    let root: [String: TOMLTree]

    private static let sections = [
        "proxy", "node", "health", "failover", "users", "admin", "availability", "log",
        "cluster", "agent",
    ]

    mutating func settings(secrets: some SecretSource) -> Configuration {
        for name in root.keys.sorted() where !Self.sections.contains(name) {
            let help =
                EditDistance.suggestion(for: name, among: Self.sections).map { "did you mean [\($0)]?" }
                ?? "there are: \(Self.sections.joined(separator: ", "))"
            draft.fail([name], at: .key, key: name, "unknown section; \(help)")
        }
        var settings = Configuration()
        if let section = section("proxy", required: true) { proxy(section, into: &settings.proxy) }
        settings.nodes = nodes(agents: &settings.agents)
        if let section = section("health", required: true) {
            health(section, into: &settings.health, secrets: secrets)
        }
        if let section = section("failover") { failover(section, into: &settings.failover) }
        if let section = section("users") { settings.users = users(section, secrets: secrets) }
        if let section = section("admin") { admin(section, into: &settings.admin, secrets: secrets) }
        if let section = section("availability") {
            draft.availability(section, into: &settings.availability)
        }
        if let section = section("cluster") { settings.cluster = draft.cluster(section, secrets: secrets) }
        if settings.cluster.key == nil, settings.agents.contains(where: { $0 != nil }), draft.errors.isEmpty {
            draft.fail(
                ["cluster"], at: .key, key: "cluster.key", "is missing (or key_file, or key_env): a node has an agent")
        }
        if let section = section("log") {
            draft.expectOnly(["level", "format"], in: section)
            if let level: Configuration.Log.Level = draft.word("level", in: section) { settings.log.level = level }
            if let format: Configuration.Log.Format = draft.word("format", in: section) { settings.log.format = format }
        }
        return settings
    }

    /// Every listener from every node's server. What is wrong by itself is not judged.
    mutating func keepApart(_ settings: Configuration, on host: some HostSource) {
        guard draft.errors.isEmpty else { return }
        for (i, listener) in settings.proxy.listen.enumerated() {
            let path = ["proxy", "listen", "#\(i)"]
            draft.keepApart(listener, at: path, key: "proxy.listen", from: settings.nodes, on: host)
        }
        for (key, listener) in [("tcp", settings.admin.tcp), ("http", settings.admin.http)] {
            guard let listener else { continue }
            draft.keepApart(listener, at: ["admin", key], key: "admin.\(key)", from: settings.nodes, on: host)
        }
    }

    private mutating func section(_ name: String, required: Bool = false) -> Section? {
        guard let tree = root[name] else {
            if required { draft.fail([], key: name, "the section [\(name)] is missing") }
            return nil
        }
        guard case .table(let entries) = tree else {
            draft.fail([name], at: .key, key: name, "must be a section, [\(name)], not \(tree.kind)")
            return nil
        }
        return Section(path: [name], name: name, entries: entries)
    }

    private mutating func proxy(_ section: Section, into proxy: inout Configuration.Proxy) {
        draft.expectOnly(
            [
                "name", "listen", "workers", "connections_max", "login_timeout", "client_timeout",
                "client_lost_timeout", "memory_max", "server_version", "proxy_protocol",
            ], in: section)
        if let name = plainName("name", section) { proxy.name = name }
        if draft.require("listen", in: section), let listen = draft.endpoints("listen", in: section) {
            proxy.listen = listen
        }
        if let n = draft.number("workers", in: section, 1...64) { proxy.workers = n }
        if let n = draft.number("connections_max", in: section, 1...1_000_000) { proxy.connectionsMax = n }
        if let t = draft.span("login_timeout", in: section, .milliseconds(100) ... .seconds(3600)) {
            proxy.loginTimeout = t
        }
        if let t = draft.span("client_timeout", in: section, .zero ... .seconds(30 * 86_400)) {
            proxy.clientTimeout = t
        }
        if let t = draft.span("client_lost_timeout", in: section, .seconds(1) ... .seconds(3600)) {
            proxy.clientLostTimeout = t
        }
        if let size = draft.size("memory_max", in: section, .mebibytes(16) ... .mebibytes(1 << 20)) {
            proxy.memoryMax = size.bytes
        }
        if let version = draft.text("server_version", in: section) {
            if version.utf8.count <= 64, version.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
                proxy.serverVersion = version
            } else {
                draft.fail(section, "server_version", "must be at most 64 printable ASCII characters")
            }
        }
        if let flag = draft.flag("proxy_protocol", in: section) { proxy.proxyProtocol = flag }
    }

    private mutating func nodes(agents: inout [Endpoint?]) -> [Node] {
        let header = "write one [[node]] with name and address for each"
        guard let tree = root["node"] else {
            draft.fail([], key: "node", "there is no node; \(header)")
            return []
        }
        guard case .array(let elements) = tree else {
            draft.fail(["node"], at: .key, key: "node", "nodes are a list; \(header)")
            return []
        }
        if elements.isEmpty { draft.fail(["node"], at: .key, key: "node", "there is no node; \(header)") }
        var nodes: [Node] = []
        for (i, element) in elements.enumerated() {
            let path = ["node", "#\(i)"]
            guard case .table(let entries) = element else {
                draft.fail(path, key: "node", "nodes are tables; \(header)")
                continue
            }
            let section = Section(path: path, name: "node", entries: entries)
            draft.expectOnly(["name", "address", "agent"], in: section)
            let hasName = draft.require("name", in: section)
            let hasAddress = draft.require("address", in: section)
            let name = hasName ? nodeName(section, unlike: nodes) : nil
            let endpoint = hasAddress ? draft.endpoint("address", in: section) : nil
            if let endpoint, let other = nodes.first(where: { $0.endpoint == endpoint }) {
                draft.fail(section, "address", "\(endpoint) is the address of \(other.name) already")
                continue
            }
            let agent = draft.endpoint("agent", in: section)
            if let name, let endpoint {
                nodes.append(Node(id: NodeID(nodes.count), name: name, endpoint: endpoint))
                agents.append(agent)
            }
        }
        return nodes
    }

    /// Names stand in tables, logs and the answers of the admin socket, where blanks and colons separate.
    private mutating func nodeName(_ section: Section, unlike nodes: [Node]) -> String? {
        guard let name = plainName("name", section) else { return nil }
        if nodes.contains(where: { $0.name == name }) {
            draft.fail(section, "name", "there is a node \"\(name)\" already")
            return nil
        }
        return name
    }

    private mutating func plainName(_ key: String, _ section: Section) -> String? {
        guard let name = draft.text(key, in: section) else { return nil }
        let isPlain = name.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isPlain, (1...64).contains(name.utf8.count) else {
            draft.fail(section, key, "must be at most 64 letters, digits, dots, dashes and underscores")
            return nil
        }
        return name
    }

    private mutating func health(
        _ section: Section, into health: inout Configuration.Health, secrets: some SecretSource
    ) {
        draft.expectOnly(
            ["user"] + Draft.secretKeys + [
                "interval", "fast_interval", "outage_interval", "probe_timeout", "primary_timeout", "rise", "fall",
                "accounts_refresh",
            ], in: section)
        if draft.require("user", in: section), let user = draft.text("user", in: section) { health.user = user }
        if let password = draft.secret(in: section, from: secrets) { health.password = password }
        let probing: ClosedRange<Instant.Span> = .milliseconds(10) ... .seconds(3600)
        if let t = draft.span("interval", in: section, probing) { health.interval = t }
        if let t = draft.span("fast_interval", in: section, probing) { health.fastInterval = t }
        if let t = draft.span("outage_interval", in: section, probing) { health.outageInterval = t }
        if let t = draft.span("probe_timeout", in: section, probing) { health.probeTimeout = t }
        if let t = draft.span("primary_timeout", in: section, probing) { health.primaryTimeout = t }
        if let n = draft.number("rise", in: section, 1...100) { health.rise = n }
        if let n = draft.number("fall", in: section, 1...100) { health.fall = n }
        if let t = draft.span("accounts_refresh", in: section, .milliseconds(100) ... .seconds(86_400)) {
            health.accountsRefresh = t
        }
    }

    private mutating func failover(_ section: Section, into failover: inout Configuration.Failover) {
        draft.expectOnly(
            ["hold_timeout", "drain_timeout", "release_concurrency", "connect_timeout", "node_timeout"], in: section)
        let day: ClosedRange<Instant.Span> = .zero ... .seconds(86_400)
        if let t = draft.span("hold_timeout", in: section, day) { failover.holdTimeout = t }
        if let t = draft.span("drain_timeout", in: section, day) { failover.drainTimeout = t }
        if let n = draft.number("release_concurrency", in: section, 1...10_000) { failover.releaseConcurrency = n }
        let reaction: ClosedRange<Instant.Span> = .milliseconds(100) ... .seconds(3600)
        if let t = draft.span("connect_timeout", in: section, reaction) { failover.connectTimeout = t }
        if let t = draft.span("node_timeout", in: section, reaction) { failover.nodeTimeout = t }
    }

    private mutating func users(_ section: Section, secrets: some SecretSource) -> [Configuration.User] {
        var users: [Configuration.User] = []
        for name in section.entries.keys.sorted() {
            switch section.entries[name] {
            case .text(let text):
                if let hash = Self.nativeHash(text) {
                    if !hash.isEmpty { draft.holdsSecret(section, name, secrets) }
                    users.append(Configuration.User(name: name, secret: .nativeHash(hash)))
                } else {
                    // The text is not repeated: it may well be somebody's password.
                    draft.fail(
                        section, name,
                        "must be a hash as MariaDB keeps it (\"*\" and 40 hexadecimal digits), or { password = \"…\" }")
                }
            case .table(let entries):
                let user = Section(path: section.path + [name], name: "users.\(name)", entries: entries)
                draft.expectOnly(Draft.secretKeys, in: user)
                if let password = draft.secret(in: user, from: secrets) {
                    users.append(Configuration.User(name: name, secret: .password(password)))
                }
            case .array, .integer, .boolean, .other, nil:
                draft.fail(section, name, "must be a hash in quotes, or { password = \"…\" }")
            }
        }
        return users
    }

    /// `*` and 40 hexadecimal digits, or nothing for an account without a password.
    private static func nativeHash(_ text: String) -> [UInt8]? {
        if text.isEmpty { return [] }
        let characters = Array(text.utf8)
        guard characters.count == 41, characters[0] == UInt8(ascii: "*") else { return nil }
        var hash: [UInt8] = []
        var high: UInt8?
        for character in characters.dropFirst() {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = character - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let upper = high {
                hash.append(upper << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return hash
    }

    private mutating func admin(
        _ section: Section, into admin: inout Configuration.Admin, secrets: some SecretSource
    ) {
        draft.expectOnly(
            [
                "socket", "socket_mode", "socket_user", "socket_group", "state_file", "level", "tcp", "tcp_level",
                "http",
            ] + Draft.httpTokenKeys, in: section)
        if let path = draft.text("socket", in: section) {
            if !path.hasPrefix("/") {
                draft.fail(section, "socket", "must be an absolute path")
            } else if path.utf8.count > 107 {
                draft.fail(section, "socket", "is longer than the 107 bytes that a socket's path may have")
            } else {
                admin.socket = path
            }
        }
        if let text = draft.text("socket_mode", in: section) {
            if let mode = UInt32(text, radix: 8), mode <= 0o777 {
                admin.socketMode = mode
            } else {
                draft.fail(
                    section, "socket_mode", "\"\(text)\" is no mode; write permission bits in octal, as \"0660\"")
            }
        }
        for (key, path) in [("socket_user", \Configuration.Admin.socketUser), ("socket_group", \.socketGroup)] {
            guard let name = draft.text(key, in: section) else { continue }
            if name.isEmpty {
                draft.fail(section, key, "must be a name or a number")
            } else {
                admin[keyPath: path] = name
            }
        }
        if let path = draft.text("state_file", in: section) {
            if path.hasPrefix("/") {
                admin.stateFile = path
            } else {
                draft.fail(section, "state_file", "must be an absolute path")
            }
        }
        if let level: Configuration.Admin.Level = draft.word("level", in: section) { admin.level = level }
        admin.tcp = draft.endpoint("tcp", in: section)
        if let level: Configuration.Admin.Level = draft.word("tcp_level", in: section) { admin.tcpLevel = level }
        admin.http = draft.endpoint("http", in: section)
        admin.httpToken = draft.httpToken(in: section, from: secrets)
        if let http = admin.http, !http.isLoopback, !draft.hasHTTPToken(in: section) {
            draft.fail(
                section, "http",
                "\(http) can be reached from other hosts; set http_token (or http_token_file), or listen on 127.0.0.1")
        }
        if Draft.letsEverybodyIn(admin.socketMode), admin.level != .user {
            draft.warn(
                section, "socket_mode",
                "everybody on this host may connect, as \"\(admin.level.rawValue)\"; write \"0660\" (and socket_group), "
                    + "or level = \"user\"")
        }
        if let tcp = admin.tcp, !tcp.isLoopback, admin.tcpLevel != .user {
            draft.warn(
                section, "tcp_level",
                "whoever reaches \(tcp) is \"\(admin.tcpLevel.rawValue)\" there, without a login; write \"user\", or let "
                    + "tcp listen on 127.0.0.1")
        }
    }
}
