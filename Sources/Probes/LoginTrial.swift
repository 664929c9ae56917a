import Cluster
import Health
import Reactor

/// Logs the service account in as if for a check, asks for nothing, and leaves: whether the next check would get in. A
/// server also forgets the logins that were begun and left on it when one goes well.
final class LoginTrial {
    private let loop: EventLoop
    private let address: NodeAddress
    var options: WatchOptions
    private var connection: SQLConnection?
    private var deadline: Timer?
    private var completion: ((ProbeResult?) -> Void)?

    init(loop: EventLoop, address: NodeAddress, options: WatchOptions) {
        self.loop = loop
        self.address = address
        self.options = options
    }

    /// One under way goes on instead.
    ///
    /// - Parameter completion: from the loop, within the check's time limit; nil where all is well.
    func begin(_ completion: @escaping (ProbeResult?) -> Void) {
        guard self.completion == nil else { return }
        self.completion = completion
        guard let target = address.numeric else {
            loop.schedule(after: .zero) { [weak self] in self?.end(SQLError.noAnswer) }
            return
        }
        deadline = loop.schedule(after: options.probeTimeout) { [weak self] in self?.end(SQLError.noAnswer) }
        let connection = SQLConnection(loop: loop)
        self.connection = connection
        connection.connect(
            host: target.host, port: target.port, user: options.user, password: options.password
        ) { [weak self] error in
            guard let self else { return }
            if let error { return end(error) }
            // What ends a session at once ends it with its first statement.
            connection.query("DO 0") { [weak self] result in
                switch result {
                case .success: self?.end(nil)
                case .failure(let error): self?.end(error)
                }
            }
        }
    }

    func stop() {
        completion = nil
        deadline?.cancel()
        connection?.close()
        connection = nil
    }

    private func end(_ error: SQLError?) {
        guard let completion else { return }
        stop()
        completion(error?.probeResult)
    }
}
