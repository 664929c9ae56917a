import Foundation
import Testbed
import Testing

extension Integration {
    /// `haproxydb agent` as a program without a single capability, with scripts for the cluster's tools, and a real
    /// HAProxy that asks it.
    @Suite(.serialized)
    struct AgentProgramTests {
        private final class Bench {
            let directory: TemporaryDirectory
            let ports: [UInt16]
            private(set) var agent: ChildProcess?
            private(set) var haproxy: ChildProcess?

            init() throws {
                directory = try TemporaryDirectory()
                ports = try Ports.free(5)
                // Follows a file of events, and has no identifiers to show.
                try write(
                    "drbdsetup",
                    "#!/bin/sh\n[ $1 = events2 ] || exit 20\nexec tail -n +1 -f \(directory.path)/events\n", 0o700)
                try write("events", "")
                try write(
                    "agent.toml",
                    """
                    [agent]
                    node = "node1"
                    listen = ["127.0.0.1:\(ports[0])"]
                    check = "127.0.0.1:\(ports[1])"
                    http = "127.0.0.1:\(ports[2])"
                    socket = "\(directory.path)/agent.sock"
                    drbdsetup = ["\(directory.path)/drbdsetup"]
                    crm_mon = ["/bin/cat", "\(directory.path)/crm_mon.xml"]
                    [cluster]
                    key = "the key of this test"
                    """)
                try write(
                    "haproxy.cfg",
                    """
                    global
                        stats socket \(directory.path)/haproxy.sock level admin
                    defaults
                        mode tcp
                        timeout connect 2s
                        timeout client 10s
                        timeout server 10s
                    frontend front
                        bind 127.0.0.1:\(ports[3])
                        default_backend asked
                    backend asked
                        server node1 127.0.0.1:\(ports[4]) weight 100 agent-check agent-addr 127.0.0.1 \
                    agent-port \(ports[1]) agent-inter 100ms
                    backend http
                        option httpchk GET /
                        server node1 127.0.0.1:\(ports[4]) check port \(ports[2]) inter 100ms fall 1 rise 1
                    """)
            }

            private func write(_ name: String, _ text: String, _ mode: mode_t = 0o600) throws {
                let path = "\(directory.path)/\(name)"
                try (text.isEmpty ? "" : text + "\n").write(toFile: path, atomically: true, encoding: .utf8)
                chmod(path, mode)
            }

            /// What Pacemaker says from now on: a recorded moment of a real cluster.
            func show(_ fixture: String) throws {
                let folder = "\(packageRoot)/Tests/ClusterFormatsTests/Fixtures/pacemaker"
                let text = try String(contentsOfFile: "\(folder)/crm_mon-\(fixture).xml", encoding: .utf8)
                try write("crm_mon.xml", text)
            }

            /// What DRBD says.
            func tell(_ events: String) throws {
                let file = try #require(FileHandle(forWritingAtPath: "\(directory.path)/events"))
                try file.seekToEnd()
                try file.write(contentsOf: Data(events.utf8))
                try file.close()
            }

            func start() throws {
                // Whoever runs this: no capability is left, and none can be had.
                let bare =
                    ["setpriv", "--no-new-privs", "--inh-caps=-all"] + (getuid() == 0 ? ["--bounding-set=-all"] : [])
                agent = try ChildProcess(
                    bare + [ProxyProcess.findProgram(), "agent", "-c", "\(directory.path)/agent.toml"], name: "agent",
                    logPath: "\(directory.path)/agent.log")
                try wait("the agent") { FileManager.default.fileExists(atPath: "\(directory.path)/agent.sock") }
                haproxy = try ChildProcess(
                    ["/usr/sbin/haproxy", "-db", "-f", "\(directory.path)/haproxy.cfg"], name: "haproxy",
                    logPath: "\(directory.path)/haproxy.log")
                try wait("HAProxy") { (try? AdminSocket.ask("\(directory.path)/haproxy.sock", "show version")) != nil }
            }

            func stop() {
                haproxy?.stop(grace: .seconds(2))
                agent?.stop(grace: .seconds(5))
            }

