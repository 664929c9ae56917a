import Availability
import Cluster
import Foundation

/// What became of the entries.
public struct LedgerStatus: Hashable, Sendable {
    public var written: UInt64 = 0
    /// Seconds among them: whoever opens the file finds them there, whatever becomes of this process.
    public var secondsWritten: UInt64 = 0
    /// Given up, because the file could not be written for too long.
    public var dropped: UInt64 = 0
    public var waiting = 0
    /// Why nothing is written now; nil while all is well.
    public var failure: LedgerFailure?
}

/// Writes the log on a thread of its own. Whoever posts never waits: entries that can't be written wait here, bounded,
/// and the oldest are given up for a gap.
public final class LedgerWriter: Sendable {
    private struct Queue {
        var entries: [LedgerEntry] = []
        var status = LedgerStatus()
        var isClosing = false
        var isOver = false
        /// What was given up, to be written as a gap.
        var lost: LedgerGap?
    }

    /// `condition` guards it.
    private final class Shared: @unchecked Sendable {
        let condition = NSCondition()
        var queue = Queue()

        func withLock<Value>(_ body: (inout Queue) -> Value) -> Value {
            condition.lock()
            defer { condition.unlock() }
            return body(&queue)
        }
    }

    private let shared = Shared()
    public let path: String
    private let options: LedgerOptions
    private let run: LedgerRun
    private let origin: String
    private let onNote: @Sendable (_ isProblem: Bool, String) -> Void

    /// - Parameters:
    ///   - lock: the right to write it; where it is nil the writer's thread gets it, once it is to be had.
    ///   - origin: what others are told of this process, see ``LedgerLock``.
    ///   - onNote: told on the writer's thread, one sentence each time something changes.
    public init(
        path: String, options: LedgerOptions, run: LedgerRun, lock: LedgerLock?, origin: String,
        onNote: @escaping @Sendable (_ isProblem: Bool, String) -> Void
    ) {
        self.path = path
        self.options = options
        self.run = run
        self.origin = origin
        self.onNote = onNote
        let thread = Thread { [self] in work(lock) }
        thread.name = "ledger"
        thread.start()
    }

    public var status: LedgerStatus {
        shared.withLock { queue in
            var status = queue.status
            status.waiting = queue.entries.count
            return status
        }
    }

    public func post(_ entries: [LedgerEntry]) {
        guard !entries.isEmpty else { return }
        shared.withLock { queue in
            queue.entries += entries
            shorten(&queue)
            shared.condition.signal()
        }
    }

    /// Writes what waits and ends the run in the file. Waits at most that long for it.
    public func close(within patience: Instant.Span) {
        let deadline = Date(timeIntervalSinceNow: Double(patience.nanoseconds) / 1e9)
        shared.condition.lock()
        defer { shared.condition.unlock() }
        shared.queue.isClosing = true
        shared.condition.broadcast()
        while !shared.queue.isOver {
            if !shared.condition.wait(until: deadline) { return }
        }
    }

    /// Gives up the oldest beyond the limit. Outages are few, and replace themselves: they stay.
    private func shorten(_ queue: inout Queue) {
        var excess = queue.entries.count - options.waitingMax
        guard excess > 0 else { return }
        var kept: [LedgerEntry] = []
        kept.reserveCapacity(queue.entries.count)
        for entry in queue.entries {
            if excess > 0, case .unknown = entry {
                // The count of them is in their second and their outage.
                excess -= 1
                queue.status.dropped += 1
            } else if excess > 0, case .second(let row) = entry {
                excess -= 1
                queue.status.dropped += 1
                let began = min(queue.lost?.began ?? row.began, row.began)
                queue.lost = LedgerGap(
                    began: began, ended: max(queue.lost?.ended ?? row.ended, row.ended), reason: .dropped)
            } else {
                kept.append(entry)
            }
        }
        queue.entries = Self.latest(kept)
    }

    /// Of an outage's states only the last one counts.
    private static func latest(_ entries: [LedgerEntry]) -> [LedgerEntry] {
        var seen: Set<Int> = []
        var kept: [LedgerEntry] = []
        for entry in entries.reversed() {
            if case .outage(let record) = entry, !seen.insert(record.number).inserted { continue }
            kept.append(entry)
        }
        return kept.reversed()
    }

    // MARK: the thread

