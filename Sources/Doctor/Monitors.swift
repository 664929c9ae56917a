import Cluster
import Health

/// How soon Pacemaker notices that something has died.
enum Monitors {
    private typealias Resource = ClusterConfiguration.Resource

    /// What a part of the database may take, and what it should.
    private struct Bound {
        var resource: Resource
        var role: String?
        var intervalMax: Instant.Span
        var interval: Instant.Span
        var timeout: Instant.Span
        /// What dies unseen.
        var what: String

        var name: String { role.map { "\(resource.id) (\($0))" } ?? resource.id }
    }

    private static func bounds(_ configuration: ClusterConfiguration) -> [Bound] {
        configuration.databases.map {
            Bound(
                resource: $0, role: nil, intervalMax: .seconds(5), interval: .seconds(2), timeout: .seconds(30),
                what: "a mariadbd that dies alone")
        }
            + configuration.filesystems.map {
                Bound(
                    resource: $0, role: nil, intervalMax: .seconds(60), interval: .seconds(20), timeout: .seconds(40),
                    what: "a file system that went read-only or was unmounted")
            }
            + configuration.addresses.map {
                Bound(
                    resource: $0, role: nil, intervalMax: .seconds(60), interval: .seconds(5), timeout: .seconds(20),
                    what: "an address that somebody took away")
            }
            + configuration.replications.flatMap { resource in
                ["Promoted", "Unpromoted"].map { role in
                    Bound(
                        resource: resource, role: role, intervalMax: .seconds(60),
                        // Two checks of one name must differ in their intervals.
                        interval: .seconds(role == "Promoted" ? 29 : 31), timeout: .seconds(20),
                        what: role == "Promoted"
                            ? "a DRBD Primary that lost its disk or its role" : "a DRBD Secondary that fell out")
                }
            }
    }

    static func missing(_ facts: Facts) -> [Finding] {
        guard let configuration = facts.configuration.value else { return [] }
        let lines = ClusterLines(shell: facts.shell)
        return bounds(configuration).filter { $0.resource.monitors($0.role).isEmpty }.map { bound in
            let isDatabase = bound.resource.type != "drbd" && bound.resource.type != "IPaddr2"
            return Finding(
                .monitorMissing, isDatabase ? .critical : .warning, bound.name, saving: .service,
                saves: "the whole outage: nobody would notice \(bound.what), until somebody comes",
                evidence: "CIB: \(bound.resource.id) has no op monitor with an interval"
                    + (bound.role.map { " for the role \($0)" } ?? ""),
                remedy: [
                    lines.add(
                        bound.resource.id, "monitor", interval: bound.interval, timeout: bound.timeout, role: bound.role
                    )
                ])
        }
    }

    static func interval(_ facts: Facts) -> [Finding] {
        guard let configuration = facts.configuration.value else { return [] }
        let lines = ClusterLines(shell: facts.shell)
        return bounds(configuration).compactMap { bound in
            guard let quickest = bound.resource.monitors(bound.role).min(by: { $0.interval < $1.interval }),
                quickest.interval > bound.intervalMax
            else { return nil }
            let saved = half(quickest.interval) - half(bound.interval)
            return Finding(
                .monitorInterval, .warning, bound.name, saving: .time(saved),
                saves: "about \(saved) of each failover that begins with \(bound.what)",
                evidence:
                    "CIB: op monitor interval=\(pacemaker(quickest.interval)): noticed after half of it on average "
                    + "(\(half(quickest.interval))), after all of it at worst; with \(pacemaker(bound.interval)) after "
                    + "\(half(bound.interval))",
                remedy: [lines.set(bound.resource, quickest, "interval", bound.interval)])
        }
    }

    static let timeoutMin = Instant.Span.seconds(10)
    static let timeoutMax = Instant.Span.seconds(60)
    /// Pacemaker's own, where neither the operation nor the defaults say.
    static let timeoutDefault = Instant.Span.seconds(20)

    static func timeout(_ facts: Facts) -> [Finding] {
        guard let configuration = facts.configuration.value else { return [] }
        let lines = ClusterLines(shell: facts.shell)
        return configuration.databases.flatMap { resource in
            resource.monitors().compactMap { monitor -> Finding? in
                let timeout = monitor.timeout ?? timeoutDefault
                if timeout > timeoutMax {
                    return Finding(
                        .monitorTimeout, .warning, resource.id, saving: .time(timeout - .seconds(30)),
                        saves: "\(timeout - .seconds(30)) of each failover that begins with a mariadbd that hangs",
                        evidence: "CIB: op monitor timeout=\(pacemaker(timeout)): a check of a server that hangs fails "
                            + "after that, \(half(monitor.interval) + timeout) after the hang on average; with 30s after "
                            + "\(half(monitor.interval) + .seconds(30))",
                        remedy: [lines.set(resource, monitor, "timeout", .seconds(30))])
                }
                guard timeout < timeoutMin else { return nil }
                return Finding(
                    .monitorTimeout, .warning, resource.id, saving: .errors,
                    saves:
                        "failovers for nothing: a busy host or a replication link that is cut (DRBD holds writes for "
                        + "6 to 14 s, and they go on) outlasts the check",
                    evidence: "CIB: op monitor timeout=\(pacemaker(timeout))",
                    remedy: [lines.set(resource, monitor, "timeout", .seconds(30))])
            }
        }
    }
}
