import Testbed
import Testing

extension Integration {
    /// What a node says behind the end of its answer.
    @Suite(.serialized)
    struct OutOfTurnTests {
        private static let ok = Wire.packet([0, 0, 0, 2, 0, 0, 0], sequence: 1)
        private static let error = Wire.packet([0xff, 0x28, 0x04] + Array("#42000no".utf8), sequence: 1)
        private static let row = Wire.packet([1, 0x31], sequence: 2)

        @Test(
            "is not passed on, and is not looked at either: the client has its one answer, and an end",
            .timeLimit(.minutes(2)),
            arguments: [[error, error], [ok, ok], [ok, error], [error, row], [ok, [1, 0]]])
        func outOfTurn(_ packets: [[UInt8]]) throws {
            let pair = try SharedPair.get()
            try WireSession.makeAccount(pair.asRoot())
            let relay = try Relay(to: pair.primary.port)
            defer { relay.close() }
            let proxy = try ProxyProcess(nodes: [relay.port, pair.ports[1]])
            defer { proxy.stop(grace: .seconds(2)) }
            // Many more of the last one; and a text that takes its time to be read.
            let many = packets[0] + Array(repeatElement(packets[1], count: 4_000).joined())
            relay.on("turn", .replaceAnswer(many))
            let session = try WireSession(port: proxy.port)
            let text = "INSERT /*relay:turn*/ INTO nosuch VALUES ('\(String(repeating: "x", count: 900_000))')"
            session.send(Wire.query(text))
            let answer = try #require(session.receive())
            #expect(answer.payload == Array(packets[0].dropFirst(4)))
            #expect(session.receiveAll(.seconds(60)) == [])
            // Nobody else has anything to do with it.
            #expect(try WireSession(port: proxy.port).value(of: "SELECT 1") == "1")
            #expect(!proxy.log.contains(" lost: "))
        }
    }
}
