import CPlatform
import Foundation

/// Runs one script on a connection of its own, and keeps what went over it. It never waits longer than its script says:
/// what the peer does not take is given up.
public struct HostileClient {
    /// What went over a connection, for a finding.
    public struct Transcript: Sendable {
        public internal(set) var lines: [String] = []
        public internal(set) var bytesSent = 0
        public internal(set) var bytesReceived = 0

        mutating func note(_ what: String, _ bytes: [UInt8], since begun: ContinuousClock.Instant) {
            let time = String(format: "%8.1f ms", (ContinuousClock.now - begun).milliseconds)
            let hex = bytes.prefix(Self.shownMax).map { String(format: "%02x", $0) }.joined()
            lines.append("\(time)  \(what) \(bytes.count) bytes \(hex)\(bytes.count > Self.shownMax ? "…" : "")")
        }

        /// Of one send or receive; the script has the rest.
        static let shownMax = 256
    }

    /// Longer than that nothing is sent that nobody takes.
    static let sendMax = 800

    private let script: HostileScript
    private let connection: RawConnection
    private let begun = ContinuousClock.now
    private var transcript = Transcript()
    private var stream = PacketStream()
    private var sequence: UInt8 = 0
    private var isOpen = true

    /// Connects, runs, and is gone when it returns. Nil where there was no connection.
    public static func run(_ script: HostileScript, port: UInt16) -> Transcript? {
        guard let connection = try? RawConnection(port: port) else { return nil }
        connection.giveUpSending(after: .milliseconds(sendMax))
        var client = HostileClient(script: script, connection: connection)
        for step in script.steps where client.isOpen { client.perform(step) }
        connection.close()
        return client.transcript
    }

    private init(script: HostileScript, connection: RawConnection) {
        self.script = script
        self.connection = connection
    }

    private mutating func perform(_ step: HostileScript.Step) {
        switch step {
        case .send(let bytes): send(bytes)
        case .sendInPieces(let bytes, let size):
            for start in stride(from: 0, to: min(bytes.count, 2000), by: size) where isOpen {
                guard send(Array(bytes[start..<min(start + size, bytes.count)])) else { return }
            }
        case .flood(let bytes, let total):
            var left = total
            let deadline = ContinuousClock.now + .seconds(5)
            while left > 0, isOpen, ContinuousClock.now < deadline {
                guard send(bytes, quietly: left < total) else { return }
                left -= max(bytes.count, 1)
            }
        case .reply(let payload): send(Wire.packets(payload, sequence: sequence &+ 1))
        case .read(let milliseconds): read(.milliseconds(milliseconds))
        case .wait(let milliseconds): Thread.sleep(forTimeInterval: Double(milliseconds) / 1000)
        case .finishSending: connection.finishSending()
        case .reset:
            connection.reset()
            isOpen = false
        case .close:
            connection.close()
            isOpen = false
        }
    }

    /// False when it was given up, or nobody is there any more.
    @discardableResult
    private mutating func send(_ bytes: [UInt8], quietly: Bool = false) -> Bool {
        let isSent = connection.send(bytes)
        transcript.bytesSent += bytes.count
        if !quietly { transcript.note(isSent ? "sent" : "sent in vain", bytes, since: begun) }
        return isSent
    }

    /// Until a packet that asks for something has come, or the time is over.
    private mutating func read(_ time: Duration) {
        let deadline = ContinuousClock.now + time
        while ContinuousClock.now < deadline {
            guard let bytes = connection.receive(deadline - .now) else { return }
            transcript.bytesReceived += bytes.count
            transcript.note("received", bytes, since: begun)
            guard !bytes.isEmpty else {
                isOpen = false
                return
            }
            stream.append(bytes)
            var asks = false
            while let packet = stream.next() {
                sequence = packet.sequence
                // A greeting, OK, an error, a request for a proof or a file.
                asks = [10, 0, 0xff, 0xfe, 0xfb].contains(packet.payload.first)
            }
            if asks { return }
        }
    }
}
