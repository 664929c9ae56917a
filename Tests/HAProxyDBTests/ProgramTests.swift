import Admin
import Cluster
import Foundation
import Glibc
import Reactor
import Testing

/// The built program as a process, with nodes where nobody listens.
@Suite(.serialized) struct ProgramTests {
    private static func program() throws -> URL {
        let own = URL(filePath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        return try #require(
            [own, URL(filePath: CommandLine.arguments[0])].map {
                $0.deletingLastPathComponent().appending(path: "haproxydb")
            }.first { FileManager.default.isExecutableFile(atPath: $0.path) })
    }

    @Test func aListenerOnANodesPortIsRefusedOnThatNode() throws {
        let port = UInt16(21_000 + Int(getpid()) % 4_000)
        func check(_ listener: String) throws -> End {
            let path = "/tmp/hadb-check-\(getpid()).toml"
            try """
            [proxy]
            listen = ["\(listener):\(port)"]
            [[node]]
            name = "cluster1"
            address = "localhost:\(port)"
            [health]
            user = "proxy"
            password_env = "PATH"
            """.write(toFile: path, atomically: true, encoding: .utf8)
            defer { unlink(path) }
            return try run("check", "-c", path)
        }
        for taken in ["localhost", "0.0.0.0"] {
            let end = try check(taken)
            #expect(end.code == 64 && end.errors.contains(":2:11: proxy.listen: \(taken):\(port) "), "\(end)")
        }
        // A server that binds to every address, and one that binds to the node's alone.
        let every = try Sockets.listen(Endpoint(host: "0.0.0.0", port: port))
        let end = try check("127.0.0.9")
        Sockets.close(every)
        #expect(end.code == 64 && end.errors.contains("something listens on 0.0.0.0:\(port) now"), "\(end)")
        let own = try Sockets.listen(Endpoint(host: "localhost", port: port))
        defer { Sockets.close(own) }
        #expect(try check("127.0.0.9").code == 0)
    }

    /// What a finished run came to.
    private struct End: Equatable {
        var code: Int32
        var output: String
        var errors: String
    }

    private func run(_ arguments: String...) throws -> End {
        let running = try Running(arguments)
        return running.wait()
    }

    private final class Running {
        let process = Process()
        private let output = Pipe()
        private let log: String

        init(_ arguments: [String]) throws {
            log = "/tmp/hadb-log-\(getpid())-\(UInt32.random(in: 0 ... .max))"
            _ = FileManager.default.createFile(atPath: log, contents: nil)
            process.executableURL = try ProgramTests.program()
            process.arguments = arguments
            process.standardOutput = output
            process.standardError = FileHandle(forWritingAtPath: log)
            try process.run()
        }

        deinit {
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            unlink(log)
        }

        var errors: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

        /// Killed after half a minute: a test must not wait for ever.
        func wait() -> End {
            let pid = process.processIdentifier
            let deadline = DispatchSource.makeTimerSource()
            deadline.schedule(deadline: .now() + 30)
            deadline.setEventHandler { kill(pid, SIGKILL) }
            deadline.resume()
            defer { deadline.cancel() }
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return End(code: process.terminationStatus, output: text, errors: errors)
        }

        /// Until the log has that, ten seconds at most.
        func logs(_ text: String) -> Bool {
            for _ in 0..<2000 {
                if errors.contains(text) { return true }
                usleep(5000)
            }
            return false
        }
    }

    private struct Setting {
        let directory = "/tmp/hadb-program-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let port: UInt16
        var socket: String { "\(directory)/run/admin.sock" }
        var file: String { "\(directory)/c.toml" }

        init() throws {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            port = try Self.freePort()
            try write()
        }

        func write(_ more: String = "", interval: String = "1s", socket: String? = nil) throws {
            try """
            [proxy]
            listen = ["127.0.0.1:\(port)"]
            connections_max = 50
            [[node]]
            name = "cluster1"
            address = "127.0.0.1:1"
            [health]
            user = "proxy"
            password = "secret"
            interval = "\(interval)"
            [failover]
            drain_timeout = "100ms"
            [admin]
            socket = "\(socket ?? self.socket)"
            \(more)
            """.write(toFile: file, atomically: true, encoding: .utf8)
            chmod(file, 0o600)
        }

        func remove() { try? FileManager.default.removeItem(atPath: directory) }

