import Cluster
import Testing

@testable import Probes

@Suite struct GreetingTests {
    /// As sent by 10.11.19 on Debian 12.
    private static let greeting: [UInt8] = {
        var payload: [UInt8] = [10]
        payload += Array("5.5.5-10.11.19-MariaDB-0+deb12u1".utf8) + [0]
        payload += [7, 0, 0, 0] + Array("abcdefgh".utf8) + [0]
        payload += [0xfe, 0xf7, 45, 2, 0, 0xff, 0x81, 21] + [0, 0, 0, 0, 0, 0] + [0x1d, 0, 0, 0]
        payload += Array("ijklmnopqrst".utf8) + [0] + Array("mysql_native_password".utf8) + [0]
        return [UInt8(payload.count), 0, 0, 0] + payload
    }()

    @Test func keepsThePrefixAndTheExtendedCapabilities() {
        let identity = ServerIdentity(greeting: Self.greeting)
        #expect(
            identity
                == ServerIdentity(
                    version: "5.5.5-10.11.19-MariaDB-0+deb12u1", collation: 45, capabilities: 0x1d_81ff_f7fe))
    }

    @Test func whatIsNotMariaDBHasNoExtendedCapabilities() throws {
        var bytes = Self.greeting
        let capabilities = try #require(bytes.firstIndex(of: 0xfe))
        bytes[capabilities] = 0xff
        #expect(ServerIdentity(greeting: bytes)?.capabilities == 0x81ff_f7ff)
    }

    @Test func everyTruncationIsNil() {
        for count in 0..<Self.greeting.count {
            #expect(ServerIdentity(greeting: Array(Self.greeting.prefix(count))) == nil)
            // A packet whose header tells the shorter length.
            if count > 4 {
                var short = Array(Self.greeting.prefix(count))
                short[0] = UInt8(count - 4)
                _ = ServerIdentity(greeting: short)
            }
        }
    }

    @Test func anErrorPacketIsNil() {
        let error: [UInt8] = [0xff, 0x10, 0x04] + Array("Too many connections".utf8)
        #expect(ServerIdentity(greeting: [UInt8(error.count), 0, 0, 0] + error) == nil)
    }
}
