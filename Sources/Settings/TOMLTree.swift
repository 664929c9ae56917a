import TOMLKit

/// A TOML value by itself: the library's own values point into the document's memory.
indirect enum TOMLTree {
    case table([String: TOMLTree])
    case array([TOMLTree])
    case text(String)
    case integer(Int)
    case boolean(Bool)
    /// A floating-point number, a date or a time: nothing here takes one.
    case other(kind: String)

    /// Throws the library's `TOMLParseError`.
    static func parse(_ text: String) throws -> TOMLTree {
        let document = try TOMLTable(string: text)
        return withExtendedLifetime(document) { TOMLTree(document) }
    }

    private init(_ table: TOMLTable) {
        var entries: [String: TOMLTree] = [:]
        for key in table.keys {
            if let value = table[key] { entries[key] = TOMLTree(value) }
        }
        self = .table(entries)
    }

    private init(_ value: any TOMLValueConvertible) {
        if let table = value.table {
            self.init(table)
        } else if let array = value.array {
            self = .array(array.map { TOMLTree($0) })
        } else if let text = value.string {
            self = .text(text)
        } else if let number = value.int {
            self = .integer(number)
        } else if let flag = value.bool {
            self = .boolean(flag)
        } else {
            self = .other(kind: "a \(value.type)")
        }
    }

    /// With its article, for "must be a text, is …".
    var kind: String {
        switch self {
        case .table: "a table"
        case .array: "an array"
        case .text: "a text"
        case .integer: "a number"
        case .boolean: "true or false"
        case .other(let kind): kind
        }
    }
}
