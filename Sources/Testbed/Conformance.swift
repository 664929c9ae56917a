import Foundation

/// MariaDB's own tests (Debian's `mariadb-test`) on a server directly, and on one through the proxy: what passes directly
/// passes through the proxy, or is on a list with its reason. So are the tests of its client library.
public final class Conformance {
    /// How the tests' client speaks.
    public enum Dialect: String, Sendable, CaseIterable {
        case plain, ps, cursor
        /// `mariadb-client-test`: a program by itself, whose tests are functions.
        case client
    }

    public struct Report: Sendable {
        public let dialect: Dialect
        public var tests = 0
        public var passedDirectly = 0
        public var passedProxied = 0
        /// Those that pass directly, and fail through the proxy twice; each with the end of what it said.
        public var failures: [String: String] = [:]
        /// Of those the ones on the list, with their reasons.
        public var excused: [String: String] = [:]
    }

    static let home = "/usr/share/mysql/mysql-test"
    private let exceptions: [String: String]
    private let program: String?

    /// - Parameter exceptions: a file of lines `plain|ps|cursor|client|all test reason`; `#` begins a comment.
    public init(exceptions path: String, program: String? = nil) throws {
        guard FileManager.default.fileExists(atPath: Self.home) else {
            throw TestbedFailure("\(Self.home) is not there: scripts/deps conformance")
        }
        exceptions = try Self.read(String(contentsOfFile: path, encoding: .utf8))
        self.program = program
    }

    /// Keys are `dialect test`.
    static func read(_ text: String) throws -> [String: String] {
        var found: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            guard words.count == 3, words[0] == "all" || Dialect(rawValue: words[0]) != nil else {
                throw TestbedFailure("not a dialect, a test and a reason: \(line)")
            }
            found["\(words[0]) \(words[1])"] = words[2]
        }
        return found
    }

    /// The client library's own tests; of the others those of the suite `main` that need no server of their own kind.
    public static func allTests(_ dialect: Dialect) throws -> [String] {
        if dialect == .client { return try clientTests() }
        let files = Set(try FileManager.default.contentsOfDirectory(atPath: "\(home)/main"))
        let special = [".opt", "-master.opt", ".cnf", ".sh", "-master.sh", ".combinations"]
        return files.filter { $0.hasSuffix(".test") }.map { String($0.dropLast(5)) }
            .filter { name in
                files.contains("\(name).result") && !special.contains { files.contains(name + $0) }
            }.sorted()
    }

    private static func clientTests() throws -> [String] {
        let directory = try TemporaryDirectory(prefix: "hadb")
        defer { directory.remove() }
        let child = try ChildProcess(
            ["mariadb-client-test", "--no-defaults", "--show-tests"], name: "mariadb-client-test",
            logPath: "\(directory.path)/names")
        _ = child.wait(.seconds(20))
        // They are after a headline, one a line.
        return child.log.split(separator: "\n").map(String.init)
            .filter { !$0.contains(" ") }
    }

    /// Runs the tests one by one, each on both sides, where the first one passes.
    public func run(_ dialect: Dialect, _ tests: [String], say: (String) -> Void) throws -> Report {
        var report = Report(dialect: dialect)
        let direct = try ConformanceSite(proxied: false, program: program)
        defer { direct.end() }
        let proxied = try ConformanceSite(proxied: true, program: program)
        defer { proxied.end() }
        for name in tests {
            report.tests += 1
            if report.tests % 100 == 0 { say("\(dialect.rawValue): \(report.tests) of \(tests.count) tests") }
            guard try direct.run(name, dialect).hasPassed else { continue }
            report.passedDirectly += 1
            var result = try proxied.run(name, dialect)
            if !result.hasPassed { result = try proxied.run(name, dialect) }
            if result.hasPassed {
                report.passedProxied += 1
            } else if let reason = exceptions["\(dialect.rawValue) \(name)"] ?? exceptions["all \(name)"] {
                report.excused[name] = reason
            } else if try direct.run(name, dialect).hasPassed {
                report.failures[name] = result.log
                say("FAILED \(dialect.rawValue) \(name)\n\(result.log)")
            } else {
                report.passedDirectly -= 1
            }
        }
        return report
    }
}

/// A server for one test at a time, with a proxy before it or not.
private final class ConformanceSite {
    private let pair: EmbeddedPair
    private let proxy: ProxyProcess?
    private let pristine: String

