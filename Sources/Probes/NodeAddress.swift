import Cluster
import Reactor

/// Where a node is, in numbers. A name is looked up until it is found once and then kept: no check may wait for a
/// name server, least of all during an outage.
final class NodeAddress {
    private let endpoint: Endpoint
    private let seeker: NameSeeker

    /// - Parameter onFound: once; from within ``seek()`` for what is in numbers.
    init(_ endpoint: Endpoint, loop: EventLoop, onFound: @escaping (ResolvedAddress) -> Void) {
        self.endpoint = endpoint
        seeker = NameSeeker(endpoint, loop: loop, onFound: onFound)
    }

    var port: UInt16 { endpoint.port }

    func seek() { seeker.start() }
    func stop() { seeker.stop() }

    /// Calls back as soon as the name was looked up once.
    func settled(_ completion: @escaping () -> Void) { seeker.settled(completion) }

    /// Nil while nobody knows.
    var numeric: (host: String, port: UInt16)? {
        seeker.found?.endpoint.map { ($0.host, endpoint.port) }
    }

    /// Why nobody knows.
    var failure: String { seeker.failure?.description ?? "\(endpoint.host) is being looked up" }
}
