import Cluster

/// Who may connect to a server next: it takes `max_connections`, of which others use some, and a few are kept for an
/// administrator and for the checks' own logins. Shared by all workers; each tells since when its first session waits, and
/// the one that has waited longest is next.
///
/// What is known of the others is as old as the last count. So the server's own no (1040) counts for more: one less than
/// there were then is tried again only after a while, longer each time.
public struct SeatBook: Sendable, Equatable {
    /// Seats that are kept free.
    static let keptMax = 3
    /// Between the server's no and the next attempt: doubled each time, until a login goes well.
    static let pauseMin = Instant.Span.milliseconds(100)
    static let pauseMax = Instant.Span.seconds(2)

    private struct Ceiling: Equatable {
        var count: Int
        var until: Instant
    }

    /// Connections that this proxy has there, those under way among them.
    public private(set) var taken = 0
    private var underWay = 0
    /// As the server told; nil where it did not.
    public private(set) var connectionsMax: Int?
    private var others = 1
    private var ceiling: Ceiling?
    private var pause = pauseMin
    /// Since when the first of a worker's sessions waits for a seat, by the worker's number.
    private var waiting: [Int: Instant] = [:]

    public init() {}

    /// Connections of ours at most; nil where that is not known.
    public var limit: Int? {
        connectionsMax.map { max(1, $0 - others - min(Self.keptMax, $0 / 10)) }
    }

    /// A session that has waited since then wants a seat. False where it has to wait on.
    public mutating func take(for worker: Int, waitingSince since: Instant, at now: Instant) -> Bool {
        let limits = [limit, ceiling.flatMap { now < $0.until ? $0.count : nil }].compactMap { $0 }
        let free = limits.min().map { $0 - taken } ?? .max
        let before = waiting.count { $0.key != worker && $0.value < since }
        guard free > before else {
            waiting[worker] = since
            return false
        }
        waiting[worker] = nil
        takeUnasked()
        return true
    }

    /// A session that the server itself may refuse, as it would without the proxy.
    public mutating func takeUnasked() {
        taken += 1
        underWay += 1
    }

    /// The worker has nobody who waits for a seat.
    public mutating func waitsNoMore(_ worker: Int) { waiting[worker] = nil }

    /// The server has let a session in.
    public mutating func admitted() {
        underWay = max(0, underWay - 1)
        ceiling = nil
        pause = Self.pauseMin
    }

    /// A connection has ended.
    public mutating func left(wasUnderWay: Bool) {
        taken = max(0, taken - 1)
        if wasUnderWay { underWay = max(0, underWay - 1) }
    }

    /// The server has no seat for a connection that is still counted here.
    public mutating func refused(at now: Instant) {
        ceiling = Ceiling(count: max(0, taken - 1), until: now + pause)
        pause = min(pause + pause, Self.pauseMax)
    }

    /// Which of ours under way the server has counted is not known: what was believed of the others stays where it can.
    public mutating func learned(_ seats: ServerSeats) {
        connectionsMax = seats.connectionsMax
        let least = seats.connected - taken
        others = max(1, min(max(others, least), least + underWay))
    }
}
