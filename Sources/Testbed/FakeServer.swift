import Foundation

/// A listener that says the same bytes to everyone, and nothing else: no server at all.
public final class FakeServer: Sendable {
    private let listener: Listener
    private let accepted = Watched<[RawConnection]>([])

    /// Listens at once. Where there are no bytes, it closes the connection; otherwise it keeps it open.
    public init(_ bytes: [UInt8]) throws {
        let accepted = self.accepted
        listener = try Listener { connection in
            if bytes.isEmpty {
                connection.close()
            } else {
                connection.send(bytes)
            }
            accepted.update { $0.append(connection) }
        }
    }

    public var port: UInt16 { listener.port }

    /// False when nobody has connected within that time.
    public func waitForConnection(_ timeout: Duration) -> Bool {
        accepted.wait(timeout) { !$0.isEmpty } != nil
    }

    /// Idempotent.
    public func close() {
        listener.close()
        for connection in accepted.value { connection.close() }
    }
}
