import Cluster
import Testing

@testable import Evidence

private let key = Array("a key that only we know".utf8)
private let agentNonce = [UInt8](repeating: 0xA1, count: 32)
private let proxyNonce = [UInt8](repeating: 0x0B, count: 32)

/// A link that expectations can talk to.
private final class Peer {
    private var link: EvidenceLink
    init(_ link: EvidenceLink) { self.link = link }
    var isEstablished: Bool { link.isEstablished }
    func takeOutgoing() -> [UInt8] { link.takeOutgoing() }
    @discardableResult func send(_ message: EvidenceMessage) -> Bool { link.send(message) }
    func received(_ bytes: some Collection<UInt8>) -> [EvidenceLink.Event] { link.received(bytes) }
}

private func agent(key: [UInt8] = key, name: String = "cluster1", nonce: [UInt8] = agentNonce) -> Peer {
    Peer(EvidenceLink(side: .agent, name: name, key: key, nonce: nonce))
}

private func proxy(key: [UInt8] = key, nonce: [UInt8] = proxyNonce) -> Peer {
    Peer(EvidenceLink(side: .proxy, name: "proxy-1", key: key, nonce: nonce, expectedPeer: "cluster1"))
}

/// Hands over what is to be sent until nobody says anything more.
private func converse(_ agent: Peer, _ proxy: Peer) -> (
    agent: [EvidenceLink.Event], proxy: [EvidenceLink.Event]
) {
    var events: (agent: [EvidenceLink.Event], proxy: [EvidenceLink.Event]) = ([], [])
    while true {
        let toProxy = agent.takeOutgoing()
        let toAgent = proxy.takeOutgoing()
        if toProxy.isEmpty && toAgent.isEmpty { return events }
        events.proxy += proxy.received(toProxy)
        events.agent += agent.received(toAgent)
    }
}

private let report = NodeReport(
    node: "cluster1", storage: .init(role: .primary, disk: .upToDate, peerDisk: .upToDate, connection: .connected),
    manager: .init(promoted: ["cluster1"], standby: ["cluster2"]), phase: .mounting, troubles: ["\"none\"\n"])

private let messages: [EvidenceMessage] = [
    .report(report, sequence: 7, age: 12), .report(NodeReport(node: "x"), sequence: .max, age: 0),
    .pause(id: 1, wait: 5000, reason: "a \"planned\" move\nof \u{1F4BE}"), .resume(id: 2, reason: ""),
    .moved(id: 3, isDone: false, text: "no"), .paused(id: 4, open: 3), .move(id: 5, to: "cluster2"), .clear(id: 6),
]

@Suite struct LinkTests {
    @Test func bothProveThemselvesAndTalk() {
        let a = agent()
        let p = proxy()
        let greetings = converse(a, p)
        #expect(greetings.agent == [.established(peer: "proxy-1")])
        #expect(greetings.proxy == [.established(peer: "cluster1")])
        for message in messages {
            #expect(a.send(message))
            #expect(p.send(message))
        }
        let said = converse(a, p)
        #expect(said.proxy == messages.map { .message($0) })
        #expect(said.agent == messages.map { .message($0) })
    }

