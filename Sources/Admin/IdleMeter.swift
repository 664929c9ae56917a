/// How much of its time the busiest of the threads that carry sessions has had nothing to do.
struct IdleMeter: Sendable {
    /// As the data plane names its threads.
    static let prefix = "worker-"
    private var busy: [Int: UInt64] = [:]
    private var nanoseconds: Int64 = 0
    /// Percent, as of the last interval.
    private(set) var idle = 100

    /// - Parameters:
    ///   - threads: of this process.
    ///   - nanoseconds: of a clock that only goes forward.
    mutating func observe(_ threads: [ProcessNumbers.ThreadFacts], at nanoseconds: Int64) {
        let workers = threads.filter { $0.name.hasPrefix(Self.prefix) }
        let elapsed = nanoseconds - self.nanoseconds
        if elapsed > 0, !busy.isEmpty {
            let most = workers.compactMap { thread in busy[thread.id].map { thread.busy &- min($0, thread.busy) } }
                .max()
            idle = 100 - Int(clamping: min(100, Int64(clamping: most ?? 0) * 100 / elapsed))
        }
        busy = [:]
        for thread in workers { busy[thread.id] = thread.busy }
        self.nanoseconds = nanoseconds
    }
}
