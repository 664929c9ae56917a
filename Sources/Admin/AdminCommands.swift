import Cluster
import Reactor

/// Carries out commands on the loop, for all listeners of a server.
final class AdminCommands {
    /// How often `pause wait` looks.
    private static let look: Instant.Span = .milliseconds(20)

    let loop: EventLoop
    let source: any AdminSource
    /// As `show cli sockets` lists them.
    var sockets: [String] = []
    var book: StatBook
    /// While the frontend is disabled: the limit of connections to go back to.
    var limitOfDisabledFrontend: Int?
    /// Ends a pause that has a limit.
    private var limit: Timer?
    private var ticker: Timer?

    init(loop: EventLoop, source: any AdminSource) {
        self.loop = loop
        self.source = source
        book = StatBook(source.view, source.activity, at: MonotonicClock.now())
        ticker = loop.schedule(every: .seconds(1)) { [weak self] in
            guard let self else { return }
            book.tick(source.activity, at: MonotonicClock.now())
        }
    }

    func stop() {
        ticker?.cancel()
        limit?.cancel()
    }

    func observe(_ view: ClusterView) { book.observe(view, source.activity, at: MonotonicClock.now()) }

    /// Calls back exactly once, at once or later.
    func run(_ text: String, level: AccessLevel, _ completion: @escaping (Answer, _ json: Bool) -> Void) {
        guard let command = AdminCommand(text) else { return completion(AdminCommand.unknown(text), false) }
        let arguments = command.arguments
        let now = MonotonicClock.now()
        switch command.verb {
        case .showActivity: completion(showActivity(), false)
        case .showBackend: completion(.text("# name\n\(source.process.proxyName)"), false)
        case .showCLISockets: completion(.text((["# socket lvl processes"] + sockets).joined(separator: "\n")), false)
        case .showErrors: completion(showErrors(arguments), false)
        case .showInfo: completion(showInfo(arguments, at: now), false)
        case .showPools: completion(showPools(), false)
        case .showServersConn: completion(ifBackend(arguments) { facts(at: now).serversConnections }, false)
        case .showServersState: completion(ifBackend(arguments) { facts(at: now).serversState }, false)
        case .showSess: showSess(arguments) { completion($0, false) }
        case .showStat: completion(showStat(arguments, at: now), false)
        case .showTable: completion(arguments.isEmpty ? .done : .failure("No such table"), false)
        case .showThreads: completion(showThreads(), false)
        case .showVersion:
            ours("show version", arguments, completion) { .message(.info, source.process.version) }
        case .showCluster: ours("show cluster", arguments, completion) { Overview.cluster(source, at: now) }
        case .showCounters: ours("show counters", arguments, completion) { Overview.counters(source.activity) }
        case .showFailovers: ours("show failovers", arguments, completion) { Overview.failovers(source, at: now) }
        case .showNodes: ours("show nodes", arguments, completion) { Overview.nodes(source.view, at: now) }
        case .showOutages: ours("show outages", arguments, completion) { Overview.outages(source, at: now) }
        case .showProcess: ours("show process", arguments, completion) { Overview.process(source, at: now) }
        case .showSessions: sessions("show sessions", arguments, completion) { _ in true }
        case .showHolds: sessions("show holds", arguments, completion) { $0.state == "held" }
        case .pause: pause(arguments, at: now) { completion($0, false) }
        case .resume: completion(resume(), false)
        case .reload:
            switch source.reload() {
            case .success(let message): completion(.message(.info, message), false)
            case .failure(let failure): completion(.failure(failure.message), false)
            }
        case .switchover: switchover(arguments) { completion($0, false) }
        case .showSwitchover: completion(showSwitchover(), false)
        case .clearCounters: completion(clearCounters(arguments, level, at: now), false)
        case .shutdownSession: shutdownSession(arguments) { completion($0, false) }
        case .disableAgent, .disableFrontend, .disableHealth, .disableServer, .enableAgent, .enableFrontend,
            .enableHealth, .enableServer, .getWeight, .setMaxconnFrontend, .setMaxconnGlobal, .setMaxconnServer,
            .setRateLimit, .setServer, .setWeight, .shutdownFrontend, .shutdownSessionsServer:
            completion(steer(command), false)
        case .setSeverityOutput, .setTimeout, .showCLILevel, .lowerToOperator, .lowerToUser, .help, .prompt, .quit:
            // The dialogue's own.
            completion(AdminCommand.unknown(text), false)
        }
    }

