/// On which addresses the MariaDB server of this host listens, or would.
public enum ServerBinding: Sendable, Hashable {
    case unknown
    /// On all of them; how that is known, the rest of a sentence.
    case every(String)
    /// On these, in numbers.
    case only([String])
}

/// What ``Configuration/parse(_:file:secrets:host:)`` may know of the host on which the proxy is to run.
public protocol HostSource {
    /// In numbers, as the system writes them; nil where it can't be found out in a moment.
    func address(of host: String) -> String?
    /// Whether that is an address of this host now.
    func isHere(_ address: String) -> Bool
    /// Of the server that is to be reached there, an address of this host in numbers.
    func serverBinding(at address: String, port: UInt16) -> ServerBinding
}

/// Nothing is known: a configuration is read only for what it says.
public struct UnknownHost: HostSource {
    public init() {}

    public func address(of host: String) -> String? { host }
    public func isHere(_ address: String) -> Bool { false }
    public func serverBinding(at address: String, port: UInt16) -> ServerBinding { .unknown }
}
