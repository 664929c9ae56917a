/// Whether the insert id of an OK packet is what LAST_INSERT_ID() gives from then on.
///
/// A server's packet has the generated id where it generated one, else the value that LAST_INSERT_ID(expression) was
/// given, else the last row's explicit value, which LAST_INSERT_ID() does not show. Which of them it is must be seen from the
/// statement: an id was certainly generated where no value in it can be that number.
///
/// What is known of the schema says more: where the statement gives no value to a column that numbers rows, the id was
/// generated, whatever its values are; and a row that is put into a view may have got its id behind it. Where its triggers
/// are known, nothing is certain of a table with one that may set the column.
public enum InsertedID {
    /// Longer texts are not looked at for it.
    static let textMax = 16 * 1024

    /// What the OK packet said, and who was told.
    public struct Answer: Sendable {
        public var id: UInt64
        public var affectedRows: UInt64
        /// The client counts rows that were found and not changed (CLIENT_FOUND_ROWS).
        public var countsFound: Bool

        public init(id: UInt64, affectedRows: UInt64, countsFound: Bool) {
            self.id = id
            self.affectedRows = affectedRows
            self.countsFound = countsFound
        }
    }

    /// True where no id was generated and LAST_INSERT_ID() is what it was: every row says its own number. `database`: the
    /// session's default schema. `schema` and `triggers` as for
    /// ``isCertain(_:of:parameters:dialect:schema:triggers:)``.
    public static func isUnchanged(
        by text: UnsafeRawBufferPointer, dialect: Dialect, schema: SchemaKnowledge?,
        triggers: SchemaKnowledge? = nil, database: [UInt8]?
    ) -> Bool {
        guard let schema, text.count <= textMax, !mayBeNumbered(text, dialect, triggers ?? schema) else { return false }
        var reader = InsertReader(text, dialect, Answer(id: 0, affectedRows: 0, countsFound: false))
        return reader.saysNumbers(schema, database ?? [])
    }

    /// True where LAST_INSERT_ID() is `answer.id` now. `text` is one statement; `parameters` are those of its execution,
    /// nil where it has none; `schema` is nil where it may be other than is known, or hidden by temporary tables; `triggers`
    /// says all the same which tables have triggers that number rows.
    public static func isCertain(
        _ answer: Answer, of text: UnsafeRawBufferPointer, parameters: BoundParameters? = nil, dialect: Dialect,
        schema: SchemaKnowledge? = nil, triggers: SchemaKnowledge? = nil
    ) -> Bool {
        guard text.count <= textMax else { return false }
        if let known = triggers ?? schema, mayBeNumbered(text, dialect, known) { return false }
        if let schema {
            var reader = InsertReader(text, dialect, answer)
            switch reader.target(schema) {
            case .view: return false
            case .numbered: return true
            case .unknown: break
            }
        }
        var reader = InsertReader(text, dialect, answer)
        switch reader.read() {
        case .setByFunction: return true
        case .uncertain: return false
        case .literals(let placeholders):
            guard placeholders > 0 else { return true }
            return parameters?.excludes(answer.id) ?? false
        }
    }

    /// The statement is INSERT or REPLACE, or another that may insert rows (EXECUTE, SET STATEMENT, ANALYZE, CREATE …
    /// SELECT, LOAD), or begins with something else than a word: its first letters say no more.
    public static func mayInsert(_ sql: UnsafeRawBufferPointer) -> Bool {
        let text = CheckedBytes(sql)
        var index: UInt = 0
        while let byte = text.at(index), byte <= 0x20 { index += 1 }
        guard let byte = text.at(index) else { return false }
        switch byte | 0x20 {
        case 0x20...0x60: return true
        // COMMIT, ROLLBACK
        case 0x63, 0x72: return text.at(index &+ 1).map { $0 | 0x20 } != 0x6f
        // i, e, a, l
        case 0x69, 0x65, 0x61, 0x6c: return true
        // SET, not SELECT
        case 0x73: return text.at(index &+ 2).map { $0 | 0x20 } == 0x74
        default: return false
        }
    }

