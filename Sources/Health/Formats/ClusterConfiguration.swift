import Cluster

/// What an administrator has configured in a CIB (`cibadmin --query`): options, resources with their operations, and the
/// constraints that say where they may be. What is going on is in ``ClusterInformationBase`` and ``PacemakerView``.
public struct ClusterConfiguration: Sendable, Hashable {
    public struct Operation: Sendable, Hashable {
        public var id: String
        /// `monitor`, `start`, `stop`, `promote`, `demote`, …
        public var name: String
        /// Zero: not repeated.
        public var interval: Instant.Span
        /// Its own, or that of the defaults; nil where neither says.
        public var timeout: Instant.Span?
        /// In the words of Pacemaker 2.1 (`Promoted`, `Unpromoted`); nil for any.
        public var role: String?

        public init(
            id: String = "", name: String, interval: Instant.Span = .zero, timeout: Instant.Span? = nil,
            role: String? = nil
        ) {
            self.id = id
            self.name = name
            self.interval = interval
            self.timeout = timeout
            self.role = role
        }
    }

    public struct Resource: Sendable, Hashable {
        public var id: String
        /// `ocf:linbit:drbd`, `stonith:fence_ipmilan`, `systemd:mariadb`
        public var agent: String
        public var parameters: [String: String]
        /// Its own, then those of the group and the clone around it, then the defaults'.
        public var meta: [String: String]
        /// Those that are not switched off.
        public var operations: [Operation]
        public var group: String?
        /// The clone around it, also of a promotable one.
        public var clone: String?

        public init(
            id: String, agent: String, parameters: [String: String] = [:], meta: [String: String] = [:],
            operations: [Operation] = [], group: String? = nil, clone: String? = nil
        ) {
            self.id = id
            self.agent = agent
            self.parameters = parameters
            self.meta = meta
            self.operations = operations
            self.group = group
            self.clone = clone
        }
    }

    /// Where a resource would rather be, or not: `rsc_location` with a score, also by a rule about a node's name.
    public struct Location: Sendable, Hashable {
        public var id: String
        public var resource: String
        public var node: String?
        /// A million is infinity, and more than that there is not.
        public var score: Int

        public init(id: String, resource: String, node: String? = nil, score: Int) {
            self.id = id
            self.resource = resource
            self.node = node
            self.score = score
        }
    }

    public struct Colocation: Sendable, Hashable {
        public var id: String
        public var resource: String
        public var with: String
        public var score: Int

        public init(id: String, resource: String, with: String, score: Int) {
            self.id = id
            self.resource = resource
            self.with = with
            self.score = score
        }
    }

    /// Options of the cluster: `stonith-enabled`, …
    public var properties: [String: String] = [:]
    public var resourceDefaults: [String: String] = [:]
    public var operationDefaults: [String: String] = [:]
    public var nodes: [String] = []
    public var resources: [Resource] = []
    public var locations: [Location] = []
    public var colocations: [Colocation] = []

    public init() {}

    /// Every resource is looked for among all.
    static let resourcesMax = 4096

    /// - Parameter root: `<cib>`.
    public init(_ root: MarkupElement) throws(FormatError) {
        guard root.name == "cib" else {
            throw FormatError(
                .clusterInformationBase, line: root.line, .unsupported("<\(excerpt(root.name))>"))
        }
        guard let configuration = root[child: "configuration"] else {
            throw FormatError(.clusterInformationBase, line: root.line, .missing("<configuration>"))
        }
        let reader = Reader(configuration)
        properties = reader.values(of: configuration[child: "crm_config"], "cluster_property_set")
        resourceDefaults = reader.values(of: configuration[child: "rsc_defaults"], "meta_attributes")
        operationDefaults = reader.values(of: configuration[child: "op_defaults"], "meta_attributes")
        for element in configuration[child: "nodes"]?.children(named: "node") ?? [] {
            guard let name = element.attributes["uname"] else { continue }
            nodes.append(name)
        }
        for element in configuration[child: "resources"]?.children ?? [] {
            try read(element, reader, group: nil, clone: nil, meta: resourceDefaults)
        }
        for element in configuration[child: "constraints"]?.children ?? [] { try read(constraint: element) }
    }

    private mutating func read(
        _ element: MarkupElement, _ reader: Reader, group: String?, clone: String?, meta outer: [String: String]
    ) throws(FormatError) {
        let id = try Attributes(element: element, format: .clusterInformationBase).required("id")
        switch element.name {
        case "primitive":
            guard resources.count < Self.resourcesMax else {
                throw FormatError(
                    .clusterInformationBase, line: element.line, .tooMuch("resources", max: Self.resourcesMax))
            }
            resources.append(
                try reader.primitive(element, id, group: group, clone: clone, meta: outer, operationDefaults))
        case "group", "clone", "master":
            let meta = outer.merging(reader.values(of: element, "meta_attributes")) { _, own in own }
            for child in element.children {
                try readMember(
                    child, reader, group: element.name == "group" ? id : group,
                    clone: element.name == "group" ? clone : id, meta: meta)
            }
        // Templates are read where they are used; bundles are no databases of two nodes.
        case _: break
        }
    }

    private mutating func readMember(
        _ child: MarkupElement, _ reader: Reader, group: String?, clone: String?, meta: [String: String]
    ) throws(FormatError) {
        guard ["primitive", "group"].contains(child.name) else { return }
        try read(child, reader, group: group, clone: clone, meta: meta)
    }

