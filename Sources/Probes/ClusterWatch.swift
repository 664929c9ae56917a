import Cluster
import Health
import Reactor

/// Watches all nodes from one loop: runs the checks that the health machine asks for, and hands on what it decides.
/// Lives on its loop's thread, as do its callbacks.
public final class ClusterWatch {
    private let loop: EventLoop
    private let nodes: [Node]
    private var options: WatchOptions
    private let onView: (ClusterView) -> Void
    private let onAccounts: (AccountDirectory) -> Void
    private let onIdentity: (ServerIdentity) -> Void
    private let onSchema: (SchemaReport, Instant) -> Void
    private let onSeats: (NodeID, ServerSeats) -> Void
    private let onLife: (NodeID, Generation, Instant) -> Void
    private let onNote: (String) -> Void

    private var monitor: HealthMonitor
    private let addresses: [NodeAddress]
    private var probes: [SQLProbe] = []
    private let trials: [LoginTrial]
    private let lifeTrials: [LifeTrial]
    /// Of accounts that are not the checks' yet.
    private var accountTrials: [ObjectIdentifier: LoginTrial] = [:]
    /// When the trial began whose result is being taken.
    private var lifeTriedAt = Instant(nanoseconds: 0)
    /// The next check of each node.
    private var timers: [Timer?]
    private var wake: Timer?
    private let reader: AccountReader
    private let schemaReader: SchemaReader
    /// Of the primary; what was told last.
    private var schema: SchemaReport?
    private var schemaGeneration = Generation.none
    private var schemaDue: Timer?
    private var columnsDue: Timer?
    private var isSchemaDueAgain = false
    private var schemaAskedAt = Instant(nanoseconds: 0)
    private var refresh: Timer?
    /// Of the accounts that were handed on last.
    private var accountsFingerprint: Int?
    private var accountsFailure: SQLError?
    /// Generation whose accounts were asked for.
    private var accountsGeneration = Generation.none
    /// A reading has ended, well or not.
    private var haveAccountsBeenRead = false
    /// The very first primary waits for its accounts (some milliseconds, the check's time limit at most): sessions
    /// that it lets through before would be taken for accounts that nobody knows. Later ones do not wait, the
    /// accounts of the one before serve.
    private var withheld: ClusterView?
    private var identity: ServerIdentity?
    private var isRunning = false

    /// - Parameters:
    ///   - nodes: a node's id is its index.
    ///   - agents: which of them have an agent, by the same index.
    ///   - onView: whenever health, roles, the primary or the reason for none changed.
    ///   - onAccounts: the primary's accounts, when they differ from those before.
    ///   - onIdentity: how the primary introduces itself, when it differs from before.
    ///   - onSchema: what is known of the primary's schemas, and as of when.
    ///   - onAddress: where a node is, once that is known; before the first view that elects it.
    ///   - onSeats: how many connections a node takes, and has; before the view that elects it.
    ///   - onLife: a node's server has lived on through that generation until then.
    ///   - onNote: one sentence per change of state, for the log.
    public init(
        loop: EventLoop, nodes: [Node], agents: [Bool] = [], options: WatchOptions,
        onView: @escaping (ClusterView) -> Void,
        onAccounts: @escaping (AccountDirectory) -> Void, onIdentity: @escaping (ServerIdentity) -> Void,
        onSchema: @escaping (SchemaReport, Instant) -> Void = { _, _ in },
        onAddress: @escaping (NodeID, ResolvedAddress) -> Void = { _, _ in },
        onSeats: @escaping (NodeID, ServerSeats) -> Void = { _, _ in },
        onLife: @escaping (NodeID, Generation, Instant) -> Void = { _, _, _ in },
        onNote: @escaping (String) -> Void
    ) {
        self.loop = loop
        self.nodes = nodes
        self.options = options
        self.onView = onView
        self.onAccounts = onAccounts
        self.onIdentity = onIdentity
        self.onSchema = onSchema
        self.onSeats = onSeats
        self.onLife = onLife
        self.onNote = onNote
        monitor = HealthMonitor(nodes: nodes, agents: agents, options: options.health, at: MonotonicClock.now())
        addresses = nodes.map { node in
            NodeAddress(node.endpoint, loop: loop) { onAddress(node.id, $0) }
        }
        timers = nodes.map { _ in nil }
        reader = AccountReader(loop: loop, options: options)
        schemaReader = SchemaReader(loop: loop)
        trials = addresses.map { LoginTrial(loop: loop, address: $0, options: options) }
        lifeTrials = addresses.map { LifeTrial(loop: loop, address: $0, options: options) }
        probes = nodes.map { node in
            SQLProbe(
                loop: loop, address: addresses[node.id.rawValue], options: options,
                onSeats: { [weak self] in self?.onSeats(node.id, $0) },
                onResult: { [weak self] in self?.finished(node.id, $0) },
                onLost: { [weak self] in self?.lost(node.id) })
        }
        reader.handOn = { [weak self] in self?.readSchema($0) }
    }

