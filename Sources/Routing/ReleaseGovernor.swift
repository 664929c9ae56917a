import Cluster

/// Bounds how held sessions are let go once there is a primary again: at most `concurrencyMax` attachments (login
/// and restoration) under way at once, and after a failure one at a time, not before `retryPause`, until one
/// succeeds. So a server that just came up sees neither a herd nor a hammer. The caller keeps the order; this counts.
public struct ReleaseGovernor: Sendable, Equatable {
    /// The pause after an attempt that failed.
    public static let retryPause = Instant.Span.milliseconds(50)

    public let concurrencyMax: Int
    /// Attachments under way.
    public private(set) var running = 0
    private var isTrying = false
    private var notBefore = Instant(nanoseconds: 0)

    /// `concurrencyMax` below 1 counts as 1.
    public init(concurrencyMax: Int) {
        self.concurrencyMax = max(1, concurrencyMax)
    }

    /// May another attachment start?
    public func mayStart(at now: Instant) -> Bool {
        now >= notBefore && running < (isTrying ? 1 : concurrencyMax)
    }

    /// A new primary: what failed with the one before says nothing about it.
    public mutating func opened() {
        isTrying = false
        notBefore = Instant(nanoseconds: 0)
    }

    public mutating func attachStarted() { running += 1 }

    public mutating func attachSucceeded() {
        running = max(0, running - 1)
        opened()
    }

    public mutating func attachFailed(at now: Instant, pause: Instant.Span = retryPause) {
        running = max(0, running - 1)
        refused(at: now, pause: pause)
    }

    /// Its client gave up: says nothing about the node.
    public mutating func attachAbandoned() { running = max(0, running - 1) }

    /// The node refused a session that was attached: attachments would fare no better.
    public mutating func refused(at now: Instant, pause: Instant.Span = retryPause) {
        isTrying = true
        notBefore = max(notBefore, now + pause)
    }
}
