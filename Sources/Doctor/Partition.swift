import Cluster
import Health

/// What happens when the nodes lose sight of each other.
enum Partition {
    static func fencing(_ facts: Facts) -> [Finding] {
        guard let configuration = facts.configuration.value else { return [] }
        let lines = ClusterLines(shell: facts.shell)
        let isEnabled = configuration.isOn("stonith-enabled") ?? true
        // Nodes that reset themselves by a watchdog (SBD) need no device.
        let hasWatchdog =
            configuration.isOn("have-watchdog") == true
            && (configuration.properties["stonith-watchdog-timeout"] ?? "0") != "0"
        let hasDevice = !configuration.fences.isEmpty || hasWatchdog
        let device =
            (facts.shell == .crmsh
                ? "crm configure primitive f_NODE stonith:fence_ipmilan params pcmk_host_list=NODE ip=… username=… password=…"
                : "pcs stonith create f_NODE fence_ipmilan pcmk_host_list=NODE ip=… username=… password=…")
            + "    # one for each node, of its hardware's kind"
        if !isEnabled {
            return [
                Finding(
                    .fencing, .critical, "cluster", saving: .data,
                    saves:
                        "what one side writes when the nodes lose sight of each other: both promote, both take writes, and "
                        + "one side's are thrown away",
                    evidence: "CIB: stonith-enabled=false"
                        + (hasDevice ? "" : ", and no fence device is configured"),
                    remedy: (hasDevice ? [] : [device]) + [lines.property("stonith-enabled", "true")])
            ]
        }
        guard !hasDevice else { return [] }
        return [
            Finding(
                .fencing, .critical, "cluster", saving: .service,
                saves: "the failover itself: without a device Pacemaker waits for ever for the lost node to be fenced",
                evidence: "CIB: stonith-enabled is true, and no resource of class stonith is there", remedy: [device])
        ]
    }

    static func quorumPolicy(_ facts: Facts) -> [Finding] {
        guard let configuration = facts.configuration.value else { return [] }
        let lines = ClusterLines(shell: facts.shell)
        let policy = configuration.properties["no-quorum-policy"] ?? "stop"
        let isTwoNode = facts.corosync.value?.isTwoNode
        if policy == "ignore" {
            return [
                Finding(
                    .quorumPolicy, .warning, "cluster", saving: .data,
                    saves: "writes on both sides of a cut: a node without quorum goes on as if it had it",
                    evidence: "CIB: no-quorum-policy=ignore"
                        + (isTwoNode == true
                            ? "; corosync's two_node gives a lone node its quorum, when it is due, by itself" : ""),
                    remedy: (isTwoNode == true ? [] : ["/etc/corosync/corosync.conf: quorum { two_node: 1 }"])
                        + [lines.property("no-quorum-policy", "stop")])
            ]
        }
        // A lone node of two never has quorum unless corosync is told that there are two.
        guard configuration.nodes.count == 2, isTwoNode == false, policy == "stop" || policy == "suicide" else {
            return []
        }
        return [
            Finding(
                .quorumPolicy, .critical, "cluster", saving: .service,
                saves: "the failover itself: when one node goes the other has no quorum, and stops everything",
                evidence: "CIB: two nodes, no-quorum-policy=\(policy); corosync: two_node is not set",
                remedy: ["/etc/corosync/corosync.conf: quorum { two_node: 1 }", "corosync-cfgtool -R"])
        ]
    }
}
