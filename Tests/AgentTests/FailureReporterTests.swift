import Cluster
import Foundation
import Glibc
import Health
import Probes
import Reactor
import Testing

@testable import Agent

@Suite struct FailureReporterTests {
    private let view = PacemakerView(
        version: "2.1.5", coordinator: "n1", hasQuorum: true, isInMaintenance: false,
        nodes: [.init(name: "n1", id: "1", isOnline: true)],
        resources: [.init(id: "p_mysql", agent: "ocf:heartbeat:mysql", role: .started, nodes: ["n1"], isActive: true)])

    /// What the reporter says when the process ends, with that socket.
    private func notes(socket path: String?, until count: Int, status: Int = 0) throws -> [String] {
        let loop = try EventLoop()
        loop.schedule(after: .seconds(30)) { [unowned loop] in
            Issue.record("nothing happened for thirty seconds")
            loop.stop()
        }
        var options = FailureReporter.Options()
        // Whatever it is asked, it says with what words on its standard error.
        options.crmResource = Tool("/bin/sh", ["-c", "echo \"$*\" >&2; exit \(status)", "crm_resource"])
        options.greetingMax = .milliseconds(100)
        var notes: [String] = []
        let reporter = FailureReporter(
            loop: loop, node: "n1", names: ResourceNames(), watch: .init(reportsDeaths: true), options: options
        ) { [unowned loop] in
            notes.append($0)
            if notes.count == count { loop.stop() }
        }
        reporter.socketPath = path
        reporter.onLook = { [unowned loop, unowned reporter] in
            loop.schedule(after: .zero) { reporter.clusterSeen(view, began: MonotonicClock.now()) }
        }
        reporter.processSeen(7)
        reporter.processSeen(nil)
        loop.run()
        reporter.stop()
        return notes
    }

    @Test func aDeathIsToldToTheCluster() throws {
        for path in [nil, "/nowhere/mysqld.sock"] {
            let notes = try notes(socket: path, until: 2)
            #expect(notes.count == 2)
            #expect(notes.first?.contains("nothing listens at its socket") == true)
            #expect(notes.last?.hasPrefix("The cluster was told that p_mysql has failed on n1, after ") == true)
        }
    }

    @Test func aRefusalOfTheToolIsSaid() throws {
        let notes = try notes(socket: nil, until: 2, status: 3)
        #expect(
            notes.last
                == "The cluster was not told that p_mysql has failed on n1: sh ended with 3: --fail --resource p_mysql "
                + "--node n1.")
    }

    @Test func aServerThatAnswersIsLeftAlone() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "hadb-\(UUID().uuidString.prefix(8)).sock")
            .path
        let listener = try Sockets.listenUnix(path, mode: 0o600)
        defer {
            close(listener)
            unlink(path)
        }
        let server = Thread {
            var served = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            poll(&served, 1, 20_000)
            guard let peer = try? Sockets.accept(listener) else { return }
            _ = send(peer.descriptor, "J", 1, 0)
            // Until it has hung up.
            var rest = pollfd(fd: peer.descriptor, events: Int16(POLLIN), revents: 0)
            poll(&rest, 1, 20_000)
            close(peer.descriptor)
        }
        server.start()
        let notes = try notes(socket: path, until: 1)
        #expect(notes == ["The cluster's mariadbd (process 7) has ended, and that is not reported: a server answers."])
    }

    /// The kernel takes the connection, and nobody says anything: what has ended left its socket to somebody.
    @Test func aSocketThatSaysNothingIsNoServer() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "hadb-\(UUID().uuidString.prefix(8)).sock")
            .path
        let listener = try Sockets.listenUnix(path, mode: 0o600)
        defer {
            close(listener)
            unlink(path)
        }
        let notes = try notes(socket: path, until: 2)
        #expect(notes.first?.contains("its socket is there and says nothing") == true)
    }
}
