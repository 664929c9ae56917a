import CPlatform
import Foundation
import Synchronization

/// A child with its output in a file. It is ended by its own pid only, always reaped, and dies with this process
/// (PR_SET_PDEATHSIG through `setpriv`, which execs the program, so the pid is the program's own).
public final class ChildProcess: Sendable {
    public enum End: Sendable, Equatable, CustomStringConvertible {
        case exited(Int32)
        case signalled(Int32)

        public var description: String {
            switch self {
            case .exited(let code): "exited with status \(code)"
            case .signalled(let signal): "was ended by signal \(signal)"
            }
        }
    }

    public let pid: pid_t
    public let name: String
    /// Where its standard output and error go.
    public let logPath: String
    private let end = Watched<End?>(nil)

    /// - Parameters:
    ///   - arguments: the program (an absolute path, or a name looked up in PATH) and its arguments.
    ///   - standardError: the caller's descriptor that becomes its standard error; nil for the log.
    public init(
        _ arguments: [String], name: String, logPath: String, environment: [String: String] = [:],
        standardError: Int32? = nil
    ) throws {
        self.name = name
        self.logPath = logPath
        pid = try Spawner.shared.run {
            try spawn(
                ["setpriv", "--pdeathsig", "KILL", "--"] + arguments, logPath: logPath, standardError: standardError,
                environment: ProcessInfo.processInfo.environment.merging(environment) { _, own in own })
        }
        let pid = self.pid
        let end = self.end
        Leftovers.add(child: pid)
        Thread.detachNewThread {
            // Waits without reaping, so that nobody signals a pid that is somebody else's by then.
            var information = siginfo_t()
            while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
            Leftovers.remove(child: pid)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7f
            end.set(signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal))
        }
    }

    public var isRunning: Bool { end.value == nil }
    /// How it ended; nil while it runs.
    public var ended: End? { end.value }

    /// Sends a signal, unless the process has been reaped.
    public func send(_ signal: Int32) {
        if isRunning { kill(pid, signal) }
    }

    /// Waits for its end; nil when it still runs after that time.
    @discardableResult
    public func wait(_ timeout: Duration) -> End? {
        end.wait(timeout) { $0 != nil } ?? nil
    }

    /// SIGTERM, and SIGKILL when it has not ended after `grace`. Returns when it has been reaped.
    public func stop(grace: Duration = .seconds(10)) {
        send(SIGTERM)
        if wait(grace) == nil { killNow() }
    }

    /// SIGKILL; returns when it has been reaped: nothing of it holds a lock or a port any more.
    public func killNow() {
        send(SIGKILL)
        wait(.seconds(30))
    }

    /// All that it has written.
    public var log: String {
        guard let data = FileManager.default.contents(atPath: logPath) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    /// The last lines, for error messages.
    public func logTail(_ lines: Int = 20) -> String {
        log.split(separator: "\n", omittingEmptySubsequences: false).suffix(lines).joined(separator: "\n")
    }

    deinit { killNow() }
}

/// The one thread that forks. PR_SET_PDEATHSIG fires at the end of the *thread* that made the child, so it must be
/// one that lives as long as the process.
private final class Spawner: Sendable {
    static let shared = Spawner()
    private let jobs = Watched<[@Sendable () -> Void]>([])

    private init() {
        let jobs = self.jobs
        let thread = Thread {
            while true {
                _ = jobs.wait(.seconds(3600)) { !$0.isEmpty }
                for job in jobs.exchange([]) { job() }
            }
        }
        thread.name = "spawner"
        thread.start()
    }

    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let result = Watched<Result<Value, any Error>?>(nil)
        jobs.update { $0.append { result.set(Result { try body() }) } }
        while true {
            if let done = result.wait(.seconds(60), until: { $0 != nil }), let done { return try done.get() }
        }
    }
}

private func spawn(
    _ arguments: [String], logPath: String, standardError: Int32?, environment: [String: String]
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, logPath, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    posix_spawn_file_actions_adddup2(&actions, standardError ?? 1, 2)
    // Sockets of clients in this process must not live on in a server that it starts.
    platform_spawn_closefrom(&actions, 3)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    // A process group of its own: Ctrl-C in the terminal is for us, and we end our children in order.
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
        &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid: pid_t = 0
    let failure = posix_spawnp(&pid, arguments[0], &actions, &attributes, &argv, &envp)
    guard failure == 0 else { throw TestbedFailure("\(arguments[0]): \(String(cString: strerror(failure)))") }
    return pid
}

/// A value that threads may wait for.
public final class Watched<Value>: @unchecked Sendable {
    private let condition = NSCondition()
    private var stored: Value

    public init(_ value: Value) { stored = value }

    public var value: Value { condition.withLock { stored } }

    public func set(_ value: Value) { update { $0 = value } }

    public func update(_ change: (inout Value) -> Void) {
        condition.withLock {
            change(&stored)
            condition.broadcast()
        }
    }

    public func exchange(_ value: Value) -> Value {
        change { stored in
            defer { stored = value }
            return stored
        }
    }

    /// Changes it, and returns what the body returns.
    public func change<Result>(_ body: (inout Value) -> Result) -> Result {
        condition.withLock {
            defer { condition.broadcast() }
            return body(&stored)
        }
    }

    /// The value once it fulfils the condition; nil when it does not within that time.
    public func wait(_ timeout: Duration, until fulfilled: (Value) -> Bool) -> Value? {
        let deadline = Date(timeIntervalSinceNow: timeout.seconds)
        return condition.withLock {
            while !fulfilled(stored) {
                if !condition.wait(until: deadline) { return fulfilled(stored) ? stored : nil }
            }
            return stored
        }
    }
}

extension Duration {
    /// In seconds.
    public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
    /// In milliseconds.
    public var milliseconds: Double { seconds * 1e3 }
}