    /// The facts of HAProxy's tables, as of now.
    func facts(at now: Instant) -> StatFacts {
        let activity = source.activity
        book.observe(activity, at: now)
        var process = source.process
        if let limitOfDisabledFrontend { process.connectionsMax = limitOfDisabledFrontend }
        return StatFacts(
            view: source.view, activity: book.shown(activity), process: process, book: book,
            isFrontendDisabled: limitOfDisabledFrontend != nil, isPaused: source.isPaused, now: now)
    }

    /// Our own commands take `json` or nothing.
    private func ours(
        _ name: String, _ arguments: [String], _ completion: (Answer, Bool) -> Void, _ answer: () -> Answer
    ) {
        guard let json = Self.json(arguments) else {
            return completion(.failure("'\(name)' expects 'json' or nothing."), false)
        }
        completion(answer(), json)
    }

    private func sessions(
        _ name: String, _ arguments: [String], _ completion: @escaping (Answer, Bool) -> Void,
        _ belongs: @escaping (SessionRow) -> Bool
    ) {
        guard let json = Self.json(arguments) else {
            return completion(.failure("'\(name)' expects 'json' or nothing."), false)
        }
        source.sessions { completion(Overview.sessions($0.filter(belongs)), json) }
    }

    private static func json(_ arguments: [String]) -> Bool? {
        if arguments.isEmpty { return false }
        return arguments == ["json"] ? true : nil
    }

    private func clearCounters(_ arguments: [String], _ level: AccessLevel, at now: Instant) -> Answer {
        let all = arguments.first == "all"
        if all, level < .admin { return .failure("Permission denied") }
        book.clear(all: all, source.activity, at: now)
        return .done
    }

    // MARK: pause

    private func resume() -> Answer {
        let wasPaused = source.isPaused
        limit?.cancel()
        limit = nil
        source.resume()
        return .message(.info, wasPaused ? "Resumed." : "Was not paused.")
    }

    private func pause(_ arguments: [String], at now: Instant, _ completion: @escaping (Answer) -> Void) {
        let request: PauseRequest
        do throws(PauseRequest.Misunderstanding) {
            request = try PauseRequest(arguments)
        } catch {
            return completion(.failure(error.message))
        }
        source.pause()
        limit?.cancel()
        limit = request.limit.map { span in
            loop.schedule(after: span) { [weak self] in
                self?.limit = nil
                self?.source.resume()
            }
        }
        guard let wait = request.wait else {
            let open = source.activity.sessionsInTransaction
            return completion(.message(.info, "Paused; sessions in a transaction: \(open)."))
        }
        awaitBoundaries(since: now, until: now + wait, completion)
    }

    /// Until no session is in a transaction. Somebody's `resume` in between ends the waiting as well.
    private func awaitBoundaries(since: Instant, until deadline: Instant, _ completion: @escaping (Answer) -> Void) {
        let open = source.activity.sessionsInTransaction
        let now = MonotonicClock.now()
        if !source.isPaused { return completion(.failure("Resumed meanwhile; sessions in a transaction: \(open).")) }
        if open == 0 {
            return completion(.message(.info, "Paused; no session is in a transaction after \(now - since)."))
        }
        if now >= deadline {
            return completion(.failure("Paused; sessions in a transaction after \(now - since): \(open)."))
        }
        loop.schedule(after: min(Self.look, deadline - now)) { [weak self] in
            self?.awaitBoundaries(since: since, until: deadline, completion)
        }
    }
}
