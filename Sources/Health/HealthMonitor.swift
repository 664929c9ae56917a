import Cluster

/// All nodes' health and the election over them: observations in, actions out.
///
/// It decides when which node is checked; there is at most one check of a node under way, and whoever runs the
/// checks ends each of them within the check's own time limit.
public struct HealthMonitor: Sendable {
    struct Member: Sendable {
        let node: Node
        var health: NodeHealth
        var administrative = AdministrativeState.ready
        var claim = Claim.unknown
        var isAnswering = false
        var lastCheck = "not checked yet"
        /// The same without what it meant for a primary, which holds only as long as the node is that.
        var lastAnswer = "not checked yet"
        var facts: ServerFacts?
        /// When the latest answer came, whatever it said.
        var answeredAt: Instant?
        /// When an answer last proved a suspicion wrong.
        var clearedAt: Instant?
        var isSuspected = false
        var role = Role.unknown
        var changedAt: Instant
        var agent = AgentWord.none
        /// When the agent's word, or the waiting for it, ends.
        var agentUntil: Instant?
        /// When the latest check ended.
        var checkedAt: Instant?
        /// When the agent's latest word was observed, and its parts.
        var heardAt: Instant?
        var dates: (storage: Instant?, generations: Instant?, manager: Instant?) = (nil, nil, nil)
        /// Why the agent is silent.
        var silence = ""
        /// What the replica was when its agent last said so, with a disk that was up to date.
        var remembered: (generations: [DataGeneration], at: Instant)?
        var overrides = NodeOverrides()
        /// Since when the cluster has called the node fenced, or gone in order.
        var goneSince: Instant?
        var logins = LoginTrouble()
        var isUnresolved = false
        /// Its server is too full for the check, or for sessions.
        var isFull: (forCheck: Bool, forSessions: Bool) = (false, false)
        var past = ServerPast()
        /// What that comes to now.
        var objection: Objection?
        /// Since when it has not answered, where that is borne because it is the primary.
        var silentSince: Instant?

        var evidence: NodeEvidence {
            let isDeaf = overrides.isAgentIgnored && agent != .none
            return NodeEvidence(
                node: node.id, name: node.name,
                administrative: administrative == .ready && overrides.areInTheWay ? .drain : administrative,
                health: health.published,
                // Nobody is waited for who is not going to be asked.
                claim: overrides.isUnchecked && claim == .unknown ? .absent : claim,
                isAnswering: isAnswering && !overrides.isUnchecked, agent: isDeaf ? .silent : agent,
                remembered: isDeaf ? nil : remembered?.generations, isGone: isGone,
                loginTrouble: logins.present, isFull: isFull.forCheck || isFull.forSessions,
                isHolder: past.isHolder, facts: facts, objection: objection, isUnresolved: isUnresolved,
                isSilent: silentSince != nil)
        }

        /// Whether it was asked again after that, and has been silent for long enough.
        var isGoneProved = false

        /// An answer from after the cluster's word proves it wrong.
        private var isGone: Bool {
            guard isGoneProved, let goneSince else { return false }
            guard case .writable(_, let provenAt) = claim else { return true }
            return provenAt < goneSince
        }
    }

    private(set) var members: [Member]
    private var options: HealthOptions
    private var primary: NodeID?
    private var generation = Generation.none
    /// Who would be primary but for an administrator's word: its connections are as good as before when it is back.
    private var suspended: NodeID?
    private var phase = Phase.lost
    private var diagnosis: Diagnosis? = .starting
    private var since: Instant
    private var published: ClusterView
    /// The latest proof of whoever was elected last.
    private var lastProof: ServerPast.Proof?
    /// The timer that was asked for last.
    private var wakeAt: Instant?

    /// - Parameters:
    ///   - nodes: a node's id is its index.
    ///   - agents: which nodes have one, by the same index; none where it is empty.
    public init(nodes: [Node], agents: [Bool] = [], options: HealthOptions, at now: Instant) {
        self.options = options
        members = nodes.map {
            Member(node: $0, health: NodeHealth(rise: options.rise, fall: options.fall), changedAt: now)
        }
        for (index, hasAgent) in agents.enumerated() where hasAgent && members.indices.contains(index) {
            members[index].agent = .awaited
            members[index].agentUntil = now + options.agentSilenceMax
        }
        since = now
        published = .unobserved(nodes, at: now)
    }

    /// Other times and limits from now on; checks that are planned already come when they were planned.
    public mutating func set(_ options: HealthOptions) {
        self.options = options
        for index in members.indices { members[index].health.set(rise: options.rise, fall: options.fall) }
    }

