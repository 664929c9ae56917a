/// What DRBD's files say (`drbdadm dump-xml`): the handlers stand nowhere else, not even in the kernel.
public struct DRBDConfiguration: Sendable, Hashable {
    public struct Resource: Sendable, Hashable {
        public var name: String
        /// `/etc/drbd.d/mysql.res:1`
        public var place: String?
        /// What is common to all, overruled by the resource's own, and that by its connections'.
        public var net: [String: String]
        public var disk: [String: String]
        public var options: [String: String]
        public var handlers: [String: String]

        public init(
            name: String, place: String? = nil, net: [String: String] = [:], disk: [String: String] = [:],
            options: [String: String] = [:], handlers: [String: String] = [:]
        ) {
            self.name = name
            self.place = place
            self.net = net
            self.disk = disk
            self.options = options
            self.handlers = handlers
        }

        /// The fencing policy: of the network with 9, of the disk with 8.4.
        public var fencing: String? { net["fencing"] ?? disk["fencing"] }
    }

    public var resources: [Resource] = []

    public init(resources: [Resource] = []) { self.resources = resources }

    static let resourcesMax = 1024

    /// - Parameter root: `<config>`.
    public init(_ root: MarkupElement) throws(FormatError) {
        let top = Attributes(element: root, format: .drbdConfiguration)
        guard root.name == "config" else { throw top.error(.unsupported("<\(excerpt(root.name))>")) }
        let common = root[child: "common"]
        for element in root.children(named: "resource") {
            let attributes = Attributes(element: element, format: .drbdConfiguration)
            guard resources.count < Self.resourcesMax else {
                throw attributes.error(.tooMuch("resources", max: Self.resourcesMax))
            }
            let places = [common, element].compactMap { $0 } + element.children(named: "connection")
            func section(_ name: String) -> [String: String] {
                var values: [String: String] = [:]
                for place in places {
                    for section in place.children(named: "section") where section.attributes["name"] == name {
                        for option in section.children(named: "option") {
                            guard let key = option.attributes["name"] else { continue }
                            values[key] = option.attributes["value"] ?? ""
                        }
                    }
                }
                return values
            }
            resources.append(
                Resource(
                    name: try attributes.required("name"), place: attributes["conf-file-line"], net: section("net"),
                    disk: section("disk"), options: section("options"), handlers: section("handlers")))
        }
    }
}
