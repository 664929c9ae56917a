import Agent
import Cluster
import Foundation
import Reactor
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct AgentTests {
        @Test("agents decide who is primary, the gate holds statements, and a switchover moves without an error")
        func agentsGateAndSwitchover() throws {
            let pair = try EmbeddedPair()
            try pair.start()
            defer { pair.stop() }
            let key = "the key of this test"
            let ports = try Ports.free(2)
            let agents = try FakeAgents(ports: ports, key: key, pair: pair)
            defer { agents.stop() }
            // Writable, and promoted by nobody.
            agents.publish(promoted: [])
            let proxy = try ProxyProcess(
                nodes: pair.ports, holdTimeout: "60s",
                sections: "[cluster]\nkey = \"\(key)\"\ndrain_timeout = \"5s\"", agents: ports)
            defer { proxy.stop(grace: .seconds(2)) }
            try proxy.admin("show cluster", within: .seconds(20)) { $0.contains("notPromoted") }
            agents.publish(promoted: ["cluster1"])
            try proxy.admin("show cluster", within: .seconds(20)) { $0.contains("primary: cluster1") }

            let session = try proxy.connect()
            try session.query("CREATE TABLE moved (id BIGINT AUTO_INCREMENT PRIMARY KEY, n INT)")
            #expect(agents.pause() == AgentServer.PauseOutcome(asked: 1, clear: 1, open: 0))
            let held = Background { try session.query("SELECT 'held'").first }
            #expect(try held.wait(.milliseconds(200)) == nil)
            agents.resume()
            #expect(try held.wait(.seconds(10)) == "held")

            // Load: transactions and single statements, and a count of what was acknowledged.
            let ended = Watched(false)
            let writers = (0..<6).map { number in
                Background { () throws -> Int in
                    let client = try proxy.connect()
                    var written = 0
                    while !ended.value {
                        if number % 2 == 0 {
                            try client.query("INSERT INTO moved (n) VALUES (\(number))")
                            written += 1
                        } else {
                            try client.query("BEGIN")
                            try client.query("INSERT INTO moved (n) VALUES (\(number))")
                            try client.query("INSERT INTO moved (n) VALUES (\(number))")
                            try client.query("COMMIT")
                            written += 2
                        }
                    }
                    return written
                }
            }
            let dry = try ctl(proxy, ["--dry-run", "cluster2"])
            #expect(dry.end == .exited(0), "\(dry.log)")
            #expect(dry.log.contains("The agent would run: a plan for cluster2."), "\(dry.log)")
            #expect(try proxy.admin("show cluster").contains("primary: cluster1"))
            let wrong = try ctl(proxy, ["cluster9"])
            #expect(wrong.end == .exited(1) && wrong.log.contains("there is no such node"), "\(wrong.log)")
            let real = try ctl(proxy, ["cluster2"])
            #expect(real.end == .exited(0), "\(real.log)\n\(proxy.logTail())")
            #expect(real.log.contains("cluster2 is the primary, generation 2"), "\(real.log)")
            #expect(real.log.contains("promoting after") && real.log.contains("starting after"), "\(real.log)")
            #expect(agents.cleared == 1)
            ended.set(true)
            var acknowledged = 0
            for writer in writers { acknowledged += try writer.wait() ?? 0 }
            #expect(acknowledged > 0)
            #expect(try session.query("SELECT COUNT(*) FROM moved").first == "\(acknowledged)")

            // Without its agents the proxy goes by what the servers say, and says so.
            agents.stop()
            try proxy.admin("show cluster", within: .seconds(20)) { $0.contains("primary: cluster2") }
            let deadline = ContinuousClock.now + .seconds(20)
            while !proxy.log.contains("SQL alone decides"), ContinuousClock.now < deadline { usleep(10_000) }
            #expect(proxy.logs("SQL alone decides"))
            #expect(try session.query("SELECT 1").first == "1")
        }

        @Test("a switchover that fails at any step is undone: statements flow, and the preference is taken back")
        func everyStepOfASwitchoverMayFail() throws {
            let pair = try EmbeddedPair()
            try pair.start()
            defer { pair.stop() }
            let key = "the key of this test"
            let ports = try Ports.free(2)
            let agents = try FakeAgents(ports: ports, key: key, pair: pair)
            defer { agents.stop() }
            agents.publish(promoted: ["cluster1"])
            let proxy = try ProxyProcess(
                nodes: pair.ports, holdTimeout: "60s",
                sections: "[cluster]\nkey = \"\(key)\"\ndrain_timeout = \"1s\"\nmove_timeout = \"3s\"", agents: ports)
            defer { proxy.stop(grace: .seconds(2)) }
            try proxy.admin("show cluster", within: .seconds(20)) { $0.contains("primary: cluster1") }
            let session = try proxy.connect()
            func undone(_ what: FakeAgents.Move, _ reason: String, _ end: String, line: Int = #line) throws {
                agents.next(what)
                let tried = try ctl(proxy, ["cluster2"])
                #expect(tried.end == .exited(1), "line \(line): \(tried.log)")
                #expect(tried.log.contains(reason) && tried.log.contains(end), "line \(line): \(tried.log)")
                #expect(tried.log.contains("Statements flow again."), "line \(line): \(tried.log)")
                #expect(try session.query("SELECT @@server_id").first == "1", "line \(line)")
            }
            let takenBack = "Taken back: the cluster prefers nobody."
            try undone(.refused, "The cluster was not asked: crm_resource ended with 105.", takenBack)
            try undone(.ignored, "Given up: cluster2 is not the primary after", takenBack)
            // The target dies: the cluster puts the database back where it was.
            try undone(.cameBack, "The primary is cluster1 again, with a new start.", takenBack)
            #expect(agents.cleared == 3)

            // Who does not end its transaction is waited for, and then it is given up without a move.
            try session.query("BEGIN")
            let busy = try ctl(proxy, ["cluster2"])
            #expect(
                busy.end == .exited(1) && busy.log.contains("Statements flow again; nothing was moved."), "\(busy.log)")
            try session.query("COMMIT")
            #expect(agents.cleared == 3)

            // Both agents are gone in the middle of it: what may be left in the cluster is said.
            try undone(.died, "is gone", "What the cluster was told to prefer may still be there")
        }

        private func ctl(_ proxy: ProxyProcess, _ words: [String]) throws -> (end: ChildProcess.End?, log: String) {
            let directory = try TemporaryDirectory()
            let child = try ChildProcess(
                [ProxyProcess.findProgram(), "ctl", "--socket", proxy.adminSocketPath, "switchover"] + words,
                name: "ctl", logPath: "\(directory.path)/ctl.log")
            let end = child.wait(.seconds(60))
            return (end, child.log)
        }
    }
}

