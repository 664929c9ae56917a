import Cluster
import Foundation
import Reactor
import Testing

@testable import Admin

private func view(primary: Int?, generation: UInt64, diagnosis: Diagnosis? = nil) -> ClusterView {
    let now = MonotonicClock.now()
    var view = ClusterView.unobserved(
        ["cluster1", "cluster2"].enumerated().map {
            Node(id: NodeID($0.offset), name: $0.element, endpoint: Endpoint(host: "10.0.0.\($0.offset)", port: 3306))
        }, at: now)
    view.primary = primary.map { NodeID($0) }
    view.generation = Generation(generation)
    view.phase = primary == nil ? .lost : .ready
    view.diagnosis = diagnosis
    return view
}

@Suite
struct HTTPServerTests {
    private func run(
        token: String? = nil, limits: HTTPServer.Limits = .init(), _ body: (WebHarness) throws -> Void
    ) throws {
        let web = try WebHarness(token: token, limits: limits)
        defer { web.stop() }
        try body(web)
    }

    @Test("every path has its answer, the others 404, other methods 405")
    func paths() throws {
        try run { web in
            for (path, type) in [
                ("/", "text/html; charset=utf-8"), ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
                ("/health", "text/plain; charset=utf-8"), ("/api/view", "application/json"),
                ("/api/sessions", "application/json"), ("/metrics?x=1", "text/plain; version=0.0.4; charset=utf-8"),
            ] {
                let answer = try web.get(path)
                #expect(answer.status == 200, "\(path)")
                #expect(answer.headers["content-type"] == type)
                #expect(answer.headers["cache-control"] == "no-store")
                #expect(!answer.body.isEmpty)
            }
            #expect(try web.get("/metric").status == 404)
            #expect(try web.get("/metrics/").status == 404)
            for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
                let answer = try web.get("/metrics", method: method, headers: ["Content-Length: 0"])
                #expect(answer.status == 405, "\(method)")
                #expect(answer.headers["allow"] == "GET, HEAD")
            }
        }
    }

    @Test("the primary is 200 with its name, none is 503 with the diagnosis")
    func primary() throws {
        try run { web in
            let none = try web.get("/primary")
            #expect(none.status == 503)
            web.onLoop { source, _ in source.view = view(primary: nil, generation: 3, diagnosis: .twoPrimaries) }
            #expect(try web.get("/primary").body.contains("\"diagnosis\":\"twoPrimaries\""))
            web.onLoop { source, _ in source.view = view(primary: 1, generation: 4) }
            let there = try web.get("/primary")
            #expect(there.status == 200)
            #expect(there.body.contains("\"primary\":\"cluster2\",\"address\":\"10.0.0.1:3306\",\"generation\":4"))
            #expect(try web.get("/health").body == "ok\n")
        }
    }

    @Test("HEAD has the same head and no body; a connection serves many requests")
    func keepsAlive() throws {
        try run { web in
            let client = try web.client()
            for _ in 0..<3 {
                client.ask("/health")
                #expect(client.receiveAnswer()?.body == "ok\n")
                client.ask("/health", method: "HEAD")
                let head = client.receiveAnswer(hasBody: false)
                #expect(head?.status == 200)
                #expect(head?.headers["content-length"] == "3")
            }
            client.ask("/events", method: "HEAD")
            #expect(client.receiveAnswer(hasBody: false)?.headers["content-type"] == "text/event-stream")
            #expect(web.onLoop { $1.connectionCount } == 1)
        }
    }

    @Test("with a token, nothing is had without it")
    func token() throws {
        let token = "0123456789abcdef+/"
        try run(token: token) { web in
            for path in ["/", "/metrics", "/health", "/primary", "/api/view", "/api/sessions", "/events", "/x"] {
                let answer = try web.get(path)
                #expect(answer.status == 401, "\(path)")
                #expect(answer.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
            }
            #expect(try web.get("/health", headers: ["Authorization: Bearer \(token)"]).status == 200)
            #expect(try web.get("/health", headers: ["authorization: bearer \(token)"]).status == 200)
            #expect(try web.get("/health?token=0123456789abcdef%2B%2F").status == 200)
            #expect(try web.get("/health?a=b&token=\(token)").status == 200)
            #expect(try web.get("/health", headers: ["Authorization: Bearer \(token)x"]).status == 401)
            #expect(try web.get("/health", headers: ["Authorization: Basic \(token)"]).status == 401)
            #expect(try web.get("/health?token=0123456789abcdef").status == 401)
            #expect(try web.get("/health?token=").status == 401)
            #expect(try web.get("/health?token=%").status == 401)
            #expect(try web.get("/metrics", method: "POST", headers: ["Content-Length: 0"]).status == 401)
        }
    }

    @Test("without a token, a foreign name for this address is refused")
    func rebinding() throws {
        try run { web in
            for (host, status) in [
                ("evil.example", 403), ("evil.example:8404", 403), ("localhost:8404", 200), ("127.0.0.1", 200),
                ("[::1]:8404", 200), ("[evil]", 403),
            ] {
                let client = try web.client()
                client.ask("/health", host: host, headers: ["Connection: close"])
                #expect(WebAnswer(client.receiveAll()).status == status, "\(host)")
            }
        }
    }

    @Test("an event stream has the hour so far, then every second and every change of the view")
    func events() throws {
        try run { web in
            web.onLoop { source, server in
                source.view = view(primary: 0, generation: 1)
                server.viewChanged()
                var sample = WorkSample()
                sample.users = 4
                sample.begun = 10
                sample.answered = 9
                sample.failed = 1
                sample.usersAffected = 1
                sample.latency = [0, 0, 9]
                server.record(sample)
            }
            let client = try web.client()
            client.ask("/events")
            let start = try #require(client.receive(upTo: "event: outages\ndata: []\n\n"))
            #expect(start.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(start.contains("event: history\ndata: [["))
            #expect(start.contains(",4,1,10,9,1,0,0,1,2,2]]\n\n"))
            #expect(web.onLoop { $1.eventStreamCount } == 1)
            web.onLoop { source, server in
                source.view = view(primary: nil, generation: 1, diagnosis: .primaryLost)
                source.view.cautions = [.agentSilent, .hostBlocked]
                var outage = OutageReport(began: 1234, length: .seconds(1))
                outage.isUnderWay = true
                outage.from = "cluster1"
                source.outageReports = [outage]
                server.viewChanged()
            }
            #expect(
                client.receive(upTo: "\"diagnosis\":\"primaryLost\",\"cautions\":[\"agentSilent\",\"hostBlocked\"]")
                    != nil)
            #expect(client.receive(upTo: "event: outages\ndata: [{\"began\":1234,\"length_ms\":1000,") != nil)
            #expect(client.receive(upTo: "\"under_way\":true,") != nil)
            #expect(client.receive(upTo: "\"from\":\"cluster1\",\"to\":null,\"gained\":null,") != nil)
            web.onLoop { _, server in server.record(WorkSample()) }
            #expect(client.receive(upTo: "event: second\ndata: [") != nil)
            // An outage ends without a change of the view: the next second tells.
            web.onLoop { source, server in
                source.outageReports[0].isUnderWay = false
                server.record(WorkSample())
                server.record(WorkSample())
            }
            let text = client.receive(upTo: "\"under_way\":false,") ?? ""
            #expect(text.contains("event: outages\n"))
            let rest = client.receive(upTo: "event: second") ?? "event: outages"
            #expect(!rest.contains("event: outages"))
        }
    }

    @Test("streams that clients leave are forgotten; there are no more than the limit")
    func streamsEnd() throws {
        var limits = HTTPServer.Limits()
        limits.streamsMax = 3
        try run(limits: limits) { web in
            for _ in 0..<5 {
                var clients: [WebClient] = []
                for _ in 0..<3 {
                    let client = try web.client()
                    client.ask("/events")
                    #expect(client.receive(upTo: "event: outages") != nil)
                    clients.append(client)
                }
                let late = try web.client()
                late.ask("/events")
                #expect(late.receiveAnswer()?.status == 503)
                clients = []
                // Seconds go on, to clients that have gone, too.
                #expect(
                    web.eventually { _, server in
                        server.record(WorkSample())
                        return server.eventStreamCount == 0
                    })
            }
        }
    }

    @Test("a reader of events that does not read is dropped")
    func slowReader() throws {
        var limits = HTTPServer.Limits()
        limits.streamBufferMax = 100_000
        try run(limits: limits) { web in
            let client = try web.client()
            client.ask("/events")
            #expect(client.receive(upTo: "event: outages") != nil)
            let isDropped = web.eventually { source, server in
                source.view = view(primary: nil, generation: 1)
                for _ in 0..<100 { server.record(WorkSample()) }
                return server.eventStreamCount == 0
            }
            #expect(isDropped)
            #expect(try web.get("/health").status == 200)
        }
    }

    @Test("garbage, endless heads and bodies, and half requests harm nobody")
    func hostile() throws {
        try run { web in
            let endless = String(repeating: "a", count: 100_000)
            for text in [
                "\r\n\r\n", "GARBAGE\r\n\r\n", "FOO / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                "GET /\(endless) HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nX: \(endless)\r\n\r\n", endless + endless,
                "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n\(endless)",
                "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "GET http://[::1 HTTP/1.1\r\n\r\n", "GET %00%ff HTTP/1.0\r\n\r\n", "\0\0\0\0\0\0\0\r\n\r\n",
                "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: \0\r\n\r\n",
            ] {
                let client = try web.client()
                client.send(text)
                client.ask("/health", headers: ["Connection: close"])
                let half = try web.client()
                half.send(String(text.prefix(20)))
                #expect(try web.get("/health").body == "ok\n", "after \(text.prefix(40))")
            }
            // Whoever talks into an event stream is not heard, and is not kept in memory either.
            let talker = try web.client()
            talker.ask("/events")
            #expect(talker.receive(upTo: "event: outages") != nil)
            talker.send(endless)
            #expect(
                web.onLoop { _, server in
                    server.record(WorkSample())
                    return true
                })
            #expect(talker.receive(upTo: "event: second") != nil)
        }
    }

    private static let row = SessionRow(
        id: 7, client: "10.0.0.9:1", user: "<b>\"u\"</b>\n", database: "", state: "idle", node: "cluster1",
        thread: 1, age: .seconds(2), idle: .zero, statements: 3, bytesIn: 1, bytesOut: 2, moves: 0)

    @Test("a list of sessions that is answered later, or too late; who waits meanwhile shares the next")
    func sessions() throws {
        let token = "0123456789abcdef"
        var limits = HTTPServer.Limits()
        limits.sessionListsMax = 4
        try run(token: token, limits: limits) { web in
            web.onLoop { source, _ in
                source.rows = [Self.row]
                source.holdsSessions = true
            }
            let path = "/api/sessions?token=\(token)"
            let client = try web.client()
            client.ask(path)
            #expect(web.eventually { source, _ in source.waiting.count == 1 })
            let others = try (0..<3).map { _ in try web.client() }
            for other in others { other.ask(path) }
            #expect(web.eventually { _, server in server.connectionCount == 4 })
            let late = try web.client()
            late.ask(path)
            #expect(late.receiveAnswer()?.status == 503)
            do {
                let gone = try web.client()
                gone.ask(path)
            }
            #expect(web.onLoop { source, _ in source.waiting.count } == 1)
            web.onLoop { source, _ in source.answerSessions() }
            let body = client.receiveAnswer()?.body ?? ""
            #expect(body.contains("\"user\":\"<b>\\\"u\\\"</b>\\n\""))
            #expect(body.hasPrefix("{\"count\":1,\"truncated\":false,\"hidden\":false,"))
            #expect(web.eventually { source, _ in source.waiting.count == 1 })
            web.onLoop { source, _ in source.answerSessions() }
            for other in others { #expect(other.receiveAnswer()?.body == body) }
            #expect(try web.get("/health?token=\(token)").status == 200)
            // The server ends while one is waited for.
            client.ask(path)
            #expect(web.eventually { source, _ in source.waiting.count == 1 })
            web.onLoop { source, server in
                server.close()
                source.answerSessions()
            }
        }
    }

    @Test("without a token there are counts, and nothing of users and clients, on any path; with one there is")
    func users() throws {
        for token in [nil, "0123456789abcdef"] as [String?] {
            try run(token: token) { web in
                web.onLoop { source, server in
                    var view = view(primary: 0, generation: 1)
                    view.nodes[1].lastCheck = "check account refused: Access denied for user 'u' from 10.0.0.9"
                    source.view = view
                    source.rows = [Self.row]
                    source.activity.sessions = 1
                    server.viewChanged()
                    server.record(WorkSample())
                }
                let query = token.map { "?token=\($0)" } ?? ""
                let sessions = try web.get("/api/sessions" + query).body
                #expect(sessions.hasPrefix("{\"count\":1,"))
                let client = try web.client()
                client.ask("/events" + query)
                let events = try #require(client.receive(upTo: "event: outages\ndata: []\n\n"))
                let texts = try ["/", "/metrics", "/primary", "/api/view", "/health"].map {
                    try web.get($0 + query).body
                }
                for text in texts + [sessions, events] {
                    let names = ["10.0.0.9", "<b>", "user 'u'"].filter { text.contains($0) }
                    #expect(names.isEmpty || token != nil, "\(names) in \(text)")
                }
                #expect(sessions.contains("10.0.0.9") == (token != nil))
                #expect(events.contains("user 'u'") == (token != nil))
            }
        }
    }

    @Test("what waits to be taken is bounded over all connections")
    func manyWhoDoNotRead() throws {
        var limits = HTTPServer.Limits()
        limits.outputMax = 1 << 20
        let token = "0123456789abcdef"
        try run(token: token, limits: limits) { web in
            web.onLoop { source, _ in source.rows = Array(repeating: Self.row, count: 1000) }
            let request = "GET /api/sessions?token=\(token) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            var clients: [WebClient] = []
            // More than the kernel keeps for them, and nobody reads.
            for _ in 0..<16 {
                let client = try web.client()
                client.send(String(repeating: request, count: 100))
                clients.append(client)
            }
            #expect(web.eventually { _, server in server.refusedForOutput > 0 })
            #expect(web.onLoop { _, server in server.outputBytes } <= (1 << 20) + 16_384)
            clients = []
            #expect(web.eventually { _, server in server.connectionCount == 0 })
            #expect(try web.get("/metrics?token=\(token)").status == 200)
        }
    }

    @Test("whoever does not come to the point is shown out, by time and by number, and the log says so")
    func slowHeads() throws {
        var limits = HTTPServer.Limits()
        limits.guestsMax = 20
        limits.patience = .milliseconds(100)
        try run(limits: limits) { web in
            let slow = try (0..<10).map { _ in try web.client() }
            for client in slow { client.send("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-") }
            for client in slow { #expect(client.receiveAll() == "") }
            #expect(web.eventually { source, server in server.guestCount == 0 && source.said.count == 1 })
            #expect(web.onLoop { source, _ in source.said } == [Complaint.headNotSent.rawValue])
        }
        limits.patience = .seconds(600)
        try run(limits: limits) { web in
            let slow = try (0..<50).map { _ in try web.client() }
            for client in slow {
                client.send("GET /health HTTP/1.1\r\n")
                #expect(try web.get("/health").status == 200)
            }
            #expect(web.onLoop { $1.guestCount } <= 20)
            // The oldest have gone; the others may still ask.
            #expect(slow[0].receiveAll() == "")
            slow[49].send("Host: 127.0.0.1\r\nConnection: close\r\n\r\n")
            #expect(WebAnswer(slow[49].receiveAll()).status == 200)
            // Those who go by themselves are forgotten.
            let gone = web.onLoop { $1.guestCount }
            #expect(gone > 0)
        }
    }

    @Test("a thousand scrapes at once are all answered")
    func manyScrapes() throws {
        try run { web in
            // Both ends are in this process.
            try #require(try DescriptorLimit.raise() > 2200)
            let clients = try (0..<1000).map { _ in try web.client() }
            for client in clients { client.ask("/metrics") }
            for client in clients {
                let answer = client.receiveAnswer()
                #expect(answer?.status == 200)
                #expect(answer?.body.hasSuffix("\n") == true)
            }
            #expect(web.onLoop { $1.connectionCount } == 1000)
        }
    }
}
