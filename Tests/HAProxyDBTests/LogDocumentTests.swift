import Foundation
import Testing

@testable import HAProxyDB

/// docs/log.md is for whoever takes the log apart by machine: it has every event and every field.
@Suite struct LogDocumentTests {
    private let text = try? String(
        contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/log.md"), encoding: .utf8)

    @Test(arguments: Happening.allCases) func eventsAreListed(_ happening: Happening) throws {
        #expect(try #require(text).contains("\n| `\(happening.rawValue)` | "))
    }

    @Test(arguments: LogField.allCases) func fieldsAreListed(_ field: LogField) throws {
        #expect(try #require(text).contains("`\(field.rawValue)`"))
    }
}
