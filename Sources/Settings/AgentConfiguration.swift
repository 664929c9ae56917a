import Cluster
import TOMLKit

/// What `haproxydb agent` reads: `[agent]`, `[cluster]` and `[log]` of a file that may hold the proxy's sections as
/// well. Every key with its default and its reason: `conf/agent.toml`.
public struct AgentConfiguration: Sendable, Hashable {
    /// The node's name as the cluster and the proxies' configuration give it.
    public var node = ""
    public var listen: [Endpoint] = [Endpoint(host: "0.0.0.0", port: 8405)]
    /// HAProxy's agent-check; nil: none.
    public var check: Endpoint?
    /// The same as an HTTP status; nil: none.
    public var http: Endpoint?
    public var socket = "/run/haproxydb/agent.sock"
    public var socketMode: UInt32 = 0o660
    /// DRBD's name of the resource; nil: the only one, or the first.
    public var drbdResource: String?
    public var resources = Resources()
    /// Where the cluster's database lies; nil: as the resources' own parameters say.
    public var pidFile: String?
    public var dataDirectory: String?
    public var databaseSocket: String?
    public var device: String?
    /// The program, and words before its own arguments (`sudo -n`).
    public var drbdsetup: [String] = ["/usr/sbin/drbdsetup"]
    /// The whole command, which must print XML; empty: crm_mon as this version of Pacemaker wants it.
    public var crmMon: [String] = []
    /// `{node}` stands for the node's name. Empty: crm_resource, as the cluster's version wants it.
    public var moveCommand: [String] = []
    public var clearCommand: [String] = []
    public var cluster = Configuration.Cluster()
    public var log = Configuration.Log()
    /// What works and should not stay so, in the order of the file.
    public var warnings: [ConfigurationWarning] = []

    /// What the cluster's resources are called.
    public struct Resources: Sendable, Hashable {
        public var drbd = "p_drbd_mysql"
        public var promotable = "ms_drbd_mysql"
        public var filesystem = "p_fs_mysql"
        public var address = "p_float_ip"
        public var database = "p_mysql"

        public init() {}
    }

    public init() {}

    public static func parse(
        _ text: String, file: String, secrets: some SecretSource
    ) throws(ConfigurationErrors) -> AgentConfiguration {
        let outline = try Outline(bounded: text, file: file)
        let root = try TOMLTree.root(of: text, file: file)
        var draft = Draft(file: file, outline: outline)
        var settings = draft.agent(root, secrets: secrets)
        try draft.check()
        settings.warnings = draft.warnings.sorted { $0.position < $1.position }
        return settings
    }
}

extension Draft {
    private static let others = ["proxy", "node", "health", "failover", "users", "admin", "availability"]

    fileprivate mutating func agent(_ root: [String: TOMLTree], secrets: some SecretSource) -> AgentConfiguration {
        let known = ["agent", "cluster", "log"] + Self.others
        for name in root.keys.sorted() where !known.contains(name) {
            let help =
                EditDistance.suggestion(for: name, among: known).map { "did you mean [\($0)]?" }
                ?? "there are: \(known.joined(separator: ", "))"
            fail([name], at: .key, key: name, "unknown section; \(help)")
        }
        var settings = AgentConfiguration()
        if let section = table("cluster", root) { settings.cluster = cluster(section, secrets: secrets) }
        if settings.cluster.key == nil, errors.isEmpty {
            fail([], key: "cluster.key", "is missing (or key_file, or key_env): agents and proxies share one")
        }
        if let section = table("log", root) {
            expectOnly(["level", "format"], in: section)
            if let level: Configuration.Log.Level = word("level", in: section) { settings.log.level = level }
            if let format: Configuration.Log.Format = word("format", in: section) { settings.log.format = format }
        }
        guard let section = table("agent", root) else {
            if root["agent"] == nil { fail([], key: "agent", "the section [agent] is missing") }
            return settings
        }
        agent(section, into: &settings)
        return settings
    }

