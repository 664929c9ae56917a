import Health

/// Whether the cluster could do something now.
enum Readiness {
    static func unmanaged(_ facts: Facts) -> [Finding] {
        guard let view = facts.cluster.value else { return [] }
        let lines = ClusterLines(shell: facts.shell)
        let saves = "the failover: Pacemaker looks on and does nothing"
        if view.isInMaintenance == true {
            return [
                Finding(
                    .unmanaged, .critical, "cluster", saving: .service, saves: saves,
                    evidence: "crm_mon: maintenance-mode=true", remedy: [lines.property("maintenance-mode", "false")])
            ]
        }
        var findings = view.nodes.filter(\.isInMaintenance).map { node in
            Finding(
                .unmanaged, .critical, node.name, saving: .service, saves: saves,
                evidence: "crm_mon: node \(node.name) is in maintenance",
                remedy: [
                    facts.shell == .crmsh ? "crm node ready \(node.name)" : "pcs node unmaintenance \(node.name)"
                ])
        }
        let nodes = Set(findings.map(\.subject))
        var told: Set<String> = []
        for resource in view.resources
        where !resource.isManaged && !resource.nodes.contains(where: nodes.contains)
            && told.insert(resource.id).inserted
        {
            findings.append(
                Finding(
                    .unmanaged, .critical, resource.id, saving: .service, saves: saves,
                    evidence: "crm_mon: \(resource.id) is not managed",
                    remedy: [
                        facts.shell == .crmsh
                            ? "crm resource manage \(resource.id)" : "pcs resource manage \(resource.id)"
                    ]))
        }
        return findings
    }

    static func standby(_ facts: Facts) -> [Finding] {
        guard let view = facts.cluster.value else { return [] }
        let able = view.nodes.filter { $0.isOnline && !$0.isStandby && !$0.isUnclean && !$0.isPending }
        guard able.count < 2 else { return [] }
        let others = view.nodes.filter { node in !able.contains { $0.name == node.name } }
        let states = others.map { node in
            "\(node.name) is \(node.isUnclean ? "unclean" : !node.isOnline ? "offline" : node.isPending ? "joining" : "in standby")"
        }
        return [
            Finding(
                .standbyMissing, .critical, others.first?.name ?? "cluster", saving: .service,
                saves: "the failover: there is no node that could take over",
                evidence: "crm_mon: " + (states.isEmpty ? "one node" : states.joined(separator: ", ")),
                remedy: others.map { node in
                    node.isStandby
                        ? ClusterLines(shell: facts.shell).online(node.name)
                        : "on \(node.name): systemctl start corosync pacemaker"
                })
        ]
    }

    static func barred(_ facts: Facts) -> [Finding] {
        guard let view = facts.cluster.value else { return [] }
        return view.failCounts.compactMap { count in
            let limit = count.migrationThreshold ?? 1_000_000
            guard count.count >= limit else { return nil }
            return Finding(
                .barredNode, .warning, "\(count.resource) on \(count.node)", saving: .service,
                saves: "the next failover: \(count.resource) may not be started on \(count.node)",
                evidence: "crm_mon: fail-count=\(count.count >= 1_000_000 ? "INFINITY" : "\(count.count)")"
                    + (count.migrationThreshold.map { ", migration-threshold=\($0)" } ?? ""),
                remedy: [ClusterLines(shell: facts.shell).cleanup(count.resource)])
        }
    }
}
