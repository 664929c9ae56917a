/// The four bytes before every payload: its length (24 bits, little-endian) and a sequence number that starts at
/// 0 with every command. A payload of exactly `payloadMax` bytes is continued in the next packet, which may be empty.
public enum PacketHeader {
    /// Bytes.
    public static let size = 4
    /// Payload bytes in one packet at most.
    public static let payloadMax = 0xFF_FFFF

    /// The payload's length in bytes; reads 3 bytes.
    @inlinable
    public static func length(at header: UnsafeRawPointer) -> Int {
        Int(header.load(as: UInt8.self))
            | Int(header.load(fromByteOffset: 1, as: UInt8.self)) << 8
            | Int(header.load(fromByteOffset: 2, as: UInt8.self)) << 16
    }

    /// Reads the 4th byte.
    @inlinable
    public static func sequence(at header: UnsafeRawPointer) -> UInt8 {
        header.load(fromByteOffset: 3, as: UInt8.self)
    }

    /// Writes 4 bytes. A length over `payloadMax` is a mistake of ours and traps.
    @inlinable
    public static func write(length: Int, sequence: UInt8, to header: UnsafeMutableRawPointer) {
        precondition(length >= 0 && length <= 0xFF_FFFF, "payload length")
        header.storeBytes(of: UInt8(truncatingIfNeeded: length), as: UInt8.self)
        header.storeBytes(of: UInt8(truncatingIfNeeded: length >> 8), toByteOffset: 1, as: UInt8.self)
        header.storeBytes(of: UInt8(truncatingIfNeeded: length >> 16), toByteOffset: 2, as: UInt8.self)
        header.storeBytes(of: sequence, toByteOffset: 3, as: UInt8.self)
    }
}
