import Cluster

extension HealthMonitor {
    /// What every node's present standing is made of, in the order of the nodes and of
    /// ``Cluster/EvidencePiece/Source``.
    public var evidence: [EvidencePiece] { members.flatMap(\.pieces) }
}

extension HealthMonitor.Member {
    fileprivate var pieces: [EvidencePiece] {
        func piece(_ source: EvidencePiece.Source, _ says: String, _ date: Instant?) -> EvidencePiece {
            EvidencePiece(node: node.id, source: source, says: says, observedAt: date)
        }
        var pieces = [piece(.sql, lastCheck, checkedAt)]
        switch agent {
        case .none: break
        case .awaited: pieces.append(piece(.agent, "not heard yet", nil))
        case .silent: pieces.append(piece(.agent, "silent: \(silence)", heardAt))
        case .fresh(let report):
            let troubles = report.troubles.isEmpty ? "" : "; " + report.troubles.joined(separator: "; ")
            let phase = report.phase.map { ", phase \($0.rawValue)" } ?? ""
            pieces.append(piece(.agent, "heard\(phase)\(troubles)", heardAt))
            if let storage = report.storage {
                pieces.append(piece(.drbd, storage.sentence, dates.storage))
                if let generations = storage.generations {
                    pieces.append(piece(.data, generations.sentence, dates.generations))
                }
            }
            if let manager = report.manager { pieces.append(piece(.pacemaker, manager.sentence, dates.manager)) }
            if let database = report.database { pieces.append(piece(.process, database.sentence, heardAt)) }
        }
        if let remembered, agent.report?.storage?.generations == nil {
            pieces.append(piece(.data, "last known: \(remembered.generations.sentence)", remembered.at))
        }
        return pieces
    }
}

extension NodeReport.Storage {
    var sentence: String {
        "\(role.rawValue), disk \(disk.rawValue), peer's disk \(peerDisk.rawValue), \(connection.rawValue)"
    }
}

extension NodeReport.Database {
    var sentence: String {
        var parts = [process.map { "the cluster's mariadbd is process \($0.pid)" } ?? "no mariadbd of the cluster's"]
        if let dataDirectory { parts.append("data in \(dataDirectory)") }
        if let isOnDevice { parts.append(isOnDevice ? "on the device" : "not on the device") }
        if let bootID { parts.append("boot \(bootID)") }
        return parts.joined(separator: ", ")
    }
}

extension [DataGeneration] {
    var sentence: String { map(\.description).joined(separator: " ") }
}

extension NodeReport.Manager {
    var sentence: String {
        var parts: [String] = []
        if let promoted { parts.append("promoted: \(promoted.isEmpty ? "nobody" : promoted.joined(separator: ", "))") }
        parts.append(hasQuorum ? "quorum" : ignoresQuorum ? "no quorum, ignored" : "no quorum")
        if isMaintenance { parts.append("maintenance") }
        if !standby.isEmpty { parts.append("standby: \(standby.joined(separator: ", "))") }
        if !unclean.isEmpty { parts.append("unclean: \(unclean.joined(separator: ", "))") }
        if isFencingPending { parts.append("fencing pending") }
        if isMovePending { parts.append("a move under way") }
        return parts.joined(separator: "; ")
    }
}
