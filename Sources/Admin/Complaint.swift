import Cluster

/// What clients of the admin side do that ends their connection, for the log. What somebody does a thousand times is one
/// line a minute.
enum Complaint: String, CaseIterable {
    case tooManyClients = "More than the allowed number of clients are on the admin socket; the others are turned away."
    case lineTooLong = "A client of the admin socket sent a line without an end; it is cut off."
    case answerNotTaken = "A client of the admin socket did not take its answer in time; it is cut off."
    case tooManyRequests = "More than the allowed number of HTTP connections are there; the others get 503."
    case headNotSent = "A client of the HTTP port took too long to say what it wants; it is cut off."
    case streamNotTaken = "A reader of the event stream was too slow; it is cut off."
}

struct ComplaintBook {
    static let interval: Instant.Span = .seconds(60)
    private var last: [Complaint: Instant] = [:]

    /// The sentence, where it is time to say it again.
    mutating func sentence(_ complaint: Complaint, at now: Instant) -> String? {
        if let before = last[complaint], now - before < Self.interval { return nil }
        last[complaint] = now
        return complaint.rawValue
    }
}
