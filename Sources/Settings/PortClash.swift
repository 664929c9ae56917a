import Cluster

/// A listener that takes from a node's server what that needs to start: the port, on its own address. The standby's
/// server is not there to be in the way: nobody would notice before the failover, which then ends nowhere.
///
/// IP_FREEBIND makes no difference: a listener on an address that is not here yet bars a server that binds to every
/// address all the same.
enum PortClash: Hashable {
    /// The listener has the node's own address.
    case same
    /// The listener has every address, and the node's is one of them.
    case covered
    /// The server of this host binds to every address; how that is known.
    case serverCovers(String)
    /// The server of this host binds to the listener's own address, too.
    case serverShares
    /// It works if the server binds to the node's address alone, and nobody knows.
    case unproven

    /// Nil for none.
    static func between(_ listener: Endpoint, _ node: Endpoint, on host: some HostSource) -> PortClash? {
        guard listener.port == node.port else { return nil }
        let wildcards = ["0.0.0.0", "::"]
        guard let address = host.address(of: node.host) else { return listener.host == node.host ? .same : nil }
        let own = host.address(of: listener.host) ?? listener.host
        if own == address { return .same }
        guard host.isHere(address) else { return nil }
        let isOfOneFamily = own.contains(":") == address.contains(":")
        if wildcards.contains(own), isOfOneFamily { return .covered }
        switch host.serverBinding(at: address, port: node.port) {
        case .unknown: return .unproven
        case .every(let how): return .serverCovers(how)
        case .only(let addresses): return addresses.contains(own) ? .serverShares : nil
        }
    }

    /// Whether the server, or the proxy, certainly can't start.
    var isCertain: Bool {
        switch self {
        case .same, .covered, .serverCovers, .serverShares: true
        case .unproven: false
        }
    }

    /// What is wrong, and the ways out.
    func sentence(_ listener: Endpoint, _ node: Node) -> String {
        let server = "the MariaDB server of node \(node.name)"
        let fails = "(\"Address already in use\")"
        let host = node.endpoint.host
        let ways =
            "write another port, or an address of the proxy's own (a floating one, say) and bind-address = \(host) for "
            + "MariaDB here"
        return switch self {
        case .same:
            "\(listener) is the address of \(server): that could not start here \(fails), and a proxy there would take "
                + "itself for it; \(ways)"
        case .covered:
            "\(listener) takes port \(listener.port) of every address of this host, \(node.endpoint) among them: \(server) "
                + "could not start here \(fails); \(ways)"
        case .serverCovers(let how):
            "\(listener) is on the port of \(server), which binds to every address (\(how)): whoever comes second could "
                + "not start \(fails); set bind-address = \(host) for MariaDB here, or write another port"
        case .serverShares:
            "\(server) binds to \(listener), too (bind-address): whoever comes second could not start \(fails); set "
                + "bind-address = \(host) for MariaDB here, or write another port"
        case .unproven:
            "\(listener) is on the port of \(server), and it is not known where that binds: with every address it could "
                + "not start here \(fails); set bind-address = \(host) for MariaDB here, or write another port"
        }
    }
}

extension Draft {
    /// Notes a listener of the proxy's that is in the way of a node's server.
    mutating func keepApart(
        _ listener: Endpoint, at path: Outline.Path, key: String, from nodes: [Node], on host: some HostSource
    ) {
        for node in nodes {
            guard let clash = PortClash.between(listener, node.endpoint, on: host) else { continue }
            let sentence = clash.sentence(listener, node)
            if clash.isCertain { fail(path, key: key, sentence) } else { warn(path, key: key, sentence) }
        }
    }
}
