import Cluster
import Health
import Reactor

/// Checks one node over SQL on one lasting connection: login and identity when it is made, `@@read_only` each time.
/// Between checks it listens: a server's end shows at once.
final class SQLProbe {
    private let loop: EventLoop
    private let address: NodeAddress
    /// Another account holds from the next login on.
    var options: WatchOptions
    private let onSeats: (ServerSeats) -> Void
    private let onResult: (ProbeResult) -> Void
    private let onLost: () -> Void
    private var connection: SQLConnection?
    private var facts: ServerFacts?
    /// When it was last asked how far its redo log is.
    private var writtenAt = Instant(nanoseconds: 0)
    private var deadline: Timer?
    private(set) var isUnderWay = false
    /// When the check under way began.
    private(set) var beganAt = Instant(nanoseconds: 0)
    /// As of the latest login.
    private(set) var identity: ServerIdentity?
    /// Whether each check counts the server's connections, too; the first on a connection always does.
    var countsSeats = false
    /// To be told what came of FLUSH HOSTS.
    private var flush: ((FlushOutcome) -> Void)?

    /// - Parameters:
    ///   - onResult: ends every ``probe()``, within the probe timeout.
    ///   - onSeats: before the result of the same check.
    ///   - onLost: the idle connection was closed or reset.
    init(
        loop: EventLoop, address: NodeAddress, options: WatchOptions,
        onSeats: @escaping (ServerSeats) -> Void = { _ in }, onResult: @escaping (ProbeResult) -> Void,
        onLost: @escaping () -> Void
    ) {
        self.loop = loop
        self.address = address
        self.options = options
        self.onSeats = onSeats
        self.onResult = onResult
        self.onLost = onLost
    }

    /// Begins a check. One under way goes on instead.
    func probe() {
        guard !isUnderWay else { return }
        isUnderWay = true
        beganAt = MonotonicClock.now()
        deadline = loop.schedule(after: options.probeTimeout) { [weak self] in self?.end(.timeout) }
        guard let connection, facts != nil else {
            flushed(.unable)
            return connect()
        }
        if flush == nil { askReadOnly(connection) } else { flushHosts(connection) }
    }

    /// Has the next check begin with FLUSH HOSTS, where it still has its connection.
    func flushHosts(_ completion: @escaping (FlushOutcome) -> Void) { flush = completion }

    func stop() {
        isUnderWay = false
        flush = nil
        deadline?.cancel()
        drop()
    }

    private func connect() {
        let began = beganAt
        address.settled { [weak self] in
            guard let self, isUnderWay, beganAt == began else { return }
            guard let target = address.numeric else {
                // Not from within `probe()`: its caller is not ready for the result yet.
                let reason = address.failure
                loop.schedule(after: .zero) { [weak self] in
                    if self?.beganAt == began { self?.end(.unresolved(reason)) }
                }
                return
            }
            connect(to: target)
        }
    }

    private func connect(to target: (host: String, port: UInt16)) {
        let connection = SQLConnection(loop: loop)
        self.connection = connection
        connection.connect(
            host: target.host, port: target.port, user: options.user, password: options.password
        ) { [weak self] error in
            if let error { self?.end(error.probeResult) } else { self?.introduce(connection) }
        }
    }

    /// Variables that a server does not have are simply not among the rows.
    private func introduce(_ connection: SQLConnection) {
        let names = [
            "datadir", "extra_max_connections", "extra_port", "hostname", "innodb_read_only", "interactive_timeout",
            "max_connections", "pid_file", "read_only", "server_id",
            "server_uid", "version", "wait_timeout",
        ]
        let list = names.map { "'\($0)'" }.joined(separator: ",")
        connection.query("SHOW GLOBAL VARIABLES WHERE Variable_name IN (\(list))") { [weak self] result in
            switch result {
            case .failure(let error): self?.end(error.probeResult)
            case .success(let rows): self?.askUptime(connection, Variables(rows))
            }
        }
    }

    private func askUptime(_ connection: SQLConnection, _ variables: Variables) {
        connection.query("SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected','Uptime','\(Self.written)')") {
            [weak self] result in
            switch result {
            case .failure(let error): self?.end(error.probeResult)
            case .success(let rows):
                let status = Variables(rows)
                self?.tellSeats(variables, status)
                self?.askLife(connection, variables, status)
            }
        }
    }

    /// The port for administrators (`extra_port`) has seats of its own.
    private func tellSeats(_ variables: Variables, _ status: Variables) {
        let isExtra = variables["extra_port"].flatMap { UInt16($0) } == address.port
        let limit = variables[isExtra ? "extra_max_connections" : "max_connections"].flatMap { Int($0) }
        guard let limit, let connected = status["Threads_connected"].flatMap({ Int($0) }), limit > 0, connected >= 0,
            limit < 1 << 31, connected < 1 << 31
        else { return }
        onSeats(ServerSeats(connectionsMax: limit, connected: connected))
    }

    /// Whatever comes of it, the check is what it was.
    private func countSeats(_ connection: SQLConnection, then result: ProbeResult) {
        let limits = "'extra_max_connections','extra_port','max_connections'"
        connection.query("SHOW GLOBAL VARIABLES WHERE Variable_name IN (\(limits))") { [weak self] variables in
            connection.query("SHOW GLOBAL STATUS LIKE 'Threads_connected'") { [weak self] status in
                guard let self else { return }
                if case .success(let variables) = variables, case .success(let status) = status {
                    tellSeats(Variables(variables), Variables(status))
                }
                end(result)
            }
        }
    }

