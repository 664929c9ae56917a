import Health

/// What makes the database, or the proxy's address, move when it need not.
enum Placement {
    /// Of everything that moves with the database: Pacemaker adds up what a group's members have. A clone's instances
    /// have 1 of their own where nothing is set.
    private static func stickiness(_ configuration: ClusterConfiguration) -> Int {
        let together = configuration.databases + configuration.filesystems + configuration.addresses
        return together.reduce(0) { $0 + ($1.score("resource-stickiness") ?? 0) }
    }

    static func stickiness(_ facts: Facts) -> [Finding] {
        guard let configuration = facts.configuration.value, let database = configuration.databases.first else {
            return []
        }
        let sum = stickiness(configuration)
        let parts = configuration.databaseParts
        let pulls = configuration.locations.filter {
            parts.contains($0.resource) && $0.score > sum && $0.score > 0 && $0.node != nil
        }
        let lines = ClusterLines(shell: facts.shell)
        guard sum <= 0 || !pulls.isEmpty else { return [] }
        let pull = pulls.map {
            "\($0.id) prefers \($0.node ?? "a node") by \($0.score >= 1_000_000 ? "INFINITY" : "\($0.score)")"
        }
        var remedy = sum <= 0 ? [lines.defaults("resource-stickiness", "200")] : []
        remedy += pulls.filter { $0.score > max(sum, 200) }.map {
            lines.delete(constraint: $0.id) + "    # or a score below the stickiness"
        }
        return [
            Finding(
                .stickiness, .warning, database.group ?? database.id, saving: .time(.seconds(20)),
                saves: "the second outage of each failover: the database moves back as soon as the failed node returns "
                    + "(some 20 s here again)",
                evidence: "CIB: resource-stickiness of what moves together adds up to \(sum)"
                    + (pull.isEmpty ? ", Pacemaker's default" : "; " + pull.joined(separator: "; ")),
                remedy: remedy)
        ]
    }

    /// The proxy's address, pushed away from the database by more than it sticks.
    static func proxyApart(_ facts: Facts) -> [Finding] {
        guard let configuration = facts.configuration.value else { return [] }
        let parts = configuration.databaseParts
        return configuration.colocations.compactMap { colocation in
            guard colocation.score < 0, parts.contains(colocation.with), !parts.contains(colocation.resource),
                let address = configuration.resources.first(where: {
                    ($0.id == colocation.resource || $0.group == colocation.resource) && $0.type == "IPaddr2"
                }), -colocation.score > address.score("resource-stickiness") ?? 0
            else { return nil }
            let stickiness = address.score("resource-stickiness") ?? 0
            return Finding(
                .proxyApart, .warning, colocation.id, saving: .errors,
                saves:
                    "every client's session, in each planned move and again when the node returns: the address changes "
                    + "its place with the database, and sessions live in one proxy's process",
                evidence:
                    "CIB: \(colocation.id) pushes \(address.id) off \(colocation.with) by \(-colocation.score), more than "
                    + "its resource-stickiness of \(stickiness)",
                remedy: [ClusterLines(shell: facts.shell).delete(constraint: colocation.id)])
        }
    }
}
