import Foundation
import Testbed
import Testing

extension Integration {
    /// What others on the host can see of a running proxy.
    @Suite(.serialized)
    struct SecretTests {
        @Test("a password from the environment is gone from it, and a configuration that is read again finds it")
        func environment() throws {
            let secret = "of-the-environment-\(UInt32.random(in: 0 ... .max))"
            let proxy = try ProxyProcess(
                nodes: SharedPair.get().ports, sections: "[users]\nextra = { password_env = \"HADB_TEST_SECRET\" }",
                environment: ["HADB_TEST_SECRET": secret, "HADB_TEST_OTHER": "stays"])
            defer { proxy.stop(grace: .seconds(2)) }
            let environment = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(proxy.pid)/environ"))
            #expect(environment.range(of: Data("HADB_TEST_OTHER=stays".utf8)) != nil)
            #expect(environment.range(of: Data(secret.utf8)) == nil)
            #expect(try proxy.admin("reload").contains("was read again: nothing has changed."))
        }

        /// The kernel gives the files in /proc of a process that nobody may look into to root.
        private func owner(_ user: uid_t, _ program: String, _ directory: String, _ more: [String: String]) throws
            -> uid_t?
        {
            let asUser = ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"]
            // Core files are allowed to begin with; only root may allow them.
            let launcher = geteuid() == 0 ? ["prlimit", "--core=4096:4096"] + asUser : []
            let port = try Ports.free(1)[0]
            let file = "\(directory)/haproxydb.toml"
            try """
            [proxy]
            listen = ["127.0.0.1:\(port)"]
            [[node]]
            name = "a"
            address = "127.0.0.1:1"
            [health]
            user = "u"
            password = "p"
            [admin]
            socket = "\(directory)/admin.sock"

            """.write(toFile: file, atomically: true, encoding: .utf8)
            chmod(file, 0o644)
            let process = try ChildProcess(
                launcher + [program, "run", "-c", file], name: "haproxydb", logPath: "\(directory)/log-\(port)",
                environment: more)
            defer { process.stop(grace: .seconds(5)) }
            let deadline = ContinuousClock.now + .seconds(20)
            while !process.log.contains(" serves on ") {
                try #require(process.isRunning && ContinuousClock.now < deadline, "\(process.log)")
                usleep(5_000)
            }
            let limits = try String(contentsOfFile: "/proc/\(process.pid)/limits", encoding: .utf8)
            let core = limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") } ?? ""
            if more.isEmpty { #expect(core.split(separator: " ").suffix(3).starts(with: ["0", "0"]), "\(core)") }
            var status = stat()
            return stat("/proc/\(process.pid)/environ", &status) == 0 ? status.st_uid : nil
        }

        @Test("nobody but root looks into the proxy's memory, unless it was started for a debugger")
        func privateMemory() throws {
            let user: uid_t = geteuid() == 0 ? 65_534 : geteuid()
            let directory = try TemporaryDirectory()
            let program = "\(directory.path)/haproxydb"
            // Another user may not come to where it was built.
            try FileManager.default.copyItem(atPath: ProxyProcess.findProgram(), toPath: program)
            chmod(program, 0o755)
            if geteuid() == 0 { chown(directory.path, user, user) }
            #expect(try owner(user, program, directory.path, [:]) == 0)
            #expect(try owner(user, program, directory.path, ["HAPROXYDB_DUMPABLE": "1"]) == user)
        }
    }
}