    public enum Action: Sendable, Hashable {
        /// Replaces the view that was published before.
        case publish(ClusterView)
        /// Checks the node after that time; replaces what was planned for it. Ignored while a check is under way.
        case probe(NodeID, after: Instant.Span)
        /// Calls ``HealthMonitor/timerFired(at:)`` after that time; replaces the one planned before.
        case wake(after: Instant.Span)
        /// Logs the check's account in once more, besides its connection, and calls
        /// ``HealthMonitor/loginTried(_:_:at:)``. Ignored while that is under way.
        case tryLogin(NodeID)
        /// Logs the check's account in once more, besides its connection, no sooner than now, and calls
        /// ``HealthMonitor/lifeTried(_:_:at:)``.
        case tryLife(NodeID)
        /// The server of that node has lived on through the generation until the login that was tried last began.
        case livesOn(NodeID, Generation)
        /// Runs FLUSH HOSTS on the check's connection, and calls ``HealthMonitor/hostsFlushed(_:_:at:)``.
        case flushHosts(NodeID)
        /// One sentence on a change of state, for the log.
        case note(String)
    }

    /// The present view; between two publications only the nodes' `lastCheck` moves.
    public var view: ClusterView {
        var view = published
        for index in view.nodes.indices where members.indices.contains(index) {
            view.nodes[index].lastCheck = members[index].lastCheck
        }
        return view
    }

    // MARK: events

    /// Checks every node at once.
    public mutating func started(at now: Instant) -> [Action] {
        var actions: [Action] = members.map { .probe($0.node.id, after: .zero) }
        planWake(at: now, &actions)
        return actions
    }

    public mutating func probeFinished(_ node: NodeID, _ result: ProbeResult, at now: Instant) -> [Action] {
        guard members.indices.contains(node.rawValue), !members[node.rawValue].overrides.isUnchecked else { return [] }
        var actions: [Action] = []
        members[node.rawValue].overrides.isStopping = false
        let wasOutage = primary == nil
        let restarted = take(result, of: node.rawValue, at: now, &actions)
        decide(restarted: restarted ? node : nil, at: now, &actions)
        if !(primary == nil && !wasOutage) {
            // Otherwise `decide` has just planned checks of all.
            actions.append(.probe(node, after: interval(of: node.rawValue, after: result)))
        }
        return actions
    }

    /// The check's own connection was closed or reset while it was idle.
    public mutating func probeConnectionLost(_ node: NodeID, at now: Instant) -> [Action] {
        guard isChecked(node) else { return [] }
        if isCleared(node.rawValue, within: options.fastInterval, at: now) {
            return [.probe(node, after: options.fastInterval)]
        }
        return suspect(node, "the check's connection was lost", at: now)
    }

    /// Live traffic's hint. However many sessions report the same, there is one check; hints that a check has just
    /// proved wrong are not followed again before the next regular check.
    public mutating func observed(_ node: NodeID, _ evidence: TrafficEvidence, at now: Instant) -> [Action] {
        guard isChecked(node) else { return [] }
        switch evidence {
        case .hostBlocked: return members[node.rawValue].logins.wasBlocked(at: now) ? [.tryLogin(node)] : []
        // A login that goes well makes the node forget those that did not.
        case .loginAborted: return members[node.rawValue].logins.wasAborted(at: now) ? [.tryLogin(node)] : []
        case .refused:
            if members[node.rawValue].isSuspected || isCleared(node.rawValue, within: options.fastInterval, at: now) {
                return []
            }
            return suspect(node, "a session's connection was refused", at: now)
        // One connection may have been killed, or have been idle for too long: a login that begins now tells.
        case .lost: return [.tryLife(node)]
        case .notPrimary:
            if members[node.rawValue].isSuspected || isCleared(node.rawValue, within: options.interval, at: now) {
                return []
            }
            guard node == primary else { return [] }
            // Says nothing about health: only the check may say read-only.
            members[node.rawValue].isSuspected = true
            return [.probe(node, after: .zero)]
        }
    }

    /// A login apart from the check's connection came to that; nil for one that went well. It decides nothing about
    /// the node, which is what its check says it is.
    public mutating func loginTried(_ node: NodeID, _ result: ProbeResult?, at now: Instant) -> [Action] {
        guard isChecked(node) else { return [] }
        var actions: [Action] = []
        if let result {
            // What says nothing about the account is the check's business.
            guard result.loginTrouble != nil else { return [] }
            noteLogin(node.rawValue, result, isProved: false, at: now, &actions)
        } else {
            noteLogin(node.rawValue, nil, isProved: true, at: now, &actions)
        }
        publish(at: now, &actions)
        return actions
    }

    /// A session had lost its connection, and a login that was begun since then came to that.
    public mutating func lifeTried(_ node: NodeID, _ result: LifeTrialResult, at now: Instant) -> [Action] {
        guard isChecked(node) else { return [] }
        switch result {
        case .alive(let life):
            if let life, life == members[node.rawValue].facts?.life {
                return node == primary || node == suspended ? [.livesOn(node, generation)] : []
            }
        case .failed: break
        }
        if isCleared(node.rawValue, within: options.fastInterval, at: now) {
            return [.probe(node, after: options.fastInterval)]
        }
        return suspect(node, "a session lost its connection", at: now)
    }

