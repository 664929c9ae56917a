import CLibevent
import Cluster
import MySQLWire
import Reactor
import Routing

/// What other threads may tell a worker.
enum WorkerMessage: Sendable {
    case view(ClusterView)
    case address(NodeID, ResolvedAddress)
    case accounts(AccountDirectory)
    case identity(ServerIdentity)
    case schema(SchemaKnowledge, asOf: Instant)
    case pause(PauseCause?)
    case verbosity(Verbosity)
    /// A connection that the accepting worker hands over.
    case adopt(Int32, ResolvedAddress)
    case sample(@Sendable (SecondSample) -> Void)
    /// The primary, silent since then, does not answer a check either.
    case stalled(since: Instant)
    /// The node's server has lived on through that generation until then.
    case livesOn(NodeID, Generation, until: Instant)
    /// End this session; end all on this node.
    case end(UInt32)
    case endAll(NodeID)
    case summaries(@Sendable ([SessionSummary]) -> Void)
    /// Take no new connections, let sessions in the middle of something finish until then.
    case drain(until: Instant)
    /// For the worker that accepts.
    case listen(ListenState, @Sendable (Bool) -> Void)
}

/// One thread of the data plane: a loop, the sessions on it, and the memory they share. Nothing in here is touched by
/// another thread but the mailbox and the counters.
///
/// The extensions of this class are the one place that runs actions: `Acceptance` (new connections), `Login`,
/// `Commands` (what clients send), `Answers` (what nodes send), `Attachment` (logging in to a node), `Loss` (what
/// becomes of a session whose node is gone), `Holding` (the gate).
final class Worker: @unchecked Sendable {
    /// A packet that fits into the buffer with its header is handled whole, a larger one flows.
    static let wholePacketMax = ReceiveBuffer.size
    /// Of a packet that flows, at least this much is seen by the trackers.
    static let packetHeadMin = PacketHeader.size + 64
    static let tick = Instant.Span.milliseconds(20)
    /// Statements under way, and nothing from the node for so long: the node is asked whether it is there.
    static let silenceMin = Instant.Span.milliseconds(80)
    /// How long a node may take to rebuild a session.
    static let restorationTimeMax = Instant.Span.seconds(30)

    let index: Int
    let options: ProxyOptions
    let nodes: [Node]
    /// By the nodes' ids; nil while a name has not been found.
    var addresses: [ResolvedAddress?]
    let mailbox: Mailbox<WorkerMessage>
    let counters: WorkerCounters
    let fleet: FleetState
    let buffer = ReceiveBuffer()

    var base: OpaquePointer!
    var loop: EventLoop!
    var view: ClusterView
    var accounts = AccountDirectory()
    var loginValues = LoginValueTable()
    var identity: ServerIdentity?
    /// What is known of the primary's schemas, and as of when.
    var schema = (knowledge: SchemaKnowledge.none, asOf: Instant(nanoseconds: 0))
    /// What is said of single sessions.
    var verbosity: Verbosity
    /// Who holds statements back; nil while nobody does.
    var pause: PauseCause?
    var paused: Bool { pause != nil }
    /// What clients were told, and what kinds of it in the present episode of trouble.
    var told = ToldErrors()
    var firstTold: (episode: UInt32, kinds: Set<ToldError>) = (0, [])
    /// Set once: the worker goes when its sessions are done, at the latest then.
    var drainDeadline: Instant?
    /// Time at the last event; read once per wake-up is precise enough for ages and deadlines.
    var now = MonotonicClock.now()

    var sessions: SessionRef?
    var sessionCount = 0
    var logins = SessionList(.login)
    var held = SessionList(.held)
    var attaching = SessionList(.attaching)
    var restoring = SessionList(.restoring)
    var postponed = SessionList(.postponed)
    var proving = SessionList(.proving)
    var penalized = SessionList(.penalized)
    var doubtful = SessionList(.doubtful)
    var farewells = SessionList(.farewell)
    /// Whose turn it is when the event under way is over, and when others have had theirs.
    var ready = ReadyList()
    var again = ReadyList()
    var isAgainDue = false
    /// The session whose client is looked for next.
    var presence: SessionRef?
    var refusedLogins = RefusedLoginTeller()
    var accountLimits = AccountLimits()
    /// When it was last told that a check was refused.
    var checkToldAt: Instant?
    var accountsWantedAt = Instant(nanoseconds: 0)
    /// Freed at the next tick: a callback higher up the stack may still look at them.
    var graveyard: [SessionRef] = []
    var governor: ReleaseGovernor
    /// The primary has no seat for the first of those that are held.
    var lacksSeat = false
    /// Where it waits for one, by the seats' book.
    var waitsAt: NodeID?
    /// An attempt to attach has ended: others may begin, once the buffer is free.
    var releaseDue = false
    var ticks = 0
    /// The listeners; of the accepting worker only.
    var gates: [AcceptGate] = []
    var acceptRate = AcceptRate()
    /// Statements answered since the last sample, by ``LatencyScale``.
    let latency = LatencyBuckets()
    var samplesTaken: UInt32 = 1
    /// Sessions that were affected since the last sample, and have ended.
    var affectedAndGone = 0
    var trouble = Trouble()
    /// When something last came from a node: exact for the end of an answer, else as of the tick after.
    var heardAt = MonotonicClock.now()
    /// Something came from a node since the last tick.
    var hasHeard = false
    /// Since when the primary is known to be silent; nil while it is not.
    var stalledSince: Instant?
    /// No earlier is silence reported again.
    var silenceReportDue = Instant(nanoseconds: 0)

