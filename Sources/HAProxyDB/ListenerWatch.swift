import Cluster
import Reactor

/// Tells which addresses that the proxy listens on are not this host's, as they come and go (IP_FREEBIND lets a listener be
/// there first). Normal where a floating address is somewhere else; a typing error looks the same.
final class ListenerWatch {
    private static let interval = Instant.Span.seconds(1)

    private let listeners: [Endpoint]
    private let say: (String) -> Void
    private var absent: [Endpoint]
    private var timer: Timer?

    /// - Parameter say: one sentence per change, for the log.
    init(_ listeners: [Endpoint], loop: EventLoop, say: @escaping (String) -> Void) {
        self.listeners = listeners
        self.say = say
        absent = Self.absent(listeners)
        for listener in absent { say(Self.sentence(listener)) }
        timer = loop.schedule(every: Self.interval) { [weak self] in self?.look() }
    }

    deinit { timer?.cancel() }

    /// Of those in numbers: what a name stood for at the start is not asked again.
    static func absent(_ listeners: [Endpoint]) -> [Endpoint] {
        listeners.filter { listener in
            guard let address = Sockets.numeric(listener)?.endpoint?.host else { return false }
            return !HostAddresses.isWildcard(address) && !HostAddresses.isHere(address)
        }
    }

    static func sentence(_ listener: Endpoint) -> String {
        "\(listener.host) is no address of this host: nobody reaches \(listener) here until it comes, as a floating address does."
    }

    private func look() {
        let now = Self.absent(listeners)
        for listener in now where !absent.contains(listener) {
            say("\(listener.host) has left this host: nobody reaches \(listener) here until it comes back.")
        }
        for listener in absent where !now.contains(listener) {
            say("\(listener.host) has come to this host: clients reach \(listener).")
        }
        absent = now
    }
}