    /// A trigger may set the number of a row that this statement inserts.
    private static func mayBeNumbered(
        _ text: UnsafeRawBufferPointer, _ dialect: Dialect, _ schema: SchemaKnowledge
    ) -> Bool {
        guard schema.hasNumberingTriggers else { return false }
        var reader = InsertReader(text, dialect, Answer(id: 0, affectedRows: 0, countsFound: false))
        return reader.isTargetNumbered(schema)
    }

    /// An explicit value that does not fit its column becomes the largest that does.
    static func isLimit(_ id: UInt64) -> Bool {
        switch id {
        case 0x7f, 0xff, 0x7fff, 0xffff, 0x7f_ffff, 0xff_ffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff,
            UInt64.max:
            true
        default: false
        }
    }

    /// Whether text that is put into a number's column may become `id`: it is read as far as it is a number.
    static func mayBe(_ id: UInt64, text: CheckedBytes, from start: UInt, to end: UInt) -> Bool {
        var index = start
        while index < end, let byte = text.at(index), byte <= 0x20 { index += 1 }
        var isNegative = false
        if index < end, let sign = text.at(index), sign == 0x2d || sign == 0x2b {
            isNegative = sign == 0x2d
            index += 1
        }
        var value: UInt64 = 0
        var digits = 0
        while index < end, let byte = text.at(index), byte >= 0x30, byte <= 0x39 {
            let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(byte - 0x30))
            if overflowed || carried { return false }
            value = sum
            digits += 1
            index += 1
        }
        switch index < end ? text.at(index) : nil {
        // A fraction or an exponent is rounded; what begins with an escape is not read here.
        case 0x2e: return digits == 0 || near(value, id, isNegative) || hasExponent(text, index, end)
        case 0x65, 0x45: return digits > 0
        case 0x5c: return true
        default: break
        }
        guard digits > 0 else { return false }
        return (isNegative ? 0 &- value : value) == id
    }

    private static func hasExponent(_ text: CheckedBytes, _ start: UInt, _ end: UInt) -> Bool {
        var index = start + 1
        while index < end, let byte = text.at(index), byte >= 0x30, byte <= 0x39 { index += 1 }
        guard index < end, let byte = text.at(index) else { return false }
        return byte | 0x20 == 0x65 || byte == 0x5c
    }

    private static func near(_ value: UInt64, _ id: UInt64, _ isNegative: Bool) -> Bool {
        isNegative ? 0 &- value == id || 0 &- value &- 1 == id : value == id || value &+ 1 == id
    }
}

/// The values of a COM_STMT_EXECUTE.
public struct BoundParameters {
    private let types: [UInt8]
    private let nulls: UnsafeRawBufferPointer
    private let values: UnsafeRawBufferPointer

    /// - Parameters:
    ///   - types: two bytes for each parameter.
    ///   - nulls: the bitmap.
    ///   - values: everything behind the types.
    public init(types: [UInt8], nulls: UnsafeRawBufferPointer, values: UnsafeRawBufferPointer) {
        self.types = types
        self.nulls = nulls
        self.values = values
    }

    /// The value of a single parameter that is a whole number, or a text of digits; else nil.
    public var onlyInteger: UInt64? {
        guard types.count == 2, CheckedBytes(nulls).at(0) == 0 else { return nil }
        let bytes = CheckedBytes(values)
        let isUnsigned = types[1] & 0x80 != 0
        var index: UInt = 0
        switch types[0] {
        case 0x01: return integer(bytes, &index, 1, isUnsigned)
        case 0x02: return integer(bytes, &index, 2, isUnsigned)
        case 0x03: return integer(bytes, &index, 4, isUnsigned)
        case 0x08: return integer(bytes, &index, 8, isUnsigned)
        case 0x0f, 0xf6, 0xf9...0xfe:
            guard let length = length(bytes, &index), index + length == bytes.count, length < 32 else { return nil }
            return ASCII.unsigned(Array(bytes[Int(index)..<Int(bytes.count)]))
        default: return nil
        }
    }

