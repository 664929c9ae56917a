/// Which queue a session stands in. A session stands in at most one.
enum Queue: UInt8 {
    case none
    /// Waits for the client's part of the login; ordered by deadline.
    case login
    /// Waits for a primary (or for the end of a pause); ordered by arrival.
    case held
    /// Logs in to a node; ordered by deadline.
    case attaching
    /// Is rebuilt on its node; ordered by deadline.
    case restoring
    /// Refused by the node for a reason of its own (a limit of its account): waits apart from the others until it is
    /// tried again; ordered by deadline.
    case postponed
    /// Waits for the accounts that may prove its COM_CHANGE_USER; ordered by deadline.
    case proving
    /// Waits for the answer to a refused COM_CHANGE_USER; ordered by deadline.
    case penalized
    /// Its connection to the node has ended, and whether the node has is not known yet; ordered by deadline.
    case doubtful
    /// Only its end is awaited; ordered by deadline.
    case farewell
}

/// A doubly linked list through the sessions themselves: enqueue and remove in constant time without allocation.
struct SessionList {
    let queue: Queue
    private(set) var first: SessionRef?
    private(set) var last: SessionRef?
    private(set) var count = 0

    init(_ queue: Queue) { self.queue = queue }

    mutating func append(_ s: SessionRef) {
        precondition(s.pointee.queue == .none)
        s.pointee.queue = queue
        s.pointee.queuePrevious = last
        s.pointee.queueNext = nil
        if let last { last.pointee.queueNext = s } else { first = s }
        last = s
        count += 1
    }

    /// Puts a session back where it came from: it had its turn, and keeps its place.
    mutating func prepend(_ s: SessionRef) {
        precondition(s.pointee.queue == .none)
        s.pointee.queue = queue
        s.pointee.queueNext = first
        s.pointee.queuePrevious = nil
        if let first { first.pointee.queuePrevious = s } else { last = s }
        first = s
        count += 1
    }

    mutating func remove(_ s: SessionRef) {
        precondition(s.pointee.queue == queue)
        let previous = s.pointee.queuePrevious
        let next = s.pointee.queueNext
        if let previous { previous.pointee.queueNext = next } else { first = next }
        if let next { next.pointee.queuePrevious = previous } else { last = previous }
        s.pointee.queueNext = nil
        s.pointee.queuePrevious = nil
        s.pointee.queue = .none
        count -= 1
    }
}

/// Sessions whose turn it is, in order; a session stands in one such list at most, and may have been ended since.
struct ReadyList {
    private var first: SessionRef?
    private var last: SessionRef?

    var isEmpty: Bool { first == nil }

    mutating func append(_ s: SessionRef) {
        precondition(!s.pointee.isReady)
        s.pointee.isReady = true
        s.pointee.readyNext = nil
        if let last { last.pointee.readyNext = s } else { first = s }
        last = s
    }

    mutating func takeFirst() -> SessionRef? {
        guard let s = first else { return nil }
        first = s.pointee.readyNext
        if first == nil { last = nil }
        s.pointee.readyNext = nil
        s.pointee.isReady = false
        return s
    }
}
