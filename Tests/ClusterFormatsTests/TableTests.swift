import Foundation
import Health
import Testing

/// Every fixture parses to what stands in `expected.txt`: a line `path: view`, continued by indented lines.
///
/// The table is written by `WRITE_EXPECTED=path swift test --filter TableTests` and then read by a person, state by
/// state, against the fixtures; what matters most is said a second time, by hand, in the other tests.
@Suite struct TableTests {
    private static let expected: [String: String] = {
        let file = Fixture.folder.appending(path: "expected.txt")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [:] }
        var table: [String: String] = [:]
        var path = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix("    ") {
                table[path, default: ""] += "\n" + line
            } else if let at = line.range(of: ": ") {
                path = String(line[..<at.lowerBound])
                table[path] = String(line[at.upperBound...])
            }
        }
        return table
    }()

    private static func outcome(_ fixture: Fixture, _ kind: Kind) -> String {
        do throws(FormatError) {
            return try parse(kind, fixture.bytes)
        } catch {
            return "ERROR \(error)"
        }
    }

    @Test func everyFixture() throws {
        var lines: [String] = []
        var checked = 0
        for fixture in Fixture.all {
            let kind = try #require(Kind(fixture), "no parser for \(fixture.path)")
            if kind == .notes || kind == .witness { continue }
            let outcome = TableTests.outcome(fixture, kind)
            lines.append("\(fixture.path): \(outcome)")
            checked += 1
            #expect(outcome == TableTests.expected[fixture.path], "\(fixture.path)")
        }
        if let path = ProcessInfo.processInfo.environment["WRITE_EXPECTED"] {
            try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        }
        #expect(checked == TableTests.expected.count)
        #expect(checked > 250)
    }
}