    public mutating func hostsFlushed(_ node: NodeID, _ outcome: FlushOutcome, at now: Instant) -> [Action] {
        guard isChecked(node) else { return [] }
        let isNews = members[node.rawValue].logins.flushed(outcome)
        let name = members[node.rawValue].node.name
        switch outcome {
        case .done: return [.note("FLUSH HOSTS was run on \(name)."), .tryLogin(node)]
        case .denied:
            guard isNews else { return [] }
            return [
                .note("The check's account may not run FLUSH HOSTS on \(name) (RELOAD): run it as an administrator.")
            ]
        case .unable:
            guard isNews else { return [] }
            return [.note("There is no connection left to run FLUSH HOSTS on \(name): run it as an administrator.")]
        }
    }

    /// Sessions wait for a seat at that node; nil for none. Decides nothing.
    public mutating func isFull(_ node: NodeID?, at now: Instant) -> [Action] {
        var actions: [Action] = []
        for index in members.indices { members[index].isFull.forSessions = members[index].node.id == node }
        publish(at: now, &actions)
        return actions
    }

    public mutating func administered(
        _ node: NodeID, _ state: AdministrativeState, at now: Instant
    ) -> [Action] {
        guard members.indices.contains(node.rawValue) else { return [] }
        // Said of a stray, it means: that one is right.
        let isVouched =
            state == .ready && members[node.rawValue].objection != nil && members[node.rawValue].past.vouchedFor()
        guard members[node.rawValue].administrative != state || isVouched else { return [] }
        members[node.rawValue].administrative = state
        var actions: [Action] = [.note("\(members[node.rawValue].node.name) is set to \(state.rawValue).")]
        decide(restarted: nil, at: now, &actions)
        return actions
    }

    /// The node's agent tells what it observed `age` ago, and each part of it.
    public mutating func agentReported(
        _ node: NodeID, _ report: NodeReport, age: Instant.Span, ages: NodeReport.Ages = NodeReport.Ages(),
        at now: Instant
    ) -> [Action] {
        guard members.indices.contains(node.rawValue) else { return [] }
        let index = node.rawValue
        var report = report
        // Identifiers change without a word of DRBD's: old ones prove nothing.
        if let old = ages.generations, old > options.observationAgeMax.milliseconds {
            report.storage?.generations = nil
        }
        func date(_ age: Int64?) -> Instant? { age.map { now - .milliseconds($0) } }
        members[index].heardAt = date(age.milliseconds)
        members[index].dates = (date(ages.storage), date(ages.generations), date(ages.manager))
        if let storage = report.storage, storage.disk == .upToDate, let generations = storage.generations {
            members[index].remembered = (generations, date(ages.generations) ?? now)
        }
        let left = options.observationAgeMax - age
        guard left > .zero else { return agentLost(node, "what it tells is \(age) old", at: now) }
        let before = members[index].agent
        members[index].overrides.isAgentDown = false
        members[index].agent = .fresh(report)
        let newlyGone = noteGone(at: members[index].dates.manager ?? members[index].heardAt ?? now)
        members[index].agentUntil = now + min(options.agentSilenceMax, left)
        var actions: [Action] = []
        if before != members[index].agent {
            if before.report?.sentence != report.sentence {
                actions.append(.note("The agent of \(members[index].node.name): \(report.sentence)."))
            }
            // A step forward on this node: its server may be there any moment.
            if report.phase != nil, node != primary { actions.append(.probe(node, after: .zero)) }
        }
        // A server that lives says so at once.
        for other in newlyGone { actions.append(.probe(other, after: .zero)) }
        decide(restarted: nil, at: now, &actions)
        planWake(at: now, &actions)
        return actions
    }

    /// The node's agent can't be heard; until it is again, others' words and the servers' own decide.
    public mutating func agentLost(_ node: NodeID, _ reason: String, at now: Instant) -> [Action] {
        guard members.indices.contains(node.rawValue) else { return [] }
        var actions: [Action] = []
        silence(node.rawValue, reason, &actions)
        guard !actions.isEmpty else { return [] }
        decide(restarted: nil, at: now, &actions)
        return actions
    }

    // MARK: an administrator's word on checks

    /// Whether the node is checked at all.
    public func isChecked(_ node: NodeID) -> Bool {
        members.indices.contains(node.rawValue) && !members[node.rawValue].overrides.isUnchecked
    }

