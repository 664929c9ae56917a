/// Knows where the answer to a command ends, from the first bytes of each of the node's packets. A plain value of
/// 20 bytes; the common packet (a row) is decided inline by one byte and the length.
///
/// Sources: MariaDB's sql/protocol.cc (net_send_ok, net_send_eof, send_result_set_metadata), sql/sql_prepare.cc
/// (send_prep_stmt), sql/sql_cursor.cc; libmariadb's mariadb_lib.c and mariadb_stmt.c.
@frozen
public struct ResponseTracker: Sendable {
    @usableFromInline
    @frozen
    enum Phase: UInt8, Sendable {
        /// No answer is due. Can transition to: any first phase, by `begin`.
        case idle
        /// The first packet of a result. Can transition to: columns, columnsEnd, rows, file, first, idle.
        case first
        /// `remaining` column definitions. Can transition to: columnsEnd, rows, idle.
        case columns
        /// The classic EOF between columns and rows. Can transition to: rows, first, idle.
        case columnsEnd
        /// The first packet of COM_STMT_FETCH's rows. Can transition to: rows, idle.
        case fetching
        /// Rows up to EOF or OK. Can transition to: first, idle.
        case rows
        /// The client sends a file. Can transition to: first, by `fileSent`; idle.
        case file
        /// COM_STMT_PREPARE's first packet. Can transition to: parameters, preparedColumns, idle.
        case preparing
        /// `remaining` parameter definitions. Can transition to: parametersEnd, preparedColumns, idle.
        case parameters
        /// The classic EOF behind them. Can transition to: preparedColumns, idle.
        case parametersEnd
        /// `remaining` column definitions of a prepare. Can transition to: preparedColumnsEnd, idle.
        case preparedColumns
        /// The classic EOF behind them. Can transition to: idle.
        case preparedColumnsEnd
        /// COM_FIELD_LIST's definitions up to EOF or OK. Can transition to: idle.
        case fieldList
        /// COM_STATISTICS's text. Can transition to: idle.
        case text
        /// COM_CHANGE_USER's exchange up to OK. Can transition to: idle.
        case login
        /// Replication events up to EOF. Can transition to: idle.
        case events
        /// Not understood. Can transition to: any first phase, by `begin`.
        case broken
    }

    @usableFromInline var phase = Phase.idle
    /// The packet before this one had `payloadMax` bytes: this one continues it.
    @usableFromInline var continues = false
    var deprecateEOF = false
    var cacheMetadata = false
    /// The command asks for a cursor.
    var asksForCursor = false
    /// The command is one that can be answered by rows.
    var returnsRows = false
    /// A packet of the present answer was seen.
    public private(set) var begun = false
    /// Of the last OK or EOF packet seen; kept from one command to the next.
    public private(set) var status = StatusFlags()
    /// Column definitions still to come after a prepare's parameters.
    var columnsLater: UInt16 = 0
    var remaining: UInt32 = 0

    public init() {}

    /// Starts expecting the answer to a command. `capabilities` are those negotiated with the node, of which
    /// `deprecateEOF` and `cacheMetadata` matter. An unanswered command leaves the tracker idle.
    /// `asksForCursor`: a COM_STMT_EXECUTE with a cursor type other than 0.
    public mutating func begin(_ command: Command, capabilities: Capabilities, asksForCursor: Bool = false) {
        deprecateEOF = capabilities.contains(.deprecateEOF)
        cacheMetadata = capabilities.contains(.cacheMetadata)
        continues = false
        self.asksForCursor = asksForCursor && command == .statementExecute
        returnsRows = command == .query || command == .statementExecute || command == .bulkExecute
        begun = false
        columnsLater = 0
        remaining = 0
        switch command {
        case .quit, .statementClose, .statementSendLongData: phase = .idle
        case .statementPrepare: phase = .preparing
        case .statementFetch: phase = .fetching
        case .fieldList: phase = .fieldList
        case .statistics: phase = .text
        case .changeUser: phase = .login
        case .binlogDump, .binlogDumpGTID, .tableDump: phase = .events
        case .sleep, .initDB, .query, .createDB, .dropDB, .refresh, .shutdown, .processInfo, .connect, .processKill,
            .debug, .ping, .time, .delayedInsert, .connectOut, .registerSlave, .statementExecute, .bulkExecute,
            .statementReset, .setOption, .daemon, .resetConnection, .slaveWorker, .slaveIO, .slaveSQL, .multi:
            phase = .first
        }
    }

    /// No answer is due.
    @inlinable
    public var isIdle: Bool { phase == .idle }

    /// The last packet is continued by the next one: between the two nothing else may be said.
    public var isContinued: Bool { continues }

