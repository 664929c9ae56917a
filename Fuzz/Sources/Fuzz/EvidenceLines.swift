import Cluster

@testable import Evidence

/// The agents' channel: whole and in pieces it is read the same; who has no key is not heard; and a message that is
/// read is said and read again.
enum EvidenceLines {
    static func read(_ bytes: UnsafeRawBufferPointer) {
        var input = Input(bytes)
        let kind = input.byte()
        let piece = Int(input.byte()) + 1
        let text = input.all()
        guard kind % 2 == 0 else {
            guard let message = EvidenceMessage.decoded(text) else { return }
            let again = message.encoded()
            require(EvidenceMessage.decoded(again) == message, "\(message) is not what is read of it")
            return
        }
        for side in [EvidenceLink.Side.agent, .proxy] {
            let whole = events(text, side, pieces: max(1, text.count))
            require(whole == events(text, side, pieces: piece), "whole and in pieces it is not the same")
            for event in whole {
                if case .refused = event { continue }
                fatalError("heard without the key: \(event)")
            }
        }
    }

    private static func events(_ text: [UInt8], _ side: EvidenceLink.Side, pieces: Int) -> [EvidenceLink.Event] {
        var link = EvidenceLink(
            side: side, name: "n", key: Array("a key that nobody says".utf8), nonce: [UInt8](repeating: 7, count: 32))
        var events: [EvidenceLink.Event] = []
        var rest = text[...]
        while !rest.isEmpty {
            events += link.received(rest.prefix(pieces))
            rest = rest.dropFirst(pieces)
        }
        return events
    }
}
