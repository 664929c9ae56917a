import ArgumentParser
import Foundation
import Testbed

extension Lab {
    struct ConformanceCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "conformance",
            abstract: "MariaDB's own tests on a server directly and through the proxy.",
            discussion: """
                Exit status 0 only when every test that passes directly passes through the proxy, or is on the list of \
                exceptions. Needs Debian's mariadb-test.
                """)

        @Option(help: "plain, ps, cursor or client (mariadb-client-test); several with commas.")
        var dialects = "plain,ps,cursor,client"
        @Option(help: "The list of exceptions.")
        var exceptions = "Tests/Conformance/exceptions.txt"
        @Argument(help: "Tests of the suite main, e.g. ps, or of the client; all by default.")
        var tests: [String] = []

        private func chosen() throws -> [Conformance.Dialect] {
            try dialects.split(separator: ",").map { word in
                guard let dialect = Conformance.Dialect(rawValue: String(word)) else {
                    throw ValidationError("\(word): one of plain, ps, cursor, client")
                }
                return dialect
            }
        }

        func validate() throws { _ = try chosen() }

        func run() throws {
            let begun = ContinuousClock.now
            let say: (String) -> Void = { output("\(stamp(since: begun))  \($0)") }
            let conformance = try Conformance(exceptions: exceptions)
            var failed = 0
            for dialect in try chosen() {
                let report = try conformance.run(
                    dialect, tests.isEmpty ? Conformance.allTests(dialect) : tests, say: say)
                failed += report.failures.count
                say(
                    "\(dialect.rawValue): \(report.tests) tests; \(report.passedProxied) of \(report.passedDirectly) that pass directly pass "
                        + "through the proxy, \(report.excused.count) excused, \(report.failures.count) failed")
                for (name, reason) in report.excused.sorted(by: { $0.key < $1.key }) { output("  \(name): \(reason)") }
                for name in report.failures.keys.sorted() { output("  FAILED \(name)") }
            }
            guard failed == 0 else { throw ExitCode(1) }
        }
    }
}
