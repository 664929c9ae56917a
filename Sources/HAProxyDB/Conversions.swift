import Admin
import Cluster
import Glibc
import Health
import MySQLWire
import Probes
import Proxy
import Reactor
import Routing
import Settings

// The rooms do not know each other's words: what one says in another's.

extension ProxyOptions {
    init(_ configuration: Configuration) {
        self.init()
        listen = configuration.proxy.listen
        workers = configuration.proxy.workers
        connectionsMax = configuration.proxy.connectionsMax
        loginTimeout = configuration.proxy.loginTimeout
        clientTimeout = configuration.proxy.clientTimeout
        clientLostTimeout = configuration.proxy.clientLostTimeout
        memoryMax = configuration.proxy.memoryMax
        holdTimeout = configuration.failover.holdTimeout
        connectTimeout = configuration.failover.connectTimeout
        nodeTimeout = configuration.failover.nodeTimeout
        releaseConcurrency = configuration.failover.releaseConcurrency
        proxyProtocol = configuration.proxy.proxyProtocol
    }
}

extension WatchOptions {
    init(_ health: Configuration.Health) {
        self.init()
        user = health.user
        password = health.password
        interval = health.interval
        fastInterval = health.fastInterval
        outageInterval = health.outageInterval
        probeTimeout = health.probeTimeout
        primaryTimeout = health.primaryTimeout
        rise = health.rise
        fall = health.fall
        accountsRefresh = health.accountsRefresh
    }
}

extension Health.TrafficEvidence {
    init(_ evidence: Proxy.TrafficEvidence) {
        switch evidence {
        case .refused: self = .refused
        case .lost: self = .lost
        case .notPrimary: self = .notPrimary
        case .hostBlocked: self = .hostBlocked
        case .loginAborted: self = .loginAborted
        }
    }
}

extension Configuration.Admin {
    /// The sockets that `ctl` and HAProxy's tools talk to.
    func listeners() throws(SystemError) -> [AdminServer.Listener] {
        let user = try socketUser.map { name throws(SystemError) in try Accounts.user(name) }
        let group = try socketGroup.map { name throws(SystemError) in try Accounts.group(name) }
        var all = [
            AdminServer.Listener(
                .unix(path: socket, mode: socketMode, user: user, group: group), level: AccessLevel(level))
        ]
        if let tcp { all.append(AdminServer.Listener(.tcp(tcp), level: AccessLevel(tcpLevel))) }
        return all
    }
}

extension AccessLevel {
    init(_ level: Configuration.Admin.Level) {
        switch level {
        case .user: self = .user
        case .operator: self = .operator
        case .admin: self = .admin
        }
    }
}

extension Activity {
    init(_ counters: FleetCounters) {
        self.init()
        sessions = counters.sessionsNow
        sessionsHeld = counters.sessionsHeldNow
        sessionsWithoutSeat = counters.sessionsWithoutSeatNow
        sessionsInTransaction = counters.sessionsInTransactionNow
        sessionsTotal = counters.sessionsTotal
        sessionsMoved = counters.sessionsMoved
        sessionsReconnected = counters.sessionsReconnected
        loginsRefused = counters.loginsRefused
        statementsBegun = counters.statementsBegun
        statementsAnswered = counters.statementsAnswered
        statementsFailed = counters.statementsFailed
        statementsUnknown = counters.statementsUnknown
        statementsHeld = counters.statementsHeldTotal
        statementsRerun = counters.statementsRerun
        bytesIn = counters.bytesIn
        bytesOut = counters.bytesOut
        memoryKept = counters.memoryKept
        memoryMax = counters.memoryMax
        memoryRefusals = counters.memoryRefusals
        nodes = counters.nodes
    }
}

extension Verbosity {
    init(_ level: Configuration.Log.Level) {
        switch level {
        case .trace: self = .statements
        case .debug: self = .sessions
        case .info, .notice, .warning, .error, .critical: self = .none
        }
    }
}

extension ListenState {
    init(_ state: FrontendState) {
        switch state {
        case .open: self = .open
        case .paused: self = .paused
        case .stopped: self = .closed
        }
    }
}

extension SessionRow {
    init(_ session: SessionSummary) {
        self.init(
            id: session.id, client: session.client, user: session.user, database: session.database,
            state: session.state, node: session.node, thread: session.nodeThreadID, age: session.age,
            idle: session.idle, statements: session.statements, bytesIn: session.bytesIn, bytesOut: session.bytesOut,
            moves: session.moves, keeps: session.forecast.keeps.map(\.text), loses: session.forecast.loses.map(\.text))
    }
}

extension MoveForecast.Item {
    /// `user variables (3)`.
    fileprivate var text: String { count == 1 ? state.rawValue : "\(state.rawValue) (\(count))" }
}

extension AccountDirectory {
    init(_ users: [Configuration.User]) {
        self.init(
            users.map { Account(user: $0.name, host: "%", plugin: NativePassword.pluginName, nativeHash: $0.hash) })
    }
}

extension Configuration.User {
    /// As MariaDB keeps it: nothing for no password.
    var hash: [UInt8] {
        switch secret {
        case .nativeHash(let hash): hash
        case .password(""): []
        case .password(let password): NativePassword.stage2(stage1: NativePassword.stage1(password: password))
        }
    }
}

extension SystemError {
    /// Whether the same may well work later.
    var isTemporary: Bool {
        switch errno {
        case EADDRINUSE, EADDRNOTAVAIL, EHOSTUNREACH, EAGAIN, ENOMEM, ENFILE: true
        default: false
        }
    }
}
