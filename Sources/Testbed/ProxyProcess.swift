import Foundation

/// The built `haproxydb run` on free ports of loopback, with a configuration of its own.
public final class ProxyProcess: Sendable {
    public let port: UInt16
    public let adminSocketPath: String
    public let configurationPath: String
    private let directory: TemporaryDirectory
    private let process: ChildProcess

    /// Starts it and waits until it listens on its port and on the admin socket.
    ///
    /// - Parameters:
    ///   - nodes: TCP ports on 127.0.0.1, in order: `cluster1`, `cluster2`, …
    ///   - port: where it listens; nil for a free one.
    ///   - proxy: more lines of the section `[proxy]`, e.g. `connections_max = 10`.
    ///   - sections: more lines at the end of the file.
    ///   - agents: TCP ports on 127.0.0.1 of the nodes' agents, in their order.
    ///   - launcher: a program with its arguments that runs the proxy, e.g. `prlimit --nofile=300:300`.
    ///   - standardError: the caller's descriptor that the proxy logs to; nil for the file of ``log``.
    public init(
        nodes: [UInt16], port chosen: UInt16? = nil, holdTimeout: String = "90s", proxy: [String] = [],
        sections: String = "", agents: [UInt16] = [], program: String? = nil, launcher: [String] = [],
        environment: [String: String] = [:],
        standardError: Int32? = nil
    ) throws {
        directory = try TemporaryDirectory(prefix: "hadb")
        port = try chosen ?? Ports.free(1)[0]
        adminSocketPath = "\(directory.path)/admin.sock"
        configurationPath = "\(directory.path)/haproxydb.toml"
        var lines = ["[proxy]", "listen = [\"127.0.0.1:\(port)\"]"] + proxy
        if Sanitizer.looksForRaces, !proxy.contains(where: { $0.hasPrefix("workers") }) { lines.append("workers = 2") }
        for (index, port) in nodes.enumerated() {
            lines += ["", "[[node]]", "name = \"cluster\(index + 1)\"", "address = \"127.0.0.1:\(port)\""]
            if agents.indices.contains(index) { lines.append("agent = \"127.0.0.1:\(agents[index])\"") }
        }
        lines += [
            "", "[health]", "user = \"\(EmbeddedPair.service.user)\"",
            "password = \"\(EmbeddedPair.service.password)\"",
            "", "[failover]", "hold_timeout = \"\(holdTimeout)\"",
            "", "[admin]", "socket = \"\(adminSocketPath)\"",
            sections,
        ]
        try (lines.joined(separator: "\n") + "\n").write(
            toFile: configurationPath, atomically: true, encoding: .utf8)
        // It holds a password.
        chmod(configurationPath, 0o600)
        // Whoever is not root could not look at the process's figures in /proc.
        let looks = geteuid() == 0 ? [:] : ["HAPROXYDB_DUMPABLE": "1"]
        process = try ChildProcess(
            launcher + [try program ?? Self.findProgram(), "run", "-c", configurationPath], name: "haproxydb",
            logPath: "\(directory.path)/haproxydb.log",
            environment: looks.merging(Sanitizer.environment) { _, own in own }.merging(environment) { _, own in own },
            standardError: standardError)
        try waitUntilItListens(.seconds(20))
    }

    public var pid: pid_t { process.pid }
    public var isRunning: Bool { process.isRunning }
    public var log: String { process.log }
    public func logTail(_ lines: Int = 40) -> String { process.logTail(lines) }
    public var statistics: ProcessStatistics? { ProcessStatistics(pid: process.pid) }

    /// SIGTERM: it drains; SIGKILL after `grace`. Returns how it ended.
    @discardableResult
    public func stop(grace: Duration = .seconds(10)) -> ChildProcess.End? {
        process.stop(grace: grace)
        return process.ended
    }

    public func send(_ signal: Int32) { process.send(signal) }
    public func wait(_ timeout: Duration) -> ChildProcess.End? { process.wait(timeout) }

    /// Whether the log says so, within 10 s: lines are written by a thread of their own.
    public func logs(_ text: String) -> Bool {
        let deadline = ContinuousClock.now + .seconds(10)
        while !log.contains(text) {
            guard ContinuousClock.now < deadline else { return false }
            usleep(5_000)
        }
        return true
    }

    /// One command to the admin socket (several with `;`); the answer without the empty line at its end.
    public func admin(_ command: String) throws -> String { try AdminSocket.ask(adminSocketPath, command) }

    /// Waits until the answer to a command fulfils the condition (a look every 10 ms).
    @discardableResult
    public func admin(
        _ command: String, within timeout: Duration, until fulfilled: (String) -> Bool
    ) throws -> String {
        let deadline = ContinuousClock.now + timeout
        while true {
            let answer = try admin(command)
            if fulfilled(answer) { return answer }
            guard ContinuousClock.now < deadline else {
                throw TestbedFailure("after \(timeout), \(command) still says:\n\(answer)\nlog:\n\(logTail())")
            }
            usleep(10_000)
        }
    }

    /// A login as the application through the proxy.
    public func connect(
        schema: String? = EmbeddedPair.schema, readTimeout: UInt32 = 120, multiStatements: Bool = false,
        localInfile: Bool = false
    ) throws(ClientError) -> Client {
        try Client(
            port: port, user: EmbeddedPair.application.user, password: EmbeddedPair.application.password,
            schema: schema, readTimeout: readTimeout, multiStatements: multiStatements, localInfile: localInfile)
    }

    /// `$HAPROXYDB`, or the program beside the running executable (or test bundle).
    public static func findProgram() throws -> String {
        if let named = ProcessInfo.processInfo.environment["HAPROXYDB"] { return named }
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("haproxydb").path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw TestbedFailure("\(path) is not built (or name the program in $HAPROXYDB)")
        }
        return path
    }

    private func waitUntilItListens(_ timeout: Duration) throws {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let ended = process.ended { throw TestbedFailure("haproxydb \(ended):\n\(process.logTail())") }
            if FileManager.default.fileExists(atPath: adminSocketPath), let probe = try? RawConnection(port: port) {
                probe.close()
                return
            }
            guard ContinuousClock.now < deadline else {
                throw TestbedFailure("haproxydb does not listen after \(timeout):\n\(process.logTail())")
            }
            usleep(5_000)
        }
    }
}
