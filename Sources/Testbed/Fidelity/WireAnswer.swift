import Foundation

/// Everything that a server says to one command.
public struct WireAnswer: Sendable, Hashable {
    public var packets: [WirePacket]
    /// The connection ended (or nothing came in time) before the answer was whole.
    public var isCut: Bool

    public init(packets: [WirePacket] = [], isCut: Bool = false) {
        self.packets = packets
        self.isCut = isCut
    }

    /// The shape of an answer, which the command decides.
    public enum Shape: Sendable {
        case nothing
        case onePacket
        case result
        /// The same, whose rows may stay with a cursor that was asked for.
        case cursor
        case prepared
        /// Rows without columns before them.
        case rows
        /// Columns, and an end.
        case columns
    }

    /// The error at its end.
    public var error: (code: Int, state: String, message: String)? {
        guard let last = packets.last, let code = last.errorCode, last.payload.count >= 9 else { return nil }
        return (
            code, String(decoding: last.payload[4..<9], as: UTF8.self),
            String(decoding: last.payload[9...], as: UTF8.self)
        )
    }

    /// With the statement's id, which is the node's or the proxy's own, left out of a prepared statement's OK.
    var withoutID: WireAnswer {
        guard let first = packets.first, first.isOK, first.payload.count >= 5 else { return self }
        var answer = self
        var payload = first.payload
        for index in 1...4 { payload[index] = 0 }
        answer.packets[0] = WirePacket(sequence: first.sequence, payload: payload)
        return answer
    }

    /// Of a prepared statement's OK.
    var statementID: UInt32? {
        guard let first = packets.first, first.isOK, first.payload.count >= 12 else { return nil }
        return first.payload[1...4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}

extension WireSession {
    /// Reads the answer to a command that has been sent.
    func answer(_ shape: WireAnswer.Shape, flags: Wire.Flags, _ timeout: Duration) -> WireAnswer {
        var reader = AnswerReader(deprecateEOF: flags.contains(.deprecateEOF))
        let isWhole = reader.read(shape) { self.receive(timeout) }
        return WireAnswer(packets: reader.packets, isCut: !isWhole)
    }
}

/// Knows where an answer ends.
struct AnswerReader {
    let deprecateEOF: Bool
    private(set) var packets: [WirePacket] = []

    init(deprecateEOF: Bool) { self.deprecateEOF = deprecateEOF }

    /// False where the packets end before the answer does.
    mutating func read(_ shape: WireAnswer.Shape, _ receive: () -> WirePacket?) -> Bool {
        func next() -> WirePacket? {
            guard let packet = receive() else { return nil }
            packets.append(packet)
            return packet
        }
        switch shape {
        case .nothing:
            return true
        case .onePacket:
            return next() != nil
        case .rows, .columns:
            while let packet = next() { if packet.isError || Self.isEnd(packet) { return true } }
            return false
        case .prepared:
            guard let first = next() else { return false }
            guard first.isOK, first.payload.count >= 9 else { return true }
            for low in [7, 5] {
                let count = Int(first.payload[low]) | Int(first.payload[low + 1]) << 8
                guard count > 0 else { continue }
                for _ in 0..<(count + (deprecateEOF ? 0 : 1)) where next() == nil { return false }
            }
            return true
        case .result, .cursor:
            while true {
                guard let first = next() else { return false }
                if first.isError { return true }
                if first.isOK {
                    guard Self.status(ofOK: first.payload) & Self.moreResults != 0 else { return true }
                    continue
                }
                let columns = Int(first.payload.first ?? 0)
                for _ in 0..<columns where next() == nil { return false }
                if !deprecateEOF {
                    guard let end = next() else { return false }
                    if end.isError { return true }
                    // A procedure says that it has a cursor of its own, and sends its rows; behind its results there is
                    // always one more.
                    let status = Self.status(ofEnd: end.payload, deprecateEOF)
                    if shape == .cursor, status & Self.cursorExists != 0, status & Self.moreResults == 0 {
                        return true
                    }
                }
                var last: WirePacket?
                while last == nil {
                    guard let packet = next() else { return false }
                    if packet.isError { return true }
                    if Self.isEnd(packet) { last = packet }
                }
                if let last, Self.status(ofEnd: last.payload, deprecateEOF) & Self.moreResults == 0 { return true }
            }
        }
    }

    private static let moreResults: UInt16 = 8
    private static let cursorExists: UInt16 = 0x40

    /// A row that begins with 0xfe has a first value of 16 MiB and more.
    private static func isEnd(_ packet: WirePacket) -> Bool {
        packet.payload.first == 0xfe && packet.payload.count < 0xff_ffff
    }

    private static func status(ofEnd payload: [UInt8], _ deprecateEOF: Bool) -> UInt16 {
        if deprecateEOF { return status(ofOK: payload) }
        return payload.count >= 5 ? UInt16(payload[3]) | UInt16(payload[4]) << 8 : 0
    }

    private static func status(ofOK payload: [UInt8]) -> UInt16 {
        var index = 1
        for _ in 0..<2 {
            guard index < payload.count else { return 0 }
            index += [0xfc: 3, 0xfd: 4, 0xfe: 9][payload[index]] ?? 1
        }
        return index + 1 < payload.count ? UInt16(payload[index]) | UInt16(payload[index + 1]) << 8 : 0
    }
}
