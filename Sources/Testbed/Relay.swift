import Foundation
import Reactor

/// A node that lies: it passes bytes between a proxy and a real server, except where the request holds a mark. The
/// mark says what becomes of that statement's answer, so that the moment of a failure is exact.
///
/// A statement is marked by a comment, e.g. `SELECT 1 /*relay:garbage*/`. A mark that has been used up does nothing
/// more, so that a statement which is run again is answered.
public final class Relay: Sendable {
    /// What becomes of a marked statement.
    public enum Deed: Sendable {
        /// The request never reaches the server; the connection is closed.
        case dropRequest
        /// The server runs it; its answer is not passed on, and the connection is closed.
        case dropAnswer
        /// That many bytes of the answer are passed on, then the connection is closed.
        case cutAnswer(after: Int)
        /// These bytes come instead of the answer; the connection stays open.
        case replaceAnswer([UInt8])
        /// These bytes come before the answer.
        case prependAnswer([UInt8])
    }

    private struct State {
        var deeds: [String: Deed] = [:]
        var used: [String: Int] = [:]
        var open: [ObjectIdentifier: (RawConnection, RawConnection)] = [:]
        var isClosed = false
        /// So many connections are ended as soon as they are made.
        var away = 0
    }

    private let target: UInt16
    private let isNode: Bool
    private let listener = Watched<Listener?>(nil)
    private let state = Guarded(State())
    public let port: UInt16

    /// Listens at once.
    ///
    /// - Parameter isNode: what ends a connection ends the node: all its connections, and the next ones as long as it
    ///   takes to see that it is gone.
    public init(to target: UInt16, isNode: Bool = false) throws {
        self.target = target
        self.isNode = isNode
        let relay = Watched<WeakRelay?>(nil)
        let listener = try Listener { relay.wait(.seconds(10)) { $0 != nil }??.relay?.serve($0) }
        port = listener.port
        self.listener.set(listener)
        relay.set(WeakRelay(self))
    }

    deinit { close() }

    /// What becomes of the next statement that holds `/*relay:mark*/`.
    public func on(_ mark: String, _ deed: Deed) {
        state.withLock { $0.deeds[mark] = deed }
    }

    /// How often a marked statement has been met.
    public func count(_ mark: String) -> Int { state.withLock { $0.used[mark] ?? 0 } }

    /// Closes every connection, and listens on.
    public func cut() {
        let open = state.withLock { state in
            defer { state.open = [:] }
            return state.open
        }
        for (client, server) in open.values {
            client.shutdown()
            server.shutdown()
        }
    }

    /// A deed has ended a connection.
    private func end() {
        guard isNode else { return }
        // The check's own, one more login, and those that follow while there is no primary.
        state.withLock { $0.away = 6 }
        cut()
    }

    /// Stops listening and closes every connection. Idempotent.
    public func close() {
        state.withLock { $0.isClosed = true }
        listener.value?.close()
        cut()
    }

    private func serve(_ client: RawConnection) {
        let isAway = state.withLock { state in
            if state.away > 0 { state.away -= 1 }
            return state.away > 0
        }
        guard !isAway, let server = try? RawConnection(port: target) else { return client.close() }
        let isOpen = state.withLock { state in
            guard !state.isClosed else { return false }
            state.open[ObjectIdentifier(client)] = (client, server)
            return true
        }
        guard isOpen else { return }
        let link = Link()
        Thread.detachNewThread { [weak self] in
            while let bytes = client.receive(.seconds(3600)), !bytes.isEmpty {
                if let mark = Self.mark(in: bytes), let deed = self?.take(mark) {
                    if case .dropRequest = deed {
                        self?.end()
                        break
                    }
                    link.answer.set(deed)
                }
                if !server.send(bytes) { break }
            }
            server.shutdown()
            client.shutdown()
            self?.forget(client)
        }
        Thread.detachNewThread { [weak self] in
            while let bytes = server.receive(.seconds(3600)), !bytes.isEmpty {
                guard let deed = link.answer.exchange(nil) else {
                    if !client.send(bytes) { break }
                    continue
                }
                if !Self.perform(deed, bytes, client) {
                    self?.end()
                    break
                }
            }
            client.shutdown()
            server.shutdown()
        }
    }

    /// False where the connection is to be closed.
    private static func perform(_ deed: Deed, _ bytes: [UInt8], _ client: RawConnection) -> Bool {
        switch deed {
        case .dropRequest, .dropAnswer:
            return false
        case .cutAnswer(let count):
            client.send(Array(bytes.prefix(count)))
            return false
        case .replaceAnswer(let other):
            return client.send(other)
        case .prependAnswer(let other):
            return client.send(other + bytes)
        }
    }

    private func take(_ mark: String) -> Deed? {
        state.withLock { state in
            state.used[mark, default: 0] += 1
            return state.deeds.removeValue(forKey: mark)
        }
    }

    private func forget(_ client: RawConnection) {
        state.withLock { $0.open[ObjectIdentifier(client)] = nil }
    }

    private static func mark(in bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes.prefix(4096), as: UTF8.self)
        guard let start = text.range(of: "/*relay:"),
            let end = text.range(of: "*/", range: start.upperBound..<text.endIndex)
        else { return nil }
        return String(text[start.upperBound..<end.lowerBound])
    }

    /// The accepting thread does not keep the relay alive.
    private struct WeakRelay: @unchecked Sendable {
        weak var relay: Relay?
        init(_ relay: Relay) { self.relay = relay }
    }

    /// What both directions of one connection share.
    private final class Link: Sendable {
        let answer = Watched<Deed?>(nil)
    }
}
