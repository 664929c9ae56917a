import Cluster

/// Looks a name up until it is found once, less often each time, and keeps what it found: what is configured by a name must
/// not wait for a name server, least of all during an outage. What is in numbers is found at once.
public final class NameSeeker {
    static let pauseMin = Instant.Span.seconds(1)
    static let pauseMax = Instant.Span.seconds(30)

    private let endpoint: Endpoint
    private let loop: EventLoop
    private let onFound: (ResolvedAddress) -> Void
    private var waiters: [() -> Void] = []
    private var pause = pauseMin
    private var timer: Timer?
    private var isStopped = false
    public private(set) var found: ResolvedAddress?
    /// Of the latest attempt; nil before the first has ended, and once it is found.
    public private(set) var failure: SystemError?

    /// - Parameter onFound: once, from the loop, or from within ``start()`` for what is in numbers.
    public init(_ endpoint: Endpoint, loop: EventLoop, onFound: @escaping (ResolvedAddress) -> Void) {
        self.endpoint = endpoint
        self.loop = loop
        self.onFound = onFound
    }

    deinit { stop() }

    public func start() {
        if let numeric = Sockets.numeric(endpoint) { took(.success(numeric)) } else { look() }
    }

    /// Nobody is called any more.
    public func stop() {
        isStopped = true
        timer?.cancel()
        waiters = []
    }

    /// Calls back as soon as the first attempt has ended, at once where it has.
    public func settled(_ completion: @escaping () -> Void) {
        if found != nil || failure != nil { completion() } else { waiters.append(completion) }
    }

    private func look() {
        NameLookup.begin(endpoint, loop: loop) { [weak self] in self?.took($0) }
    }

    private func took(_ outcome: NameLookup.Outcome) {
        guard !isStopped else { return }
        switch outcome {
        case .success(let address):
            found = address
            failure = nil
            onFound(address)
        case .failure(let error):
            failure = error
            timer = loop.schedule(after: pause) { [weak self] in self?.look() }
            pause = min(pause + pause, Self.pauseMax)
        }
        let waiters = waiters
        self.waiters = []
        for waiter in waiters { waiter() }
    }
}