    /// Holds until the next check finds something else, and for good where the node is not checked. Up is no claim:
    /// only what the server said of itself makes it a primary.
    public mutating func declared(_ node: NodeID, _ word: HealthWord, at now: Instant) -> [Action] {
        guard members.indices.contains(node.rawValue), members[node.rawValue].administrative != .maintenance else {
            return []
        }
        let index = node.rawValue
        members[index].overrides.isStopping = word == .stopping
        let change: NodeHealth.Change
        switch word {
        case .up: change = members[index].health.declaredUp()
        case .stopping: change = .none
        case .down:
            change = members[index].health.declaredDown()
            forget(index, .absent)
        }
        var actions: [Action] = []
        note(change, index, "an administrator says so", at: now, &actions)
        decide(restarted: nil, at: now, &actions)
        return actions
    }

    /// Without checks the node stays what it was, with one exception: another one that proves to be the primary takes
    /// over.
    public mutating func setChecked(_ node: NodeID, _ isChecked: Bool, at now: Instant) -> [Action] {
        guard members.indices.contains(node.rawValue), self.isChecked(node) != isChecked else { return [] }
        members[node.rawValue].overrides.isUnchecked = !isChecked
        members[node.rawValue].isSuspected = false
        let name = members[node.rawValue].node.name
        var actions: [Action] = [.note(isChecked ? "\(name) is checked again." : "\(name) is not checked any more.")]
        decide(restarted: nil, at: now, &actions)
        if isChecked { actions.append(.probe(node, after: .zero)) }
        return actions
    }

    /// Whether the agent's word counts. Nothing happens where there is no agent.
    public mutating func setAgent(_ node: NodeID, isHeard: Bool, at now: Instant) -> [Action] {
        guard members.indices.contains(node.rawValue), members[node.rawValue].agent != .none,
            members[node.rawValue].overrides.isAgentIgnored == isHeard
        else { return [] }
        members[node.rawValue].overrides.isAgentIgnored = !isHeard
        let word = isHeard ? "counts again" : "does not count any more"
        var actions: [Action] = [.note("The word of the agent of \(members[node.rawValue].node.name) \(word).")]
        decide(restarted: nil, at: now, &actions)
        planWake(at: now, &actions)
        return actions
    }

    /// Holds until the agent's next word.
    public mutating func agentDeclared(_ node: NodeID, isUp: Bool, at now: Instant) -> [Action] {
        guard members.indices.contains(node.rawValue), members[node.rawValue].agent != .none else { return [] }
        members[node.rawValue].overrides.isAgentDown = !isUp
        var actions: [Action] = []
        decide(restarted: nil, at: now, &actions)
        return actions
    }

    /// The time of a silent primary, or of an agent's word, may be over.
    public mutating func timerFired(at now: Instant) -> [Action] {
        wakeAt = nil
        var actions: [Action] = []
        for index in members.indices {
            guard let until = members[index].agentUntil, now >= until else { continue }
            silence(index, "nothing was heard for too long", &actions)
        }
        if let primary, let deadline = silenceDeadline(of: primary.rawValue), now >= deadline {
            endSilence(of: primary.rawValue, at: now, &actions)
        }
        if !actions.isEmpty { decide(restarted: nil, at: now, &actions) }
        planWake(at: now, &actions)
        return actions
    }

    // MARK: agents

    /// Whom the others' fresh views call gone, since that was first observed; those who are newly called so.
    @discardableResult
    private mutating func noteGone(at observed: Instant) -> [NodeID] {
        var news: [NodeID] = []
        for index in members.indices {
            let node = members[index].node
            let isGone = members.contains {
                $0.node.id != node.id && $0.evidence.agent.report?.manager?.gone?.contains(node.name) ?? false
            }
            if isGone, members[index].goneSince == nil { news.append(node.id) }
            members[index].goneSince = isGone ? members[index].goneSince ?? observed : nil
        }
        return news
    }

    private mutating func weighGone(at now: Instant) {
        for index in members.indices {
            members[index].isGoneProved = members[index].goneSince.map { now - $0 >= options.goneSilenceMin } ?? false
        }
    }

    private mutating func silence(_ index: Int, _ reason: String, _ actions: inout [Action]) {
        members[index].agentUntil = nil
        switch members[index].agent {
        case .none, .silent: return
        case .awaited, .fresh: members[index].agent = .silent
        }
        members[index].silence = reason
        if let since = members.compactMap(\.goneSince).max() { noteGone(at: since) }
        let name = members[index].node.name
        let rest =
            members.contains { $0.agent.report != nil } ? "the other agents' words decide" : "SQL alone decides"
        actions.append(.note("The agent of \(name) is silent (\(reason)): \(rest)."))
    }

    /// Asks for the timer where it is not asked for already.
    private mutating func planWake(at now: Instant, _ actions: inout [Action]) {
        var next = primary.flatMap { silenceDeadline(of: $0.rawValue) }
        for member in members {
            if let until = member.agentUntil { next = min(next ?? until, until) }
        }
        guard let next, wakeAt.map({ next < $0 }) ?? true else { return }
        wakeAt = next
        actions.append(.wake(after: max(.zero, next - now)))
    }

