import Foundation
import Routing
import Testing

@Suite struct SessionStateTests {
    /// The rows of the table in docs/session-state.md: state, sources, fate.
    private static func documented() throws -> [[String]] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("docs/session-state.md"), encoding: .utf8)
        return page.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst().map { line in
            line.split(separator: "|").prefix(3).map { $0.trimmingCharacters(in: .whitespaces) }
        }.filter { $0.first != "---" }
    }

    @Test func thePageIsTheList() throws {
        let known = SessionState.allCases.map { state in
            [state.rawValue, state.sources.map(\.rawValue).joined(separator: ", "), state.fate.rawValue]
        }
        let documented = try Self.documented()
        #expect(Set(documented) == Set(known))
        #expect(documented.count == known.count)
    }

    @Test func thePageExplainsItsWords() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("docs/session-state.md"), encoding: .utf8)
        for source in SessionState.Source.allCases { #expect(page.contains("`\(source.rawValue)` (")) }
        for fate in SessionState.Fate.allCases { #expect(page.contains("`\(fate.rawValue)` (")) }
    }

    /// A statement, and what a move would make of the session behind it.
    private static let statements: [(String, keeps: [MoveForecast.Item], loses: [MoveForecast.Item])] = [
        ("SET @a = 1, @b = 'x'", [.init(.userVariables, 2)], []),
        ("SET @a = (SELECT MAX(i) FROM t)", [], [.init(.userVariables)]),
        ("SET NAMES latin1", [.init(.characterSet)], []),
        ("SET ROLE r", [.init(.role)], []),
        ("SET TRANSACTION READ ONLY", [.init(.nextTransaction)], []),
        ("CREATE TEMPORARY TABLE t (i INT)", [], [.init(.temporaryTables)]),
        ("LOCK TABLES t READ", [], [.init(.tableLocks)]),
        ("DO GET_LOCK('a', 0)", [], [.init(.userLocks)]),
        ("HANDLER t OPEN", [], [.init(.handlers)]),
        ("XA START 'x'", [], [.init(.xaTransaction)]),
        ("PREPARE p FROM 'SELECT 1'", [.init(.preparedNames)], []),
        ("PREPARE p FROM @unknown", [], [.init(.preparedNames)]),
    ]

    @Test(arguments: statements.indices) func aStatementPins(_ i: Int) {
        let (text, keeps, loses) = Self.statements[i]
        var journal = SessionJournal(database: Array("app".utf8))
        let facts = Array(text.utf8).withUnsafeBytes { StatementClassifier.classify($0) }
        journal.apply(facts.change ?? .none)
        let forecast = journal.forecast
        #expect(forecast.keeps == [.init(.defaultSchema)] + keeps, "\(text)")
        #expect(forecast.loses == loses, "\(text)")
        #expect(forecast.loses.isEmpty == journal.isMovable)
    }

    @Test func severalOfAKindAreCounted() {
        var journal = SessionJournal()
        for name in ["a", "b", "c"] {
            let text = "CREATE TEMPORARY TABLE \(name) (i INT)"
            let facts = Array(text.utf8).withUnsafeBytes { StatementClassifier.classify($0) }
            journal.apply(facts.change ?? .none)
        }
        #expect(journal.forecast.loses == [.init(.temporaryTables, 3)])
    }
}