    private func work(_ first: LedgerLock?) {
        var lock = first
        var store: LedgerStore?
        var failure: LedgerFailure?
        var rolledMinute: Int64 = 0
        var hasWritten = false
        while true {
            guard let (batch, lost, isClosing) = next(retrying: failure != nil) else { break }
            let entries = (lost.map { [LedgerEntry.gap($0)] } ?? []) + batch
            do throws(LedgerFailure) {
                if let held = lock, !held.isInPlace { lock = nil }
                if lock == nil { lock = try LedgerLock(path, origin: origin) }
                if let open = store {
                    switch try open.place() {
                    case .kept: break
                    case .replaced:
                        onNote(true, "The availability log \(path) was removed or replaced; what it had is gone.")
                        store = nil
                    case .withoutAhead:
                        try open.takeOver()
                        onNote(
                            true,
                            "Somebody has removed the availability log's \(path)-wal; its rows were taken over, and a "
                                + "new one begins. It is part of the log: let the proxy alone delete it.")
                        store = nil
                    }
                }
                let open: LedgerStore
                if let store {
                    open = store
                } else {
                    open = try LedgerStore(
                        path: path, options: options, run: run,
                        resumed: hasWritten ? entries.firstTime ?? Self.now() : nil)
                    onNote(false, "The availability log is \(path), run \(open.run).")
                    store = open
                }
                try open.boundLog()
                try open.write(entries)
                hasWritten = true
                finish(batch, failure)
                failure = nil
                if let now = batch.lastTime, now.seconds / 60 != rolledMinute {
                    // What is written is written: rolling up comes again with the next minute.
                    rolledMinute = now.seconds / 60
                    do throws(LedgerFailure) { try open.rollUp(at: now) } catch { try rollUpFailed(error) }
                }
                if isClosing {
                    try open.end(at: Self.now())
                    break
                }
            } catch {
                putBack(batch, lost, error)
                if failure.map({ !$0.isLike(error) }) ?? true {
                    onNote(true, "The availability log \(path) is not written: \(error).")
                }
                failure = error
                switch error {
                case .corrupt:
                    store = nil
                    moveAside()
                case .full, .locked, .heldOpen: break
                case .taken, .foreign, .unusable: store = nil
                }
                if isClosing { break }
            }
        }
        shared.withLock { queue in
            queue.isOver = true
            shared.condition.broadcast()
        }
    }

    /// A minute that is not rolled up now is so later; only damage does not pass.
    private func rollUpFailed(_ failure: LedgerFailure) throws(LedgerFailure) {
        switch failure {
        case .corrupt: throw failure
        case .full, .locked, .taken, .heldOpen, .foreign, .unusable: break
        }
    }

    /// What is to be written next; waits for it. After a failure a second passes first. Nil at the end.
    private func next(retrying: Bool) -> ([LedgerEntry], LedgerGap?, isClosing: Bool)? {
        shared.condition.lock()
        defer { shared.condition.unlock() }
        if retrying {
            let until = Date(timeIntervalSinceNow: 1)
            while !shared.queue.isClosing, shared.condition.wait(until: until) {}
        }
        while shared.queue.entries.isEmpty, !shared.queue.isClosing { shared.condition.wait() }
        defer {
            shared.queue.entries = []
            shared.queue.lost = nil
        }
        return (shared.queue.entries, shared.queue.lost, shared.queue.isClosing)
    }

    private func finish(_ batch: [LedgerEntry], _ failure: LedgerFailure?) {
        let seconds = batch.count { if case .second = $0 { true } else { false } }
        let dropped = shared.withLock { queue in
            queue.status.written += UInt64(batch.count)
            queue.status.secondsWritten += UInt64(seconds)
            queue.status.failure = nil
            return queue.status.dropped
        }
        if failure != nil {
            onNote(false, "The availability log is written again; \(dropped) entries were given up so far.")
        }
    }

    private func putBack(_ batch: [LedgerEntry], _ lost: LedgerGap?, _ error: LedgerFailure) {
        shared.withLock { queue in
            queue.entries = batch + queue.entries
            if let lost {
                let began = min(lost.began, queue.lost?.began ?? lost.began)
                queue.lost = LedgerGap(
                    began: began, ended: max(lost.ended, queue.lost?.ended ?? lost.ended), reason: .dropped)
            }
            queue.status.failure = error
            shorten(&queue)
        }
    }

    /// A damaged file is kept for whoever wants to look at it, and a new one begun.
    private func moveAside() {
        let aside = "\(path).damaged-\(Self.now().seconds)"
        guard rename(path, aside) == 0 else {
            return onNote(
                true, "The damaged availability log can't be moved to \(aside): \(String(cString: strerror(errno))).")
        }
        for suffix in ["-wal", "-shm"] { rename(path + suffix, aside + suffix) }
        onNote(true, "The damaged availability log is \(aside) now; a new one begins.")
    }

    private static func now() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}

extension [LedgerEntry] {
    /// The beginning of the first second in it.
    fileprivate var firstTime: WallTime? {
        for entry in self {
            if case .second(let row) = entry { return row.began }
        }
        return nil
    }

    /// The end of the last second in it.
    fileprivate var lastTime: WallTime? {
        for entry in reversed() {
            if case .second(let row) = entry { return row.ended }
        }
        return nil
    }
}

extension LedgerFailure {
    /// Of the same case: not worth another sentence.
    fileprivate func isLike(_ other: LedgerFailure) -> Bool {
        switch (self, other) {
        case (.full, .full), (.locked, .locked), (.heldOpen, .heldOpen), (.corrupt, .corrupt), (.foreign, .foreign),
            (.taken, .taken), (.unusable, .unusable):
            true
        case _: false
        }
    }
}
