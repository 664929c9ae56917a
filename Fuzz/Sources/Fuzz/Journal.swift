@testable import Routing

/// A session's statements and what the server reports of them: no trap, and what is kept is bounded. Texts end with a
/// zero; the first byte of each says whose word it is.
enum Journal {
    /// Besides what counts for the limit: the schema, the texts of SET NAMES, SET ROLE and the tracking.
    private static let besides = 6 * (SessionJournal.textMax + SessionJournal.textOverhead)

    static func read(_ bytes: UnsafeRawBufferPointer) {
        var journal = SessionJournal(database: Array("d".utf8), byteCountMax: 4_096)
        for text in bytes.split(separator: 0) {
            guard let kind = text.first else { continue }
            let text = Array(text.dropFirst())
            switch kind {
            case 1:
                let parts = text.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                journal.systemVariable(name: Array(parts[0]), value: parts.count > 1 ? Array(parts[1]) : [])
            case 2: journal.schema(Array(text.prefix(256)))
            case 3: journal.stateChanged()
            case 4: journal.transactionEnded()
            case 5: journal.answeredOutsideTransaction()
            case 6: journal.reset()
            case 7: journal.changedUser(database: Array(text.prefix(256)))
            case 8: journal.lossesTold()
            default:
                let facts = text.withUnsafeBytes { StatementClassifier.classify($0, dialect: Dialect(status: 0x0002)) }
                if let change = facts.change { journal.apply(change) }
            }
            require(journal.byteCount <= journal.byteCountMax + besides, "\(journal.byteCount) bytes are kept")
        }
        // What is run on the new server is one statement each.
        for text in journal.restoration().flatMap(\.texts) {
            require(!text.isEmpty, "an empty statement restores nothing")
        }
        _ = journal.losses.description
    }
}
