/// One piece of what is known of a node, with its owner and its date, for people.
public struct EvidencePiece: Sendable, Hashable {
    public enum Source: String, Sendable, Hashable, CaseIterable {
        /// The proxy's own check of the server.
        case sql
        /// Whether the node's agent is heard.
        case agent
        /// The node's own kernel, by its agent.
        case drbd
        /// DRBD's generation identifiers, by its agent.
        case data
        /// The resource manager as that node sees it, by its agent.
        case pacemaker
        /// Which mariadbd is the cluster's, by the node's agent.
        case process
    }

    public var node: NodeID
    public var source: Source
    /// One sentence without its subject and full stop.
    public var says: String
    /// Nil where it was never observed, or its observer did not say when.
    public var observedAt: Instant?

    public init(node: NodeID, source: Source, says: String, observedAt: Instant?) {
        self.node = node
        self.source = source
        self.says = says
        self.observedAt = observedAt
    }
}
