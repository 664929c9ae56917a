import Cluster
import Foundation
import Health
import Probes
import Reactor
import Testing

@testable import Agent

/// Pacemaker's tools as scripts, which write what they were asked to a file.
private final class Cluster {
    let folder = FileManager.default.temporaryDirectory.appending(path: "haproxydb-mover-\(UUID().uuidString)")
    let loop: EventLoop
    var notes: [String] = []

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        loop = try EventLoop()
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var asked: String { (try? String(contentsOf: folder.appending(path: "asked"), encoding: .utf8)) ?? "" }
    /// What is left beside what the scripts wrote.
    var leftovers: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter { $0.contains("cib") }
    }

    private func tool(_ name: String, _ script: String) -> Tool {
        let log = "echo \(name) ${CIB_file:+on a copy of $(cat $CIB_file)} \"$@\" >> $DIR/asked; "
        return Tool(
            "/bin/sh", ["-c", log + script, name], environment: Tool.plainEnvironment + ["DIR=\(folder.path)"])
    }

    func mover(
        resource: String = "exit 0", query: String = "echo CIB", simulate: String = "printf 'Transition Summary:\\n'",
        _ change: (inout ClusterMover.Options) -> Void = { _ in }
    ) -> ClusterMover {
        var options = ClusterMover.Options()
        options.crmResource = tool("crm_resource", resource)
        options.cibadmin = tool("cibadmin", query)
        options.crmSimulate = tool("crm_simulate", simulate)
        options.timeout = .seconds(10)
        options.directory = folder.path
        change(&options)
        let mover = ClusterMover(loop: loop, names: ResourceNames(), options: options) { [unowned self] in
            notes.append($0)
        }
        mover.view = Self.view()
        return mover
    }

    static func view(_ version: String? = "2.1.5-a3f44794f94") -> PacemakerView {
        PacemakerView(
            version: version, coordinator: "n1", hasQuorum: true, isInMaintenance: false, quorumPolicy: "stop",
            nodes: [.init(name: "n1", id: "1", isOnline: true), .init(name: "n2", id: "2", isOnline: true)],
            resources: [
                .init(
                    id: "p_drbd_mysql", agent: "ocf:linbit:drbd", role: .promoted, nodes: ["n1"],
                    clone: "ms_drbd_mysql", isActive: true)
            ])
    }

    /// The answer to what was begun, or that there was none.
    func answer(_ begin: (@escaping ClusterMover.Answer) -> Void) -> String {
        var said: String?
        begin { [loop] in
            said = "\($0 ? "done" : "refused"): \($1)"
            loop.stop()
        }
        if let said { return said }
        let end = loop.schedule(after: .seconds(30)) { [loop] in loop.stop() }
        loop.run()
        end.cancel()
        return said ?? "no answer"
    }
}

@Suite struct MoverTests {
    @Test func asksPacemakerInTheWordsOfItsVersion() throws {
        for (version, option) in [
            ("2.1.5-a3f44794f94", "--promoted"), ("2.0.5-ba59be7122", "--master"), ("1.1.16", "--master"),
            ("3.0.0", "--promoted"), (nil, "--promoted"), ("x", "--promoted"),
        ] {
            let cluster = try Cluster()
            let mover = cluster.mover()
            mover.view = Cluster.view(version)
            #expect(cluster.answer { mover.move(to: "n2", $0) } == "done: done")
            #expect(cluster.asked == "crm_resource --move --resource ms_drbd_mysql \(option) --node n2\n")
            #expect(cluster.notes.count == 1)
        }
    }

    @Test func aPlanRunsNothing() throws {
        let cluster = try Cluster()
        let mover = cluster.mover()
        let plan = cluster.answer { mover.plan(to: "n2", $0) }
        #expect(plan.hasPrefix("done: sh") && plan.contains("--move --resource ms_drbd_mysql --promoted --node n2"))
        #expect(plan.hasSuffix("--clear --resource ms_drbd_mysql, unless the primary would then go back"))
        let own = cluster.mover { $0.move = ["/bin/own", "{node}", "now"] }
        #expect(cluster.answer { own.plan(to: "n2", $0) } == "done: own n2 now")
        #expect(cluster.asked.isEmpty)
    }

    private static let obstacles: [(String, String, @Sendable (inout PacemakerView) -> Void)] = [
        ("n2", "n2 is in standby in the cluster", { $0.nodes[1].isStandby = true }),
        ("n2", "n2 is offline in the cluster", { $0.nodes[1].isOnline = false }),
        ("n2", "n2 is unclean in the cluster", { $0.nodes[1].isUnclean = true }),
        ("n2", "n2 is in maintenance in the cluster", { $0.isInMaintenance = true }),
        ("n9", "the cluster has no node n9", { _ in }),
        ("n2", "the cluster has no resource ms_drbd_mysql", { $0.resources = [] }),
        ("--force", "that is no node's name", { _ in }),
    ]

