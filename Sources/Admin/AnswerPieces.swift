/// An answer on its way to the client: the mark of its severity, its lines, and what ends it.
struct AnswerPieces {
    private var sessions: SessionPieces?
    /// What comes before the sessions, or instead of them.
    private var head: String?
    private var end: String?

    init(_ answer: Answer, json: Bool, mark: String, end: String) {
        if case .sessions(let listing) = answer {
            sessions = SessionPieces(listing, json: json)
            head = mark
            self.end = end
        } else {
            head = mark + answer.rendered(json: json) + end
        }
    }

    /// Sessions that are kept for the rest of the answer.
    var rowCount: Int { sessions?.rowCount ?? 0 }

    /// The next piece; an empty one where there was only something to do. Nil at the end.
    mutating func next() -> String? {
        if let text = head {
            head = nil
            return text
        }
        if let text = sessions?.next() { return text }
        sessions = nil
        defer { end = nil }
        return end
    }
}
