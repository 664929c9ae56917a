import Cluster
import Foundation
import Health
import Reactor
import Testbed
import Testing

extension Integration {
    /// Nodes that are not what they seem: nothing of ours is handed out, nothing grows, nothing waits.
    @Suite(.serialized)
    struct HostileNodeTests {
        private static let secret = Array(EmbeddedPair.service.password.utf8)

        private static func holdsSecret(_ packets: [[UInt8]]) -> Bool {
            packets.contains { packet in
                packet.count >= secret.count
                    && (0...(packet.count - secret.count)).contains {
                        Array(packet[$0..<($0 + secret.count)]) == secret
                    }
            }
        }

        private static let revealing = [
            "mysql_clear_password", "dialog", "caching_sha2_password", "sha256_password", "mysql_old_password",
            "auth_gssapi_client",
        ]

        @Test("the service password is shown to nobody, whatever plugin asks for it", arguments: revealing)
        func plugins(_ name: String) throws {
            let node = try FakeNode { visit in
                visit.greet()
                visit.say([0xfe] + Array(name.utf8) + [0] + [UInt8](repeating: 4, count: 20), 2)
                // A key of the node's own, where a plugin asks for one; then whatever it says with that.
                while visit.hear() != nil { visit.say([1, 3], 4) }
            }
            defer { node.close() }
            let watching = try Watching(ports: [node.port]) { $0.interval = .milliseconds(20) }
            #expect(watching.run { watching.view.diagnosis == .passwordAsked })
            #expect(watching.view.nodes[0].lastCheck.contains("(plugin \(name)): refused"))
            #expect(watching.view.cautions == [.passwordAsked])
            watching.runFor(.milliseconds(500))
            #expect(node.received.count > 1)
            #expect(!Self.holdsSecret(node.received))
            // The answer to the greeting, and nothing after the node has asked.
            #expect(node.received.allSatisfy { $0.count > 32 })
            // Said, and not with every check.
            #expect(watching.notes.count { $0.contains("A login of the check's account") } == 1)
        }

        @Test("a file of this host is given to nobody")
        func localFile() throws {
            let node = try FakeNode { visit in
                visit.letIn()
                visit.hear()
                visit.say([0xfb] + Array("/etc/hostname".utf8), 1)
                while visit.hear() != nil {}
            }
            defer { node.close() }
            let watching = try Watching(ports: [node.port])
            #expect(
                watching.run {
                    watching.view.nodes[0].lastCheck == "not understood: asks for a file of this host: refused"
                }
            )
            #expect(node.received.allSatisfy { $0.first == 3 || $0.count > 32 })
        }

        @Test("an error packet before the greeting that is called a progress report")
        func progressBeforeTheGreeting() throws {
            let node = try FakeNode { visit in
                visit.say([0xff, 0xff, 0xff] + Array("#HY000progress".utf8), 0)
                visit.hear()
            }
            defer { node.close() }
            let watching = try Watching(ports: [node.port])
            #expect(watching.run { watching.view.nodes[0].lastCheck.hasSuffix("an error without a code") })
        }

        /// Bytes that never end, at every place of a dialog, and what the check says of them.
        private static let endless: [(String, [UInt8], Int, String)] = {
            let progress = frame([0xff, 0xff, 0xff, 1, 1, 1, 0, 0, 0, 1, 120])
            let rows = frame([1]) + frame(FakeNode.column) + frame(FakeNode.eof)
            let row = frame([5] + Array("hello".utf8))
            return [
                (
                    "a greeting of 16 MiB", [0xff, 0xff, 0xff, 0, 10], 0,
                    "a packet of 16777215 bytes, 16384 at most are read"
                ),
                (
                    "an endless error in place of a greeting", [0xff, 0xff, 0xff, 0, 0xff, 1, 4], 0,
                    "a packet of 16777215"
                ),
                ("progress reports in place of a greeting", progress, 0, "an error without a code"),
                ("progress reports in a login", progress, 1, "an error without a code"),
                ("progress reports in an answer", progress, 2, "an error without a code"),
                ("rows", rows + (0..<5000).flatMap { _ in row }, 2, "an answer of more than 100 rows"),
                (
                    "columns", frame([64]) + (0..<100).flatMap { _ in frame(FakeNode.column) }, 2,
                    "no end where one must be"
                ),
                (
                    "a count of columns", frame([0xfe, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]), 2,
                    "an answer of 2147483647 columns"
                ),
                ("an error", [0xff, 0xff, 0xff, 1, 0xff, 1, 4], 2, "a packet of 16777215 bytes"),
            ]
        }()

        private static func frame(_ payload: [UInt8]) -> [UInt8] {
            [UInt8(payload.count & 0xff), UInt8(payload.count >> 8), 0, 1] + payload
        }

