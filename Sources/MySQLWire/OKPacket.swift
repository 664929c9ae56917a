/// The OK packet; under `deprecateEOF` also the end of a result set, then with header 0xFE.
/// Source: MariaDB's sql/protocol.cc, net_send_ok. The info text is length-encoded there whatever was negotiated
/// (the documentation's "to the end of the packet" is not what servers send), and left out where it is empty and no
/// state follows.
public struct OKPacket: Sendable, Hashable {
    public var affectedRows: UInt64
    public var lastInsertID: UInt64
    public var status: StatusFlags
    public var warnings: UInt16
    /// For people: `Records: 2  Duplicates: 0  Warnings: 0`.
    public var info: [UInt8]
    public var changes: [SessionChange]

    public init(
        affectedRows: UInt64 = 0, lastInsertID: UInt64 = 0, status: StatusFlags = .autocommit, warnings: UInt16 = 0,
        info: [UInt8] = [], changes: [SessionChange] = []
    ) {
        self.affectedRows = affectedRows
        self.lastInsertID = lastInsertID
        self.status = status
        self.warnings = warnings
        self.info = info
        self.changes = changes
    }

    /// Header 0x00 or 0xFE. `capabilities` are those negotiated with the sender.
    public init(payload: UnsafeRawBufferPointer, capabilities: Capabilities) throws(WireError) {
        var reader = PacketReader(payload)
        let header = try reader.uint8("OK: header")
        guard header == 0x00 || header == 0xFE else { throw .malformed("OK: header") }
        affectedRows = try reader.lengthEncoded("OK: affected rows")
        lastInsertID = try reader.lengthEncoded("OK: last insert id")
        status = []
        warnings = 0
        info = []
        changes = []
        if capabilities.contains(.protocol41) {
            status = StatusFlags(rawValue: try reader.uint16("OK: status"))
            warnings = try reader.uint16("OK: warnings")
        } else if capabilities.contains(.transactions) {
            status = StatusFlags(rawValue: try reader.uint16("OK: status"))
        }
        guard !reader.isAtEnd else { return }
        guard capabilities.contains(.sessionTrack) else {
            info = OKPacket.untrackedInfo(&reader)
            return
        }
        info = try reader.lengthEncodedArray("OK: info")
        guard status.contains(.sessionStateChanged), !reader.isAtEnd else { return }
        var state = PacketReader(try reader.lengthEncodedSlice("OK: session state"))
        // In a schema whose character set has two or four bytes for every character (ucs2, utf16, utf32) the server keeps
        // the length's place with a zero of that many bytes, and writes it over the last one (Session_tracker::store).
        while state.isAtEnd, !reader.isAtEnd {
            state = PacketReader(try reader.lengthEncodedSlice("OK: session state"))
        }
        while !state.isAtEnd { try SessionChange.read(&state, into: &changes) }
    }

    /// Without session tracking the info is the rest; its length stands before it as servers write it, or not as
    /// the documentation has it.
    private static func untrackedInfo(_ reader: inout PacketReader) -> [UInt8] {
        var attempt = reader
        if let text = try? attempt.lengthEncodedArray("OK: info"), attempt.isAtEnd {
            reader = attempt
            return text
        }
        return reader.rest()
    }

    /// For a client with these capabilities: without `sessionTrack` the changes are left out. The flag
    /// `sessionStateChanged` is on exactly where changes are attached.
    public func payload(capabilities: Capabilities, header: UInt8 = 0) -> [UInt8] {
        var state = PacketWriter()
        if capabilities.contains(.sessionTrack) {
            for change in changes { change.write(to: &state) }
        }
        var flags = status
        if state.bytes.isEmpty { flags.remove(.sessionStateChanged) } else { flags.insert(.sessionStateChanged) }

        var writer = PacketWriter(reserving: 32 + info.count + state.bytes.count)
        writer.uint8(header)
        writer.lengthEncoded(affectedRows)
        writer.lengthEncoded(lastInsertID)
        if capabilities.contains(.protocol41) {
            writer.uint16(flags.rawValue)
            writer.uint16(warnings)
        } else if capabilities.contains(.transactions) {
            writer.uint16(flags.rawValue)
        }
        if !info.isEmpty || !state.bytes.isEmpty { writer.lengthEncoded(info) }
        if !state.bytes.isEmpty { writer.lengthEncoded(state.bytes) }
        return writer.bytes
    }
}
