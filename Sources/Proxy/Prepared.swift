import Cluster
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
    func usePrepared(_ s: SessionRef, _ command: Command, _ packet: UnsafeMutableRawBufferPointer) -> Bool {
        let clientID = UnsafeRawBufferPointer(packet).uint32(at: Self.idOffset)
        guard let i = s.pointee.prepared.index(of: clientID) else { return unknownPrepared(s, command, clientID) }
        s.pointee.statementID = s.pointee.prepared[i].clientID
        s.pointee.executesKill = s.pointee.prepared[i].isKill
        if s.pointee.prepared[i].failure != nil { return useFailed(s, i, command) }
        switch command {
        case .statementClose:
            let nodeID = s.pointee.prepared[i].nodeID
            budgetPrepared(s) { $0.remove(at: i) }
            guard s.pointee.backend == .attached else { return drop(s) }
            packet.set(nodeID, at: Self.idOffset)
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
            let hasLongData = s.pointee.prepared[i].hasLongData
            s.pointee.prepared[i].hasLongData = false
            s.pointee.prepared[i].hasCursor = false
            s.pointee.prepared[i].lostCursor = false
            // COM_STMT_BULK_EXECUTE has other flags here, and opens none.
            s.pointee.asksForCursor =
                command == .statementExecute && packet.count > Self.idOffset + 4
                && packet[Self.idOffset + 4] != 0
            captureTypes(s, i, command, UnsafeRawBufferPointer(packet))
            if s.pointee.prepared[i].change != nil {
                noteChange(s, i, command, UnsafeRawBufferPointer(packet), hasLongData: hasLongData)
            }
            if s.pointee.hasChange || schema.knowledge.hasLeaving {
                let statement = s.pointee.prepared[i]
                statement.text.withUnsafeBytes { notePrograms(s, $0, statement.dialect) }
            }
        }
        packet.set(s.pointee.prepared[i].nodeID, at: Self.idOffset)
        return true
    }

    /// The present node has refused to prepare it: the id that it had on another may be some other statement's there.
    private func useFailed(_ s: SessionRef, _ i: Int, _ command: Command) -> Bool {
        switch command {
        case .statementClose:
            budgetPrepared(s) { $0.remove(at: i) }
            return drop(s)
        case .statementSendLongData: return drop(s)
        case _:
            guard let failure = s.pointee.prepared[i].failure else { return true }
            noteFailed(s, failure)
            answer(s, failure)
            return false
        }
    }

    /// What the execution of a statement that is not plain will have changed when it succeeds.
    private func noteChange(
        _ s: SessionRef, _ i: Int, _ command: Command, _ packet: UnsafeRawBufferPointer, hasLongData: Bool
    ) {
        let statement = s.pointee.prepared[i]
        s.pointee.change = statement.change
        s.pointee.hasChange = true
        guard statement.isChangeOfParameters, command == .statementExecute, !hasLongData, s.pointee.clientSkip == 0,
            let values = CommandPacket.parameters(
                packet.part(from: Self.idOffset), count: statement.parameters, types: statement.types),
            let text = PreparedText.filled(statement.text, with: values, dialect: statement.dialect)
        else { return }
        let facts = text.withUnsafeBytes { StatementClassifier.classify($0, dialect: statement.dialect) }
        s.pointee.change = facts.change
        s.pointee.hasChange = facts.change != nil
    }

    /// Whether one more statement may be prepared, `length` bytes of its packet; where not, that has been answered.
    func mayPrepare(_ s: SessionRef, _ length: Int) -> Bool {
        let bytes = length <= SessionLimits.statementKeptMax ? PreparedStatement.overhead + length : 0
        guard s.pointee.prepared.all.count < SessionLimits.preparedMax,
            s.pointee.prepared.byteCount + bytes <= SessionLimits.preparedBytesMax, fleet.budget.hasRoom(for: bytes)
        else {
            fleet.budget.noteRefusal()
            answerOwn(s, .tooManyPrepared(s.pointee.prepared.all.count))
            return false
        }
        return true
    }

    /// Changes what is kept of prepared statements, and tells the budget of all sessions.
    func budgetPrepared(_ s: SessionRef, _ change: (inout PreparedStatements) -> Void) {
        let before = s.pointee.prepared.byteCount
        change(&s.pointee.prepared)
        fleet.budget.adjust(s.pointee.prepared.byteCount - before)
    }

    /// Nothing is to be sent for it, and no answer is due.
    private func drop(_ s: SessionRef) -> Bool {
        counters.answered.add()
        if s.pointee.clientSkip > 0 || s.pointee.clientContinues { s.pointee.frontend = .discarding }
        return false
    }

    private func fail(_ s: SessionRef, _ refusal: Refusal) {
        noteFailed(s, refusal.packet)
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
        _ command: Command, _ packet: UnsafeRawBufferPointer, parameters: Int
    ) -> (given: Bool, flag: Int, types: Int)? {
        guard parameters > 0 else { return nil }
        if command == .bulkExecute {
            guard packet.count >= Self.bulkHeadSize else { return nil }
            let flags = packet.byte(at: Self.bulkHeadSize - 2)
            return (flags & Self.bulkTypesFlag != 0, Self.bulkHeadSize - 2, Self.bulkHeadSize)
        }
        let flag = Self.executeHeadSize + (parameters + 7) / 8
        guard packet.count > flag else { return nil }
        return (packet.byte(at: flag) == 1, flag, flag + 1)
    }

    /// The values of the execution in `packet`; nil where they can't be told apart.
    func boundParameters(_ packet: UnsafeRawBufferPointer, _ statement: PreparedStatement) -> BoundParameters? {
        guard let place = typesPlace(.statementExecute, packet, parameters: statement.parameters),
            statement.types.count == 2 * statement.parameters
        else { return nil }
        let values = place.types + (place.given ? statement.types.count : 0)
        guard packet.count >= values else { return nil }
        return BoundParameters(
            types: statement.types, nulls: packet.part(Self.executeHeadSize..<place.flag),
            values: packet.part(from: values))
    }

    /// Remembers the types of an execution that gives them: a later one that does not relies on them, and a node
    /// that prepared the statement anew has not seen them.
    private func captureTypes(_ s: SessionRef, _ i: Int, _ command: Command, _ packet: UnsafeRawBufferPointer) {
        let parameters = s.pointee.prepared[i].parameters
        guard let place = typesPlace(command, packet, parameters: parameters), place.given else { return }
        let size = 2 * parameters
        guard packet.count >= place.types + size else {
            budgetPrepared(s) { $0.set(types: [], at: i) }
            return
        }
        let types = packet.part(place.types..<place.types + size)
        s.pointee.prepared[i].boundUnder = s.pointee.journal.characterSetChanges
        if s.pointee.prepared[i].types.count == size {
            s.pointee.prepared[i].types.withUnsafeMutableBytes { $0.copyMemory(from: types) }
        } else {
            budgetPrepared(s) { $0.set(types: [UInt8](types), at: i) }
        }
    }

    /// True when this execution can't go out as it is: the node has not seen the types that it relies on.
    func lacksTypes(_ s: SessionRef) -> Bool {
        guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return false }
        return !s.pointee.prepared[i].typesSent && s.pointee.prepared[i].parameters > 0
    }

    /// The execution of the statement prepared last that binds its types as they were bound before, and does no more: the
    /// server takes the types, and looks for values in vain (sql_prepare.cc: `set_parameters`). Nil where that was under
    /// another character set than the one under which it is prepared.
    func binding(_ statement: PreparedStatement) -> [UInt8]? {
        guard statement.parameters > 0, statement.types.count == 2 * statement.parameters,
            statement.boundUnder == statement.preparedUnder
        else { return nil }
        var payload = [UInt8](repeating: 0, count: Self.executeHeadSize - PacketHeader.size)
        payload[0] = Command.statementExecute.rawValue
        payload.replaceSubrange(1..<5, with: [0xff, 0xff, 0xff, 0xff])
        // One iteration.
        payload[6] = 1
        let nulls = [UInt8](repeating: 0, count: (statement.parameters + 7) / 8)
        return PacketWriter.packet(sequence: 0, payload: payload + nulls + [1] + statement.types)
    }

    /// Fits the kept command to the present node: its id for the statement, and the types if it has not seen them.
    /// False when the command has been answered here instead.
    func rewritePrepared(_ s: SessionRef) -> Bool {
        switch s.pointee.command {
        case .statementExecute, .bulkExecute, .statementFetch, .statementReset, .statementSendLongData: break
        case _: return true
        }
        guard s.pointee.statement.count >= Self.idOffset + 4,
            let i = s.pointee.prepared.index(of: s.pointee.statementID)
        else { return true }
        if let failure = s.pointee.prepared[i].failure, s.pointee.command != .statementSendLongData {
            noteFailed(s, failure)
            answer(s, failure)
            return false
        }
        s.pointee.statement.mutableBytes.set(s.pointee.prepared[i].nodeID, at: Self.idOffset)
        guard s.pointee.command == .statementExecute || s.pointee.command == .bulkExecute,
            !s.pointee.prepared[i].typesSent,
            let place = typesPlace(
                s.pointee.command, s.pointee.statement.bytes, parameters: s.pointee.prepared[i].parameters)
        else { return true }
        if !place.given {
            // Bound anew they would be read otherwise. Once: whoever goes on means the present character set.
            guard s.pointee.prepared[i].boundUnder == s.pointee.journal.characterSetChanges else {
                s.pointee.prepared[i].boundUnder = s.pointee.journal.characterSetChanges
                fail(s, .stateLost(.boundParameters))
                return false
            }
            guard insertTypes(s, s.pointee.prepared[i].types, place) else {
                let error = ErrorPacket(
                    code: 1615, sqlState: "HY000", message: "Prepared statement needs to be re-prepared")
                noteFailed(s, error)
                answer(s, error)
                return false
            }
        }
        s.pointee.prepared[i].typesSent = true
        return true
    }

    private func insertTypes(_ s: SessionRef, _ types: [UInt8], _ place: (given: Bool, flag: Int, types: Int)) -> Bool {
        let old = s.pointee.statement.bytes
        guard !types.isEmpty, old.count >= place.types else { return false }
        let length = PacketHeader(old).length + types.count
        guard length < PacketHeader.payloadMax else { return false }
        var packet = [UInt8](old.part(0..<place.types)) + types + old.part(from: place.types)
        if s.pointee.command == .bulkExecute {
            packet[place.flag] |= Self.bulkTypesFlag
        } else {
            packet[place.flag] = 1
        }
        return packet.withUnsafeMutableBytes {
            PacketHeader.write(length: length, sequence: 0, to: $0)
            return s.pointee.statement.assign(UnsafeRawBufferPointer($0))
        }
    }
}
