import Cluster
import Health

/// What Pacemaker does after something failed.
enum Recovery {
    /// The times that the agents' own meta-data advise, for what a failover needs.
    private static let advised: [(type: String, operations: [(name: String, timeout: Int64)])] = [
        ("mysql", [("start", 120), ("stop", 120)]),
        ("mariadb", [("start", 120), ("stop", 120)]),
        ("Filesystem", [("start", 60), ("stop", 60)]),
        ("drbd", [("start", 240), ("promote", 90), ("demote", 90), ("stop", 100)]),
    ]

    static func timeouts(_ facts: Facts) -> [Finding] {
        guard let configuration = facts.configuration.value else { return [] }
        let lines = ClusterLines(shell: facts.shell)
        let parts = configuration.databases + configuration.filesystems + configuration.replications
        return parts.compactMap { resource in
            guard let advised = advised.first(where: { $0.type == resource.type }) else { return nil }
            var short: [String] = []
            var remedy: [String] = []
            for (name, seconds) in advised.operations {
                let operation = resource.operation(name)
                let inherited = configuration.operationDefaults["timeout"].flatMap { Instant.Span(pacemaker: $0) }
                let timeout = operation?.timeout ?? inherited ?? Monitors.timeoutDefault
                guard timeout < .seconds(seconds) else { continue }
                let own = operation?.timeout == nil && inherited == nil ? " (Pacemaker's default)" : ""
                short.append("\(name) \(pacemaker(timeout))\(own), advised \(seconds)s")
                remedy.append(
                    operation.map { lines.set(resource, $0, "timeout", .seconds(seconds)) }
                        ?? lines.add(resource.id, name, interval: nil, timeout: .seconds(seconds)))
            }
            guard !short.isEmpty else { return nil }
            return Finding(
                .operationTimeout, .warning, resource.id, saving: .service,
                saves:
                    "the service, when an operation takes longer than usual: a start that is cut off (InnoDB's recovery, "
                    + "a file system's check) bars the node, a stop that is cut off has it fenced or blocks all",
                evidence: "CIB: op timeout of \(short.joined(separator: "; "))", remedy: remedy)
        }
    }

    static func threshold(_ facts: Facts) -> [Finding] {
        guard let configuration = facts.configuration.value else { return [] }
        return configuration.databases.compactMap { resource in
            let threshold = resource.score("migration-threshold") ?? 0
            guard threshold <= 0 || threshold >= 1_000_000 else { return nil }
            return Finding(
                .migrationThreshold, .warning, resource.id, saving: .service,
                saves:
                    "an outage without end: a server that dies again and again is started again in the same place, and "
                    + "never on the other node",
                evidence: "CIB: migration-threshold is \(threshold <= 0 ? "not set, which means" : "") INFINITY for "
                    + "\(resource.id)",
                remedy: [
                    ClusterLines(shell: facts.shell).defaults("migration-threshold", "3")
                        + "    # 1: the other node at once"
                ])
        }
    }

    static func failureTimeout(_ facts: Facts) -> [Finding] {
        guard let configuration = facts.configuration.value else { return [] }
        return configuration.databases.compactMap { resource in
            let threshold = resource.score("migration-threshold") ?? 0
            guard threshold > 0, threshold < 1_000_000 else { return nil }
            let timeout = resource.meta["failure-timeout"].flatMap { Instant.Span(pacemaker: $0) } ?? .zero
            guard timeout == .zero else { return nil }
            return Finding(
                .failureTimeout, .warning, resource.id, saving: .service,
                saves:
                    "the failover after the next one: a node on which it failed \(threshold == 1 ? "once" : "\(threshold) times") "
                    + "is barred until somebody cleans up, and when both are there is no database",
                evidence: "CIB: migration-threshold=\(threshold), failure-timeout is not set for \(resource.id)",
                remedy: [ClusterLines(shell: facts.shell).defaults("failure-timeout", "600s")])
        }
    }
}
