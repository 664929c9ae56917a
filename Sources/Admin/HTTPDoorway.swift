import CLibevent
import Cluster
import Glibc

/// Connections that have not asked for anything yet. libevent 2.1 neither counts them nor bounds how slowly a head may
/// come in: here they are few, and have little time.
final class HTTPDoorway {
    private struct Guest {
        /// `struct bufferevent *`, with a reference of ours: it outlives the connection.
        var transport: OpaquePointer
        var since: Instant
    }

    /// In the order of their arrival.
    private var guests: [Guest] = []
    private let guestsMax: Int
    private let patience: Instant.Span
    /// How many were shown out.
    private(set) var evicted: UInt64 = 0

    init(guestsMax: Int, patience: Instant.Span) {
        self.guestsMax = guestsMax
        self.patience = patience
    }

    var count: Int { guests.count }

    /// A connection's transport. What a client sends while it is being answered waits there, and at most so much of it.
    ///
    /// It closes its descriptor itself, with its last reference: libevent's HTTP would close it while a guest's
    /// reference is left, whose event then reads what the next owner of that number is sent.
    static func makeTransport(_ base: OpaquePointer?) -> OpaquePointer? {
        guard let transport = bufferevent_socket_new(base, -1, Int32(BEV_OPT_CLOSE_ON_FREE.rawValue)) else {
            return nil
        }
        bufferevent_setwatermark(transport, Int16(EV_READ), 0, 16_384)
        return transport
    }

    /// The one that has waited longest makes room.
    func arrived(_ transport: OpaquePointer, at now: Instant) {
        if guests.count >= guestsMax { leave { !Self.isOpen($0.transport) } }
        if guests.count >= guestsMax { evict(guests.removeFirst()) }
        bufferevent_incref(transport)
        guests.append(Guest(transport: transport, since: now))
    }

    /// It has asked for something.
    func entered(_ transport: OpaquePointer) { leave { $0.transport == transport } }

    /// Those who went by themselves are forgotten, those who take too long are shown out.
    func sweep(at now: Instant) {
        leave { !Self.isOpen($0.transport) }
        while let first = guests.first, now - first.since >= patience { evict(guests.removeFirst()) }
    }

    func close() { leave { _ in true } }

    private func leave(_ isGone: (Guest) -> Bool) {
        guests.removeAll { guest in
            guard isGone(guest) else { return false }
            bufferevent_decref(guest.transport)
            return true
        }
    }

    /// libevent sees the end of the connection, and frees it.
    private func evict(_ guest: Guest) {
        if Self.isOpen(guest.transport) {
            evicted += 1
            shutdown(bufferevent_getfd(guest.transport), Int32(SHUT_RDWR))
        }
        bufferevent_decref(guest.transport)
    }

    /// `bufferevent_free` takes the callbacks off, and only then does the descriptor mean something else.
    private static func isOpen(_ transport: OpaquePointer) -> Bool {
        var onEvent: bufferevent_event_cb?
        bufferevent_getcb(transport, nil, nil, &onEvent, nil)
        return onEvent != nil && bufferevent_getfd(transport) >= 0
    }
}
