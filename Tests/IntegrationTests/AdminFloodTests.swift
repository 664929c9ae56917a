import Foundation
import Testbed
import Testing

extension Integration {
    /// Clients of the admin sockets who want all they can get.
    @Suite(.serialized)
    struct AdminFloodTests {
        /// Forty clients that send this again and again and read what comes, beside an administrator who looks.
        private func flood(_ lines: [String], sections: String, _ port: UInt16) throws {
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports, sections: sections)
            defer { proxy.stop(grace: .seconds(2)) }
            try proxy.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
            let session = try proxy.connect()
            _ = try proxy.admin("show sessions;show stat;show info")
            let before = try #require(proxy.statistics)
            let done = Watched(false)
            let greedy = (0..<40).map { number in
                Background {
                    var answers = 0
                    while !done.value {
                        guard let client = try? RawConnection(port: port) else { continue }
                        client.send(Array(lines[number % lines.count].utf8))
                        while !done.value, let some = client.receive(), !some.isEmpty { answers += some.count }
                        client.close()
                    }
                    return answers
                }
            }
            defer { done.set(true) }
            var looks = 0
            let until = ContinuousClock.now + .seconds(5)
            while ContinuousClock.now < until {
                let answer = try proxy.admin("show info;show nodes")
                #expect(answer.contains("Name: HAProxy"))
                #expect(answer.contains(" primary  up "), "\(answer)")
                #expect(try session.query("SELECT \(looks)").first == "\(looks)")
                looks += 1
            }
            // Each of them had to wait for the others' turns, and not for all that they want: that was one answer or two.
            #expect(looks > 4, "\(looks) answers in 5 s")
            let growth = try #require(proxy.statistics).residentBytes - before.residentBytes
            // (AddressSanitizer keeps what was freed for a while.)
            let isSanitized = ProcessInfo.processInfo.environment["ASAN_OPTIONS"] != nil
            #expect(isSanitized || growth < 48 << 20, "\(growth >> 20) MiB more")
            done.set(true)
            var answers = 0
            for client in greedy { answers += try client.wait(.seconds(30)) ?? 0 }
            #expect(answers > 0)
            for word in [" lost: ", "falling", "without one"] {
                #expect(!proxy.log.contains(word), "\(proxy.logTail())")
            }
        }

        @Test("lines of nothing but separators, at the lowest level")
        func separators() throws {
            let port = try Ports.free(1)[0]
            let line = String(repeating: ";", count: 16_000) + "\n"
            try flood([line], sections: "tcp = \"127.0.0.1:\(port)\"", port)
        }

        @Test("as many commands as there may be in a line, line after line")
        func manyCommands() throws {
            let port = try Ports.free(1)[0]
            let words = [
                "", "help", "show stat json", "set xerver \(String(repeating: "x", count: 30))", "show sess all",
            ]
            let lines = words.map { word in
                "prompt\n"
                    + String(repeating: Array(repeating: word, count: 200).joined(separator: ";") + "\n", count: 20)
                    + "quit\n"
            }
            try flood(lines, sections: "tcp = \"127.0.0.1:\(port)\"\ntcp_level = \"operator\"", port)
        }
    }
}