    /// No parameter, put into a number's column, is `id`.
    func excludes(_ id: UInt64) -> Bool {
        let bytes = CheckedBytes(values)
        let isNull = CheckedBytes(nulls)
        var index: UInt = 0
        for parameter in 0..<types.count / 2 {
            guard let bits = isNull.at(UInt(parameter / 8)) else { return false }
            if bits >> (parameter % 8) & 1 == 1 { continue }
            let isUnsigned = types[parameter * 2 + 1] & 0x80 != 0
            switch types[parameter * 2] {
            case 0x06: continue
            case 0x01:
                guard integer(bytes, &index, 1, isUnsigned) != id else { return false }
            case 0x02, 0x0d:
                guard integer(bytes, &index, 2, isUnsigned) != id else { return false }
            case 0x03, 0x09:
                guard integer(bytes, &index, 4, isUnsigned) != id else { return false }
            case 0x08:
                guard integer(bytes, &index, 8, isUnsigned) != id else { return false }
            case 0x04:
                guard let bits = integer(bytes, &index, 4, true),
                    excludes(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))), id)
                else { return false }
            case 0x05:
                guard let bits = integer(bytes, &index, 8, true), excludes(Double(bitPattern: bits), id) else {
                    return false
                }
            // DATE, TIME, DATETIME, TIMESTAMP: a day is a number of eight digits, and a time one of fewer.
            case 0x07, 0x0a, 0x0b, 0x0c:
                guard let length = bytes.at(index), types[parameter * 2] != 0x0b, id < 10_000 else { return false }
                index += 1 + UInt(length)
            default:
                guard let length = length(bytes, &index), index + length <= bytes.count, length < 1 << 32,
                    !InsertedID.mayBe(id, text: bytes, from: index, to: index + length)
                else { return false }
                index += length
            }
        }
        // What was sent ahead (COM_STMT_SEND_LONG_DATA) is not among them, and then the rest is not what it seems.
        return index == bytes.count
    }

    private func excludes(_ value: Double, _ id: UInt64) -> Bool {
        value.isFinite && abs(value) < 0x1p52 && id < 1 << 52 && abs(value - Double(id)) > 1
    }

    private func integer(_ bytes: CheckedBytes, _ index: inout UInt, _ size: UInt, _ isUnsigned: Bool) -> UInt64? {
        guard index + size <= bytes.count else { return nil }
        var value: UInt64 = 0
        for offset in 0..<size { value |= UInt64(bytes[index + offset]) << (8 * UInt64(offset)) }
        index += size
        if isUnsigned || size == 8 { return value }
        let shift = 64 - 8 * Int64(size)
        return UInt64(bitPattern: Int64(bitPattern: value << UInt64(shift)) >> shift)
    }

    private func length(_ bytes: CheckedBytes, _ index: inout UInt) -> UInt? {
        guard let first = bytes.at(index) else { return nil }
        index += 1
        switch first {
        case 0...0xfa: return UInt(first)
        case 0xfc: return integer(bytes, &index, 2, true).map { UInt($0) }
        case 0xfd: return integer(bytes, &index, 3, true).map { UInt($0) }
        case 0xfe: return integer(bytes, &index, 8, true).map { UInt($0) }
        default: return nil
        }
    }
}

/// Reads an INSERT or REPLACE whose values are literals; allocates nothing, since it is asked for every id.
private struct InsertReader {
    enum Reading {
        /// All values are literals other than the id, and so many placeholders.
        case literals(placeholders: Int)
        /// The statement gives the id by LAST_INSERT_ID(expression) only.
        case setByFunction
        case uncertain
    }

