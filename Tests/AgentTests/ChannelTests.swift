import Cluster
import Reactor
import Testing

@testable import Agent

private let key = Array("the key of both sides".utf8)

/// A loop that runs until something has happened, or far too much time has passed.
private final class Scene {
    let loop: EventLoop
    var events: [AgentClient.Event] = []
    var notes: [String] = []
    var moves: [String] = []
    private var condition: () -> Bool = { false }

    init() throws { loop = try EventLoop() }

    func server(
        node: String = "cluster1", port: UInt16 = 0, _ change: (inout AgentServer.Options) -> Void = { _ in }
    ) throws -> AgentServer {
        var options = AgentServer.Options(node: node, key: key)
        options.heartbeat = .milliseconds(50)
        change(&options)
        return try AgentServer(
            listen: Endpoint(host: "127.0.0.1", port: port), loop: loop, options: options,
            onMove: { [unowned self] to, answer in
                moves.append(to)
                answer(to == "cluster2", "as you say")
            },
            onClear: { [unowned self] isSettled, answer in
                moves.append(isSettled ? "settled" : "undone")
                answer(true, "cleared")
            }, onPlan: { $1(true, "would move to \($0)") }, onNote: { [unowned self] in notes.append($0) })
    }

    func client(
        to port: UInt16, key: [UInt8] = key, _ change: (inout AgentClient.Options) -> Void = { _ in }
    ) throws -> AgentClient {
        var options = AgentClient.Options(name: "proxy-1", key: key)
        options.retryFirst = .milliseconds(10)
        options.retryMax = .milliseconds(40)
        change(&options)
        let address = try Sockets.resolve(Endpoint(host: "127.0.0.1", port: port))
        let client = AgentClient(loop: loop, node: "cluster1", address: address, options: options) { [unowned self] in
            events.append($0)
        }
        client.start()
        return client
    }

    /// Whether it came true.
    func run(until condition: @escaping () -> Bool) -> Bool {
        let look = loop.schedule(every: .milliseconds(1)) { [loop] in if condition() { loop.stop() } }
        let end = loop.schedule(after: .seconds(20)) { [loop] in loop.stop() }
        loop.run()
        look.cancel()
        end.cancel()
        return condition()
    }
}

private func report(_ phase: Phase? = nil) -> NodeReport { NodeReport(node: "cluster1", phase: phase) }

extension AgentClient.Event {
    fileprivate var report: NodeReport? { if case .report(let report, _, _) = self { report } else { nil } }
    fileprivate var isLoss: Bool { if case .lost = self { true } else { false } }
}

@Suite struct ChannelTests {
    @Test func whatIsPublishedArrivesOnChangeAndAsHeartbeat() throws {
        let scene = try Scene()
        let server = try scene.server()
        server.publish(report(), at: MonotonicClock.now())
        let client = try scene.client(to: server.port)
        #expect(scene.run { scene.events.compactMap(\.report).count >= 3 })
        #expect(scene.events.first == .established)
        server.publish(report(.mounting), at: MonotonicClock.now())
        #expect(scene.run { scene.events.last?.report?.phase == .mounting })
        #expect(scene.notes.count == 1)
        client.stop()
        server.close()
    }

    @Test func aStrangersKeyIsRefusedAndNotedAndTriedAgain() throws {
        let scene = try Scene()
        let server = try scene.server()
        server.publish(report(), at: MonotonicClock.now())
        let client = try scene.client(to: server.port, key: Array("some other key".utf8))
        #expect(scene.run { scene.notes.count >= 3 })
        #expect(scene.notes.allSatisfy { $0.contains("it does not know the key") })
        // Told once, however often it is tried.
        #expect(scene.events == [.lost(EvidenceConnection.unwelcome)])
        #expect(server.proxyCount == 0)
        client.stop()
        server.close()
    }

    @Test func anotherKeyAfterARestartIsToldThoughTheLossWas() throws {
        let scene = try Scene()
        var server = try scene.server()
        let client = try scene.client(to: server.port)
        #expect(scene.run { scene.events == [.established] })
        let port = server.port
        server.close()
        #expect(scene.run { scene.events.last?.isLoss == true })
        server = try scene.server(port: port) { $0 = .init(node: "cluster1", key: Array("some other secret".utf8)) }
        #expect(scene.run { scene.notes.count { $0.contains("does not know the key") } >= 3 })
        #expect(scene.events.dropFirst(2) == [.refused(EvidenceConnection.unwelcome)])
        client.stop()
        server.close()
    }

