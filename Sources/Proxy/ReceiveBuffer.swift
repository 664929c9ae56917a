import Glibc
import MySQLWire
import Reactor

/// The one buffer into which a worker receives, for all of its sessions. Its memory is this type's alone: everybody else
/// gets checked parts of it, which are valid until the next event.
///
/// 64 KiB was the best of 16, 64 and 256 KiB for large results, and no slower for small ones.
struct ReceiveBuffer: ~Copyable {
    static let size = 64 * 1024

    /// What a `recv` came to.
    enum Received {
        case bytes(Int)
        case nothing
        case ended
        case failed
    }

    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: ReceiveBuffer.size, alignment: 64)

    deinit { memory.deallocate() }

    /// Receives behind the first `offset` bytes, as much as there is room for. Without any room: `failed`.
    @inline(__always)
    func receive(_ descriptor: Int32, at offset: Int) -> Received {
        let room = ReceiveBuffer.size - offset
        guard offset >= 0, room > 0, let base = memory.baseAddress else { return .failed }
        while true {
            let n = recv(descriptor, base + offset, room, 0)
            if n > 0 { return .bytes(n) }
            if n == 0 { return .ended }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .nothing
            case _: return .failed
            }
        }
    }

    /// Puts what was carried over to the beginning; what was carried stays where it is.
    ///
    /// - Returns: how many bytes, nil where they have no room.
    @inline(__always)
    func load(_ carried: borrowing ByteBuffer) -> Int? {
        let bytes = carried.bytes
        guard bytes.count <= ReceiveBuffer.size else { return nil }
        if bytes.count > 0 { memory.copyMemory(from: bytes) }
        return bytes.count
    }

    @inline(__always)
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory).part(range) }

    /// To be written to in place.
    @inline(__always)
    func mutablePart(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(mutating: part(range))
    }

    /// The packet header at `offset`.
    @inline(__always)
    func header(at offset: Int) -> PacketHeader { PacketHeader(UnsafeRawBufferPointer(memory), at: offset) }
}
