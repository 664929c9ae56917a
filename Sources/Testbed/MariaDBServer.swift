import CMariaDB
import Foundation

/// One real mariadbd on loopback. The data directory is given: two servers may be configured for the same one, as
/// long as only one of them runs (InnoDB's own lock on its files sees to that, too).
public final class MariaDBServer: Sendable {
    public let name: String
    public let dataDirectory: String
    /// Where its socket, pid file and log are.
    public let runDirectory: String
    public let port: UInt16
    public let serverID: Int
    /// More options, e.g. `--read-only=1`.
    public let options: [String]
    public let release: ServerRelease
    private let process = Watched<ChildProcess?>(nil)

    public init(
        name: String, dataDirectory: String, runDirectory: String, port: UInt16, serverID: Int,
        options: [String] = [], release: ServerRelease = .tested
    ) {
        self.name = name
        self.dataDirectory = dataDirectory
        self.runDirectory = runDirectory
        self.port = port
        self.serverID = serverID
        self.options = options
        self.release = release
    }

    /// Makes an empty system database: `root@localhost` without a password, no test schema.
    public static func install(
        dataDirectory: String, logPath: String, release: ServerRelease = .tested
    ) throws {
        try FileManager.default.createDirectory(atPath: dataDirectory, withIntermediateDirectories: true)
        // Without --user: as root, the script would change the owner of the system's own PAM plugin to that user.
        let installer = try ChildProcess(
            release.command(
                [
                    "mariadb-install-db", "--no-defaults", "--datadir=\(dataDirectory)",
                    "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=32M",
                    "--innodb-flush-log-at-trx-commit=0", "--innodb-use-native-aio=0",
                ], directories: [dataDirectory]), name: "mariadb-install-db", logPath: logPath)
        guard installer.wait(.seconds(120)) == .exited(0) else {
            let ended = installer.ended?.description ?? "still runs after 120 s"
            installer.killNow()
            throw TestbedFailure("mariadb-install-db \(ended):\n\(installer.logTail(80))")
        }
    }

    public var socketPath: String { "\(runDirectory)/\(name).sock" }
    public var logPath: String { "\(runDirectory)/\(name).log" }
    public var pid: pid_t? { process.value.flatMap { $0.isRunning ? $0.pid : nil } }
    public var isRunning: Bool { pid != nil }
    public var log: String { process.value?.log ?? "" }

    /// What the process said last, where it has ended or does so within seconds: it writes down why.
    func logOfEnd(within timeout: Duration) -> String? {
        guard let process = process.value, let end = process.wait(timeout) else { return nil }
        return "\(name) \(end):\n\(process.logTail(60))"
    }

    /// Starts the process and returns; see ``waitUntilItAcceptsLogins(_:)``.
    public func launch() throws {
        guard !isRunning else { throw TestbedFailure("\(name) runs already") }
        let arguments = [
            release.program, "--no-defaults", "--user=\(Self.userName)", "--datadir=\(dataDirectory)",
            "--port=\(port)", "--bind-address=127.0.0.1", "--socket=\(socketPath)",
            "--pid-file=\(runDirectory)/\(name).pid", "--server-id=\(serverID)", "--tmpdir=\(runDirectory)",
            "--secure-file-priv=", "--skip-name-resolve", "--local-infile=1", "--performance-schema=0",
            "--max-connections=2000", "--back-log=1000", "--max-allowed-packet=64M", "--table-open-cache=400",
            "--max-connect-errors=1000000",
            "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=32M", "--innodb-use-native-aio=0",
            "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-dump-at-shutdown=0",
            "--innodb-buffer-pool-load-at-startup=0", "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_general_ci",
            // The binary log belongs to the data: named by the pid file, the other node's server would not find it.
            "--log-basename=mariadbd", "--log-bin-trust-function-creators=1",
        ]
        let command = try release.command(
            arguments + ServerRelease.options + options, directories: [runDirectory, dataDirectory])
        process.set(try ChildProcess(command, name: name, logPath: logPath))
    }

    /// Returns once a login as `root` over TCP succeeds.
    public func waitUntilItAcceptsLogins(_ timeout: Duration = .seconds(60)) throws {
        let deadline = ContinuousClock.now + timeout
        while true {
            guard let running = process.value else { throw TestbedFailure("\(name) was not started") }
            if let client = try? Client(port: port, user: "root") {
                client.close()
                return
            }
            if let ended = running.ended { throw TestbedFailure("\(name) \(ended):\n\(running.logTail())") }
            guard ContinuousClock.now < deadline else {
                throw TestbedFailure("\(name) accepts no logins after \(timeout):\n\(running.logTail())")
            }
            // Nothing tells when a port begins to listen; the next look is in 5 ms.
            usleep(5_000)
        }
    }

    public func start() throws {
        try launch()
        try waitUntilItAcceptsLogins()
    }

    /// An orderly shutdown (SIGTERM).
    public func stop() { process.value?.stop(grace: .seconds(30)) }

    /// `kill -9`. Returns when the process has been reaped.
    public func crash() { process.value?.killNow() }

    /// SIGSTOP: the kernel still accepts connections, nobody answers.
    public func freeze() { process.value?.send(SIGSTOP) }
    public func thaw() { process.value?.send(SIGCONT) }

    public var statistics: ProcessStatistics? { pid.flatMap(ProcessStatistics.init) }

    /// mariadbd refuses to run as root unless told so.
    static var userName: String { String(cString: getpwuid(geteuid()).pointee.pw_name) }
}
