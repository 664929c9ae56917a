import Cluster

/// What other balancers are told of a node, from its own report.
public enum CheckAnswer: Sendable, Hashable {
    /// Takes statements.
    case up
    /// Is being emptied: the cluster has it in standby.
    case drain
    /// The cluster manages nothing, and this node is not the one that writes.
    case maintenance
    case down(String)

    /// - Parameter report: nil while nothing has been observed yet, or not for too long.
    public init(_ report: NodeReport?) {
        guard let report else {
            self = .down("nothing observed")
            return
        }
        let isPrimary = report.storage.map { $0.role == .primary }
        guard let manager = report.manager else {
            self = isPrimary == true ? .up : .down(isPrimary == nil ? "nothing observed" : "DRBD is not Primary")
            return
        }
        if manager.isMaintenance {
            self = isPrimary == true ? .up : .maintenance
        } else if !manager.hasQuorum && !manager.ignoresQuorum {
            self = .down("no quorum")
        } else if isPrimary == false || manager.promoted?.contains(report.node) == false {
            self = manager.standby.contains(report.node) ? .drain : .down("not promoted")
        } else if let phase = report.phase, phase != .ready {
            self = .down(phase.rawValue)
        } else {
            self = .up
        }
    }

    /// A line of HAProxy's agent-check. `ready` takes back an earlier `drain` or `maint`. The blank before the reason
    /// counts: HAProxy takes no notice of `down#reason`.
    public var line: String {
        switch self {
        case .up: "ready up\n"
        case .drain: "drain\n"
        case .maintenance: "maint\n"
        case .down(let reason): "ready down #\(reason)\n"
        }
    }

    public var isUp: Bool { self == .up }

    /// A whole HTTP/1.1 answer: 200 or 503.
    public var http: String {
        let status = isUp ? "200 OK" : "503 Service Unavailable"
        return "HTTP/1.1 \(status)\r\nContent-Type: text/plain\r\nContent-Length: \(line.utf8.count)\r\n"
            + "Cache-Control: no-store\r\nConnection: close\r\n\r\n\(line)"
    }
}
