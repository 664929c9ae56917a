/// What it takes to run a statement again that was lost with its server.
///
/// A text that reads may write all the same: by a view over a function, or by a function that is named like a harmless
/// one. It is run again in a transaction that only reads, so that the server refuses such a write (error 1792), also to
/// tables without transactions. No list decides.
public enum RerunGuard: Sendable, Hashable {
    /// It has no expressions that could call anything.
    case unneeded
    /// Behind `SET TRANSACTION READ ONLY`, which holds for its one transaction.
    case readOnly
    /// More than one transaction, or one whose characteristics are its own business.
    case impossible

    /// - Parameter isTransactionPrepared: characteristics of the next transaction are set: they would be lost with ours.
    public static func needed(
        for sql: UnsafeRawBufferPointer, dialect: Dialect, isTransactionPrepared: Bool
    ) -> RerunGuard {
        guard sql.count <= StatementClassifier.byteCountMax else { return .impossible }
        let scan = SQLScanner.scan(sql, dialect: dialect)
        if scan.isAmbiguous { return .impossible }
        let all = StatementReader(
            sql: CheckedBytes(sql), tokens: scan.tokens[...], dialect: dialect,
            hasExecutableComment: scan.hasExecutableComment)
        var end = all.count
        while all.isSymbol(end - 1, ";") { end -= 1 }
        let reader = all.part(0, end)
        var begin = 0
        while reader.isSymbol(begin, "(") { begin += 1 }
        for index in begin..<reader.count where reader.isSymbol(index, ";") { return .impossible }
        switch reader.word(begin) {
        case "": return begin == reader.count ? .unneeded : .impossible
        case "USE", "SAVEPOINT", "RELEASE", "BEGIN", "START", "COMMIT", "ROLLBACK", "PREPARE", "DEALLOCATE", "DROP",
            "UNLOCK":
            return .unneeded
        case "SET" where reader.isWord(begin + 1, "TRANSACTION"): return .unneeded
        // A temporary table can't be made in a transaction that only reads.
        case "CREATE": return reader.contains(anyOf: "SELECT", "VALUES", "WITH") ? .impossible : .unneeded
        case _:
            if isTransactionPrepared { return .impossible }
            return mayNameTransactionVariable(CheckedBytes(sql)) ? .impossible : .readOnly
        }
    }

    /// `tx_read_only`, `transaction_isolation` and their like, as a word, in quotes or behind `@@`: `_read_only` or
    /// `_isolation` anywhere. In one pass, since a text may be long and nobody else gets his turn meanwhile.
    private static func mayNameTransactionVariable(_ text: CheckedBytes) -> Bool {
        var index: UInt = 0
        while let byte = text.at(index) {
            index += 1
            if byte == 0x5f, isWord("read_only", at: index, of: text) || isWord("isolation", at: index, of: text) {
                return true
            }
        }
        return false
    }

    /// `word` is lower case ASCII.
    private static func isWord(_ word: StaticString, at start: UInt, of text: CheckedBytes) -> Bool {
        for offset in 0..<word.utf8CodeUnitCount {
            guard let byte = text.at(start &+ UInt(offset)) else { return false }
            let lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
            if lower != word.byte(at: offset) { return false }
        }
        return true
    }
}

extension StatementReader {
    fileprivate func contains(anyOf words: StaticString...) -> Bool {
        for index in 0..<count where words.contains(where: { isWord(index, $0) }) { return true }
        return false
    }
}
