import Cluster

/// Why a server that answers as writable must not become the primary, whatever it says. A closed list.
public enum Objection: Sendable, Hashable {
    // What the proxy itself has seen of it.

    /// It was writable while that node was the primary, and proved to be.
    case wasBeside(String)
    /// It was there already when that node last proved to be the primary.
    case isOlder(than: String)
    /// Its redo log ends before what that node, the last primary, had written.
    case lacksData(of: String)

    // What its node's agent, or another one that may be believed, says.

    /// It was there before DRBD let this node write.
    case startedBeforePromotion
    /// The cluster's own mariadbd is another process.
    case isAnotherProcess
    /// It runs on other files than the cluster's own mariadbd: its own, and the cluster's.
    case hasOtherFiles(String, clusters: String)
    /// The data directory is not on the replicated device.
    case isOffTheDevice
    /// The cluster runs no database there.
    case isNotStarted

    // What may be over in a moment.

    /// The cluster has not come as far as to start a database there.
    case promotionUnderWay(Phase)
    /// The cluster starts a database there, and its process has not been seen.
    case processUnseen

    /// Whether it is not the cluster's server, as far as anything proves it.
    var isStray: Bool {
        switch self {
        case .wasBeside, .isOlder, .lacksData, .startedBeforePromotion, .isAnotherProcess, .hasOtherFiles,
            .isOffTheDevice, .isNotStarted:
            true
        case .promotionUnderWay, .processUnseen: false
        }
    }

    /// Why there is no primary where nobody else could be it.
    var diagnosis: Diagnosis { isStray ? .strayServer : .recovering }

    /// Without its subject and full stop.
    var sentence: String {
        switch self {
        case .wasBeside(let name): "it was writable while \(name) was the primary"
        case .isOlder(let name): "it was there already while \(name) was the primary"
        case .lacksData(let name): "its data ends before what \(name) had written"
        case .startedBeforePromotion: "it was there before the cluster promoted this node"
        case .isAnotherProcess: "the cluster's own mariadbd is another process"
        case .hasOtherFiles(let own, let clusters): "it runs on \(own), the cluster's own mariadbd on \(clusters)"
        case .isOffTheDevice: "the data directory is not on the replicated device"
        case .isNotStarted: "the cluster runs no database there"
        case .promotionUnderWay(let phase): "the cluster is only at \(phase.rawValue) there"
        case .processUnseen: "the cluster's own mariadbd has not been seen yet"
        }
    }
}