    private mutating func read(constraint element: MarkupElement) throws(FormatError) {
        let attributes = Attributes(element: element, format: .clusterInformationBase)
        let id = try attributes.required("id")
        switch element.name {
        case "rsc_location":
            // One of a set or a pattern names no resource.
            guard let resource = attributes["rsc"] else { return }
            if let score = try attributes.score("score") {
                locations.append(Location(id: id, resource: resource, node: attributes["node"], score: score))
            }
            for rule in element.children(named: "rule") {
                let words = Attributes(element: rule, format: .clusterInformationBase)
                guard let score = try words.score("score") else { continue }
                let about = rule.children(named: "expression").first {
                    $0.attributes["attribute"] == "#uname" && $0.attributes["operation"] == "eq"
                }
                locations.append(
                    Location(id: id, resource: resource, node: about?.attributes["value"], score: score))
            }
        case "rsc_colocation":
            guard let resource = attributes["rsc"], let with = attributes["with-rsc"] else { return }
            colocations.append(
                Colocation(id: id, resource: resource, with: with, score: try attributes.score("score") ?? 1_000_000))
        case _: break
        }
    }
}

/// Reads sets of values, also those that stand elsewhere and are only referred to.
private struct Reader {
    private var templates: [String: MarkupElement] = [:]
    /// Sets by their ids.
    private var sets: [String: MarkupElement] = [:]

    init(_ configuration: MarkupElement) {
        for template in configuration[child: "resources"]?.children(named: "template") ?? [] {
            if let id = template.attributes["id"] { templates[id] = template }
        }
        collect(configuration)
    }

    /// As deep as the document, which has a bound.
    private mutating func collect(_ element: MarkupElement) {
        if Reader.setNames.contains(element.name), let id = element.attributes["id"] { sets[id] = element }
        for child in element.children { collect(child) }
    }

    private static let setNames: Set = [
        "meta_attributes", "instance_attributes", "cluster_property_set", "operations",
    ]

    private func set(_ element: MarkupElement) -> MarkupElement {
        element.attributes["id-ref"].flatMap { sets[$0] } ?? element
    }

    /// Of all sets of that name within an element; the first that has a value wins. Sets with a rule hold at some times
    /// only, and are no part of it.
    func values(of element: MarkupElement?, _ name: String) -> [String: String] {
        var all: [String: String] = [:]
        for found in element?.children(named: name) ?? [] {
            let set = set(found)
            guard set[child: "rule"] == nil else { continue }
            for pair in set.children(named: "nvpair") {
                guard let key = pair.attributes["name"], all[key] == nil else { continue }
                all[key] = pair.attributes["value"]
            }
        }
        return all
    }

    func primitive(
        _ element: MarkupElement, _ id: String, group: String?, clone: String?, meta outer: [String: String],
        _ operationDefaults: [String: String]
    ) throws(FormatError) -> ClusterConfiguration.Resource {
        let template = element.attributes["template"].flatMap { templates[$0] }
        func both(_ name: String) -> [String: String] {
            values(of: template, name).merging(values(of: element, name)) { _, own in own }
        }
        func word(_ name: String) -> String? { element.attributes[name] ?? template?.attributes[name] }
        guard let kind = word("class"), let type = word("type") else {
            throw FormatError(.clusterInformationBase, line: element.line, .missing("class and type of \(excerpt(id))"))
        }
        var operations: [ClusterConfiguration.Operation] = []
        for source in [element, template].compactMap({ $0 }) {
            for list in source.children(named: "operations") {
                for child in set(list).children(named: "op") {
                    guard let operation = try operation(child, operationDefaults) else { continue }
                    // What the resource itself says comes before its template.
                    let isSaid = operations.contains {
                        $0.name == operation.name && $0.role == operation.role && source.name == "template"
                    }
                    if !isSaid { operations.append(operation) }
                }
            }
        }
        return ClusterConfiguration.Resource(
            id: id, agent: [kind, word("provider"), type].compactMap { $0 }.joined(separator: ":"),
            parameters: both("instance_attributes"),
            meta: outer.merging(both("meta_attributes")) { _, own in own }, operations: operations, group: group,
            clone: clone)
    }

    /// Nil for one that is switched off.
    private func operation(
        _ element: MarkupElement, _ defaults: [String: String]
    ) throws(FormatError) -> ClusterConfiguration.Operation? {
        let attributes = Attributes(element: element, format: .clusterInformationBase)
        let meta = values(of: element, "meta_attributes").merging(values(of: element, "instance_attributes")) { a, _ in
            a
        }
        func span(_ key: String, _ word: String?) throws(FormatError) -> Instant.Span? {
            guard let word, !word.isEmpty else { return nil }
            guard let span = Instant.Span(pacemaker: word) else {
                throw attributes.error(.malformed("\(key)=\(excerpt(word))"))
            }
            return span
        }
        if try attributes.flag("enabled") ?? Attributes.truth(meta["enabled"] ?? "") == false { return nil }
        let role: String? =
            switch attributes["role"] {
            case "Master": "Promoted"
            case "Slave": "Unpromoted"
            case let word: word
            }
        return ClusterConfiguration.Operation(
            id: attributes["id"] ?? "", name: try attributes.required("name"),
            interval: try span("interval", attributes["interval"]) ?? .zero,
            timeout: try span("timeout", attributes["timeout"] ?? meta["timeout"] ?? defaults["timeout"]), role: role)
    }
}
