import Agent
import Cluster
import Evidence
import Health
import Reactor
import Settings

/// Who holds statements back. They flow when nobody does.
enum PauseHolder: Hashable, CaseIterable {
    case administrator
    /// A node's gate, on its agent's word.
    case gate
    case switchover
}

/// What the desk needs of the program.
protocol ClusterDeskHost: AnyObject {
    var view: ClusterView { get }
    /// Sessions with a statement or a transaction under way, once every worker knows of a pause. Calls back once.
    func countBusySessions(_ completion: @escaping (Int) -> Void)
    func hold(_ holder: PauseHolder)
    func release(_ holder: PauseHolder)
    func agentReported(_ node: NodeID, _ report: NodeReport, age: Instant.Span, ages: NodeReport.Ages)
    func agentLost(_ node: NodeID, _ reason: String)
    func note(_ sentence: String)
}

/// The proxy's side of everything that agents say and do: their reports, the gate's pauses, and switchovers. Lives on
/// the control thread.
final class ClusterDesk {
    private let loop: EventLoop
    private let nodes: [Node]
    /// Of the configuration as it is now.
    var settings: Configuration.Cluster
    private unowned let host: any ClusterDeskHost
    private var clients: [NodeID: AgentClient] = [:]
    /// Where agents are that are configured by name is looked up until it is found.
    private var seekers: [NameSeeker] = []
    /// Nodes whose gate runs, on their own agents' word.
    private var gated: Set<NodeID> = []

    /// The generation in which the gate's pause began; nil while there is none.
    private var gateSince: Generation?
    private var gateLimit: Timer?

    private var switchover: Switchover?
    private var progress: [String] = []
    private var wasSuccessful: Bool?
    private var watchers: [(String) -> Void] = []
    private var completions: [(Bool, [String]) -> Void] = []
    private var moveTimer: Timer?
    /// What an agent was asked, and has not answered.
    private var asked: (node: NodeID, request: UInt64, what: Request)?

    private enum Request {
        case plan, move, clear
    }

    init(loop: EventLoop, configuration: Configuration, name: String, host: any ClusterDeskHost) {
        self.loop = loop
        nodes = configuration.nodes
        settings = configuration.cluster
        self.host = host
        guard let key = configuration.cluster.key else { return }
        let options = AgentClient.Options(name: name, key: Array(key.utf8))
        for (node, endpoint) in zip(configuration.nodes, configuration.agents) {
            guard let endpoint else { continue }
            seekers.append(
                NameSeeker(endpoint, loop: loop) { [weak self] in self?.found(node, at: $0, options) })
        }
    }

    private func found(_ node: Node, at address: ResolvedAddress, _ options: AgentClient.Options) {
        let client = AgentClient(loop: loop, node: node.name, address: address, options: options) {
            [weak self] in self?.heard($0, from: node.id)
        }
        clients[node.id] = client
        client.start()
    }

    /// Which nodes have an agent, by their index.
    static func agents(_ configuration: Configuration) -> [Bool] {
        configuration.cluster.key == nil ? [] : configuration.agents.map { $0 != nil }
    }

    func start() {
        for seeker in seekers { seeker.start() }
    }

    func stop() {
        if let actions = switchover?.cancelled("the proxy ends", at: MonotonicClock.now()) { run(actions) }
        for seeker in seekers { seeker.stop() }
        for client in clients.values { client.stop() }
        gateLimit?.cancel()
    }

    /// A new view was published.
    func take(_ view: ClusterView) {
        if let gateSince, view.primary != nil, view.generation > gateSince {
            endGate("\(name(view.primary)) is the primary")
        }
        if let actions = switchover?.changed(view, at: MonotonicClock.now()) { run(actions) }
    }

    /// An administrator let statements go: nobody holds them any more.
    func resumedByAdministrator() {
        if let actions = switchover?.cancelled("an administrator let statements go", at: MonotonicClock.now()) {
            run(actions)
        }
        endGate("an administrator let them go")
    }

    // MARK: agents

    private func heard(_ event: AgentClient.Event, from node: NodeID) {
        switch event {
        case .established: break
        case .report(let report, let age, let ages):
            if report.manager?.isGated == true { gated.insert(node) } else { gated.remove(node) }
            host.agentReported(node, report, age: age, ages: ages)
        case .lost(let reason):
            gated.remove(node)
            host.agentLost(node, reason)
            if let asked, asked.node == node {
                answered(asked.what, false, "the agent of \(name(node)) is gone: \(reason)")
            }
        case .refused(let reason): host.note("The agent of \(name(node)) stays silent: \(reason)")
        case .pause(let id, let wait, let reason): gate(node, id, wait, reason)
        case .resume(let reason): endGate("\(name(node)) says: \(reason)")
        case .moved(let request, let isDone, let text):
            if let asked, asked.node == node, asked.request == request { answered(asked.what, isDone, text) }
        }
    }

    private func name(_ node: NodeID?) -> String {
        guard let node, nodes.indices.contains(node.rawValue) else { return "nobody" }
        return nodes[node.rawValue].name
    }

    // MARK: the gate

