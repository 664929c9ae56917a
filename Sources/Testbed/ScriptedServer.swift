import Foundation

/// A node that says to every connection what it was told to say, and keeps what it hears.
public final class ScriptedServer: Sendable {
    private struct Heard {
        var connections = 0
        /// Connections that were told everything and said something after that, or went.
        var complete = 0
        var bytes: [UInt8] = []
    }

    private let listener: Listener
    private let heard: Watched<Heard>

    /// Listens at once. The first piece is said at once, each other one when something has been heard.
    public init(_ script: [[UInt8]]) throws {
        let heard = Watched(Heard())
        self.heard = heard
        listener = try Listener { connection in
            Thread.detachNewThread {
                heard.update { $0.connections += 1 }
                for piece in script {
                    guard connection.send(piece), let bytes = connection.receive(.seconds(20)) else { break }
                    heard.update { $0.bytes += bytes }
                    if bytes.isEmpty { break }
                }
                heard.update { $0.complete += 1 }
                connection.close()
            }
        }
    }

    public var port: UInt16 { listener.port }
    /// All that anybody has said.
    public var bytes: [UInt8] { heard.value.bytes }

    /// False where not so many connections have been through the script within that time.
    public func waitForConnections(_ count: Int, _ timeout: Duration) -> Bool {
        heard.wait(timeout) { $0.complete >= count } != nil
    }

    /// Idempotent.
    public func close() { listener.close() }
}
