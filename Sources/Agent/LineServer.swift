import Cluster
import Glibc
import Reactor

/// One request, one answer, and closed. Whatever a client does costs a bounded buffer for a bounded time. Lives on its
/// loop's thread.
public final class LineServer {
    /// When a request is whole.
    public enum Request: Sendable {
        /// Nothing is asked: connecting is enough.
        case none
        /// One line.
        case line
        /// Everything to an empty line.
        case head
    }

    public struct Limits: Sendable {
        public var clientsMax = 64
        public var bytesMax = 4096
        /// From the connection to the whole request, and for the answer to be taken.
        public var timeout: Instant.Span = .seconds(5)

        public init() {}
    }

    private final class Client {
        let descriptor: Int32
        var request: [UInt8] = []
        var pending: [UInt8] = []
        var hasAsked = false
        var watch: Watch?
        var timer: Timer?

        init(_ descriptor: Int32) { self.descriptor = descriptor }
    }

    private let loop: EventLoop
    private let listener: Int32
    private let request: Request
    private let limits: Limits
    private let answer: (String, @escaping (String) -> Void) -> Void
    private var acceptor: Watch?
    private var clients: [UInt64: Client] = [:]
    private var lastID: UInt64 = 0

    /// - Parameters:
    ///   - listener: becomes this server's.
    ///   - answer: the request without its line end (for `head` its first line), and where the answer goes, once.
    public init(
        loop: EventLoop, listener: Int32, request: Request, limits: Limits = Limits(),
        answer: @escaping (String, @escaping (String) -> Void) -> Void
    ) {
        self.loop = loop
        self.listener = listener
        self.request = request
        self.limits = limits
        self.answer = answer
        acceptor = loop.watch(listener, read: true, write: false) { [weak self] _ in self?.accept() }
    }

    public var port: UInt16 { Sockets.local(of: listener)?.endpoint?.port ?? 0 }

    public func close() {
        guard acceptor != nil else { return }
        acceptor?.cancel()
        acceptor = nil
        for id in clients.keys.sorted() { end(id) }
        Sockets.close(listener)
    }

    private func accept() {
        for _ in 0..<16 {
            do throws(SystemError) {
                guard let accepted = try Sockets.accept(listener) else { return }
                welcome(accepted.descriptor)
            } catch {
                // Out of descriptors: the listener would be ready again at once, and forever.
                acceptor?.cancel()
                loop.schedule(after: .milliseconds(200)) { [weak self] in
                    guard let self, acceptor != nil else { return }
                    acceptor = loop.watch(listener, read: true, write: false) { [weak self] _ in self?.accept() }
                }
                return
            }
        }
    }

    private func welcome(_ descriptor: Int32) {
        if clients.count >= limits.clientsMax {
            // Whoever connects and asks nothing keeps nobody out.
            guard let idle = clients.filter({ !$0.value.hasAsked }).keys.min() else {
                return Sockets.close(descriptor)
            }
            end(idle)
        }
        lastID += 1
        let id = lastID
        let client = Client(descriptor)
        clients[id] = client
        client.watch = loop.watch(descriptor, read: true, write: false) { [weak self] in self?.ready(id, $0) }
        wait(id)
        if case .none = request { asked(id) }
    }

    private func wait(_ id: UInt64) {
        clients[id]?.timer?.cancel()
        clients[id]?.timer = loop.schedule(after: limits.timeout) { [weak self] in self?.end(id) }
    }

    private func ready(_ id: UInt64, _ readiness: Readiness) {
        guard let client = clients[id] else { return }
        if !client.pending.isEmpty { return flush(id) }
        withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
            do throws(SystemError) {
                switch try Sockets.receive(client.descriptor, into: buffer) {
                case .bytes(let count): client.request += buffer.prefix(count)
                case .wouldBlock: return
                case .ended: return client.hasAsked ? client.watch?.update(read: false, write: false) ?? () : end(id)
                }
            } catch {
                return end(id)
            }
            if client.hasAsked {
                client.request = []
            } else if isWhole(client.request) {
                asked(id)
            } else if client.request.count > limits.bytesMax {
                end(id)
            }
        }
    }

    private func isWhole(_ bytes: [UInt8]) -> Bool {
        switch request {
        case .none: return true
        case .line: return bytes.contains(UInt8(ascii: "\n"))
        case .head:
            let lines = bytes.filter { $0 != UInt8(ascii: "\r") }
            return zip(lines, lines.dropFirst()).contains { $0 == UInt8(ascii: "\n") && $1 == UInt8(ascii: "\n") }
        }
    }

    private func asked(_ id: UInt64) {
        guard let client = clients[id] else { return }
        client.hasAsked = true
        // An answer takes the time it takes.
        client.timer?.cancel()
        let line = client.request.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        answer(String(decoding: line, as: UTF8.self)) { [weak self] text in
            guard let self, let client = clients[id], client.pending.isEmpty else { return }
            client.pending = Array(text.utf8)
            wait(id)
            flush(id)
        }
    }

    private func flush(_ id: UInt64) {
        guard let client = clients[id] else { return }
        while !client.pending.isEmpty {
            let result: Result<Sockets.Transfer, SystemError> = client.pending.withUnsafeBytes { raw in
                do throws(SystemError) {
                    return .success(try Sockets.send(client.descriptor, raw))
                } catch { return .failure(error) }
            }
            guard case .success(.bytes(let count)) = result else {
                if case .success = result { return client.watch?.update(read: false, write: true) ?? () }
                return end(id)
            }
            client.pending.removeFirst(count)
        }
        end(id)
    }

    private func end(_ id: UInt64) {
        guard let client = clients.removeValue(forKey: id) else { return }
        client.watch?.cancel()
        client.timer?.cancel()
        Sockets.close(client.descriptor)
    }
}
