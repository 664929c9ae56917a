import Cluster
import Foundation
import Glibc
import Reactor
import Synchronization
import Testbed

/// A node that is somebody else's: it greets as MariaDB does, and then whatever its script says.
final class FakeNode: Sendable {
    let port: UInt16
    private let listener: Int32
    private let isClosed = Atomic(false)
    private let open = Mutex<[RawConnection]>([])
    private let seen = Watched<[[UInt8]]>([])

    /// - Parameter script: per connection, on a thread of its own; the connection is closed at its end.
    init(_ script: @escaping @Sendable (Visit) -> Void) throws {
        let port = try Ports.free(1)[0]
        self.port = port
        listener = try Sockets.listen(Endpoint(host: "127.0.0.1", port: port))
        let thread = Thread { [self] in
            while !isClosed.load(ordering: .relaxed) {
                var poll = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
                guard Glibc.poll(&poll, 1, 50) > 0 else { continue }
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { continue }
                let connection = RawConnection(accepted: descriptor)
                open.withLock { $0.append(connection) }
                Thread.detachNewThread { [self] in
                    script(Visit(connection, seen))
                    connection.close()
                }
            }
            Sockets.close(listener)
        }
        thread.start()
    }

    /// What was sent to it, one packet's payload each, over all connections.
    var received: [[UInt8]] { seen.value }

    /// False when nothing of that kind came in time.
    func wait(_ timeout: Duration = .seconds(20), until fulfilled: ([[UInt8]]) -> Bool) -> Bool {
        seen.wait(timeout, until: fulfilled) != nil
    }

    /// Idempotent.
    func close() {
        guard !isClosed.exchange(true, ordering: .relaxed) else { return }
        for connection in open.withLock({ $0 }) { connection.shutdown() }
    }

    deinit { close() }

    /// One connection to it.
    struct Visit: Sendable {
        private let connection: RawConnection
        private let seen: Watched<[[UInt8]]>

        fileprivate init(_ connection: RawConnection, _ seen: Watched<[[UInt8]]>) {
            self.connection = connection
            self.seen = seen
        }

        /// One packet's payload; nil at the end.
        @discardableResult func hear() -> [UInt8]? {
            guard let packet = connection.receivePacket(.seconds(20)) else { return nil }
            seen.update { $0.append(packet.payload) }
            return packet.payload
        }

        @discardableResult func say(_ payload: [UInt8], _ sequence: UInt8) -> Bool {
            connection.sendPacket(payload, sequence: sequence)
        }

        /// Bytes without a frame.
        @discardableResult func send(_ bytes: [UInt8]) -> Bool { connection.send(bytes) }

        /// The greeting, and the answer to it.
        func greet() {
            say(FakeNode.greeting, 0)
            hear()
        }

        /// The same, and the login is right.
        func letIn() {
            greet()
            say(FakeNode.ok, 2)
        }

        /// Answers like a writable server until something is asked that `answer` answers otherwise.
        func serve(_ answer: (String) -> [[UInt8]]? = { _ in nil }) {
            letIn()
            while let command = hear(), command.first == 3 {
                let statement = String(decoding: command.dropFirst(), as: UTF8.self)
                for (index, payload) in (answer(statement) ?? FakeNode.answer(statement)).enumerated() {
                    say(payload, UInt8(truncatingIfNeeded: index + 1))
                }
            }
        }
    }

    static let ok: [UInt8] = [0, 0, 0, 2, 0, 0, 0]
    static let eof: [UInt8] = [0xfe, 0, 0, 2, 0]
    static let column: [UInt8] = [3, 100, 101, 102, 0, 0, 0, 1, 97, 0, 12, 45, 0, 255, 0, 0, 0, 253, 0, 0, 0, 0, 0]

    static let greeting: [UInt8] = {
        var payload: [UInt8] = [10] + Array("5.5.5-10.11.19-MariaDB-fake".utf8) + [0]
        payload += [7, 0, 0, 0] + Array("abcdefgh".utf8) + [0]
        payload += [0xfe, 0xff, 45, 2, 0, 0xff, 0x81, 21] + [0, 0, 0, 0, 0, 0] + [0x1d, 0, 0, 0]
        return payload + Array("ijklmnopqrst".utf8) + [0] + Array("mysql_native_password".utf8) + [0]
    }()

    static func result(_ columns: Int, _ rows: [[String]]) -> [[UInt8]] {
        [[UInt8(columns)]] + (0..<columns).map { _ in column } + [eof]
            + rows.map { row in row.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } } + [eof]
    }

    /// What a writable server says to a check and to whoever reads its accounts.
    static func answer(_ statement: String) -> [[UInt8]] {
        if statement.hasPrefix("SHOW GLOBAL VARIABLES") {
            return result(
                2,
                [["hostname", "fake"], ["read_only", "OFF"], ["server_id", "9"], ["version", "10.11.19-MariaDB"]])
        }
        if statement.hasPrefix("SHOW GLOBAL STATUS") { return result(2, [["Uptime", "1000"]]) }
        // The same life whenever it is asked.
        if statement.hasPrefix("SELECT UUID_SHORT") { return result(1, [["151134080712802304"]]) }
        if statement.hasPrefix("SELECT @@global.read_only") { return result(1, [["0"]]) }
        if statement.contains("mysql.") { return result(5, [["app", "%", "mysql_native_password", "", "0"]]) }
        return [ok]
    }
}
