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
    var limits = AdminLimits()
    private let stateFile: StateFile?
    private var complaints = ComplaintBook()
    private var idle = IdleMeter()
    /// Ends a pause that has a limit.
    private var limit: Timer?
    private var ticker: Timer?

    init(loop: EventLoop, source: any AdminSource, stateFile: StateFile? = nil) {
        self.loop = loop
        self.source = source
        self.stateFile = stateFile
        book = StatBook(source.view, source.activity, at: MonotonicClock.now())
        ticker = loop.schedule(every: .seconds(1)) { [weak self] in
            guard let self else { return }
            let now = MonotonicClock.now()
            book.tick(source.activity, at: now)
            idle.observe(ProcessNumbers.threads(), at: now.nanoseconds)
        }
    }

    func stop() {
        ticker?.cancel()
        limit?.cancel()
    }

    func observe(_ view: ClusterView) {
        book.observe(view, source.activity, at: MonotonicClock.now())
        if book.nodes.contains(where: { $0.connectionsMax > 0 }) { applyConnectionsMax() }
    }

    /// The present primary's own limit counts too.
    func applyConnectionsMax() {
        let primary = source.view.primary.flatMap { book.nodes.indices.contains($0.rawValue) ? $0.rawValue : nil }
        let ofPrimary = primary.map { book.nodes[$0].connectionsMax } ?? 0
        let count = limits.connectionsMax(of: source.process, primary: ofPrimary)
        if count != source.process.connectionsMax { source.setConnectionsMax(count) }
    }

    func complain(_ complaint: Complaint) {
        if let sentence = complaints.sentence(complaint, at: MonotonicClock.now()) { source.note(sentence) }
    }

    // MARK: the state file

    /// What was said of the nodes before a restart is said again.
    func restoreState() {
        guard let stateFile else { return }
        do throws(StateFile.Failure) {
            let entries = try stateFile.read(proxy: source.process.proxyName, nodes: source.view.nodes.map(\.node))
            for entry in entries {
                book.set(weight: entry.weight, of: entry.node)
                if entry.administrative != .ready { source.set(entry.node, administrative: entry.administrative) }
            }
        } catch {
            source.note("Administrative states are not restored: \(error).")
        }
    }

    /// Done in any case; where it could not be kept, that is said.
    func saveState() -> Answer {
        guard let stateFile, case .text(let text) = facts(at: MonotonicClock.now()).serversState else { return .done }
        do throws(StateFile.Failure) {
            try stateFile.write(text + "\n")
            return .done
        } catch {
            source.note("Administrative states are not kept: \(error).")
            return .message(.warning, "Done, but not kept for a restart: \(error).")
        }
    }

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
        case .showACL, .showMap:
            let kind = command.verb == .showACL ? "ACL" : "map"
            completion(
                arguments.isEmpty
                    ? .text("# id (file) description")
                    : .failure("Unknown \(kind) identifier. Please use #<id> or <file>."), false)
        case .showCache, .showPeers: completion(.done, false)
        case .showResolvers:
            completion(arguments.isEmpty ? .done : .failure("Can't find resolvers section."), false)
        case .showSchema: completion(.text(StatSchema.text), false)
        case .showThreads: completion(showThreads(), false)
        case .showVersion:
            ours("show version", arguments, completion) { .message(.info, source.process.version) }
        case .showCluster: ours("show cluster", arguments, completion) { Overview.cluster(source, at: now) }
        case .showCounters: ours("show counters", arguments, completion) { Overview.counters(source.activity) }
        case .showFailovers: ours("show failovers", arguments, completion) { Overview.failovers(source, at: now) }
        case .showLedger: ours("show ledger", arguments, completion) { Overview.ledger(source.ledgerFacts) }
        case .showNodes:
            ours("show nodes", arguments, completion) { Overview.nodes(source.view, source.activity, at: now) }
        case .showOutages: ours("show outages", arguments, completion) { Overview.outages(source.outageReports) }
        case .showProcess: ours("show process", arguments, completion) { Overview.process(source, at: now) }
        case .showUnknown: ours("show unknown", arguments, completion) { Overview.unknown(source.unknownOutcomes) }
        case .showSessions: sessions("show sessions", arguments, completion, nil)
        case .showHolds: sessions("show holds", arguments, completion) { $0.state == "held" }
        case .pause:
            let (words, json) = Self.wordsAndForm(arguments)
            pause(words, at: now) { completion($0, json) }
        case .resume: ours("resume", arguments, completion) { resume() }
        case .reload:
            guard let json = Self.json(arguments) else {
                return completion(.failure("'reload' expects 'json' or nothing."), false)
            }
            source.reload { result in
                switch result {
                case .success(let message): completion(.message(.info, message), json)
                case .failure(let failure): completion(.failure(failure.message), json)
                }
            }
        case .switchover:
            let (words, json) = Self.wordsAndForm(arguments)
            switchover(words) { completion($0, json) }
        case .showSwitchover:
            guard let json = Self.json(arguments) else {
                return completion(.failure("'show switchover' expects 'json' or nothing."), false)
            }
            completion(showSwitchover(json: json), json)
        case .clearCounters: completion(clearCounters(arguments, level, at: now), false)
        case .shutdownSession: shutdownSession(arguments) { completion($0, false) }
        case .disableFrontend, .enableFrontend, .shutdownFrontend: steerFrontend(command) { completion($0, false) }
        case .disableAgent, .disableHealth, .disableServer, .enableAgent, .enableHealth, .enableServer, .getWeight,
            .setMaxconnFrontend, .setMaxconnGlobal, .setMaxconnServer, .setRateLimit, .setServer, .setWeight,
            .shutdownSessionsServer:
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
        let process = source.process
        return StatFacts(
            view: source.view, activity: book.shown(activity), process: process, book: book,
            limits: limits, idle: idle.idle, isPaused: source.isPaused, now: now)
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
        _ belongs: ((SessionRow) -> Bool)?
    ) {
        guard let json = Self.json(arguments) else {
            return completion(.failure("'\(name)' expects 'json' or nothing."), false)
        }
        source.sessions { all in
            let rows = belongs.map { all.filter($0) } ?? all
            completion(.sessions(SessionListing(rows: rows, form: .table)), json)
        }
    }

    private static func json(_ arguments: [String]) -> Bool? {
        if arguments.isEmpty { return false }
        return arguments == ["json"] ? true : nil
    }

    /// Of a command with words of its own `json` is the last.
    private static func wordsAndForm(_ arguments: [String]) -> (words: [String], json: Bool) {
        arguments.last == "json" ? (Array(arguments.dropLast()), true) : (arguments, false)
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
                self?.source.pauseRanOut(after: span)
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
