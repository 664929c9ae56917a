import Cluster

@testable import Health

/// Time in milliseconds since the test's start.
func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

let a = NodeID(0)
let b = NodeID(1)

func facts(
    _ node: NodeID, connection: UInt64 = 5, startedAt: Int64 = -1_000_000, life: ServerLife? = nil
) -> ServerFacts {
    ServerFacts(
        hostname: "host\(node.rawValue)", serverID: UInt64(node.rawValue + 1), serverUID: "uid\(node.rawValue)",
        version: "10.11.19-MariaDB", connectionID: connection, startedAt: at(startedAt),
        life: life)
}

/// The monitor, and what a program would keep of its actions.
struct Cockpit {
    var monitor: HealthMonitor
    var published: [ClusterView] = []
    var notes: [String] = []
    /// When each node's next check begins, in milliseconds.
    var planned: [NodeID: Int64] = [:]
    var wakeAt: Int64?
    /// Logins to be tried, and FLUSH HOSTS to be run, in their order.
    var tries: [NodeID] = []
    var flushes: [NodeID] = []
    /// What the latest event asked for.
    var latest: [HealthMonitor.Action] = []

    init(nodes count: Int = 2, agents: [Bool] = [], _ change: (inout HealthOptions) -> Void = { _ in }) {
        var options = HealthOptions()
        change(&options)
        let nodes = (0..<count).map {
            Node(id: NodeID($0), name: "n\($0 + 1)", endpoint: Endpoint(host: "10.0.0.\($0 + 1)", port: 3306))
        }
        monitor = HealthMonitor(nodes: nodes, agents: agents, options: options, at: at(0))
        took(monitor.started(at: at(0)), 0)
    }

    var view: ClusterView { monitor.view }

    mutating func finished(_ node: NodeID, _ result: ProbeResult, _ now: Int64) {
        planned[node] = nil
        took(monitor.probeFinished(node, result, at: at(now)), now)
    }

    mutating func writable(
        _ node: NodeID, _ now: Int64, connection: UInt64 = 5, startedAt: Int64 = -1_000_000, life: ServerLife? = nil
    ) {
        finished(node, .writable(facts(node, connection: connection, startedAt: startedAt, life: life)), now)
    }

    mutating func lifeTried(_ node: NodeID, _ result: LifeTrialResult, _ now: Int64) {
        took(monitor.lifeTried(node, result, at: at(now)), now)
    }

    mutating func observed(_ node: NodeID, _ evidence: TrafficEvidence, _ now: Int64) {
        took(monitor.observed(node, evidence, at: at(now)), now)
    }

    mutating func loginTried(_ node: NodeID, _ result: ProbeResult?, _ now: Int64) {
        took(monitor.loginTried(node, result, at: at(now)), now)
    }

    mutating func isFull(_ node: NodeID?, _ now: Int64) { took(monitor.isFull(node, at: at(now)), now) }

    mutating func flushed(_ node: NodeID, _ outcome: FlushOutcome, _ now: Int64) {
        took(monitor.hostsFlushed(node, outcome, at: at(now)), now)
    }

    mutating func reported(
        _ node: NodeID, _ report: NodeReport, _ now: Int64, age: Int64 = 0, ages: NodeReport.Ages = .init()
    ) {
        took(monitor.agentReported(node, report, age: .milliseconds(age), ages: ages, at: at(now)), now)
    }

    mutating func silenced(_ node: NodeID, _ now: Int64) {
        took(monitor.agentLost(node, "closed", at: at(now)), now)
    }

    mutating func connectionLost(_ node: NodeID, _ now: Int64) {
        took(monitor.probeConnectionLost(node, at: at(now)), now)
    }

    mutating func administered(_ node: NodeID, _ state: AdministrativeState, _ now: Int64) {
        took(monitor.administered(node, state, at: at(now)), now)
    }

    mutating func declared(_ node: NodeID, _ word: HealthWord, _ now: Int64) {
        took(monitor.declared(node, word, at: at(now)), now)
    }

    mutating func setChecked(_ node: NodeID, _ isChecked: Bool, _ now: Int64) {
        took(monitor.setChecked(node, isChecked, at: at(now)), now)
    }

    mutating func setAgent(_ node: NodeID, isHeard: Bool, _ now: Int64) {
        took(monitor.setAgent(node, isHeard: isHeard, at: at(now)), now)
    }

    mutating func agentDeclared(_ node: NodeID, isUp: Bool, _ now: Int64) {
        took(monitor.agentDeclared(node, isUp: isUp, at: at(now)), now)
    }

    mutating func woke(_ now: Int64) { took(monitor.timerFired(at: at(now)), now) }

    private mutating func took(_ actions: [HealthMonitor.Action], _ now: Int64) {
        latest = actions
        for action in actions {
            switch action {
            case .publish(let view): published.append(view)
            case .probe(let node, let delay): planned[node] = now + delay.milliseconds
            case .wake(let delay): wakeAt = now + delay.milliseconds
            case .note(let sentence): notes.append(sentence)
            case .tryLogin(let node): tries.append(node)
            case .flushHosts(let node): flushes.append(node)
            case .tryLife, .livesOn: break
            }
        }
    }

    /// n1 writable and primary since 10 ms, n2 without a server.
    static func running(
        life: ServerLife? = nil, _ change: (inout HealthOptions) -> Void = { _ in }
    ) -> Cockpit {
        var cockpit = Cockpit(change)
        cockpit.finished(b, .refused, 5)
        cockpit.writable(a, 10, life: life)
        return cockpit
    }
}
