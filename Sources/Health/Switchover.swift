import Cluster

/// A planned change of the primary, step by step: hold at transaction boundaries, drain, let the cluster move, release.
/// Whatever fails is undone: what the cluster was told to prefer is taken back, and statements flow again.
public struct Switchover: Sendable {
    public struct Plan: Sendable, Hashable {
        public var target: NodeID
        /// How long sessions may finish what they do.
        public var drainTimeout: Instant.Span
        /// How long the cluster may take.
        public var moveTimeout: Instant.Span
        /// Between two looks at the sessions.
        public var look: Instant.Span = .milliseconds(10)
        /// How long the agent may take to say what it would do, and to take back a preference (which may wait until the
        /// cluster has come to rest).
        public var planTimeout: Instant.Span = .seconds(3)
        public var clearTimeout: Instant.Span = .seconds(150)

        public init(target: NodeID, drainTimeout: Instant.Span, moveTimeout: Instant.Span) {
            self.target = target
            self.drainTimeout = drainTimeout
            self.moveTimeout = moveTimeout
        }
    }

    public enum Action: Sendable, Hashable {
        /// One sentence for whoever watches.
        case say(String)
        case pause
        /// Count the sessions that are in the middle of something and call ``drained(open:at:)``.
        case count(after: Instant.Span)
        /// Ask an agent to move the primary, and call ``moveAnswered(isDone:text:at:)``.
        case move(to: String)
        /// Ask an agent what it would do, and call ``planAnswered(isDone:text:)``.
        case plan(to: String)
        /// Take back what `move` told the cluster to prefer, and call ``clearAnswered(isDone:text:)``. Where the move has
        /// succeeded, only if that does not undo it.
        case clear(isSettled: Bool)
        case resume
        /// Call ``timerFired(at:)``.
        case wake(after: Instant.Span)
        case finish(isDone: Bool)
    }

    private enum State: Hashable {
        /// Can transition to: asking, draining, finished.
        case planned
        /// Dry: what the agent would do. Can transition to: finished.
        case asking
        /// Can transition to: moving, finished.
        case draining(since: Instant)
        /// Can transition to: clearing.
        /// `paused` is nil where the gate pauses.
        case moving(since: Instant, paused: Instant?, phase: Phase)
        /// Statements flow. Can transition to: finished.
        case clearing(isMoved: Bool)
        case finished
    }

    private var state = State.planned
    private let plan: Plan
    private let name: String
    private let from: NodeID?
    private let fromName: String
    private let generation: Generation
    private let view: ClusterView
    private let isGated: Bool

    /// - Parameters:
    ///   - view: as of now. A target that is not in it is told by ``begin(isDry:hasAgent:at:)``.
    ///   - isGated: the primary's node has a gate, which pauses when the cluster begins to stop. Between the question
    ///     and that statements need not wait.
    public init(_ plan: Plan, view: ClusterView, isGated: Bool = false) {
        self.plan = plan
        self.view = view
        self.isGated = isGated
        from = view.primary
        generation = view.generation
        name = view.nodes.indices.contains(plan.target.rawValue) ? view.nodes[plan.target.rawValue].node.name : ""
        fromName =
            view.primary.map { view.nodes.indices.contains($0.rawValue) ? view.nodes[$0.rawValue].node.name : "" } ?? ""
    }

    public var isFinished: Bool { state == .finished }

    /// Why it can't be done now; nil where nothing speaks against it.
    private func objection(hasAgent: Bool) -> String? {
        guard !name.isEmpty else { return "there is no such node" }
        guard from != nil else { return "there is no primary to move from" }
        if from == plan.target { return "\(name) is the primary already" }
        let target = view.nodes[plan.target.rawValue]
        if target.administrative != .ready { return "\(name) is set to \(target.administrative.rawValue)" }
        if let stray = target.stray {
            return
                "a server runs on \(name) that is not the cluster's (\(stray)): it would hold the port; stop it first"
        }
        if !hasAgent { return "no agent that could move anything is heard" }
        for caution in view.cautions {
            switch caution {
            case .maintenance: return "the cluster is in maintenance: it would move nothing"
            case .standbyOutdated: return "the standby's data is known to be old"
            case .diskNotUpToDate: return "the standby's disk is not up to date"
            case .noQuorum: return "a part of the cluster has no quorum"
            case .splitBrain: return "both replicas have writes that the other lacks"
            case .nodeIsProxy: return "a node's address leads to a HAProxyDB listener: its server would not be seen"
            case .agentSilent, .starting, .recovering, .primaryLost, .primaryReadOnly, .twoPrimaries,
                .checkAccountRefused, .administrative, .notPromoted, .initConnectFails, .hostBlocked,
                .checkAccountLimited, .passwordAsked, .serverFull, .strayServer, .nameUnresolved, .primarySilent:
                break
            }
        }
        return nil
    }