    init(
        index: Int, options: ProxyOptions, nodes: [Node], addresses: [ResolvedAddress?], fleet: FleetState,
        view: ClusterView, verbosity: Verbosity
    ) throws(SystemError) {
        self.index = index
        self.verbosity = verbosity
        self.options = options
        self.nodes = nodes
        counters = WorkerCounters(nodeCount: nodes.count)
        self.addresses = addresses
        self.fleet = fleet
        self.view = view
        self.governor = ReleaseGovernor(concurrencyMax: options.releaseConcurrency)
        self.mailbox = try Mailbox()
    }

    /// The thread's body. Returns when the worker has drained.
    func run(listeners: [Int32]) throws(SystemError) {
        let loop = try EventLoop()
        self.loop = loop
        self.base = loop.base
        mailbox.attach(to: loop) { [unowned self] in self.receive($0) }
        gates = listeners.map { AcceptGate(descriptor: $0) }
        for gate in gates { watch(gate) }
        loop.schedule(every: Worker.tick) { [unowned self] in self.onTick() }
        loop.run()
        while let s = sessions { destroy(s, reset: false) }
        bury()
        for gate in gates { gate.close() }
    }

    private func receive(_ message: WorkerMessage) {
        now = MonotonicClock.now()
        defer { goOn() }
        switch message {
        case .view(let view): adopt(view)
        case .address(let node, let address): addresses[node.rawValue] = address
        case .accounts(let accounts):
            self.accounts = accounts
            proveAgain()
        case .identity(let identity): adopt(identity)
        case .schema(let knowledge, let asOf): learned(knowledge, asOf: asOf)
        case .pause(let cause):
            pause = cause
            if cause != nil {
                gateClosed()
                askBeforeLeaving()
            } else {
                release()
            }
        case .verbosity(let verbosity): self.verbosity = verbosity
        case .adopt(let descriptor, let peer): admit(descriptor, peer)
        case .sample(let completion): completion(sample())
        case .stalled(let since): stalled(since: since)
        case .livesOn(let node, let generation, let until): livesOn(node, generation, until: until)
        case .end(let id): end { $0.pointee.id == id }
        case .endAll(let node): end { $0.pointee.node == node && $0.pointee.nodeFD >= 0 }
        case .summaries(let completion): completion(summaries())
        case .drain(let deadline): drain(until: deadline)
        case .listen(let state, let completion): completion(setListening(state))
        }
    }

    private func onTick() {
        now = MonotonicClock.now()
        ticks += 1
        // Whoever is to be buried must not stand in a list any more.
        swap(&ready, &again)
        goOn()
        bury()
        listenForSilence()
        while let s = logins.first, s.pointee.deadline <= now { loginTimedOut(s) }
        while let s = farewells.first, s.pointee.deadline <= now { destroy(s, reset: true) }
        while let s = penalized.first, s.pointee.deadline <= now { tellPenalized(s) }
        continueProving()
        while let s = attaching.first, s.pointee.deadline <= now { attachTimedOut(s) }
        while let s = doubtful.first, s.pointee.deadline <= now { doubtRemained(s) }
        while let s = restoring.first, s.pointee.deadline <= now { restorationCutOff(s) }
        while let s = postponed.first, s.pointee.deadline <= now { retryPostponed(s) }
        lookForVanished()
        if fleet.budget.isShort { relieveMemory() }
        expireHeld()
        release()
        if ticks % 50 == 0 {
            closeIdle()
            if held.count == 0, postponed.count == 0 {
                accountLimits.forget(before: now + Instant.Span(nanoseconds: -AccountLimits.toldAgainMin.nanoseconds))
            }
        }
        if let drainDeadline { continueDraining(until: drainDeadline) }
        goOn()
    }

    // MARK: for people

    private func summaries() -> [SessionSummary] {
        var all: [SessionSummary] = []
        var next = sessions
        while let s = next {
            all.append(summary(of: s))
            next = s.pointee.next
        }
        return all
    }

    private func summary(of s: SessionRef) -> SessionSummary {
        let state: String
        switch s.pointee.frontend {
        case .ungreeted, .handshake, .relaying, .penalized: state = "login"
        case .login: state = s.pointee.queue == .held ? "held" : "login"
        case .held: state = s.pointee.queue == .held || s.pointee.queue == .postponed ? "held" : "moving"
        case .idle where s.pointee.refusal != nil: state = "lost"
        case .idle: state = s.pointee.inTransaction ? "transaction" : "idle"
        case .streaming, .discarding, .waiting, .infile: state = "busy"
        case .closing, .leaving: state = "closing"
        }
        return SessionSummary(
            id: s.pointee.id, client: s.pointee.peer.text,
            user: String(decoding: s.pointee.credentials.user, as: UTF8.self),
            database: String(decoding: s.pointee.journal.database ?? [], as: UTF8.self), state: state,
            node: s.pointee.nodeFD >= 0 ? s.pointee.node.map { nodes[$0.rawValue].name } ?? "" : "",
            nodeThreadID: s.pointee.nodeFD >= 0 ? s.pointee.nodeThreadID : 0, age: now - s.pointee.createdAt,
            idle: now - s.pointee.lastActive, statements: s.pointee.statementsBegun, bytesIn: s.pointee.bytesIn,
            bytesOut: s.pointee.bytesOut, moves: s.pointee.moves, forecast: forecast(of: s))
    }
}
