import Foundation
import Testbed

/// The live one-screen view.
struct Screen {
    private let scene: Scene

    init(_ scene: Scene) { self.scene = scene }

    /// Until `q` or a signal.
    func run() {
        Terminal.withKeys {
            while scene.goesOn {
                draw()
                if let key = Terminal.waitForKey(seconds: 0.5) { scene.press(key) }
            }
        }
    }

    private func draw() {
        let (columns, height) = Terminal.size
        let status = scene.status()
        var lines = [scene.howToConnect, ""]
        lines += scene.ask("show nodes").split(separator: "\n").map(String.init)
        lines += [""] + status.lines
        lines += ["", "k  kill -9 the primary    s  start the standby    f  both, 3 s between"]
        lines += ["p  pause    r  resume    l  load on or off    q  quit", ""]
        let left = max(2, height - lines.count - 1)
        let messages = scene.messages(max(1, left / 2))
        lines += messages
        let log = scene.proxy.logTail(max(1, left - messages.count)).split(separator: "\n").map(String.init)
        lines += log
        let shown = lines.prefix(height).map { String($0.prefix(columns)) + "\u{1b}[K" }
        print("\u{1b}[H" + shown.joined(separator: "\r\n") + "\u{1b}[J", terminator: "")
        fflush(nil)
    }
}
