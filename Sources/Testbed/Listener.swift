import CPlatform
import Foundation
import Synchronization

/// A listening socket on 127.0.0.1, and a thread that accepts.
public final class Listener: Sendable {
    public let port: UInt16
    private let descriptor: Int32
    private let isClosed = Atomic(false)

    /// Listens at once. The body is called on the accepting thread and must not block for long.
    public init(_ body: @escaping @Sendable (RawConnection) -> Void) throws {
        let port = try Ports.free(1)[0]
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(platform_sock_cloexec), 0)
        guard fd >= 0 else { throw TestbedFailure("socket: \(String(cString: strerror(errno)))") }
        var on: Int32 = 1
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isBound, listen(fd, 512) == 0 else {
            let reason = String(cString: strerror(errno))
            Glibc.close(fd)
            throw TestbedFailure("listen on port \(port): \(reason)")
        }
        self.port = port
        descriptor = fd
        Thread.detachNewThread {
            while true {
                let accepted = accept(fd, nil, nil)
                if accepted < 0, errno == EINTR || errno == ECONNABORTED { continue }
                guard accepted >= 0 else { break }
                body(RawConnection(accepted: accepted))
            }
            Glibc.close(fd)
        }
    }

    /// Wakes the accepting thread, which closes the descriptor. Idempotent.
    public func close() {
        if !isClosed.exchange(true, ordering: .relaxed) { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    deinit { close() }
}
