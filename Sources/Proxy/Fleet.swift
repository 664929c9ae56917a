import Cluster
import Reactor
import Routing
import Synchronization

/// What the data plane is started with.
public struct ProxyOptions: Sendable {
    public var listen: [Endpoint] = []
    public var workers = 1
    /// Sessions at most, over all workers; one more is answered with error 1040.
    public var connectionsMax = 4096
    public var loginTimeout: Instant.Span = .seconds(10)
    /// Idle clients are closed after this long; zero means never (the server's wait_timeout then decides).
    public var clientTimeout: Instant.Span = .zero
    public var holdTimeout: Instant.Span = .seconds(90)
    public var connectTimeout: Instant.Span = .seconds(5)
    /// A client that acknowledges nothing of what it was sent for this long is gone.
    public var clientLostTimeout: Instant.Span = .seconds(30)
    /// Bytes that all sessions together may have kept for them.
    public var memoryMax = 256 << 20
    /// TCP_USER_TIMEOUT towards nodes.
    public var nodeTimeout: Instant.Span = .seconds(30)
    /// Logins to the new primary under way at once, per worker, while held sessions are released.
    public var releaseConcurrency = 32
    /// Send a PROXY protocol v2 header to nodes.
    public var proxyProtocol = false

    public init() {}
}

/// One session, for people.
public struct SessionSummary: Sendable {
    public var id: UInt32
    public var client: String
    public var user: String
    public var database: String
    /// `login`, `idle`, `busy`, `transaction`, `held`, `moving`, `lost`.
    public var state: String
    /// The node's name, empty when detached.
    public var node: String
    /// The node's own thread id, 0 when detached.
    public var nodeThreadID: UInt32
    public var age: Instant.Span
    public var idle: Instant.Span
    public var statements: UInt64
    public var bytesIn: UInt64
    public var bytesOut: UInt64
    public var moves: UInt32
    public var forecast: MoveForecast
}

/// Sums over all workers since the start. `held` and the `…Now` fields are present values.
public struct FleetCounters: Sendable {
    public var sessionsNow = 0
    public var sessionsHeldNow = 0
    /// Of those: as long as the primary has no seat for them.
    public var sessionsWithoutSeatNow = 0
    public var sessionsInTransactionNow = 0
    public var sessionsTotal: UInt64 = 0
    public var statementsBegun: UInt64 = 0
    public var statementsAnswered: UInt64 = 0
    /// Ended by the proxy with an error of its own because of the infrastructure.
    public var statementsFailed: UInt64 = 0
    public var statementsHeldTotal: UInt64 = 0
    public var statementsRerun: UInt64 = 0
    /// Of which nobody knows whether they took effect.
    public var statementsUnknown: UInt64 = 0
    /// To another node; to the same one by a connection made anew.
    public var sessionsMoved: UInt64 = 0
    public var sessionsReconnected: UInt64 = 0
    public var loginsRefused: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    /// Bytes kept for sessions, and how many there may be.
    public var memoryKept = 0
    public var memoryMax = 0
    /// How often something was not kept, or a session ended, for want of room.
    public var memoryRefusals: UInt64 = 0
    /// By the nodes' ids.
    public var nodes: [NodeActivity] = []

    public init() {}
}

extension NodeActivity {
    fileprivate mutating func add(_ c: borrowing NodeCounters) {
        sessions += Int(c.sessionsNow.current)
        sessionsTotal += c.sessionsTotal.current
        connects += c.connects.current
        connectsFailed += c.connectsFailed.current
        bytesIn += c.bytesIn.current
        bytesOut += c.bytesOut.current
        statementsAnswered += c.answered.current
        statementsFailed += c.failed.current
        statementsRerun += c.rerun.current
        statementsAbandoned += c.abandoned.current
        sessionsLeft += c.left.current
    }
}

/// What live traffic saw of a node.
public enum TrafficEvidence: String, Sendable {
    /// Connection refused at connect: nothing listens.
    case refused
    /// An established connection was reset or closed.
    case lost
    /// The node answered as read-only (1290) or as shutting down (1053).
    case notPrimary
    /// The node takes no connection from this host (1129).
    case hostBlocked
    /// A login was begun there and left, which the node counts against this host.
    case loginAborted
}

