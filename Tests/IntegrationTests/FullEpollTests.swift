import Foundation
import Testbed
import Testing

extension Integration {
    /// The kernel's table of watched descriptors is full (fs.epoll.max_user_watches belongs to the host, so a library
    /// before the C library says so in its place).
    @Suite(.serialized)
    struct FullEpollTests {
        private static let shim = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <errno.h>
            #include <stdlib.h>
            #include <sys/epoll.h>
            #include <unistd.h>

            int epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event) {
                static int (*next)(int, int, int, struct epoll_event *);
                if (!next) next = dlsym(RTLD_NEXT, "epoll_ctl");
                const char *full = getenv("EPOLL_IS_FULL");
                if (operation == EPOLL_CTL_ADD && full && access(full, F_OK) == 0) {
                    errno = ENOSPC;
                    return -1;
                }
                return next(epoll, operation, descriptor, event);
            }

            """

        private func ask(_ port: UInt16) throws -> RawConnection {
            let connection = try RawConnection(port: port)
            connection.send(Array("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8))
            return connection
        }

        @Test("a descriptor that can't be watched yet is watched as soon as it can; nobody dies of it")
        func full() throws {
            let directory = try TemporaryDirectory()
            let (source, library) = ("\(directory.path)/epoll.c", "\(directory.path)/epoll.so")
            try Self.shim.write(toFile: source, atomically: true, encoding: .utf8)
            let compiler = try ChildProcess(
                ["clang", "-shared", "-fPIC", "-o", library, source, "-ldl"], name: "clang",
                logPath: "\(directory.path)/clang.log")
            try #require(compiler.wait(.seconds(60)) == .exited(0), "\(compiler.log)")
            let mark = "\(directory.path)/full"
            let http = try Ports.free(1)[0]
            let proxy = try ProxyProcess(
                nodes: SharedPair.get().ports, sections: "http = \"127.0.0.1:\(http)\"",
                environment: ["LD_PRELOAD": library, "EPOLL_IS_FULL": mark])
            defer { proxy.stop(grace: .seconds(2)) }
            #expect(try proxy.connect().query("SELECT 1").first == "1")

            try #require(FileManager.default.createFile(atPath: mark, contents: nil))
            let early = try RawConnection(unixPath: proxy.adminSocketPath)
            early.send(Array("show version\n".utf8))
            // libevent's HTTP server sends such a connection away.
            let reader = try ask(http)
            #expect(reader.receiveAll() == [])
            let deadline = ContinuousClock.now + .seconds(20)
            while !proxy.log.contains(
                "The kernel takes no more descriptors to watch (epoll_ctl: No space left on device")
            {
                try #require(proxy.isRunning && ContinuousClock.now < deadline, "\(proxy.logTail())")
                usleep(5_000)
            }
            try FileManager.default.removeItem(atPath: mark)
            let answer = String(decoding: early.receiveAll() ?? [], as: UTF8.self)
            #expect(answer.hasSuffix("\n\n") && answer.count > 2, "\(answer)")
            let health = String(decoding: try ask(http).receiveAll() ?? [], as: UTF8.self)
            #expect(health.hasSuffix("\r\n\r\nok\n"), "\(health)")
            try proxy.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
            #expect(try proxy.connect().query("SELECT 2").first == "2")
        }
    }
}
