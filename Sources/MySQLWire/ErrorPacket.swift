/// The ERR packet. Before the client's capabilities are known (a refused connection) it has no SQLSTATE.
/// Source: MariaDB's sql/protocol.cc, net_send_error_packet.
public struct ErrorPacket: Error, Sendable, Hashable {
    public static let header: UInt8 = 0xFF
    /// The code that makes an ERR packet a progress report.
    public static let progressCode: UInt16 = 0xFFFF

    public var code: UInt16
    /// 5 characters; `HY000` where the packet has none.
    public var sqlState: String
    /// What is not UTF-8 is replaced.
    public var message: String

    public init(code: UInt16, sqlState: String, message: String) {
        self.code = code
        self.sqlState = sqlState
        self.message = message
    }

    public init(payload: UnsafeRawBufferPointer) throws(WireError) {
        var reader = PacketReader(payload)
        guard try reader.uint8("error: header") == ErrorPacket.header else { throw .malformed("error: header") }
        code = try reader.uint16("error: code")
        sqlState = "HY000"
        if code != ErrorPacket.progressCode, reader.peek == UInt8(ascii: "#"), reader.remaining >= 6 {
            try reader.skip(1, "error: marker")
            sqlState = String(wire: try reader.slice(5, "error: SQLSTATE"))
        }
        message = String(wire: reader.rest())
    }

    /// A progress report and not an error; see `ProgressReport`.
    public var isProgress: Bool { code == ErrorPacket.progressCode }

    /// `protocol41`: with the SQLSTATE, which is cut or padded to 5 characters.
    public func payload(protocol41: Bool = true) -> [UInt8] {
        var writer = PacketWriter(reserving: 16 + message.utf8.count)
        writer.uint8(ErrorPacket.header)
        writer.uint16(code)
        if protocol41, !isProgress {
            writer.uint8(UInt8(ascii: "#"))
            writer.raw((Array(sqlState.utf8) + Array("00000".utf8)).prefix(5))
        }
        writer.raw(message.utf8)
        return writer.bytes
    }
}

/// How far a long statement is, sent before its answer to clients with `Capabilities.progress`.
/// Source: MariaDB's sql/protocol.cc, net_send_progress_packet.
public struct ProgressReport: Sendable, Hashable {
    /// From 1.
    public var stage: UInt8
    public var stagesMax: UInt8
    /// Thousandths of a percent of this stage: 0 to 100,000.
    public var progress: UInt32
    public var info: [UInt8]

    public init(stage: UInt8, stagesMax: UInt8, progress: UInt32, info: [UInt8]) {
        self.stage = stage
        self.stagesMax = stagesMax
        self.progress = progress
        self.info = info
    }

    public init(payload: UnsafeRawBufferPointer) throws(WireError) {
        var reader = PacketReader(payload)
        guard try reader.uint8("progress: header") == ErrorPacket.header,
            try reader.uint16("progress: code") == ErrorPacket.progressCode
        else { throw .malformed("progress: header") }
        try reader.skip(1, "progress: number of strings")
        stage = try reader.uint8("progress: stage")
        stagesMax = try reader.uint8("progress: stages")
        progress = try reader.uint24("progress: progress")
        info = try reader.lengthEncodedArray("progress: info")
    }

    public func payload() -> [UInt8] {
        var writer = PacketWriter()
        writer.uint8(ErrorPacket.header)
        writer.uint16(ErrorPacket.progressCode)
        writer.uint8(1)
        writer.uint8(stage)
        writer.uint8(stagesMax)
        writer.uint24(progress)
        writer.lengthEncoded(info)
        return writer.bytes
    }
}
