import Foundation

/// When the machine did not run this process: a virtual machine that its host has stopped, or a computer that slept. Waits of
/// that time say nothing of who was waited for.
final class MachineStalls: @unchecked Sendable {
    private let stalls = Watched<[Range<ContinuousClock.Instant>]>([])
    private let stopped = Watched(false)

    /// A thread that is to wake up every now and then, and does so later than this only where nothing runs.
    private static let tick = Duration.milliseconds(50)
    private static let lateness = Duration.seconds(1)

    init() {
        Thread.detachNewThread { [stalls, stopped] in
            var last = ContinuousClock.now
            while stopped.wait(Self.tick, until: { $0 }) == nil {
                let now = ContinuousClock.now
                if now - last > Self.lateness {
                    let stall = last..<now
                    stalls.update { $0.append(stall) }
                }
                last = now
            }
        }
    }

    deinit { stopped.set(true) }

    /// How long it did not run since `begun`.
    func since(_ begun: ContinuousClock.Instant) -> Duration {
        stalls.change { stalls in
            stalls.filter { $0.upperBound > begun }.reduce(.zero) { $0 + ($1.upperBound - max($1.lowerBound, begun)) }
        }
    }
}
