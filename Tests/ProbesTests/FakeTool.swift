import Cluster
import Foundation
import Reactor
import Testing

@testable import Probes

/// A directory of its own with scripts that stand for the cluster's tools.
final class FakeTools {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "haproxydb-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: folder.appending(path: name))
    }

    func read(_ name: String) -> String {
        (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)) ?? ""
    }

    /// A shell script; `$DIR` is the directory.
    func tool(_ script: String) -> Tool {
        Tool("/bin/sh", ["-c", script], environment: Tool.plainEnvironment + ["DIR=\(folder.path)"])
    }

    func fifo(_ name: String) {
        #expect(mkfifo(path(name), 0o600) == 0)
    }
}

/// A loop that gives up after thirty seconds, so that what never comes is a failure and not a hang.
func patientLoop() throws -> EventLoop {
    let loop = try EventLoop()
    loop.schedule(after: .seconds(30)) { [unowned loop] in
        Issue.record("nothing happened for thirty seconds")
        loop.stop()
    }
    return loop
}
