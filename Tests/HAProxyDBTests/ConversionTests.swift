import Cluster
import Foundation
import Glibc
import Reactor
import Settings
import Testing

@testable import HAProxyDB

@Suite struct ConversionTests {
    @Test func listedAccountsHaveMariaDBsHashes() {
        let directory = AccountDirectory([
            Configuration.User(name: "open", secret: .password("")),
            Configuration.User(name: "app", secret: .password("password")),
            Configuration.User(name: "given", secret: .nativeHash([1, 2, 3])),
        ])
        // SELECT PASSWORD('password')
        let hash = "2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
        let app = directory.accounts(named: "app").first
        #expect(app?.nativeHash?.map { String(format: "%02X", $0) }.joined() == hash)
        #expect(app?.plugin == "mysql_native_password")
        #expect(directory.accounts(named: "open").first?.nativeHash == [])
        #expect(directory.accounts(named: "given").first?.nativeHash == [1, 2, 3])
    }

    @Test func whatMayWorkLaterIsToldApart() {
        #expect(SystemError(errno: EADDRINUSE, call: "bind").isTemporary)
        #expect(!SystemError(errno: EACCES, call: "bind").isTemporary)
    }
}

@Suite struct ConfigurationFileTests {
    private func directory() throws -> String {
        let path = "/tmp/hadb-conf-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return path
    }

    private func configuration(_ secret: String) -> String {
        """
        [proxy]
        listen = ["127.0.0.1:3306"]
        [[node]]
        name = "a"
        address = "127.0.0.1:3307"
        [health]
        user = "u"
        \(secret)
        [admin]
        socket = "/tmp/x.sock"
        """
    }

    @Test func secretsBesideTheConfiguration() throws {
        let directory = try directory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = ConfigurationFile(path: "\(directory)/c.toml")
        try configuration("password_file = \"secret\"").write(toFile: file.path, atomically: true, encoding: .utf8)
        #expect(throws: ConfigurationFile.Failure.self) { try file.read() }
        // Whoever only asks for the socket need not be able to read the password.
        #expect(try file.adminSocket() == "/tmp/x.sock")
        for (content, password) in [("s3\n", "s3"), ("s3", "s3"), (" s3 \r\n", " s3 "), ("s3\n\n", "s3\n")] {
            try content.write(toFile: "\(directory)/secret", atomically: true, encoding: .utf8)
            #expect(try file.read().health.password == password)
        }
    }

    @Test func secretsInTheEnvironment() throws {
        let directory = try directory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let name = "HADB_TEST_\(UInt32.random(in: 0 ... .max))"
        let file = ConfigurationFile(path: "\(directory)/c.toml")
        try configuration("password_env = \"\(name)\"").write(toFile: file.path, atomically: true, encoding: .utf8)
        do throws(ConfigurationFile.Failure) {
            _ = try file.read()
            Issue.record("a secret out of nothing")
        } catch {
            #expect(
                error.description
                    == "\(file.path):8:16: health.password_env: the password can't be read from \"\(name)\": "
                    + "it is not in the environment")
        }
        setenv(name, "s3", 1)
        #expect(try file.read().health.password == "s3")
    }

    @Test func noFile() {
        let error = #expect(throws: ConfigurationFile.Failure.self) { try ConfigurationFile(path: "/no/file").read() }
        #expect(error?.description == "/no/file: No such file or directory")
    }
}
