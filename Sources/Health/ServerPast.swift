import Cluster

/// What has been seen of a node's server, for as long as it is the same run of it. A server that was writable beside the
/// primary stays one that was, whatever it says when the primary is gone.
struct ServerPast: Sendable, Hashable {
    /// This very run was elected last: it goes on being what it was.
    private(set) var isHolder = false
    /// Who was primary while this run was writable, too.
    private(set) var besideOf: String?
    /// An administrator has said that it is right.
    private(set) var isVouchedFor = false
    /// Said in the log already.
    var isTold = false
    /// This run has answered as read-only: a replica, or a primary of before; whoever made it writable meant it.
    private var hasBeenReadOnly = false
    /// Of any run of this node's server: it has data of its own, which no other's redo log is to be compared with.
    private var isReplica = false
    /// Where its redo log ended when this run was first seen.
    private var firstLSN: UInt64?
    /// When nothing listened there.
    private var refusedAt: Instant?
    /// When it was last seen to end: nothing listened, or the check's connection was lost.
    private var endedAt: Instant?

    /// What is known of the last that was elected, and has proved to write.
    struct Proof: Sendable, Hashable {
        var node: NodeID
        var name: String
        var at: Instant
        /// Where its redo log ended, as far as it was safe on its disk.
        var lsn: UInt64?
    }

    mutating func answered(_ facts: ServerFacts, isReadOnly: Bool, isRestart: Bool) {
        // Two runs that began in the same second tell the same of themselves. (An uptime is in seconds, rounded down.)
        let hasBegunSince = endedAt.map { facts.startedAt >= $0 } ?? false
        if isRestart || hasBegunSince { self = ServerPast(isReplica: isReplica, refusedAt: refusedAt) }
        if firstLSN == nil { firstLSN = facts.flushedLSN }
        guard isReadOnly else { return }
        hasBeenReadOnly = true
        isReplica = true
        besideOf = nil
    }

    /// Another run, of which nothing can be asked.
    mutating func answeredUnseen() { self = ServerPast(isReplica: isReplica, refusedAt: refusedAt) }
    mutating func refused(at now: Instant) {
        refusedAt = now
        endedAt = now
    }
    /// The check's connection.
    mutating func lost(at now: Instant) { endedAt = now }
    mutating func elected() {
        isHolder = true
        besideOf = nil
    }
    mutating func anotherWasElected() { isHolder = false }
    /// Both were writable at the same time. (A replica that somebody makes writable before the old primary has gone is
    /// meant to follow it.)
    mutating func wasBeside(_ name: String) { if !isHolder, !isVouchedFor, !hasBeenReadOnly { besideOf = name } }

    /// Whether that changed anything.
    mutating func vouchedFor() -> Bool {
        guard !isVouchedFor else { return false }
        isVouchedFor = true
        besideOf = nil
        return true
    }

    /// What speaks against a server that would be primary now; nothing does against one that is.
    func objection(_ node: NodeID, _ facts: ServerFacts?, last: Proof?) -> Objection? {
        if isHolder || isVouchedFor { return nil }
        if let besideOf { return .wasBeside(besideOf) }
        guard let last, last.node != node, let facts, !hasBeenReadOnly else { return nil }
        let start = facts.startedAt + ServerFacts.startToleranceMax
        // Where nothing listened, none of before is left: an uptime may be wrong, where a host's clock was set.
        if start < last.at, refusedAt.map({ $0 < start }) ?? true { return .isOlder(than: last.name) }
        if !isReplica, let firstLSN, let lsn = last.lsn, firstLSN < lsn { return .lacksData(of: last.name) }
        return nil
    }

    init() {}

    private init(isReplica: Bool, refusedAt: Instant?) {
        self.isReplica = isReplica
        self.refusedAt = refusedAt
    }
}
