extension PacemakerView {
    /// Every node is looked for among all. (Corosync has 32 at most, Pacemaker's remote ones come to some hundreds.)
    static let nodesMax = 1024

    /// Reads what `crm_mon --output-as=xml` (2.x) or `crm_mon -X` (1.1) printed.
    ///
    /// - Parameter root: `<pacemaker-result>` or `<crm_mon>`.
    /// - Throws: `refused` for the document that says why crm_mon failed (102: not connected).
    public init(_ root: MarkupElement) throws(FormatError) {
        let top = Attributes(element: root, format: .crmMon)
        guard root.name == "pacemaker-result" || root.name == "crm_mon" else {
            throw top.error(.unsupported("<\(excerpt(root.name))>"))
        }
        if let status = root[child: "status"] {
            let code = try Attributes(element: status, format: .crmMon).number("code")
            guard let code else { throw top.error(.missing("the status's code")) }
            if code != 0 {
                let errors = status[child: "errors"]?.children.map { excerpt($0.text) } ?? []
                let message = errors.last ?? excerpt(status.attributes["message"] ?? "")
                throw FormatError(.crmMon, line: status.line, .refused(code: code, message: message))
            }
        } else if root.name == "pacemaker-result" {
            throw top.error(.missing("<status>"))
        }
        self.init()
        guard let summary = root[child: "summary"] else { throw top.error(.missing("<summary>")) }
        guard let nodes = root[child: "nodes"] else { throw top.error(.missing("<nodes>")) }
        guard let resources = root[child: "resources"] else { throw top.error(.missing("<resources>")) }
        try read(summary: summary)
        for child in nodes.children(named: "node") { try read(node: child) }
        for child in resources.children { try read(resource: child, group: nil, clone: nil) }
        for child in root[child: "node_attributes"]?.children(named: "node") ?? [] { try read(attributes: child) }
        for child in root[child: "node_history"]?.children(named: "node") ?? [] { try read(history: child) }
        for child in root[child: "failures"]?.children(named: "failure") ?? [] { try read(failure: child) }
        for child in root[child: "fence_history"]?.children(named: "fence_event") ?? [] { try read(fencing: child) }
        let names = self.nodes.map(\.name)
        for resource in self.resources {
            // A role on a node that is not in the list could not be judged by the node's state.
            for node in resource.nodes where !names.contains(node) {
                throw FormatError(.crmMon, .unknownObject("node \(excerpt(node)) of \(excerpt(resource.id))"))
            }
        }
    }

    private mutating func read(summary: MarkupElement) throws(FormatError) {
        guard let dc = summary[child: "current_dc"] else {
            throw FormatError(.crmMon, line: summary.line, .missing("<current_dc>"))
        }
        let attributes = Attributes(element: dc, format: .crmMon)
        if try attributes.requiredFlag("present") {
            coordinator = try attributes.required("name")
            version = attributes["version"]
            hasQuorum = try attributes.requiredFlag("with_quorum")
        }
        if let options = summary[child: "cluster_options"] {
            let attributes = Attributes(element: options, format: .crmMon)
            isInMaintenance = try attributes.flag("maintenance-mode")
            isFencingEnabled = try attributes.flag("stonith-enabled")
            quorumPolicy = attributes["no-quorum-policy"]
        }
    }

    private mutating func read(node: MarkupElement) throws(FormatError) {
        let attributes = Attributes(element: node, format: .crmMon)
        let name = try attributes.required("name")
        guard nodes.count < Self.nodesMax else { throw attributes.error(.tooMuch("nodes", max: Self.nodesMax)) }
        guard self.node(named: name) == nil else { throw attributes.error(.malformed("node \(excerpt(name)) twice")) }
        nodes.append(
            Node(
                name: name, id: try attributes.required("id"), isOnline: try attributes.requiredFlag("online"),
                isStandby: try attributes.requiredFlag("standby"),
                isStandbyOnFail: try attributes.flag("standby_onfail") ?? false,
                isInMaintenance: try attributes.requiredFlag("maintenance"),
                isPending: try attributes.requiredFlag("pending"),
                isUnclean: try attributes.requiredFlag("unclean"),
                isShuttingDown: try attributes.flag("shutdown") ?? false,
                isCoordinator: try attributes.requiredFlag("is_dc")))
    }

