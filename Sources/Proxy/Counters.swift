import Cluster
import Synchronization

/// A counter that one worker writes and anyone reads. Being the only writer, it needs no locked instruction.
struct Counter: ~Copyable, Sendable {
    private let value = Atomic<UInt64>(0)

    var current: UInt64 { value.load(ordering: .relaxed) }

    @inline(__always)
    func add(_ n: UInt64 = 1) { value.store(value.load(ordering: .relaxed) &+ n, ordering: .relaxed) }

    @inline(__always)
    func set(_ n: UInt64) { value.store(n, ordering: .relaxed) }

    @inline(__always)
    func subtract(_ n: UInt64 = 1) { value.store(value.load(ordering: .relaxed) &- n, ordering: .relaxed) }
}

/// What a worker did with one node. Lives in memory that its worker allocated, and never moves.
struct NodeCounters: ~Copyable {
    /// Sessions that are logged in there.
    let sessionsNow = Counter()
    /// Logins that succeeded, moves included.
    let sessionsTotal = Counter()
    /// Connections that were begun, and those that came to nothing.
    let connects = Counter()
    let connectsFailed = Counter()
    /// To and from the node, logins and restored state included.
    let bytesIn = Counter()
    let bytesOut = Counter()
    let answered = Counter()
    /// Statements that its loss ended with an error, had run again elsewhere, or whose client went first.
    let failed = Counter()
    let rerun = Counter()
    let abandoned = Counter()
    /// Sessions that left it for another node.
    let left = Counter()
}

/// What a worker counts. `begun = answered + failed + abandoned + held + in flight` at every moment in which the
/// worker is between two events.
final class WorkerCounters: Sendable {
    let sessionsNow = Counter()
    let sessionsTotal = Counter()
    /// Held statements and logins.
    let heldNow = Counter()
    /// Of those that are held: as long as the primary has no seat for them.
    let withoutSeatNow = Counter()
    let inTransactionNow = Counter()
    let begun = Counter()
    let answered = Counter()
    let failed = Counter()
    let abandoned = Counter()
    let heldTotal = Counter()
    let rerun = Counter()
    /// Of those that failed, and of sessions that ended: nobody knows whether it took effect.
    let unknown = Counter()
    /// Sessions that went on at another node, and those that did at the same one by a connection made anew.
    let moved = Counter()
    let reconnected = Counter()
    let loginsRefused = Counter()
    /// Sessions that were ended because of the infrastructure.
    let lost = Counter()
    let bytesIn = Counter()
    let bytesOut = Counter()
    let nodeCount: Int
    /// One more than there are nodes: the last is for sessions that have had none.
    nonisolated(unsafe) let nodes: UnsafeMutablePointer<NodeCounters>

    init(nodeCount: Int) {
        self.nodeCount = nodeCount
        nodes = .allocate(capacity: nodeCount + 1)
        for index in 0...nodeCount { (nodes + index).initialize(to: NodeCounters()) }
    }

    deinit {
        nodes.deinitialize(count: nodeCount + 1)
        nodes.deallocate()
    }

    func node(_ id: NodeID?) -> UnsafeMutablePointer<NodeCounters> {
        guard let id, (0..<nodeCount).contains(id.rawValue) else { return nodes + nodeCount }
        return nodes + id.rawValue
    }
}