    /// Begins to check. Publishes nothing before the first answer.
    public func start() {
        guard !isRunning else { return }
        isRunning = true
        for address in addresses { address.seek() }
        scheduleRefresh()
        run(monitor.started(at: MonotonicClock.now()))
    }

    /// Watches on with other options: the primary stays what it is, as do the checks' connections.
    public func set(_ options: WatchOptions) {
        self.options = options
        monitor.set(options.health)
        for probe in probes { probe.options = options }
        for trial in trials { trial.options = options }
        for trial in lifeTrials { trial.options = options }
        reader.options = options
        if isRunning { scheduleRefresh() }
    }

    private func scheduleRefresh() {
        refresh?.cancel()
        refresh = loop.schedule(every: options.accountsRefresh) { [weak self] in
            self?.refreshAccounts()
            self?.tryLogins()
        }
    }

    /// The primary is logged in to by whoever reads its accounts. Of the others only a server that answers is asked.
    private func tryLogins() {
        for node in monitor.view.nodes where node.node.id != monitor.view.primary && node.health == .up {
            tryLogin(node.node.id)
        }
    }

    private func tryLogin(_ node: NodeID) {
        guard isRunning, trials.indices.contains(node.rawValue) else { return }
        trials[node.rawValue].begin { [weak self] result in
            guard let self else { return }
            run(monitor.loginTried(node, result, at: MonotonicClock.now()))
        }
    }

    /// Logs another account in, as the checks would. The primary's word counts; without one, any server's that lets it in.
    ///
    /// - Parameter completion: once, from the loop, within the account's own time limit: why it must not be taken; nil where
    ///   it may. A primary that is lost meanwhile proves nothing; where there is none, and no server answers, nothing
    ///   speaks against it.
    public func tryAccount(_ options: WatchOptions, _ completion: @escaping (String?) -> Void) {
        let primary = monitor.view.primary
        let asked = nodes.filter { primary == nil || $0.id == primary }
        var refusals: [String] = []
        var isTaken = false
        var left = asked.count
        for node in asked {
            let trial = LoginTrial(loop: loop, address: addresses[node.id.rawValue], options: options)
            accountTrials[ObjectIdentifier(trial)] = trial
            trial.begin { [weak self] result in
                self?.accountTrials[ObjectIdentifier(trial)] = nil
                left -= 1
                switch result {
                case nil: isTaken = true
                case let result?:
                    if primary != nil || result.loginTrouble != nil {
                        refusals.append("\(node.name) says: \(result.sentence)")
                    }
                }
                if left == 0 { completion(isTaken ? nil : refusals.isEmpty ? nil : refusals.joined(separator: "; ")) }
            }
        }
    }

    private func tryLife(_ node: NodeID) {
        guard isRunning, lifeTrials.indices.contains(node.rawValue) else { return }
        lifeTrials[node.rawValue].begin { [weak self] result, began in
            guard let self else { return }
            lifeTriedAt = began
            run(monitor.lifeTried(node, result, at: MonotonicClock.now()))
        }
    }

    /// At once, or with the check after the one under way.
    private func flushHosts(_ node: NodeID) {
        guard isRunning, probes.indices.contains(node.rawValue) else { return }
        probes[node.rawValue].flushHosts { [weak self] outcome in
            guard let self else { return }
            run(monitor.hostsFlushed(node, outcome, at: MonotonicClock.now()))
        }
        plan(node, .zero)
    }

    /// Ends all checks and connections. No callback comes any more.
    public func stop() {
        isRunning = false
        for address in addresses { address.stop() }
        for timer in timers { timer?.cancel() }
        for probe in probes { probe.stop() }
        for trial in trials { trial.stop() }
        for trial in accountTrials.values { trial.stop() }
        for trial in lifeTrials { trial.stop() }
        reader.stop()
        schemaReader.stop()
        schemaDue?.cancel()
        columnsDue?.cancel()
        refresh?.cancel()
        wake?.cancel()
    }

    /// As of now; between two calls of `onView` only the sentences on the latest checks move.
    public var view: ClusterView { monitor.view }

