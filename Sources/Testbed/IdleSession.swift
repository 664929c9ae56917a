import Foundation

/// A session that holds a schema, a character set, variables and a prepared statement, and does nothing until it is
/// asked whether it still is what it was.
public final class IdleSession: Sendable {
    private let client: Client
    private let statement: PreparedStatement
    private let number: Int

    public init(_ client: Client, number: Int) throws {
        self.client = client
        self.number = number
        try client.query("SET @mark = \(number)")
        try client.query("SET NAMES latin1 COLLATE latin1_german2_ci")
        try client.query("SET SESSION sort_buffer_size = \(Self.sortBufferSize(number)), time_zone = '+03:00'")
        try client.query("SET autocommit = 0")
        try client.query("SET autocommit = 1")
        statement = try client.prepare("SELECT ? + @mark, DATABASE()")
        try check()
    }

    /// Throws what is not as it was left, or the first error of a statement.
    public func check() throws {
        var rows = try statement.execute([.int(1000)])
        try expect(rows.rows, [["\(1000 + number)", EmbeddedPair.schema]])
        rows = try client.query(
            """
            SELECT @mark, DATABASE(), @@session.sort_buffer_size, @@session.time_zone, @@session.autocommit,
            @@session.character_set_client, @@session.collation_connection
            """)
        try expect(
            rows.rows,
            [
                [
                    "\(number)", EmbeddedPair.schema, "\(Self.sortBufferSize(number))", "+03:00", "1", "latin1",
                    "latin1_german2_ci",
                ]
            ])
    }

    public func close() {
        statement.close()
        client.close()
    }

    private static func sortBufferSize(_ number: Int) -> Int { (1 << 20) + number * 1024 }

    private func expect(_ found: [[String?]], _ wanted: [[String?]]) throws {
        guard found == wanted else {
            throw TestbedFailure("idle session \(number) is another: \(found) instead of \(wanted)")
        }
    }
}

/// Asks a server, past the proxy, until it accepts a login.
public final class DirectPoller: Sendable {
    private let first = Watched<ContinuousClock.Instant?>(nil)

    /// Begins at once: a login every 2 ms, for at most two minutes.
    public init(port: UInt16) {
        let first = self.first
        Thread.detachNewThread {
            let deadline = ContinuousClock.now + .seconds(120)
            while ContinuousClock.now < deadline {
                if let client = try? Client(
                    port: port, user: EmbeddedPair.application.user, password: EmbeddedPair.application.password,
                    connectTimeout: 5)
                {
                    first.set(ContinuousClock.now)
                    client.close()
                    return
                }
                usleep(2_000)
            }
        }
    }

    /// When the first login succeeded; nil when none has within that time.
    public func firstLogin(_ timeout: Duration = .seconds(60)) -> ContinuousClock.Instant? {
        first.wait(timeout) { $0 != nil } ?? nil
    }
}
