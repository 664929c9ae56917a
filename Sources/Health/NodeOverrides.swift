import Cluster

/// What an administrator has made of a node's checks. None of it ever makes a node the primary.
struct NodeOverrides: Sendable, Hashable {
    var isStopping = false
    var isUnchecked = false
    var isAgentIgnored = false
    var isAgentDown = false

    /// The node gets no statements.
    var areInTheWay: Bool { isStopping || isAgentDown }

    func marks(_ agent: AgentWord) -> NodeMarks {
        var marks: NodeMarks = []
        if isStopping { marks.insert(.stopping) }
        if isUnchecked { marks.insert(.unchecked) }
        if agent != .none { marks.insert(.agent) }
        if agent.report != nil { marks.insert(.agentHeard) }
        if isAgentIgnored { marks.insert(.agentIgnored) }
        if isAgentDown { marks.insert(.agentDown) }
        return marks
    }
}