    /// - Parameters:
    ///   - isDry: says what would be done, and does nothing.
    ///   - hasAgent: whether there is one to ask.
    public mutating func begin(isDry: Bool, hasAgent: Bool, at now: Instant) -> [Action] {
        guard state == .planned else { return [] }
        if let objection = objection(hasAgent: hasAgent) {
            state = .finished
            return [.say("Not possible: \(objection)."), .finish(isDone: false)]
        }
        if isDry {
            state = .asking
            return [
                .say("Would hold statements at transaction boundaries, for up to \(plan.drainTimeout),"),
                .say("would ask the cluster to move the primary from \(fromName) to \(name),"),
                .say("would wait for it for up to \(plan.moveTimeout), and let statements go."), .plan(to: name),
                .wake(after: plan.planTimeout),
            ]
        }
        state = .draining(since: now)
        return [.say("Statements are held at transaction boundaries."), .pause, .count(after: .zero)]
    }

    /// What the agent would run, or why it would refuse.
    public mutating func planAnswered(isDone: Bool, text: String) -> [Action] {
        guard state == .asking else { return [] }
        state = .finished
        return [
            .say(isDone ? "The agent would run: \(text)." : "The agent would refuse: \(text)."),
            .finish(isDone: isDone),
        ]
    }

    /// - Parameter open: sessions with a statement or a transaction under way.
    public mutating func drained(open: Int, at now: Instant) -> [Action] {
        guard case .draining(let since) = state else { return [] }
        if open == 0 {
            state = .moving(since: now, paused: isGated ? nil : since, phase: .ready)
            let handover: [Action] =
                isGated ? [.resume, .say("\(fromName)'s gate holds statements when the cluster begins.")] : []
            return [.say("Drained after \(now - since).")] + handover + [
                .say("Asking the cluster to move the primary to \(name)."), .move(to: name),
                .wake(after: plan.moveTimeout),
            ]
        }
        if now - since >= plan.drainTimeout {
            state = .finished
            return [
                .say("Given up: \(open) sessions are still in the middle of something after \(now - since)."), .resume,
                .say("Statements flow again; nothing was moved."), .finish(isDone: false),
            ]
        }
        return [.count(after: plan.look)]
    }

    public mutating func moveAnswered(isDone: Bool, text: String, at now: Instant) -> [Action] {
        guard case .moving(let since, _, _) = state else { return [] }
        if isDone { return [.say("The cluster was asked, after \(now - since).")] }
        return undo("The cluster was not asked: \(text).")
    }

    public mutating func changed(_ view: ClusterView, at now: Instant) -> [Action] {
        guard case .moving(let since, let paused, let phase) = state else {
            // Lost while it was drained: no longer a planned move.
            if case .draining = state, view.generation != generation || view.primary == nil {
                state = .finished
                return [
                    .say("Given up: the primary changed by itself."), .resume, .finish(isDone: false),
                ]
            }
            return []
        }
        if let primary = view.primary, view.generation > generation {
            guard primary == plan.target else { return undo("The primary is \(fromName) again, with a new start.") }
            state = .clearing(isMoved: true)
            return [
                .say("\(name) is the primary, generation \(view.generation), after \(now - since)."), .resume,
                .say("Statements flow again\(paused.map { " after a pause of \(now - $0)" } ?? "")."),
                .clear(isSettled: true),
                .wake(after: plan.clearTimeout),
            ]
        }
        guard view.phase != phase else { return [] }
        state = .moving(since: since, paused: paused, phase: view.phase)
        return [.say("\(view.phase.rawValue) after \(now - since).")]
    }

    /// The cluster has had its time.
    public mutating func timerFired(at now: Instant) -> [Action] {
        switch state {
        case .planned, .draining, .finished: return []
        case .asking: return planAnswered(isDone: false, text: "it does not answer; is it of this version?")
        case .moving(let since, _, _):
            if now - since < plan.moveTimeout { return [.wake(after: plan.moveTimeout - (now - since))] }
            return undo("Given up: \(name) is not the primary after \(now - since).")
        case .clearing: return clearAnswered(isDone: false, text: "the agent does not answer")
        }
    }

    /// What became of the preference. The text of a success that needs no words is `done`, or empty.
    public mutating func clearAnswered(isDone: Bool, text: String) -> [Action] {
        guard case .clearing(let isMoved) = state else { return [] }
        state = .finished
        let sentence: String =
            switch (isDone, text) {
            case (true, ""), (true, "done"):
                isMoved ? "The cluster prefers nobody." : "Taken back: the cluster prefers nobody."
            case (true, _): "\(isMoved ? "Done" : "Taken back"): \(text)."
            case (false, _):
                "What the cluster was told to prefer may still be there (\(text)): look at `crm_resource --constraints`."
            }
        return [.say(sentence), .finish(isDone: isMoved)]
    }

    /// Somebody else let statements go, or the program ends.
    public mutating func cancelled(_ reason: String, at now: Instant) -> [Action] {
        switch state {
        case .planned, .finished: return []
        case .asking, .clearing:
            let isMoved = state == .clearing(isMoved: true)
            state = .finished
            return [.say("Given up: \(reason)."), .finish(isDone: isMoved)]
        case .draining:
            state = .finished
            return [.say("Given up: \(reason)."), .resume, .finish(isDone: false)]
        case .moving: return undo("Given up: \(reason).")
        }
    }

    private mutating func undo(_ reason: String) -> [Action] {
        state = .clearing(isMoved: false)
        return [
            .say(reason), .clear(isSettled: false), .resume, .say("Statements flow again."),
            .wake(after: plan.clearTimeout),
        ]
    }
}
