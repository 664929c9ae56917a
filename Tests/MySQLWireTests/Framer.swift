import MySQLWire

/// Cuts a stream that arrives in pieces into packets, as a proxy does: a packet goes to the tracker as soon as its
/// header and its first 64 bytes (or all, where it is at most 16 KiB) are there, and the rest runs past.
struct Framer {
    private var waiting: [UInt8] = []
    private var running = 0

    mutating func feed(_ piece: some Collection<UInt8>, to tracker: inout ResponseTracker) -> [Step] {
        var steps: [Step] = []
        waiting.append(contentsOf: piece)
        var at = 0
        defer { waiting.removeFirst(at) }
        while true {
            let past = min(running, waiting.count - at)
            at += past
            running -= past
            guard running == 0, waiting.count - at >= PacketHeader.size else { return steps }
            let length = waiting.withUnsafeBytes { PacketHeader($0, at: at).length }
            let needed = length <= 16 << 10 ? length : 64
            let start = at + PacketHeader.size
            guard waiting.count >= start + needed else { return steps }
            let step = waiting.withUnsafeBytes { bytes in
                let end = min(bytes.count, start + length)
                return tracker.packet(length: length, payload: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            }
            steps.append(step)
            running = PacketHeader.size + length
        }
    }
}

extension ResponseTracker {
    /// A whole packet.
    mutating func packet(_ payload: [UInt8]) -> Step {
        payload.withUnsafeBytes { packet(length: payload.count, payload: $0) }
    }

    /// A packet of which only the beginning is at hand.
    mutating func packet(length: Int, beginning: [UInt8]) -> Step {
        beginning.withUnsafeBytes { packet(length: length, payload: $0) }
    }
}
