import Cluster

extension Configuration {
    /// `[cluster]`: how proxies and agents know each other, and how a switchover goes.
    public struct Cluster: Sendable, Hashable {
        /// The secret that agents and proxies share; nil where there is none.
        public var key: String?
        /// How long sessions may finish their transactions before a switchover is given up.
        public var drainTimeout: Instant.Span = .seconds(10)
        /// How long the cluster may take to move before a switchover is given up.
        public var moveTimeout: Instant.Span = .seconds(60)
        /// A pause that an agent asked for ends after this, whatever else happens.
        public var pauseMax: Instant.Span = .seconds(120)

        /// Of an agent: whether it tells the cluster that the database has died on its node.
        public var reportsFailures = false
        /// The same of a server that has given no greeting for so long; nil: never.
        public var hangLimit: Instant.Span?

        public static let keyMin = 16

        public init() {}
    }
}

extension Draft {
    static let keyKeys = ["key", "key_file", "key_env"]

    mutating func cluster(_ section: Section, secrets: some SecretSource) -> Configuration.Cluster {
        var cluster = Configuration.Cluster()
        expectOnly(
            Self.keyKeys + ["drain_timeout", "move_timeout", "pause_max", "report_failures", "hang_limit"], in: section)
        cluster.key = key(in: section, from: secrets)
        let range: ClosedRange<Instant.Span> = .milliseconds(100) ... .seconds(3600)
        if let t = span("drain_timeout", in: section, range) { cluster.drainTimeout = t }
        if let t = span("move_timeout", in: section, range) { cluster.moveTimeout = t }
        if let t = span("pause_max", in: section, range) { cluster.pauseMax = t }
        if let flag = flag("report_failures", in: section) { cluster.reportsFailures = flag }
        cluster.hangLimit = span("hang_limit", in: section, .seconds(5) ... .seconds(3600))
        return cluster
    }

    /// `key`, `key_file` or `key_env`: one of them, or none.
    private mutating func key(in section: Section, from source: some SecretSource) -> String? {
        let given = Self.keyKeys.filter { section.entries[$0] != nil }
        guard let name = given.first else { return nil }
        for other in given.dropFirst() {
            fail(section, other, at: .key, "there is \(name) already; only one of the two can hold the key")
        }
        guard let text = text(name, in: section) else { return nil }
        var key = text
        if name == "key" {
            holdsSecret(section, name, source)
        } else {
            let place = name == "key_file" ? SecretPlace.file(text) : .environment(text)
            readsSecret(section, name, at: place, source)
            do {
                key = try source.secret(at: place)
            } catch {
                fail(section, name, "the key can't be read from \"\(text)\": \(error.reason)")
                return nil
            }
        }
        // Whoever only looks up another setting reads no secrets.
        guard key.utf8.count >= Configuration.Cluster.keyMin || (key.isEmpty && name != "key") else {
            fail(
                section, name,
                "must have at least \(Configuration.Cluster.keyMin) bytes; make one with `openssl rand -hex 32`")
            return nil
        }
        return key
    }
}
