/// A cursor over one payload. Every step is checked against the end; a step too far throws
/// `WireError.truncated` with the caller's words and leaves the cursor where it was.
public struct PacketReader {
    public let bytes: UnsafeRawBufferPointer
    /// Bytes already read.
    public private(set) var position = 0

    public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    public var remaining: Int { bytes.count - position }
    public var isAtEnd: Bool { position >= bytes.count }
    /// The next byte, not consumed; nil at the end.
    public var peek: UInt8? { isAtEnd ? nil : bytes.byte(at: position) }

    private func need(_ count: Int, _ what: StaticString) throws(WireError) {
        guard count >= 0, count <= remaining else { throw .truncated("\(what)") }
    }

    public mutating func skip(_ count: Int, _ what: StaticString) throws(WireError) {
        try need(count, what)
        position += count
    }

    public mutating func uint8(_ what: StaticString) throws(WireError) -> UInt8 {
        try need(1, what)
        defer { position += 1 }
        return bytes.byte(at: position)
    }

    public mutating func uint16(_ what: StaticString) throws(WireError) -> UInt16 {
        UInt16(truncatingIfNeeded: try integer(bytes: 2, what))
    }

    public mutating func uint24(_ what: StaticString) throws(WireError) -> UInt32 {
        UInt32(truncatingIfNeeded: try integer(bytes: 3, what))
    }

    public mutating func uint32(_ what: StaticString) throws(WireError) -> UInt32 {
        UInt32(truncatingIfNeeded: try integer(bytes: 4, what))
    }

    public mutating func uint64(_ what: StaticString) throws(WireError) -> UInt64 {
        try integer(bytes: 8, what)
    }

    /// Little-endian, at most 8 bytes.
    private mutating func integer(bytes count: Int, _ what: StaticString) throws(WireError) -> UInt64 {
        try need(count, what)
        var value: UInt64 = 0
        for i in 0..<count { value |= UInt64(bytes.byte(at: position + i)) << UInt64(8 * i) }
        position += count
        return value
    }

    /// A length-encoded integer: one byte below 251, or 0xFC/0xFD/0xFE and 2/3/8 bytes. 0xFB (NULL) and 0xFF are no
    /// integers.
    public mutating func lengthEncoded(_ what: StaticString) throws(WireError) -> UInt64 {
        let start = position
        do throws(WireError) {
            switch try uint8(what) {
            case let small where small < 0xFB: return UInt64(small)
            case 0xFC: return try integer(bytes: 2, what)
            case 0xFD: return try integer(bytes: 3, what)
            case 0xFE: return try integer(bytes: 8, what)
            case _: throw .malformed("\(what)")
            }
        } catch {
            position = start
            throw error
        }
    }

    /// A slice of the payload, valid as long as the payload is.
    public mutating func slice(_ count: Int, _ what: StaticString) throws(WireError) -> UnsafeRawBufferPointer {
        try need(count, what)
        defer { position += count }
        return bytes.part(position..<position + count)
    }

    public mutating func array(_ count: Int, _ what: StaticString) throws(WireError) -> [UInt8] {
        [UInt8](try slice(count, what))
    }

    /// A length-encoded integer and as many bytes.
    public mutating func lengthEncodedSlice(_ what: StaticString) throws(WireError) -> UnsafeRawBufferPointer {
        let start = position
        let length = try lengthEncoded(what)
        guard length <= UInt64(remaining) else {
            position = start
            throw .truncated("\(what)")
        }
        return try slice(Int(length), what)
    }

    public mutating func lengthEncodedArray(_ what: StaticString) throws(WireError) -> [UInt8] {
        [UInt8](try lengthEncodedSlice(what))
    }

    /// Bytes up to a NUL, which is consumed and not returned.
    public mutating func nulTerminated(_ what: StaticString) throws(WireError) -> [UInt8] {
        guard let end = nextNUL else { throw .truncated("\(what)") }
        defer { position = end + 1 }
        return [UInt8](bytes.part(position..<end))
    }

    /// Bytes up to a NUL, or to the end where a peer left the last NUL out, as the server itself accepts.
    public mutating func nulTerminatedOrRest() -> [UInt8] {
        let end = nextNUL ?? bytes.count
        defer { position = min(end + 1, bytes.count) }
        return [UInt8](bytes.part(position..<end))
    }

    private var nextNUL: Int? { bytes.part(from: position).firstIndex(of: 0).map { position + $0 } }

    /// Everything that is left.
    public mutating func rest() -> [UInt8] {
        defer { position = bytes.count }
        return [UInt8](bytes.part(from: position))
    }
}

extension String {
    /// Text from a peer: what is not UTF-8 is replaced, never refused.
    init(wire bytes: some Sequence<UInt8>) {
        self = String(decoding: Array(bytes), as: UTF8.self)
    }
}
