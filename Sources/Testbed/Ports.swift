import CPlatform
import Foundation
import Reactor

/// TCP ports on 127.0.0.1, below the kernel's ephemeral range (32768), so that no client socket takes one
/// between its choice and its use.
public enum Ports {
    private static let next = Guarded<UInt16>(UInt16.random(in: 18_000..<30_000))

    /// Ports on which nothing listens now; never the same twice in this process (until the range is used up).
    public static func free(_ count: Int) throws -> [UInt16] {
        var found: [UInt16] = []
        for _ in 0..<12_000 where found.count < count {
            let port = next.withLock { next in
                next = next >= 31_999 ? 18_000 : next + 1
                return next
            }
            if isFree(port) { found.append(port) }
        }
        guard found.count == count else { throw TestbedFailure("no \(count) free ports between 18000 and 31999") }
        return found
    }

    /// True where a listener could be bound to 127.0.0.1 and to every address.
    public static func isFree(_ port: UInt16) -> Bool {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard fd >= 0 else { return false }
        defer { close(fd) }
        var on: Int32 = 1
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_ANY
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(fd, 1) == 0
            }
        }
    }
}