/// What the workers share: a few atomic counters, and each other.
final class FleetState: Sendable {
    /// Connections that were accepted and have not been closed, those on their way to a worker among them.
    let openSessions = Atomic<Int>(0)
    let onEvidence: @Sendable (NodeID, TrafficEvidence) -> Void
    let onService: @Sendable (ServiceEvent) -> Void
    let onRefusedLogin: @Sendable (RefusedLogin) -> Void
    let onUnknown: @Sendable (UnknownOutcome) -> Void
    let onNote: @Sendable (SessionNote) -> Void
    let onAccountsWanted: @Sendable () -> Void
    private let onSchemaChanged: @Sendable () -> Void
    /// Of what such statements name.
    let changedNames = Guarded(ChangedNames())
    /// When a session last began or ended a statement that may create or alter a table: nanoseconds as ``Instant`` has
    /// them. What was known before of the tables does not hold any more.
    let schemaChangedAt = Atomic<Int64>(0)
    /// The same of what changes programs, triggers or views, or a table's name.
    let programsChangedAt = Atomic<Int64>(0)
    let connectionsMax: Atomic<Int>
    let budget: MemoryBudget
    /// Connections that are taken per second; zero for any number.
    let acceptRateMax = Atomic<Int>(0)
    /// Far above the thread ids of any server, so that a KILL tells the two apart.
    static let firstSessionID: UInt32 = 1_000_000_001
    private let sessionsBegun = Atomic<UInt32>(0)
    private let threads = Guarded<[UInt32: UInt32]>([:])
    private let workers = Guarded<[Worker]>([])
    /// By the nodes' ids.
    private let seats: Guarded<[SeatBook]>

    init(
        options: ProxyOptions, nodeCount: Int, onEvidence: @escaping @Sendable (NodeID, TrafficEvidence) -> Void,
        onService: @escaping @Sendable (ServiceEvent) -> Void,
        onRefusedLogin: @escaping @Sendable (RefusedLogin) -> Void,
        onUnknown: @escaping @Sendable (UnknownOutcome) -> Void, onNote: @escaping @Sendable (SessionNote) -> Void,
        onAccountsWanted: @escaping @Sendable () -> Void, onSchemaChanged: @escaping @Sendable () -> Void
    ) {
        connectionsMax = Atomic(options.connectionsMax)
        budget = MemoryBudget(bytesMax: options.memoryMax)
        seats = Guarded([SeatBook](repeating: SeatBook(), count: nodeCount))
        self.onEvidence = onEvidence
        self.onService = onService
        self.onRefusedLogin = onRefusedLogin
        self.onUnknown = onUnknown
        self.onNote = onNote
        self.onAccountsWanted = onAccountsWanted
        self.onSchemaChanged = onSchemaChanged
    }

    /// Wraps around after 3 billion sessions.
    func nextSessionID() -> UInt32 {
        let begun = sessionsBegun.wrappingAdd(1, ordering: .relaxed).oldValue
        return Self.firstSessionID + begun % (UInt32.max - Self.firstSessionID)
    }

    /// The thread that a session has on its node.
    func thread(of session: UInt32) -> UInt32? { threads.withLock { $0[session] } }
    func set(thread: UInt32?, of session: UInt32) { threads.withLock { $0[session] = thread } }

    /// A session creates or alters a table or a program by this text, or has done so: then they are looked at again. Nil:
    /// the text is not kept.
    func schemaChanged(by text: UnsafeRawBufferPointer?, isOver: Bool, ofPrograms: Bool) {
        let now = MonotonicClock.now()
        changedNames.withLock { $0.note(text, at: now) }
        schemaChangedAt.store(now.nanoseconds, ordering: .releasing)
        if ofPrograms { programsChanged(at: now) }
        if isOver { onSchemaChanged() }
    }

    /// A procedure is called that nobody has read yet.
    func programIsUnseen() {
        programsChanged(at: MonotonicClock.now())
        onSchemaChanged()
    }

    private func programsChanged(at moment: Instant) {
        programsChangedAt.store(moment.nanoseconds, ordering: .releasing)
    }

    /// What was known as of that moment still holds for the table of this insert.
    func isUnchanged(_ text: UnsafeRawBufferPointer, since moment: Instant) -> Bool {
        moment.nanoseconds > schemaChangedAt.load(ordering: .acquiring)
            || changedNames.withLock { $0.isUnchanged(text, since: moment) }
    }

