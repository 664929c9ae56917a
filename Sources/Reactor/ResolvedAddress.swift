import Cluster
import Glibc

/// A socket address, ready for `connect` and `bind`.
public struct ResolvedAddress: Sendable {
    public private(set) var storage = sockaddr_storage()
    public private(set) var length: socklen_t = 0

    /// AF_INET or AF_INET6.
    public var family: Int32 { Int32(storage.ss_family) }

    init() {}

    init(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
        self.length = min(length, socklen_t(MemoryLayout<sockaddr_storage>.size))
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(self.length)))
        }
    }

    /// Lets a system call fill it in.
    mutating func fill<Result>(_ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Result) -> Result {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
    }

    public func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// The address in numbers and the port; nil for families other than IPv4 and IPv6.
    public var endpoint: Endpoint? {
        guard family == AF_INET || family == AF_INET6 else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            let size = socklen_t(text.count)
            return withUnsafeBytes(of: storage) { bytes -> Endpoint? in
                let named: UnsafePointer<CChar>?
                let port: UInt16
                if family == AF_INET {
                    var address = bytes.load(as: sockaddr_in.self)
                    named = inet_ntop(AF_INET, &address.sin_addr, text.baseAddress, size)
                    port = UInt16(bigEndian: address.sin_port)
                } else {
                    var address = bytes.load(as: sockaddr_in6.self)
                    named = inet_ntop(AF_INET6, &address.sin6_addr, text.baseAddress, size)
                    port = UInt16(bigEndian: address.sin6_port)
                }
                return named.map { Endpoint(host: String(cString: $0), port: port) }
            }
        }
    }

    /// `10.0.0.7:51234`, `[::1]:3306`; empty for other families.
    public var text: String { endpoint?.description ?? "" }
}
