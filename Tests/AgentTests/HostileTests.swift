import Cluster
import Evidence
import Glibc
import Reactor
import Testing

@testable import Agent

private let key = Array("the key of both sides".utf8)

/// An agent's port, proxies, and strangers before it.
private final class Siege {
    let loop: EventLoop
    private(set) var server: AgentServer
    private(set) var notes: [String] = []
    private var strangers: [Int32] = []
    private var clients: [AgentClient] = []
    private(set) var reports: [String: [NodeReport]] = [:]
    private(set) var losses: [String: Int] = [:]

    init(_ change: (inout AgentServer.Options) -> Void = { _ in }) throws {
        loop = try EventLoop()
        var options = AgentServer.Options(node: "cluster1", key: key)
        options.heartbeat = .milliseconds(50)
        change(&options)
        var note: (String) -> Void = { _ in }
        server = try Siege.server(loop, options, port: 0) { note($0) }
        note = { [unowned self] in notes.append($0) }
    }

    private static func server(
        _ loop: EventLoop, _ options: AgentServer.Options, port: UInt16, _ onNote: @escaping (String) -> Void
    ) throws -> AgentServer {
        try AgentServer(
            listen: Endpoint(host: "127.0.0.1", port: port), loop: loop, options: options,
            onMove: { $1(false, $0) }, onClear: { $1(false, "") }, onPlan: { $1(false, $0) }, onNote: onNote)
    }

    /// The agent ends and begins again, and knows nothing of before.
    func restart() throws {
        let port = server.port
        server.close()
        var options = AgentServer.Options(node: "cluster1", key: key)
        options.heartbeat = .milliseconds(50)
        server = try Siege.server(loop, options, port: port) { [unowned self] in notes.append($0) }
    }

    func publish(_ phase: Phase?) {
        server.publish(NodeReport(node: "cluster1", phase: phase), at: MonotonicClock.now())
    }

    @discardableResult func proxy(_ name: String) throws -> AgentClient {
        var options = AgentClient.Options(name: name, key: key)
        options.retryFirst = .milliseconds(10)
        options.retryMax = .milliseconds(40)
        let address = try Sockets.resolve(Endpoint(host: "127.0.0.1", port: server.port))
        let client = AgentClient(loop: loop, node: "cluster1", address: address, options: options) {
            [unowned self] event in
            switch event {
            case .report(let report, _, _): reports[name, default: []].append(report)
            case .lost: losses[name, default: 0] += 1
            case .established, .refused, .pause, .resume, .moved: break
            }
        }
        clients.append(client)
        client.start()
        return client
    }

    /// Connects without a word of its own.
    func stranger() throws -> Int32 {
        let descriptor = try Sockets.connect(to: Sockets.resolve(Endpoint(host: "127.0.0.1", port: server.port)))
        strangers.append(descriptor)
        // The agent has closed those long ago, and a process may have no more than 1024.
        if strangers.count > 300 { Sockets.close(strangers.removeFirst()) }
        return descriptor
    }

    func say(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { _ = try? Sockets.send(descriptor, $0) }
    }

    /// What the agent says first; empty where it has closed.
    func hear(_ descriptor: Int32) -> String {
        var heard: [UInt8] = []
        _ = run {
            withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
                guard case .bytes(let count) = try? Sockets.receive(descriptor, into: buffer) else { return }
                heard += buffer[..<count]
            }
            return heard.contains(UInt8(ascii: "\n"))
        }
        return String(decoding: heard, as: UTF8.self)
    }

    func isClosed(_ descriptor: Int32) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
            while true {
                switch try? Sockets.receive(descriptor, into: buffer) {
                case .bytes: continue
                case .wouldBlock: return false
                case .ended, nil: return true
                }
            }
        }
    }

    /// Whether it came true.
    func run(until condition: @escaping () -> Bool) -> Bool {
        let look = loop.schedule(every: .milliseconds(1)) { [loop] in if condition() { loop.stop() } }
        let end = loop.schedule(after: .seconds(120)) { [loop] in loop.stop() }
        loop.run()
        look.cancel()
        end.cancel()
        return condition()
    }

    func end() {
        for client in clients { client.stop() }
        for descriptor in strangers { Sockets.close(descriptor) }
        server.close()
    }
}

