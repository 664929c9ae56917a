import Cluster

/// How a server that answered describes itself.
public struct ServerFacts: Sendable, Hashable {
    public var hostname: String
    public var serverID: UInt64
    /// `@@server_uid`; nil where the server has none.
    public var serverUID: String?
    /// `@@version`
    public var version: String
    /// The check's own connection on that server; another one may mean another server process.
    public var connectionID: UInt64
    /// When the server process started, on our clock: the uptime it told when that connection was made, counted
    /// back. Exact to a second or two.
    public var startedAt: Instant
    /// Which life of the server it is; nil where it does not say.
    public var life: ServerLife?
    /// `@@datadir` and `@@pid_file`, as it was told them; nil where it does not say.
    public var dataDirectory: String?
    public var pidFile: String?
    /// `Innodb_lsn_flushed`: how far its redo log was safe on disk when it was last asked; nil where it does not say.
    public var flushedLSN: UInt64?

    public init(
        hostname: String, serverID: UInt64, serverUID: String?, version: String, connectionID: UInt64,
        startedAt: Instant, life: ServerLife? = nil, dataDirectory: String? = nil, pidFile: String? = nil,
        flushedLSN: UInt64? = nil
    ) {
        self.hostname = hostname
        self.serverID = serverID
        self.serverUID = serverUID
        self.version = version
        self.connectionID = connectionID
        self.startedAt = startedAt
        self.life = life
        self.dataDirectory = dataDirectory
        self.pidFile = pidFile
        self.flushedLSN = flushedLSN
    }

    /// The check asked on the same connection as before.
    func isSameConnection(as earlier: ServerFacts?) -> Bool {
        connectionID == earlier?.connectionID && startedAt == earlier?.startedAt
    }

    /// Whether this is another server process than the one that told `earlier`. The same connection is the same
    /// process, whatever its clock says; on another one its life tells, or, where that is not known, connection ids that
    /// go back or another start.
    public func isRestart(of earlier: ServerFacts) -> Bool {
        if isSameConnection(as: earlier) { return false }
        if let life, let before = earlier.life, life != before { return true }
        if connectionID <= earlier.connectionID { return true }
        if serverID != earlier.serverID || hostname != earlier.hostname || serverUID != earlier.serverUID {
            return true
        }
        let drift = (startedAt - earlier.startedAt).nanoseconds.magnitude
        return drift > ServerFacts.startToleranceMax.nanoseconds.magnitude
    }

    /// Uptime comes in whole seconds, and an answer may be late.
    static let startToleranceMax: Instant.Span = .seconds(3)
}

/// What one check of a node came to. A closed list.
public enum ProbeResult: Sendable, Hashable {
    /// Logged in, and `@@read_only` is off.
    case writable(ServerFacts)
    /// Logged in, and `@@read_only` is on.
    case readOnly(ServerFacts)
    /// Nothing listens on the port.
    case refused
    /// The connection was reset or closed while it was asked, e.g. before the greeting.
    case lost
    /// No way to the host; the reason as the system gives it.
    case unreachable(String)
    /// Its name can't be resolved; the reason as the system gives it.
    case unresolved(String)
    /// No answer within the check's time.
    case timeout
    /// The server answers and refuses the check's account.
    case loginDenied(code: UInt16, message: String)
    /// The server asks for the password in a way that would reveal it, by that plugin: it did not get it.
    case passwordWithheld(plugin: String)
    /// The login is right, and the server ends every session of the check's account with its first statement:
    /// `init_connect` holds something that the account may not do.
    case initConnectFailed(String)
    /// The server takes no connection from this host any more (1129): too many logins were begun and left.
    case hostBlocked(String)
    /// The check's account has reached a limit of its own (MAX_USER_CONNECTIONS, MAX_CONNECTIONS_PER_HOUR and the like):
    /// the server is well, and says nothing.
    case accountLimited(code: UInt16, message: String)
    /// The server answers and is too full for one more login (1040 and its like): not down.
    case busy(code: UInt16, message: String)
    /// The server answers that it starts, recovers or shuts down.
    case starting(code: UInt16, message: String)
    /// A HAProxyDB answers: this one, or another.
    case proxy
    /// Something else answers, or in a way that makes no sense.
    case protocolError(String)

    /// One sentence without its subject and full stop, for people.
    public var sentence: String {
        switch self {
        case .writable(let facts):
            "answers, writable (server \(facts.serverID) on \(facts.hostname), \(facts.version))"
        case .readOnly(let facts):
            "answers, read-only (server \(facts.serverID) on \(facts.hostname), \(facts.version))"
        case .refused: "connection refused"
        case .lost: "connection lost"
        case .unreachable(let reason): "unreachable: \(reason)"
        case .unresolved(let reason): "its name can't be resolved: \(reason)"
        case .timeout: "no answer in time"
        case .loginDenied(let code, let message): "check account refused: \(code) \(message)"
        case .passwordWithheld(let plugin):
            "asks for the check's password in a way that reveals it (plugin \(plugin)): refused"
        case .initConnectFailed(let message): "init_connect fails for the check's account: 1184 \(message)"
        case .hostBlocked(let message): "the proxy's host is blocked: 1129 \(message)"
        case .accountLimited(let code, let message): "the check's account is at a limit of its own: \(code) \(message)"
        case .busy(let code, let message): "too busy to log in: \(code) \(message)"
        case .starting(let code, let message): "not ready: \(code) \(message)"
        case .proxy:
            "its address leads to a HAProxyDB listener, not to a MariaDB server: set [[node]] address to the server's own "
                + "address and port"
        case .protocolError(let text): "not understood: \(text)"
        }
    }
}

/// What live traffic saw of a node. A hint to look at once, never a verdict.
public enum TrafficEvidence: String, Sendable, Hashable {
    /// A connection was refused: nothing listens.
    case refused
    /// An established connection was reset or closed.
    case lost
    /// The node answered as read-only or as shutting down.
    case notPrimary
    /// The node takes no connection from this host (1129).
    case hostBlocked
    /// A login was begun there and left: the node counts these, and blocks this host after some of them.
    case loginAborted
}