    /// Whether the cluster, as far as it is heard, calls that node promoted.
    private func isCalledPromoted(_ index: Int) -> Bool {
        let evidence = members.map(\.evidence)
        return Testimony(evidence).standing(of: evidence[index]) == .promoted
    }

    // MARK: one node

    /// Returns whether the node's server is another process than the one that answered before.
    private mutating func take(
        _ result: ProbeResult, of index: Int, at now: Instant, _ actions: inout [Action]
    ) -> Bool {
        let isPrimary = members[index].node.id == primary
        let before = members[index].health.published
        members[index].lastCheck = result.sentence
        members[index].lastAnswer = result.sentence
        members[index].checkedAt = now
        if members[index].isSuspected, result.isAnswer { members[index].clearedAt = now }
        members[index].isSuspected = false
        members[index].isFull.forCheck = result.isFull
        noteName(of: index, result, &actions)
        let silentSince = members[index].silentSince
        let wasAnswering = members[index].isAnswering
        // Only the cluster can say what a server is that the check can't ask.
        let isVouchedFor = result.isSessionEnded && isCalledPromoted(index)
        members[index].isAnswering = result.isAnswer || isVouchedFor
        if result.isAnswer || isVouchedFor { members[index].answeredAt = now }
        if result.isAnswer, let since = members[index].silentSince {
            let name = members[index].node.name
            actions.append(.note("\(name) answers again, after \(now - since) of silence."))
        }
        members[index].silentSince = nil
        let isNewSession = result.facts.map { !$0.isSameConnection(as: members[index].facts) } ?? false
        var restarted = false
        let change: NodeHealth.Change
        switch result {
        case .writable(let facts):
            restarted = adopt(facts, index)
            members[index].past.answered(facts, isReadOnly: false, isRestart: restarted)
            change = members[index].health.answered()
            if !restarted, case .writable(let since, _) = members[index].claim {
                members[index].claim = .writable(since: since, provenAt: now)
            } else {
                members[index].claim = .writable(since: now, provenAt: now)
            }
        case .readOnly(let facts):
            restarted = adopt(facts, index)
            members[index].past.answered(facts, isReadOnly: true, isRestart: restarted)
            change = members[index].health.answered()
            members[index].claim = .readOnly
        case .busy where before == .up || before == .falling, .hostBlocked where before == .up || before == .falling,
            .accountLimited where before == .up || before == .falling,
            .initConnectFailed where before == .up || before == .falling:
            // Alive, and what it last claimed still stands: nobody could have changed it unseen, since a restart or
            // a loss would have closed the check's connection and traffic's.
            change = members[index].health.answered()
            if case .writable(let since, _) = members[index].claim {
                members[index].claim = .writable(since: since, provenAt: now)
            }
        case .initConnectFailed where isVouchedFor, .accountLimited where isVouchedFor:
            change = members[index].health.answered()
            // What was known of the server before says nothing of this one.
            members[index].facts = nil
            members[index].past.answeredUnseen()
            members[index].claim = .writable(since: now, provenAt: now)
            members[index].lastCheck =
                "\(result.sentence); the cluster calls it promoted, and so it is believed to write"
        case .timeout where isPrimary && before != .down, .loginDenied where isPrimary && before != .down,
            .passwordWithheld where isPrimary && before != .down:
            change = members[index].health.silent()
            members[index].silentSince = silentSince ?? members[index].answeredAt ?? now
            if silentSince == nil { noteSilence(of: index, result, at: now, &actions) }
            beginSilence(of: index, result, isFirst: wasAnswering, at: now, &actions)
        case .busy, .starting:
            change = members[index].health.failed()
            forget(index, .notReady)
        case .loginDenied, .passwordWithheld, .initConnectFailed, .hostBlocked, .accountLimited:
            change = members[index].health.failed()
            forget(index, .accountRefused)
        case .refused, .lost, .unreachable, .unresolved, .timeout, .proxy, .protocolError:
            change = members[index].health.failed()
            forget(index, .absent)
        }
        if result == .refused { members[index].past.refused(at: now) }
        if result == .lost { members[index].past.lost(at: now) }
        noteProof(of: index)
        note(change, index, result.sentence, at: now, &actions)
        noteLogin(of: index, result, isNewSession: isNewSession, at: now, &actions)
        if members[index].node.id == primary, let deadline = silenceDeadline(of: index), now >= deadline {
            endSilence(of: index, at: now, &actions)
        }
        return restarted
    }

