/// A node's place in the configuration: small, stable for the life of a configuration, usable as an index.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: Int

    public init(_ rawValue: Int) { self.rawValue = rawValue }

    public static func < (a: NodeID, b: NodeID) -> Bool { a.rawValue < b.rawValue }
    public var description: String { "node#\(rawValue)" }
}

/// Where something listens: a host (an IPv4 or IPv6 address, or a name) and a TCP port.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    public let host: String
    public let port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`, `[v6]:port`. Nil where there is no port, or it is not 1 to 65535.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.count > 2 else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") || host.isEmpty {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A database node as configured.
public struct Node: Hashable, Sendable {
    public let id: NodeID
    public let name: String
    public let endpoint: Endpoint

    public init(id: NodeID, name: String, endpoint: Endpoint) {
        self.id = id
        self.name = name
        self.endpoint = endpoint
    }
}

/// What a node is to the cluster, as far as the evidence goes.
public enum Role: String, Sendable, Hashable {
    case primary
    case standby
    case unknown
}

/// What the checks say of a node. Kept apart from ``AdministrativeState``, which is what people say of it.
public enum HealthState: String, Sendable, Hashable {
    /// Answers, and has answered `rise` times in a row.
    case up
    /// Was down, answers again, not yet often enough.
    case rising
    /// Was up, fails, not yet often enough.
    case falling
    case down
}

/// What an administrator said of a node.
public enum AdministrativeState: String, Sendable, Hashable {
    case ready
    /// Keeps its sessions until they reach a transaction boundary, gets no new statements.
    case drain
    case maintenance
}
