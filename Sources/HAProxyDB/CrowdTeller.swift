import Cluster
import Routing

/// What the log says of sessions that wait for a seat at the primary: at once, then now and then, and that it is over. Pure.
struct CrowdTeller {
    /// Between two lines about the same crowd.
    static let againAfter = Instant.Span.seconds(10)

    enum News: Equatable {
        case nothing
        case waits(FullServer)
        case ended(after: Instant.Span)
    }

    private var began: Instant?
    private var toldAt: Instant?

    /// - Parameter full: nil where there is no primary.
    mutating func saw(_ full: FullServer?, at now: Instant) -> News {
        guard let full, full.waiting > 0 else {
            defer {
                began = nil
                toldAt = nil
            }
            return began.map { .ended(after: now - $0) } ?? .nothing
        }
        if began == nil { began = now }
        if let toldAt, now - toldAt < Self.againAfter { return .nothing }
        toldAt = now
        return .waits(full)
    }
}
