import Foundation
import Testbed
import Testing

extension Integration {
    /// Standard error is somebody else's: a pipe that is not read, a journal that hangs.
    @Suite(.serialized)
    struct LogPipeTests {
        /// A pipe whose writing end takes not one byte more.
        private func fullPipe() throws -> (reading: Int32, writing: Int32) {
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
            for size in [4096, 1] {
                let fill = [UInt8](repeating: UInt8(ascii: "."), count: size)
                while write(ends[1], fill, size) > 0 {}
            }
            _ = fcntl(ends[1], F_SETFL, 0)
            return (ends[0], ends[1])
        }

        @Test("a log that nobody reads holds up neither a failover nor the admin socket, and what was lost is told")
        func nobodyReads() throws {
            let pipe = try fullPipe()
            defer {
                close(pipe.reading)
                close(pipe.writing)
            }
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            let proxy = try ProxyProcess(
                nodes: pair.ports, holdTimeout: "60s", sections: "[log]\nlevel = \"info\"",
                standardError: pipe.writing)
            defer { proxy.stop(grace: .seconds(2)) }
            let session = try proxy.connect()
            #expect(try session.query("SELECT 1").first == "1")
            pair.failPrimary()
            let held = Background { try session.query("SELECT 2").first }
            try pair.startStandby()
            #expect(try held.wait(.seconds(30)) == "2")
            // Everything that the queue can hold, and more: each of these is a line.
            let line = Array(repeating: "disable health mariadb/cluster9;pause;resume", count: 80).joined(
                separator: ";")
            var dropped = 0
            for _ in 0..<400 where dropped == 0 {
                _ = try proxy.admin(line)
                dropped = try droppedLines(proxy)
            }
            #expect(dropped > 0, "nothing was lost: the pipe was read")
            #expect(try proxy.connect().query("SELECT 3").first == "3")

            let log = try Reader(pipe.reading)
            #expect(log.waitFor("lines of the log were lost while standard error took none.", .seconds(20)))
            #expect(log.text.contains(" lost ("), "\(log.text.suffix(2000))")
            // From then on it is whole again.
            _ = try proxy.admin("pause;resume")
            let told = try #require(log.text.range(of: "standard error took none."))
            #expect(log.waitFor("Resumed by an administrator.", .seconds(10), after: told.upperBound))
            #expect(try droppedLines(proxy) == dropped)
        }

        @Test("what is queued is written at the orderly end; a pipe that nobody reads delays the end by a second only")
        func theEnd() throws {
            let pipe = try fullPipe()
            defer {
                close(pipe.reading)
                close(pipe.writing)
            }
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports, standardError: pipe.writing)
            // Whoever answers has come so far as to hear signals.
            _ = try proxy.admin("show version")
            proxy.send(SIGTERM)
            #expect(proxy.wait(.seconds(20)) == .exited(0))

            let other = try ProxyProcess(nodes: SharedPair.get().ports)
            _ = try other.admin("show version")
            other.send(SIGTERM)
            #expect(other.wait(.seconds(20)) == .exited(0))
            #expect(other.log.hasSuffix(" notice Stopped.\n"))
        }

        private func droppedLines(_ proxy: ProxyProcess) throws -> Int {
            let line = try proxy.admin("show info").split(separator: "\n").first { $0.hasPrefix("DroppedLogs: ") }
            return Int(line?.dropFirst("DroppedLogs: ".count) ?? "") ?? -1
        }
    }
}

/// Reads a descriptor on a thread of its own until its end.
private final class Reader: Sendable {
    private let all = Watched("")

    init(_ descriptor: Int32) throws {
        let all = self.all
        let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        try #require(own >= 0)
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(own, &buffer, buffer.count)
                guard count > 0 else { break }
                all.update { $0 += String(decoding: buffer[..<count], as: UTF8.self) }
            }
            close(own)
        }
    }

    var text: String { all.value }

    func waitFor(_ part: String, _ timeout: Duration, after start: String.Index? = nil) -> Bool {
        all.wait(timeout) { text in text[(start ?? text.startIndex)...].contains(part) } != nil
    }
}
