/// Who of the two may write.
public enum DRBDRole: String, Sendable, Hashable, Codable, CaseIterable {
    case primary = "Primary"
    case secondary = "Secondary"
    case unknown = "Unknown"
}

/// State of a disk behind DRBD, worst first as the kernel counts them.
public enum DRBDDisk: String, Sendable, Hashable, Codable, CaseIterable {
    case diskless = "Diskless"
    case attaching = "Attaching"
    case detaching = "Detaching"
    case failed = "Failed"
    case negotiating = "Negotiating"
    case inconsistent = "Inconsistent"
    case outdated = "Outdated"
    case unknown = "DUnknown"
    case consistent = "Consistent"
    case upToDate = "UpToDate"
}

/// The link to a peer, in the words of DRBD 9.
public enum DRBDConnection: String, Sendable, Hashable, Codable, CaseIterable {
    /// No link, and none is tried: after a split brain was detected, or by an operator's word.
    case standAlone = "StandAlone"
    case disconnecting = "Disconnecting"
    case unconnected = "Unconnected"
    case timeout = "Timeout"
    case brokenPipe = "BrokenPipe"
    case networkFailure = "NetworkFailure"
    case protocolError = "ProtocolError"
    case tearDown = "TearDown"
    /// 8.4's WFConnection.
    case connecting = "Connecting"
    case connected = "Connected"
}

/// What flows over an established link; `off` without one.
public enum DRBDReplication: String, Sendable, Hashable, Codable, CaseIterable {
    case off = "Off"
    case established = "Established"
    case startingSyncSource = "StartingSyncS"
    case startingSyncTarget = "StartingSyncT"
    case bitmapSource = "WFBitMapS"
    case bitmapTarget = "WFBitMapT"
    case waitingForSyncUUID = "WFSyncUUID"
    case syncSource = "SyncSource"
    case syncTarget = "SyncTarget"
    case verifySource = "VerifyS"
    case verifyTarget = "VerifyT"
    case pausedSyncSource = "PausedSyncS"
    case pausedSyncTarget = "PausedSyncT"
    case ahead = "Ahead"
    case behind = "Behind"

    /// A resynchronization runs, waits or is being agreed on.
    public var isResync: Bool {
        switch self {
        case .startingSyncSource, .startingSyncTarget, .bitmapSource, .bitmapTarget, .waitingForSyncUUID, .syncSource,
            .syncTarget, .pausedSyncSource, .pausedSyncTarget:
            true
        case .off, .established, .verifySource, .verifyTarget, .ahead, .behind: false
        }
    }
}

/// Why DRBD holds back all writes to a resource.
public enum DRBDSuspension: String, Sendable, Hashable, Codable, CaseIterable {
    case user
    case noData = "no-data"
    case fencing
    case quorum
    /// /proc/drbd says that I/O is suspended, not why.
    case unsaid

    /// `no`, `user`, `no-data,fencing`, … in the order of the text; nil where a word is unknown.
    static func list(_ text: some StringProtocol) -> [DRBDSuspension]? {
        if text == "no" { return [] }
        var all: [DRBDSuspension] = []
        for word in text.split(separator: ",") {
            guard let reason = DRBDSuspension(rawValue: String(word)), reason != .unsaid else { return nil }
            all.append(reason)
        }
        return all.isEmpty ? nil : all
    }
}

/// 8.4's one word for link and replication: `Connected`, `SyncTarget`, `WFConnection`, …
func linkStates(_ word: some StringProtocol) -> (DRBDConnection, DRBDReplication)? {
    switch word {
    case "Connected": return (.connected, .established)
    case "WFConnection": return (.connecting, .off)
    case "WFReportParams": return (.connected, .off)
    default: break
    }
    let word = String(word)
    if let connection = DRBDConnection(rawValue: word), connection != .connecting { return (connection, .off) }
    if let replication = DRBDReplication(rawValue: word), replication != .off, replication != .established {
        return (.connected, replication)
    }
    return nil
}