    /// As the tests' own servers have it (`include/default_mysqld.cnf`).
    private static let options = [
        "--character-set-server=latin1", "--collation-server=latin1_swedish_ci", "--default-storage-engine=myisam",
        "--use-stat-tables=preferably", "--histogram-type=json_hb", "--key-buffer-size=1M", "--sort-buffer-size=256K",
        "--max-heap-table-size=1M", "--log-bin-trust-function-creators=1", "--max-connections=151",
        "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync", "--max-allowed-packet=16M",
    ]

    init(proxied: Bool, program: String?) throws {
        pair = try EmbeddedPair(options: Self.options)
        try pair.start()
        pair.primary.stop()
        pristine = "\(pair.directory.path)/pristine"
        try FileManager.default.copyItem(atPath: "\(pair.directory.path)/data", toPath: pristine)
        try FileManager.default.createDirectory(
            atPath: "\(pair.directory.path)/var/tmp", withIntermediateDirectories: true)
        try pair.primary.start()
        proxy = proxied ? try ProxyProcess(nodes: pair.ports, program: program) : nil
        try waitForPrimary()
    }

    func end() {
        proxy?.stop(grace: .seconds(3))
        pair.stop()
    }

    /// One test on an empty server; whether it passed, and the end of what it said.
    func run(_ name: String, _ dialect: Conformance.Dialect) throws -> (hasPassed: Bool, log: String) {
        // A test may leave files in its schema's directory that the server does not know.
        do {
            try empty()
        } catch is ClientError {
            try restore()
            try empty()
        }
        let path = pair.directory.path
        try? FileManager.default.removeItem(atPath: "\(path)/test.log")
        let child = try ChildProcess(
            ["env", "-C", Conformance.home] + command(name, dialect), name: "mariadb-test", logPath: "\(path)/test.log",
            environment: [
                "MYSQL_TEST_DIR": Conformance.home, "MYSQLTEST_VARDIR": "\(path)/var",
                "MYSQL_TMP_DIR": "\(path)/var/tmp",
                "MASTER_MYPORT": "\(port)", "MYSQL_SHAREDIR": "/usr/share/mysql", "MYSQL_BINDIR": "/usr",
                "MTR_RECORD": "0", "TZ": "GMT-3", "LC_ALL": "C",
            ])
        let end = child.wait(.seconds(90))
        if end == nil { child.killNow() }
        if let proxy, !proxy.isRunning { throw TestbedFailure("\(name): the proxy has ended:\n\(proxy.logTail())") }
        if end == .exited(0) { return (true, "") }
        let log = (end == nil ? "no end after 90 s\n" : "") + child.logTail(30)
        try restore()
        return (false, log)
    }

    private var port: UInt16 { proxy?.port ?? pair.primary.port }

    private func command(_ name: String, _ dialect: Conformance.Dialect) -> [String] {
        let path = pair.directory.path
        let home = Conformance.home
        let login = ["--no-defaults", "--host=127.0.0.1", "--port=\(port)", "--user=root"]
        let test =
            ["mariadb-test"] + login + [
                "--protocol=tcp", "--database=test", "--basedir=\(home)", "--silent", "--tmpdir=\(path)/var/tmp",
                "--logdir=\(path)/var", "--character-sets-dir=/usr/share/mysql/charsets",
                "--test-file=\(home)/main/\(name).test", "--result-file=\(home)/main/\(name).result",
                "--tail-lines=20",
            ]
        return switch dialect {
        case .plain: test
        case .ps: test + ["--ps-protocol"]
        case .cursor: test + ["--ps-protocol", "--cursor-protocol"]
        case .client:
            ["mariadb-client-test"] + login + [
                "--vardir=\(path)/var", "--basedir=\(home)", "--testcase", "--silent", name,
            ]
        }
    }

    private func empty() throws {
        let root = try pair.asRoot()
        let keep = "('mysql', 'information_schema', 'performance_schema', 'sys', '\(EmbeddedPair.schema)')"
        for row in try root.query(
            "SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN \(keep)"
        ).rows {
            try root.query("DROP DATABASE `\(row[0] ?? "")`")
        }
        for schema in ["test", "mtr"] { try root.query("CREATE DATABASE \(schema)") }
        root.close()
    }

    /// What a test that failed has left is gone.
    private func restore() throws {
        pair.primary.crash()
        let data = "\(pair.directory.path)/data"
        try FileManager.default.removeItem(atPath: data)
        try FileManager.default.copyItem(atPath: pristine, toPath: data)
        try pair.primary.start()
        try waitForPrimary()
    }

    private func waitForPrimary() throws {
        guard let proxy else { return }
        try proxy.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
    }
}
