import Cluster
import MySQLWire
import Routing

/// Errors of the proxy's own that end a login or a session, in the server's codes.
extension ErrorPacket {
    static let tooManyConnections = ErrorPacket(code: 1040, sqlState: "08004", message: "Too many connections")
    static let badHandshake = ErrorPacket(code: 1043, sqlState: "08S01", message: "Bad handshake")
    static let malformedPacket = ErrorPacket(code: 1835, sqlState: "HY000", message: "Malformed communication packet")
    static let outOfOrder = ErrorPacket(code: 1156, sqlState: "08S01", message: "Got packets out of order")
    static let unknownCommand = ErrorPacket(code: 1047, sqlState: "08S01", message: "Unknown command")
    static let loginTimeout = ErrorPacket(
        code: 1159, sqlState: "08S01", message: "HAProxyDB: got timeout reading the login")
    static let loginInterrupted = ErrorPacket(
        code: 1053, sqlState: "08S01", message: "HAProxyDB: the primary was lost during the login; log in again")
    static let shuttingDown = ErrorPacket(code: 1053, sqlState: "08S01", message: "HAProxyDB: shutdown in progress")
    static let clientTimeout = ErrorPacket(
        code: 1159, sqlState: "08S01", message: "HAProxyDB: the client was idle for longer than client_timeout")

    /// The statement was not executed; a transaction that is open stays so.
    static let outOfMemory = ErrorPacket(
        code: 1041, sqlState: "HY000",
        message: "HAProxyDB: statement not executed: memory_max is used up by what is kept for all sessions")

    /// In the server's words, whose limit it stands for.
    static func tooManyPrepared(_ count: Int) -> ErrorPacket {
        ErrorPacket(
            code: 1461, sqlState: "42000",
            message: "Can't create more than max_prepared_stmt_count statements (current value: \(count))")
    }

    /// A node asks the client to show its password.
    static func plainPassword(_ plugin: String) -> ErrorPacket {
        ErrorPacket(
            code: 1045, sqlState: "28000",
            message:
                "HAProxyDB: the server asks for the password by the plugin '\(plugin.prefix(64))', which is not passed on: it may "
                + "send it in plain text, and this connection has no TLS")
    }

    /// What a HAProxyDB's check of this "node" is told, its own or another's.
    static let noServer = ErrorPacket(code: ProxyMark.code, sqlState: "HY000", message: ProxyMark.answer)

    static let killed = ErrorPacket(code: 1927, sqlState: "70100", message: "Connection was killed")
}

extension Refusal {
    var packet: ErrorPacket {
        // The server's own words stay its own.
        kind == .killed ? .killed : ErrorPacket(code: code, sqlState: sqlState, message: "HAProxyDB: " + message)
    }
}

extension Worker {
    /// Tells a client why its session ends. What follows is ``close(_:)``.
    ///
    /// - Parameter isAsked: it answers what the client has just sent.
    func refuse(_ s: SessionRef, _ error: ErrorPacket, isAsked: Bool = false) {
        // Before the greeting the error is the first packet of all; between statements it is no answer to the last one.
        let isFirst = s.pointee.frontend == .ungreeted || s.pointee.frontend == .idle && !isAsked
        s.pointee.sequence = isFirst ? 0 : s.pointee.sequence &+ 1
        writeClient(s, PacketWriter.packet(sequence: s.pointee.sequence, payload: error.payload()))
    }
}