            /// By backend, and what the last check said.
            func status(_ backend: String) throws -> (status: String, why: String) {
                let table = try AdminSocket.ask("\(directory.path)/haproxy.sock", "show stat")
                let rows = table.split(separator: "\n").map {
                    $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
                }
                guard let names = rows.first,
                    let row = rows.first(where: { $0.count > 1 && $0[0] == backend && $0[1] == "node1" })
                else { return ("", table) }
                func cell(_ name: String) -> String {
                    names.firstIndex(of: name).flatMap { row.indices.contains($0) ? row[$0] : nil } ?? ""
                }
                return (cell("status"), "\(cell("agent_status")) \(cell("last_agt")) \(cell("check_status"))")
            }

            func expect(_ asked: String, _ http: String) throws {
                try wait("\(asked), \(http)") {
                    let (first, second) = try (status("asked"), status("http"))
                    return first.status.hasPrefix(asked) && second.status.hasPrefix(http)
                }
            }

            private func wait(_ what: String, _ condition: () throws -> Bool) throws {
                let deadline = ContinuousClock.now + .seconds(30)
                while try !condition() {
                    guard ContinuousClock.now < deadline else {
                        let states = try? (status("asked"), status("http"))
                        throw TestbedFailure(
                            "no \(what): \(String(describing: states))\n\(agent?.logTail() ?? "")\n\(haproxy?.logTail() ?? "")"
                        )
                    }
                    usleep(20_000)
                }
            }

            func get(_ path: String) throws -> String {
                let connection = try RawConnection(port: ports[2])
                defer { connection.close() }
                _ = connection.send(Array("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
                return String(decoding: connection.receiveAll() ?? [], as: UTF8.self)
            }
        }

        private static let primary = """
            exists resource name:mysql role:Primary suspended:no
            exists connection name:mysql peer-node-id:0 conn-name:peer connection:Connected role:Secondary
            exists device name:mysql volume:0 minor:0 disk:UpToDate
            exists peer-device name:mysql peer-node-id:0 conn-name:peer volume:0 replication:Established \
            peer-disk:UpToDate resync-suspended:no
            exists -

            """

        @Test("HAProxy follows the agent's check line and its HTTP status; the agent needs no capability")
        func haproxyAsksTheAgent() throws {
            let bench = try Bench()
            // node2 is promoted and DRBD's Primary in these recordings; this agent is node1.
            try bench.show("normal")
            try bench.start()
            defer { bench.stop() }
            let status = try String(contentsOfFile: "/proc/\(try #require(bench.agent).pid)/status", encoding: .utf8)
            let effective = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
            #expect(effective.map { $0.hasSuffix("0000000000000000") } ?? false, "\(status)")

            try bench.tell(Self.primary.replacing("role:Primary", with: "role:Secondary"))
            try bench.expect("DOWN (agent)", "DOWN")
            #expect(try bench.get("/").hasPrefix("HTTP/1.1 503 "))
            // The move of the recording: node2 goes to standby, node1 is promoted.
            try bench.show("standby")
            try bench.tell("change resource name:mysql role:Primary\n")
            // What HAProxy calls a server that is up and has an agent, but no check of its own.
            try bench.expect("no check", "UP")
            #expect(try bench.get("/").hasPrefix("HTTP/1.1 200 OK\r\n"))
            // Maintenance: this node writes, and stays.
            try bench.show("maintenance")
            // What HAProxy calls a server that is up and has an agent, but no check of its own.
            try bench.expect("no check", "UP")
            try bench.tell("change resource name:mysql role:Secondary\n")
            try bench.expect("MAINT", "DOWN")
            // Out of maintenance, and the other node is promoted.
            try bench.show("normal")
            try bench.expect("DOWN (agent)", "DOWN")
            // The agent dies: the HTTP check fails; agent-check keeps the last word, as HAProxy does.
            try bench.show("standby")
            try bench.tell("change resource name:mysql role:Primary\n")
            // What HAProxy calls a server that is up and has an agent, but no check of its own.
            try bench.expect("no check", "UP")
            bench.agent?.send(SIGKILL)
            try bench.expect("", "DOWN")
        }
    }
}