    private enum Token {
        case word(UInt, UInt)
        case name(UInt, UInt)
        case string(UInt, UInt)
        case number(UInt, UInt)
        case symbol(UInt8)
        case end
        case unreadable
    }

    private let text: CheckedBytes
    private let dialect: Dialect
    private let answer: InsertedID.Answer
    private var index: UInt = 0

    init(_ text: UnsafeRawBufferPointer, _ dialect: Dialect, _ answer: InsertedID.Answer) {
        self.text = CheckedBytes(text)
        self.dialect = dialect
        self.answer = answer
    }

    mutating func read() -> Reading {
        guard case .word(let start, let end) = next() else { return .uncertain }
        if isWord(start, end, "UPDATE") { return .setByFunction }
        guard isWord(start, end, "INSERT") || isWord(start, end, "REPLACE"), !InsertedID.isLimit(answer.id) else {
            return .uncertain
        }
        guard let isSet = toValues() else { return .uncertain }
        return values(isSet)
    }

    /// What the schema says of an INSERT or REPLACE.
    enum Target {
        /// It goes into a view.
        case view
        /// Into a table, and no value of the statement into a column that may number its rows.
        case numbered
        case unknown
    }

    mutating func target(_ schema: SchemaKnowledge) -> Target {
        guard case .word(let start, let end) = next(), isWord(start, end, "INSERT") || isWord(start, end, "REPLACE")
        else {
            return .unknown
        }
        guard let table = tableName(), let isView = schema.isView(table) else { return .unknown }
        if isView { return .view }
        guard leavesNumbers(schema), tellsOfNothingElse() else { return .unknown }
        return .numbered
    }

    /// Behind INSERT or REPLACE.
    private mutating func tableName() -> UnsafeRawBufferPointer? {
        var name = next()
        while case .word(let start, let end) = name,
            isWord(start, end, "LOW_PRIORITY") || isWord(start, end, "HIGH_PRIORITY") || isWord(start, end, "IGNORE")
                || isWord(start, end, "INTO") || isWord(start, end, "DELAYED")
        {
            name = next()
        }
        while followed(by: 0x2e) {
            _ = next()
            name = next()
        }
        return bytes(name)
    }

    /// Where it can't be told, too; but an UPDATE numbers nothing.
    mutating func isTargetNumbered(_ schema: SchemaKnowledge) -> Bool {
        guard case .word(let start, let end) = next() else { return true }
        guard isWord(start, end, "INSERT") || isWord(start, end, "REPLACE") else { return false }
        guard let table = tableName() else { return true }
        return schema.mayBeNumberedByTrigger(table) || schema.isView(table) != false
    }

    /// Every row of VALUES has a number for the column that numbers the table's rows.
    mutating func saysNumbers(_ schema: SchemaKnowledge, _ database: [UInt8]) -> Bool {
        guard case .word(let start, let end) = next(), isWord(start, end, "INSERT") || isWord(start, end, "REPLACE")
        else {
            return false
        }
        var name = next()
        while case .word(let start, let end) = name, isWord(start, end, "IGNORE") || isWord(start, end, "INTO") {
            name = next()
        }
        guard let first = bytes(name) else { return false }
        var table = first
        var place: Int?
        if followed(by: 0x2e) {
            _ = next()
            guard let second = bytes(next()) else { return false }
            table = second
            place = numberPlace(schema, table, first)
        } else {
            place = database.withUnsafeBytes { numberPlace(schema, table, $0) }
        }
        return place.map { valuesHaveNumber(at: $0) } ?? false
    }

