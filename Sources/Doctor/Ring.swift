import Cluster
import Health

/// How soon a node's loss is declared, and on what it depends.
enum Ring {
    static let tokenMin = Instant.Span.seconds(1)
    static let tokenMax = Instant.Span.seconds(3)

    static func token(_ facts: Facts) -> [Finding] {
        guard let corosync = facts.corosync.value, let token = corosync.token, let declared = corosync.declaredAfter
        else {
            return []
        }
        let remedy = [
            "/etc/corosync/corosync.conf, on each node: totem { token: 3000 }", "corosync-cfgtool -R",
        ]
        if token > tokenMax {
            let wanted = CorosyncSettings(token: tokenMax).declaredAfter ?? tokenMax
            return [
                Finding(
                    .corosyncToken, .warning, "corosync", saving: .time(declared - wanted),
                    saves: "\(declared - wanted) of each failover after a power cut or a dead host",
                    evidence:
                        "corosync: token \(token.milliseconds) ms; a node's loss is declared after token + consensus, "
                        + "\(declared); with 3000 ms after \(wanted)",
                    remedy: remedy)
            ]
        }
        guard token < tokenMin else { return [] }
        return [
            Finding(
                .corosyncToken, .warning, "corosync", saving: .errors,
                saves: "false alarms: a busy host, or a virtual machine that is moved, is declared lost",
                evidence: "corosync: token \(token.milliseconds) ms; a node's loss is declared after \(declared)",
                remedy: remedy)
        ]
    }

    static func links(_ facts: Facts) -> [Finding] {
        guard let links = facts.corosync.value?.links, links < 2 else { return [] }
        return [
            Finding(
                .corosyncLinks, .warning, "corosync", saving: .service,
                saves:
                    "a split cluster (or a node that is fenced) for one cable or switch: the nodes have one link only",
                evidence: "corosync: nodelist has ring0_addr alone",
                remedy: ["/etc/corosync/corosync.conf, in each node { }: ring1_addr: ADDRESS ON ANOTHER NETWORK"])
        ]
    }

    static func waitForAll(_ facts: Facts) -> [Finding] {
        guard let corosync = facts.corosync.value, corosync.isTwoNode == true, corosync.waitsForAll == false else {
            return []
        }
        return [
            Finding(
                .waitForAll, .warning, "corosync", saving: .data,
                saves: "what the other node wrote last: a node that starts alone promotes its own data, however old",
                evidence: "corosync: quorum { two_node: 1, wait_for_all: 0 }",
                remedy: ["/etc/corosync/corosync.conf: remove wait_for_all: 0 (two_node has it by itself)"])
        ]
    }
}