    private func gate(_ node: NodeID, _ id: UInt64, _ wait: Instant.Span, _ reason: String) {
        // Only the node that has the statements can be about to stop; a pause for another one would end with nothing.
        guard host.view.primary == nil || host.view.primary == node else {
            clients[node]?.send(.paused(id: id, open: 0))
            return
        }
        if gateSince == nil {
            host.note("Statements are held: \(name(node)) is about to stop (\(printable(reason))).")
            gateSince = host.view.generation
            host.hold(.gate)
        }
        gateLimit?.cancel()
        gateLimit = loop.schedule(after: settings.pauseMax) { [weak self] in
            guard let self else { return }
            endGate("nothing happened for \(settings.pauseMax)")
        }
        drain(node, id, until: MonotonicClock.now() + wait)
    }

    private func drain(_ node: NodeID, _ id: UInt64, until deadline: Instant) {
        host.countBusySessions { [weak self] open in
            guard let self else { return }
            let now = MonotonicClock.now()
            if open == 0 || now >= deadline || gateSince == nil {
                if open > 0 {
                    host.note("\(open) sessions are still in the middle of something; \(name(node)) goes on.")
                }
                clients[node]?.send(.paused(id: id, open: open))
                return
            }
            loop.schedule(after: min(.milliseconds(10), deadline - now)) { [weak self] in
                self?.drain(node, id, until: deadline)
            }
        }
    }

    private func endGate(_ reason: String) {
        guard gateSince != nil else { return }
        gateSince = nil
        gateLimit?.cancel()
        host.note("The gate's pause is over: \(printable(reason)).")
        host.release(.gate)
    }

    private func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(200).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
    }

    // MARK: switchover

    /// What the latest switchover said so far, and whether it succeeded; nil while it is under way.
    var latest: (lines: [String], isDone: Bool?) { (progress, wasSuccessful) }

    var isSwitchoverUnderWay: Bool { switchover.map { !$0.isFinished } ?? false }

    /// Calls back once, at the end, with everything that was said. Nil where one is under way already.
    func begin(to target: String, isDry: Bool, _ completion: @escaping (Bool, [String]) -> Void) -> Bool {
        guard !isSwitchoverUnderWay else { return false }
        progress = []
        wasSuccessful = nil
        completions = [completion]
        let id = nodes.first { $0.name == target }?.id ?? NodeID(nodes.count)
        let plan = Switchover.Plan(
            target: id, drainTimeout: settings.drainTimeout, moveTimeout: settings.moveTimeout)
        let isGated = host.view.primary.map { gated.contains($0) } ?? false
        var next = Switchover(plan, view: host.view, isGated: isGated)
        let hasAgent = chosenAgent(for: id) != nil
        let actions = next.begin(isDry: isDry, hasAgent: hasAgent, at: MonotonicClock.now())
        switchover = next
        run(actions)
        return true
    }

    /// The target's agent, or another one that is heard.
    private func chosenAgent(for target: NodeID) -> NodeID? {
        if clients[target]?.isEstablished ?? false { return target }
        return clients.keys.sorted().first { clients[$0]?.isEstablished ?? false }
    }

    private func answered(_ what: Request, _ isDone: Bool, _ text: String) {
        asked = nil
        let text = printable(text)
        let actions =
            switch what {
            case .plan: switchover?.planAnswered(isDone: isDone, text: text)
            case .move: switchover?.moveAnswered(isDone: isDone, text: text, at: MonotonicClock.now())
            case .clear: switchover?.clearAnswered(isDone: isDone, text: text)
            }
        if let actions { run(actions) }
    }

    private func run(_ actions: [Switchover.Action]) {
        for action in actions {
            switch action {
            case .say(let sentence):
                progress.append(sentence)
                host.note("Switchover: \(sentence)")
            case .pause: host.hold(.switchover)
            case .resume: host.release(.switchover)
            case .count(let delay): loop.schedule(after: delay) { [weak self] in self?.count() }
            case .plan(let target): ask(.plan, to: target) { .plan(id: $0, to: target) }
            case .move(let target): ask(.move, to: target) { .move(id: $0, to: target) }
            case .clear(let isSettled): ask(.clear, to: nil) { .clear(id: $0, isSettled: isSettled) }
            case .wake(let delay):
                moveTimer?.cancel()
                moveTimer = loop.schedule(after: delay) { [weak self] in
                    guard let self, let actions = switchover?.timerFired(at: MonotonicClock.now()) else { return }
                    run(actions)
                }
            case .finish(let isDone):
                moveTimer?.cancel()
                asked = nil
                wasSuccessful = isDone
                let all = completions
                completions = []
                for completion in all { completion(isDone, progress) }
            }
        }
    }

    private func count() {
        host.countBusySessions { [weak self] open in
            guard let self, let actions = switchover?.drained(open: open, at: MonotonicClock.now()) else { return }
            run(actions)
        }
    }

    /// The target's agent, or any that is heard.
    private func ask(_ what: Request, to target: String?, _ message: (UInt64) -> EvidenceMessage) {
        let id = nodes.first { $0.name == target }?.id ?? NodeID(0)
        guard let agent = chosenAgent(for: id), let request = clients[agent]?.request(message) else {
            // Not from within `run`: its actions come first.
            loop.schedule(after: .zero) { [weak self] in self?.answered(what, false, "no agent is heard") }
            return
        }
        asked = (agent, request, what)
    }
}
