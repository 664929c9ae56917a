import Foundation
import Testbed
import Testing

extension Integration {
    /// The harness against what is not our proxy: it finds what is wrong, and makes it short.
    @Suite(.serialized)
    struct FidelityTests {
        /// Batches until there are findings enough.
        private func findings(
            _ count: Int, seed: UInt64, proxy: @escaping ([UInt16]) throws -> ForgetfulProxy
        ) throws -> [Fidelity.Finding] {
            let directory = try TemporaryDirectory()
            defer { directory.remove() }
            let made = Watched<ForgetfulProxy?>(nil)
            defer { made.value?.close() }
            let fidelity = try Fidelity(seed: seed, directory: directory.path, places: 16, findingsMax: count) {
                nodes in
                let proxy = try proxy(nodes)
                made.set(proxy)
                return proxy.port
            }
            while fidelity.findings.count < count, fidelity.figures.batches < 10 { try fidelity.batch { _ in } }
            #expect(fidelity.figures.differences >= fidelity.findings.count)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == count)
            #expect(fidelity.end().isEmpty)
            return fidelity.findings
        }

        @Test("a proxy that ends a session with its server is found out")
        func ending() throws {
            let finding = try #require(
                try findings(1, seed: 5) { try ForgetfulProxy(nodes: $0, connectsAgain: false) }.first)
            #expect(finding.answers.contains("the end of the connection"), "\(finding)")
            #expect(finding.script.steps.filter { $0.action != .move }.count == 1, "\(finding)")
        }

        @Test("a proxy that connects again and forgets what the session was is found out")
        func forgetful() throws {
            let finding = try #require(
                try findings(1, seed: 6) { try ForgetfulProxy(nodes: $0, connectsAgain: true) }.first)
            #expect(finding.script.steps.count <= 4, "\(finding)")
            #expect(!finding.answers.contains("the end of the connection"), "\(finding)")
        }
    }
}

/// A proxy as many are: where its node ends a session, it ends it too, or logs in to the next one and goes on as if nothing
/// was.
private final class ForgetfulProxy: Sendable {
    private let listener: Listener
    var port: UInt16 { listener.port }

    init(nodes: [UInt16], connectsAgain: Bool) throws {
        listener = try Listener { client in
            Thread.detachNewThread { Self.serve(client, nodes, connectsAgain) }
        }
    }

    func close() { listener.close() }

    private static func serve(_ client: RawConnection, _ nodes: [UInt16], _ connectsAgain: Bool) {
        guard let first = nodes.lazy.compactMap({ try? RawConnection(port: $0) }).first else { return client.close() }
        let current = Watched(first)
        Thread.detachNewThread {
            while let bytes = client.receive(.seconds(600)), !bytes.isEmpty {
                // A server that has ended takes bytes for a moment: the end is looked for first.
                if current.value.waitForEnd(.zero) {
                    guard connectsAgain, let next = again(nodes) else { break }
                    current.exchange(next).close()
                    answers(from: next, to: client)
                }
                current.value.send(bytes)
            }
            current.value.shutdown()
            client.close()
        }
        answers(from: first, to: client)
    }

    private static func answers(from node: RawConnection, to client: RawConnection) {
        Thread.detachNewThread {
            while let bytes = node.receive(.seconds(600)), !bytes.isEmpty { client.send(bytes) }
        }
    }

    private static func again(_ nodes: [UInt16]) -> RawConnection? {
        nodes.lazy.compactMap { try? WireSession(port: $0, user: "fid", schema: "f0a") }.first?.connection
    }
}
