/// What is needed of a CIB (`cibadmin --query`): options, nodes and their states, operations under way. It is the
/// record that Pacemaker decides by, not its decisions: `unclean`, for one, is not in it.
public struct ClusterInformationBase: Sendable, Hashable {
    public struct Node: Sendable, Hashable {
        public var id: String
        public var name: String
        /// The standby attribute, permanent or until reboot.
        public var isStandby: Bool
        public var isInMaintenance: Bool
        /// Of the ring; nil while nothing is recorded of the node.
        public var isMember: Bool?
        /// Its controller is connected.
        public var isConnected: Bool?
        /// `member`, `down`, `pending`, …
        public var join: String?
        /// It should be a member: with `isMember` false its loss was not in order.
        public var isExpected: Bool?
    }

    /// An operation that has begun and has not been reported done.
    public struct PendingOperation: Sendable, Hashable {
        public var node: String
        public var resource: String
        public var task: String
    }

    public var hasQuorum: Bool?
    public var coordinatorID: String?
    /// `admin_epoch.epoch.num_updates`: the greater, the newer.
    public var version: [Int]
    public var isInMaintenance: Bool?
    public var isFencingEnabled: Bool?
    public var quorumPolicy: String?
    public var nodes: [Node]
    public var pendingOperations: [PendingOperation]

    /// - Parameter root: `<cib>`.
    public init(_ root: MarkupElement) throws(FormatError) {
        let format = FormatError.Format.clusterInformationBase
        let top = Attributes(element: root, format: format)
        guard root.name == "cib" else { throw top.error(.unsupported("<\(excerpt(root.name))>")) }
        hasQuorum = try top.flag("have-quorum")
        coordinatorID = top["dc-uuid"]
        var version: [Int] = []
        for key in ["admin_epoch", "epoch", "num_updates"] { version.append(try top.number(key) ?? 0) }
        self.version = version
        nodes = []
        pendingOperations = []
        guard let configuration = root[child: "configuration"] else { throw top.error(.missing("<configuration>")) }
        for set in configuration[child: "crm_config"]?.children(named: "cluster_property_set") ?? [] {
            isInMaintenance = try ClusterInformationBase.flag("maintenance-mode", set) ?? isInMaintenance
            isFencingEnabled = try ClusterInformationBase.flag("stonith-enabled", set) ?? isFencingEnabled
            quorumPolicy = ClusterInformationBase.value("no-quorum-policy", set) ?? quorumPolicy
        }
        for element in configuration[child: "nodes"]?.children(named: "node") ?? [] {
            let attributes = Attributes(element: element, format: format)
            guard nodes.count < PacemakerView.nodesMax else {
                throw attributes.error(.tooMuch("nodes", max: PacemakerView.nodesMax))
            }
            var node = Node(
                id: try attributes.required("id"), name: try attributes.required("uname"), isStandby: false,
                isInMaintenance: false)
            for set in element.children(named: "instance_attributes") { try node.read(set) }
            nodes.append(node)
        }
        for element in root[child: "status"]?.children(named: "node_state") ?? [] { try read(state: element) }
    }

    private mutating func read(state element: MarkupElement) throws(FormatError) {
        let attributes = Attributes(element: element, format: .clusterInformationBase)
        let id = try attributes.required("id")
        guard let at = nodes.firstIndex(where: { $0.id == id }) else { return }
        nodes[at].isMember = try ClusterInformationBase.presence(attributes, "in_ccm")
        nodes[at].isConnected = try ClusterInformationBase.presence(attributes, "crmd")
        nodes[at].join = attributes["join"]
        nodes[at].isExpected = attributes["expected"].map { $0 == "member" }
        for transient in element.children(named: "transient_attributes") {
            for set in transient.children(named: "instance_attributes") { try nodes[at].read(set) }
        }
        for lrm in element.children(named: "lrm") {
            for list in lrm.children(named: "lrm_resources") {
                for resource in list.children(named: "lrm_resource") { try read(resource, node: nodes[at].name) }
            }
        }
    }

    private mutating func read(_ resource: MarkupElement, node: String) throws(FormatError) {
        for element in resource.children(named: "lrm_rsc_op") {
            let operation = Attributes(element: element, format: .clusterInformationBase)
            guard try operation.number("op-status") == -1 else { continue }
            let id = try Attributes(element: resource, format: .clusterInformationBase).required("id")
            let task = try operation.required("operation")
            pendingOperations.append(PendingOperation(node: node, resource: id, task: task))
        }
    }

    /// A boolean, `online`/`offline`, or since 2.1.7 the time since which it holds (0: it does not).
    private static func presence(_ attributes: Attributes, _ key: String) throws(FormatError) -> Bool? {
        guard let word = attributes[key] else { return nil }
        if word == "online" { return true }
        if word == "offline" { return false }
        if let known = Attributes.truth(word) { return known }
        guard let since = Int(word) else { throw attributes.error(.unknownWord(key: key, word: excerpt(word))) }
        return since > 0
    }

    fileprivate static func value(_ name: String, _ set: MarkupElement) -> String? {
        set.children.first { $0.name == "nvpair" && $0.attributes["name"] == name }?.attributes["value"]
    }

    fileprivate static func flag(_ name: String, _ set: MarkupElement) throws(FormatError) -> Bool? {
        guard let word = value(name, set) else { return nil }
        guard let truth = Attributes.truth(word) else {
            throw FormatError(
                .clusterInformationBase, line: set.line, .unknownWord(key: name, word: excerpt(word)))
        }
        return truth
    }
}

extension ClusterInformationBase.Node {
    /// Standby and maintenance of a set of attributes; the later set wins.
    fileprivate mutating func read(_ set: MarkupElement) throws(FormatError) {
        if let value = try ClusterInformationBase.flag("standby", set) { isStandby = value }
        if let value = try ClusterInformationBase.flag("maintenance", set) { isInMaintenance = value }
    }
}