    private mutating func noteName(of index: Int, _ result: ProbeResult, _ actions: inout [Action]) {
        let before = members[index].isUnresolved
        let name = members[index].node.name
        switch result {
        case .unresolved:
            members[index].isUnresolved = true
            if !before { actions.append(.note("\(name): \(result.sentence); it is looked up again and again.")) }
        case .writable, .readOnly, .refused, .lost, .unreachable, .timeout, .loginDenied, .passwordWithheld,
            .initConnectFailed, .hostBlocked, .accountLimited, .busy, .starting, .proxy, .protocolError:
            members[index].isUnresolved = false
            if before { actions.append(.note("The name of \(name) is resolved.")) }
        }
    }

    /// What a check says of logins: one on its old connection says nothing.
    private mutating func noteLogin(
        of index: Int, _ result: ProbeResult, isNewSession: Bool, at now: Instant, _ actions: inout [Action]
    ) {
        guard result.facts == nil || isNewSession else { return }
        noteLogin(index, result.loginTrouble == nil ? nil : result, isProved: isNewSession, at: now, &actions)
    }

    private mutating func noteLogin(
        _ index: Int, _ result: ProbeResult?, isProved: Bool, at now: Instant, _ actions: inout [Action]
    ) {
        let name = members[index].node.name
        switch members[index].logins.took(result?.loginTrouble, isProved: isProved, at: now) {
        case .none: break
        case .began:
            let sentence = result?.sentence ?? ""
            actions.append(.note("A login of the check's account on \(name) fails: \(sentence)."))
        case .ended: actions.append(.note("Logins of the check's account on \(name) are well again."))
        }
        if members[index].logins.isFlushDue(at: now) { actions.append(.flushHosts(members[index].node.id)) }
    }

    /// What the holder of the role has just proved; and who was writable beside it.
    private mutating func noteProof(of index: Int) {
        let holder = members[index]
        guard holder.past.isHolder, holder.isAnswering, case .writable(_, let provenAt) = holder.claim else { return }
        let lsn = holder.facts?.flushedLSN ?? (lastProof?.node == holder.node.id ? lastProof?.lsn : nil)
        lastProof = ServerPast.Proof(node: holder.node.id, name: holder.node.name, at: provenAt, lsn: lsn)
        for other in members.indices where other != index && members[other].isAnswering {
            guard case .writable(let since, _) = members[other].claim, since < provenAt else { continue }
            members[other].past.wasBeside(holder.node.name)
        }
    }

    private mutating func weighPasts() {
        for index in members.indices {
            let member = members[index]
            members[index].objection = member.past.objection(member.node.id, member.facts, last: lastProof)
        }
    }

    /// A claim is remembered while the node is only falling.
    private mutating func forget(_ index: Int, _ claim: Claim) {
        if members[index].health.published == .down { members[index].claim = claim }
    }

    private mutating func adopt(_ facts: ServerFacts, _ index: Int) -> Bool {
        defer { members[index].facts = facts }
        guard let earlier = members[index].facts else { return false }
        return facts.isRestart(of: earlier)
    }

    /// Whether an answer proved a suspicion wrong that recently.
    private func isCleared(_ index: Int, within span: Instant.Span, at now: Instant) -> Bool {
        members[index].clearedAt.map { now - $0 < span } ?? false
    }

    private mutating func suspect(_ node: NodeID, _ reason: String, at now: Instant) -> [Action] {
        guard isChecked(node), !members[node.rawValue].isSuspected else { return [] }
        let change = members[node.rawValue].health.suspected()
        switch members[node.rawValue].health.published {
        case .up, .falling: break
        case .down, .rising: return []
        }
        members[node.rawValue].isSuspected = true
        var actions: [Action] = []
        note(change, node.rawValue, reason, at: now, &actions)
        decide(restarted: nil, at: now, &actions)
        actions.append(.probe(node, after: .zero))
        return actions
    }

    private mutating func note(
        _ change: NodeHealth.Change, _ index: Int, _ reason: String, at now: Instant, _ actions: inout [Action]
    ) {
        guard case .changed(let health) = change else { return }
        members[index].changedAt = now
        actions.append(.note("\(members[index].node.name) is \(health.rawValue): \(reason)."))
    }

    // MARK: a silent primary

    private func silenceDeadline(of index: Int) -> Instant? {
        let member = members[index]
        guard !member.isAnswering, member.health.published == .falling else { return nil }
        // The cluster watches it too: as long as it calls it promoted, silence is a pause.
        if isCalledPromoted(index) { return nil }
        return member.answeredAt.map { $0 + options.primaryTimeout }
    }

    private func noteSilence(of index: Int, _ result: ProbeResult, at now: Instant, _ actions: inout [Action]) {
        let member = members[index]
        let span = member.answeredAt.map { now - $0 } ?? .zero
        let end =
            isCalledPromoted(index)
            ? "it stays primary as long as the cluster calls it promoted"
            : "it stays primary until \(options.primaryTimeout) of silence"
        actions.append(
            .note(
                "The primary, \(member.node.name), has not answered for \(span) (\(result.sentence)): what is sent to it "
                    + "waits, and \(end). Look at its server, its disk and its network."))
    }

