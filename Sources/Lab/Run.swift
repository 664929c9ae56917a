import ArgumentParser
import Foundation
import Testbed

extension Lab {
    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The pair and the proxy in the foreground, with a live view and keys to fail them over.",
            discussion: "Without a terminal: one line every second, until SIGTERM.")

        @Flag(help: "Begin with the background load on.")
        var load = false

        func run() throws {
            Interrupt.install()
            output("installing a data directory, starting the first server and the proxy …")
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            let proxy = try ProxyProcess(nodes: pair.ports)
            defer { proxy.stop(grace: .seconds(3)) }
            let scene = Scene(pair: pair, proxy: proxy)
            defer { scene.end() }
            if load { scene.press("l") }
            if isatty(0) == 1, isatty(1) == 1 {
                Screen(scene).run()
            } else {
                output(scene.howToConnect)
                while scene.goesOn {
                    Terminal.waitForKey(seconds: 1, readsKeys: false)
                    output(scene.line())
                }
            }
            if let ended = proxy.wait(.zero) {
                output("haproxydb \(ended):\n\(proxy.logTail())")
                throw ExitCode(1)
            }
        }
    }
}
