import Foundation
import Testbed

/// A network of its own with one address besides loopback's, 10.99.0.1, and a hosts file that knows it. Nothing leaves
/// it.
final class Namespace: Sendable {
    static let address = "10.99.0.1"
    let name: String
    let directory: TemporaryDirectory

    init() throws {
        name = "hadb\(getpid())"
        directory = try TemporaryDirectory(prefix: "hadb")
        try FileManager.default.createDirectory(atPath: "/etc/netns/\(name)", withIntermediateDirectories: true)
        try "127.0.0.1 localhost\n\(Self.address) proxyhost\n".write(
            toFile: "/etc/netns/\(name)/hosts", atomically: false, encoding: .utf8)
        try command(["ip", "netns", "add", name])
        try run(["ip", "link", "set", "lo", "up"])
        try run(["ip", "address", "add", "\(Self.address)/24", "dev", "lo"])
    }

    deinit { remove() }

    /// Idempotent.
    func remove() {
        _ = try? command(["ip", "netns", "delete", name])
        try? FileManager.default.removeItem(atPath: "/etc/netns/\(name)")
        rmdir("/etc/netns")
        directory.remove()
    }

    /// Whether this process may make one.
    static let isAllowed: Bool = {
        guard geteuid() == 0, let made = try? Namespace() else { return false }
        made.remove()
        return true
    }()

    /// A child in it.
    func start(_ arguments: [String], name: String) throws -> ChildProcess {
        try ChildProcess(
            ["ip", "netns", "exec", self.name] + arguments, name: name, logPath: "\(directory.path)/\(name).log")
    }

    /// A child in it that ends well.
    @discardableResult
    func run(_ arguments: [String]) throws -> String { try command(["ip", "netns", "exec", name] + arguments) }

    @discardableResult
    private func command(_ arguments: [String]) throws -> String {
        let log = "\(directory.path)/\(UUID().uuidString).log"
        let child = try ChildProcess(arguments, name: arguments[0], logPath: log)
        guard child.wait(.seconds(60)) == .exited(0) else {
            throw TestbedFailure("\(arguments.joined(separator: " ")): \(child.logTail())")
        }
        return child.log
    }
}