    /// Reads or changes what is known of a node's seats.
    func seats<Value: Sendable>(of node: NodeID, _ body: @Sendable (inout SeatBook) -> Value) -> Value {
        seats.withLock { body(&$0[node.rawValue]) }
    }

    /// Held sessions of all workers that wait for a seat at the primary.
    var withoutSeat: Int { workers.withLock { $0.reduce(0) { $0 + Int($1.counters.withoutSeatNow.current) } } }

    func set(_ all: [Worker]) { workers.withLock { $0 = all } }

    /// Hands a new connection to the worker with the fewest sessions. One that is too many stays with the acceptor, which
    /// sends it away at once: in a mailbox it would hold a descriptor beyond the limit for as long as that worker takes.
    func place(_ descriptor: Int32, _ peer: ResolvedAddress, acceptor: Worker) {
        let isTooMany =
            openSessions.wrappingAdd(1, ordering: .relaxed).newValue > connectionsMax.load(ordering: .relaxed)
        if isTooMany { return acceptor.admit(descriptor, peer, isTooMany: true) }
        let least = workers.withLock { all in
            all.min { $0.counters.sessionsNow.current < $1.counters.sessionsNow.current }
        }
        guard let least, least !== acceptor else { return acceptor.admit(descriptor, peer) }
        least.mailbox.post(.adopt(descriptor, peer))
    }
}

/// The data plane's workers, as the rest of the program sees them. Every method may be called from any thread.
public final class Fleet: Sendable {
    /// Called on a worker's thread.
    public typealias EvidenceHandler = @Sendable (NodeID, TrafficEvidence) -> Void

    private let options: ProxyOptions
    private let nodes: [Node]
    private let state: FleetState
    private let workers = Guarded<[Worker]>([])
    private let threads = Guarded<[WorkerThread]>([])
    private let paused = Atomic<Bool>(false)
    private let verbosity = Atomic<UInt8>(0)
    private let view = Guarded<ClusterView?>(nil)

    /// - Parameters:
    ///   - onService: called on a worker's thread; each worker speaks for its own sessions.
    ///   - onRefusedLogin: the same; a few a second.
    ///   - onUnknown: the same; one for every session whose statement nobody knows the outcome of.
    ///   - onNote: the same; as much as ``set(_:)`` asks for.
    ///   - onAccountsWanted: the same; an account is in use that is not among those published.
    ///   - onSchemaChanged: the same; what was published of the tables may not hold any more.
    public init(
        options: ProxyOptions, nodes: [Node], onEvidence: @escaping EvidenceHandler,
        onService: @escaping @Sendable (ServiceEvent) -> Void = { _ in },
        onRefusedLogin: @escaping @Sendable (RefusedLogin) -> Void = { _ in },
        onUnknown: @escaping @Sendable (UnknownOutcome) -> Void = { _ in },
        onNote: @escaping @Sendable (SessionNote) -> Void = { _ in },
        onAccountsWanted: @escaping @Sendable () -> Void = {},
        onSchemaChanged: @escaping @Sendable () -> Void = {}
    ) {
        self.options = options
        self.nodes = nodes
        self.state = FleetState(
            options: options, nodeCount: nodes.count, onEvidence: onEvidence, onService: onService,
            onRefusedLogin: onRefusedLogin, onUnknown: onUnknown, onNote: onNote, onAccountsWanted: onAccountsWanted,
            onSchemaChanged: onSchemaChanged)
    }

    /// Binds the listeners and starts the worker threads. Where nodes are that are configured by name comes later.
    public func start() throws(SystemError) {
        let addresses = nodes.map { Sockets.numeric($0.endpoint) }
        var listeners: [Int32] = []
        for endpoint in options.listen { listeners.append(try Sockets.listen(endpoint, freebind: true)) }
        let unobserved = ClusterView.unobserved(nodes, at: MonotonicClock.now())
        var all: [Worker] = []
        for index in 0..<max(1, options.workers) {
            all.append(
                try Worker(
                    index: index, options: options, nodes: nodes, addresses: addresses, fleet: state,
                    view: view.withLock { $0 } ?? unobserved,
                    verbosity: Verbosity(rawValue: verbosity.load(ordering: .relaxed)) ?? .none))
        }
        state.set(all)
        workers.withLock { [all] in $0 = all }
        for worker in all {
            let mine = worker.index == 0 ? listeners : []
            let thread = try spawnThread(named: "worker-\(worker.index)") { [worker, mine] in
                do {
                    try worker.run(listeners: mine)
                } catch {
                    fatalError("worker \(worker.index): \(error)")
                }
            }
            threads.withLock { $0.append(thread) }
        }
    }

