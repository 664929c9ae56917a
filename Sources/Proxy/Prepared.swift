import Cluster
import Glibc
import MySQLWire
import Routing

/// Prepared statements: the client's ids stay what they are; the node's ids, and the types that a node has been told,
/// belong to one backend. Layouts: MariaDB Knowledge Base, COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE.
extension Worker {
    private static let idOffset = PacketHeader.size + 1
    /// command, statement id, flags, iteration count
    private static let executeHeadSize = PacketHeader.size + 1 + 4 + 1 + 4
    /// command, statement id, bulk flags
    private static let bulkHeadSize = PacketHeader.size + 1 + 4 + 2
    /// Bulk flag "types follow".
    private static let bulkTypesFlag: UInt8 = 0x80

    /// Looks at a command that names a prepared statement, and puts the node's id in place of the client's. False when
    /// it has been answered here, or needs no answer and goes nowhere.
    func usePrepared(
        _ s: SessionRef, _ command: Command, _ packet: UnsafeMutableRawPointer, _ length: Int
    ) -> Bool {
        let clientID = UInt32(littleEndian: packet.loadUnaligned(fromByteOffset: Self.idOffset, as: UInt32.self))
        guard let i = s.pointee.prepared.index(of: clientID) else { return unknownPrepared(s, command, clientID) }
        s.pointee.statementID = s.pointee.prepared[i].clientID
        switch command {
        case .statementClose:
            let nodeID = s.pointee.prepared[i].nodeID
            s.pointee.prepared.remove(at: i)
            guard s.pointee.backend == .attached else { return drop(s) }
            packet.storeBytes(of: nodeID.littleEndian, toByteOffset: Self.idOffset, as: UInt32.self)
            return true
        case .statementSendLongData:
            if s.pointee.prepared[i].lostLongData { return drop(s) }
            s.pointee.prepared[i].hasLongData = true
        case .statementReset:
            s.pointee.prepared[i].hasLongData = false
            s.pointee.prepared[i].lostLongData = false
            s.pointee.prepared[i].hasCursor = false
            s.pointee.prepared[i].lostCursor = false
        case .statementFetch:
            if s.pointee.prepared[i].lostCursor {
                fail(s, .stateLost(.openCursors))
                return false
            }
        case _:
            if s.pointee.prepared[i].lostLongData {
                s.pointee.prepared[i].lostLongData = false
                fail(s, .stateLost(.longData))
                return false
            }
            s.pointee.prepared[i].hasLongData = false
            s.pointee.prepared[i].hasCursor = false
            s.pointee.prepared[i].lostCursor = false
            captureTypes(s, i, command, packet, length)
        }
        packet.storeBytes(
            of: s.pointee.prepared[i].nodeID.littleEndian, toByteOffset: Self.idOffset, as: UInt32.self)
        return true
    }

    /// Nothing is to be sent for it, and no answer is due.
    private func drop(_ s: SessionRef) -> Bool {
        counters.answered.add()
        if s.pointee.clientSkip > 0 || s.pointee.clientContinues { s.pointee.frontend = .discarding }
        return false
    }

    private func fail(_ s: SessionRef, _ refusal: Refusal) {
        noteFailed(s)
        answer(s, refusal.packet)
    }

    private func unknownPrepared(_ s: SessionRef, _ command: Command, _ id: UInt32) -> Bool {
        if command.isUnanswered { return drop(s) }
        counters.answered.add()
        let doing: String
        switch command {
        case .statementFetch: doing = "mysqld_stmt_fetch"
        case .statementReset: doing = "mysqld_stmt_reset"
        case _: doing = "mysqld_stmt_execute"
        }
        answer(
            s,
            ErrorPacket(
                code: 1243, sqlState: "HY000",
                message: "Unknown prepared statement handler (\(id)) given to \(doing)"))
        return false
    }

    // MARK: parameter types