    /// A resource, or the members of a group, clone, bundle or replica.
    private mutating func read(
        resource element: MarkupElement, group: String?, clone: String?
    ) throws(FormatError) {
        let attributes = Attributes(element: element, format: .crmMon)
        switch element.name {
        case "resource": break
        case "group":
            let id = try attributes.required("id")
            for child in element.children { try read(resource: child, group: id, clone: clone) }
            return
        case "clone", "bundle":
            let id = try attributes.required("id")
            for child in element.children { try read(resource: child, group: group, clone: id) }
            return
        case "replica":
            for child in element.children { try read(resource: child, group: group, clone: clone) }
            return
        // What newer versions add beside resources.
        default: return
        }
        let word = try attributes.required("role")
        guard let role = ResourceRole(word: word) else {
            throw attributes.error(.unknownWord(key: "role", word: excerpt(word)))
        }
        var nodes: [String] = []
        for node in element.children(named: "node") {
            nodes.append(try Attributes(element: node, format: .crmMon).required("name"))
        }
        resources.append(
            Resource(
                id: try attributes.required("id"), agent: try attributes.required("resource_agent"), role: role,
                pending: attributes["pending"], nodes: nodes, group: group, clone: clone,
                isActive: try attributes.requiredFlag("active"), isManaged: try attributes.requiredFlag("managed"),
                hasFailed: try attributes.requiredFlag("failed"), isBlocked: try attributes.requiredFlag("blocked"),
                isOrphaned: try attributes.flag("orphaned") ?? false))
    }

    private mutating func read(attributes element: MarkupElement) throws(FormatError) {
        let name = try Attributes(element: element, format: .crmMon).required("name")
        guard let at = nodes.firstIndex(where: { $0.name == name }) else { return }
        for child in element.children(named: "attribute") {
            let attributes = Attributes(element: child, format: .crmMon)
            nodes[at].attributes.append(
                Attribute(name: try attributes.required("name"), value: child.attributes["value"] ?? ""))
        }
    }

    private mutating func read(history element: MarkupElement) throws(FormatError) {
        let node = try Attributes(element: element, format: .crmMon).required("name")
        for child in element.children(named: "resource_history") {
            let attributes = Attributes(element: child, format: .crmMon)
            guard let count = try attributes.number("fail-count"), count != 0 else { continue }
            let threshold = try attributes.number("migration-threshold")
            failCounts.append(
                FailCount(
                    node: node, resource: try attributes.required("id"), count: count,
                    migrationThreshold: threshold == 0 ? nil : threshold))
        }
    }

    private mutating func read(failure element: MarkupElement) throws(FormatError) {
        let attributes = Attributes(element: element, format: .crmMon)
        // Fencing devices and unparsable operations have an id instead.
        let key = attributes["op_key"] ?? attributes["id"] ?? ""
        let task = attributes["task"] ?? ""
        var resource = ""
        if let interval = attributes["interval"], !task.isEmpty, key.hasSuffix("_\(task)_\(interval)") {
            resource = String(key.dropLast("_\(task)_\(interval)".count))
        }
        guard let code = try attributes.number("exitcode") else { throw attributes.error(.missing("exitcode")) }
        failedActions.append(
            FailedAction(
                resource: resource, task: task, node: try attributes.required("node"), exitCode: code,
                exitText: attributes["exitstatus"] ?? "", reason: attributes["exitreason"] ?? ""))
    }

    private mutating func read(fencing element: MarkupElement) throws(FormatError) {
        let attributes = Attributes(element: element, format: .crmMon)
        let word = try attributes.required("status")
        guard let state = FencingEvent.State(rawValue: word) else {
            throw attributes.error(.unknownWord(key: "status", word: excerpt(word)))
        }
        fencing.append(
            FencingEvent(
                action: try attributes.required("action"), target: try attributes.required("target"), state: state))
    }
}
