import Foundation
import Testbed
import Testing

extension Integration {
    /// A process that may have 300 descriptors, and clients that take all they can get.
    @Suite(.serialized)
    struct DescriptorTests {
        @Test("whoever takes descriptors leaves one for the administrator, and when they are gone logins work")
        func exhausted() throws {
            // Both ends of everything are needed here.
            var own = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &own)
            own.rlim_cur = own.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &own)
            let http = try Ports.free(1)[0]
            let proxy = try ProxyProcess(
                nodes: SharedPair.get().ports, proxy: ["workers = 2", "login_timeout = \"60s\""],
                sections: "http = \"127.0.0.1:\(http)\"", launcher: ["prlimit", "--nofile=300:300"])
            defer { proxy.stop(grace: .seconds(2)) }
            try proxy.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
            #expect(proxy.logs(" warning Only 300 descriptors are allowed: at most "), "\(proxy.log)")
            let info = try proxy.admin("show info")
            let allowed = try #require(number("Maxconn", info))
            #expect(allowed > 20 && allowed < 130)
            #expect(number("Maxconn_configured", info) == 4096 && number("Hard_maxconn", info) == allowed)

            let directory = try TemporaryDirectory()
            let check = try ChildProcess(
                ["prlimit", "--nofile=300:300", ProxyProcess.findProgram(), "check", "-c", proxy.configurationPath],
                name: "check", logPath: "\(directory.path)/check.log")
            #expect(check.wait(.seconds(20)) == .exited(0))
            #expect(check.log.hasPrefix("\(proxy.configurationPath): warning: Only 300 descriptors are allowed: "))

            let done = Watched(false)
            let storms = [
                // Half handshakes that stay, and more that come and go.
                Background {
                    let half = try (0..<500).map { _ in try RawConnection(port: proxy.port) }
                    var more: [RawConnection] = []
                    while !done.value {
                        if let one = try? RawConnection(port: proxy.port) { more.append(one) }
                        if more.count > 50 { more.removeFirst().close() }
                    }
                    return half.count
                },
                Background {
                    var heads: [RawConnection] = []
                    while !done.value {
                        guard let one = try? RawConnection(port: http) else { continue }
                        let end = heads.count % 2 == 0 ? "\r\n" : "X-"
                        one.send(Array("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\(end)".utf8))
                        heads.append(one)
                        if heads.count > 300 { heads.removeFirst().close() }
                    }
                    return heads.count
                },
            ]
            var most = 0
            var slowest = Duration.zero
            for _ in 0..<100 {
                let asked = ContinuousClock.now
                let info = try proxy.admin("show info")
                slowest = max(slowest, ContinuousClock.now - asked)
                #expect(number("Ulimit-n", info) == 300)
                most = max(most, try #require(proxy.statistics).descriptors)
                usleep(30_000)
            }
            let full = try proxy.admin("show info")
            // One that is just being sent away may be among them.
            #expect(number("CurrConns", full) ?? 0 >= allowed, "\(full)")
            // The kernel counts one more than there may be as refused.
            #expect(most < 300, "\(most) descriptors")
            #expect(slowest < .seconds(5), "an answer took \(slowest)")
            #expect(try proxy.admin("show cluster").contains("primary: cluster1"))
            done.set(true)
            for storm in storms { #expect(try storm.wait(.seconds(30)) != nil) }
            try proxy.admin("show info", within: .seconds(20)) { number("CurrConns", $0) == 0 }
            #expect(try proxy.connect().query("SELECT 1").first == "1")
            #expect(!proxy.log.contains(" lost: "), "\(proxy.logTail())")
        }

        private func number(_ key: String, _ info: String) -> Int? {
            info.split(separator: "\n").first { $0.hasPrefix(key + ": ") }.flatMap { Int($0.dropFirst(key.count + 2)) }
        }
    }
}
