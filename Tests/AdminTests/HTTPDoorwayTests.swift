import CLibevent
import Cluster
import Glibc
import Reactor
import Testing

@testable import Admin

@Suite
struct HTTPDoorwayTests {
    /// libevent's HTTP frees a connection that sent garbage without our hearing of it. While the doorway still knows
    /// it, its number must not become another's: its read event would take what that one is sent.
    @Test func aGuestsDescriptorIsItsOwnUntilItIsForgotten() throws {
        let loop = try EventLoop()
        let transport = try #require(HTTPDoorway.makeTransport(loop.base))
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { close(ends[1]) }
        evutil_make_socket_nonblocking(ends[0])
        bufferevent_setfd(transport, ends[0])
        bufferevent_setcb(transport, { _, _ in }, nil, { _, _, _ in }, nil)
        bufferevent_enable(transport, Int16(EV_READ))

        let doorway = HTTPDoorway(guestsMax: 10, patience: .seconds(10))
        doorway.arrived(transport, at: MonotonicClock.now())
        bufferevent_free(transport)
        turn(loop)
        var byte: UInt8 = 0
        #expect(recv(ends[1], &byte, 1, Int32(MSG_DONTWAIT)) == -1)
        #expect(errno == EAGAIN)

        doorway.sweep(at: MonotonicClock.now())
        turn(loop)
        #expect(doorway.count == 0)
        #expect(recv(ends[1], &byte, 1, Int32(MSG_DONTWAIT)) == 0)
    }

    /// libevent ends a transport in the loop's next turn.
    private func turn(_ loop: EventLoop) {
        let end = loop.schedule(after: .milliseconds(1)) { loop.stop() }
        withExtendedLifetime(end) { loop.run() }
    }
}