    @Test func aByteAtATimeIsTheSame() {
        let a = agent()
        let p = proxy()
        for byte in a.takeOutgoing() { #expect(p.received([byte]).isEmpty) }
        var events: [EvidenceLink.Event] = []
        for byte in p.takeOutgoing() { events += a.received([byte]) }
        a.send(messages[0])
        var heard: [EvidenceLink.Event] = []
        for byte in a.takeOutgoing() { heard += p.received([byte]) }
        #expect(events == [.established(peer: "proxy-1")])
        #expect(heard == [.established(peer: "cluster1"), .message(messages[0])])
    }

    @Test func nothingIsSentToAStranger() {
        let a = agent()
        #expect(!a.send(messages[0]))
        let p = proxy()
        _ = p.received(a.takeOutgoing())
        #expect(!p.send(messages[0]))
    }

    @Test func anotherKeyIsRefusedByTheAgentFirst() {
        let a = agent()
        let p = proxy(key: Array("another key altogether".utf8))
        let events = converse(a, p)
        #expect(events.agent == [.refused(.wrongKey)])
        #expect(events.proxy.isEmpty)
        #expect(!a.isEstablished && !p.isEstablished)
    }

    @Test func anAgentWithoutTheKeyIsRefusedByTheProxy() {
        let a = agent()
        let p = proxy()
        _ = p.received(a.takeOutgoing())
        _ = p.takeOutgoing()
        let forged = "welcome " + String(repeating: "00", count: 32) + "\n"
        #expect(p.received(forged.utf8) == [.refused(.wrongKey)])
    }

    @Test func aMirrorProvesNothing() {
        let p = proxy()
        let greeting =
            "haproxydb-evidence 1 agent cluster1 " + Hexadecimal.text([UInt8](repeating: 9, count: 32)) + "\n"
        _ = p.received(greeting.utf8)
        let answer = String(decoding: p.takeOutgoing(), as: UTF8.self)
        let proof = answer.split(separator: " ").last ?? ""
        // The proxy's own proof sent back to it.
        #expect(p.received("welcome \(proof)".utf8) == [.refused(.wrongKey)])

        let mirrored = proxy()
        let own = "haproxydb-evidence 1 agent cluster1 \(Hexadecimal.text(proxyNonce))\n"
        #expect(mirrored.received(own.utf8) == [.refused(.wrongKey)])
    }

    @Test func aRecordedConversationIsOfNoUse() {
        let a = agent()
        let p = proxy()
        var toAgent: [UInt8] = []
        _ = p.received(a.takeOutgoing())
        toAgent += p.takeOutgoing()
        _ = a.received(toAgent)
        _ = p.received(a.takeOutgoing())
        p.send(.move(id: 1, to: "cluster2"))
        let move = p.takeOutgoing()
        toAgent += move
        #expect(a.received(move) == [.message(.move(id: 1, to: "cluster2"))])
        // The same message once more.
        #expect(a.received(move) == [.refused(.wrongNumber)])
        // And all of it, to the same agent with its next nonce.
        let next = agent(nonce: [UInt8](repeating: 0xA2, count: 32))
        #expect(next.received(toAgent) == [.refused(.wrongKey)])
    }

    @Test func anotherNodesAgentIsRefused() {
        let a = agent(name: "cluster2")
        let p = proxy()
        let events = converse(a, p)
        #expect(events.proxy == [.refused(.wrongNode)])
        #expect(events.agent.isEmpty)
    }

    @Test(arguments: 0..<200)
    func aChangedByteNeverPasses(seed: Int) {
        let a = agent()
        let p = proxy()
        _ = converse(a, p)
        a.send(messages[0])
        var line = a.takeOutgoing()
        let place = seed * 7919 % (line.count - 1)
        line[place] ^= UInt8(1 << (seed % 7))
        let events = p.received(line)
        for event in events {
            if case .message = event { Issue.record("byte \(place) changed, and it was heard") }
            if case .established = event { Issue.record("established twice") }
        }
        if line[place] != UInt8(ascii: "\n") { #expect(events.count == 1) }
    }

    @Test func anEndlessLineIsCutShort() {
        let a = agent()
        #expect(a.received([UInt8](repeating: 65, count: 100_000)) == [.refused(.lineTooLong)])
        #expect(a.received("haproxydb-evidence 1\n".utf8).isEmpty)
        let b = agent()
        let p = proxy()
        _ = converse(b, p)
        #expect(b.received([UInt8](repeating: 65, count: 65_536)).isEmpty)
        #expect(b.received([65]) == [.refused(.lineTooLong)])
    }

    private static let garbage: [(String, EvidenceLink.Refusal)] = [
        ("\n", .notTheProtocol), ("GET / HTTP/1.1\r\n", .notTheProtocol), ("haproxydb-evidence\n", .notTheProtocol),
        ("haproxydb-evidence 2 proxy p 00 00\n", .wrongVersion),
        ("haproxydb-evidence x proxy p 00 00\n", .notTheProtocol),
        ("haproxydb-evidence 1 agent p 00 00\n", .notTheProtocol),
        ("haproxydb-evidence 1 proxy p 00 00\n", .notTheProtocol),
        ("haproxydb-evidence 1 proxy  00 00\n", .notTheProtocol),
        ("haproxydb-evidence 1 proxy p \(String(repeating: "g", count: 64)) 00\n", .notTheProtocol),
        (
            "haproxydb-evidence 1 proxy p \(String(repeating: "0", count: 64)) \(String(repeating: "0", count: 64))\n",
            .wrongKey
        ),
    ]

    @Test(arguments: garbage.indices)
    func garbageIsRefused(index: Int) {
        let a = agent()
        #expect(a.received(Self.garbage[index].0.utf8) == [.refused(Self.garbage[index].1)])
        #expect(a.received(Self.garbage[index].0.utf8).isEmpty)
    }

    @Test func whatANewerVersionSaysIsPassedOver() throws {
        #expect(EvidenceMessage.decoded("{\"shout\":{\"id\":1}}".utf8) == nil)
        #expect(EvidenceMessage.decoded("[[[[".utf8) == nil)
        #expect(EvidenceMessage.decoded([UInt8](repeating: UInt8(ascii: "["), count: 60_000)) == nil)
        #expect(EvidenceMessage.decoded("{\"clear\":{\"id\":6,\"loud\":true}}".utf8) == .clear(id: 6))
    }
}
