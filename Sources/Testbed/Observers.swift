import Foundation
import Reactor
import Synchronization

/// Clients that loop statements and write down, by the wall clock, when each one began and was answered: what an
/// outside observer knows of the service.
public final class Observers: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case selects, inserts, transactions
        /// Connects, asks, and closes.
        case connects
    }

    /// One turn: a statement, or a login and a statement. Times are in nanoseconds since 1970.
    public struct Turn: Sendable {
        public var began: Int64
        public var ended: Int64
        /// An error of the service's; nil for an answer.
        public var error: ClientError?
    }

    /// A time in which one client was not served: from the beginning of a turn that took long or failed to its next
    /// answer.
    public struct Span: Sendable {
        public var client: Int
        public var began: Int64
        public var ended: Int64
        public var errors: Int
        public var losses: Int

        public var isError: Bool { errors > 0 }
    }

    /// What all clients felt together: from the first who was not served to the first who was served again.
    public struct Outage: Sendable {
        public var began: Int64
        public var ended: Int64
        public var spans: [Span]

        public var length: Double { Double(ended - began) / 1e9 }
        public var users: Int { Set(spans.map(\.client)).count }
        public var userMinutes: Double { spans.reduce(0) { $0 + Double($1.ended - $1.began) } / 60e9 }
        public var errors: Int { spans.reduce(0) { $0 + $1.errors } }
        /// Connections that broke.
        public var losses: Int { spans.reduce(0) { $0 + $1.losses } }
    }

    /// A turn that takes less is none that anyone waited in.
    public static let waitMin: Int64 = 100_000_000

    /// What one client has written down.
    private final class Record: Sendable {
        private let all = Guarded<[Turn]>([])
        var turns: [Turn] { all.withLock { $0 } }
        var count: Int { all.withLock { $0.count } + forgotten.load(ordering: .relaxed) }
        private let forgotten = Atomic(0)
        /// Keeps only the last.
        func replace(_ turn: Turn) {
            let before = all.withLock { turns in
                defer { turns = [turn] }
                return turns.count
            }
            forgotten.add(before, ordering: .relaxed)
        }
        var lastAnswered: Turn? { all.withLock { turns in turns.last { $0.error == nil } } }
        func add(_ turn: Turn) { all.withLock { $0.append(turn) } }
    }

    private let kinds: [Kind]
    private let port: UInt16
    private let think: UInt32
    private let keeps: Bool
    private let stopped = Atomic(false)
    private let records: [Record]
    private let running: Watched<Int>

    /// - Parameters:
    ///   - think: microseconds between an answer and the next statement.
    ///   - keeps: false where nobody asks afterwards: only each client's last turn is kept.
    public init(_ counts: [(Kind, Int)], port: UInt16, think: UInt32 = 10_000, keeps: Bool = true) {
        kinds = counts.flatMap { kind, count in Array(repeating: kind, count: count) }
        self.port = port
        self.think = think
        self.keeps = keeps
        records = kinds.map { _ in Record() }
        running = Watched(0)
    }

    public var count: Int { kinds.count }

    /// Returns when everyone has been answered once.
    public func start() throws {
        running.set(kinds.count)
        for (index, kind) in kinds.enumerated() {
            let thread = Thread { [self] in
                loop(index, kind)
                running.update { $0 -= 1 }
            }
            thread.stackSize = 512 << 10
            thread.start()
        }
        try waitUntilServed(since: Self.now())
    }

    /// Until every client has begun a turn after that time and had its answer.
    public func waitUntilServed(since time: Int64, _ timeout: Duration = .seconds(60)) throws {
        let deadline = ContinuousClock.now + timeout
        for (index, record) in records.enumerated() {
            while true {
                if let last = record.lastAnswered, last.began >= time { break }
                guard ContinuousClock.now < deadline else {
                    throw TestbedFailure("client \(index) (\(kinds[index])) is not served after \(timeout)")
                }
                usleep(5_000)
            }
        }
    }

    /// Ends all clients.
    public func stop() throws {
        stopped.store(true, ordering: .relaxed)
        guard running.wait(.seconds(120), until: { $0 == 0 }) != nil else {
            throw TestbedFailure("\(running.value) clients still wait")
        }
    }

    public static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    public var turns: Int { records.reduce(0) { $0 + $1.count } }

    /// Every time in which a client was not served, in the order of their beginnings.
    public var spans: [Span] {
        var all: [Span] = []
        for (client, record) in records.enumerated() {
            var open: Span?
            for turn in record.turns {
                let isLong = turn.ended - turn.began >= Self.waitMin
                if open == nil, turn.error != nil || isLong {
                    open = Span(client: client, began: turn.began, ended: turn.ended, errors: 0, losses: 0)
                }
                guard var span = open else { continue }
                span.ended = turn.ended
                if let error = turn.error {
                    if error.isConnectionLoss { span.losses += 1 } else { span.errors += 1 }
                    open = span
                } else {
                    all.append(span)
                    open = nil
                }
            }
            if let open { all.append(open) }
        }
        return all.sorted { $0.began < $1.began }
    }

    /// The outages that these clients were in. What begins within a second of an outage's end, while others are
    /// served, is its rest; a wait while others are served, and no error, is one client's own affair.
    public func outages() -> [Outage] {
        let answers = records.flatMap { $0.turns.filter { $0.error == nil }.map(\.ended) }.sorted()
        func isAnyoneServed(_ from: Int64, _ to: Int64) -> Bool {
            var low = 0
            var high = answers.count
            while low < high {
                let middle = (low + high) / 2
                if answers[middle] <= from { low = middle + 1 } else { high = middle }
            }
            return low < answers.count && answers[low] < to
        }
        var outages: [Outage] = []
        for span in spans {
            if let last = outages.last, span.began <= last.ended {
                outages[outages.count - 1].ended = min(last.ended, span.ended)
                outages[outages.count - 1].spans.append(span)
                continue
            }
            // What was answered in its first milliseconds had been under way; whether it ends a bit later than others'
            // says nothing.
            let others = isAnyoneServed(span.began + 20_000_000, min(span.ended, span.began + Self.waitMin))
            if let last = outages.last, span.began < last.ended + 1_000_000_000, others || span.isError {
                outages[outages.count - 1].spans.append(span)
            } else if !others || span.isError {
                outages.append(Outage(began: span.began, ended: span.ended, spans: [span]))
            }
        }
        // A statement may have been under way for long when the service went: it was there when it last answered anyone.
        return outages.map { outage in
            var outage = outage
            let early = min(outage.ended, outage.began + 200_000_000)
            if let last = answers.last(where: { $0 < early }), last > outage.began { outage.began = last }
            return outage
        }
    }

    // MARK: a client

    private func loop(_ index: Int, _ kind: Kind) {
        var client: Client?
        var number = Int64(index) * 10_000_000_000
        while !stopped.load(ordering: .relaxed) {
            let began = Self.now()
            var failure: ClientError?
            do throws(ClientError) {
                let session = try connected(client)
                client = session
                switch kind {
                case .selects: try session.query("SELECT square FROM numbers WHERE id = \(Int.random(in: 1...1000))")
                case .inserts:
                    number += 1
                    try session.query("INSERT INTO ledger (n) VALUES (\(number))")
                case .transactions:
                    number += 1
                    try transact(session, number, index)
                    continue
                case .connects:
                    try session.query("SELECT 1")
                    session.close()
                    client = nil
                }
            } catch {
                failure = error
                if error.isConnectionLoss || kind == .connects { client = nil }
            }
            note(index, Turn(began: began, ended: Self.now(), error: failure))
            usleep(think)
        }
        client?.close()
    }

    private func connected(_ client: Client?) throws(ClientError) -> Client {
        if let client { return client }
        return try Client(
            port: port, user: EmbeddedPair.application.user, password: EmbeddedPair.application.password,
            schema: EmbeddedPair.schema)
    }

    /// Each statement of it is a turn; one that fails ends it.
    private func transact(_ session: Client, _ number: Int64, _ index: Int) throws(ClientError) {
        for statement in ["BEGIN", "INSERT INTO ledger (n) VALUES (\(number))", "COMMIT"] {
            let began = Self.now()
            do throws(ClientError) {
                try session.query(statement)
            } catch {
                if error.isConnectionLoss { throw error }
                note(index, Turn(began: began, ended: Self.now(), error: error))
                break
            }
            note(index, Turn(began: began, ended: Self.now(), error: nil))
        }
        usleep(think)
    }

    private func note(_ index: Int, _ turn: Turn) {
        if keeps || turn.error != nil { records[index].add(turn) } else { records[index].replace(turn) }
    }
}
