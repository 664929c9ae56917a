import Cluster
import Foundation
import Glibc
import Reactor
import Testing

@testable import Admin

@Suite struct ServerTests {
    private static func row(_ id: UInt32, user: String = "app") -> SessionRow {
        SessionRow(
            id: id, client: "10.0.0.1:5", user: user, database: "shop", state: "idle", node: "cluster1", thread: 7,
            age: .seconds(70), idle: .milliseconds(5), statements: 3, bytesIn: 10, bytesOut: 20, moves: 0)
    }

    @Test func answersAsHAProxyDoes() throws {
        let harness = try Harness()
        defer { harness.stop() }
        for (line, answer) in [
            ("show version\n", "1.2.3\n\n"), ("show version;show version\r\n", "1.2.3\n\n1.2.3\n\n"),
            ("prompt\nset timeout cli 60\nshow version\nquit\n", "\n> \n> 1.2.3\n\n> "),
            ("show version\nshow version\n", "1.2.3\n\n"),
            ("set severity-output number;show version\n", "\n[6]: 1.2.3\n\n"),
        ] {
            let client = try RawClient(harness.path)
            client.send(line)
            #expect(client.receive() == answer)
        }
    }

    @Test func answersAfterTheClientHasFinishedSending() throws {
        let harness = try Harness()
        defer { harness.stop() }
        let client = try RawClient(harness.path)
        client.send("show version\n")
        client.finishSending()
        #expect(client.receive() == "1.2.3\n\n")
        // A line without its end may be half a command: it is not carried out.
        let half = try RawClient(harness.path)
        half.send("pause")
        half.finishSending()
        #expect(half.receive() == "")
        #expect(!harness.onLoop { source, _ in source.isPaused })
    }

