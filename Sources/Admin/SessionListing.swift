import Cluster

/// A list of sessions as a command asked for it. There may be a hundred thousand: it is never made into text as a whole.
public struct SessionListing: Sendable, Hashable {
    enum Form: Sendable, Hashable {
        /// Ours: `show sessions`, `show holds`.
        case table
        /// HAProxy's `show sess`, and `show sess all`.
        case lines(ProcessFacts)
        case details(ProcessFacts, [Node])
    }

    var rows: [SessionRow]
    var form: Form

    static let columns = [
        "id", "client", "user", "database", "state", "node", "thread", "age", "idle", "statements", "bytes_in",
        "bytes_out", "moves", "keeps", "loses",
    ]

    static func cells(_ row: SessionRow) -> [Cell] {
        [
            .number(Int64(row.id)), .text(row.client), .text(row.user), .text(row.database), .text(row.state),
            .text(row.node), .number(Int64(row.thread)), .span(row.age), .span(row.idle),
            .count(row.statements), .count(row.bytesIn), .count(row.bytesOut), .number(Int64(row.moves)),
            .text(row.keeps.joined(separator: ", ")), .text(row.loses.joined(separator: ", ")),
        ]
    }

    /// As a whole.
    func rendered(json: Bool) -> String {
        var pieces = SessionPieces(self, json: json)
        var text = ""
        while let piece = pieces.next() { text += piece }
        return text
    }
}

/// A list of sessions on its way into text.
struct SessionPieces {
    /// So many rows are measured, or made into text, at once.
    static let rowsMax = 256

    private enum Stage {
        /// A table's columns are as wide as their widest cell: all rows are looked at before the first line.
        case measuring(next: Int)
        case rendering(next: Int)
        case done
    }

    private let listing: SessionListing
    private let json: Bool
    private var stage: Stage
    private var layout = TableLayout(SessionListing.columns)

    init(_ listing: SessionListing, json: Bool) {
        self.listing = listing
        self.json = json
        stage = listing.form == .table && !json ? .measuring(next: 0) : .rendering(next: 0)
    }

    var rowCount: Int { listing.rows.count }

    /// The next piece; an empty one where there was only something to do. Nil at the end.
    mutating func next() -> String? {
        switch stage {
        case .measuring(let start):
            let end = min(start + Self.rowsMax, listing.rows.count)
            for row in listing.rows[start..<end] { layout.measure(SessionListing.cells(row)) }
            stage = end < listing.rows.count ? .measuring(next: end) : .rendering(next: 0)
            return ""
        case .rendering(let start):
            let end = min(start + Self.rowsMax, listing.rows.count)
            stage = end < listing.rows.count ? .rendering(next: end) : .done
            return text(of: listing.rows[start..<end], isFirst: start == 0, isLast: end == listing.rows.count)
        case .done: return nil
        }
    }

    private func text(of rows: ArraySlice<SessionRow>, isFirst: Bool, isLast: Bool) -> String {
        switch listing.form {
        case .table where json:
            let objects = rows.map { Answer.object(Array(zip(SessionListing.columns, SessionListing.cells($0)))) }
            return (isFirst ? "[" : ",") + objects.joined(separator: ",") + (isLast ? "]\n" : "")
        case .table:
            return (isFirst ? layout.header : "") + rows.map { layout.line(SessionListing.cells($0)) }.joined()
        case .lines(let process): return rows.map { SessLines.line($0, process) + "\n" }.joined()
        case .details(let process, let nodes):
            return rows.map { SessLines.details($0, process, nodes) + "\n" }.joined()
        }
    }
}
