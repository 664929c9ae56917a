import Availability
import Cluster

/// A whole configuration, checked. Every key with its default and its reason: `conf/haproxydb.toml`.
public struct Configuration: Sendable, Hashable {
    public var proxy = Proxy()
    /// In the order of the file; at least one.
    public var nodes: [Node] = []
    /// Where each node's agent listens, by the node's index; nil where it has none.
    public var agents: [Endpoint?] = []
    public var health = Health()
    public var failover = Failover()
    /// In the order of their names.
    public var users: [User] = []
    public var admin = Admin()
    public var availability = Availability()
    public var log = Log()
    public var cluster = Cluster()
    /// What works and should not stay so, in the order of the file.
    public var warnings: [ConfigurationWarning] = []

    public init() {}

    /// `[proxy]`
    public struct Proxy: Sendable, Hashable {
        public static let nameDefault = "mariadb"

        /// How the admin socket and the metrics call the one proxy.
        public var name = Proxy.nameDefault
        public var listen: [Endpoint] = []
        public var workers = 1
        public var connectionsMax = 4096
        public var loginTimeout: Instant.Span = .seconds(10)
        /// Zero: never.
        public var clientTimeout: Instant.Span = .zero
        public var clientLostTimeout: Instant.Span = .seconds(30)
        /// Bytes.
        public var memoryMax = 256 << 20
        /// Instead of the primary's own version in the greeting.
        public var serverVersion: String?
        public var proxyProtocol = false
    }

    /// `[health]`
    public struct Health: Sendable, Hashable {
        public var user = ""
        public var password = ""
        public var interval: Instant.Span = .seconds(1)
        public var fastInterval: Instant.Span = .milliseconds(100)
        public var outageInterval: Instant.Span = .milliseconds(50)
        public var probeTimeout: Instant.Span = .seconds(2)
        public var primaryTimeout: Instant.Span = .seconds(15)
        public var rise = 1
        public var fall = 2
        public var accountsRefresh: Instant.Span = .seconds(10)
    }

    /// `[failover]`
    public struct Failover: Sendable, Hashable {
        public var holdTimeout: Instant.Span = .seconds(90)
        public var drainTimeout: Instant.Span = .seconds(30)
        public var releaseConcurrency = 32
        public var connectTimeout: Instant.Span = .seconds(5)
        public var nodeTimeout: Instant.Span = .seconds(30)
    }

    /// One key of `[users]`.
    public struct User: Sendable, Hashable {
        public enum Secret: Sendable, Hashable {
            /// SHA1(SHA1(password)), 20 bytes; empty for an account without a password.
            case nativeHash([UInt8])
            case password(String)
        }

        public var name: String
        public var secret: Secret

        public init(name: String, secret: Secret) {
            self.name = name
            self.secret = secret
        }
    }

    /// `[admin]`
    public struct Admin: Sendable, Hashable {
        public enum Level: String, Sendable, Hashable, CaseIterable {
            case user, `operator`, admin
        }

        public static let socketDefault = "/run/haproxydb/admin.sock"

        public var socket = Admin.socketDefault
        /// Permission bits of the socket file.
        public var socketMode: UInt32 = 0o660
        /// Who owns it: names or numbers; nil for the process's own.
        public var socketUser: String?
        public var socketGroup: String?
        /// Where nodes' administrative states are kept over restarts; nil for nowhere.
        public var stateFile: String?
        /// What the socket's clients may do.
        public var level = Level.admin
        /// The same over TCP; nil for none.
        public var tcp: Endpoint?
        public var tcpLevel = Level.user
        /// Where metrics, health and the page are served.
        public var http: Endpoint?
        /// What has to be shown there; needed unless `http` is on loopback.
        public var httpToken: String?
    }

    /// `[availability]`
    public struct Availability: Sendable, Hashable {
        /// Where the log is written; nil for none.
        public var file: String?
        public var retentionSeconds: Instant.Span = .seconds(2 * 86_400)
        public var retentionMinutes: Instant.Span = .seconds(90 * 86_400)
        public var retentionHours: Instant.Span = .seconds(3650 * 86_400)
        /// Someone who waits longer is delayed.
        public var delayBound: Instant.Span = .seconds(1)
        /// With time zone and holidays.
        public var serviceHours = ServiceHours.always
    }

    /// `[log]`
    public struct Log: Sendable, Hashable {
        public enum Level: String, Sendable, Hashable, CaseIterable {
            case trace, debug, info, notice, warning, error, critical
        }

        public enum Format: String, Sendable, Hashable, CaseIterable {
            case text, json
        }

        public var level = Level.info
        public var format = Format.text
    }
}
