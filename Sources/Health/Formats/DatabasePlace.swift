/// Where the cluster's database lies, by the parameters of its resources. What is not set there is nil.
public struct DatabasePlace: Sendable, Hashable {
    /// The resource agents of the distribution (`ocf:heartbeat:mysql` and its like) hand both to the server on its
    /// command line.
    public var pidFile: String?
    public var dataDirectory: String?
    /// Where it answers on its own host.
    public var socket: String?
    /// Of the file system's resource.
    public var device: String?

    public init(
        pidFile: String? = nil, dataDirectory: String? = nil, socket: String? = nil, device: String? = nil
    ) {
        self.pidFile = pidFile
        self.dataDirectory = dataDirectory
        self.socket = socket
        self.device = device
    }

    /// - Parameter cib: `<cib>`.
    public init(cib: MarkupElement, _ names: ResourceNames) throws(FormatError) {
        guard cib.name == "cib", let configuration = cib[child: "configuration"] else {
            throw FormatError(.clusterInformationBase, line: cib.line, .unsupported("<\(excerpt(cib.name))>"))
        }
        let resources = configuration.children(named: "resources")
        func value(_ name: String, of id: String) -> String? {
            let sets =
                resources.lazy.compactMap { $0.primitive(id) }.first?.children(named: "instance_attributes") ?? []
            return sets.flatMap { $0.children(named: "nvpair") }.first { $0.attributes["name"] == name }?
                .attributes["value"]
        }
        self.init(
            pidFile: value("pid", of: names.database), dataDirectory: value("datadir", of: names.database),
            socket: value("socket", of: names.database), device: value("device", of: names.filesystem))
    }

    /// What is said here goes before the other.
    public func over(_ other: DatabasePlace) -> DatabasePlace {
        DatabasePlace(
            pidFile: pidFile ?? other.pidFile, dataDirectory: dataDirectory ?? other.dataDirectory,
            socket: socket ?? other.socket, device: device ?? other.device)
    }
}

extension MarkupElement {
    /// The primitive of that id, in groups and clones as well. (Documents are of bounded depth, see XMLReader.)
    fileprivate func primitive(_ id: String) -> MarkupElement? {
        for child in children {
            if child.name == "primitive", child.attributes["id"] == id { return child }
            if let found = child.primitive(id) { return found }
        }
        return nil
    }
}
