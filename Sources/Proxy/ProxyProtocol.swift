import Glibc
import Reactor

/// The header that tells a node who the client is: PROXY protocol version 2, section 2.2 of HAProxy's
/// proxy-protocol.txt.
enum ProxyProtocol {
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    /// `local` is the proxy's address that the client connected to. Families that differ, or are neither IPv4 nor
    /// IPv6, give a LOCAL header: the proxy speaks for itself.
    static func header(client: ResolvedAddress, local: ResolvedAddress) -> [UInt8] {
        func bytes(_ address: ResolvedAddress, _ range: Range<Int>) -> [UInt8] {
            withUnsafeBytes(of: address.storage) { Array($0[range]) }
        }
        /// Addresses, then ports, both in network order as they stand in the socket address.
        func block(_ command: [UInt8], _ address: Range<Int>) -> [UInt8] {
            signature + command + bytes(client, address) + bytes(local, address) + bytes(client, 2..<4)
                + bytes(local, 2..<4)
        }
        switch (client.family, local.family) {
        case (AF_INET, AF_INET): return block([0x21, 0x11, 0, 12], 4..<8)
        case (AF_INET6, AF_INET6): return block([0x21, 0x21, 0, 36], 8..<24)
        case (_, _): return signature + [0x20, 0x00, 0, 0]
        }
    }
}
