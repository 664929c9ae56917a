import Cluster
import Reactor

/// Reads a server's accounts, on a connection made for it.
final class AccountReader {
    struct Reading {
        var accounts = AccountDirectory()
        /// Of all of them in the server's order, with this process's own seed. There may be hundreds of thousands: they
        /// are not compared one by one.
        var fingerprint = 0
    }

    private let loop: EventLoop
    var options: WatchOptions
    private var connection: SQLConnection?
    private var deadline: Timer?
    private var completion: ((Result<Reading, SQLError>) -> Void)?
    /// Gets the connection when the accounts have been read.
    var handOn: ((SQLConnection) -> Void)?

    init(loop: EventLoop, options: WatchOptions) {
        self.loop = loop
        self.options = options
    }

    var isUnderWay: Bool { completion != nil }

    /// Replaces a reading under way, whose completion is not called.
    func read(_ address: NodeAddress, _ completion: @escaping (Result<Reading, SQLError>) -> Void) {
        stop()
        self.completion = completion
        guard let target = address.numeric else {
            loop.schedule(after: .zero) { [weak self] in self?.end(.failure(.noAnswer)) }
            return
        }
        deadline = loop.schedule(after: options.probeTimeout) { [weak self] in self?.end(.failure(.noAnswer)) }
        let connection = SQLConnection(loop: loop)
        self.connection = connection
        connection.connect(
            host: target.host, port: target.port, user: options.user, password: options.password
        ) { [weak self] error in
            if let error { self?.end(.failure(error)) } else { self?.ask(connection) }
        }
    }

    func stop() {
        completion = nil
        deadline?.cancel()
        connection?.close()
        connection = nil
    }

    private func ask(_ connection: SQLConnection) {
        ask(connection, AccountRow.globalPrivileges) { [weak self] result in
            switch result {
            case .success: self?.end(result)
            case .failure(let error) where error.isDenied: self?.askUserTable(connection)
            case .failure: self?.end(result)
            }
        }
    }

    private func askUserTable(_ connection: SQLConnection) {
        ask(connection, AccountRow.userTable) { [weak self] in self?.end($0) }
    }

    private func ask(
        _ connection: SQLConnection, _ statement: String,
        _ completion: @escaping (Result<Reading, SQLError>) -> Void
    ) {
        var reading = Reading()
        var hasher = Hasher()
        connection.query(
            statement, within: .accounts,
            eachRow: { row in
                guard let account = AccountRow.account(row) else { return }
                hasher.combine(account)
                reading.accounts.add(account)
            },
            { error in
                if let error { return completion(.failure(error)) }
                reading.fingerprint = hasher.finalize()
                completion(.success(reading))
            })
    }

    private func end(_ result: Result<Reading, SQLError>) {
        guard let completion else { return }
        let connection = connection
        if case .success = result, handOn != nil { self.connection = nil }
        stop()
        completion(result)
        if case .success = result, let connection { handOn?(connection) }
    }
}

extension SQLError {
    /// Of one statement, on a connection that is well: another statement may do better.
    fileprivate var isDenied: Bool { refusal == nil && code > 1000 && code < 2000 && code != 1184 && code != 1927 }

    /// The session is sound, and may not read them (ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR).
    var isAboutTables: Bool { refusal == nil && (code == 1142 || code == 1143) }
}