    @Test func showsWhatThereIs() throws {
        let harness = try Harness()
        defer { harness.stop() }
        harness.onLoop { source, _ in
            let now = MonotonicClock.now()
            let nodes = [
                Node(id: NodeID(0), name: "cluster1", endpoint: Endpoint(host: "10.0.0.1", port: 3306)),
                Node(id: NodeID(1), name: "cluster2", endpoint: Endpoint(host: "10.0.0.2", port: 3306)),
            ]
            var view = ClusterView.unobserved(nodes, at: now)
            view.primary = NodeID(0)
            view.generation = Generation(1)
            view.phase = .ready
            view.diagnosis = nil
            view.nodes[0].role = .primary
            view.nodes[0].health = .up
            _ = source.outages.observe(view, at: now)
            var lost = view
            lost.primary = nil
            lost.diagnosis = .primaryLost
            _ = source.outages.observe(lost, at: now)
            view.primary = NodeID(1)
            view.generation = Generation(2)
            _ = source.outages.observe(view, at: now + .milliseconds(4200))
            source.view = view
            // Longer than there was no primary: clients felt it before, and until they were answered.
            var outage = OutageReport(began: 0, length: .milliseconds(6100))
            outage.from = "cluster1"
            outage.to = "cluster2"
            outage.gained = Generation(2)
            var earlier = outage
            earlier.from = "other"
            earlier.isEarlier = true
            source.outageReports = [outage, earlier]
            source.outageCount = 1
            source.rows = [Self.row(1), Self.row(2, user: "x\ny")]
            source.activity.sessions = 2
            source.activity.statementsBegun = 9
        }
        let nodes = try harness.ask("show nodes").split(separator: "\n").map {
            $0.split(separator: " ").map(String.init)
        }
        #expect(
            nodes.first == [
                "name", "address", "role", "health", "administrative", "since", "sessions", "statements_answered",
                "bytes_in", "bytes_out", "last_check",
            ])
        #expect(nodes[1].prefix(5) == ["cluster1", "10.0.0.1:3306", "primary", "up", "ready"])
        #expect(nodes[2].prefix(5) == ["cluster2", "10.0.0.2:3306", "unknown", "down", "ready"])
        let sessions = try harness.ask("show sessions").split(separator: "\n")
        #expect(sessions.count == 3)
        #expect(sessions[2].contains("x?y"))
        let info = try harness.ask("show info")
        #expect(
            info.contains("\nCurrConns: 2\n") && info.contains("\nCumReq: 9\n") && info.hasPrefix("Name: HAProxy\n"))
        #expect(info.split(separator: "\n").allSatisfy { $0.split(separator: ":").count == 2 })
        let cluster = try harness.ask("show cluster")
        for line in [
            "primary: cluster2", "generation: 2", "diagnosis: -", "outage_length: 6.1s", "outage_from: cluster1",
            "outages: 1", "outage_generation: 2",
        ] {
            #expect(cluster.split(separator: "\n").contains(Substring(line)))
        }
        for subject in [
            "cluster", "counters", "failovers", "holds", "info", "nodes", "unknown", "outages", "process", "sessions",
            "stat",
        ] {
            let text = try harness.ask("show \(subject) json")
            #expect(text.hasSuffix("\n\n"))
            _ = try JSONSerialization.jsonObject(with: Data(text.utf8))
        }
        #expect(try harness.ask("show counters").contains("statements_begun: 9\n"))
    }

    @Test func garbageHurtsNobody() throws {
        let harness = try Harness()
        defer { harness.stop() }
        var seed: UInt64 = 0x9E37_79B9_7F4A_7C15
        func random() -> UInt64 {
            seed ^= seed << 13
            seed ^= seed >> 7
            seed ^= seed << 17
            return seed
        }
        for _ in 0..<200 {
            let client = try RawClient(harness.path)
            client.send((0..<Int(random() % 600)).map { _ in UInt8(truncatingIfNeeded: random()) })
            if random() % 2 == 0 {
                client.finishSending()
                _ = client.receive()
            }
        }
        #expect(try harness.ask("show version") == "1.2.3\n\n")
        #expect(harness.eventually { _, server in server.clientCount == 0 })
    }

    @Test func anEndlessLineIsEnded() throws {
        let harness = try Harness()
        defer { harness.stop() }
        let client = try RawClient(harness.path)
        let flood = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        var isOpen = true
        // The server stops reading, says why and closes: sooner or later no more can be sent.
        for _ in 0..<64 where isOpen { isOpen = client.send(flood) }
        #expect(!isOpen)
        #expect(harness.eventually { _, server in server.clientCount == 0 })
        let polite = try RawClient(harness.path)
        polite.send(flood[..<16_385])
        #expect(polite.receive() == "Line too long: there are at most 16384 bytes.\n\n")
        // Said once, however often it happens.
        #expect(harness.onLoop { source, _ in source.said } == [Complaint.lineTooLong.rawValue])
        #expect(try harness.ask("show version") == "1.2.3\n\n")
    }

    @Test func aHundredClientsAndNotOneTooMany() throws {
        var limits = AdminServer.Limits()
        limits.clientsMax = 100
        let harness = try Harness(limits: limits)
        defer { harness.stop() }
        let clients = try (0..<100).map { _ in try RawClient(harness.path) }
        for client in clients { client.send("prompt\n") }
        for client in clients { #expect(client.receive(3) == "\n> ") }
        let late = try RawClient(harness.path)
        #expect(late.receive() == "Too many connections to the admin socket.\n\n")
        #expect(harness.onLoop { source, _ in source.said } == [Complaint.tooManyClients.rawValue])
        for client in clients { client.send("show version\n") }
        for client in clients { #expect(client.receive(9) == "1.2.3\n\n> ") }
        clients[7].send("quit\n")
        #expect(clients[7].receive() == "")
        #expect(harness.eventually { _, server in server.clientCount == 99 })
        #expect(try harness.ask("show version") == "1.2.3\n\n")
    }

    @Test func whoSleepsMakesRoom() throws {
        var limits = AdminServer.Limits()
        limits.clientsMax = 3
        limits.patience = .milliseconds(30)
        let harness = try Harness(limits: limits, tcp: true)
        defer { harness.stop() }
        let sleepers = try (0..<3).map { _ in try RawClient(harness.path) }
        for sleeper in sleepers {
            sleeper.send("prompt\n")
            #expect(sleeper.receive(3) == "\n> ")
        }
        // Those on one listener keep nobody out of another.
        let port = try #require(harness.port)
        let remote = try RawClient(port: port)
        remote.send("show version\n")
        #expect(remote.receive() == "1.2.3\n\n")
        #expect(harness.onLoop { _, server in server.clientCount } == 3)
        // Turned away until somebody has slept long enough.
        var answer = ""
        while answer != "1.2.3\n\n" {
            answer = try harness.ask("show version")
            try #require(["1.2.3\n\n", "Too many connections to the admin socket.\n\n"].contains(answer))
        }
        #expect(sleepers[0].receive() == "Too many connections to the admin socket.\n\n")
        sleepers[2].send("show version\n")
        #expect(sleepers[2].receive(9) == "1.2.3\n\n> ")
    }

    @Test func manyCommandsInALineAreRefusedAsAWhole() throws {
        let harness = try Harness()
        defer { harness.stop() }
        let most = Array(repeating: "show version", count: 256).joined(separator: ";")
        #expect(try harness.ask(most) == String(repeating: "1.2.3\n\n", count: 256))
        #expect(
            try harness.ask("pause;" + most) == "Too many commands in one line: there are at most 256.\n\n")
        #expect(!harness.onLoop { source, _ in source.isPaused })
        #expect(
            try harness.ask(String(repeating: ";", count: 16_000))
                == "Too many commands in one line: there are at most 256.\n\n")
    }

    @Test func listsTogetherKeepNoMoreThanTheyMay() throws {
        var limits = AdminServer.Limits()
        limits.rowsMax = 50_000
        let harness = try Harness(limits: limits)
        defer { harness.stop() }
        harness.onLoop { source, _ in source.rows = (0..<20_000).map { Self.row($0) } }
        var slow: [RawClient] = []
        for number in 0..<4 {
            let client = try RawClient(harness.path)
            client.send("show sessions\n")
            // Its first rows have come, the others wait for it.
            #expect(client.receive(200).contains("id  client"))
            slow.append(client)
            #expect(harness.onLoop { _, server in server.clientCount } == min(number + 1, 2))
        }
        #expect(harness.onLoop { source, _ in source.said } == [Complaint.answerNotTaken.rawValue])
        #expect(slow[3].receive().split(separator: "\n").count >= 19_998)
        #expect(slow[0].receive().split(separator: "\n").count < 19_000)
    }

    @Test func aSlowReaderWaitsForItself() throws {
        let harness = try Harness()
        defer { harness.stop() }
        harness.onLoop { source, _ in source.rows = (0..<20_000).map { Self.row($0) } }
        let slow = try RawClient(harness.path)
        slow.send("show sessions;pause;show version\n")
        // The answer does not fit the socket: the next command must not be carried out before it is taken.
        #expect(try harness.ask("show version") == "1.2.3\n\n")
        #expect(!harness.onLoop { source, _ in source.isPaused })
        let answer = slow.receive()
        #expect(answer.hasSuffix("\n\nPaused; sessions in a transaction: 0.\n\n1.2.3\n\n"))
        #expect(answer.split(separator: "\n").count == 20_003)
        #expect(harness.onLoop { source, _ in source.isPaused })
    }

    @Test func whoTakesNothingIsClosed() throws {
        var limits = AdminServer.Limits()
        limits.idleTimeout = .milliseconds(50)
        let harness = try Harness(limits: limits)
        defer { harness.stop() }
        harness.onLoop { source, _ in source.rows = (0..<20_000).map { Self.row($0) } }
        let slow = try RawClient(harness.path)
        slow.send("show sessions\n")
        let silent = try RawClient(harness.path)
        #expect(silent.receive() == "")
        #expect(harness.eventually { _, server in server.clientCount == 0 })
        #expect(slow.receive().utf8.count < 2_000_000)
        #expect(harness.onLoop { source, _ in source.said } == [Complaint.answerNotTaken.rawValue])
    }

    @Test func laterAnswersFindTheirClientOrNobody() throws {
        let harness = try Harness()
        defer { harness.stop() }
        harness.onLoop { source, _ in
            source.holdsSessions = true
            source.rows = [Self.row(5)]
        }
        let patient = try RawClient(harness.path)
        patient.send("show sessions;show version\n")
        do {
            let gone = try RawClient(harness.path)
            gone.send("show sessions\n")
            #expect(harness.eventually { source, _ in source.waiting.count == 2 })
        }
        harness.onLoop { source, _ in source.answerSessions() }
        let lines = patient.receive().split(separator: "\n")
        #expect(lines.count == 3 && lines[1].contains("10.0.0.1:5") && lines[2] == "1.2.3")
        #expect(harness.eventually { _, server in server.clientCount == 0 })
    }

    @Test func pauseWaitsForBoundaries() throws {
        let harness = try Harness()
        defer { harness.stop() }
        harness.onLoop { source, _ in source.activity.sessionsInTransaction = 2 }
        #expect(try harness.ask("pause") == "Paused; sessions in a transaction: 2.\n\n")
        #expect(harness.onLoop { source, _ in source.isPaused })
        let late = try harness.ask("set severity-output number;pause wait 50ms")
        #expect(late.hasPrefix("\n[3]: Paused; sessions in a transaction after ") && late.hasSuffix(": 2.\n\n"))
        let waiting = try RawClient(harness.path)
        waiting.send("pause wait 20s\n")
        // It is under way when an answer to a later question has come.
        #expect(try harness.ask("show version") == "1.2.3\n\n")
        harness.onLoop { source, _ in source.activity.sessionsInTransaction = 0 }
        #expect(waiting.receive().hasPrefix("Paused; no session is in a transaction after "))
        harness.onLoop { source, _ in source.activity.sessionsInTransaction = 1 }
        let resumed = try RawClient(harness.path)
        resumed.send("pause wait 20s\n")
        #expect(harness.eventually { _, server in server.clientCount == 1 })
        #expect(try harness.ask("resume") == "Resumed.\n\n")
        #expect(resumed.receive() == "Resumed meanwhile; sessions in a transaction: 1.\n\n")
        #expect(try harness.ask("resume") == "Was not paused.\n\n")
    }

    @Test func aPauseWithALimitEndsByItself() throws {
        let harness = try Harness()
        defer { harness.stop() }
        #expect(try harness.ask("pause 30ms") == "Paused; sessions in a transaction: 0.\n\n")
        #expect(harness.eventually { source, _ in !source.isPaused })
        // A later pause without a limit is not ended by an earlier one's.
        #expect(try harness.ask("pause 30ms;pause").hasPrefix("Paused"))
        harness.onLoop { source, _ in source.activity.sessionsInTransaction = 1 }
        #expect(try harness.ask("pause wait 60ms").hasPrefix("Paused; sessions in a transaction after "))
    }

    @Test func reloadSaysWhatCameOfIt() throws {
        let harness = try Harness()
        defer { harness.stop() }
        #expect(try harness.ask("reload") == "Nothing has changed.\n\n")
        harness.onLoop { source, _ in source.reloading = .failure(ReloadFailure("f:1:1: bad")) }
        #expect(try harness.ask("set severity-output number;reload") == "\n[3]: f:1:1: bad\n\n")
    }
}

