import Synchronization

/// A counter that one worker writes and anyone reads. Being the only writer, it needs no locked instruction.
struct Counter: ~Copyable, Sendable {
    private let value = Atomic<UInt64>(0)

    var current: UInt64 { value.load(ordering: .relaxed) }

    @inline(__always)
    func add(_ n: UInt64 = 1) { value.store(value.load(ordering: .relaxed) &+ n, ordering: .relaxed) }

    @inline(__always)
    func subtract(_ n: UInt64 = 1) { value.store(value.load(ordering: .relaxed) &- n, ordering: .relaxed) }
}

/// What a worker counts. `begun = answered + failed + abandoned + held + in flight` at every moment in which the
/// worker is between two events.
final class WorkerCounters: Sendable {
    let sessionsNow = Counter()
    let sessionsTotal = Counter()
    /// Held statements and logins.
    let heldNow = Counter()
    let inTransactionNow = Counter()
    let begun = Counter()
    let answered = Counter()
    let failed = Counter()
    let abandoned = Counter()
    let heldTotal = Counter()
    let rerun = Counter()
    let moved = Counter()
    let loginsRefused = Counter()
    /// Sessions that were ended because of the infrastructure.
    let lost = Counter()
    let bytesIn = Counter()
    let bytesOut = Counter()
}
