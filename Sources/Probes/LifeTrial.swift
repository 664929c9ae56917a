import Cluster
import Health
import Reactor

/// Logs the service account in to see which life of the server it is: whoever lost a connection that ended before this
/// login began knows then whether the server did.
///
/// A login of its own, since a server that goes down closes its port first, and its connections one after another.
final class LifeTrial {
    private let loop: EventLoop
    private let address: NodeAddress
    var options: WatchOptions
    private var connection: SQLConnection?
    private var deadline: Timer?
    private var completion: ((LifeTrialResult, Instant) -> Void)?
    private var beganAt = Instant(nanoseconds: 0)
    /// Asked for again since the one under way began.
    private var isDue = false

    init(loop: EventLoop, address: NodeAddress, options: WatchOptions) {
        self.loop = loop
        self.address = address
        self.options = options
    }

    /// However many ask, there is one at a time, and one more where somebody asked since it began.
    private static let pauseMin = Instant.Span.milliseconds(20)

    /// - Parameter completion: from the loop, within the check's time limit, with the moment at which the login began:
    ///   after this call.
    func begin(_ completion: @escaping (LifeTrialResult, Instant) -> Void) {
        if self.completion != nil {
            isDue = true
            return
        }
        self.completion = completion
        let rest = Self.pauseMin - (MonotonicClock.now() - beganAt)
        if rest > .zero {
            deadline = loop.schedule(after: rest) { [weak self] in self?.logIn() }
        } else {
            logIn()
        }
    }

    func stop() {
        completion = nil
        isDue = false
        deadline?.cancel()
        connection?.close()
        connection = nil
    }

    private func logIn() {
        isDue = false
        beganAt = MonotonicClock.now()
        guard let target = address.numeric else {
            loop.schedule(after: .zero) { [weak self] in self?.end(.failed(SQLError.noAnswer.probeResult)) }
            return
        }
        deadline = loop.schedule(after: options.probeTimeout) { [weak self] in self?.end(.failed(.timeout)) }
        let connection = SQLConnection(loop: loop)
        self.connection = connection
        connection.connect(
            host: target.host, port: target.port, user: options.user, password: options.password
        ) { [weak self] error in
            if let error { self?.end(.failed(error.probeResult)) } else { self?.ask(connection) }
        }
    }

    private func ask(_ connection: SQLConnection) {
        connection.askLife { [weak self] result in
            switch result {
            case .success(let life): self?.end(.alive(life))
            case .failure(let error): self?.end(.failed(error.probeResult))
            }
        }
    }

    private func end(_ result: LifeTrialResult) {
        guard let completion else { return }
        let isDue = isDue
        stop()
        completion(result, beganAt)
        if isDue { begin(completion) }
    }
}

extension SQLConnection {
    /// Nil where the server answers and does not say.
    func askLife(_ completion: @escaping (Result<ServerLife?, SQLError>) -> Void) {
        query("SELECT UUID_SHORT()") { result in
            completion(
                result.map { rows in
                    (rows.first?.first ?? nil).flatMap { UInt64($0) }.map { ServerLife(uuidShort: $0) }
                })
        }
    }
}
