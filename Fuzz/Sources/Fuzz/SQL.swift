@testable import Routing

/// Statements: no trap, whatever the dialect, and what is plain changes nothing that the journal needs.
enum SQL {
    static let dialects: [Dialect] = [nil, false, true].flatMap { escapes in
        [nil, false, true].map { Dialect(backslashEscapes: escapes, ansiQuotes: $0) }
    }

    static func read(_ text: UnsafeRawBufferPointer) {
        let isPlain = StatementClassifier.isPlain(text)
        for dialect in dialects {
            let facts = StatementClassifier.classify(text, dialect: dialect)
            require(!isPlain || facts.change == nil, "plain, and \(facts)")
            guard case .several(let changes)? = facts.change else { continue }
            for change in changes {
                if case .several = change { fatalError("a change of changes of changes") }
            }
        }
    }
}
