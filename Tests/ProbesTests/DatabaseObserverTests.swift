import Cluster
import Foundation
import Health
import Reactor
import Testing

@testable import Probes

@Suite struct DatabaseObserverTests {
    /// Something that was started as a server is, and waits for its end.
    private func start(_ tools: FakeTools, pidFile: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        // Not to be ended by the end of its input: that is a pipe that stays open.
        process.arguments = [
            "-c", "exec -a /usr/sbin/mariadbd bash -c 'read -r' server --pid-file=\(pidFile) --datadir=/nowhere",
        ]
        process.standardInput = Pipe()
        try process.run()
        return process
    }

    private func observe(
        _ place: DatabasePlace, _ body: @escaping (DatabaseObserver, NodeReport.Database?, EventLoop) throws -> Void
    ) throws {
        let loop = try patientLoop()
        var options = DatabaseObserver.Options()
        options.awaitedInterval = .milliseconds(5)
        var observer: DatabaseObserver?
        observer = DatabaseObserver(loop: loop, options: options) { [unowned loop] database in
            guard let observer else { return }
            do {
                try body(observer, database, loop)
            } catch {
                Issue.record(error)
                loop.stop()
            }
        }
        observer?.place = place
        observer?.start()
        observer?.isAwaited = true
        loop.run()
        observer?.stop()
    }

    @Test func itsStartAndItsEndAreSeen() throws {
        let tools = try FakeTools()
        let place = DatabasePlace(pidFile: tools.path("m.pid"), dataDirectory: "/nowhere")
        // One of the distribution's, and one of another cluster's.
        let others = [try start(tools, pidFile: "/elsewhere/m.pid"), try start(tools, pidFile: "")]
        defer { for other in others { other.terminate() } }
        var process: Process?
        var seen: [NodeReport.Database?] = []
        let begun = NodeClock.wall
        try observe(place) { observer, database, loop in
            seen.append(database)
            switch seen.count {
            case 1: process = try start(tools, pidFile: tools.path("m.pid"))
            case 2:
                // What follows comes of its end, not of a look.
                observer.isAwaited = false
                kill(process?.processIdentifier ?? -1, SIGKILL)
            case _: loop.stop()
            }
        }
        #expect(seen.map { $0?.process?.pid } == [nil, process?.processIdentifier, nil])
        #expect(seen.allSatisfy { $0?.pidFile == place.pidFile && $0?.dataDirectory == "/nowhere" })
        #expect(seen.allSatisfy { $0?.isOnDevice == nil && $0?.bootID?.isEmpty == false })
        let startedAt = try #require(seen[1]?.process?.startedAt)
        // A hundredth of a second is the kernel's measure.
        #expect(startedAt >= begun - 20 && startedAt <= NodeClock.wall)
    }

    @Test func withoutPathsNothingIsTold() throws {
        let loop = try patientLoop()
        let observer = DatabaseObserver(loop: loop) { _ in Issue.record("something was told") }
        observer.start()
        loop.schedule(after: .milliseconds(20)) { [unowned loop] in loop.stop() }
        loop.run()
        observer.stop()
        #expect(observer.database == nil)
    }
}