    /// The client's data for `localInfile` is through (its empty packet was sent to the node).
    public mutating func fileSent() {
        if phase == .file { phase = .first }
    }

    /// One call per packet of the node. `length` is the payload's length from the header; a packet of `payloadMax`
    /// bytes is continued by the next one, which flows. `payload` is what is at hand of it: the whole where
    /// `length` is at most 16 KiB, otherwise at least 64 bytes; more than `length` is not looked at.
    @inlinable
    public mutating func packet(length: Int, payload: UnsafeRawBufferPointer) -> Step {
        if phase == .rows, !continues, length < 0xFF_FFFF, length > 0, payload.count > 0, payload.byte(at: 0) < 0xFE {
            return .flows
        }
        return boundary(length: length, payload: payload)
    }

    @usableFromInline
    mutating func boundary(length: Int, payload: UnsafeRawBufferPointer) -> Step {
        if continues {
            continues = length >= PacketHeader.payloadMax
            return .flows
        }
        let bytes = payload.part(0..<max(0, min(payload.count, length)))
        let step = read(bytes, length: length)
        switch step {
        case .flows:
            continues = length >= PacketHeader.payloadMax
        case .error:
            phase = .idle
        case .malformed:
            phase = .broken
        case .ok, .eof, .localInfile, .prepared, .done:
            // A packet that ends something is short, whatever it says.
            if length >= PacketHeader.payloadMax {
                phase = .broken
                return .malformed
            }
        }
        begun = true
        return step
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer, length: Int) -> Step {
        guard let head = bytes.first else {
            guard phase == .text, length == 0 else { return .malformed }
            phase = .idle
            return .done
        }
        if head == 0xFF, phase != .broken { return failure(bytes, length: length) }

        switch phase {
        case .idle, .file, .broken:
            return .malformed
        case .first:
            return firstPacket(head, bytes, length: length)
        case .columns:
            switch countDefinition(head) {
            case .notOne: return .malformed
            case .more: return .flows
            case .last: return columnsDone()
            }
        case .columnsEnd:
            guard readEOF(head, bytes, length: length) else { return .malformed }
            // The rows stay with a cursor that was asked for and could be opened. A procedure says that it has one of its
            // own, and sends its rows; behind its results there is always one more.
            guard asksForCursor, status.contains(.cursorExists), !status.contains(.moreResults) else {
                phase = .rows
                return .flows
            }
            return .eof(more: endResult())
        case .fetching, .rows:
            if head == 0xFE, length < PacketHeader.payloadMax { return resultEnd(head, bytes, length: length) }
            phase = .rows
            return .flows
        case .preparing:
            return preparedPacket(head, bytes)
        case .parameters:
            switch countDefinition(head) {
            case .notOne: return .malformed
            case .more: return .flows
            case .last: return parametersDone()
            }
        case .parametersEnd:
            guard readEOF(head, bytes, length: length) else { return .malformed }
            return startPreparedColumns()
        case .preparedColumns:
            switch countDefinition(head) {
            case .notOne: return .malformed
            case .more: return .flows
            case .last:
                phase = deprecateEOF ? .idle : .preparedColumnsEnd
                return deprecateEOF ? .done : .flows
            }
        case .preparedColumnsEnd:
            // The packet before has room for 65,535 of them; a server sends all that there are.
            if head < 0xFB { return .flows }
            guard readEOF(head, bytes, length: length) else { return .malformed }
            phase = .idle
            return .done
        case .fieldList:
            if head == 0xFE { return resultEnd(head, bytes, length: length) }
            return head < 0xFB ? .flows : .malformed
        case .text:
            phase = .idle
            return .done
        case .login:
            // 0xFE switches the plugin and 0x01 goes before a plugin's bytes that could be taken for a header.
            guard head == 0x00 else { return .flows }
            guard readOK(bytes) else { return .malformed }
            return .ok(more: endResult())
        case .events:
            if head == 0xFE { return resultEnd(head, bytes, length: length) }
            return head == 0x00 ? .flows : .malformed
        }
    }

    private func failure(_ bytes: UnsafeRawBufferPointer, length: Int) -> Step {
        guard bytes.count >= 3, length < PacketHeader.payloadMax else { return .malformed }
        let isProgress = bytes.byte(at: 1) == 0xFF && bytes.byte(at: 2) == 0xFF
        guard isProgress else { return .error }
        return phase == .idle ? .malformed : .flows
    }

    private mutating func firstPacket(_ head: UInt8, _ bytes: UnsafeRawBufferPointer, length: Int) -> Step {
        switch head {
        case 0x00:
            guard readOK(bytes) else { return .malformed }
            return .ok(more: endResult())
        case 0xFE where returnsRows && length == 9 + (cacheMetadata ? 1 : 0):
            return columnCount(bytes, length: length)
        case 0xFE:
            return resultEnd(head, bytes, length: length)
        case 0xFB:
            phase = .file
            return .localInfile
        case _:
            return columnCount(bytes, length: length)
        }
    }

