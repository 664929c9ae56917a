import Foundation

/// Bytes that a thread of its own sends ahead, whether the peer reads them or not.
public final class Flood: Sendable {
    private let sent = Watched(0)
    private let ended = Watched<Bool?>(nil)
    private let total: Int

    /// Begins at once. `turn` makes the next bytes, nil at the end.
    public init(to connection: RawConnection, total: Int, _ turn: @escaping @Sendable (Int) -> [UInt8]?) {
        self.total = total
        let (sent, ended) = (self.sent, self.ended)
        Thread.detachNewThread {
            var number = 0
            while let bytes = turn(number) {
                guard connection.send(bytes) else { return ended.set(false) }
                sent.update { $0 += bytes.count }
                number += 1
            }
            ended.set(true)
        }
    }

    public convenience init(_ bytes: [UInt8], to connection: RawConnection) {
        let piece = 64 << 10
        self.init(to: connection, total: bytes.count) { number in
            let start = number * piece
            return start < bytes.count ? Array(bytes[start..<min(start + piece, bytes.count)]) : nil
        }
    }

    /// Bytes that the kernel has taken.
    public var count: Int { sent.value }

    /// Waits until all has been sent, or until the peer has let nothing through for that long. Bytes sent so far.
    public func waitUntilItStalls(quiet: Duration = .milliseconds(400)) -> Int {
        var last = sent.value
        while last < total, ended.value == nil, let more = sent.wait(quiet, until: { $0 != last }) { last = more }
        return sent.value
    }

    /// True when everything was sent; false when the peer has gone, or has not taken all in time.
    public func wait(_ timeout: Duration) -> Bool { (ended.wait(timeout) { $0 != nil } ?? nil) ?? false }
}
