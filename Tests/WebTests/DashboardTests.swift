import Foundation
import Synchronization
import Testbed
import Testing

/// The page and the report in a real browser; `make web-test`. The pictures are left in `.build/web-test`.
@Suite(.serialized)
struct DashboardTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    private static let pictures = root.deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent(".build/web-test").path

    private func browse(_ mode: String, _ url: String, _ directory: TemporaryDirectory) throws -> ChildProcess {
        try ChildProcess(
            ["/usr/bin/python3", Self.root.appendingPathComponent("browser.py").path, mode, url, Self.pictures],
            name: "browser", logPath: "\(directory.path)/\(mode).log")
    }

    @Test("a failover on the page, on that of a proxy started again, and in the report: no console error, two widths")
    func failover() throws {
        let port = try Ports.free(1)[0]
        let (pair, directory) = (try EmbeddedPair(), try TemporaryDirectory())
        try pair.start()
        defer { pair.stop() }
        let log = "\(directory.path)/availability.db"
        // The token: without one the page does not say who the sessions are.
        let token = "0123456789abcdef"
        let page = "http://127.0.0.1:\(port)/?token=\(token)"
        let sections =
            "http = \"127.0.0.1:\(port)\"\nhttp_token = \"\(token)\"\n[availability]\nfile = \"\(log)\""
        do {
            let proxy = try ProxyProcess(nodes: pair.ports, sections: sections)
            defer { proxy.stop(grace: .seconds(5)) }
            let load = LightLoad(proxy, sessions: 5)
            defer { load.stop() }
            let browser = try browse("failover", page, directory)
            defer { browser.stop() }
            try wait(for: "ready", of: browser)
            pair.failPrimary()
            try wait(for: "lost", of: browser)
            try pair.startStandby()
            #expect(browser.wait(.seconds(120)) == .exited(0), "\(browser.log)\n\(proxy.logTail())")
            #expect(browser.log.hasSuffix("done\n"), "\(browser.log)")
        }
        let proxy = try ProxyProcess(nodes: pair.ports, sections: sections)
        defer { proxy.stop(grace: .seconds(2)) }
        let again = try browse("restarted", page, directory)
        defer { again.stop() }
        #expect(again.wait(.seconds(120)) == .exited(0), "\(again.log)\n\(proxy.logTail())")
        // As a user makes it.
        let file = "\(directory.path)/report.html"
        let command = "exec \"$0\" report --file \"$1\" --format html > \"$2\""
        let report = try ChildProcess(
            ["/bin/sh", "-c", command, ProxyProcess.findProgram(), log, file], name: "report",
            logPath: "\(directory.path)/report.log")
        #expect(report.wait(.seconds(30)) == .exited(0), "\(report.log)")
        let reader = try browse("report", file, directory)
        defer { reader.stop() }
        #expect(reader.wait(.seconds(120)) == .exited(0), "\(reader.log)")
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
