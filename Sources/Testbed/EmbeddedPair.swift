import Foundation
import Reactor

/// Two nodes with one data directory that only the primary's server opens, as with DRBD: a failover is the death
/// of one server and a cold start of the other on the same files.
public final class EmbeddedPair: Sendable {
    public struct Account: Sendable {
        public let user: String
        public let password: String

        public init(user: String, password: String) {
            self.user = user
            self.password = password
        }
    }

    /// The proxy's service account, with the rights of `conf/grants.sql`.
    public static let service = Account(user: "proxy", password: "proxy-secret")
    /// All rights on the schema `app`.
    public static let application = Account(user: "app", password: "app")
    public static let schema = "app"

    public let directory: TemporaryDirectory
    /// `cluster1` and `cluster2`.
    public let nodes: [MariaDBServer]
    private let primaryIndex = Guarded(0)

    public let release: ServerRelease

    /// - Parameter options: more options of both servers.
    public init(options: [String] = [], release: ServerRelease = .tested) throws {
        self.release = release
        directory = try TemporaryDirectory(prefix: "hadb")
        let ports = try Ports.free(2)
        let path = directory.path
        nodes = (0..<2).map { index in
            MariaDBServer(
                name: "cluster\(index + 1)", dataDirectory: "\(path)/data", runDirectory: path, port: ports[index],
                serverID: index + 1, options: options, release: release)
        }
    }

    public var primary: MariaDBServer { nodes[primaryIndex.withLock { $0 }] }
    public var standby: MariaDBServer { nodes[1 - primaryIndex.withLock { $0 }] }
    public var ports: [UInt16] { nodes.map(\.port) }

    /// Installs the data directory, starts the first node's server and makes the accounts.
    public func start() throws {
        try MariaDBServer.install(
            dataDirectory: "\(directory.path)/data", logPath: "\(directory.path)/install.log", release: release)
        try primary.start()
        let root = try asRoot()
        defer { root.close() }
        try Self.makeAccounts(root)
    }

    /// The service account, the application's account and its schema.
    public static func makeAccounts(_ root: Client) throws {
        for statement in accountStatements { try root.query(statement) }
    }

    /// A login as `root` on the present primary, past the proxy.
    public func asRoot(schema: String? = nil) throws -> Client {
        try Client(port: primary.port, user: "root", schema: schema)
    }

    /// A login as the application on the present primary, past the proxy.
    public func direct() throws -> Client {
        try Client(
            port: primary.port, user: Self.application.user, password: Self.application.password, schema: Self.schema)
    }

    /// `kill -9` of the primary's server; returns when it is gone.
    public func failPrimary() { primary.crash() }

    /// Launches the other node's server on the same data: from now on that one is the primary. Does not wait until
    /// it accepts logins. The former primary must be gone.
    public func launchStandby() throws {
        guard !primary.isRunning else { throw TestbedFailure("\(primary.name) still runs on the shared data") }
        primaryIndex.withLock { $0 = 1 - $0 }
        try primary.launch()
    }

    /// Launches the other node's server and waits until it accepts logins.
    public func startStandby() throws {
        try launchStandby()
        try primary.waitUntilItAcceptsLogins()
    }

    /// Ends both servers and removes everything. Idempotent.
    public func stop() {
        for node in nodes { node.crash() }
        directory.remove()
    }

    deinit { stop() }

    private static var accountStatements: [String] {
        [
            "CREATE USER '\(service.user)'@'%' IDENTIFIED VIA mysql_native_password"
                + " USING PASSWORD('\(service.password)')",
            "GRANT SELECT ON mysql.global_priv TO '\(service.user)'@'%'",
            "GRANT SELECT ON mysql.user TO '\(service.user)'@'%'",
            "GRANT REFERENCES ON *.* TO '\(service.user)'@'%'",
            "GRANT SELECT ON mysql.proc TO '\(service.user)'@'%'",
            "CREATE DATABASE \(schema)",
            "CREATE USER '\(application.user)'@'%' IDENTIFIED VIA mysql_native_password"
                + " USING PASSWORD('\(application.password)')",
            "GRANT ALL ON \(schema).* TO '\(application.user)'@'%'",
        ]
    }
}
