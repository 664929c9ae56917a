/// Bounds how held sessions are let go once there is a primary again: at most `concurrencyMax` attachments (login
/// and restoration) under way at once, the rest waits. The caller keeps the order; this counts.
public struct ReleaseGovernor: Sendable, Equatable {
    public let concurrencyMax: Int
    /// Sessions waiting that have not been told to start.
    public private(set) var waiting = 0
    /// Attachments under way.
    public private(set) var running = 0
    public private(set) var isOpen = false

    /// `concurrencyMax` below 1 counts as 1.
    public init(concurrencyMax: Int) {
        self.concurrencyMax = max(1, concurrencyMax)
    }

    /// `count` more sessions wait. Returns how many of the longest waiting to start now; each is then running and
    /// ends with ``attachEnded(success:)``.
    public mutating func held(_ count: Int = 1) -> Int {
        waiting += max(0, count)
        return start()
    }

    /// A waiting session went away before it was started.
    public mutating func abandoned(_ count: Int = 1) {
        waiting = max(0, waiting - max(0, count))
    }

    /// There is a primary. Returns how many to start now.
    public mutating func opened() -> Int {
        isOpen = true
        return start()
    }

    /// There is no primary. Attachments under way end by themselves.
    public mutating func closed() {
        isOpen = false
    }

    /// An attachment ended. One that failed, and whose session still waits, is reported as `held` again by the
    /// caller. Returns how many to start now: none after a failure, so that a server refusing logins is not hammered
    /// (the next success, `held` or ``opened()`` goes on), unless nothing else is under way to go on from.
    public mutating func attachEnded(success: Bool) -> Int {
        running = max(0, running - 1)
        if success { return start() }
        return running == 0 ? start(atMost: 1) : 0
    }

    private mutating func start(atMost limit: Int = .max) -> Int {
        guard isOpen else { return 0 }
        let count = min(waiting, concurrencyMax - running, limit)
        waiting -= count
        running += count
        return count
    }
}
