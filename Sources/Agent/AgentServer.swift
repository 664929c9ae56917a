import Cluster
import Evidence
import Glibc
import Reactor

/// The agent's side of the evidence channel: tells every subscribed proxy what the node sees, on change at once and
/// otherwise as a heartbeat. Lives on its loop's thread.
public final class AgentServer {
    public struct Options: Sendable {
        public var node = ""
        public var key: [UInt8] = []
        public var heartbeat: Instant.Span = .seconds(1)
        /// Of one more the oldest that has not proved itself is closed; where all have, the new one.
        public var proxiesMax = 64
        /// Who has not proved itself by then is closed.
        public var strangerTimeout: Instant.Span = .seconds(5)

        public init(node: String, key: [UInt8]) {
            self.node = node
            self.key = key
        }
    }

    /// When each part of a report was observed; nil where it is not there.
    public struct Dates: Sendable, Hashable {
        public var storage: Instant?
        public var generations: Instant?
        public var manager: Instant?

        public init(storage: Instant? = nil, generations: Instant? = nil, manager: Instant? = nil) {
            self.storage = storage
            self.generations = generations
            self.manager = manager
        }
    }

    /// What became of a ``pause(wait:reason:_:)``.
    public struct PauseOutcome: Sendable, Hashable {
        /// Proxies that were asked.
        public var asked: Int
        /// Those that paused and have no session in a transaction any more.
        public var clear: Int
        /// Sessions in a transaction, summed over the proxies that told.
        public var open: Int

        public init(asked: Int, clear: Int, open: Int) {
            self.asked = asked
            self.clear = clear
            self.open = open
        }
    }

    private final class Pause {
        var waiting: Set<UInt64>
        var outcome: PauseOutcome
        let completion: (PauseOutcome) -> Void
        var deadline: Timer?

        init(waiting: Set<UInt64>, _ completion: @escaping (PauseOutcome) -> Void) {
            self.waiting = waiting
            outcome = PauseOutcome(asked: waiting.count, clear: 0, open: 0)
            self.completion = completion
        }
    }

    /// More than a proxy's own wait: its answer must have time to arrive.
    private static let answerGrace: Instant.Span = .milliseconds(500)

    private let loop: EventLoop
    private let options: Options
    private let listener: Int32
    private let onMove: (_ to: String, _ answer: @escaping (_ isDone: Bool, _ text: String) -> Void) -> Void
    private let onClear: (_ isSettled: Bool, _ answer: @escaping (_ isDone: Bool, _ text: String) -> Void) -> Void
    private let onPlan: (_ to: String, _ answer: @escaping (_ isDone: Bool, _ text: String) -> Void) -> Void
    private let onNote: (String) -> Void
    private var acceptor: Watch?
    private var heartbeat: Timer?
    private var connections: [UInt64: EvidenceConnection] = [:]
    private var names: [UInt64: String] = [:]
    private var lastID: UInt64 = 0
    /// Of strangers, in the present second: sentences that were said, and those that were not.
    private var strangersTold = 0
    private var strangersUntold = 0
    private var telling: Timer?
    private var lastPause: UInt64 = 0
    private var pauses: [UInt64: Pause] = [:]
    private var report: NodeReport?
    private var observedAt: Instant
    private var dates = Dates()
    private var sequence: UInt64 = 0

    /// - Parameters:
    ///   - onMove: asks the cluster to move the primary there; answers once.
    ///   - onClear: takes back what the move told the cluster to prefer; answers once.
    ///   - onPlan: says what a move would do; answers once.
    ///   - onNote: one sentence per change, for the log.
    public init(
        listen: Endpoint, loop: EventLoop, options: Options,
        onMove: @escaping (String, @escaping (Bool, String) -> Void) -> Void,
        onClear: @escaping (Bool, @escaping (Bool, String) -> Void) -> Void,
        onPlan: @escaping (String, @escaping (Bool, String) -> Void) -> Void,
        onNote: @escaping (String) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.options = options
        self.onMove = onMove
        self.onClear = onClear
        self.onPlan = onPlan
        self.onNote = onNote
        observedAt = MonotonicClock.now()
        listener = try Sockets.listen(listen, freebind: true, backlog: 128)
        acceptor = loop.watch(listener, read: true, write: false) { [weak self] _ in self?.accept() }
        heartbeat = loop.schedule(every: options.heartbeat) { [weak self] in self?.tell() }
    }

    /// The port that it listens on.
    public var port: UInt16 { Sockets.local(of: listener)?.endpoint?.port ?? 0 }
    /// Proxies that have proved themselves.
    public var proxyCount: Int { names.count }

    public func close() {
        guard acceptor != nil else { return }
        acceptor?.cancel()
        acceptor = nil
        heartbeat?.cancel()
        telling?.cancel()
        for connection in connections.values { connection.close() }
        connections = [:]
        names = [:]
        Sockets.close(listener)
        for id in pauses.keys.sorted() { finish(id) }
    }

    /// What the node sees from now on. Told at once where it differs from before.
    public func publish(_ new: NodeReport, at now: Instant, dates: Dates = Dates()) {
        observedAt = now
        self.dates = dates
        guard new != report else { return }
        report = new
        sequence += 1
        tell()
    }

    /// Asks every proxy to hold new statements, and calls back once: when all of them have no session in a transaction
    /// any more, or after `wait` and half a second at the latest. With no proxy there at once.
    public func pause(wait: Instant.Span, reason: String, _ completion: @escaping (PauseOutcome) -> Void) {
        lastPause += 1
        let id = lastPause
        let asked = names.keys.sorted().filter {
            connections[$0]?.send(.pause(id: id, wait: wait.milliseconds, reason: reason)) ?? false
        }
        guard !asked.isEmpty else { return completion(PauseOutcome(asked: 0, clear: 0, open: 0)) }
        let pause = Pause(waiting: Set(asked), completion)
        pauses[id] = pause
        pause.deadline = loop.schedule(after: wait + Self.answerGrace) { [weak self] in self?.finish(id) }
    }

