/// The server asks for another authentication plugin: 0xFE, the plugin's name, its first message.
/// Source: MariaDB's sql/sql_acl.cc, send_plugin_request_packet.
public struct AuthSwitch: Sendable, Hashable {
    public static let header: UInt8 = 0xFE
    /// What a lone 0xFE asks for.
    public static let oldPlugin = "mysql_old_password"

    public var plugin: String
    /// Without the NUL that ends a 20-byte scramble; other plugins' messages (ed25519: 32 random bytes, of which
    /// the last may be zero) are whole.
    public var data: [UInt8]
    /// A NUL follows `data` on the wire.
    public var isTerminated: Bool
    /// The lone 0xFE of servers before plugins: the old, 8-byte scramble of the greeting is meant.
    public var isOld: Bool { plugin == AuthSwitch.oldPlugin && data.isEmpty && !isTerminated }

    /// `terminated` nil: a NUL follows where `data` is a 20-byte scramble.
    public init(plugin: String, data: [UInt8], terminated: Bool? = nil) {
        self.plugin = plugin
        self.data = data
        isTerminated = terminated ?? (data.count == Greeting.scrambleSize)
    }

    public init(payload: UnsafeRawBufferPointer) throws(WireError) {
        var reader = PacketReader(payload)
        guard try reader.uint8("auth switch: header") == AuthSwitch.header else {
            throw .malformed("auth switch: header")
        }
        guard !reader.isAtEnd else {
            self.init(plugin: AuthSwitch.oldPlugin, data: [], terminated: false)
            return
        }
        let plugin = String(wire: try reader.nulTerminated("auth switch: plugin"))
        var data = reader.rest()
        let terminated = data.count == Greeting.scrambleSize + 1 && data.last == 0
        if terminated { data.removeLast() }
        self.init(plugin: plugin, data: data, terminated: terminated)
    }

    public func payload() -> [UInt8] {
        var writer = PacketWriter()
        writer.uint8(AuthSwitch.header)
        if isOld { return writer.bytes }
        writer.nulTerminated(plugin.utf8)
        writer.raw(data)
        if isTerminated { writer.uint8(0) }
        return writer.bytes
    }
}