    private mutating func beginSilence(
        of index: Int, _ result: ProbeResult, isFirst: Bool, at now: Instant, _ actions: inout [Action]
    ) {
        if isCalledPromoted(index) {
            members[index].lastCheck = "\(result.sentence); the cluster still calls it promoted, it stays primary"
            return
        }
        guard let deadline = silenceDeadline(of: index), now < deadline else { return }
        let silence = members[index].answeredAt.map { now - $0 } ?? .zero
        members[index].lastCheck =
            "\(result.sentence), last answer \(silence) ago; stays primary until \(options.primaryTimeout) of silence"
        if isFirst {
            wakeAt = nil
            planWake(at: now, &actions)
        }
    }

    private mutating func endSilence(of index: Int, at now: Instant, _ actions: inout [Action]) {
        let reason = "the primary was silent for \(options.primaryTimeout): \(members[index].lastCheck)"
        let change = members[index].health.declaredDown()
        forget(index, .absent)
        note(change, index, reason, at: now, &actions)
    }

    // MARK: all nodes

    private mutating func decide(restarted: NodeID?, at now: Instant, _ actions: inout [Action]) {
        weighGone(at: now)
        weighPasts()
        var evidence = members.map(\.evidence)
        let before = primary
        switch PrimaryElection.elect(evidence, present: primary) {
        case .primary(let node):
            let isResumed = before == nil && node == suspended && node != restarted
            suspended = nil
            if node != before || node == restarted {
                if !isResumed { generation = generation.next }
                since = now
                actions.append(.note(announcement(of: node, was: before)))
            }
            primary = node
            phase = .ready
            diagnosis = nil
            elected(node, at: now)
            evidence = members.map(\.evidence)
            // Somebody else claims it too: the present primary is asked again at once, then it is decided.
            let testimony = Testimony(evidence)
            let rivals = evidence.filter { $0.isClaimant && $0.node != node && $0.administrative == .ready }
            if let rival = rivals.first(where: { testimony.standing(of: $0) == .unknown }),
                testimony.standing(of: evidence[node.rawValue]) == .unknown
            {
                if !members[node.rawValue].isSuspected, rival.isAnswering {
                    members[node.rawValue].isSuspected = true
                    actions.append(.probe(node, after: .zero))
                }
            }
        case .nobody(let reason):
            if let before { members[before.rawValue].lastCheck = members[before.rawValue].lastAnswer }
            let phase = phase(reason, Testimony(evidence))
            if before != nil || diagnosis != reason || self.phase != phase {
                since = now
                let told = phase == .lost || phase == .recovering ? "" : ", \(phase.rawValue)"
                actions.append(.note("No primary (\(reason.rawValue)\(told)): \(situation)."))
            }
            let candidate = before ?? suspended
            suspended = reason == .administrative && candidate != restarted ? candidate : nil
            primary = nil
            self.phase = phase
            diagnosis = reason
            if before != nil {
                for member in members { actions.append(.probe(member.node.id, after: options.outageInterval)) }
            }
        }
        noteStrays(&actions)
        publish(at: now, &actions)
    }

    private mutating func elected(_ node: NodeID, at now: Instant) {
        guard !members[node.rawValue].past.isHolder else { return }
        for index in members.indices where index != node.rawValue { members[index].past.anotherWasElected() }
        members[node.rawValue].past.elected()
        noteProof(of: node.rawValue)
        weighPasts()
    }

    /// Once for each run of a server.
    private mutating func noteStrays(_ actions: inout [Action]) {
        let evidence = members.map(\.evidence)
        let testimony = Testimony(evidence)
        for index in members.indices where !members[index].past.isTold {
            guard let stray = testimony.stray(evidence[index], primary: primary) else { continue }
            members[index].past.isTold = true
            let member = members[index]
            let files = member.facts?.dataDirectory.map { ", data in \($0)" } ?? ""
            let beside = primary.map { " beside the primary, \(members[$0.rawValue].node.name)" } ?? ""
            actions.append(
                .note(
                    "A stray server is writable on \(member.node.name)\(beside), and gets nothing: \(stray) (it "
                        + "\(member.lastCheck)\(files)). Stop it, and whatever starts it (systemctl disable --now "
                        + "mariadb). If it is the right one after all: haproxydb ctl set server "
                        + "mariadb/\(member.node.name) state ready."))
        }
    }

    /// Of a cluster without a primary. What agents call ready is not, as long as no server says so.
    private func phase(_ reason: Diagnosis, _ testimony: Testimony) -> Phase {
        let known: Phase = reason == .recovering || reason == .serverFull ? .recovering : .lost
        guard let told = testimony.phase, told.rank > known.rank else { return known }
        return told == .ready ? .recovering : told
    }