    /// What the view is made of, as of now.
    public var evidence: [EvidencePiece] { monitor.evidence }

    /// What live traffic saw. Cheap: hundreds of sessions may report the same.
    public func observe(_ node: NodeID, _ evidence: TrafficEvidence) {
        guard isRunning else { return }
        run(monitor.observed(node, evidence, at: MonotonicClock.now()))
    }

    /// Checks the node now, out of turn, unless a check is under way.
    public func ask(_ node: NodeID) { plan(node, .zero) }

    /// How long the check under way has gone without an answer; nil where none is under way.
    public func unanswered(_ node: NodeID) -> Instant.Span? {
        guard isRunning, probes.indices.contains(node.rawValue), probes[node.rawValue].isUnderWay else { return nil }
        return MonotonicClock.now() - probes[node.rawValue].beganAt
    }

    /// Sessions wait for a seat at that node; nil for none. As long as they do, its connections are counted.
    public func isFull(_ node: NodeID?) {
        guard isRunning else { return }
        for probe in nodes { probes[probe.id.rawValue].countsSeats = probe.id == node }
        run(monitor.isFull(node, at: MonotonicClock.now()))
    }

    /// What the node's agent observed that long ago, and each part of it.
    public func agentReported(
        _ node: NodeID, _ report: NodeReport, age: Instant.Span, ages: NodeReport.Ages = NodeReport.Ages()
    ) {
        guard isRunning else { return }
        run(monitor.agentReported(node, report, age: age, ages: ages, at: MonotonicClock.now()))
    }

    public func agentLost(_ node: NodeID, _ reason: String) {
        guard isRunning else { return }
        run(monitor.agentLost(node, reason, at: MonotonicClock.now()))
    }

    /// Asks the primary for its accounts now; without a primary nothing happens.
    public func refreshAccounts() {
        guard isRunning, let primary = monitor.view.primary, !reader.isUnderWay else { return }
        let generation = monitor.view.generation
        accountsGeneration = generation
        reader.read(addresses[primary.rawValue]) { [weak self] result in
            guard let self, monitor.view.generation == generation else { return }
            took(result, from: primary)
        }
    }

    /// A session creates or alters a table or a program, or has done so: what was known of the schemas is asked for again,
    /// soon.
    public func schemaChanged() {
        schemaReader.forget()
        guard isRunning, schemaDue == nil else { return }
        let rest = Self.schemaPause - (MonotonicClock.now() - schemaAskedAt)
        schemaDue = loop.schedule(after: max(.zero, rest)) { [weak self] in self?.schemaIsDue() }
    }

    private func schemaIsDue() {
        schemaDue = nil
        schemaAskedAt = MonotonicClock.now()
        if schemaReader.isReadingColumns { schemaReader.stop() }
        // One that has begun before says nothing of what has changed since; but a long one is let through.
        isSchemaDueAgain = schemaReader.isUnderWay
        if !isSchemaDueAgain { refreshAccounts() }
    }

    /// Migrations create many tables.
    private static let schemaPause = Instant.Span.milliseconds(200)

    /// The accounts are read, the connection serves once more.
    private func readSchema(_ connection: SQLConnection) {
        let generation = monitor.view.generation
        if generation != schemaGeneration {
            schemaGeneration = generation
            schemaReader.stop()
            schemaReader.moved()
        }
        schemaReader.read(on: connection) { [weak self] report, asOf in
            guard let self, isRunning, monitor.view.generation == generation else { return }
            let before = schema
            schema = report
            onSchema(report, asOf)
            // Said when it counts.
            if report.tables != before?.tables { onNote(sentence(on: report.tables)) }
            if report.isWhole, report.programs == nil, before?.isWhole != true || before?.programs != nil {
                onNote(Self.programsUnseen)
            }
            if let programs = report.programs, before?.programs == nil {
                onNote("The texts of \(programs.count) stored programs were read.")
            }
            if let triggers = report.triggers, before?.triggers == nil {
                onNote("The texts of \(triggers.count) triggers were read.")
            }
            if isSchemaDueAgain {
                isSchemaDueAgain = false
                schemaChanged()
            } else if let rest = schemaReader.columnsDueIn {
                columnsDue?.cancel()
                columnsDue = loop.schedule(after: rest) { [weak self] in self?.refreshAccounts() }
            }
        }
    }

    private static let programsUnseen =
        "The check's account does not see what stored programs do: GRANT SELECT ON mysql.proc TO it. Until then it is not "
        + "known when a CALL leaves a lock, a user variable or SET TRANSACTION in its session."

