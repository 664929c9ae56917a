/// COM_CHANGE_USER, with its command byte. What follows the database's name is missing in old clients.
/// Source: MariaDB's sql/sql_acl.cc, parse_com_change_user_packet.
public struct ChangeUser: Sendable, Hashable {
    public var user: [UInt8]
    public var authResponse: [UInt8]
    /// Empty means no default schema.
    public var database: [UInt8]
    public var collation: UInt16?
    public var plugin: String?
    /// As in `HandshakeResponse`.
    public var attributes: [UInt8]?

    public init(
        user: [UInt8], authResponse: [UInt8], database: [UInt8] = [], collation: UInt16? = nil, plugin: String? = nil,
        attributes: [UInt8]? = nil
    ) {
        self.user = user
        self.authResponse = authResponse
        self.database = database
        self.collation = collation
        self.plugin = plugin
        self.attributes = attributes
    }

    /// `capabilities` are those negotiated with the sender.
    public init(payload: UnsafeRawBufferPointer, capabilities: Capabilities) throws(WireError) {
        var reader = PacketReader(payload)
        guard try reader.uint8("change user: command") == Command.changeUser.rawValue else {
            throw .malformed("change user: command")
        }
        user = try reader.nulTerminated("change user: user")
        if capabilities.contains(.secureConnection) {
            let length = Int(try reader.uint8("change user: authentication data length"))
            authResponse = try reader.array(length, "change user: authentication data")
        } else {
            authResponse = try reader.nulTerminated("change user: authentication data")
        }
        database = reader.nulTerminatedOrRest()
        guard !reader.isAtEnd else { return }
        collation = try reader.uint16("change user: collation")
        if capabilities.contains(.pluginAuth), !reader.isAtEnd { plugin = String(wire: reader.nulTerminatedOrRest()) }
        if capabilities.contains(.connectAttributes), !reader.isAtEnd {
            attributes = try reader.lengthEncodedArray("change user: connect attributes")
        }
    }

    /// With the command byte. A missing collation is sent as 0 (the server's own) where a plugin or attributes follow.
    /// An `authResponse` over 255 bytes cannot be said with `secureConnection` and is cut.
    public func payload(capabilities: Capabilities) -> [UInt8] {
        var writer = PacketWriter(reserving: 128 + (attributes?.count ?? 0))
        writer.uint8(Command.changeUser.rawValue)
        writer.nulTerminated(user)
        if capabilities.contains(.secureConnection) {
            let data = authResponse.prefix(0xFF)
            writer.uint8(UInt8(truncatingIfNeeded: data.count))
            writer.raw(data)
        } else {
            writer.nulTerminated(authResponse)
        }
        writer.nulTerminated(database)
        let sendsPlugin = capabilities.contains(.pluginAuth) && plugin != nil
        let sendsAttributes = capabilities.contains(.connectAttributes) && attributes != nil
        guard collation != nil || sendsPlugin || sendsAttributes else { return writer.bytes }
        writer.uint16(collation ?? 0)
        // Attributes stand behind a plugin's name where that was negotiated, even if it is empty.
        if capabilities.contains(.pluginAuth), sendsPlugin || sendsAttributes {
            writer.nulTerminated((plugin ?? "").utf8)
        }
        if sendsAttributes, let attributes { writer.lengthEncoded(attributes) }
        return writer.bytes
    }
}
