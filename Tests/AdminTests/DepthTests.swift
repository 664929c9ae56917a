import Cluster
import SmallStack
import Testing

@testable import Admin

/// Lines and heads that repeat themselves a million times, on a thread with little stack.
@Suite struct DepthTests {
    @Test(arguments: ["show ", "show stat;", ";", "\\;", "prompt;", "é"])
    func adminLines(_ fragment: String) {
        onSmallStack {
            let text = String(repeating: fragment, count: 1_000_000)
            _ = AdminCommand(text)
            // As much as a line may have, and a million.
            for line in [text, String(repeating: fragment, count: 4_000 / fragment.utf8.count)] {
                var dialogue = Dialogue(lineMax: 4_096, idleTimeout: .seconds(10))
                dialogue.received(Array((line + "\n").utf8))
                dialogue.ended()
                var steps = 0
                loop: while steps < 10_000 {
                    steps += 1
                    switch dialogue.next() {
                    case .wait, .close: break loop
                    case .run: _ = dialogue.answered(.done)
                    case .send: continue
                    }
                }
                #expect(steps < 10_000)
            }
        }
    }

    @Test(arguments: ["[", "%", "%41", "&", "&token=", "1.", "Bearer "])
    func headsOfHTTP(_ fragment: String) {
        onSmallStack {
            let text = String(repeating: fragment, count: 1_000_000)
            for token in [nil, "0123456789abcdef"] {
                let access = HTTPAccess(token: token)
                #expect(access.refusal(authorization: text, query: text, host: text) != nil)
                #expect(access.refusal(authorization: nil, query: "token=" + text, host: "[" + text) != nil)
            }
        }
    }
}