    @Test func whoSaysNothingIsClosed() throws {
        let scene = try Scene()
        let server = try scene.server { $0.strangerTimeout = .milliseconds(30) }
        let address = try Sockets.resolve(Endpoint(host: "127.0.0.1", port: server.port))
        let descriptor = try Sockets.connect(to: address)
        defer { Sockets.close(descriptor) }
        #expect(scene.run { !scene.notes.isEmpty })
        #expect(scene.notes[0].contains("has not proved"))
        server.close()
    }

    @Test func anAgentThatFallsSilentIsLostAndFoundAgain() throws {
        let scene = try Scene()
        let silent = try scene.server { $0.heartbeat = .seconds(3600) }
        silent.publish(report(), at: MonotonicClock.now())
        let client = try scene.client(to: silent.port) { $0.silenceMax = .milliseconds(60) }
        #expect(scene.run { scene.events.contains(.lost("it says nothing")) })
        // It is there again at once, and told to be.
        #expect(scene.run { scene.events.last?.report != nil })
        silent.close()
        #expect(scene.run { scene.events.last?.isLoss == true })
        client.stop()
    }

    @Test func anotherNodesAgentIsNotHeard() throws {
        let scene = try Scene()
        let server = try scene.server(node: "cluster2")
        let client = try scene.client(to: server.port)
        #expect(scene.run { scene.events.first == .lost("it is another node's agent") })
        client.stop()
        server.close()
    }

    @Test func aPauseIsOverWhenAllHaveAnswered() throws {
        let scene = try Scene()
        let server = try scene.server()
        server.publish(report(), at: MonotonicClock.now())
        var outcome: AgentServer.PauseOutcome?
        server.pause(wait: .seconds(5), reason: "stop") { outcome = $0 }
        #expect(outcome == .init(asked: 0, clear: 0, open: 0))
        outcome = nil
        let first = try scene.client(to: server.port)
        let second = try scene.client(to: server.port)
        #expect(scene.run { server.proxyCount == 2 })
        server.pause(wait: .seconds(5), reason: "stop") { outcome = $0 }
        #expect(scene.run { scene.events.count { if case .pause = $0 { true } else { false } } == 2 })
        first.send(.paused(id: 2, open: 0))
        second.send(.paused(id: 2, open: 0))
        #expect(scene.run { outcome != nil })
        // The first pause had no one to ask.
        #expect(outcome == .init(asked: 2, clear: 2, open: 0))
        #expect(server.resume(reason: "started") == 2)
        #expect(scene.run { scene.events.contains(.resume(reason: "started")) })
        first.stop()
        second.stop()
        server.close()
    }

    @Test func aProxyThatDoesNotAnswerHoldsNobodyUpForLong() throws {
        let scene = try Scene()
        let server = try scene.server()
        let client = try scene.client(to: server.port)
        #expect(scene.run { server.proxyCount == 1 })
        var outcome: AgentServer.PauseOutcome?
        server.pause(wait: .milliseconds(20), reason: "stop") { outcome = $0 }
        #expect(scene.run { outcome != nil })
        #expect(outcome == .init(asked: 1, clear: 0, open: 0))
        // Nor does one that goes away meanwhile.
        outcome = nil
        server.pause(wait: .seconds(3600), reason: "stop") { outcome = $0 }
        client.stop()
        #expect(scene.run { outcome != nil })
        server.close()
    }

    @Test func aMoveIsAskedForAndAnswered() throws {
        let scene = try Scene()
        let server = try scene.server()
        let client = try scene.client(to: server.port)
        #expect(client.request { .move(id: $0, to: "cluster2") } == nil)
        #expect(scene.run { client.isEstablished })
        let request = client.request { .move(id: $0, to: "cluster2") }
        #expect(scene.run { scene.events.contains(.moved(id: request ?? 0, isDone: true, text: "as you say")) })
        #expect(scene.moves == ["cluster2"])
        let plan = client.request { .plan(id: $0, to: "cluster2") }
        #expect(
            scene.run { scene.events.contains(.moved(id: plan ?? 0, isDone: true, text: "would move to cluster2")) })
        for isSettled in [true, nil] {
            let clear = client.request { .clear(id: $0, isSettled: isSettled) }
            #expect(scene.run { scene.events.contains(.moved(id: clear ?? 0, isDone: true, text: "cleared")) })
        }
        #expect(scene.moves == ["cluster2", "settled", "undone"])
        client.stop()
        server.close()
    }
}
