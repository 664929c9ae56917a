import Cluster

@testable import Admin

/// What is sent to the admin socket: read whole and in pieces it is the same, and it ends.
enum AdminLines {
    static func read(_ bytes: UnsafeRawBufferPointer) {
        var input = Input(bytes)
        let piece = Int(input.byte()) + 1
        let text = input.all()
        let whole = steps(text, pieces: max(1, text.count))
        require(whole == steps(text, pieces: piece), "whole and in pieces it is not the same")
        for step in whole {
            guard case .run(let command) = step else { continue }
            if let known = AdminCommand(command) { require(!known.verb.words.isEmpty, "a command without a word") }
            _ = Instant.Span(word: command)
        }
    }

    private static func steps(_ text: [UInt8], pieces: Int) -> [Dialogue.Step] {
        var dialogue = Dialogue(lineMax: 4_096, idleTimeout: .seconds(10))
        var steps: [Dialogue.Step] = []
        func drain(_ dialogue: inout Dialogue) {
            while true {
                let step = dialogue.next()
                if step == .wait || step == .close { return }
                steps.append(step)
                require(steps.count <= 4 * text.count + 16, "no end of steps")
                if case .run = step { _ = dialogue.answered(.done) }
            }
        }
        var rest = text[...]
        while !rest.isEmpty {
            dialogue.received(rest.prefix(pieces))
            rest = rest.dropFirst(pieces)
            // A line that is too long is seen when it is; bytes behind a whole line wait.
            drain(&dialogue)
        }
        dialogue.ended()
        drain(&dialogue)
        return steps
    }
}
