import Glibc

/// Bytes that outlive one event: the tail of a packet, what a peer could not take yet, the statement in flight.
/// Owns plain memory and is stored in place in a session; nothing here is reference counted. The owner calls
/// ``release()``; there is no deinitialiser because a session's memory is managed by hand.
struct ByteBuffer {
    private(set) var base: UnsafeMutableRawPointer?
    private(set) var count = 0
    private var capacity = 0

    var isEmpty: Bool { count == 0 }
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Replaces the content. Keeps the memory it has when that suffices, so that a session that sends statements of
    /// like size allocates once.
    @inline(__always)
    mutating func assign(_ source: UnsafeRawPointer, _ length: Int) {
        if length > capacity { grow(to: length, keeping: 0) }
        if length > 0 { memcpy(base!, source, length) }
        count = length
    }

    mutating func append(_ source: UnsafeRawPointer, _ length: Int) {
        guard length > 0 else { return }
        if count + length > capacity { grow(to: count + length, keeping: count) }
        memcpy(base! + count, source, length)
        count += length
    }

    mutating func append(_ source: [UInt8]) {
        source.withUnsafeBytes { append($0.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!, $0.count) }
    }

    mutating func removeFirst(_ length: Int) {
        precondition(length <= count)
        if length < count { memmove(base!, base! + length, count - length) }
        count -= length
    }

    /// Forgets the content; gives memory back when it is more than `keeping` bytes.
    @inline(__always)
    mutating func clear(keeping limit: Int = 0) {
        count = 0
        if capacity > limit { release() }
    }

    mutating func release() {
        free(base)
        base = nil
        count = 0
        capacity = 0
    }

    private mutating func grow(to needed: Int, keeping kept: Int) {
        var size = max(128, capacity)
        while size < needed { size *= 2 }
        guard let grown = malloc(size) else { fatalError("out of memory: \(size) bytes for one session") }
        if kept > 0 { memcpy(grown, base!, kept) }
        free(base)
        base = grown
        capacity = size
    }
}
