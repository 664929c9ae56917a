/// The standard library checks a raw buffer's accesses in debug builds only. What comes from a peer is read through
/// these, whose checks stay in release builds: an offset that is wrong ends the process, and reads nothing.
extension UnsafeRawBufferPointer {
    /// The byte at `index`; traps outside of the buffer.
    @inlinable
    public func byte(at index: Int) -> UInt8 {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "a byte outside of its buffer")
        return self[index]
    }

    /// A part of the buffer, valid as long as that is; traps where it is none.
    @inlinable
    public func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "a part outside of its buffer")
        guard let base = baseAddress else { return self }
        return UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.upperBound - range.lowerBound)
    }

    /// What follows the first `length` bytes; traps where there are not so many.
    @inlinable
    public func part(from length: Int) -> UnsafeRawBufferPointer {
        precondition(length >= 0 && length <= count, "a part outside of its buffer")
        return part(length..<count)
    }

    /// Little-endian, at any alignment; traps outside of the buffer.
    @inlinable
    public func uint16(at index: Int) -> UInt16 { UInt16(littleEndian: integer(at: index)) }

    /// Little-endian, at any alignment; traps outside of the buffer.
    @inlinable
    public func uint32(at index: Int) -> UInt32 { UInt32(littleEndian: integer(at: index)) }

    @inlinable
    func integer<Integer: FixedWidthInteger & BitwiseCopyable>(at index: Int) -> Integer {
        precondition(
            index >= 0 && count - index >= MemoryLayout<Integer>.size, "an integer outside of its buffer")
        return loadUnaligned(fromByteOffset: index, as: Integer.self)
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Little-endian, at any alignment; traps outside of the buffer.
    @inlinable
    public func set(_ value: UInt32, at index: Int) {
        precondition(index >= 0 && count - index >= MemoryLayout<UInt32>.size, "an integer outside of its buffer")
        storeBytes(of: value.littleEndian, toByteOffset: index, as: UInt32.self)
    }

    /// Traps outside of the buffer.
    @inlinable
    public func set(_ value: UInt8, at index: Int) {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "a byte outside of its buffer")
        self[index] = value
    }
}
