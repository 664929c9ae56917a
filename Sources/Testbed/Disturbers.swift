import Foundation
import Synchronization

/// Clients that are not like the others: prepared statements, large results, and clients that go in the middle of a
/// statement or of a login. Errors are not looked at: what they do is to be counted right, whatever comes of it.
public final class Disturbers: Sendable {
    private let port: UInt16
    private let stopped = Atomic(false)
    private let running = Watched(0)
    private let turnsDone = Atomic(0)
    private let abortsDone = Atomic(0)

    public init(port: UInt16) { self.port = port }

    public var turns: Int { turnsDone.load(ordering: .relaxed) }
    public var aborts: Int { abortsDone.load(ordering: .relaxed) }

    public func start() {
        let bodies: [@Sendable (Disturbers) throws -> Void] = [
            { try $0.prepare() }, { try $0.prepare() }, { try $0.fetch() }, { try $0.abort() }, { try $0.abort() },
            { try $0.halfLogin() },
        ]
        running.set(bodies.count)
        for body in bodies {
            let thread = Thread { [self] in
                while !stopped.load(ordering: .relaxed) {
                    try? body(self)
                    usleep(50_000)
                }
                running.update { $0 -= 1 }
            }
            thread.stackSize = 512 << 10
            thread.start()
        }
    }

    public func stop() {
        stopped.store(true, ordering: .relaxed)
        _ = running.wait(.seconds(120)) { $0 == 0 }
    }

    private func connect() throws -> Client {
        try Client(
            port: port, user: EmbeddedPair.application.user, password: EmbeddedPair.application.password,
            schema: EmbeddedPair.schema)
    }

    private func turned() { turnsDone.add(1, ordering: .relaxed) }

    private func prepare() throws {
        let client = try connect()
        defer { client.close() }
        let statement = try client.prepare("SELECT square FROM numbers WHERE id = ?")
        for n in 1...200 where !stopped.load(ordering: .relaxed) {
            _ = try statement.execute([.int(Int64(n))])
            turned()
            usleep(20_000)
        }
        statement.close()
    }

    private func fetch() throws {
        let client = try connect()
        defer { client.close() }
        _ = try client.stream("SELECT a.id, REPEAT('x', 500) FROM numbers a, numbers b LIMIT 5000")
        turned()
        usleep(500_000)
    }

    /// Sends a statement, and is gone before the answer.
    private func abort() throws {
        let client = try connect()
        try client.send("SELECT SLEEP(0.\(Int.random(in: 1...4))), COUNT(*) FROM numbers")
        usleep(UInt32.random(in: 0...150_000))
        client.abandon()
        client.close()
        abortsDone.add(1, ordering: .relaxed)
        turned()
    }

    /// Is gone before it has logged in.
    private func halfLogin() throws {
        let connection = try RawConnection(port: port)
        usleep(UInt32.random(in: 0...50_000))
        connection.close()
        abortsDone.add(1, ordering: .relaxed)
        usleep(300_000)
    }
}