    private func announcement(of node: NodeID, was before: NodeID?) -> String {
        let member = members[node.rawValue]
        let how = node == before ? "is primary again with a restarted server" : "is primary"
        return "\(member.node.name) \(how), generation \(generation): \(member.lastCheck)."
    }

    private var situation: String {
        members.map { member in
            let word = member.administrative == .ready ? "" : " (\(member.administrative.rawValue))"
            return "\(member.node.name)\(word) \(member.health.published.rawValue), \(member.lastCheck)"
        }.joined(separator: "; ")
    }

    private mutating func publish(at now: Instant, _ actions: inout [Action]) {
        for index in members.indices {
            let role = role(of: index)
            if role != members[index].role {
                members[index].role = role
                members[index].changedAt = now
            }
        }
        let evidence = members.map(\.evidence)
        let testimony = Testimony(evidence)
        var view = ClusterView(
            generation: generation, primary: primary, phase: phase, diagnosis: diagnosis, since: since,
            nodes: members.map {
                var node = NodeView(
                    node: $0.node, health: $0.health.published, administrative: $0.administrative, role: $0.role,
                    lastCheck: $0.lastCheck, changedAt: $0.changedAt)
                node.marks = $0.overrides.marks($0.agent)
                node.stray = testimony.stray($0.evidence, primary: primary)
                node.cautions = $0.evidence.cautions + (node.stray == nil ? [] : [.strayServer])
                return node
            }, cautions: Testimony.cautions(evidence, primary: primary))
        view.life = primary.flatMap { members[$0.rawValue].facts?.life?.number }
        swap(&view, &published)
        if !published.equalsApartFromChecks(view) { actions.append(.publish(published)) }
    }

    private func role(of index: Int) -> Role {
        let member = members[index]
        if member.node.id == primary { return .primary }
        if member.agent.report?.storage?.role == .secondary { return .standby }
        switch member.claim {
        case .readOnly: return .standby
        case .absent: return primary != nil && member.lastCheck == ProbeResult.refused.sentence ? .standby : .unknown
        case .unknown, .writable, .notReady, .accountRefused: return .unknown
        }
    }

    private func interval(of index: Int, after result: ProbeResult) -> Instant.Span {
        // A refused account stays refused for a while, and every try is a line in the server's log.
        if result.loginTrouble != nil { return options.interval }
        let isPromotionNear = members[index].agent.report?.phase != nil && members[index].node.id != primary
        if isPromotionNear { return min(options.promotionInterval, options.outageInterval) }
        if primary == nil { return options.outageInterval }
        if members[index].node.id == primary, members[index].isSuspected { return .zero }
        // Doubt about the primary is a question to all: another may be promoted while it is only silent.
        if let primary, members[primary.rawValue].health.published == .falling { return options.fastInterval }
        switch members[index].health.published {
        case .rising, .falling: return options.fastInterval
        case .up, .down: return options.interval
        }
    }
}

extension ProbeResult {
    /// Whether the server said something that lets its claim stand or fall.
    var isAnswer: Bool {
        switch self {
        case .writable, .readOnly, .busy, .hostBlocked, .accountLimited, .initConnectFailed: true
        case .refused, .lost, .unreachable, .unresolved, .timeout, .loginDenied, .passwordWithheld, .starting, .proxy,
            .protocolError:
            false
        }
    }

    /// Whether others may well have sessions there, and the check has none.
    var isSessionEnded: Bool {
        switch self {
        case .initConnectFailed, .accountLimited: true
        case .writable, .readOnly, .busy, .hostBlocked, .refused, .lost, .unreachable, .unresolved, .timeout,
            .loginDenied,
            .passwordWithheld, .starting, .proxy, .protocolError:
            false
        }
    }

    /// Whether the server has no seat (1040).
    var isFull: Bool {
        switch self {
        case .busy(let code, _): code == 1040
        case .writable, .readOnly, .hostBlocked, .refused, .lost, .unreachable, .unresolved, .timeout, .loginDenied,
            .passwordWithheld, .initConnectFailed, .accountLimited, .starting, .proxy, .protocolError:
            false
        }
    }

    /// Nil where the server did not say.
    var facts: ServerFacts? {
        switch self {
        case .writable(let facts), .readOnly(let facts): facts
        case .busy, .hostBlocked, .accountLimited, .initConnectFailed, .refused, .lost, .unreachable, .unresolved,
            .timeout,
            .loginDenied, .passwordWithheld, .starting, .proxy, .protocolError:
            nil
        }
    }
}

extension ClusterView {
    fileprivate func equalsApartFromChecks(_ other: ClusterView) -> Bool {
        var mine = self
        var theirs = other
        for index in mine.nodes.indices { mine.nodes[index].lastCheck = "" }
        for index in theirs.nodes.indices { theirs.nodes[index].lastCheck = "" }
        return mine == theirs
    }
}
