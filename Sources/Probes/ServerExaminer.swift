import Cluster
import Doctor
import Health
import Reactor

/// Asks one server, once, all that the doctor judges, as the proxy's service account. Lives on its loop's thread.
public final class ServerExaminer {
    /// What came of one node.
    public enum Outcome: Sendable {
        case settings(ServerSettings)
        /// Nobody is there: as it should be on a standby.
        case nobody(String)
        /// Somebody is, and does not let the account look.
        case refused(String)
    }

    private let loop: EventLoop
    private let node: Node
    private let user: String
    private let password: String
    private var connection: SQLConnection?
    private var deadline: Timer?
    private var completion: ((Outcome) -> Void)?
    private var settings: ServerSettings
    private var readable: Set<String> = []

    private static let timeMax = Instant.Span.seconds(10)

    public init(loop: EventLoop, node: Node, user: String, password: String) {
        self.loop = loop
        self.node = node
        self.user = user
        self.password = password
        settings = ServerSettings(node: node.name)
    }

    /// - Parameter completion: once, from the loop, within 10 s.
    public func examine(_ completion: @escaping (Outcome) -> Void) {
        self.completion = completion
        deadline = loop.schedule(after: Self.timeMax) { [weak self] in
            // A greeting is somebody's; silence may be a host that is off.
            let isThere = self?.connection?.identity != nil
            let reason = "no answer within \(Self.timeMax)"
            self?.end(isThere ? .refused(reason) : .nobody(reason))
        }
        NameLookup.begin(node.endpoint, loop: loop) { [weak self] outcome in
            guard let self, self.completion != nil else { return }
            switch outcome {
            case .success(let address): connect(to: address.endpoint?.host ?? node.endpoint.host)
            case .failure(let error): end(.nobody("its name can't be resolved: \(error)"))
            }
        }
    }

    private func connect(to host: String) {
        let connection = SQLConnection(loop: loop)
        self.connection = connection
        connection.connect(host: host, port: node.endpoint.port, user: user, password: password) { [weak self] error in
            if let error { self?.failed(error) } else { self?.askVariables(connection) }
        }
    }

    private func failed(_ error: SQLError) {
        switch error.probeResult {
        case .refused, .unreachable, .timeout, .lost, .unresolved: end(.nobody(error.description))
        case .writable, .readOnly, .loginDenied, .passwordWithheld, .initConnectFailed, .hostBlocked, .accountLimited,
            .busy, .starting, .proxy, .protocolError:
            end(.refused(error.description))
        }
    }

    private func askVariables(_ connection: SQLConnection) {
        let list = Self.variables.map { "'\($0)'" }.joined(separator: ",")
        ask(connection, "SHOW GLOBAL VARIABLES WHERE Variable_name IN (\(list))") { examiner, rows in
            for row in rows where row.count == 2 {
                if let name = row[0], let value = row[1] {
                    examiner.settings.variables[name] = printable(value, lengthMax: 255)
                }
            }
            examiner.askRights(connection)
        }
    }

    /// Those on all schemas, as the server itself lists them for the account that asks.
    private func askRights(_ connection: SQLConnection) {
        ask(connection, Self.rightsQuery) { examiner, rows in
            let rights = Set(rows.compactMap { $0.first ?? nil })
            examiner.settings.privileges = .known(rights)
            examiner.askTables(connection, sees: rights.contains("REFERENCES") || rights.contains("SELECT"))
        }
    }

    private func askTables(_ connection: SQLConnection, sees: Bool) {
        guard sees else {
            settings.plainTables = .unread("the account sees no tables without REFERENCES ON *.* (conf/grants.sql)")
            return askReadable(connection, Self.readables[...])
        }
        ask(connection, Self.tablesQuery) { examiner, rows in
            examiner.settings.plainTables = .known(
                rows.compactMap { row in
                    guard row.count == 3, let schema = row[0], let name = row[1], let engine = row[2] else {
                        return nil
                    }
                    return ServerSettings.Table(
                        schema: printable(schema, lengthMax: 64), name: printable(name, lengthMax: 64),
                        engine: printable(engine, lengthMax: 64))
                })
            examiner.askReadable(connection, Self.readables[...])
        }
    }