    /// Where an execution says that types follow, and where they stand; nil where it has none.
    private func typesPlace(
        _ command: Command, _ packet: UnsafeRawPointer, _ length: Int, parameters: Int
    ) -> (given: Bool, flag: Int, types: Int)? {
        guard parameters > 0 else { return nil }
        if command == .bulkExecute {
            guard length >= Self.bulkHeadSize else { return nil }
            let flags = packet.load(fromByteOffset: Self.bulkHeadSize - 2, as: UInt8.self)
            return (flags & Self.bulkTypesFlag != 0, Self.bulkHeadSize - 2, Self.bulkHeadSize)
        }
        let flag = Self.executeHeadSize + (parameters + 7) / 8
        guard length > flag else { return nil }
        return (packet.load(fromByteOffset: flag, as: UInt8.self) == 1, flag, flag + 1)
    }

    /// Remembers the types of an execution that gives them: a later one that does not relies on them, and a node
    /// that prepared the statement anew has not seen them.
    private func captureTypes(
        _ s: SessionRef, _ i: Int, _ command: Command, _ packet: UnsafeRawPointer, _ length: Int
    ) {
        let parameters = s.pointee.prepared[i].parameters
        guard let place = typesPlace(command, packet, length, parameters: parameters), place.given else { return }
        let size = 2 * parameters
        guard length >= place.types + size else {
            s.pointee.prepared[i].types = []
            return
        }
        if s.pointee.prepared[i].types.count != size {
            s.pointee.prepared[i].types = [UInt8](repeating: 0, count: size)
        }
        s.pointee.prepared[i].types.withUnsafeMutableBytes { _ = memcpy($0.baseAddress!, packet + place.types, size) }
    }

    /// True when this execution can't go out as it is: the node has not seen the types that it relies on.
    func lacksTypes(_ s: SessionRef) -> Bool {
        guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return false }
        return !s.pointee.prepared[i].typesSent && s.pointee.prepared[i].parameters > 0
    }

    /// Fits the kept command to the present node: its id for the statement, and the types if it has not seen them.
    /// False when the command has been answered here instead.
    func rewritePrepared(_ s: SessionRef) -> Bool {
        switch s.pointee.command {
        case .statementExecute, .bulkExecute, .statementFetch, .statementReset, .statementSendLongData: break
        case _: return true
        }
        guard let base = s.pointee.statement.base,
            let i = s.pointee.prepared.index(of: s.pointee.statementID)
        else { return true }
        if let failure = s.pointee.prepared[i].failure, s.pointee.command != .statementSendLongData {
            noteFailed(s)
            answer(s, failure)
            return false
        }
        base.storeBytes(
            of: s.pointee.prepared[i].nodeID.littleEndian, toByteOffset: Self.idOffset, as: UInt32.self)
        guard s.pointee.command == .statementExecute || s.pointee.command == .bulkExecute,
            !s.pointee.prepared[i].typesSent,
            let place = typesPlace(
                s.pointee.command, base, s.pointee.statement.count, parameters: s.pointee.prepared[i].parameters)
        else { return true }
        if !place.given {
            guard insertTypes(s, s.pointee.prepared[i].types, place) else {
                noteFailed(s)
                answer(
                    s, ErrorPacket(code: 1615, sqlState: "HY000", message: "Prepared statement needs to be re-prepared")
                )
                return false
            }
        }
        s.pointee.prepared[i].typesSent = true
        return true
    }

    private func insertTypes(_ s: SessionRef, _ types: [UInt8], _ place: (given: Bool, flag: Int, types: Int)) -> Bool {
        let old = s.pointee.statement.bytes
        guard !types.isEmpty, old.count >= place.types else { return false }
        let length = PacketHeader.length(at: old.baseAddress!) + types.count
        guard length < PacketHeader.payloadMax else { return false }
        var packet = [UInt8](old[..<place.types]) + types + old[place.types...]
        if s.pointee.command == .bulkExecute {
            packet[place.flag] |= Self.bulkTypesFlag
        } else {
            packet[place.flag] = 1
        }
        packet.withUnsafeMutableBytes {
            PacketHeader.write(length: length, sequence: 0, to: $0.baseAddress!)
            s.pointee.statement.assign($0.baseAddress!, $0.count)
        }
        return true
    }
}