        /// Below the ephemeral range.
        private static func freePort() throws -> UInt16 {
            for _ in 0..<100 {
                let port = UInt16.random(in: 23_000..<32_000)
                if let descriptor = try? Sockets.listen(.init(host: "127.0.0.1", port: port)) {
                    Sockets.close(descriptor)
                    return port
                }
            }
            throw SystemError(errno: EADDRINUSE, call: "bind")
        }
    }

    @Test func check() throws {
        let setting = try Setting()
        defer { setting.remove() }
        #expect(try run("check", "-c", setting.file) == End(code: 0, output: "\(setting.file) is valid.\n", errors: ""))
        chmod(setting.file, 0o644)
        let open = try run("check", "-c", setting.file)
        #expect(open.code == 0 && open.output == "\(setting.file) is valid.\n")
        #expect(
            open.errors
                == "\(setting.file):9:12: warning: health.password: stands where others see it: everybody on this host "
                + "may read \(setting.file) (mode 0644); chmod o-rwx \(setting.file)\n")
        try setting.write("modus = 1\n[log]\nlevel = \"loud\"")
        let end = try run("check", "-c", setting.file)
        #expect(end.code == 64)
        #expect(end.errors.contains("\(setting.file):15:1: admin.modus: unknown key; "))
        #expect(end.errors.contains("\(setting.file):17:9: log.level: \"loud\" is unknown; "))
        #expect(try run("run", "-c", setting.file).code == 64)
        #expect(try run("--version").output == "0.1.0\n")
    }

    /// A gate's stop must not wait for an agent that hangs as long as for one that drains.
    @Test func anAgentThatHangsIsGivenUp() throws {
        let path = "/tmp/hadb-deaf-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let listener = try Sockets.listenUnix(path, mode: 0o600)
        defer {
            Sockets.close(listener)
            unlink(path)
        }
        let end = try run("announce", "--socket", path, "--timeout", "25", "pause", "20s", "stop")
        #expect(end.code == 1 && end.output.isEmpty)
        #expect(end.errors == "haproxydb: the agent at \(path) is there, and does not answer within 3.0s\n")
    }

    @Test func runsIsAskedReloadsAndStops() throws {
        let setting = try Setting()
        defer { setting.remove() }
        let proxy = try Running(["run", "-c", setting.file])
        #expect(proxy.logs(" serves on 127.0.0.1:\(setting.port); admin socket \(setting.socket)."))
        let nodes = try run("ctl", "show", "nodes", "--socket", setting.socket)
        #expect(nodes.code == 0 && nodes.output.contains("cluster1  127.0.0.1:1"))
        let wrong = try run("ctl", "nonsense", "-c", setting.file)
        #expect(wrong.code == 1 && wrong.errors.hasPrefix("haproxydb: Unknown command"))
        let once = try run("top", "--once", "-c", setting.file)
        #expect(once.code == 0 && once.output.contains("\nprimary  none  lost, "))

        try setting.write(interval: "2s")
        kill(proxy.process.processIdentifier, SIGHUP)
        #expect(proxy.logs("\(setting.file) was read again: applied: health.interval."))
        try setting.write("http = 4")
        let refused = try run("ctl", "reload", "--socket", setting.socket)
        #expect(refused.code == 1)
        #expect(refused.errors.contains("\(setting.file):15:8: admin.http: must be a text in quotes, not a number"))

        // A second one finds the socket taken, and with another socket, the port.
        try setting.write()
        let second = try run("run", "-c", setting.file)
        #expect(second.code == 75 && second.errors.contains("\(setting.socket): Address already in use"))
        try setting.write(socket: setting.socket + "2")
        let third = try run("run", "-c", setting.file)
        #expect(third.code == 75 && third.errors.contains("127.0.0.1:\(setting.port): Address already in use"))
        #expect(access(setting.socket + "2", F_OK) != 0)
        #expect(access(setting.socket, F_OK) == 0)

        kill(proxy.process.processIdentifier, SIGTERM)
        let end = proxy.wait()
        #expect(end.code == 0 && end.errors.hasSuffix(" notice Stopped.\n"))
        #expect(access(setting.socket, F_OK) != 0)
        let gone = try run("ctl", "show", "info", "--socket", setting.socket)
        #expect(gone.code == 1)
        #expect(gone.errors == "haproxydb: can't reach a proxy at \(setting.socket): No such file or directory\n")
    }
}