    /// By trying: rights may come by a role, by a schema or by a table.
    private func askReadable(_ connection: SQLConnection, _ names: ArraySlice<String>) {
        guard let name = names.first else {
            settings.readable = .known(readable)
            return askAccounts(connection)
        }
        connection.query("SELECT 1 FROM mysql.\(name) LIMIT 0") { [weak self] result in
            guard let self else { return }
            switch result {
            case .success: readable.insert(name)
            // Before 10.4 there is no global_priv (ER_NO_SUCH_TABLE).
            case .failure(let error) where error.isAboutTables || error.code == 1146: break
            case .failure(let error): return failed(error)
            }
            askReadable(connection, names.dropFirst())
        }
    }

    private func askAccounts(_ connection: SQLConnection) {
        guard
            let statement = readable.contains("global_priv")
                ? AccountRow.globalPrivileges : readable.contains("user") ? AccountRow.userTable : nil
        else {
            settings.fixedAccounts = .unread("the account may read neither mysql.global_priv nor mysql.user")
            return end(.settings(settings))
        }
        var fixed: [ServerSettings.Account] = []
        connection.query(
            statement, within: .accounts,
            eachRow: { [user] row in
                guard fixed.count < Self.accountsMax, let account = AccountRow.account(row), account.nativeHash == nil,
                    account.user != user, Self.isRemote(account), account.plugin != "mysql_native_password"
                else { return }
                fixed.append(
                    ServerSettings.Account(
                        user: printable(account.user, lengthMax: 128), host: printable(account.host, lengthMax: 255),
                        plugin: printable(account.plugin, lengthMax: 64)))
            },
            { [weak self] error in
                guard let self else { return }
                if let error { return failed(error) }
                settings.fixedAccounts = .known(fixed)
                end(.settings(settings))
            })
    }

    /// Whether the account may come through a proxy: sockets and this host's own are no clients of it.
    private static func isRemote(_ account: AccountDirectory.Account) -> Bool {
        account.plugin != "unix_socket" && !["localhost", "127.0.0.1", "::1"].contains(account.host)
    }

    private func ask(
        _ connection: SQLConnection, _ statement: String,
        _ next: @escaping (ServerExaminer, [SQLConnection.Row]) -> Void
    ) {
        connection.query(statement, within: .schema) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let rows): next(self, rows)
            case .failure(let error): failed(error)
            }
        }
    }

    private func end(_ outcome: Outcome) {
        guard let completion else { return }
        self.completion = nil
        deadline?.cancel()
        connection?.close()
        connection = nil
        completion(outcome)
    }

    private static let accountsMax = 1000
    private static let readables = ["global_priv", "user", "proc"]

    private static let variables = [
        "bind_address", "datadir", "init_connect", "innodb_buffer_pool_dump_at_shutdown",
        "innodb_buffer_pool_load_at_startup", "innodb_doublewrite", "innodb_flush_log_at_trx_commit",
        "innodb_log_file_size", "innodb_log_files_in_group", "log_bin", "max_connections", "read_only",
        "skip_name_resolve", "sync_binlog", "tcp_keepalive_time", "version", "wait_timeout",
    ]

    private static let rightsQuery = """
        SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = CONCAT('''', \
        REVERSE(SUBSTRING(REVERSE(CURRENT_USER()), LOCATE('@', REVERSE(CURRENT_USER())) + 1)), '''@''', \
        SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''') LIMIT 64
        """

    /// As SchemaReader counts them.
    private static let tablesQuery = """
        SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE FROM information_schema.TABLES \
        WHERE TABLE_TYPE NOT IN ('VIEW', 'SYSTEM VIEW', 'SEQUENCE') \
        AND ENGINE NOT IN ('InnoDB', 'ROCKSDB', 'SEQUENCE', 'BLACKHOLE') \
        AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema') \
        ORDER BY TABLE_SCHEMA, TABLE_NAME LIMIT 1000
        """
}
