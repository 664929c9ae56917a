/// The classic EOF packet: 0xFE, warnings, status; always 5 bytes under `protocol41`.
public struct EOFPacket: Sendable, Hashable {
    public var warnings: UInt16
    public var status: StatusFlags

    public init(warnings: UInt16 = 0, status: StatusFlags) {
        self.warnings = warnings
        self.status = status
    }

    public init(payload: UnsafeRawBufferPointer) throws(WireError) {
        var reader = PacketReader(payload)
        guard try reader.uint8("EOF: header") == 0xFE, payload.count < 9 else { throw .malformed("EOF: header") }
        warnings = try reader.uint16("EOF: warnings")
        status = StatusFlags(rawValue: try reader.uint16("EOF: status"))
    }

    public func payload() -> [UInt8] {
        var writer = PacketWriter(reserving: 5)
        writer.uint8(0xFE)
        writer.uint16(warnings)
        writer.uint16(status.rawValue)
        return writer.bytes
    }
}
