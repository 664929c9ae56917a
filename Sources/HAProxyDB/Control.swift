import Admin
import Cluster
import Foundation
import Glibc
import Health
import Logging
import Probes
import Proxy
import Reactor
import Routing
import Settings

/// The control thread: watches the nodes, tells the data plane what it finds, serves the admin socket, and hears the
/// signals. Lives on the program's first thread.
final class Control {
    private enum Message: Sendable {
        case evidence(NodeID, Proxy.TrafficEvidence)
        case sessions(request: UInt64, [SessionSummary])
        case service(ServiceEvent)
        case refusedLogin(RefusedLogin)
        case unknown(UnknownOutcome)
        case accountsWanted
        case schemaChanged
        case sample(SecondSample, at: Instant)
        case listening(request: UInt64, FrontendState, isDone: Bool)
        case drained(SecondSample?)
    }

    private let file: ConfigurationFile
    private var configuration: Configuration
    private let log: Logger
    private let loop: EventLoop
    private let mailbox: Mailbox<Message>
    private let fleet: Fleet
    let ledger: LedgerKeeper
    private let unknown: UnknownTeller
    private let teller: OutageTeller
    private let nodes: [Node]
    private let startedAt = MonotonicClock.now()
    private let budget: DescriptorBudget
    private let hostname: String
    private var watch: ClusterWatch?
    private var server: AdminServer?
    private var web: HTTPServer?
    private var desk: ClusterDesk?
    private var frontend = FrontendState.open
    private var holders: Set<PauseHolder> = []

    private var published: ClusterView
    private(set) var outages: OutageHistory
    /// As the primary gives it, before `server_version` takes its place.
    private var identity: ServerIdentity?
    private var accounts = AccountDirectory()
    private var schema: (report: SchemaReport, knowledge: SchemaKnowledge)?
    private var collector: SessionCollector?
    private var requests: [UInt64: ([SessionRow]) -> Void] = [:]
    private var answers: [UInt64: (Bool) -> Void] = [:]
    private var lastRequest: UInt64 = 0
    private var crowd = CrowdTeller()
    private var listenerWatch: ListenerWatch?
    private var stopSignals = 0

    init(
        _ configuration: Configuration, file: ConfigurationFile, claim: LedgerClaim
    ) throws(SystemError) {
        self.file = file
        self.configuration = configuration
        log = LogLines.start(configuration.log)
        Signals.ignoreBrokenPipes()
        Signals.unblock([SIGTERM, SIGINT, SIGHUP])
        budget = DescriptorBudget(configuration, limit: try DescriptorLimit.raise())
        hostname = ProcessInfo.processInfo.hostName
        loop = try EventLoop()
        LogLines.watch(loop, log)
        unknown = UnknownTeller(log: log, loop: loop)
        let teller = OutageTeller(log: log, holdTimeout: configuration.failover.holdTimeout)
        self.teller = teller
        let mailbox = try Mailbox<Message>()
        self.mailbox = mailbox
        nodes = configuration.nodes
        var options = ProxyOptions(configuration)
        options.connectionsMax = budget.connectionsMax
        fleet = Fleet(options: options, nodes: nodes) { node, evidence in
            mailbox.post(.evidence(node, evidence))
        } onService: {
            mailbox.post(.service($0))
        } onRefusedLogin: {
            mailbox.post(.refusedLogin($0))
        } onUnknown: {
            mailbox.post(.unknown($0))
        } onNote: { [log] note in
            // On the worker's own thread: whoever logs never waits.
            log.tell(note)
        } onAccountsWanted: {
            mailbox.post(.accountsWanted)
        } onSchemaChanged: {
            mailbox.post(.schemaChanged)
        }
        ledger = LedgerKeeper(
            configuration.availability, claim: claim, nodes: nodes, log: log, loop: loop
        ) { [fleet] in
            fleet.sample { mailbox.post(.sample($0, at: MonotonicClock.now())) }
        } onSettled: {
            teller.settled($0)
        }
        published = .unobserved(nodes, at: startedAt)
        outages = OutageHistory(at: startedAt)
    }