    /// To behind VALUES: where in a row the number stands, from 0.
    private mutating func numberPlace(
        _ schema: SchemaKnowledge, _ table: UnsafeRawBufferPointer, _ database: UnsafeRawBufferPointer
    ) -> Int? {
        var place: Int?
        if followed(by: 0x28) {
            _ = next()
            var position = 0
            list: while true {
                guard let column = bytes(next()) else { return nil }
                if schema.isNumber(column, of: table, in: database) { place = position }
                position += 1
                switch next() {
                case .symbol(0x2c): continue
                case .symbol(0x29): break list
                case .word, .name, .string, .number, .symbol, .end, .unreadable: return nil
                }
            }
        } else if schema.isNumber(UnsafeRawBufferPointer(start: nil, count: 0), of: table, in: database) {
            place = 0
        }
        guard case .word(let start, let end) = next(), isWord(start, end, "VALUES") || isWord(start, end, "VALUE")
        else {
            return nil
        }
        return place
    }

    /// Rows up to the end, and nothing behind them but what is done to rows that are there.
    private mutating func valuesHaveNumber(at place: Int) -> Bool {
        while true {
            guard case .symbol(0x28) = next(), rowHasNumber(at: place) else { return false }
            switch next() {
            case .symbol(0x2c): continue
            case .symbol(0x3b): if case .end = next() { return true } else { return false }
            case .end: return true
            case .word(let start, let end) where isWord(start, end, "ON"): return updateLeavesID()
            case .word, .name, .string, .number, .symbol, .unreadable: return false
            }
        }
    }

    /// Behind ON: a row that is there and is updated leaves LAST_INSERT_ID() as it is, but for a call of that.
    private mutating func updateLeavesID() -> Bool {
        while true {
            let token = next()
            switch token {
            case .end: return true
            case .symbol(0x3b): if case .end = next() { return true } else { return false }
            case .word(let start, let end):
                if isWord(start, end, "LAST_INSERT_ID") || isWord(start, end, "RETURNING") { return false }
            // Perhaps that very name, quoted.
            case .name: if followed(by: 0x28) { return false }
            case .unreadable: return false
            case .string, .number, .symbol: break
            }
        }
    }

    /// From behind a row's bracket to behind its other one.
    private mutating func rowHasNumber(at place: Int) -> Bool {
        var (position, depth) = (0, 0)
        var hasNumber = false
        var isFirst = true
        while true {
            let token = next()
            switch token {
            case .symbol(0x28): depth += 1
            case .symbol(0x29):
                if depth == 0 { return hasNumber }
                depth -= 1
            case .symbol(0x2c) where depth == 0:
                position += 1
                isFirst = true
                continue
            case .number(let start, let end), .string(let start, let end):
                if depth == 0, position == place {
                    guard isFirst, isWholeNumber(start, end), followed(by: 0x2c) || followed(by: 0x29) else {
                        return false
                    }
                    hasNumber = true
                }
            case .word(let start, let end): if isWord(start, end, "LAST_INSERT_ID") { return false }
            case .name(let start, let end): if isWord(start, end, "LAST_INSERT_ID") { return false }
            case .symbol: break
            case .end, .unreadable: return false
            }
            isFirst = false
        }
    }

    /// Digits, not all of them zero.
    private func isWholeNumber(_ start: UInt, _ end: UInt) -> Bool {
        var isZero = true
        for index in start..<end {
            guard text[index] >= 0x30, text[index] <= 0x39 else { return false }
            if text[index] != 0x30 { isZero = false }
        }
        return !isZero
    }

    private func bytes(_ token: Token) -> UnsafeRawBufferPointer? {
        switch token {
        case .word(let start, let end), .name(let start, let end): text[Int(start)..<Int(end)]
        case .string, .number, .symbol, .end, .unreadable: nil
        }
    }

