/// The server's first packet (protocol version 10).
/// Source: MariaDB's sql/sql_acl.cc, send_server_handshake_packet.
public struct Greeting: Sendable, Hashable {
    /// Bytes of a `mysql_native_password` scramble.
    public static let scrambleSize = 20

    public var protocolVersion: UInt8 = 10
    /// As sent: before 11.0 MariaDB says `5.5.5-10.11.6-MariaDB…`.
    public var serverVersion: String
    public var connectionID: UInt32
    /// 20 bytes, none of them zero where a MariaDB server made them.
    public var scramble: [UInt8]
    public var capabilities: Capabilities
    public var collation: UInt8
    public var status: StatusFlags
    /// Empty where the server has no `pluginAuth`.
    public var authPlugin: String

    public init(
        serverVersion: String, connectionID: UInt32, scramble: [UInt8], capabilities: Capabilities, collation: UInt8,
        status: StatusFlags, authPlugin: String = NativePassword.pluginName
    ) {
        self.serverVersion = serverVersion
        self.connectionID = connectionID
        self.scramble = scramble
        self.capabilities = capabilities
        self.collation = collation
        self.status = status
        self.authPlugin = authPlugin
    }

    /// A server that refuses the connection sends an ERR packet (0xFF) instead, which is `malformed` here.
    public init(payload: UnsafeRawBufferPointer) throws(WireError) {
        var reader = PacketReader(payload)
        protocolVersion = try reader.uint8("greeting: protocol version")
        guard protocolVersion == 10 else {
            throw protocolVersion == 0xFF
                ? .malformed("greeting: an error packet")
                : .unsupported("greeting: protocol version \(protocolVersion)")
        }
        serverVersion = String(wire: try reader.nulTerminated("greeting: server version"))
        connectionID = try reader.uint32("greeting: connection id")
        scramble = try reader.array(8, "greeting: scramble, first part")
        try reader.skip(1, "greeting: filler")
        var flags = UInt64(try reader.uint16("greeting: capabilities"))
        collation = try reader.uint8("greeting: collation")
        status = StatusFlags(rawValue: try reader.uint16("greeting: status"))
        flags |= UInt64(try reader.uint16("greeting: capabilities, upper half")) << 16
        let authLength = Int(try reader.uint8("greeting: scramble length"))
        try reader.skip(6, "greeting: reserved")
        let extended = UInt64(try reader.uint32("greeting: extended capabilities"))
        if flags & Capabilities.longPassword.rawValue == 0 { flags |= extended << 32 }
        capabilities = Capabilities(rawValue: flags)

        if capabilities.contains(.secureConnection) {
            // 12 bytes and a NUL, or more where the length says so; the first 20 in all are the scramble.
            let part = try reader.slice(max(12, authLength - 8 - 1), "greeting: scramble, second part")
            scramble.append(contentsOf: part.prefix(12))
            if reader.peek == 0 { try reader.skip(1, "greeting: scramble terminator") }
        }
        authPlugin = capabilities.contains(.pluginAuth) ? String(wire: reader.nulTerminatedOrRest()) : ""
    }

    public func payload() -> [UInt8] {
        let native = (scramble + [UInt8](repeating: 0, count: Greeting.scrambleSize)).prefix(Greeting.scrambleSize)
        var writer = PacketWriter(reserving: 128)
        writer.uint8(protocolVersion)
        writer.nulTerminated(serverVersion.utf8)
        writer.uint32(connectionID)
        writer.raw(native.prefix(8))
        writer.uint8(0)
        writer.uint16(UInt16(truncatingIfNeeded: capabilities.standard))
        writer.uint8(collation)
        writer.uint16(status.rawValue)
        writer.uint16(UInt16(truncatingIfNeeded: capabilities.standard >> 16))
        writer.uint8(capabilities.contains(.pluginAuth) ? UInt8(Greeting.scrambleSize + 1) : 0)
        writer.zeros(6)
        writer.uint32(capabilities.contains(.longPassword) ? 0 : capabilities.extended)
        if capabilities.contains(.secureConnection) {
            writer.raw(native.dropFirst(8))
            writer.uint8(0)
        }
        if capabilities.contains(.pluginAuth) { writer.nulTerminated(authPlugin.utf8) }
        return writer.bytes
    }
}