    /// The number of columns, a length-encoded integer of any size, and under `cacheMetadata` one byte that says
    /// whether their definitions follow.
    private mutating func columnCount(_ bytes: UnsafeRawBufferPointer, length: Int) -> Step {
        guard length <= bytes.count, let (count, size) = Self.lengthEncoded(bytes, at: 0), count > 0,
            count <= UInt64(UInt32.max), length == size + (cacheMetadata ? 1 : 0)
        else { return .malformed }
        if cacheMetadata, bytes.byte(at: size) == 0 { return columnsDone() }
        remaining = UInt32(count)
        phase = .columns
        return .flows
    }

    /// A length-encoded integer and the bytes that it takes; nil where there is none, or not all of it.
    private static func lengthEncoded(_ bytes: UnsafeRawBufferPointer, at start: Int) -> (value: UInt64, size: Int)? {
        guard start < bytes.count else { return nil }
        let first = bytes.byte(at: start)
        let size: Int
        switch first {
        case 0..<0xFB: return (UInt64(first), 1)
        case 0xFC: size = 2
        case 0xFD: size = 3
        case 0xFE: size = 8
        case _: return nil
        }
        guard bytes.count - start > size else { return nil }
        var value: UInt64 = 0
        for i in 0..<size { value |= UInt64(bytes.byte(at: start + 1 + i)) << UInt64(8 * i) }
        return (value, 1 + size)
    }

    private mutating func preparedPacket(_ head: UInt8, _ bytes: UnsafeRawBufferPointer) -> Step {
        guard head == 0x00, bytes.count >= 9, let id = CommandPacket.statementID(bytes) else { return .malformed }
        let columns = bytes.uint16(at: 5)
        let parameters = bytes.uint16(at: 7)
        columnsLater = columns
        remaining = UInt32(parameters)
        if parameters > 0 { phase = .parameters } else { _ = startPreparedColumns() }
        return .prepared(statement: id, columns: columns, parameters: parameters, more: phase != .idle)
    }

    private enum Counted { case notOne, more, last }

    /// Counts one definition. It starts with the length of the catalog's name, so never with a byte above 0xFA.
    private mutating func countDefinition(_ head: UInt8) -> Counted {
        guard head < 0xFB else { return .notOne }
        if remaining > 1 {
            remaining -= 1
            return .more
        }
        remaining = 0
        return .last
    }

    private mutating func columnsDone() -> Step {
        phase = deprecateEOF ? .rows : .columnsEnd
        return .flows
    }

    private mutating func parametersDone() -> Step {
        guard deprecateEOF else {
            phase = .parametersEnd
            return .flows
        }
        return startPreparedColumns()
    }

    /// `done` where there are none.
    private mutating func startPreparedColumns() -> Step {
        remaining = UInt32(columnsLater)
        phase = remaining > 0 ? .preparedColumns : .idle
        return remaining > 0 ? .flows : .done
    }

    /// A packet with 0xFE where a result may end: an OK packet under `deprecateEOF`, else a classic EOF. The end of a
    /// binlog dump is a classic EOF in either case; it is shorter than any OK.
    private mutating func resultEnd(_ head: UInt8, _ bytes: UnsafeRawBufferPointer, length: Int) -> Step {
        if deprecateEOF, length >= 7 {
            guard readOK(bytes) else { return .malformed }
            return .ok(more: endResult())
        }
        guard readEOF(head, bytes, length: length) else { return .malformed }
        return .eof(more: endResult())
    }

    /// Whether another result follows the one that ended with `status`.
    private mutating func endResult() -> Bool {
        let more = status.contains(.moreResults) && phase != .login && phase != .events
        phase = more ? .first : .idle
        return more
    }

    /// Reads the status behind two length-encoded integers; false where that or the warnings are missing.
    private mutating func readOK(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var at = 1
        for _ in 0..<2 {
            guard let (_, size) = Self.lengthEncoded(bytes, at: at) else { return false }
            at += size
        }
        guard at + 4 <= bytes.count else { return false }
        status = StatusFlags(rawValue: bytes.uint16(at: at))
        return true
    }

    private mutating func readEOF(_ head: UInt8, _ bytes: UnsafeRawBufferPointer, length: Int) -> Bool {
        guard head == 0xFE, length < 9, bytes.count >= 5 else { return false }
        status = StatusFlags(rawValue: bytes.uint16(at: 3))
        return true
    }
}
