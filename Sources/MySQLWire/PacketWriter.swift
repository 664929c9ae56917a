/// Builds a payload at the end of a byte array; all integers are little-endian.
public struct PacketWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init(reserving count: Int = 64) { bytes.reserveCapacity(count) }

    public mutating func uint8(_ value: UInt8) { bytes.append(value) }
    public mutating func uint16(_ value: UInt16) { integer(UInt64(value), bytes: 2) }
    /// The low 24 bits.
    public mutating func uint24(_ value: UInt32) { integer(UInt64(value), bytes: 3) }
    public mutating func uint32(_ value: UInt32) { integer(UInt64(value), bytes: 4) }
    public mutating func uint64(_ value: UInt64) { integer(value, bytes: 8) }

    private mutating func integer(_ value: UInt64, bytes count: Int) {
        for i in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * i))) }
    }

    public mutating func lengthEncoded(_ value: UInt64) {
        switch value {
        case 0..<0xFB: uint8(UInt8(truncatingIfNeeded: value))
        case 0xFB...0xFFFF:
            uint8(0xFC)
            uint16(UInt16(truncatingIfNeeded: value))
        case 0x1_0000...0xFF_FFFF:
            uint8(0xFD)
            uint24(UInt32(truncatingIfNeeded: value))
        case _:
            uint8(0xFE)
            uint64(value)
        }
    }

    public mutating func raw(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }
    public mutating func zeros(_ count: Int) { bytes.append(contentsOf: repeatElement(0, count: count)) }

    public mutating func lengthEncoded(_ more: some Collection<UInt8>) {
        lengthEncoded(UInt64(more.count))
        raw(more)
    }

    /// The bytes up to their first NUL, and one NUL: a NUL inside would shift every field after it.
    public mutating func nulTerminated(_ more: some Sequence<UInt8>) {
        for byte in more {
            if byte == 0 { break }
            bytes.append(byte)
        }
        bytes.append(0)
    }

    /// The payload as it travels: one packet, or several where it has 0xFFFFFF bytes or more (the last one is
    /// shorter than that, maybe empty). The first has the given sequence number.
    public static func packet(sequence: UInt8, payload: some Collection<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(payload.count + PacketHeader.size * (payload.count / PacketHeader.payloadMax + 1))
        var rest = payload[...]
        var number = sequence
        while true {
            let part = rest.prefix(PacketHeader.payloadMax)
            let length = part.count
            out.append(UInt8(truncatingIfNeeded: length))
            out.append(UInt8(truncatingIfNeeded: length >> 8))
            out.append(UInt8(truncatingIfNeeded: length >> 16))
            out.append(number)
            out.append(contentsOf: part)
            if length < PacketHeader.payloadMax { return out }
            rest = rest.dropFirst(length)
            number &+= 1
        }
    }
}
