/// How many connections a server takes, and has.
public struct ServerSeats: Sendable, Hashable {
    /// `@@global.max_connections`, or `extra_max_connections` for the port that has its own.
    public var connectionsMax: Int
    /// `Threads_connected`: everybody's, the check's own among them.
    public var connected: Int

    public init(connectionsMax: Int, connected: Int) {
        self.connectionsMax = connectionsMax
        self.connected = connected
    }
}