    @Test(arguments: obstacles.indices) func refusesWhatCantSucceed(index: Int) throws {
        let (node, reason, change) = Self.obstacles[index]
        let cluster = try Cluster()
        let mover = cluster.mover()
        var view = Cluster.view()
        change(&view)
        mover.view = view
        #expect(cluster.answer { mover.move(to: node, $0) } == "refused: \(reason)")
        #expect(cluster.answer { mover.plan(to: node, $0) } == "refused: \(reason)")
        mover.view = nil
        if node != "--force" {
            #expect(cluster.answer { mover.move(to: node, $0) } == "refused: the cluster can't be asked on this node")
        }
        #expect(cluster.asked.isEmpty)
    }

    @Test func aCommandThatFailsOrNeverEndsIsRefused() throws {
        let cluster = try Cluster()
        let failing = cluster.mover(resource: "echo 'no such device' >&2; exit 105")
        #expect(cluster.answer { failing.move(to: "n2", $0) } == "refused: sh ended with 105: no such device")
        let hanging = cluster.mover(resource: "exec sleep 600") { $0.timeout = .milliseconds(50) }
        #expect(cluster.answer { hanging.move(to: "n2", $0) } == "refused: sh did not end within 50ms")
        let missing = cluster.mover { $0.move = ["/nonexistent/tool", "{node}"] }
        #expect(cluster.answer { missing.move(to: "n2", $0) }.hasPrefix("refused: /nonexistent/tool"))
    }

    @Test func thePreferenceGoesWhereThePrimaryStays() throws {
        let cluster = try Cluster()
        let mover = cluster.mover()
        #expect(cluster.answer { mover.clear(isSettled: true, $0) } == "done: done")
        let lines = cluster.asked.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines.first == "crm_resource --wait --timeout=20s")
        #expect(lines.dropFirst().first == "cibadmin --query")
        #expect(lines.dropFirst(2).first == "crm_resource on a copy of CIB --clear --resource ms_drbd_mysql")
        let simulation = "crm_simulate --simulate --xml-file \(cluster.folder.path)"
        #expect(lines.dropFirst(3).first?.hasPrefix(simulation) ?? false)
        #expect(lines.last == "crm_resource --clear --resource ms_drbd_mysql")
        #expect(cluster.leftovers.isEmpty)
    }

    @Test func thePreferenceStaysWhereThePrimaryWouldGoBack() throws {
        let back = "printf 'Transition Summary:\\n  * Demote p_drbd_mysql:0 ( Promoted -> Unpromoted n1 )\\n\\n'"
        for (query, simulate, reason) in [
            ("echo CIB", back, "without it the primary would go back"), ("exit 1", "exit 0", "ended with 1"),
            ("echo CIB", "exit 70", "ended with 70"), ("echo CIB", "echo", "transition summary is missing"),
        ] {
            let cluster = try Cluster()
            let mover = cluster.mover(query: query, simulate: simulate)
            let said = cluster.answer { mover.clear(isSettled: true, $0) }
            #expect(said.hasPrefix("done: the preference stays") && said.contains(reason), "\(said)")
            #expect(!cluster.asked.hasSuffix("crm_resource --clear --resource ms_drbd_mysql\n"))
            #expect(cluster.leftovers.isEmpty)
        }
    }

    @Test func whatIsTakenBackIsNotAskedAbout() throws {
        let cluster = try Cluster()
        let mover = cluster.mover()
        #expect(cluster.answer { mover.clear(isSettled: false, $0) } == "done: done")
        #expect(cluster.asked == "crm_resource --clear --resource ms_drbd_mysql\n")
    }

    @Test func commandsOfOnesOwnAreRunAsTheyAre() throws {
        let cluster = try Cluster()
        let own = cluster.mover {
            $0.move = ["/bin/sh", "-c", "[ $0 = n2 ]", "{node}"]
            $0.clear = ["/bin/sh", "-c", "exit 3"]
        }
        own.view = nil
        #expect(cluster.answer { own.move(to: "n2", $0) } == "done: done")
        #expect(cluster.answer { own.move(to: "n1", $0) } == "refused: sh ended with 1")
        #expect(cluster.answer { own.clear(isSettled: true, $0) } == "refused: sh ended with 3")
        let half = cluster.mover { $0.move = ["/bin/true", "{node}"] }
        #expect(cluster.answer { half.clear(isSettled: false, $0) } == "done: done")
        #expect(cluster.asked.isEmpty)
    }
}