@Suite struct HostileTests {
    /// Two proxies with the key, and counts whose sum does not fit.
    @Test func hugeCountsDoNotEndTheAgent() throws {
        let siege = try Siege()
        defer { siege.end() }
        siege.publish(nil)
        let proxies = [try siege.proxy("a"), try siege.proxy("b"), try siege.proxy("c")]
        #expect(siege.run { siege.server.proxyCount == 3 })
        var outcome: AgentServer.PauseOutcome?
        siege.server.pause(wait: .seconds(60), reason: "stop") { outcome = $0 }
        for (proxy, open) in zip(proxies, [Int.max, .max, .min]) { proxy.send(.paused(id: 1, open: open)) }
        #expect(siege.run { outcome != nil })
        #expect(outcome == AgentServer.PauseOutcome(asked: 3, clear: 0, open: .max))
    }

    @Test func aThousandStrangersKeepNobodyOut() throws {
        let siege = try Siege()
        defer { siege.end() }
        siege.publish(nil)
        try siege.proxy("there-before")
        #expect(siege.run { siege.server.proxyCount == 1 })
        var opened = 0
        for _ in 0..<1000 {
            _ = try siege.stranger()
            opened += 1
            // The agent takes them while they come.
            if opened % 50 == 0 { _ = siege.run { true } }
        }
        try siege.proxy("late")
        #expect(siege.run { siege.server.proxyCount == 2 && siege.reports["late"] != nil })
        #expect(siege.losses["there-before"] == nil)
        #expect(siege.run { siege.notes.contains { $0.hasSuffix("more strangers were closed within a second.") } })
        // Not a line for each of them.
        #expect(siege.notes.count < 200)
    }

    @Test func aFullHouseOfProxiesTakesNoMore() throws {
        let siege = try Siege { $0.proxiesMax = 2 }
        defer { siege.end() }
        siege.publish(nil)
        try siege.proxy("one")
        try siege.proxy("two")
        #expect(siege.run { siege.server.proxyCount == 2 })
        let third = try siege.stranger()
        #expect(siege.run { siege.isClosed(third) })
        #expect(siege.losses.isEmpty)
    }

    /// A byte now and then, for ever: over when its time is over.
    @Test func whoSpeaksSlowlyIsClosed() throws {
        let siege = try Siege { $0.strangerTimeout = .milliseconds(60) }
        defer { siege.end() }
        let slow = try siege.stranger()
        #expect(siege.hear(slow).hasPrefix("haproxydb-evidence 1 agent cluster1 "))
        let drip = siege.loop.schedule(every: .milliseconds(5)) { siege.say([UInt8(ascii: "h")], to: slow) }
        #expect(siege.run { siege.isClosed(slow) })
        drip.cancel()
        #expect(siege.notes.contains { $0.contains("has not proved that it knows the key") })
    }

    @Test func endlessLinesAndGarbageAreClosedAndSaid() throws {
        let siege = try Siege()
        defer { siege.end() }
        let sentences = [
            ([UInt8](repeating: 65, count: 4096), "a line without an end"),
            (Array("GET / HTTP/1.1\r\n\r\n".utf8), "it does not speak the protocol"),
            ([0, 255, 10], "it does not speak the protocol"),
        ]
        for (bytes, reason) in sentences {
            let stranger = try siege.stranger()
            #expect(!siege.hear(stranger).isEmpty)
            siege.say(bytes, to: stranger)
            #expect(siege.run { siege.isClosed(stranger) })
            #expect(siege.notes.last?.hasSuffix("is no proxy of ours: \(reason).") ?? false, "\(siege.notes)")
        }
    }

