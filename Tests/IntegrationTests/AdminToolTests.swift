import Foundation
import Testbed
import Testing

extension Integration {
    /// What people have for HAProxy works here as it stands. `scripts/deps test` brings the tools.
    @Suite(.serialized)
    struct AdminToolTests {
        private func run(_ tool: String) throws {
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports)
            defer { proxy.stop(grace: .seconds(2)) }
            let directory = try TemporaryDirectory()
            try proxy.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
            let python = "\(packageRoot)/.build/haproxyadmin/bin/python"
            guard FileManager.default.isExecutableFile(atPath: python) else {
                Issue.record("\(python) is missing: haproxyadmin could not be installed from PyPI by scripts/deps test")
                return
            }
            let script = try ChildProcess(
                [
                    python, "\(packageRoot)/Tests/Clients/haproxy_tools.py", tool, proxy.adminSocketPath,
                    "\(proxy.port)",
                ], name: tool, logPath: "\(directory.path)/\(tool).log")
            #expect(script.wait(.seconds(120)) == .exited(0), "\(script.log)\n\(proxy.logTail())")
            #expect(script.log.hasSuffix("done\n"), "\(script.log)")
        }

        @Test("haproxyadmin (PyPI): reads, sets states and limits, disables the frontend")
        func haproxyadmin() throws { try run("haproxyadmin") }

        @Test("prometheus-haproxy-exporter (Debian): scrapes without a failure")
        func exporter() throws { try run("exporter") }

        @Test("hatop (Debian): shows the nodes, and a drain set from it drains")
        func hatop() throws { try run("hatop") }
    }
}