/// Two nodes' agents on one thread, with a cluster behind them that is the embedded pair.
private final class FakeAgents: Sendable {
    /// What becomes of the next move.
    enum Move: Sendable {
        case done, refused, ignored, cameBack, died
    }

    private enum Message: Sendable {
        case publish([NodeReport])
        case next(Move)
        case pause(Watched<AgentServer.PauseOutcome?>)
        case resume
        case moved
        case stop
    }

    private let mailbox: Mailbox<Message>
    private let ended = Watched(false)
    private let clears = Watched(0)

    init(ports: [UInt16], key: String, pair: EmbeddedPair) throws {
        let mailbox = try Mailbox<Message>()
        self.mailbox = mailbox
        let (ended, clears) = (self.ended, self.clears)
        let ready = Watched<String?>(nil)
        Thread.detachNewThread {
            do {
                let loop = try EventLoop()
                var servers: [AgentServer] = []
                var waiting: [(Bool, String) -> Void] = []
                var latest: [NodeReport] = []
                var next = Move.done
                for (index, port) in ports.enumerated() {
                    servers.append(
                        try AgentServer(
                            listen: Endpoint(host: "127.0.0.1", port: port), loop: loop,
                            options: .init(node: "cluster\(index + 1)", key: Array(key.utf8)),
                            onMove: { target, answer in
                                switch next {
                                case .done:
                                    waiting.append(answer)
                                    Thread.detachNewThread { Self.move(to: target, pair, mailbox) }
                                case .refused: answer(false, "crm_resource ended with 105")
                                case .ignored: answer(true, "")
                                case .cameBack:
                                    answer(true, "")
                                    mailbox.post(.publish(Self.reports(promoted: [], phase: .promoting)))
                                    mailbox.post(.publish(Self.reports(promoted: ["cluster1"])))
                                case .died: mailbox.post(.stop)
                                }
                            },
                            onClear: { _, answer in
                                clears.update { $0 += 1 }
                                answer(true, "")
                            }, onPlan: { $1(true, "a plan for \($0)") }, onNote: { _ in }))
                }
                mailbox.attach(to: loop) { message in
                    switch message {
                    case .publish(let reports):
                        latest = reports
                        for (server, report) in zip(servers, reports) {
                            server.publish(report, at: MonotonicClock.now())
                        }
                    case .pause(let outcome):
                        servers[0].pause(wait: .seconds(5), reason: "test") { outcome.set($0) }
                    case .resume: servers[1].resume(reason: "test")
                    case .next(let move): next = move
                    case .moved:
                        for answer in waiting { answer(true, "") }
                        waiting = []
                    case .stop:
                        for server in servers { server.close() }
                        loop.stop()
                    }
                }
                // A word is fresh for as long as it is observed again.
                loop.schedule(every: .milliseconds(500)) {
                    for (server, report) in zip(servers, latest) { server.publish(report, at: MonotonicClock.now()) }
                }
                ready.set("")
                loop.run()
            } catch {
                ready.set("\(error)")
            }
            ended.set(true)
        }
        if let failure = ready.wait(.seconds(20), until: { $0 != nil }) ?? "not ready", !failure.isEmpty {
            throw TestbedFailure(failure)
        }
    }