    /// Binds everything; throws where something is not to be had.
    func start() throws(SystemError) {
        // Before anybody can see that the program is there: a SIGHUP that comes too early would end it.
        for signal in [SIGTERM, SIGINT] { Signals.on(signal, loop: loop) { [unowned self] in stop() } }
        Signals.on(SIGHUP, loop: loop) { [unowned self] in reload { _ in } }
        mailbox.attach(to: loop) { [unowned self] in handle($0) }
        let admin = configuration.admin
        SocketDirectory.make(for: admin.socket)
        server = try AdminServer(
            listeners: try admin.listeners(), loop: loop, source: self, stateFile: admin.stateFile,
            limits: budget.adminLimits)
        do throws(SystemError) {
            web = try HTTPServer(admin, loop: loop, source: self, limits: budget.httpLimits)
            web?.remember(SecondFigures.history(ledger.seconds, outages: ledger.outages))
            try fleet.start()
        } catch {
            web?.close()
            server?.close()
            throw error
        }
        fleet.set(Verbosity(configuration.log.level))
        ledger.start()
        publishAccounts()
        let watch = ClusterWatch(
            loop: loop, nodes: nodes, agents: ClusterDesk.agents(configuration),
            options: WatchOptions(configuration.health),
            onView: { [unowned self] in take($0) },
            onAccounts: { [unowned self] in
                accounts = $0
                publishAccounts()
            },
            onIdentity: { [unowned self] in
                identity = $0
                publishIdentity()
            },
            onSchema: { [unowned self] in publish($0, asOf: $1) },
            onAddress: { [fleet] in fleet.publish($1, of: $0) },
            onSeats: { [fleet] in fleet.publish($1, of: $0) },
            onLife: { [fleet] in fleet.livesOn($0, $1, until: $2) },
            onNote: { [log] in log.notice("\($0)") })
        self.watch = watch
        let desk = ClusterDesk(loop: loop, configuration: configuration, name: hostname, host: self)
        self.desk = desk
        server?.restoreState()
        watch.start()
        desk.start()
        announce()
    }

    /// Until a signal ends it.
    func run() { loop.run() }

    private func announce() {
        let listen = configuration.proxy.listen.map(\.description).joined(separator: ", ")
        log.notice("haproxydb \(Program.version) serves on \(listen); admin socket \(configuration.admin.socket).")
        if let sentence = budget.sentence { log.warning("\(sentence)") }
        warn(of: configuration)
        listenerWatch = ListenerWatch(configuration.proxy.listen, loop: loop) { [log] in log.notice("\($0)") }
        if let http = configuration.admin.http { log.notice("The page and the metrics are at http://\(http)/.") }
    }

    private func warn(of configuration: Configuration) {
        for warning in configuration.warnings { log.warning("\(warning)") }
    }

    // MARK: what is found

    private func handle(_ message: Message) {
        switch message {
        case .evidence(let node, let evidence): watch?.observe(node, Health.TrafficEvidence(evidence))
        case .sessions(let request, let summaries):
            requests.removeValue(forKey: request)?(summaries.map(SessionRow.init))
        case .service(.silent(let node, let worker, let since)): listen(to: node, worker: worker, since: since)
        case .service(.told(let error, let time)):
            ledger.take(.told(error, at: time))
            teller.take(error, at: time)
        case .service(let event): ledger.take(event)
        case .refusedLogin(let login): note(login)
        case .unknown(let outcome):
            ledger.take(outcome)
            unknown.take(outcome)
        case .accountsWanted: watch?.refreshAccounts()
        case .schemaChanged: watch?.schemaChanged()
        case .sample(let sample, let time):
            ledger.take(sample, at: time)
            lookForFullness(at: time)
            teller.take(sample, view, pause: pauseCause, at: time)
            web?.record(WorkSample(sample))
        case .listening(let request, let state, let isDone):
            if isDone { frontend = state }
            answers.removeValue(forKey: request)?(isDone)
        case .drained(let last): end(last)
        }
    }