    /// Behind the table's name: (columns), or SET with assignments. None of the columns numbers rows.
    private mutating func leavesNumbers(_ schema: SchemaKnowledge) -> Bool {
        switch next() {
        case .symbol(0x28):
            while true {
                var token = next()
                while followed(by: 0x2e) {
                    _ = next()
                    token = next()
                }
                // () VALUES () and (SELECT …) have none.
                guard let column = bytes(token), schema.isNumbered(column) == false else { return false }
                switch next() {
                case .symbol(0x2c): continue
                case .symbol(0x29): return true
                case .word, .name, .string, .number, .symbol, .end, .unreadable: return false
                }
            }
        case .word(let start, let end):
            guard isWord(start, end, "SET") else { return false }
            let begin = index
            defer { index = begin }
            return assignsNoNumber(schema)
        case .name, .string, .number, .symbol, .end, .unreadable: return false
        }
    }

    /// `a = …, t.b = …` up to the end, or to ON DUPLICATE.
    private mutating func assignsNoNumber(_ schema: SchemaKnowledge) -> Bool {
        var depth = 0
        var isColumn = true
        while true {
            let token = next()
            switch token {
            case .symbol(0x28): depth += 1
            case .symbol(0x29): depth -= 1
            case .symbol(0x2c): if depth == 0 { isColumn = true }
            case .symbol(0x3d): isColumn = false
            case .word, .name:
                guard depth == 0, isColumn, !followed(by: 0x2e) else { continue }
                guard let column = bytes(token), schema.isNumbered(column) == false else { return false }
            case .symbol, .string, .number: continue
            case .end: return depth == 0
            case .unreadable: return false
            }
        }
    }

    /// In the rest: LAST_INSERT_ID(…), another statement, rows that were there already.
    private mutating func tellsOfNothingElse() -> Bool {
        var isDuplicate = false
        while true {
            switch next() {
            case .word(let start, let end):
                if isWord(start, end, "LAST_INSERT_ID") || isWord(start, end, "RETURNING") { return false }
                if isWord(start, end, "DUPLICATE") { isDuplicate = true }
            case .name(let start, let end): if isWord(start, end, "LAST_INSERT_ID") { return false }
            case .symbol(0x3b):
                guard case .end = next() else { return false }
                return !isDuplicate || answer.affectedRows == 1 && !answer.countsFound
            case .symbol, .string, .number: continue
            case .end: return !isDuplicate || answer.affectedRows == 1 && !answer.countsFound
            case .unreadable: return false
            }
        }
    }

    /// To behind VALUES (false) or SET (true).
    private mutating func toValues() -> Bool? {
        var depth = 0
        while true {
            switch next() {
            case .word(let start, let end):
                if isWord(start, end, "SELECT") || isWord(start, end, "WITH") || isWord(start, end, "DELAYED")
                    || isWord(start, end, "TABLE")
                {
                    return nil
                }
                guard depth == 0 else { continue }
                if isWord(start, end, "VALUES") || isWord(start, end, "VALUE") { return false }
                if isWord(start, end, "SET") { return true }
            case .symbol(0x28): depth += 1
            case .symbol(0x29): depth -= 1
            case .symbol(0x2c), .symbol(0x2e), .name: continue
            case .symbol, .string, .number, .end, .unreadable: return nil
            }
        }
    }