    /// What a cluster would do, with the phases that its agents would tell.
    private static func move(to target: String, _ pair: EmbeddedPair, _ mailbox: Mailbox<Message>) {
        mailbox.post(.moved)
        pair.primary.stop()
        mailbox.post(.publish(reports(promoted: [], phase: .promoting)))
        mailbox.post(.publish(reports(promoted: [target], phase: .starting)))
        try? pair.startStandby()
        mailbox.post(.publish(reports(promoted: [target])))
    }

    func next(_ move: Move) { mailbox.post(.next(move)) }

    private static func reports(promoted: [String], phase: Phase? = nil) -> [NodeReport] {
        ["cluster1", "cluster2"].map { name in
            NodeReport(
                node: name,
                storage: .init(
                    role: promoted.contains(name) ? .primary : promoted.isEmpty ? .unknown : .secondary,
                    disk: .upToDate),
                manager: .init(promoted: promoted), phase: phase)
        }
    }

    func publish(promoted: [String]) { mailbox.post(.publish(Self.reports(promoted: promoted))) }

    func pause() -> AgentServer.PauseOutcome? {
        let outcome = Watched<AgentServer.PauseOutcome?>(nil)
        mailbox.post(.pause(outcome))
        return outcome.wait(.seconds(20)) { $0 != nil } ?? nil
    }

    func resume() { mailbox.post(.resume) }

    /// At least one.
    var cleared: Int { clears.wait(.seconds(10)) { $0 > 0 } ?? 0 }

    /// Idempotent.
    func stop() {
        mailbox.post(.stop)
        _ = ended.wait(.seconds(20)) { $0 }
    }
}