    /// Tells every proxy that statements may flow again; how many were told.
    @discardableResult
    public func resume(reason: String) -> Int {
        lastPause += 1
        return names.keys.sorted().count { connections[$0]?.send(.resume(id: lastPause, reason: reason)) ?? false }
    }

    // MARK: connections

    private func accept() {
        for _ in 0..<16 {
            do throws(SystemError) {
                guard let accepted = try Sockets.accept(listener) else { return }
                welcome(accepted)
            } catch {
                // Out of descriptors: the listener would be ready again at once, and forever.
                acceptor?.cancel()
                loop.schedule(after: .milliseconds(200)) { [weak self] in
                    guard let self, acceptor != nil else { return }
                    acceptor = loop.watch(listener, read: true, write: false) { [weak self] _ in self?.accept() }
                }
                return
            }
        }
    }

    private func welcome(_ accepted: Sockets.Accepted) {
        if connections.count >= options.proxiesMax {
            // Whoever fills the house without proving himself keeps nobody out who can.
            guard let stranger = connections.keys.filter({ names[$0] == nil }).min() else {
                return Sockets.close(accepted.descriptor)
            }
            connections.removeValue(forKey: stranger)?.close()
            noteStranger("A connection that proved nothing is closed to make room.")
        }
        lastID += 1
        let id = lastID
        let peer = accepted.peerText
        let link = EvidenceLink(
            side: .agent, name: options.node, key: options.key, nonce: EvidenceConnection.freshNonce())
        let connection = EvidenceConnection(
            loop: loop, descriptor: accepted.descriptor, isConnecting: false, link: link,
            onEvent: { [weak self] _, event in self?.heard(event, id, peer) },
            onEnd: { [weak self] _, reason in self?.lost(id, peer, reason) })
        connections[id] = connection
        connection.start()
        loop.schedule(after: options.strangerTimeout) { [weak self] in
            guard let self, let connection = connections[id], names[id] == nil else { return }
            connection.close()
            connections[id] = nil
            noteStranger("\(peer) has not proved that it knows the key within \(options.strangerTimeout): closed.")
        }
    }

    /// Ten of a second; of more their number.
    private func noteStranger(_ sentence: String) {
        if strangersTold < 10 { onNote(sentence) } else { strangersUntold += 1 }
        strangersTold += 1
        guard telling == nil else { return }
        telling = loop.schedule(after: .seconds(1)) { [weak self] in
            guard let self else { return }
            if strangersUntold > 0 { onNote("\(strangersUntold) more strangers were closed within a second.") }
            strangersTold = 0
            strangersUntold = 0
            telling = nil
        }
    }

    private func heard(_ event: EvidenceLink.Event, _ id: UInt64, _ peer: String) {
        switch event {
        case .established(let name):
            names[id] = name
            onNote("The proxy \(name) at \(peer) has subscribed.")
            tell(only: id)
        case .message(let message): heard(message, from: id)
        case .passedOver: onNote("\(names[id] ?? peer) said something of a newer version: passed over.")
        case .refused: break
        }
    }

    private func heard(_ message: EvidenceMessage, from id: UInt64) {
        switch message {
        case .paused(let pause, let open):
            guard let waiting = pauses[pause], waiting.waiting.remove(id) != nil else { return }
            // Whatever a proxy says, in sum no more than can be said.
            waiting.outcome.open = waiting.outcome.open.saturatingAdd(max(0, open))
            if open == 0 { waiting.outcome.clear += 1 }
            if waiting.waiting.isEmpty { finish(pause) }
        case .move(let request, let to):
            onNote("The proxy \(names[id] ?? "") asks to make \(to) the primary.")
            onMove(to) { [weak self] isDone, text in
                self?.connections[id]?.send(.moved(id: request, isDone: isDone, text: text))
            }
        case .clear(let request, let isSettled):
            onClear(isSettled ?? false) { [weak self] isDone, text in
                self?.connections[id]?.send(.moved(id: request, isDone: isDone, text: text))
            }
        case .plan(let request, let to):
            onPlan(to) { [weak self] isDone, text in
                self?.connections[id]?.send(.moved(id: request, isDone: isDone, text: text))
            }
        case .report, .pause, .resume, .moved: break
        }
    }

    private func lost(_ id: UInt64, _ peer: String, _ reason: String) {
        connections[id] = nil
        if let name = names.removeValue(forKey: id) {
            onNote("The proxy \(name) at \(peer) is gone: \(reason).")
        } else {
            noteStranger("\(peer) is no proxy of ours: \(reason).")
        }
        for pause in pauses.keys.sorted() {
            guard let waiting = pauses[pause], waiting.waiting.remove(id) != nil else { continue }
            if waiting.waiting.isEmpty { finish(pause) }
        }
    }

    private func finish(_ id: UInt64) {
        guard let pause = pauses.removeValue(forKey: id) else { return }
        pause.deadline?.cancel()
        pause.completion(pause.outcome)
    }

    private func tell(only: UInt64? = nil) {
        guard let report else { return }
        let now = MonotonicClock.now()
        func age(_ date: Instant) -> Int64 { max(0, (now - date).milliseconds) }
        let ages = NodeReport.Ages(
            storage: dates.storage.map(age), generations: dates.generations.map(age), manager: dates.manager.map(age))
        for id in only.map({ [$0] }) ?? names.keys.sorted() {
            connections[id]?.send(.report(report, sequence: sequence, age: age(observedAt), ages: ages))
        }
    }
}
