/// The client's answer to the greeting, or the first 32 bytes of it with which it asks for TLS.
/// Source: MariaDB's sql/sql_acl.cc, parse_client_handshake_packet; libmariadb's plugins/auth/my_auth.c.
public struct HandshakeResponse: Sendable, Hashable {
    public var capabilities: Capabilities
    /// Bytes.
    public var maxPacketSize: UInt32
    public var collation: UInt8
    public var user: [UInt8]
    /// The plugin's first message: 20 bytes or none with `mysql_native_password`.
    public var authResponse: [UInt8]
    /// nil without `connectWithDB`.
    public var database: [UInt8]?
    /// nil without `pluginAuth`.
    public var plugin: String?
    /// Length-encoded keys and values one after the other, without their total length; nil without
    /// `connectAttributes`.
    public var attributes: [UInt8]?
    /// An SSLRequest: the client starts TLS now and sends its response again inside.
    public var isSSLRequest = false

    public init(
        capabilities: Capabilities, maxPacketSize: UInt32 = 1 << 24, collation: UInt8, user: [UInt8],
        authResponse: [UInt8], database: [UInt8]? = nil, plugin: String? = nil, attributes: [UInt8]? = nil
    ) {
        self.capabilities = capabilities
        self.maxPacketSize = maxPacketSize
        self.collation = collation
        self.user = user
        self.authResponse = authResponse
        self.database = database
        self.plugin = plugin
        self.attributes = attributes
    }

    /// Throws `unsupported` for a client older than 4.1. As the server does, takes the last NUL of the payload for
    /// granted, and a plugin name or attributes that are announced and missing for none.
    public init(payload: UnsafeRawBufferPointer) throws(WireError) {
        var reader = PacketReader(payload)
        let low = UInt64(try reader.uint16("handshake response: capabilities"))
        guard low & Capabilities.protocol41.rawValue != 0 else {
            throw .unsupported("handshake response of a client older than 4.1")
        }
        var flags = low | UInt64(try reader.uint16("handshake response: capabilities, upper half")) << 16
        maxPacketSize = try reader.uint32("handshake response: maximal packet size")
        collation = try reader.uint8("handshake response: collation")
        try reader.skip(19, "handshake response: reserved")
        let extended = UInt64(try reader.uint32("handshake response: extended capabilities"))
        if flags & Capabilities.longPassword.rawValue == 0 { flags |= extended << 32 }
        capabilities = Capabilities(rawValue: flags)
        user = []
        authResponse = []
        if capabilities.contains(.ssl), reader.isAtEnd {
            isSSLRequest = true
            return
        }

        user = try reader.nulTerminated("handshake response: user")
        if capabilities.contains(.pluginAuthLenencData) {
            authResponse = try reader.lengthEncodedArray("handshake response: authentication data")
        } else if capabilities.contains(.secureConnection) {
            let length = Int(try reader.uint8("handshake response: authentication data length"))
            authResponse = try reader.array(length, "handshake response: authentication data")
        } else {
            authResponse = reader.nulTerminatedOrRest()
        }
        if capabilities.contains(.connectWithDB) { database = reader.nulTerminatedOrRest() }
        if capabilities.contains(.pluginAuth), !reader.isAtEnd { plugin = String(wire: reader.nulTerminatedOrRest()) }
        if capabilities.contains(.connectAttributes), !reader.isAtEnd {
            attributes = try reader.lengthEncodedArray("handshake response: connect attributes")
        }
    }

    /// The value of a connection attribute; nil where it is not among them.
    public func attribute(_ name: String) -> [UInt8]? {
        attributes?.withUnsafeBytes { bytes in
            var reader = PacketReader(bytes)
            while !reader.isAtEnd {
                guard let key = try? reader.lengthEncodedArray("a connection attribute's name"),
                    let value = try? reader.lengthEncodedArray("a connection attribute's value")
                else { return nil }
                if key.elementsEqual(name.utf8) { return value }
            }
            return nil
        }
    }

    /// What is nil here is left out and its capability cleared; what is there has its capability set. Without
    /// `pluginAuthLenencData` an `authResponse` longer than 255 bytes sets that capability too.
    public func payload() -> [UInt8] {
        let flags = wireCapabilities
        var writer = PacketWriter(reserving: 128 + (attributes?.count ?? 0))
        writer.uint32(flags.standard)
        writer.uint32(maxPacketSize)
        writer.uint8(collation)
        writer.zeros(19)
        writer.uint32(flags.contains(.longPassword) ? 0 : flags.extended)
        if isSSLRequest { return writer.bytes }

        writer.nulTerminated(user)
        if flags.contains(.pluginAuthLenencData) {
            writer.lengthEncoded(authResponse)
        } else if flags.contains(.secureConnection) {
            writer.uint8(UInt8(truncatingIfNeeded: authResponse.count))
            writer.raw(authResponse)
        } else {
            writer.nulTerminated(authResponse)
        }
        if let database { writer.nulTerminated(database) }
        if let plugin { writer.nulTerminated(plugin.utf8) }
        if let attributes { writer.lengthEncoded(attributes) }
        return writer.bytes
    }

    /// The capabilities that `payload()` announces.
    public var wireCapabilities: Capabilities {
        var flags = capabilities.union(.protocol41)
        if isSSLRequest { return flags.union(.ssl) }
        func set(_ flag: Capabilities, _ on: Bool) { if on { flags.insert(flag) } else { flags.remove(flag) } }
        set(.connectWithDB, database != nil)
        set(.pluginAuth, plugin != nil)
        set(.connectAttributes, attributes != nil)
        if authResponse.count > 0xFF { flags.insert(.pluginAuthLenencData) }
        return flags
    }
}