    private mutating func agent(_ section: Section, into settings: inout AgentConfiguration) {
        expectOnly(
            [
                "node", "listen", "check", "http", "socket", "socket_mode", "drbd_resource", "drbd", "promotable",
                "filesystem", "address", "database", "pid_file", "datadir", "database_socket", "device", "drbdsetup",
                "crm_mon",
                "move_command", "clear_command",
            ], in: section)
        if require("node", in: section), let name = name("node", in: section) { settings.node = name }
        if let listen = endpoints("listen", in: section) { settings.listen = listen }
        settings.check = endpoint("check", in: section)
        settings.http = endpoint("http", in: section)
        if let path = text("socket", in: section) {
            if path.hasPrefix("/"), path.utf8.count <= 107 {
                settings.socket = path
            } else {
                fail(section, "socket", "must be an absolute path of at most 107 bytes")
            }
        }
        if let text = text("socket_mode", in: section) {
            if let mode = UInt32(text, radix: 8), mode <= 0o777 {
                settings.socketMode = mode
            } else {
                fail(section, "socket_mode", "\"\(text)\" is no mode; write permission bits in octal, as \"0660\"")
            }
        }
        if Self.letsEverybodyIn(settings.socketMode) {
            warn(section, "socket_mode", "everybody on this host may connect, and pause the proxies; write \"0660\"")
        }
        settings.drbdResource = name("drbd_resource", in: section)
        if let name = name("drbd", in: section) { settings.resources.drbd = name }
        if let name = name("promotable", in: section) { settings.resources.promotable = name }
        if let name = name("filesystem", in: section) { settings.resources.filesystem = name }
        if let name = name("address", in: section) { settings.resources.address = name }
        if let name = name("database", in: section) { settings.resources.database = name }
        settings.pidFile = path("pid_file", in: section)
        settings.dataDirectory = path("datadir", in: section)
        settings.databaseSocket = path("database_socket", in: section)
        settings.device = path("device", in: section)
        if let words = words("drbdsetup", in: section), !words.isEmpty { settings.drbdsetup = words }
        if let words = words("crm_mon", in: section) { settings.crmMon = words }
        if let words = words("move_command", in: section) { settings.moveCommand = words }
        if let words = words("clear_command", in: section) { settings.clearCommand = words }
        if !settings.moveCommand.isEmpty, !settings.moveCommand.contains("{node}") {
            fail(section, "move_command", "must have the word \"{node}\", which the node's name replaces")
        }
        let commands = [
            ("drbdsetup", settings.drbdsetup), ("crm_mon", settings.crmMon), ("move_command", settings.moveCommand),
            ("clear_command", settings.clearCommand),
        ]
        for (key, command) in commands {
            if let program = command.first, !program.hasPrefix("/") {
                fail(section, key, "must begin with the program's absolute path")
            }
        }
    }

    /// Names of the cluster stand in commands and messages.
    private mutating func name(_ key: String, in section: Section) -> String? {
        guard let text = text(key, in: section) else { return nil }
        guard NodeName.isValid(text) else {
            fail(section, key, "must be at most 64 letters, digits, dots, dashes, colons and underscores")
            return nil
        }
        return text
    }

    private mutating func path(_ key: String, in section: Section) -> String? {
        guard let text = text(key, in: section) else { return nil }
        guard text.hasPrefix("/") else {
            fail(section, key, "must be an absolute path")
            return nil
        }
        return text
    }

    private mutating func words(_ key: String, in section: Section) -> [String]? {
        guard let tree = section.entries[key] else { return nil }
        guard case .array(let elements) = tree else {
            fail(section, key, "must be an array of words ([\"/usr/sbin/crm_resource\", \"--move\"]), not \(tree.kind)")
            return nil
        }
        var words: [String] = []
        for (i, element) in elements.enumerated() {
            guard case .text(let word) = element else {
                fail(section.path + [key, "#\(i)"], key: "\(section.name).\(key)", "must hold words in quotes")
                continue
            }
            words.append(word)
        }
        return words
    }

    private mutating func table(_ name: String, _ root: [String: TOMLTree]) -> Section? {
        guard let tree = root[name] else { return nil }
        guard case .table(let entries) = tree else {
            fail([name], at: .key, key: name, "must be a section, [\(name)], not \(tree.kind)")
            return nil
        }
        return Section(path: [name], name: name, entries: entries)
    }
}

extension Draft {
    /// Throws all that was noted, in the order of the file.
    func check() throws(ConfigurationErrors) {
        guard !errors.isEmpty else { return }
        let ordered = errors.enumerated().sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }
        throw ConfigurationErrors(ordered.map(\.element))
    }
}

extension Outline {
    /// A configuration of two nodes has 5 KB.
    static let bytesMax = 1 << 20

    /// To be made before the library reads the text.
    init(bounded text: String, file: String) throws(ConfigurationErrors) {
        func refusal(_ position: Position, _ message: String) -> ConfigurationErrors {
            ConfigurationErrors([ConfigurationError(file: file, position: position, key: "", message: message)])
        }
        guard text.utf8.count <= Self.bytesMax else {
            throw refusal(Position(line: 1, column: 1), "has more than \(Self.bytesMax) bytes")
        }
        self.init(text)
        if let fault { throw refusal(fault.position, fault.message) }
    }
}

extension TOMLTree {
    /// - Parameter text: one that has an outline.
    static func root(of text: String, file: String) throws(ConfigurationErrors) -> [String: TOMLTree] {
        let start = Position(line: 1, column: 1)
        let tree: TOMLTree
        do {
            tree = try TOMLTree.parse(text)
        } catch let error as TOMLParseError {
            let position = Position(line: error.source.begin.line, column: error.source.begin.column)
            throw ConfigurationErrors([
                ConfigurationError(file: file, position: position, key: "", message: error.description)
            ])
        } catch {
            throw ConfigurationErrors([ConfigurationError(file: file, position: start, key: "", message: "\(error)")])
        }
        guard case .table(let root) = tree else {
            throw ConfigurationErrors([
                ConfigurationError(file: file, position: start, key: "", message: "there are no sections")
            ])
        }
        return root
    }
}
