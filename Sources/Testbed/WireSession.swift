import Foundation

/// A session of a client that speaks the protocol packet by packet, without a library: it sees every byte.
/// One thread at a time reads.
public final class WireSession: @unchecked Sendable {
    public let connection: RawConnection
    private var stream = PacketStream()
    /// The connection's id, as the greeting names it; 0 before a login.
    public private(set) var id: UInt32 = 0

    /// An account without a password, so that a login needs no cryptography; all rights on the schema `app`.
    public static let user = "nopass"

    /// Makes the account.
    public static func makeAccount(_ root: Client) throws {
        try root.query("CREATE USER IF NOT EXISTS \(user)@'%'")
        try root.query("GRANT ALL ON \(EmbeddedPair.schema).* TO \(user)@'%'")
    }

    /// Connects, and nothing more.
    public init(connectingTo port: UInt16) throws { connection = try RawConnection(port: port) }

    /// Connects and logs in.
    public convenience init(
        port: UInt16, user: String = WireSession.user, schema: String = EmbeddedPair.schema,
        flags: Wire.Flags = .plain, collation: UInt8 = 45, timeout: Duration = .seconds(30)
    ) throws {
        try self.init(connectingTo: port)
        guard let greeting = receive(timeout) else { throw TestbedFailure("no greeting from port \(port)") }
        // Behind the protocol's number and the version, which a zero ends.
        let version = greeting.payload.dropFirst().prefix { $0 != 0 }
        id = greeting.payload.dropFirst(version.count + 2).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
        connection.sendPacket(
            Wire.handshakeResponse(user: user, schema: schema, flags: flags, collation: collation),
            sequence: greeting.sequence &+ 1)
        guard var answer = receive(timeout) else { throw TestbedFailure("no answer to the login of \(user)") }
        if answer.payload.starts(with: [0xfe] + Array("mysql_native_password\0".utf8)) {
            // Asked once more, by a node; an account that was made a moment ago is not known to a proxy.
            connection.sendPacket([], sequence: answer.sequence &+ 1)
            guard let last = receive(timeout) else { throw TestbedFailure("no end of the login of \(user)") }
            answer = last
        }
        guard answer.isOK else { throw TestbedFailure("the login of \(user) was answered by \(answer)") }
    }

    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool { connection.send(bytes) }

    /// The next packet; nil at the end of the stream, or when none comes in time.
    public func receive(_ timeout: Duration = .seconds(30)) -> WirePacket? {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let packet = stream.next() { return packet }
            guard let bytes = connection.receive(max(deadline - .now, .zero)), !bytes.isEmpty else { return nil }
            stream.append(bytes)
        }
    }

    /// All packets until the peer closes; nil when it has not closed in time.
    public func receiveAll(_ timeout: Duration) -> [WirePacket]? {
        let deadline = ContinuousClock.now + timeout
        var packets: [WirePacket] = []
        while true {
            while let packet = stream.next() { packets.append(packet) }
            guard let bytes = connection.receive(max(deadline - .now, .zero)) else { return nil }
            if bytes.isEmpty { return packets }
            stream.append(bytes)
        }
    }

    /// One command whose answer is one packet (OK or an error).
    public func ask(_ bytes: [UInt8], _ timeout: Duration = .seconds(30)) -> WirePacket? {
        send(bytes)
        return receive(timeout)
    }

    /// COM_STMT_PREPARE of a statement with one column and one parameter: the id; nil where it is refused.
    public func prepare(_ text: String, _ timeout: Duration = .seconds(30)) -> UInt32? {
        guard let answer = ask(Wire.prepare(text), timeout), answer.isOK, answer.payload.count >= 5 else { return nil }
        for _ in 0..<4 where receive(timeout) == nil { return nil }
        return answer.payload[1...4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The first value of a statement's one result; nil where that is an error or not to be had.
    public func value(of statement: String, _ timeout: Duration = .seconds(30)) -> String? {
        send(Wire.query(statement))
        return firstValue(timeout)
    }

    /// The same of a statement that has been sent.
    public func firstValue(_ timeout: Duration = .seconds(30)) -> String? {
        guard let first = receive(timeout), let columns = first.payload.first, !first.isError, !first.isOK else {
            return nil
        }
        var value: String?
        // The columns' packets and an end, the rows' and another.
        for _ in 0...columns where receive(timeout) == nil { return nil }
        while let row = receive(timeout), row.payload.first != 0xfe || row.payload.count > 8 {
            guard value == nil, let length = row.payload.first, length < 251 else { continue }
            value = String(decoding: row.payload.dropFirst().prefix(Int(length)), as: UTF8.self)
        }
        return value
    }

    public func close() { connection.close() }
}
