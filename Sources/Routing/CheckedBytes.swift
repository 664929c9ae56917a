/// A text's bytes. The subscripts of raw buffers are checked in debug builds only, this one's in release builds too: an
/// index outside is our own mistake, and a trap. Valid as long as the buffer is.
@frozen
@usableFromInline
struct CheckedBytes {
    // Raw, since a text lies in a receive buffer or an array, and nothing here may copy it.
    @usableFromInline let base: UnsafeRawPointer?
    /// Unsigned: one comparison is the whole check, and a loop's own condition makes it superfluous.
    @usableFromInline let count: UInt

    @inlinable
    init(_ bytes: UnsafeRawBufferPointer) {
        base = bytes.baseAddress
        count = UInt(bitPattern: bytes.count)
    }

    /// Nil behind the end.
    @inlinable
    func at(_ index: UInt) -> UInt8? {
        guard index < count else { return nil }
        // A buffer without memory has no bytes.
        return base.unsafelyUnwrapped.load(fromByteOffset: Int(bitPattern: index), as: UInt8.self)
    }

    @inlinable
    subscript(index: UInt) -> UInt8 {
        guard let byte = at(index) else { preconditionFailure("a byte outside of its text") }
        return byte
    }

    /// A negative index is a huge one.
    subscript(index: Int) -> UInt8 { self[UInt(bitPattern: index)] }

    /// The bytes from `start` up to `end`.
    subscript(range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(
            range.lowerBound >= 0 && UInt(bitPattern: range.upperBound) <= count, "bytes outside of their text")
        return UnsafeRawBufferPointer(start: base.map { $0 + range.lowerBound }, count: range.count)
    }
}

extension StaticString {
    /// The byte at `index`, counted from 0, of a text of ASCII.
    func byte(at index: Int) -> UInt8 {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: utf8CodeUnitCount), "a byte outside of its word")
        return utf8Start[index]
    }
}
