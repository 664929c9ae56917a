import Foundation
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct PythonTests {
        private func run(_ pair: EmbeddedPair, port: UInt16, failOver: () throws -> Void) throws {
            let goOn = "\(pair.directory.path)/go-on-\(port)"
            let log = "\(pair.directory.path)/python-\(port).log"
            let script = try ChildProcess(
                ["/usr/bin/python3", "\(packageRoot)/Tests/Clients/pymysql_client.py", "\(port)", goOn],
                name: "pymysql", logPath: log)
            let deadline = ContinuousClock.now + .seconds(60)
            while !script.log.contains("ready"), script.isRunning, ContinuousClock.now < deadline { usleep(10_000) }
            #expect(script.log.contains("ready"), "\(script.log)")
            try failOver()
            #expect(FileManager.default.createFile(atPath: goOn, contents: nil))
            #expect(script.wait(.seconds(60)) == .exited(0), "\(script.log)")
            #expect(script.log.hasSuffix("done\n"), "\(script.log)")
        }

        @Test("PyMySQL's sessions, before and after a failover")
        func throughTheProxy() throws {
            try Stage.run { stage in
                try run(stage.pair, port: stage.proxy.port) { try stage.failOver() }
            }
        }
    }
}
