/// The four bytes before every payload: its length (24 bits, little-endian) and a sequence number that starts at
/// 0 with every command. A payload of exactly `payloadMax` bytes is continued in the next packet, which may be empty.
@frozen
public struct PacketHeader: Sendable, Hashable {
    /// Bytes.
    public static let size = 4
    /// Payload bytes in one packet at most.
    public static let payloadMax = 0xFF_FFFF

    /// The payload's, bytes.
    public let length: Int
    public let sequence: UInt8

    /// Reads the 4 bytes at `offset`; traps where there are none.
    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        let word = bytes.uint32(at: offset)
        length = Int(word & 0xFF_FFFF)
        sequence = UInt8(truncatingIfNeeded: word >> 24)
    }

    /// Writes 4 bytes at the beginning. A length over `payloadMax`, and a buffer without room for them, are mistakes of
    /// ours and trap.
    @inlinable
    public static func write(length: Int, sequence: UInt8, to bytes: UnsafeMutableRawBufferPointer) {
        precondition(length >= 0 && length <= 0xFF_FFFF, "payload length")
        bytes.set(UInt32(length) | UInt32(sequence) << 24, at: 0)
    }
}