    private func lookForFullness(at now: Instant) {
        let full = published.primary.map { fleet.fullness(of: $0) }
        watch?.isFull((full?.waiting ?? 0) > 0 ? published.primary : nil)
        switch crowd.saw(full, at: now) {
        case .nothing: break
        case .waits(let full):
            let name = published.primary.map { published.name(of: $0) } ?? ""
            log.warning("The primary \(name) \(full.sentence); \(full.taken) of its connections are this proxy's.")
        case .ended(let length): log.notice("Nobody waits for a seat at the primary any more, after \(length).")
        }
    }

    private func note(_ login: RefusedLogin) {
        if login.waits {
            let limit = "\(login.code) \(login.message)"
            return log.warning("Sessions of '\(login.user)' wait: the primary refuses them: \(limit).")
        }
        let more = login.untold > 0 ? " \(login.untold) more were refused since the last one of which was told." : ""
        log.tell(
            .notice, .loginRefused, [.user: login.user, .client: login.client, .code: "\(login.code)"],
            "Login of '\(login.user)' from \(login.client) was refused: \(login.code) \(login.message).\(more)")
    }

    /// So long a check may take before statements that wait as well count as an outage.
    private static let checkPatience = Instant.Span.milliseconds(40)

    /// Statements wait, and the primary has said nothing for a while. Where it answers a check they just take long.
    private func listen(to node: NodeID, worker: Int, since: Instant) {
        watch?.ask(node)
        loop.schedule(after: Self.checkPatience) { [weak self] in
            // Once more around: on a busy machine the answer may be there and not have been read.
            self?.loop.schedule(after: .zero) { [weak self] in
                guard let self, let silent = watch?.unanswered(node), silent >= Self.checkPatience else { return }
                fleet.stalled(worker: worker, since: since)
            }
        }
    }

    private func take(_ view: ClusterView) {
        published = view
        ledger.take(view)
        fleet.publish(view)
        desk?.take(view)
        server?.observe(view)
        web?.viewChanged()
        teller.take(
            outages.observe(view, at: MonotonicClock.now()), view, isPaused: fleet.isPaused,
            sessions: fleet.counters().sessionsNow)
    }

    private func publishAccounts() {
        fleet.publish(AccountDirectory(configuration.users).filled(from: accounts))
    }

    private func publish(_ report: SchemaReport, asOf moment: Instant) {
        let knowledge = SchemaKnowledge(report, last: schema)
        schema = (report, knowledge)
        fleet.publish(knowledge, asOf: moment)
    }

    private func publishIdentity() {
        guard var identity else { return }
        if let version = configuration.proxy.serverVersion { identity.version = version }
        fleet.publish(identity)
    }

    // MARK: the end

    private func stop() {
        stopSignals += 1
        switch stopSignals {
        case 1:
            let drain = configuration.failover.drainTimeout
            log.notice("Stopping: busy sessions may finish for up to \(drain); a second signal ends them.")
            stopFleet(drain)
        case 2:
            log.warning("Stopping at once.")
            // Whoever waits for the workers goes on to do so: they still have to tell their clients.
            fleet.endDrain()
        default:
            log.critical("Ended by a third signal.")
            server?.close()
            LogLines.finish()
            exit(1)
        }
    }

    /// Waiting for the workers is done elsewhere: the control thread goes on meanwhile.
    private func stopFleet(_ drain: Instant.Span) {
        do throws(SystemError) {
            try spawnThread(named: "drain") { [fleet, mailbox] in
                mailbox.post(.drained(fleet.stop(drain: drain)))
            }
        } catch {
            log.error("Stopping without a drain: \(error).")
            end(nil)
        }
    }

    /// - Parameter last: what the data plane had counted when it ended.
    private func end(_ last: SecondSample?) {
        guard server != nil else { return }
        web?.close()
        server?.close()
        server = nil
        desk?.stop()
        watch?.stop()
        ledger.close(last)
        log.notice("Stopped.")
        loop.stop()
    }
}

// MARK: - the desk's view

extension Control: ClusterDeskHost {
    func countBusySessions(_ completion: @escaping (Int) -> Void) {
        sessions { rows in completion(rows.count { $0.state == "busy" || $0.state == "transaction" }) }
    }

    func hold(_ holder: PauseHolder) {
        if holders.isEmpty {
            ledger.pause(isPlanned: isPlanned(holder))
            teller.paused(at: MonotonicClock.now())
        }
        holders.insert(holder)
        if let cause = pauseCause { fleet.pause(cause) }
    }

