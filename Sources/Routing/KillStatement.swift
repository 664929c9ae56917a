/// KILL, as far as it names a connection by a number that the text itself has: `KILL QUERY 5`, `kill (2+3)`,
/// `KILL /* it */ 0x5`. Not KILL USER, and not KILL QUERY ID, whose number is a statement's.
public enum KillStatement {
    /// A connection's id in a text, and where it stands there.
    public struct Target: Sendable, Hashable {
        public var place: Range<Int>
        public var id: Id

        public enum Id: Sendable, Hashable {
            case number(UInt64)
            /// Given when the statement is executed.
            case placeholder
        }
    }

    /// Whether the word is in the text at all; cheap.
    public static func isMentioned(in sql: UnsafeRawBufferPointer) -> Bool {
        let text = CheckedBytes(sql)
        var index: UInt = 0
        while let byte = text.at(index) {
            index += 1
            guard byte | 0x20 == 0x6b, index &+ 2 < text.count else { continue }
            if text[index] | 0x20 == 0x69, text[index &+ 1] | 0x20 == 0x6c, text[index &+ 2] | 0x20 == 0x6c {
                return true
            }
        }
        return false
    }

    /// The targets of all KILL statements in the text that can be told from it, in order.
    public static func targets(in sql: UnsafeRawBufferPointer, dialect: Dialect) -> [Target] {
        guard let reader = StatementReader(sql, dialect: dialect) else { return [] }
        var targets: [Target] = []
        reader.forEachPart(between: ";") { part in
            if let target = target(of: part) { targets.append(target) }
            return targets.count < StatementReader.namesMax
        }
        return targets
    }

    /// What `EXECUTE IMMEDIATE 'text'` or `EXECUTE name` runs, where that is known and takes no values.
    public static func executed(
        by sql: UnsafeRawBufferPointer, dialect: Dialect, prepared: ([UInt8]) -> [UInt8]?
    ) -> [UInt8]? {
        guard let reader = StatementReader(sql, dialect: dialect), reader.isWord(0, "EXECUTE") else { return nil }
        let count = reader.isSymbol(reader.count - 1, ";") ? reader.count - 1 : reader.count
        if reader.isWord(1, "IMMEDIATE") {
            guard count == 3, reader.kind(2) == .string else { return nil }
            return SQLScanner.contents(ofLiteral: reader.bytes(2))
        }
        guard count == 2, let name = reader.name(1) else { return nil }
        return prepared(ASCII.lowercased(name))
    }

    private static func target(of part: StatementReader) -> Target? {
        guard part.isWord(0, "KILL") else { return nil }
        var index = 1
        if part.isWord(index, "HARD") || part.isWord(index, "SOFT") { index += 1 }
        if part.isWord(index, "CONNECTION") {
            index += 1
        } else if part.isWord(index, "QUERY") {
            index += 1
            if part.isWord(index, "ID") { return nil }
        }
        let value = part.part(index)
        guard let first = value.token(0), let last = value.token(value.count - 1), value.text != nil else { return nil }
        if value.count == 1, value.isSymbol(0, "?") {
            return Target(place: first.start..<last.end, id: .placeholder)
        }
        var sum = ConstantSum(value)
        guard let number = sum.value, number >= 0 else { return nil }
        return Target(place: first.start..<last.end, id: .number(UInt64(number)))
    }
}

/// A number written as a sum: whole numbers in digits, hexadecimal digits or quotes, `+ - *` and parentheses.
private struct ConstantSum {
    private let reader: StatementReader
    private var index = 0
    private var depth = 0

    init(_ reader: StatementReader) { self.reader = reader }

    /// Nil where it is anything else.
    var value: Int64? {
        mutating get {
            guard let value = sum(), index == reader.count else { return nil }
            return value
        }
    }

    private mutating func sum() -> Int64? {
        guard var value = product() else { return nil }
        while let symbol = reader.symbol(index), symbol == 0x2b || symbol == 0x2d {
            index += 1
            guard let next = product() else { return nil }
            let (result, overflowed) =
                symbol == 0x2b ? value.addingReportingOverflow(next) : value.subtractingReportingOverflow(next)
            if overflowed { return nil }
            value = result
        }
        return value
    }

    private mutating func product() -> Int64? {
        guard var value = factor() else { return nil }
        while reader.isSymbol(index, "*") {
            index += 1
            guard let next = factor() else { return nil }
            let (result, overflowed) = value.multipliedReportingOverflow(by: next)
            if overflowed { return nil }
            value = result
        }
        return value
    }

    private mutating func factor() -> Int64? {
        if reader.isSymbol(index, "(") {
            // Reading takes stack.
            guard depth < 16 else { return nil }
            depth += 1
            index += 1
            guard let value = sum(), reader.isSymbol(index, ")") else { return nil }
            depth -= 1
            index += 1
            return value
        }
        guard let kind = reader.kind(index) else { return nil }
        let text = reader.bytes(index)
        index += 1
        switch kind {
        case .number:
            if text.count > 2, text[1] | 0x20 == 0x78 {
                return Int64(String(decoding: text.dropFirst(2), as: UTF8.self), radix: 16)
            }
            return ASCII.unsigned(text).flatMap { Int64(exactly: $0) }
        case .string:
            return SQLScanner.contents(ofLiteral: text).flatMap(ASCII.unsigned).flatMap { Int64(exactly: $0) }
        case .word, .doubleQuoted, .backquoted, .userVariable, .systemVariable, .symbol: return nil
        }
    }
}
