import Cluster
import Foundation
import Health
import Reactor
import Testing

@testable import Probes

@Suite struct DRBDObserverTests {
    private static let dump = """
        exists resource name:mysql role:Secondary suspended:no
        exists connection name:mysql peer-node-id:0 conn-name:peer connection:Connected role:Primary
        exists device name:mysql volume:0 minor:0 disk:UpToDate
        exists peer-device name:mysql peer-node-id:0 conn-name:peer volume:0 replication:Established peer-disk:UpToDate
        exists -

        """
    private static let proc = """
        version: 8.4.11 (api:1/proto:86-101)
         0: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C r-----

        """

    private func options(_ tools: FakeTools, _ script: String) -> DRBDObserver.Options {
        var options = DRBDObserver.Options()
        options.events = tools.tool(script)
        options.procPath = tools.path("proc")
        options.interval = .milliseconds(5)
        options.backoffMin = .milliseconds(20)
        return options
    }

    /// Runs until `isDone` says so of what has been observed.
    private func observe(
        _ options: DRBDObserver.Options, loop: EventLoop,
        until isDone: @escaping ([Result<DRBDObservation, ObservationFault>]) -> Bool
    ) -> [Result<DRBDObservation, ObservationFault>] {
        var seen: [Result<DRBDObservation, ObservationFault>] = []
        let observer = DRBDObserver(
            loop: loop, options: options,
            onObservation: { [unowned loop] observation in
                seen.append(observation)
                if isDone(seen) { loop.stop() }
            })
        observer.start()
        loop.run()
        observer.stop()
        let count = seen.count
        loop.schedule(after: .milliseconds(50)) { [unowned loop] in loop.stop() }
        loop.run()
        // Nothing is told after the end.
        #expect(seen.count == count)
        return seen
    }

    @Test func aChangeIsTold() throws {
        let tools = try FakeTools()
        try tools.write("dump", DRBDObserverTests.dump)
        tools.fifo("go")
        let loop = try patientLoop()
        let script = """
            cat $DIR/dump
            read word < $DIR/go
            printf 'change resource name:mysql ro'
            printf 'le:Primary\\ncall helper name:mysql helper:split-brain\\n'
            exec sleep 1000
            """
        let go = tools.path("go")
        let seen = observe(options(tools, script), loop: loop) { seen in
            if seen.count == 1 {
                // The script waits in open(2) for a writer.
                _ = try? Data("now\n".utf8).write(to: URL(filePath: go), options: [])
            }
            guard case .success(let last)? = seen.last else { return false }
            return last.resources.first?.wasSplitBrainDetected == true
        }
        let views = seen.compactMap { try? $0.get() }
        #expect(views.count == seen.count)
        #expect(views.allSatisfy { $0.source == .events })
        #expect(views.first?.resources.map(\.role) == [.secondary])
        #expect(views.last?.resources.map(\.role) == [.primary])
    }

    @Test func procSpeaksWhileThereIsNoStream() throws {
        let tools = try FakeTools()
        try tools.write("dump", DRBDObserverTests.dump)
        try tools.write("proc", DRBDObserverTests.proc)
        let loop = try patientLoop()
        // Fails twice, then works.
        let script = """
            echo x >> $DIR/runs
            [ $(wc -l < $DIR/runs) -lt 3 ] && exit 20
            cat $DIR/dump
            exec sleep 1000
            """
        let seen = observe(options(tools, script), loop: loop) { seen in
            if case .success(let last)? = seen.last { last.source == .events } else { false }
        }
        let views = seen.compactMap { try? $0.get() }
        #expect(views.count == seen.count)
        #expect(views.first?.source == .proc)
        #expect(views.first?.resources.map(\.connection) == [.connecting])
        #expect(views.last?.resources.map(\.connection) == [.connected])
        #expect(tools.read("runs") == "x\nx\nx\n")
    }

    @Test func withoutDRBDTheToolSaysWhy() throws {
        let tools = try FakeTools()
        let loop = try patientLoop()
        let script = "echo 'Could not connect to drbd generic netlink family' >&2; exit 20"
        let seen = observe(options(tools, script), loop: loop) { _ in true }
        #expect(
            seen == [
                .failure(
                    .exited(
                        tool: "sh", status: 20, complaint: "Could not connect to drbd generic netlink family"))
            ])
    }

    @Test func aToolThatIsNotThere() throws {
        let tools = try FakeTools()
        let loop = try patientLoop()
        var options = options(tools, "")
        options.events = Tool(tools.path("nothing"), [])
        let seen = observe(options, loop: loop) { _ in true }
        #expect(seen == [.failure(.system(SystemError(errno: ENOENT, call: tools.path("nothing"))))])
    }

    @Test(arguments: [
        ("echo 'exists resource name:mysql role:Emperor'; exec sleep 1000", "Emperor"),
        ("head -c 100000 /dev/zero | tr '\\0' x; exec sleep 1000", "more than 4096 bytes"),
        ("echo 'exists resource name:mysql role:Primary'; exec sleep 1000", "did not end within"),
    ])
    func aBrokenStreamIsKilled(_ script: String, _ message: String) throws {
        let tools = try FakeTools()
        let loop = try patientLoop()
        var options = options(tools, "echo $$ >> $DIR/pids; \(script)")
        options.dumpTimeout = .seconds(message.contains("within") ? 3 : 20)
        let seen = observe(options, loop: loop) { _ in true }
        guard case .failure(let fault)? = seen.first else {
            Issue.record("\(seen)")
            return
        }
        #expect("\(fault)".contains(message))
        let pid = try #require(tools.read("pids").split(separator: "\n").first.flatMap { pid_t($0) })
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
    }
}
