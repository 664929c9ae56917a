import Cluster
import Reactor
import Testing

@testable import Agent

private func report(
    _ role: NodeReport.Storage.Role?, _ manager: NodeReport.Manager?, _ phase: Phase? = nil
) -> NodeReport {
    NodeReport(
        node: "n1", storage: role.map { NodeReport.Storage(role: $0, disk: .upToDate) }, manager: manager, phase: phase)
}

@Suite struct CheckTests {
    private static let cases: [(NodeReport?, String)] = [
        (nil, "ready down #nothing observed\n"),
        (report(nil, nil), "ready down #nothing observed\n"),
        (report(.primary, nil), "ready up\n"),
        (report(.secondary, nil), "ready down #DRBD is not Primary\n"),
        (report(.primary, .init(promoted: ["n1"])), "ready up\n"),
        (report(nil, .init(promoted: ["n1"])), "ready up\n"),
        (report(nil, .init(promoted: nil)), "ready up\n"),
        (report(.primary, .init(promoted: ["n1"]), .mounting), "ready down #mounting\n"),
        (report(.primary, .init(promoted: ["n1"]), .ready), "ready up\n"),
        (report(.secondary, .init(promoted: ["n2"])), "ready down #not promoted\n"),
        (report(.secondary, .init(promoted: ["n1"])), "ready down #not promoted\n"),
        (report(.secondary, .init(promoted: ["n2"], standby: ["n1"])), "drain\n"),
        (report(.primary, .init(hasQuorum: false, promoted: ["n1"])), "ready down #no quorum\n"),
        (report(.primary, .init(hasQuorum: false, ignoresQuorum: true, promoted: ["n1"])), "ready up\n"),
        (report(.secondary, .init(isMaintenance: true, promoted: ["n2"])), "maint\n"),
        (report(.primary, .init(isMaintenance: true, promoted: ["n1"])), "ready up\n"),
    ]

    @Test(arguments: cases.indices)
    func saysWhatTheNodeIs(index: Int) {
        #expect(CheckAnswer(Self.cases[index].0).line == Self.cases[index].1)
    }

    @Test func httpCountsItsBytes() {
        let up = CheckAnswer(report(.primary, nil)).http
        #expect(up.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(up.contains("Content-Length: 9\r\n") && up.hasSuffix("\r\n\r\nready up\n"))
        #expect(CheckAnswer(nil).http.hasPrefix("HTTP/1.1 503 "))
    }
}

@Suite struct LineServerTests {
    /// What the server answers to these bytes, to its end.
    private func ask(_ text: String, _ request: LineServer.Request, timeout: Instant.Span = .seconds(5)) throws
        -> String
    {
        let loop = try EventLoop()
        let listener = try Sockets.listen(Endpoint(host: "127.0.0.1", port: 0))
        var limits = LineServer.Limits()
        limits.bytesMax = 100
        limits.timeout = timeout
        let server = LineServer(loop: loop, listener: listener, request: request, limits: limits) { line, answer in
            // Also a late answer arrives.
            loop.schedule(after: .milliseconds(2)) { answer("<\(line)>") }
        }
        defer { server.close() }
        let address = try Sockets.resolve(Endpoint(host: "127.0.0.1", port: server.port))
        let descriptor = try Sockets.connect(to: address)
        defer { Sockets.close(descriptor) }
        var heard: [UInt8] = []
        var isSent = false
        let watch = loop.watch(descriptor, read: true, write: true) { readiness in
            if readiness.writable, !isSent {
                isSent = true
                Array(text.utf8).withUnsafeBytes { _ = try? Sockets.send(descriptor, $0) }
            }
            withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
                switch try? Sockets.receive(descriptor, into: buffer) {
                case .bytes(let count): heard += buffer[..<count]
                case .wouldBlock: break
                case .ended, nil: loop.stop()
                }
            }
        }
        let end = loop.schedule(after: .seconds(20)) { loop.stop() }
        loop.run()
        watch.cancel()
        end.cancel()
        return String(decoding: heard, as: UTF8.self)
    }

    @Test func answersOneRequest() throws {
        #expect(try ask("", .none) == "<>")
        #expect(try ask("pause 5s\nmore\n", .line) == "<pause 5s>")
        #expect(try ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n", .head) == "<GET / HTTP/1.1>")
    }

    @Test func anEndlessOrASlowRequestIsClosed() throws {
        #expect(try ask(String(repeating: "x", count: 200), .line) == "")
        #expect(try ask("no end", .line, timeout: .milliseconds(20)) == "")
        #expect(try ask("GET / HTTP/1.1\r\n", .head, timeout: .milliseconds(20)) == "")
    }
}
