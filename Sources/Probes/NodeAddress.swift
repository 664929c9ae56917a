import Cluster
import Reactor

/// Where a node is, in numbers. A name is looked up until it is found once and then kept: no check may wait for a
/// name server, least of all during an outage.
final class NodeAddress {
    private let endpoint: Endpoint
    private var host: String?

    init(_ endpoint: Endpoint) { self.endpoint = endpoint }

    var port: UInt16 { endpoint.port }

    func numeric() throws(SystemError) -> (host: String, port: UInt16) {
        if let host { return (host, endpoint.port) }
        let found = try Sockets.resolve(endpoint).endpoint?.host ?? endpoint.host
        host = found
        return (found, endpoint.port)
    }
}
