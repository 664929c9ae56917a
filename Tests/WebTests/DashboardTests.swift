import Foundation
import Synchronization
import Testbed
import Testing

/// The page in a real browser; `make web-test`. The pictures are left in `.build/web-test`.
@Suite(.serialized)
struct DashboardTests {
    @Test("the page shows a failover: state, charts, outage; in two widths and two colours, without a console error")
    func failover() throws {
        let port = try Ports.free(1)[0]
        let pair = try EmbeddedPair()
        try pair.start()
        defer { pair.stop() }
        let proxy = try ProxyProcess(nodes: pair.ports, sections: "http = \"127.0.0.1:\(port)\"")
        defer { proxy.stop(grace: .seconds(2)) }
        let load = LightLoad(proxy, sessions: 5)
        defer { load.stop() }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let pictures = root.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent(".build/web-test").path
        let browser = try ChildProcess(
            [
                "/usr/bin/python3", root.appendingPathComponent("browser.py").path, "http://127.0.0.1:\(port)/",
                pictures,
            ], name: "browser", logPath: "\(pair.directory.path)/browser.log")
        defer { browser.stop() }
        try wait(for: "ready", of: browser)
        pair.failPrimary()
        try wait(for: "lost", of: browser)
        try pair.startStandby()
        #expect(browser.wait(.seconds(120)) == .exited(0), "\(browser.log)\n\(proxy.logTail())")
        #expect(browser.log.hasSuffix("done\n"), "\(browser.log)")
    }

    private func wait(for word: String, of browser: ChildProcess) throws {
        let deadline = ContinuousClock.now + .seconds(90)
        while !browser.log.contains(word) {
            guard browser.isRunning, ContinuousClock.now < deadline else {
                throw TestbedFailure("the browser does not say \(word):\n\(browser.log)")
            }
            usleep(20_000)
        }
    }
}

/// Some sessions that read without pause for breath, a hundred times a second each.
private final class LightLoad: Sendable {
    private let isStopping = Atomic<Bool>(false)
    private let left: Watched<Int>

    init(_ proxy: ProxyProcess, sessions: Int) {
        left = Watched(sessions)
        for _ in 0..<sessions {
            Thread.detachNewThread { [self] in
                while !isStopping.load(ordering: .relaxed) {
                    guard let client = try? proxy.connect() else { continue }
                    while !isStopping.load(ordering: .relaxed), (try? client.query("SELECT 1")) != nil {
                        usleep(10_000)
                    }
                }
                left.update { $0 -= 1 }
            }
        }
    }

    func stop() {
        isStopping.store(true, ordering: .relaxed)
        _ = left.wait(.seconds(10)) { $0 == 0 }
    }
}
