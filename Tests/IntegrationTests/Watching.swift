import Cluster
import Foundation
import Health
import Probes
import Reactor
import Testbed

/// A watch on its own loop, run by the test's thread until something holds.
final class Watching {
    let loop: EventLoop
    private(set) var watch: ClusterWatch!
    private(set) var views: [ClusterView] = []
    private(set) var accounts: [AccountDirectory] = []
    private(set) var identities: [ServerIdentity] = []
    private(set) var notes: [String] = []
    private var condition: () -> Bool = { false }

    init(ports: [UInt16], change: (inout WatchOptions) -> Void = { _ in }) throws {
        loop = try EventLoop()
        var options = WatchOptions()
        options.user = EmbeddedPair.service.user
        options.password = EmbeddedPair.service.password
        change(&options)
        let nodes = ports.enumerated().map { index, port in
            Node(
                id: NodeID(index), name: "cluster\(index + 1)", endpoint: Endpoint(host: "127.0.0.1", port: port))
        }
        watch = ClusterWatch(
            loop: loop, nodes: nodes, options: options,
            onView: { [unowned self] in happened(views.append($0)) },
            onAccounts: { [unowned self] in happened(accounts.append($0)) },
            onIdentity: { [unowned self] in happened(identities.append($0)) },
            onNote: { [unowned self] in happened(notes.append($0)) })
        watch.start()
    }

    deinit { watch.stop() }

    var view: ClusterView { watch.view }

    private func happened(_: Void) { if condition() { loop.stop() } }

    /// False when it does not come to that in time.
    func run(_ limit: Instant.Span = .seconds(20), until condition: @escaping () -> Bool) -> Bool {
        self.condition = condition
        defer { self.condition = { false } }
        let guarding = loop.schedule(after: limit) { [unowned self] in loop.stop() }
        defer { guarding.cancel() }
        // The sentence on the latest check moves without a callback.
        let looking = loop.schedule(every: .milliseconds(10)) { [unowned self] in happened(()) }
        defer { looking.cancel() }
        if !condition() { loop.run() }
        return condition()
    }

    func runFor(_ span: Instant.Span) { _ = run(span) { false } }
}

func openDescriptors() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
}
