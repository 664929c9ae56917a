/// A primary that has no seat for everybody.
public struct FullServer: Sendable, Hashable {
    /// Its `max_connections`; nil where it did not say.
    public var connectionsMax: Int?
    /// Sessions that wait for a seat.
    public var waiting: Int
    /// Connections there that are this proxy's.
    public var taken: Int

    public init(connectionsMax: Int?, waiting: Int, taken: Int) {
        self.connectionsMax = connectionsMax
        self.waiting = waiting
        self.taken = taken
    }

    /// Behind the server's name.
    public var sentence: String {
        let limit = connectionsMax.map { "; max_connections = \($0)" } ?? ""
        let sessions = waiting == 1 ? "1 session waits" : "\(waiting) sessions wait"
        return "takes no more sessions: 1040 (Too many connections\(limit)), \(sessions)"
    }
}