    /// What a real proxy said to get in, and what it asked for, recorded and said again on another connection.
    @Test func aReplayGetsNobodyIn() throws {
        let siege = try Siege()
        defer { siege.end() }
        let first = try siege.stranger()
        let greeting = siege.hear(first)
        var link = EvidenceLink(
            side: .proxy, name: "proxy", key: key, nonce: EvidenceConnection.freshNonce(), expectedPeer: "cluster1")
        _ = link.received(greeting.utf8)
        let proof = link.takeOutgoing()
        siege.say(proof, to: first)
        let welcome = siege.hear(first)
        #expect(welcome.hasPrefix("welcome "))
        _ = link.received(welcome.utf8)
        link.send(.move(id: 1, to: "cluster2"))
        let wish = link.takeOutgoing()
        siege.say(wish, to: first)
        #expect(siege.run { siege.notes.contains { $0.contains("asks to make cluster2 the primary") } })
        // The wish once more: numbers never come twice.
        siege.say(wish, to: first)
        #expect(siege.run { siege.isClosed(first) })
        #expect(siege.notes.last?.contains("a message is missing, or came twice") ?? false)

        let second = try siege.stranger()
        #expect(siege.hear(second) != greeting)
        siege.say(proof + wish, to: second)
        #expect(siege.run { siege.isClosed(second) })
        #expect(siege.notes.last?.contains("it does not know the key") ?? false)
        #expect(siege.notes.count { $0.contains("asks to make") } == 1)
    }

    /// Cut anywhere, and closed: no trace is left.
    @Test func aConversationThatIsCutIsForgotten() throws {
        let siege = try Siege()
        defer { siege.end() }
        for length in stride(from: 0, through: 220, by: 20) as StrideThrough<Int> {
            let stranger = try siege.stranger()
            let greeting = siege.hear(stranger)
            var link = EvidenceLink(
                side: .proxy, name: "proxy", key: key, nonce: EvidenceConnection.freshNonce(), expectedPeer: "cluster1")
            _ = link.received(greeting.utf8)
            let notes = siege.notes.count
            siege.say(Array(link.takeOutgoing().prefix(length)), to: stranger)
            shutdown(stranger, Int32(SHUT_WR))
            #expect(siege.run { siege.notes.count > notes && siege.server.proxyCount == 0 })
        }
    }

    @Test func twoProxiesHearTheSameAndEachGoesByItself() throws {
        let siege = try Siege()
        defer { siege.end() }
        siege.publish(nil)
        let one = try siege.proxy("one")
        try siege.proxy("two")
        #expect(siege.run { siege.reports["one"] != nil && siege.reports["two"] != nil })
        siege.publish(.mounting)
        #expect(
            siege.run {
                siege.reports["one"]?.last?.phase == .mounting && siege.reports["two"]?.last?.phase == .mounting
            })
        one.stop()
        #expect(siege.run { siege.server.proxyCount == 1 })
        siege.publish(.starting)
        #expect(siege.run { siege.reports["two"]?.last?.phase == .starting })
        // The proxy that was gone is there again, with its first word the present one.
        one.start()
        #expect(siege.run { siege.reports["one"]?.last?.phase == .starting })
        #expect(siege.losses["two"] == nil)
    }

    @Test func anAgentThatBeginsAgainIsHeardAgain() throws {
        let siege = try Siege()
        defer { siege.end() }
        siege.publish(.mounting)
        try siege.proxy("one")
        #expect(siege.run { siege.reports["one"]?.last?.phase == .mounting })
        try siege.restart()
        #expect(siege.run { siege.losses["one"] == 1 })
        // It has seen nothing yet, and what it said before it was restarted is not repeated.
        #expect(siege.run { siege.server.proxyCount == 1 })
        #expect(siege.reports["one"]?.last?.phase == .mounting)
        siege.publish(.starting)
        #expect(siege.run { siege.reports["one"]?.last?.phase == .starting })
        #expect(siege.losses["one"] == 1)
    }
}
