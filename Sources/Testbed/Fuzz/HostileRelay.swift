import Foundation
import Reactor

/// A node's address that does with the node's bytes what it likes, but only in the sessions of one account: whoever
/// else comes through, a health check or an honest session, gets what the node said.
final class HostileRelay: Sendable {
    private struct State {
        var seed: UInt64?
        var connections: UInt64 = 0
        var deeds: [String] = []
        var open: [ObjectIdentifier: (RawConnection, RawConnection)] = [:]
        var damaged: Set<ObjectIdentifier> = []
        var isClosed = false
    }

    private let target: UInt16
    private let victim: [UInt8]
    private let state = Guarded(State())
    private let listener = Watched<Listener?>(nil)
    let port: UInt16

    /// Listens at once, and is honest until it is told otherwise.
    init(to target: UInt16, victim: String) throws {
        self.target = target
        self.victim = Array(victim.utf8) + [0]
        let own = Watched<WeakRelay?>(nil)
        let listener = try Listener { own.wait(.seconds(10)) { $0 != nil }??.relay?.serve($0) }
        port = listener.port
        self.listener.set(listener)
        own.set(WeakRelay(self))
    }

    deinit { close() }

    /// Damages sessions of the victim that begin from now on.
    func damage(seed: UInt64) {
        state.withLock {
            $0.seed = seed
            $0.connections = 0
            $0.deeds = []
        }
    }

    /// Is honest again. The sessions that were damaged end: where an answer was promised and never came, nobody can tell
    /// that from a long statement.
    func repent() {
        let ended = state.withLock { state in
            state.seed = nil
            defer { state.damaged = [] }
            return state.damaged.compactMap { state.open[$0] }
        }
        for (client, server) in ended {
            client.shutdown()
            server.shutdown()
        }
    }

    /// What was done since then, for a finding.
    var deeds: [String] { state.withLock { $0.deeds } }

    func close() {
        let open = state.withLock { state in
            state.isClosed = true
            return state.open.values
        }
        listener.value?.close()
        for (client, server) in open {
            client.shutdown()
            server.shutdown()
        }
    }

    private func serve(_ client: RawConnection) {
        // A server that is gone refuses: so must we, as far as one can that has accepted.
        guard let server = try? RawConnection(port: target) else { return client.reset() }
        let isOpen = state.withLock { state in
            guard !state.isClosed else { return false }
            state.open[ObjectIdentifier(client)] = (client, server)
            return true
        }
        guard isOpen else { return }
        let damage = Watched<AnswerDamage?>(nil)
        let resets = Watched(false)
        let toServer = Thread { [weak self] in
            var isFirst = true
            while let bytes = client.receive(.seconds(3600)), !bytes.isEmpty {
                if isFirst, let self, bytes.count > 36, bytes.dropFirst(36).starts(with: self.victim) {
                    damage.set(self.nextDamage(of: client))
                }
                isFirst = false
                if !server.send(bytes) { break }
            }
            // What the server still has to say goes on: a client may close one side first.
            server.finishSending()
            // Here, where nobody else uses the descriptor any more.
            if resets.value { client.reset() }
            self?.forget(client)
        }
        let toClient = Thread { [weak self] in
            while let bytes = server.receive(.seconds(3600)), !bytes.isEmpty {
                let goesOn =
                    damage.value == nil ? client.send(bytes) : self?.mistreat(bytes, damage, client, resets) ?? false
                if !goesOn { break }
            }
            if resets.value { client.stopReceiving() } else { client.shutdown() }
            server.shutdown()
        }
        for thread in [toServer, toClient] {
            thread.stackSize = 512 << 10
            thread.start()
        }
    }

    private func nextDamage(of client: RawConnection) -> AnswerDamage? {
        state.withLock { state in
            guard let seed = state.seed else { return nil }
            state.connections += 1
            state.damaged.insert(ObjectIdentifier(client))
            return AnswerDamage(seed: seed &+ state.connections)
        }
    }

    /// False where the connection is to end.
    private func mistreat(
        _ bytes: [UInt8], _ damage: Watched<AnswerDamage?>, _ client: RawConnection, _ resets: Watched<Bool>
    ) -> Bool {
        var deed = AnswerDamage.Deed.pass(bytes)
        damage.update { state in
            guard var own = state else { return }
            deed = own.deed(bytes)
            state = own
        }
        switch deed {
        case .pass(let other):
            if other != bytes { note("changed", bytes, other) }
            return client.send(other)
        case .delay(let other, let milliseconds):
            Thread.sleep(forTimeInterval: Double(milliseconds) / 1000)
            return client.send(other)
        case .cut(let other):
            note("cut", bytes, other)
            client.send(other)
            return false
        case .reset:
            note("reset", bytes, [])
            resets.set(true)
            return false
        case .silence:
            note("silence", bytes, [])
            // Until the other side has enough of it.
            _ = client.waitForEnd(.seconds(30))
            return false
        }
    }

    private func note(_ what: String, _ was: [UInt8], _ became: [UInt8]) {
        func hex(_ bytes: [UInt8]) -> String { bytes.prefix(128).map { String(format: "%02x", $0) }.joined() }
        state.withLock { state in
            if state.deeds.count < 2000 {
                state.deeds.append("\(what): \(was.count) bytes \(hex(was)) -> \(became.count) bytes \(hex(became))")
            }
        }
    }

    private func forget(_ client: RawConnection) {
        state.withLock { state in
            state.open[ObjectIdentifier(client)] = nil
            state.damaged.remove(ObjectIdentifier(client))
        }
    }

    /// The accepting thread does not keep the relay alive.
    private struct WeakRelay: @unchecked Sendable {
        weak var relay: HostileRelay?
        init(_ relay: HostileRelay) { self.relay = relay }
    }
}