        @Test("what has no end is ended, holds no memory, and the loop goes on", arguments: endless.indices)
        func endlessAnswers(_ index: Int) throws {
            let (name, bytes, place, says) = Self.endless[index]
            let node = try FakeNode { visit in
                switch place {
                case 0: break
                case 1: visit.greet()
                default:
                    visit.letIn()
                    visit.hear()
                }
                let filler = bytes.count > 64 ? bytes : bytes + [UInt8](repeating: 1, count: 4096)
                guard visit.send(bytes) else { return }
                while visit.send(place == 0 || bytes.count < 64 ? filler : bytes) {}
            }
            defer { node.close() }
            let watching = try Watching(ports: [node.port]) { $0.probeTimeout = .milliseconds(1000) }
            let before = try #require(ProcessStatistics(pid: getpid())).residentBytes
            var ticks = 0
            let ticking = watching.loop.schedule(every: .milliseconds(5)) { ticks += 1 }
            defer { ticking.cancel() }
            #expect(
                watching.run { watching.view.nodes[0].lastCheck.contains(says) }, "\(name): \(watching.view.nodes[0])")
            watching.runFor(.milliseconds(500))
            #expect(ticks > 10, "\(name) held the loop")
            let grown = try #require(ProcessStatistics(pid: getpid())).residentBytes - before
            #expect(grown < 32 << 20, "\(name): \(grown >> 20) MiB more")
        }

        /// Places in the dialog from which on a node says one byte at a time.
        @Test("a node that dribbles is given up in time, wherever it begins to", arguments: [0, 1, 2, 3])
        func dribble(place: Int) throws {
            let node = try FakeNode { visit in
                let greeting = FakeNode.greeting
                switch place {
                case 0: break
                case 1: visit.greet()
                case 2: visit.letIn()
                default:
                    visit.letIn()
                    visit.hear()
                }
                let packet =
                    [UInt8(greeting.count), 0, 0, 0]
                    + (place == 0 ? greeting : [UInt8](repeating: 0, count: greeting.count))
                for byte in packet {
                    guard visit.send([byte]) else { return }
                    usleep(30_000)
                }
            }
            defer { node.close() }
            let before = try openDescriptors()
            do {
                let watching = try Watching(ports: [node.port]) { $0.probeTimeout = .milliseconds(200) }
                let begun = MonotonicClock.now()
                #expect(watching.run { watching.view.nodes[0].lastCheck == "no answer in time" })
                #expect((MonotonicClock.now() - begun).milliseconds < 3000)
            }
            node.close()
            // The node's side ends on a thread of its own.
            let deadline = ContinuousClock.now + .seconds(10)
            while try openDescriptors() > before, ContinuousClock.now < deadline { usleep(10_000) }
            #expect(try openDescriptors() <= before)
        }

        @Test("more accounts than are read: an error, in slices, and the ones before stay")
        func accountsWithoutEnd() throws {
            let row = Self.frame([1, 97, 1, 37, 0xfb, 0, 1, 48])
            let rows = (0..<2000).flatMap { _ in row }
            let node = try FakeNode { visit in
                visit.serve { statement in
                    guard statement.contains("mysql.") else { return nil }
                    visit.send(Self.frame([5]) + (0..<5).flatMap { _ in Self.frame(FakeNode.column) })
                    visit.send(Self.frame(FakeNode.eof))
                    while visit.send(rows) {}
                    return []
                }
            }
            defer { node.close() }
            let watching = try Watching(ports: [node.port]) { $0.probeTimeout = .seconds(60) }
            var ticks = 0
            let ticking = watching.loop.schedule(every: .milliseconds(5)) { ticks += 1 }
            defer { ticking.cancel() }
            #expect(
                watching.run(.seconds(60)) {
                    watching.notes.contains { $0.contains("can't be read") && $0.contains("more than 250000 rows") }
                })
            #expect(watching.accounts.isEmpty)
            #expect(watching.view.primary == NodeID(0))
            #expect(ticks > 50, "the loop was held")
        }

        @Test("accounts that make no sense are none, and the others are read")
        func hostileAccounts() throws {
            let long = String(repeating: "x", count: 200)
            let node = try FakeNode { visit in
                visit.serve { statement in
                    guard statement.contains("mysql.") else { return nil }
                    var packets = FakeNode.result(
                        5,
                        [
                            ["app", "%", "mysql_native_password", "", "0"], ["a\0b", "%", "\0", "*\0", "0"],
                            [long, long, long, long, long], ["{\"a\":[[[[", "%", "{}", "[1,2", "true"],
                        ])
                    packets.insert([2, 0xff, 0xfe, 1, 0x80, 1, 0xc0, 1, 0xc1, 1, 48], at: packets.count - 1)
                    packets.insert([0xfb, 0xfb, 0xfb, 0xfb, 0xfb], at: packets.count - 1)
                    return packets
                }
            }
            defer { node.close() }
            let watching = try Watching(ports: [node.port])
            #expect(watching.run { !watching.accounts.isEmpty })
            #expect(watching.accounts.first?.accounts(named: "app").map(\.nativeHash) == [[]])
            #expect(watching.accounts.first?.count == 5)
        }

        @Test("an account of ed25519 is logged in")
        func ed25519() throws {
            let root = try SharedPair.get().asRoot()
            defer { root.close() }
            try root.query("INSTALL SONAME 'auth_ed25519'")
            try root.query("CREATE OR REPLACE USER curve@'%' IDENTIFIED VIA ed25519 USING PASSWORD('curved')")
            defer {
                for statement in ["DROP USER curve", "UNINSTALL SONAME 'auth_ed25519'"] {
                    _ = try? root.query(statement)
                }
            }
            let watching = try Watching(ports: [SharedPair.get().primary.port]) {
                $0.user = "curve"
                $0.password = "curved"
            }
            #expect(watching.run { watching.view.primary == NodeID(0) })
        }
    }
}
