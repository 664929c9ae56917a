import Cluster

/// One value of an answer.
public enum Cell: Sendable, Hashable {
    /// Shown as `-`, in JSON `null`.
    case none
    case text(String)
    case number(Int64)
    case flag(Bool)
    case list([String])
    /// In JSON a number of milliseconds.
    case span(Instant.Span)
    /// In text one line for each, which repeats the field's name; in JSON an array of objects. In tables all on one line.
    case records([[Field]])

    public static func count(_ n: UInt64) -> Cell { .number(Int64(clamping: n)) }
    public static func count(_ n: Int) -> Cell { .number(Int64(n)) }

    /// On one line, whatever a peer may have put into it: what can't be printed shows as `?`.
    var text: String {
        switch self {
        case .none: "-"
        case .text(let text): text.isEmpty ? "-" : Self.printable(text)
        case .number(let n): String(n)
        case .flag(let flag): flag ? "yes" : "no"
        case .list(let texts): texts.map(Self.printable).joined(separator: "; ")
        case .span(let span): span.description
        case .records(let records): records.map(Self.line).joined(separator: "; ")
        }
    }

    /// One record: its values, two blanks between them.
    static func line(_ record: [Field]) -> String { record.map(\.value.text).joined(separator: "  ") }

    var json: String {
        switch self {
        case .none: "null"
        case .text(let text): JSONText.quoted(text)
        case .number(let n): String(n)
        case .flag(let flag): flag ? "true" : "false"
        case .list(let texts): "[" + texts.map(JSONText.quoted).joined(separator: ",") + "]"
        case .span(let span): String(span.milliseconds)
        case .records(let records):
            "["
                + records.map { record in
                    "{" + record.map { "\(JSONText.quoted($0.name)):\($0.value.json)" }.joined(separator: ",") + "}"
                }.joined(separator: ",") + "]"
        }
    }

    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map {
                    switch $0.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                        "?"
                    default: $0
                    }
                }))
    }
}

/// JSON as far as answers need it.
enum JSONText {
    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    let digits = String(scalar.value, radix: 16)
                    out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out + "\""
    }
}

/// `name: value`. In JSON the name is the key as it stands.
public struct Field: Sendable, Hashable {
    public var name: String
    public var value: Cell

    public init(_ name: String, _ value: Cell) {
        self.name = name
        self.value = value
    }
}

/// What a command comes to.
public enum Answer: Sendable, Hashable {
    /// Nothing to say: done.
    case done
    /// Lines without empty ones among them, without the last line end. Never marked with a severity.
    case text(String)
    /// The same, marked where the client wants to know how grave it is.
    case message(Severity, String)
    /// As ``message(_:_:)``, not followed by an empty line: a few of HAProxy's answers are not.
    case brief(Severity, String)
    case fields([Field])
    /// Every row has as many cells as there are columns.
    case table(columns: [String], rows: [[Cell]])
    /// As many as there are sessions; made piece by piece.
    case sessions(SessionListing)
    case failure(String)

    /// Nil where the answer is never marked.
    var severity: Severity? {
        switch self {
        case .done, .text, .fields, .table, .sessions: nil
        case .message(let severity, _), .brief(let severity, _): severity
        case .failure: .error
        }
    }

    /// Whether the answer ends without an empty line.
    var isBrief: Bool {
        if case .brief = self { true } else { false }
    }

    /// The answer's lines, each with its line end; without the empty line that ends an answer.
    func rendered(json: Bool) -> String {
        switch self {
        case .done: ""
        case .text(let text), .message(_, let text), .brief(_, let text):
            json ? "{\"message\":\(JSONText.quoted(text))}\n" : text + "\n"
        case .failure(let text): json ? "{\"error\":\(JSONText.quoted(text))}\n" : text + "\n"
        case .fields(let fields):
            json
                ? Self.object(fields.map { ($0.name, $0.value) }) + "\n"
                : fields.map(Self.lines).joined()
        case .table(let columns, let rows):
            json
                ? "[" + rows.map { Self.object(Array(zip(columns, $0))) }.joined(separator: ",") + "]\n"
                : Self.aligned(columns, rows)
        case .sessions(let listing): listing.rendered(json: json)
        }
    }

    private static func lines(_ field: Field) -> String {
        guard case .records(let records) = field.value else { return "\(field.name): \(field.value.text)\n" }
        return records.map { "\(field.name): \(Cell.line($0))\n" }.joined()
    }

    static func object(_ members: [(String, Cell)]) -> String {
        "{" + members.map { "\(JSONText.quoted($0)):\($1.json)" }.joined(separator: ",") + "}"
    }

    private static func aligned(_ columns: [String], _ rows: [[Cell]]) -> String {
        var layout = TableLayout(columns)
        for row in rows { layout.measure(row) }
        return layout.header + rows.map { layout.line($0) }.joined()
    }
}

/// Columns one below the other: text to the left, numbers to the right, nothing behind the last one.
struct TableLayout {
    private let columns: [String]
    private var widths: [Int]
    /// As the first row has them.
    private var isNumeric: [Bool] = []

    init(_ columns: [String]) {
        self.columns = columns
        widths = columns.map(\.count)
    }

    /// Every row, before the first line is made.
    mutating func measure(_ row: [Cell]) {
        if isNumeric.isEmpty { isNumeric = row.map(\.isNumeric) }
        for (column, cell) in row.enumerated() where column < widths.count {
            widths[column] = max(widths[column], cell.text.count)
        }
    }

    var header: String { line(columns) }

    func line(_ row: [Cell]) -> String { line(row.map(\.text)) }

    private func line(_ texts: [String]) -> String {
        var out = ""
        for (column, text) in texts.enumerated() {
            let isLast = column == texts.count - 1
            let padding = String(repeating: " ", count: max(0, widths[column] - text.count))
            let isNumber = column < isNumeric.count && isNumeric[column]
            out += isNumber ? padding + text : isLast ? text : text + padding
            if !isLast { out += "  " }
        }
        return out + "\n"
    }
}

extension Cell {
    fileprivate var isNumeric: Bool {
        switch self {
        case .number, .span: true
        case .none, .text, .flag, .list, .records: false
        }
    }
}