    private mutating func values(_ isSet: Bool) -> Reading {
        var placeholders = 0
        /// A value comes next; after one, a comma or the end of the row.
        var wants = isSet
        var depth = 0
        if isSet, !column() { return .uncertain }
        while true {
            let token = next()
            switch token {
            case .symbol(0x28):
                guard !isSet, depth == 0 else { return .uncertain }
                depth = 1
                let before = index
                if case .symbol(0x29) = next() { depth = 0 } else { index = before }
                wants = depth == 1
            case .symbol(0x29):
                guard depth == 1, !wants else { return .uncertain }
                depth = 0
            case .symbol(0x2c):
                guard !wants else { return .uncertain }
                if isSet {
                    guard column() else { return .uncertain }
                    wants = true
                } else {
                    wants = depth == 1
                }
            case .symbol(0x3f):
                guard wants else { return .uncertain }
                placeholders += 1
                wants = false
            case .symbol(0x2d), .symbol(0x2b):
                guard wants, case .number(let start, let end) = next() else { return .uncertain }
                // With its sign.
                guard excludes(start, end), excludes(start &- 1, end) else { return .uncertain }
                wants = false
            case .number(let start, let end):
                guard wants, excludes(start, end) else { return .uncertain }
                wants = false
            case .string(let start, let end):
                guard wants, !InsertedID.mayBe(answer.id, text: text, from: start, to: end) else { return .uncertain }
                wants = false
            case .word(let start, let end):
                if wants {
                    guard let isValue = constant(start, end) else { return .uncertain }
                    wants = !isValue
                } else {
                    guard depth == 0, isWord(start, end, "ON"), onDuplicate() else { return .uncertain }
                    return .literals(placeholders: placeholders)
                }
            case .symbol(0x3b), .end:
                guard !wants, depth == 0 else { return .uncertain }
                if case .symbol = token { guard case .end = next() else { return .uncertain } }
                return .literals(placeholders: placeholders)
            case .name, .symbol, .unreadable: return .uncertain
            }
        }
    }

    private func excludes(_ start: UInt, _ end: UInt) -> Bool {
        if let second = text.at(start + 1), text.at(start) == 0x30, second | 0x20 == 0x78 || second | 0x20 == 0x62 {
            // Digits of another base; leading zeros say nothing.
            var value: UInt64 = 0
            for position in start + 2..<end {
                let digit = text[position] | 0x20
                let base: UInt64 = second | 0x20 == 0x78 ? 16 : 2
                let (product, overflowed) = value.multipliedReportingOverflow(by: base)
                if overflowed { return true }
                value = product | UInt64(digit >= 0x61 ? digit - 0x61 + 10 : digit & 0x0f)
            }
            return value != answer.id
        }
        return !InsertedID.mayBe(answer.id, text: text, from: start, to: end)
    }

    /// A word where a value is wanted: true for a whole one, false for one that a string has to follow, nil for
    /// whatever may be a number.
    private mutating func constant(_ start: UInt, _ end: UInt) -> Bool? {
        if isWord(start, end, "NULL") || isWord(start, end, "DEFAULT") || isWord(start, end, "FALSE") {
            return followed(by: 0x28) ? nil : true
        }
        if isWord(start, end, "TRUE") { return answer.id == 1 ? nil : true }
        for introducer: StaticString in ["_BINARY", "_UTF8MB4", "_UTF8", "_UTF8MB3", "_LATIN1", "N"] {
            if isWord(start, end, introducer) { return followed(by: 0x27) ? false : nil }
        }
        // As numbers these have 14 digits.
        for clock: StaticString in [
            "NOW", "CURRENT_TIMESTAMP", "UTC_TIMESTAMP", "SYSDATE", "LOCALTIME", "LOCALTIMESTAMP",
        ] where isWord(start, end, clock) {
            guard answer.id < 10_000_000_000_000 else { return nil }
            guard followed(by: 0x28) else { return true }
            _ = next()
            var token = next()
            if case .number = token { token = next() }
            if case .symbol(0x29) = token { return true }
            return nil
        }
        return nil
    }

    /// In ON DUPLICATE KEY UPDATE, behind ON: whether the packet's id is right in spite of it. Where the row was there, the
    /// packet has its id, and LAST_INSERT_ID() has it if the clause assigns it so.
    private mutating func onDuplicate() -> Bool {
        var isAssigned = false
        var wasEquals = false
        while true {
            switch next() {
            case .end: return isAssigned || (answer.affectedRows == 1 && !answer.countsFound)
            case .symbol(0x3b):
                guard case .end = next() else { return false }
                return isAssigned || (answer.affectedRows == 1 && !answer.countsFound)
            case .unreadable, .symbol(0x3f), .symbol(0x40): return false
            case .word(let start, let end):
                if isWord(start, end, "RETURNING") { return false }
                if wasEquals, isWord(start, end, "LAST_INSERT_ID"), followed(by: 0x28) {
                    _ = next()
                    isAssigned = !followed(by: 0x29)
                }
                wasEquals = false
            case .symbol(let symbol): wasEquals = symbol == 0x3d
            case .name, .string, .number: wasEquals = false
            }
        }
    }