    private func sentence(on facts: TableFacts) -> String {
        switch facts {
        case .transactional: "All tables are of engines with transactions."
        case .mixed(let count, let example):
            "\(count) tables are without transactions (\(example)): a transaction that the primary's loss ends is told as "
                + "unknown (1927), not as rolled back (1213)."
        case .unknown:
            "The check's account does not see which engines the tables have: GRANT REFERENCES ON *.* to it. Until then a "
                + "transaction that the primary's loss ends is told as unknown (1927), not as rolled back (1213)."
        }
    }

    public func set(_ node: NodeID, administrative state: AdministrativeState) {
        run(monitor.administered(node, state, at: MonotonicClock.now()))
    }

    /// An administrator's word on a node's health, until the next check.
    public func declare(_ node: NodeID, _ word: HealthWord) {
        run(monitor.declared(node, word, at: MonotonicClock.now()))
    }

    public func setChecked(_ node: NodeID, _ isChecked: Bool) {
        run(monitor.setChecked(node, isChecked, at: MonotonicClock.now()))
    }

    /// Whether the word of the node's agent counts.
    public func setAgent(_ node: NodeID, isHeard: Bool) {
        run(monitor.setAgent(node, isHeard: isHeard, at: MonotonicClock.now()))
    }

    public func declareAgent(_ node: NodeID, isUp: Bool) {
        run(monitor.agentDeclared(node, isUp: isUp, at: MonotonicClock.now()))
    }

    // MARK: events

    private func finished(_ node: NodeID, _ result: ProbeResult) {
        guard isRunning else { return }
        run(monitor.probeFinished(node, result, at: MonotonicClock.now()))
        introduce()
    }

    private func lost(_ node: NodeID) {
        guard isRunning else { return }
        run(monitor.probeConnectionLost(node, at: MonotonicClock.now()))
    }

    private func took(_ result: Result<AccountReader.Reading, SQLError>, from node: NodeID) {
        defer {
            haveAccountsBeenRead = true
            if let withheld { publish(withheld) }
        }
        switch result {
        case .success(let read):
            accountsFailure = nil
            run(monitor.loginTried(node, nil, at: MonotonicClock.now()))
            guard read.fingerprint != accountsFingerprint else { return }
            accountsFingerprint = read.fingerprint
            onNote("\(read.accounts.count) accounts were read from \(nodes[node.rawValue].name).")
            onAccounts(read.accounts)
        case .failure(let error):
            // Its number says what it is; the text may name the connection, which is another one each time.
            if error.code != accountsFailure?.code || error.refusal != accountsFailure?.refusal {
                onNote("The accounts of \(nodes[node.rawValue].name) can't be read, the last ones stay: \(error).")
            }
            accountsFailure = error
            run(monitor.loginTried(node, error.isAboutTables ? nil : error.probeResult, at: MonotonicClock.now()))
        }
    }

    private func introduce() {
        guard let primary = monitor.view.primary, let present = probes[primary.rawValue].identity,
            present != identity
        else { return }
        identity = present
        onIdentity(present)
    }

    // MARK: actions

    private func run(_ actions: [HealthMonitor.Action]) {
        for action in actions {
            switch action {
            case .note(let sentence): onNote(sentence)
            case .publish(let view): publish(view)
            case .probe(let node, let delay): plan(node, delay)
            case .tryLogin(let node): tryLogin(node)
            case .tryLife(let node): tryLife(node)
            case .livesOn(let node, let generation): onLife(node, generation, lifeTriedAt)
            case .flushHosts(let node): flushHosts(node)
            case .wake(let delay):
                wake?.cancel()
                wake = loop.schedule(after: delay) { [weak self] in
                    guard let self else { return }
                    run(monitor.timerFired(at: MonotonicClock.now()))
                }
            }
        }
    }

    private func publish(_ view: ClusterView) {
        if view.primary != nil, view.generation != accountsGeneration {
            reader.stop()
            refreshAccounts()
        }
        if view.primary != nil, !haveAccountsBeenRead {
            withheld = view
            return
        }
        withheld = nil
        // The identity first: a session that the view lets through needs it.
        introduce()
        onView(view)
    }

    private func plan(_ node: NodeID, _ delay: Instant.Span) {
        guard isRunning, probes.indices.contains(node.rawValue), !probes[node.rawValue].isUnderWay else { return }
        timers[node.rawValue]?.cancel()
        timers[node.rawValue] = loop.schedule(after: delay) { [weak self] in
            guard let self, monitor.isChecked(node) else { return }
            probes[node.rawValue].probe()
        }
    }
}