    public func publish(_ view: ClusterView) {
        self.view.withLock { $0 = view }
        post(.view(view))
    }

    /// Where a node is; before the first view in which it is the primary.
    public func publish(_ address: ResolvedAddress, of node: NodeID) { post(.address(node, address)) }

    public func publish(_ accounts: AccountDirectory) { post(.accounts(accounts)) }

    /// How many connections a node takes, and has at this moment.
    public func publish(_ seats: ServerSeats, of node: NodeID) { state.seats(of: node) { $0.learned(seats) } }

    /// How full the node is: sessions that wait for a seat there, its connections that are this proxy's, and what its
    /// `max_connections` is where that is known.
    public func fullness(of node: NodeID) -> FullServer {
        let book = state.seats(of: node) { $0 }
        return FullServer(connectionsMax: book.connectionsMax, waiting: state.withoutSeat, taken: book.taken)
    }

    public func publish(_ identity: ServerIdentity) { post(.identity(identity)) }
    /// What is known of the primary's schemas, as of that moment.
    public func publish(_ schema: SchemaKnowledge, asOf moment: Instant) {
        if schema.knowsColumns { state.changedNames.withLock { $0.forget(before: schema.columnsAsOf ?? moment) } }
        post(.schema(schema, asOf: moment))
    }

    /// Holds new statements at transaction boundaries; idempotent.
    public func pause(_ cause: PauseCause) {
        paused.store(true, ordering: .relaxed)
        post(.pause(cause))
    }

    public func resume() {
        paused.store(false, ordering: .relaxed)
        post(.pause(nil))
    }

    /// How much is said of single sessions from now on.
    public func set(_ verbosity: Verbosity) {
        self.verbosity.store(verbosity.rawValue, ordering: .relaxed)
        post(.verbosity(verbosity))
    }

    public var isPaused: Bool { paused.load(ordering: .relaxed) }

    public func counters() -> FleetCounters {
        var sum = FleetCounters()
        sum.nodes = nodes.map { _ in NodeActivity() }
        sum.memoryKept = state.budget.bytesKept
        sum.memoryMax = state.budget.bytesMax
        sum.memoryRefusals = state.budget.refused
        for worker in workers.withLock({ $0 }) {
            let c = worker.counters
            sum.sessionsNow += Int(c.sessionsNow.current)
            sum.sessionsHeldNow += Int(c.heldNow.current)
            sum.sessionsWithoutSeatNow += Int(c.withoutSeatNow.current)
            sum.sessionsInTransactionNow += Int(c.inTransactionNow.current)
            sum.sessionsTotal += c.sessionsTotal.current
            sum.statementsBegun += c.begun.current
            sum.statementsAnswered += c.answered.current
            sum.statementsFailed += c.failed.current
            sum.statementsHeldTotal += c.heldTotal.current
            sum.statementsRerun += c.rerun.current
            sum.statementsUnknown += c.unknown.current
            sum.sessionsMoved += c.moved.current
            sum.sessionsReconnected += c.reconnected.current
            sum.loginsRefused += c.loginsRefused.current
            sum.bytesIn += c.bytesIn.current
            sum.bytesOut += c.bytesOut.current
            for index in sum.nodes.indices { sum.nodes[index].add(c.nodes[index]) }
        }
        return sum
    }

    /// Collects from all workers; the completion runs on some worker's thread.
    public func sessions(_ completion: @escaping @Sendable ([SessionSummary]) -> Void) {
        let all = workers.withLock { $0 }
        guard !all.isEmpty else { return completion([]) }
        let collection = SummaryCollection(parts: all.count, completion)
        for worker in all { worker.mailbox.post(.summaries { collection.add($0) }) }
    }

