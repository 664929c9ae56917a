import Cluster
import Reactor

/// Reads a server's accounts, on a connection made for it.
final class AccountReader {
    private let loop: EventLoop
    var options: WatchOptions
    private var connection: SQLConnection?
    private var deadline: Timer?
    private var completion: ((Result<AccountDirectory, SQLError>) -> Void)?

    init(loop: EventLoop, options: WatchOptions) {
        self.loop = loop
        self.options = options
    }

    var isUnderWay: Bool { completion != nil }

    /// Replaces a reading under way, whose completion is not called.
    func read(_ address: NodeAddress, _ completion: @escaping (Result<AccountDirectory, SQLError>) -> Void) {
        stop()
        self.completion = completion
        guard let target = try? address.numeric() else {
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
        connection.query(AccountRow.globalPrivileges) { [weak self] result in
            switch result {
            case .success(let rows): self?.end(.success(Self.directory(rows)))
            case .failure: self?.askUserTable(connection)
            }
        }
    }

    private func askUserTable(_ connection: SQLConnection) {
        connection.query(AccountRow.userTable) { [weak self] result in
            self?.end(result.map(Self.directory))
        }
    }

    private func end(_ result: Result<AccountDirectory, SQLError>) {
        guard let completion else { return }
        stop()
        completion(result)
    }

    private static func directory(_ rows: SQLConnection.Rows) -> AccountDirectory {
        AccountDirectory(rows.compactMap(AccountRow.account))
    }
}
