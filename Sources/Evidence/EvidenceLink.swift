import Cluster

/// One connection between an agent and a proxy, either side: bytes in, messages out. Both prove that they know the
/// key before anything else is heard; every message carries its number and its code.
///
///     agent: haproxydb-evidence 1 agent <name> <nonce>
///     proxy: haproxydb-evidence 1 proxy <name> <nonce> <proof>
///     agent: welcome <proof>
///     both:  <number> <code> <message as JSON>
///
/// Nonces, proofs and codes are 32 bytes in hexadecimal. A proof is the HMAC-SHA256 of side, names and both nonces with
/// the shared key, a code that of number and message with a key of this connection and direction. What is said here
/// can be read by others on the network, and changed by nobody.
public struct EvidenceLink: Sendable {
    public static let version = 1
    public static let nonceSize = 32
    /// A shorter key is no secret.
    public static let keyMin = 16
    /// Bytes of a line before and after the peer has proved who it is.
    static let strangerLineMax = 512
    static let lineMax = 65_536

    public enum Side: String, Sendable, Hashable { case agent, proxy }

    /// Why the connection ends. A closed list.
    public enum Refusal: String, Error, Sendable, Hashable, CaseIterable {
        case lineTooLong = "a line without an end"
        case notTheProtocol = "it does not speak the protocol"
        case wrongVersion = "it speaks another version of the protocol"
        case wrongNode = "it is another node's agent"
        case wrongKey = "it does not know the key"
        case wrongNumber = "a message is missing, or came twice"
        case tampered = "a message was changed on its way"
    }

    public enum Event: Sendable, Hashable {
        /// The peer has proved itself.
        case established(peer: String)
        case message(EvidenceMessage)
        /// A message of a newer version, passed over.
        case passedOver
        /// Nothing more is heard: close.
        case refused(Refusal)
    }

    private enum State: Sendable, Hashable {
        /// Waits for the other side's name and nonce. Can transition to: proving (proxy), established (agent), refused.
        case greeting
        /// A proxy waits for the agent's proof. Can transition to: established, refused.
        case proving(peer: String, nonce: [UInt8])
        /// Can transition to: refused.
        case established(Keys)
        case refused
    }

    private struct Keys: Sendable, Hashable {
        var sending: [UInt8]
        var receiving: [UInt8]
        var sent: UInt64 = 0
        var received: UInt64 = 0
    }

    private var state = State.greeting
    private let side: Side
    private let name: String
    private let key: [UInt8]
    private let nonce: [UInt8]
    private let expectedPeer: String?
    private var buffer: [UInt8] = []
    private var outgoing: [UInt8] = []

    /// - Parameters:
    ///   - name: of this side; a node's name, or anything that tells proxies apart. Blanks become `-`.
    ///   - nonce: 32 random bytes, never used twice.
    ///   - expectedPeer: an agent of another name is refused.
    public init(side: Side, name: String, key: [UInt8], nonce: [UInt8], expectedPeer: String? = nil) {
        precondition(nonce.count == Self.nonceSize && !key.isEmpty, "a nonce is 32 bytes, and a key is needed")
        self.side = side
        self.name = String(
            String.UnicodeScalarView(
                name.unicodeScalars.prefix(64).map { $0.value > 0x20 && $0.value < 0x7F ? $0 : "-" }))
        self.key = key
        self.nonce = nonce
        self.expectedPeer = expectedPeer
        if side == .agent { say("\(Self.word) \(Self.version) agent \(self.name) \(Hexadecimal.text(nonce))") }
    }

    private static let word = "haproxydb-evidence"

    public var isEstablished: Bool { if case .established = state { true } else { false } }
    /// A proxy has shown its proof, and not been welcomed yet.
    public var isProving: Bool { if case .proving = state { true } else { false } }

    /// What is to be sent; empty afterwards.
    public mutating func takeOutgoing() -> [UInt8] {
        defer { outgoing = [] }
        return outgoing
    }

    /// Puts a message into what is to be sent. Dropped (false) while the peer has not proved itself.
    @discardableResult
    public mutating func send(_ message: EvidenceMessage) -> Bool {
        guard case .established(var keys) = state else { return false }
        let body = message.encoded()
        guard body.count <= Self.lineMax - 128 else { return false }
        keys.sent += 1
        let number = Array("\(keys.sent) ".utf8)
        let code = MessageCode.of(number + body, key: keys.sending)
        outgoing += number + Array((Hexadecimal.text(code) + " ").utf8) + body + [UInt8(ascii: "\n")]
        state = .established(keys)
        return true
    }

