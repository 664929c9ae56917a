import CPlatform
import Foundation

/// A TCP (or Unix) connection without any protocol: for peers that misbehave.
public final class RawConnection: Sendable {
    private let descriptor: Watched<Int32>

    public init(port: UInt16) throws {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(platform_sock_cloexec), 0)
        guard fd >= 0 else { throw TestbedFailure("socket: \(String(cString: strerror(errno)))") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            let reason = String(cString: strerror(errno))
            Glibc.close(fd)
            throw TestbedFailure("connect to port \(port): \(reason)")
        }
        descriptor = Watched(fd)
    }

    public init(unixPath: String) throws {
        let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(platform_sock_cloexec), 0)
        guard fd >= 0 else { throw TestbedFailure("socket: \(String(cString: strerror(errno)))") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        let bytes = Array(unixPath.utf8)
        guard bytes.count < room else {
            Glibc.close(fd)
            throw TestbedFailure("\(unixPath) is longer than a socket's path may be")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else {
            let reason = String(cString: strerror(errno))
            Glibc.close(fd)
            throw TestbedFailure("\(unixPath): \(reason)")
        }
        descriptor = Watched(fd)
    }

    /// Takes over a connected descriptor.
    public init(accepted fd: Int32) { descriptor = Watched(fd) }

    deinit { close() }

    /// Idempotent.
    public func close() {
        let fd = descriptor.exchange(-1)
        if fd >= 0 { Glibc.close(fd) }
    }

    /// Ends both directions; another thread that reads sees the end of the stream.
    public func shutdown() { _ = Glibc.shutdown(descriptor.value, Int32(SHUT_RDWR)) }

    /// Closes with a reset instead of an orderly end.
    public func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor.value, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        close()
    }

    /// Another thread that reads sees the end of the stream; the peer learns nothing.
    public func stopReceiving() { _ = Glibc.shutdown(descriptor.value, Int32(SHUT_RD)) }

    /// To the peer this connection has vanished: nothing that it sends is acknowledged, or answered by a reset.
    public func vanish() {
        let code = platform_go_deaf(descriptor.value)
        precondition(code == 0, "SO_ATTACH_FILTER: \(code)")
    }

    /// No more bytes from our side.
    public func finishSending() { Glibc.shutdown(descriptor.value, Int32(SHUT_WR)) }

    /// From now on a send ends, unfinished, when the peer has taken nothing for that long.
    public func giveUpSending(after time: Duration) {
        var limit = timeval(tv_sec: Int(time.seconds), tv_usec: Int(time.milliseconds * 1000) % 1_000_000)
        setsockopt(descriptor.value, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout.size(ofValue: limit)))
    }

    /// All the bytes; false when the peer is gone.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor.value, $0.baseAddress.map { $0 + sent }, $0.count - sent,
                    Int32(platform_msg_nosignal))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Some bytes; empty at the end of the stream or after a reset; nil when none came in time.
    public func receive(_ timeout: Duration = .seconds(10)) -> [UInt8]? {
        var poll = pollfd(fd: descriptor.value, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, Int32(timeout.milliseconds)) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor.value, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : []
    }

    /// Everything until the peer closes; nil when it has not closed in time.
    public func receiveAll(_ timeout: Duration = .seconds(10)) -> [UInt8]? {
        let deadline = ContinuousClock.now + timeout
        var all: [UInt8] = []
        while let some = receive(deadline - ContinuousClock.now) {
            if some.isEmpty { return all }
            all += some
        }
        return nil
    }

    /// Waits until the peer has closed or reset; reads nothing.
    public func waitForEnd(_ timeout: Duration) -> Bool {
        var poll = pollfd(fd: descriptor.value, events: Int16(platform_pollrdhup), revents: 0)
        return Glibc.poll(&poll, 1, Int32(timeout.milliseconds)) > 0
    }

    /// Reads and drops everything until the peer closes; false when it has not closed in time.
    public func receiveEnd(_ timeout: Duration) -> Bool {
        let deadline = ContinuousClock.now + timeout
        while let some = receive(max(deadline - .now, .zero)) { if some.isEmpty { return true } }
        return false
    }

    /// One packet's payload (of less than 16 MiB); nil at the end of the stream or when it does not come in time.
    public func receivePacket(_ timeout: Duration = .seconds(10)) -> (sequence: UInt8, payload: [UInt8])? {
        guard let header = receiveExactly(4, timeout) else { return nil }
        let length = Int(header[0]) | Int(header[1]) << 8 | Int(header[2]) << 16
        guard let payload = receiveExactly(length, timeout) else { return nil }
        return (header[3], payload)
    }

    /// Frames and sends a payload of less than 16 MiB.
    @discardableResult
    public func sendPacket(_ payload: [UInt8], sequence: UInt8) -> Bool {
        let count = payload.count
        return send(
            [UInt8(count & 0xff), UInt8(count >> 8 & 0xff), UInt8(count >> 16 & 0xff), sequence] + payload)
    }

    private func receiveExactly(_ count: Int, _ timeout: Duration) -> [UInt8]? {
        let deadline = ContinuousClock.now + timeout
        var bytes: [UInt8] = []
        while bytes.count < count {
            let left = deadline - ContinuousClock.now
            var poll = pollfd(fd: descriptor.value, events: Int16(POLLIN), revents: 0)
            guard left > .zero, Glibc.poll(&poll, 1, Int32(left.milliseconds) + 1) > 0 else { return nil }
            var buffer = [UInt8](repeating: 0, count: count - bytes.count)
            let got = recv(descriptor.value, &buffer, buffer.count, 0)
            guard got > 0 else { return nil }
            bytes += buffer[..<got]
        }
        return bytes
    }
}

/// The proxy's admin socket.
public enum AdminSocket {
    /// One command; the answer without the empty line at its end.
    public static func ask(_ path: String, _ command: String, timeout: Duration = .seconds(10)) throws -> String {
        let connection = try RawConnection(unixPath: path)
        defer { connection.close() }
        guard connection.send(Array((command + "\n").utf8)), let bytes = connection.receiveAll(timeout) else {
            throw TestbedFailure("no answer to '\(command)' from \(path) within \(timeout)")
        }
        var text = String(decoding: bytes, as: UTF8.self)
        while text.hasSuffix("\n") { text.removeLast() }
        return text
    }
}
