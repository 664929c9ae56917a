import Cluster
import Reactor

/// Whether new connections are taken.
public enum ListenState: String, Sendable, Hashable {
    case open
    /// Refused by the kernel, until it is open again.
    case paused
    /// For good.
    case closed
}

/// A listener of the accepting worker.
final class AcceptGate {
    let descriptor: Int32
    var watch: Watch?
    var state = ListenState.open
    private var isClosed = false

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Idempotent.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        state = .closed
        watch?.cancel()
        Sockets.close(descriptor)
    }
}

/// Counts connections by the second, and says when the next may be taken.
struct AcceptRate {
    private var windowBegan = Instant(nanoseconds: 0)
    private var count = 0

    /// How long to wait; nil where one may be taken now.
    ///
    /// - Parameter limit: connections per second; zero for any number.
    func pause(limit: Int, at now: Instant) -> Instant.Span? {
        guard limit > 0, count >= limit else { return nil }
        let age = now - windowBegan
        return age >= .seconds(1) ? nil : Instant.Span(nanoseconds: 1_000_000_000 - age.nanoseconds)
    }

    mutating func counted(at now: Instant) {
        if now - windowBegan >= .seconds(1) {
            windowBegan = now
            count = 0
        }
        count += 1
    }
}
