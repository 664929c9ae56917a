import Cluster
import Glibc
import Reactor

/// Asks an admin socket and waits for the answer; for programs, not for loops.
public enum AdminClient {
    /// Sends one line of commands and reads all there is to read.
    ///
    /// - Parameter timeout: for the whole answer; nil waits as long as it takes.
    public static func ask(
        _ line: String, at path: String, timeout: Instant.Span? = nil
    ) throws(SystemError) -> String {
        let descriptor = try Sockets.connectUnix(path)
        defer { Sockets.close(descriptor) }
        let deadline = timeout.map { MonotonicClock.now() + $0 }
        var rest = ArraySlice((line + "\n").utf8)
        while !rest.isEmpty {
            do throws(SystemError) {
                if case .bytes(let count) = try Sockets.send(descriptor, rest) {
                    rest = rest.dropFirst(count)
                } else {
                    try wait(descriptor, Int16(POLLOUT), until: deadline, path)
                }
            } catch {
                guard error.errno == EPIPE else { throw error }
                // It has said why, and closed.
                break
            }
        }
        // There is no second line: whatever the command, the server closes when it has answered.
        shutdown(descriptor, Int32(SHUT_WR))
        var answer: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            do throws(SystemError) {
                switch try Sockets.receive(descriptor, into: buffer) {
                case .bytes(let count): answer.append(contentsOf: buffer[..<count])
                case .ended: return String(decoding: answer, as: UTF8.self)
                case .wouldBlock: try wait(descriptor, Int16(POLLIN), until: deadline, path)
                }
            } catch {
                // It closed without having read all that was sent; what it said before counts.
                guard error.errno == ECONNRESET, !answer.isEmpty else { throw error }
                return String(decoding: answer, as: UTF8.self)
            }
        }
    }

    private static func wait(
        _ descriptor: Int32, _ events: Int16, until deadline: Instant?, _ path: String
    ) throws(SystemError) {
        while true {
            var milliseconds: Int32 = -1
            if let deadline {
                let rest = deadline - MonotonicClock.now()
                if rest <= .zero { throw SystemError(errno: ETIMEDOUT, call: "recv \(path)") }
                // Rounded up: it does not give up before the time.
                milliseconds = Int32(clamping: rest.milliseconds + 1)
            }
            var entry = pollfd(fd: descriptor, events: events, revents: 0)
            let count = poll(&entry, 1, milliseconds)
            if count > 0 { return }
            if count < 0, errno != EINTR { throw SystemError(errno: errno, call: "poll") }
        }
    }
}

extension Sockets {
    static func send(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) throws(SystemError) -> Transfer {
        let result: Result<Transfer, SystemError> = bytes.withUnsafeBytes { raw in
            do throws(SystemError) { return .success(try send(descriptor, raw)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
