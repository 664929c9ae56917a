import Cluster
import Health

/// Which of the cluster's resources are what, by their agents.
extension ClusterConfiguration {
    private static let databaseTypes: Set = ["mysql", "mariadb", "mysqld", "galera", "mariadb-server"]

    var databases: [Resource] { resources.filter { Self.databaseTypes.contains($0.type) && !$0.isFence } }
    var replications: [Resource] { resources.filter { $0.type == "drbd" } }
    /// Under a database, or on DRBD.
    var filesystems: [Resource] {
        let groups = Set(databases.compactMap(\.group))
        return resources.filter {
            $0.type == "Filesystem"
                && ($0.group.map(groups.contains) ?? false || $0.parameters["device"]?.contains("drbd") == true)
        }
    }
    /// In a database's group.
    var addresses: [Resource] {
        let groups = Set(databases.compactMap(\.group))
        return resources.filter { $0.type == "IPaddr2" && ($0.group.map(groups.contains) ?? false) }
    }
    var fences: [Resource] { resources.filter(\.isFence) }

    /// What stays together with the database and moves with it: the primitives, their groups and clones.
    var databaseParts: Set<String> {
        var parts: Set<String> = []
        for resource in databases + replications + filesystems + addresses {
            parts.insert(resource.id)
            if let group = resource.group { parts.insert(group) }
            if let clone = resource.clone { parts.insert(clone) }
        }
        return parts
    }

    func isOn(_ property: String) -> Bool? {
        properties[property].map { ["true", "on", "yes", "y", "1"].contains($0.lowercased()) }
    }
}

extension ClusterConfiguration.Resource {
    /// `mysql` of `ocf:heartbeat:mysql`.
    var type: String { agent.split(separator: ":").last.map(String.init) ?? agent }
    var isFence: Bool { agent.hasPrefix("stonith:") }

    /// The repeated checks, for a promoted or an unpromoted instance, or for any.
    func monitors(_ role: String? = nil) -> [ClusterConfiguration.Operation] {
        operations.filter { $0.name == "monitor" && $0.interval > .zero && Self.fits($0.role, role) }
    }

    /// A check without a role is done in each but Stopped; in Pacemaker's words `Started` and `Unpromoted` are one.
    private static func fits(_ said: String?, _ role: String?) -> Bool {
        switch (said, role) {
        case ("Stopped", _): false
        case (nil, _), (_, nil): true
        case ("Started", "Unpromoted"): true
        case (let said?, let role?): said == role
        }
    }

    func operation(_ name: String) -> ClusterConfiguration.Operation? { operations.first { $0.name == name } }

    /// The number that Pacemaker reads in a meta attribute; nil where none is set.
    func score(_ name: String) -> Int? {
        switch meta[name] {
        case nil: nil
        case "INFINITY"?, "+INFINITY"?: 1_000_000
        case "-INFINITY"?: -1_000_000
        case let word?: Int(word).map { min(max($0, -1_000_000), 1_000_000) }
        }
    }
}

/// Lines that change a cluster, in the words of the tool that is there. Those for crmsh were tried with crmsh 4.4, those
/// for pcs are its manual's.
struct ClusterLines {
    let shell: Facts.Shell

    func set(
        _ resource: ClusterConfiguration.Resource, _ operation: ClusterConfiguration.Operation, _ key: String,
        _ value: Instant.Span
    ) -> String {
        switch shell {
        case .crmsh:
            // Where there are several of the name, crmsh wants the interval as it stands in the operation's id.
            let many = resource.operations.count { $0.name == operation.name } > 1
            let prefix = "\(resource.id)-\(operation.name)-"
            let interval = operation.id.hasPrefix(prefix) ? operation.id.dropFirst(prefix.count) + "." : ""
            return
                "crm configure set \(resource.id).\(operation.name).\(many ? interval : "")\(key) \(pacemaker(value))"
        case .pcs:
            let role = operation.role.map { " role=\($0)" } ?? ""
            let interval =
                key == "interval" || operation.interval == .zero ? "" : " interval=\(pacemaker(operation.interval))"
            return
                "pcs resource update \(resource.id) op \(operation.name)\(interval) \(key)=\(pacemaker(value))\(role)"
        }
    }

    func add(
        _ resource: String, _ operation: String, interval: Instant.Span?, timeout: Instant.Span, role: String? = nil
    ) -> String {
        switch (shell, interval) {
        case (.crmsh, let interval?):
            "crm configure monitor \(resource)\(role.map { ":\($0)" } ?? "") \(pacemaker(interval)):\(pacemaker(timeout))"
        case (.crmsh, nil):
            "crm configure edit \(resource)    # add: op \(operation) timeout=\(pacemaker(timeout)) interval=0"
        case (.pcs, let interval):
            "pcs resource op add \(resource) \(operation)\(interval.map { " interval=\(pacemaker($0))" } ?? "")"
                + " timeout=\(pacemaker(timeout))\(role.map { " role=\($0)" } ?? "")"
        }
    }

    func property(_ name: String, _ value: String) -> String {
        shell == .crmsh ? "crm configure property \(name)=\(value)" : "pcs property set \(name)=\(value)"
    }

    func defaults(_ name: String, _ value: String) -> String {
        shell == .crmsh
            ? "crm configure rsc_defaults \(name)=\(value)" : "pcs resource defaults update \(name)=\(value)"
    }

    func meta(_ resource: String, _ name: String, _ value: String) -> String {
        shell == .crmsh
            ? "crm resource meta \(resource) set \(name) \(value)" : "pcs resource meta \(resource) \(name)=\(value)"
    }

    func delete(constraint id: String) -> String {
        shell == .crmsh ? "crm configure delete \(id)" : "pcs constraint delete \(id)"
    }

    func cleanup(_ resource: String) -> String {
        shell == .crmsh ? "crm resource cleanup \(resource)" : "pcs resource cleanup \(resource)"
    }

    func online(_ node: String) -> String {
        shell == .crmsh ? "crm node online \(node)" : "pcs node unstandby \(node)"
    }
}

/// As Pacemaker reads it.
func pacemaker(_ span: Instant.Span) -> String {
    span.milliseconds % 1000 == 0 ? "\(span.milliseconds / 1000)s" : "\(span.milliseconds)ms"
}

func half(_ span: Instant.Span) -> Instant.Span { Instant.Span(nanoseconds: span.nanoseconds / 2) }
