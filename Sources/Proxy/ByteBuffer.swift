import Glibc
import MySQLWire

/// Bytes that outlive one event: the tail of a packet, what a peer could not take yet, the statement in flight.
/// Owns plain memory and is stored in place in a session; nothing here is reference counted. Every access is checked,
/// in release builds too. It holds at most what it was made for, and takes its memory out of the budget of all.
///
/// The owner calls ``release()``; there is no deinitialiser because a session's memory is managed by hand.
struct ByteBuffer {
    private var base: UnsafeMutableRawPointer?
    private var used: Int32 = 0
    private var capacity: Int32 = 0
    private let limit: Int32
    private let need: MemoryBudget.Need
    private let budget: Unmanaged<MemoryBudget>

    /// - Parameters:
    ///   - limit: bytes at most, below 1 GiB.
    ///   - budget: outlives the buffer.
    init(limit: Int, need: MemoryBudget.Need, budget: Unmanaged<MemoryBudget>) {
        precondition(limit > 0 && limit < 1 << 30, "a buffer's limit")
        self.limit = Int32(limit)
        self.need = need
        self.budget = budget
    }

    var count: Int { Int(used) }
    var isEmpty: Bool { used == 0 }
    /// The content; valid until the buffer changes.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: Int(used)) }
    /// The same, to be written to in place.
    var mutableBytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: base, count: Int(used)) }
    /// Bytes of memory that it has.
    var memory: Int { Int(capacity) }

    /// Replaces the content. Keeps the memory it has when that suffices, so that a session that sends statements of
    /// like size allocates once. False, with the buffer empty, where there is no room.
    @inline(__always)
    mutating func assign(_ source: UnsafeRawBufferPointer) -> Bool {
        used = 0
        return append(source)
    }

    /// False, and nothing has changed, where there is no room.
    @inline(__always)
    mutating func append(_ source: UnsafeRawBufferPointer) -> Bool {
        guard let start = source.baseAddress, source.count > 0 else { return true }
        let total = Int(used) + source.count
        if total > Int(capacity), !grow(to: total) { return false }
        guard let base else { return false }
        memcpy(base + Int(used), start, source.count)
        used = Int32(truncatingIfNeeded: total)
        return true
    }

    mutating func append(_ source: [UInt8]) -> Bool { source.withUnsafeBytes { append($0) } }

    mutating func removeFirst(_ length: Int) {
        precondition(length >= 0 && length <= Int(used), "more than there is")
        if let base, length < Int(used) { memmove(base, base + length, Int(used) - length) }
        used -= Int32(length)
    }

    /// Forgets the content; gives memory back when it is more than `keeping` bytes.
    @inline(__always)
    mutating func clear(keeping kept: Int = 0) {
        used = 0
        if Int(capacity) > kept { release() }
    }

    mutating func release() {
        guard base != nil else { return }
        free(base)
        adjustBudget(-Int(capacity))
        base = nil
        used = 0
        capacity = 0
    }

    private mutating func grow(to needed: Int) -> Bool {
        guard needed <= Int(limit) else {
            budget._withUnsafeGuaranteedRef { $0.noteRefusal() }
            return false
        }
        var size = max(128, Int(capacity))
        while size < needed { size *= 2 }
        // Doubling must not double the bound.
        size = min(size, max(needed, Int(limit)))
        let more = size - Int(capacity)
        if size <= MemoryBudget.alwaysGranted {
            adjustBudget(more)
        } else {
            guard budget._withUnsafeGuaranteedRef({ $0.take(more, for: need) }) else { return false }
        }
        guard let grown = malloc(size) else {
            adjustBudget(-more)
            return false
        }
        if let base, used > 0 { memcpy(grown, base, Int(used)) }
        free(base)
        base = grown
        capacity = Int32(size)
        return true
    }

    private func adjustBudget(_ bytes: Int) { budget._withUnsafeGuaranteedRef { $0.adjust(bytes) } }
}
