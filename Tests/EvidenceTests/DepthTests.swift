import Cluster
import SmallStack
import Testing

@testable import Evidence

/// Messages that stand in themselves, on a thread with little stack. (Only a peer with the key is read so far.)
@Suite struct DepthTests {
    @Test(arguments: ["[", "{\"report\":", "{\"_0\":", "{\"a\":[", "\"\\", "1", "{\"report\":{\"_0\":"])
    func messages(_ fragment: String) {
        onSmallStack {
            for depth in [1_000_000, EvidenceLink.lineMax / fragment.utf8.count, 600, 500] {
                let text = String(repeating: fragment, count: depth)
                #expect(EvidenceMessage.decoded(text.utf8) == nil)
                #expect(EvidenceMessage.decoded("{\"resume\":{\"id\":1,\"reason\":\(text)".utf8) == nil)
            }
        }
    }

    @Test func aLineWithoutAnEnd() {
        var link = EvidenceLink(
            side: .proxy, name: "p", key: Array("0123456789abcdef".utf8), nonce: [UInt8](repeating: 1, count: 32))
        #expect(link.received([UInt8](repeating: 0x20, count: 1_000_000)) == [.refused(.lineTooLong)])
    }
}
