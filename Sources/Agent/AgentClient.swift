import Cluster
import Evidence
import Glibc
import Reactor

/// The proxy's side of the evidence channel to one node's agent: connects, proves itself, and connects again whenever
/// the connection ends. Lives on its loop's thread, as do its callbacks.
public final class AgentClient {
    public enum Event: Sendable, Hashable {
        case established
        /// Observed that long ago, and so its parts.
        case report(NodeReport, age: Instant.Span, ages: NodeReport.Ages)
        case pause(id: UInt64, wait: Instant.Span, reason: String)
        case resume(reason: String)
        case moved(id: UInt64, isDone: Bool, text: String)
        /// Not heard any more, or not at all; comes once until it is established again.
        case lost(String)
        /// It is there again, and one of us does not accept the other; comes after `lost`, once for each reason.
        case refused(String)
    }

    public struct Options: Sendable {
        /// Of the proxy, for the agent's log.
        public var name = "proxy"
        public var key: [UInt8] = []
        /// From the attempt to connect to the agent's proof.
        public var connectTimeout: Instant.Span = .seconds(2)
        /// An agent that says nothing for this long is gone.
        public var silenceMax: Instant.Span = .seconds(3)
        public var retryFirst: Instant.Span = .milliseconds(100)
        public var retryMax: Instant.Span = .seconds(2)

        public init(name: String, key: [UInt8]) {
            self.name = name
            self.key = key
        }
    }

    private let loop: EventLoop
    private let node: String
    private let address: ResolvedAddress
    private let options: Options
    private let onEvent: (Event) -> Void
    private var connection: EvidenceConnection?
    private var timer: Timer?
    private var retryDelay: Instant.Span
    private var isStopped = true
    /// Whether the present silence has been told.
    /// The last reason that was told since it was established.
    private var toldLoss: String?
    private var lastRequest: UInt64 = 0

    /// - Parameter node: the name that the agent must give.
    public init(
        loop: EventLoop, node: String, address: ResolvedAddress, options: Options, onEvent: @escaping (Event) -> Void
    ) {
        self.loop = loop
        self.node = node
        self.address = address
        self.options = options
        self.onEvent = onEvent
        retryDelay = options.retryFirst
    }

    deinit { stop() }

    public var isEstablished: Bool { connection?.isEstablished ?? false }

    public func start() {
        guard isStopped else { return }
        isStopped = false
        connect()
    }

    /// No callback comes any more.
    public func stop() {
        isStopped = true
        timer?.cancel()
        connection?.close()
        connection = nil
    }

    @discardableResult
    public func send(_ message: EvidenceMessage) -> Bool { connection?.send(message) ?? false }

    /// Asks for a move, or to take back its preference; the request's id, which `moved` repeats. Nil where the agent is
    /// not there.
    public func request(_ message: (UInt64) -> EvidenceMessage) -> UInt64? {
        lastRequest += 1
        return send(message(lastRequest)) ? lastRequest : nil
    }

    private func connect() {
        guard !isStopped else { return }
        let descriptor: Int32
        do throws(SystemError) {
            descriptor = try Sockets.connect(to: address)
        } catch {
            return ended(error.reason)
        }
        let link = EvidenceLink(
            side: .proxy, name: options.name, key: options.key, nonce: EvidenceConnection.freshNonce(),
            expectedPeer: node)
        let connection = EvidenceConnection(
            loop: loop, descriptor: descriptor, isConnecting: true, link: link,
            onEvent: { [weak self] in self?.heard($1, $0) },
            onEnd: { [weak self] in if self?.connection === $0 { self?.ended($1) } })
        self.connection = connection
        connection.start()
        wait(options.connectTimeout)
    }

    private func wait(_ span: Instant.Span) {
        timer?.cancel()
        timer = loop.schedule(after: span) { [weak self] in self?.ended("it says nothing") }
    }

    private func heard(_ event: EvidenceLink.Event, _ connection: EvidenceConnection) {
        guard connection === self.connection else { return }
        wait(options.silenceMax)
        switch event {
        case .established:
            retryDelay = options.retryFirst
            toldLoss = nil
            onEvent(.established)
        case .message(.report(let report, _, let age, let ages)):
            guard report.node == node else { return ended("it reports as \(report.node)") }
            onEvent(.report(report, age: .milliseconds(Self.bounded(age)), ages: Self.bounded(ages)))
        case .message(.pause(let id, let wait, let reason)):
            onEvent(.pause(id: id, wait: .milliseconds(min(max(0, wait), 600_000)), reason: reason))
        case .message(.resume(_, let reason)): onEvent(.resume(reason: reason))
        case .message(.moved(let id, let isDone, let text)): onEvent(.moved(id: id, isDone: isDone, text: text))
        case .message(.paused), .message(.move), .message(.clear), .message(.plan), .passedOver, .refused: break
        }
    }

    /// Nobody's word is older than a day, or of the future.
    private static func bounded(_ age: Int64) -> Int64 { min(max(0, age), 86_400_000) }

    private static func bounded(_ ages: NodeReport.Ages?) -> NodeReport.Ages {
        NodeReport.Ages(
            storage: ages?.storage.map(bounded), generations: ages?.generations.map(bounded),
            manager: ages?.manager.map(bounded))
    }

    private func ended(_ reason: String) {
        connection?.close()
        connection = nil
        timer?.cancel()
        guard !isStopped else { return }
        timer = loop.schedule(after: retryDelay) { [weak self] in self?.connect() }
        retryDelay = min(retryDelay * 2, options.retryMax)
        if toldLoss == nil {
            onEvent(.lost(reason))
        } else if reason == EvidenceConnection.unwelcome || EvidenceLink.Refusal(rawValue: reason) != nil,
            reason != toldLoss
        {
            onEvent(.refused(reason))
        } else {
            return
        }
        toldLoss = reason
    }
}