    /// One sample of all workers; the completion runs on some worker's thread.
    public func sample(_ completion: @escaping @Sendable (SecondSample) -> Void) {
        let all = workers.withLock { $0 }
        guard !all.isEmpty else { return completion(SecondSample()) }
        let collection = SampleCollection(parts: all.count, completion)
        for worker in all { worker.mailbox.post(.sample { collection.add($0) }) }
    }

    /// Tells a worker that the primary, from which it has heard nothing since then, does not answer a check either.
    public func stalled(worker index: Int, since: Instant) {
        let all = workers.withLock { $0 }
        if all.indices.contains(index) { all[index].mailbox.post(.stalled(since: since)) }
    }

    /// The node's server has lived on through that generation until then: a connection of that generation which ended
    /// before did not end with it.
    public func livesOn(_ node: NodeID, _ generation: Generation, until: Instant) {
        post(.livesOn(node, generation, until: until))
    }

    /// Ends a session, with error 1927. One that is not there is nothing.
    public func endSession(_ id: UInt32) { post(.end(id)) }

    /// Ends all sessions that are attached to a node.
    public func endSessions(on node: NodeID) { post(.endAll(node)) }

    public var connectionsMax: Int { state.connectionsMax.load(ordering: .relaxed) }

    /// From the next connection on; those above a lower limit stay.
    public func setConnectionsMax(_ count: Int) { state.connectionsMax.store(count, ordering: .relaxed) }

    /// Connections taken per second; zero for any number. What comes faster waits in the kernel.
    public func setAcceptRateMax(_ count: Int) { state.acceptRateMax.store(count, ordering: .relaxed) }

    /// Whether new connections are taken. `closed` is for good.
    ///
    /// - Parameter completion: on a worker's thread, once it is so; false where it could not be done.
    public func setListening(_ state: ListenState, _ completion: @escaping @Sendable (Bool) -> Void) {
        guard let acceptor = workers.withLock({ $0.first }) else { return completion(false) }
        acceptor.mailbox.post(.listen(state, completion))
    }

    /// Takes no new connections, lets sessions in the middle of something finish until the deadline, closes all, ends
    /// the threads. Returns when that is done, what was counted until then.
    @discardableResult
    public func stop(drain: Instant.Span) -> SecondSample {
        post(.drain(until: MonotonicClock.now() + drain))
        for thread in threads.withLock({ all in
            defer { all = [] }
            return all
        }) {
            thread.join()
        }
        // Their threads have ended: nobody else touches them any more.
        var sum = SecondSample()
        for worker in workers.withLock({ $0 }) { sum.add(worker.sample()) }
        return sum
    }

    /// While ``stop(drain:)`` waits: its deadline is now.
    public func endDrain() { post(.drain(until: MonotonicClock.now())) }

    private func post(_ message: WorkerMessage) {
        for worker in workers.withLock({ $0 }) { worker.mailbox.post(message) }
    }
}

/// Gathers the answers of all workers.
private final class SummaryCollection: Sendable {
    private let gathered: Guarded<(missing: Int, all: [SessionSummary])>
    private let completion: @Sendable ([SessionSummary]) -> Void

    init(parts: Int, _ completion: @escaping @Sendable ([SessionSummary]) -> Void) {
        gathered = Guarded((parts, []))
        self.completion = completion
    }

    func add(_ part: [SessionSummary]) {
        let complete = gathered.withLock { state -> [SessionSummary]? in
            state.all += part
            state.missing -= 1
            return state.missing == 0 ? state.all.sorted { $0.id < $1.id } : nil
        }
        if let complete { completion(complete) }
    }
}

/// Adds up the samples of all workers.
private final class SampleCollection: Sendable {
    private let gathered: Guarded<(missing: Int, sum: SecondSample)>
    private let completion: @Sendable (SecondSample) -> Void

    init(parts: Int, _ completion: @escaping @Sendable (SecondSample) -> Void) {
        gathered = Guarded((parts, SecondSample()))
        self.completion = completion
    }

    func add(_ part: SecondSample) {
        let complete = gathered.withLock { state -> SecondSample? in
            state.sum.add(part)
            state.missing -= 1
            return state.missing == 0 ? state.sum : nil
        }
        if let complete { completion(complete) }
    }
}