    func release(_ holder: PauseHolder) {
        guard holders.remove(holder) != nil else { return }
        guard holders.isEmpty else {
            if let cause = pauseCause { fleet.pause(cause) }
            return
        }
        ledger.resume()
        fleet.resume()
        teller.resumed(view)
    }

    /// Who holds statements back, for clients and the log.
    private var pauseCause: PauseCause? {
        holders.contains(.administrator) ? .administrator : holders.isEmpty ? nil : .move
    }

    /// The cluster stops a server's gate also because that has failed: then the pause is none that anybody asked for.
    private func isPlanned(_ holder: PauseHolder) -> Bool {
        switch holder {
        case .administrator, .switchover: return true
        case .gate:
            guard let primary = view.primary, view.nodes.indices.contains(primary.rawValue) else { return false }
            return view.nodes[primary.rawValue].health == .up && ledger.open == nil
        }
    }

    func agentReported(_ node: NodeID, _ report: NodeReport, age: Instant.Span, ages: NodeReport.Ages) {
        watch?.agentReported(node, report, age: age, ages: ages)
    }

    func agentLost(_ node: NodeID, _ reason: String) { watch?.agentLost(node, reason) }

    func note(_ sentence: String) { log.notice("\(sentence)") }
}

// MARK: - the admin socket's view

extension Control: AdminSource {
    var process: ProcessFacts {
        var facts = ProcessFacts(
            version: Program.version, pid: getpid(), startedAt: startedAt, workers: configuration.proxy.workers,
            connectionsMax: fleet.connectionsMax, descriptorsMax: budget.limit, hostname: hostname,
            isStopping: stopSignals > 0)
        facts.frontend = frontend
        facts.proxyName = configuration.proxy.name
        facts.connectionsConfigured = budget.connectionsMax
        facts.connectionsWanted = configuration.proxy.connectionsMax
        facts.connectionsAffordable = budget.connectionsAffordable
        facts.rise = configuration.health.rise
        facts.fall = configuration.health.fall
        facts.logLinesLost = LogLines.lost
        return facts
    }

    /// The watch's own is the published one with fresher words on the latest checks.
    var view: ClusterView { watch?.view ?? published }
    var evidence: [EvidencePiece] { watch?.evidence ?? [] }
    var outageCount: Int { ledger.outageCount }
    var ledgerFacts: LedgerFacts? { ledger.facts }
    var unknownOutcomes: [UnknownRow] {
        ledger.unknown.map { record in
            var row = UnknownRow(told: record.wall.nanoseconds / 1_000_000, outcome: record.outcome)
            row.isEarlier = record.run != 0
            return row
        }
    }
    var activity: Activity { Activity(fleet.counters()) }
    var isPaused: Bool { fleet.isPaused }

    func pause() {
        if !holders.contains(.administrator) {
            log.tell(.notice, .paused, [:], "Paused by an administrator: new statements are held.")
        }
        hold(.administrator)
    }

    func resume() {
        if fleet.isPaused { log.tell(.notice, .resumed, [:], "Resumed by an administrator.") }
        holders.remove(.administrator)
        desk?.resumedByAdministrator()
        holders = []
        ledger.resume()
        fleet.resume()
        teller.resumed(view)
    }

    func pauseRanOut(after limit: Instant.Span) {
        guard holders.contains(.administrator) else { return }
        let rest = holders.count > 1 ? "; statements are still held for a move of the primary" : ""
        log.tell(.notice, .resumed, [:], "The administrator's pause ran out after \(limit)\(rest).")
        release(.administrator)
    }

    func switchover(
        to node: String, isDry: Bool, _ completion: @escaping (Bool, [String]) -> Void
    ) -> Bool {
        desk?.begin(to: node, isDry: isDry, completion) ?? false
    }

    var latestSwitchover: (lines: [String], isDone: Bool?) { desk?.latest ?? ([], nil) }

    func set(_ node: NodeID, administrative state: AdministrativeState) {
        let name = view.name(of: node)
        log.notice("\(name) is set to \(state.rawValue) by an administrator.")
        watch?.set(node, administrative: state)
    }