    /// `name =`, with a table's before it.
    private mutating func column() -> Bool {
        while true {
            switch next() {
            case .word, .name, .symbol(0x2e): continue
            case .symbol(0x3d): return true
            case .symbol, .string, .number, .end, .unreadable: return false
            }
        }
    }

    private mutating func followed(by symbol: UInt8) -> Bool {
        let before = index
        defer { index = before }
        skipSpace()
        return text.at(index) == symbol
    }

    private func isWord(_ start: UInt, _ end: UInt, _ word: StaticString) -> Bool {
        guard end - start == UInt(word.utf8CodeUnitCount) else { return false }
        for offset in 0..<word.utf8CodeUnitCount {
            let byte = text[start + UInt(offset)]
            if (byte >= 0x61 && byte <= 0x7a ? byte & 0xdf : byte) != word.byte(at: offset) { return false }
        }
        return true
    }

    private mutating func skipSpace() {
        while let byte = text.at(index), byte <= 0x20, byte != 0 { index += 1 }
    }

    private mutating func next() -> Token {
        skipSpace()
        guard let byte = text.at(index) else { return .end }
        let start = index
        index += 1
        switch byte {
        case 0x27: return quoted(byte) ? .string(start + 1, index - 1) : .unreadable
        case 0x22:
            guard let ansi = dialect.ansiQuotes, quoted(byte) else { return .unreadable }
            return ansi ? .name(start + 1, index - 1) : .string(start + 1, index - 1)
        case 0x60: return quoted(byte) ? .name(start + 1, index - 1) : .unreadable
        case 0x00, 0x23: return .unreadable
        // Comments, which may be code.
        case 0x2d where text.at(index) == 0x2d: return .unreadable
        case 0x2f where text.at(index) == 0x2a: return .unreadable
        case 0x30...0x39:
            while let next = text.at(index), isWordByte(next) || next == 0x2e || isSign(next) { index += 1 }
            return .number(start, index)
        case 0x2e where (text.at(index) ?? 0) >= 0x30 && (text.at(index) ?? 0) <= 0x39: return .unreadable
        case 0x41...0x5a, 0x61...0x7a, 0x5f, 0x24, 0x80...:
            while let next = text.at(index), isWordByte(next) { index += 1 }
            return .word(start, index)
        default: return .symbol(byte)
        }
    }

    /// The sign of an exponent.
    private func isSign(_ byte: UInt8) -> Bool {
        (byte == 0x2b || byte == 0x2d) && text[index - 1] | 0x20 == 0x65
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x24, 0x80...: true
        default: false
        }
    }

    /// Behind an opening quote: to behind the closing one. False where its end is not certain.
    private mutating func quoted(_ quote: UInt8) -> Bool {
        while let byte = text.at(index) {
            let width = UInt(dialect.characterSet.width(of: byte, text.at(index + 1)))
            if width > 1 {
                index += width
            } else if byte == quote {
                if byte == 0x60, dialect.characterSet == .unknown, text[index - 1] >= 0x80 { return false }
                index += 1
                guard text.at(index) == quote else { return true }
                index += 1
            } else if byte == 0x5c, quote != 0x60, quote == 0x27 || dialect.ansiQuotes == false {
                if dialect.characterSet == .unknown, text[index - 1] >= 0x80 { return false }
                guard let escapes = dialect.backslashEscapes else { return false }
                index += escapes ? 2 : 1
            } else {
                index += 1
            }
        }
        return false
    }
}