    /// Never keeps more than one line's length.
    public mutating func received(_ bytes: some Collection<UInt8>) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            if state == .refused { break }
            if byte != UInt8(ascii: "\n") {
                buffer.append(byte)
                if buffer.count > (isEstablished ? Self.lineMax : Self.strangerLineMax) {
                    events.append(refuse(.lineTooLong))
                }
                continue
            }
            let line = buffer
            buffer.removeAll(keepingCapacity: true)
            events.append(contentsOf: took(line))
        }
        return events
    }

    private mutating func took(_ line: [UInt8]) -> [Event] {
        switch state {
        case .greeting: side == .agent ? greetedByProxy(line) : greetedByAgent(line)
        case .proving(let peer, let peerNonce): proved(line, peer, peerNonce)
        case .established(let keys): opened(line, keys)
        case .refused: []
        }
    }

    // MARK: who is there

    /// The words of a greeting behind its version, or why it is none.
    private func words(_ line: [UInt8], from other: Side, count: Int) -> Result<[Substring], Refusal> {
        guard let text = String(validating: line, as: UTF8.self) else { return .failure(.notTheProtocol) }
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count >= 3, words[0] == Self.word, let version = Int(words[1]) else {
            return .failure(.notTheProtocol)
        }
        guard version == Self.version else { return .failure(.wrongVersion) }
        guard words[2] == other.rawValue, words.count == 3 + count, !words[3].isEmpty else {
            return .failure(.notTheProtocol)
        }
        return .success(Array(words[3...]))
    }

    private mutating func greetedByAgent(_ line: [UInt8]) -> [Event] {
        switch words(line, from: .agent, count: 2) {
        case .failure(let refusal): return [refuse(refusal)]
        case .success(let words):
            let peer = String(words[0])
            guard let peerNonce = Hexadecimal.bytes(words[1], count: Self.nonceSize) else {
                return [refuse(.notTheProtocol)]
            }
            // Our own nonce sent back is a mirror, not an agent.
            guard peerNonce != nonce else { return [refuse(.wrongKey)] }
            if let expectedPeer, expectedPeer != peer { return [refuse(.wrongNode)] }
            state = .proving(peer: peer, nonce: peerNonce)
            let proof = proof(of: .proxy, agent: peer, proxy: name, agentNonce: peerNonce, proxyNonce: nonce)
            say(
                "\(Self.word) \(Self.version) proxy \(name) \(Hexadecimal.text(nonce)) \(Hexadecimal.text(proof))")
            return []
        }
    }

    private mutating func greetedByProxy(_ line: [UInt8]) -> [Event] {
        switch words(line, from: .proxy, count: 3) {
        case .failure(let refusal): return [refuse(refusal)]
        case .success(let words):
            let peer = String(words[0])
            guard let peerNonce = Hexadecimal.bytes(words[1], count: Self.nonceSize),
                let given = Hexadecimal.bytes(words[2], count: MessageCode.size)
            else { return [refuse(.notTheProtocol)] }
            let expected = proof(of: .proxy, agent: name, proxy: peer, agentNonce: nonce, proxyNonce: peerNonce)
            guard MessageCode.areEqual(given, expected) else { return [refuse(.wrongKey)] }
            let mine = proof(of: .agent, agent: name, proxy: peer, agentNonce: nonce, proxyNonce: peerNonce)
            say("welcome \(Hexadecimal.text(mine))")
            establish(agentNonce: nonce, proxyNonce: peerNonce)
            return [.established(peer: peer)]
        }
    }

    private mutating func proved(_ line: [UInt8], _ peer: String, _ peerNonce: [UInt8]) -> [Event] {
        guard let text = String(validating: line, as: UTF8.self), text.hasPrefix("welcome "),
            let given = Hexadecimal.bytes(text.dropFirst(8), count: MessageCode.size)
        else { return [refuse(.notTheProtocol)] }
        let expected = proof(of: .agent, agent: peer, proxy: name, agentNonce: peerNonce, proxyNonce: nonce)
        guard MessageCode.areEqual(given, expected) else { return [refuse(.wrongKey)] }
        establish(agentNonce: peerNonce, proxyNonce: nonce)
        return [.established(peer: peer)]
    }

    private func proof(
        of side: Side, agent: String, proxy: String, agentNonce: [UInt8], proxyNonce: [UInt8]
    ) -> [UInt8] {
        // Names have no blanks, nonces one length: no two sets of parts make the same bytes.
        let text = "\(Self.word) \(Self.version) proof \(side.rawValue) \(agent) \(proxy) "
        return MessageCode.of(Array(text.utf8) + agentNonce + proxyNonce, key: key)
    }

    private mutating func establish(agentNonce: [UInt8], proxyNonce: [UInt8]) {
        let nonces = agentNonce + proxyNonce
        let other: Side = side == .agent ? .proxy : .agent
        state = .established(Keys(sending: directionKey(side, nonces), receiving: directionKey(other, nonces)))
    }

    /// Of what that side says.
    private func directionKey(_ side: Side, _ nonces: [UInt8]) -> [UInt8] {
        MessageCode.of(Array("\(Self.word) \(Self.version) key \(side.rawValue) ".utf8) + nonces, key: key)
    }

    // MARK: messages

    private mutating func opened(_ line: [UInt8], _ keys: Keys) -> [Event] {
        var keys = keys
        guard let blank = line.firstIndex(of: UInt8(ascii: " ")), blank <= 20,
            let number = UInt64(String(decoding: line[..<blank], as: UTF8.self))
        else { return [refuse(.notTheProtocol)] }
        let codeEnd = blank + 1 + 2 * MessageCode.size
        guard codeEnd < line.count, line[codeEnd] == UInt8(ascii: " "),
            let given = Hexadecimal.bytes(
                Substring(String(decoding: line[(blank + 1)..<codeEnd], as: UTF8.self)), count: MessageCode.size)
        else { return [refuse(.notTheProtocol)] }
        let body = line[(codeEnd + 1)...]
        let expected = MessageCode.of(Array("\(number) ".utf8) + body, key: keys.receiving)
        guard MessageCode.areEqual(given, expected) else { return [refuse(.tampered)] }
        guard number == keys.received + 1 else { return [refuse(.wrongNumber)] }
        keys.received = number
        state = .established(keys)
        return [EvidenceMessage.decoded(body).map { .message($0) } ?? .passedOver]
    }

    private mutating func refuse(_ refusal: Refusal) -> Event {
        state = .refused
        buffer = []
        return .refused(refusal)
    }

    private mutating func say(_ line: String) { outgoing += Array((line + "\n").utf8) }
}
