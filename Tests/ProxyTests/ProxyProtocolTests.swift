import Cluster
import Reactor
import Testing

@testable import Proxy

/// Bytes by hand from HAProxy's proxy-protocol.txt, section 2.2.
@Suite struct ProxyProtocolTests {
    private let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    private func address(_ text: String) throws -> ResolvedAddress {
        try Sockets.resolve(try #require(Endpoint(text)))
    }

    @Test func version4() throws {
        let header = ProxyProtocol.header(client: try address("10.1.2.3:258"), local: try address("127.0.0.1:3306"))
        #expect(header == signature + [0x21, 0x11, 0, 12, 10, 1, 2, 3, 127, 0, 0, 1, 1, 2, 0x0C, 0xEA])
    }

    @Test func version6() throws {
        let header = ProxyProtocol.header(client: try address("[::1]:1"), local: try address("[::2]:2"))
        let one: [UInt8] = [UInt8](repeating: 0, count: 15) + [1]
        let two: [UInt8] = [UInt8](repeating: 0, count: 15) + [2]
        #expect(header == signature + [0x21, 0x21, 0, 36] + one + two + [0, 1, 0, 2])
    }

    @Test func mixedFamiliesSpeakForTheProxy() throws {
        let header = ProxyProtocol.header(client: try address("[::1]:1"), local: try address("127.0.0.1:2"))
        #expect(header == signature + [0x20, 0, 0, 0])
    }
}