    func endSession(_ id: UInt32) {
        log.notice("Session \(id) is ended by an administrator.")
        fleet.endSession(id)
    }

    func endSessions(on node: NodeID) {
        log.notice("All sessions on \(view.name(of: node)) are ended by an administrator.")
        fleet.endSessions(on: node)
    }

    func setConnectionsMax(_ count: Int) {
        log.notice("The limit of connections is set to \(count) by an administrator.")
        fleet.setConnectionsMax(count)
    }

    func declare(_ node: NodeID, _ word: HealthWord) {
        log.notice("\(view.name(of: node)) is declared \(word.rawValue) by an administrator, until its next check.")
        watch?.declare(node, word)
    }

    func setChecked(_ node: NodeID, _ isChecked: Bool) { watch?.setChecked(node, isChecked) }
    func setAgent(_ node: NodeID, isHeard: Bool) { watch?.setAgent(node, isHeard: isHeard) }

    func declareAgent(_ node: NodeID, isUp: Bool) {
        let word = isUp ? "up" : "down"
        log.notice("The agent of \(view.name(of: node)) is declared \(word) by an administrator, until its next word.")
        watch?.declareAgent(node, isUp: isUp)
    }

    func setConnectionRateMax(_ perSecond: Int) {
        let limit = perSecond > 0 ? "\(perSecond) per second" : "any number"
        log.notice("New connections are limited to \(limit) by an administrator.")
        fleet.setAcceptRateMax(perSecond)
    }

    func setFrontend(_ state: FrontendState, _ completion: @escaping (Bool) -> Void) {
        switch state {
        case .open: log.notice("New connections are taken again, says an administrator.")
        case .paused: log.warning("New connections are refused, says an administrator; sessions go on.")
        case .stopped: log.warning("New connections are refused for good, says an administrator; sessions go on.")
        }
        lastRequest += 1
        answers[lastRequest] = completion
        fleet.setListening(ListenState(state)) { [mailbox, lastRequest] in
            mailbox.post(.listening(request: lastRequest, state, isDone: $0))
        }
    }

    func sessions(_ completion: @escaping ([SessionRow]) -> Void) {
        let collector =
            collector
            ?? SessionCollector(loop: loop) { [unowned self] completion in
                lastRequest += 1
                let request = lastRequest
                requests[request] = completion
                fleet.sessions { [mailbox] in mailbox.post(.sessions(request: request, $0)) }
            }
        self.collector = collector
        collector.ask(completion)
    }

    func reload(_ completion: @escaping (Result<String, ReloadFailure>) -> Void) {
        let new: Configuration
        do throws(ConfigurationFile.Failure) {
            new = try file.read()
        } catch {
            return completion(.failure(notApplied(error.description)))
        }
        let isOther =
            new.health.user != configuration.health.user || new.health.password != configuration.health.password
        guard isOther, let watch else { return completion(.success(apply(new))) }
        // The checks log in anew only when a server does: that the account is wrong would show at the next failover.
        watch.tryAccount(WatchOptions(new.health)) { [weak self] refusal in
            guard let self else { return }
            if let refusal {
                completion(.failure(notApplied("\(file.path): health.user, health.password: \(refusal)")))
            } else {
                completion(.success(apply(new)))
            }
        }
    }

    private func notApplied(_ errors: String) -> ReloadFailure {
        log.error("\(file.path) is not applied, the old configuration stays:")
        for line in errors.split(separator: "\n") { log.error("\(line)") }
        return ReloadFailure("Not applied, the old configuration stays:\n\(errors)")
    }

    private func apply(_ new: Configuration) -> String {
        let change = ConfigurationChange(from: configuration, to: new)
        configuration = change.running
        desk?.settings = configuration.cluster
        LogLines.set(configuration.log)
        fleet.set(Verbosity(configuration.log.level))
        warn(of: configuration)
        watch?.set(WatchOptions(configuration.health))
        publishAccounts()
        publishIdentity()
        let sentence = "\(file.path) was read again: \(change.sentence)."
        if change.pending.isEmpty { log.notice("\(sentence)") } else { log.warning("\(sentence)") }
        return sentence
    }
}
