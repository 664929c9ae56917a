import Foundation
import Testbed
import Testing

extension Integration {
    /// Who else opens the availability log while a proxy writes it.
    @Suite(.serialized)
    struct LedgerReaderTests {
        @Test("twenty readers come and go while the proxy is killed: what it called written is in the file")
        func readersComeAndGo() throws {
            let log = try AvailabilityLog()
            let pair = try SharedPair.get()
            let readers = try Readers(log)
            for run in 1...3 {
                let proxy = try ProxyProcess(nodes: pair.ports, sections: log.section)
                defer { proxy.stop(grace: .zero) }
                try proxy.admin("show ledger json", within: .seconds(30)) { (Self.seconds($0) ?? 0) >= 2 }
                // Another reader is there and gone between that and the end.
                _ = try readers.count()
                let written = try #require(Self.seconds(try proxy.admin("show ledger json")))
                proxy.send(SIGKILL)
                _ = proxy.wait(.seconds(10))
                let found = try readers.count()["\(run)"] ?? 0
                #expect(found >= written, "run \(run): \(written) seconds were written, \(found) are there")
                #expect(!proxy.log.contains("is not written") && !proxy.log.contains("-wal"), "\(proxy.log)")
            }
            #expect(readers.end() == 0)
        }

        @Test("a second proxy on a log is refused, and says whose it is; a reader is not, and the next one neither")
        func secondProxy() throws {
            let log = try AvailabilityLog()
            let pair = try SharedPair.get()
            let first = try ProxyProcess(nodes: pair.ports, sections: log.section)
            defer { first.stop(grace: .zero) }
            try log.wait { _ in true }
            let error = #expect(throws: TestbedFailure.self) {
                try ProxyProcess(nodes: pair.ports, sections: log.section)
            }
            let words =
                "can't start: the availability log \(log.path): process \(first.pid) (\(first.configurationPath))"
            #expect("\(error as Any)".contains("exited with status 75"))
            #expect("\(error as Any)".contains(words), "\(error as Any)")
            // Whoever checks the running proxy's own file is not told of it.
            let other = try TemporaryDirectory(prefix: "hadbc")
            let copy = "\(other.path)/other.toml"
            try FileManager.default.copyItem(atPath: first.configurationPath, toPath: copy)
            #expect(try Self.check(first.configurationPath) == "")
            #expect(try Self.check(copy).contains("\(copy): warning: availability.file: process \(first.pid) "))
            first.send(SIGKILL)
            _ = first.wait(.seconds(10))
            #expect(try Self.check(copy) == "")
            let next = try ProxyProcess(nodes: pair.ports, sections: log.section)
            defer { next.stop(grace: .zero) }
            let report = try log.wait { !$0.gaps.isEmpty }
            #expect(report.gaps.map(\.reason) == ["killed"])
        }

        /// What `haproxydb check` warns of.
        private static func check(_ configuration: String) throws -> String {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try ProxyProcess.findProgram())
            process.arguments = ["check", "-c", configuration]
            let warnings = Pipe()
            process.standardOutput = FileHandle.nullDevice
            process.standardError = warnings
            try process.run()
            let data = warnings.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            return String(decoding: data, as: UTF8.self)
        }

        private static func seconds(_ answer: String) -> Int? {
            let facts = try? JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any]
            return facts?["seconds_written"] as? Int
        }

        /// `Tests/Clients/ledger_readers.py` on a log.
        private final class Readers {
            private let log: AvailabilityLog
            private let process: Process
            private let orders = Pipe()

            init(_ log: AvailabilityLog) throws {
                self.log = log
                process = try Self.script(["read", log.path, ProxyProcess.findProgram()])
                process.standardInput = orders
                try process.run()
            }

            /// Seconds by run.
            func count() throws -> [String: Int] {
                let process = try Self.script(["count", log.path])
                let output = Pipe()
                process.standardOutput = output
                try process.run()
                let data = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                return try JSONDecoder().decode([String: Int].self, from: data)
            }

            /// Their exit status.
            func end() -> Int32 {
                try? orders.fileHandleForWriting.close()
                process.waitUntilExit()
                return process.terminationStatus
            }

            private static func script(_ arguments: [String]) throws -> Process {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
                process.arguments = ["\(packageRoot)/Tests/Clients/ledger_readers.py"] + arguments
                return process
            }
        }
    }
}