@Suite struct SocketFileTests {
    @Test func aStaleFileIsReplacedAndOurOwnRemoved() throws {
        let path = Harness.temporaryPath()
        Sockets.close(try Sockets.listenUnix(path, mode: 0o600))
        #expect(access(path, F_OK) == 0)
        let harness = try Harness(path: path, mode: 0o640)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o640)
        #expect(try harness.ask("show version") == "1.2.3\n\n")
        harness.stop()
        #expect(access(path, F_OK) != 0)
    }

    @Test func oneThatAnswersIsLeftAlone() throws {
        let harness = try Harness()
        defer { harness.stop() }
        let error = #expect(throws: SystemError.self) { try Harness(path: harness.path) }
        #expect(error?.errno == EADDRINUSE)
        #expect(try harness.ask("show version") == "1.2.3\n\n")
    }

    @Test func whatAnotherHasPutThereIsNotRemoved() throws {
        let harness = try Harness()
        unlink(harness.path)
        let other = try Sockets.listenUnix(harness.path, mode: 0o600)
        harness.stop()
        #expect(access(harness.path, F_OK) == 0)
        Sockets.close(other)
        unlink(harness.path)
    }

    @Test func aFileOfAnotherKindIsLeftAlone() throws {
        let path = Harness.temporaryPath()
        try "mine".write(toFile: path, atomically: true, encoding: .utf8)
        defer { unlink(path) }
        #expect(throws: SystemError.self) { try Harness(path: path) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "mine")
    }

    @Test func nobodyThereIsSaid() {
        let error = #expect(throws: SystemError.self) { try AdminClient.ask("help", at: "/tmp/no/such/socket") }
        #expect(error?.reason == "No such file or directory")
    }
}

@Suite struct ComplaintTests {
    @Test func oneLineAMinuteForEach() {
        var book = ComplaintBook()
        let at = { (seconds: Int64) in Instant(nanoseconds: seconds * 1_000_000_000) }
        #expect(book.sentence(.lineTooLong, at: at(0)) != nil && book.sentence(.lineTooLong, at: at(59)) == nil)
        #expect(book.sentence(.tooManyClients, at: at(59)) != nil && book.sentence(.lineTooLong, at: at(60)) != nil)
    }
}