    private func askLife(_ connection: SQLConnection, _ variables: Variables, _ status: Variables) {
        connection.askLife { [weak self] result in
            switch result {
            case .failure(let error): self?.end(error.probeResult)
            case .success(let life): self?.settle(connection, variables, status, life)
            }
        }
    }

    /// How far the redo log is safe on disk. Everybody may ask.
    private static let written = "Innodb_lsn_flushed"

    private func settle(
        _ connection: SQLConnection, _ variables: Variables, _ status: Variables, _ life: ServerLife?
    ) {
        guard let readOnly = variables["read_only"], let uptime = status["Uptime"].flatMap({ Int64($0) }), uptime >= 0,
            uptime < 1 << 32
        else { return end(.protocolError("the server tells neither read_only nor its uptime")) }
        func name(_ variable: String) -> String? { variables[variable].map { printable($0, lengthMax: 255) } }
        let facts = ServerFacts(
            hostname: name("hostname") ?? "", serverID: variables["server_id"].flatMap(UInt64.init) ?? 0,
            serverUID: name("server_uid"), version: name("version") ?? "",
            connectionID: connection.connectionID,
            startedAt: MonotonicClock.now() + Instant.Span(nanoseconds: -uptime * 1_000_000_000), life: life,
            dataDirectory: name("datadir"), pidFile: name("pid_file"),
            flushedLSN: status[Self.written].flatMap { UInt64($0) })
        writtenAt = MonotonicClock.now()
        identity = connection.identity ?? identity
        func span(_ variable: String) -> Instant.Span? {
            variables[variable].flatMap { Int64($0) }.flatMap { (1...31_536_000).contains($0) ? .seconds($0) : nil }
        }
        identity?.waitTimeout = span("wait_timeout")
        identity?.interactiveTimeout = span("interactive_timeout")
        let isReadOnly = isOn(readOnly) || isOn(variables["innodb_read_only"] ?? "OFF")
        // A server that can't write to its tables stays so until it is restarted: such a connection isn't kept.
        if !isOn(variables["innodb_read_only"] ?? "OFF") { self.facts = facts }
        end(isReadOnly ? .readOnly(facts) : .writable(facts))
    }

    private func askReadOnly(_ connection: SQLConnection) {
        connection.query("SELECT @@global.read_only") { [weak self] result in
            guard let self, let facts else { return }
            switch result {
            case .failure(let error): end(error.probeResult)
            case .success(let rows):
                guard let value = rows.first?.first ?? nil else { return end(.protocolError("an empty answer")) }
                if isOn(value) { return finish(connection, .readOnly(facts)) }
                // Its successor is held against it. Once a second will do, however often it is checked.
                if MonotonicClock.now() - writtenAt < Self.writtenPause {
                    return finish(connection, .writable(facts))
                }
                askWritten(connection)
            }
        }
    }

    private func finish(_ connection: SQLConnection, _ result: ProbeResult) {
        if countsSeats { countSeats(connection, then: result) } else { end(result) }
    }

    private static let writtenPause = Instant.Span.milliseconds(900)

    private func askWritten(_ connection: SQLConnection) {
        connection.query("SHOW GLOBAL STATUS LIKE '\(Self.written)'") { [weak self] result in
            guard let self, facts != nil else { return }
            switch result {
            case .failure(let error): end(error.probeResult)
            case .success(let rows):
                writtenAt = MonotonicClock.now()
                if let lsn = Variables(rows)[Self.written].flatMap({ UInt64($0) }) { facts?.flushedLSN = lsn }
                if let facts { finish(connection, .writable(facts)) }
            }
        }
    }

    /// Not written to the binary log: it is this server's own affair.
    private func flushHosts(_ connection: SQLConnection) {
        connection.query("FLUSH NO_WRITE_TO_BINLOG HOSTS") { [weak self] result in
            guard let self else { return }
            switch result {
            case .success:
                flushed(.done)
                askReadOnly(connection)
            // ER_SPECIFIC_ACCESS_DENIED_ERROR
            case .failure(let error) where error.code == 1227:
                flushed(.denied)
                askReadOnly(connection)
            case .failure(let error):
                flushed(.unable)
                end(error.probeResult)
            }
        }
    }

    private func flushed(_ outcome: FlushOutcome) {
        let flush = flush
        self.flush = nil
        flush?(outcome)
    }

    /// `0` and `OFF` are off; everything else keeps writers out in one way or another.
    private func isOn(_ value: String) -> Bool { value != "0" && value != "OFF" }

    private func end(_ result: ProbeResult) {
        guard isUnderWay else { return }
        isUnderWay = false
        deadline?.cancel()
        deadline = nil
        switch result {
        case .writable, .readOnly:
            if facts == nil { drop() }
            watchForEnd()
        // A limit on its statements does not cost the account its session.
        case .accountLimited where facts != nil: watchForEnd()
        case .refused, .lost, .unreachable, .unresolved, .timeout, .loginDenied, .passwordWithheld, .initConnectFailed,
            .hostBlocked,
            .accountLimited, .busy, .starting, .proxy, .protocolError:
            flushed(.unable)
            drop()
        }
        onResult(result)
    }

    private func watchForEnd() {
        connection?.watchForEnd { [weak self] in
            guard let self, !isUnderWay else { return }
            drop()
            onLost()
        }
    }

    private func drop() {
        facts = nil
        connection?.close()
        connection = nil
    }
}

/// Rows of `SHOW VARIABLES` and its like.
private struct Variables {
    private var values: [String: String] = [:]

    init(_ rows: [SQLConnection.Row]) {
        for row in rows where row.count == 2 {
            if let name = row[0] { values[name] = row[1] }
        }
    }

    subscript(name: String) -> String? { values[name] }
}
