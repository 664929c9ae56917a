import COpenSSL
import Cluster
import Evidence
import Glibc
import Reactor

/// One socket with an ``EvidenceLink`` on it. Lives on its loop's thread. Bounded: the link keeps one line, and a peer
/// that does not read is closed.
final class EvidenceConnection {
    /// What a peer may leave unread.
    static let unreadMax = 256 * 1024

    private let loop: EventLoop
    private let descriptor: Int32
    private var link: EvidenceLink
    private let onEvent: (EvidenceConnection, EvidenceLink.Event) -> Void
    /// Once, with a reason for people; not after ``close()``.
    private let onEnd: (EvidenceConnection, String) -> Void
    private var watch: Watch?
    private var pending: [UInt8] = []
    private var isConnecting: Bool
    private var isClosed = false

    init(
        loop: EventLoop, descriptor: Int32, isConnecting: Bool, link: EvidenceLink,
        onEvent: @escaping (EvidenceConnection, EvidenceLink.Event) -> Void,
        onEnd: @escaping (EvidenceConnection, String) -> Void
    ) {
        self.loop = loop
        self.descriptor = descriptor
        self.isConnecting = isConnecting
        self.link = link
        self.onEvent = onEvent
        self.onEnd = onEnd
        try? Sockets.setNoDelay(descriptor)
        try? Sockets.setKeepalive(descriptor, idle: 5, interval: 2, count: 3)
    }

    deinit { close() }

    var isEstablished: Bool { link.isEstablished && !isClosed }

    func start() {
        watch = loop.watch(descriptor, read: !isConnecting, write: true) { [weak self] in self?.ready($0) }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        watch?.cancel()
        watch = nil
        Sockets.close(descriptor)
    }

    /// False where nobody is there to hear it.
    @discardableResult
    func send(_ message: EvidenceMessage) -> Bool {
        guard !isClosed, link.send(message) else { return false }
        flush()
        return true
    }

    /// Why a proxy's connection ends where the agent hangs up on its proof.
    static let unwelcome = "it hangs up on our proof: is its key the same?"

    static func freshNonce() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: EvidenceLink.nonceSize)
        let done = RAND_bytes(&bytes, Int32(bytes.count))
        precondition(done == 1, "no random bytes are to be had")
        return bytes
    }

    private func ready(_ readiness: Readiness) {
        if isConnecting {
            if let error = Sockets.pendingError(descriptor) { return end(error.reason) }
            isConnecting = false
        }
        if readiness.readable { receive() }
        if !isClosed { flush() }
    }

    private func receive() {
        var bytes: [UInt8] = []
        var ended: String?
        withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) { buffer in
            do throws(SystemError) {
                switch try Sockets.receive(descriptor, into: buffer) {
                case .bytes(let count): bytes = Array(buffer.prefix(count))
                case .wouldBlock: break
                case .ended: ended = "it closed the connection"
                }
            } catch {
                ended = error.reason
            }
        }
        for event in link.received(bytes) {
            if isClosed { return }
            if case .refused(let refusal) = event { return end(refusal.rawValue) }
            onEvent(self, event)
        }
        // An agent does not tell a stranger what is wrong with its proof; its log has it.
        if let ended, !isClosed { end(link.isProving ? Self.unwelcome : ended) }
    }

    private func flush() {
        pending += link.takeOutgoing()
        while !pending.isEmpty {
            let result: Result<Sockets.Transfer, SystemError> = pending.withUnsafeBytes { raw in
                do throws(SystemError) {
                    return .success(try Sockets.send(descriptor, raw))
                } catch { return .failure(error) }
            }
            switch result {
            case .success(.bytes(let count)): pending.removeFirst(count)
            case .success(.wouldBlock), .success(.ended):
                if pending.count > Self.unreadMax { return end("it does not read what it is sent") }
                watch?.update(read: true, write: true)
                return
            case .failure(let error): return end(error.reason)
            }
        }
        if !isConnecting { watch?.update(read: true, write: false) }
    }

    private func end(_ reason: String) {
        guard !isClosed else { return }
        // Kept until the caller has heard of it.
        withExtendedLifetime(self) {
            close()
            onEnd(self, reason)
        }
    }
}
