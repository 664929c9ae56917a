import Cluster
import MySQLWire
import Routing

/// KILL. The greeting's connection id is the session's (a node's thread id changes with every move, and two nodes use
/// the same ones), and that is the id which `mariadb` sends on Ctrl-C and drivers on cancel. Ids from
/// ``FleetState/firstSessionID`` on are sessions; smaller ones, as the process list shows them, are a node's threads.
extension Worker {
    /// The text to send in place of one with KILL statements that name sessions.
    enum KillTranslation {
        /// Nothing of that: sent as it is.
        case none
        case text([UInt8])
        /// No such session, or it has no thread now.
        case unknown(UInt32)
    }

    /// - Parameter parameter: what a statement prepared as `KILL ?` is executed with.
    func translateKill(
        _ sql: UnsafeRawBufferPointer, dialect: Dialect, parameter: UInt64? = nil
    ) -> KillTranslation {
        guard KillStatement.isMentioned(in: sql) else { return .none }
        var text: [UInt8] = []
        var copied = 0
        for target in KillStatement.targets(in: sql, dialect: dialect) {
            let id: UInt64
            switch target.id {
            case .number(let number): id = number
            case .placeholder:
                guard let parameter else { continue }
                id = parameter
            }
            guard let id = UInt32(exactly: id), id >= FleetState.firstSessionID else { continue }
            guard let thread = fleet.thread(of: id) else { return .unknown(id) }
            text += sql.part(copied..<target.place.lowerBound) + Array("\(thread)".utf8)
            copied = target.place.upperBound
        }
        return copied == 0 ? .none : .text(text + sql.part(from: copied))
    }

    /// Answers, or rewrites and goes on with, a KILL. True when the statement is dealt with.
    func killed(_ s: SessionRef, _ sql: UnsafeRawBufferPointer) -> Bool {
        let dialect = dialect(s)
        switch s.pointee.change {
        case .executeName?, .unknown?, nil:
            // EXECUTE of one.
            if let text = KillStatement.executed(
                by: sql, dialect: dialect, prepared: { s.pointee.journal.preparedText($0) })
            {
                return text.withUnsafeBytes { kill(s, translateKill($0, dialect: dialect)) }
            }
        case _: break
        }
        return kill(s, translateKill(sql, dialect: dialect))
    }

    /// The same for one that was prepared: it goes out as a text, since it is only now known which thread it names.
    func killsPrepared(_ s: SessionRef, _ packet: UnsafeRawBufferPointer) -> Bool {
        guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return false }
        let statement = s.pointee.prepared[i]
        let parameter = statement.parameters == 1 ? boundParameters(packet, statement)?.onlyInteger : nil
        return statement.text.withUnsafeBytes {
            kill(s, translateKill($0, dialect: dialect(s), parameter: parameter))
        }
    }

    private func kill(_ s: SessionRef, _ translation: KillTranslation) -> Bool {
        switch translation {
        case .none: return false
        case .unknown(let id):
            answerOwn(s, ErrorPacket(code: 1094, sqlState: "HY000", message: "Unknown thread id: \(id)"))
            return true
        case .text(let text):
            s.pointee.command = .query
            let packet = PacketWriter.packet(sequence: 0, payload: [Command.query.rawValue] + text)
            guard packet.withUnsafeBytes({ s.pointee.statement.assign($0) }) else {
                answerOwn(s, .outOfMemory)
                return true
            }
            s.pointee.statementKept = true
            s.pointee.keepsStream = false
            s.pointee.frontend = .held
            if mayPass(s) { sendStatement(s) } else { attachOrHold(s) }
            return true
        }
    }

    /// COM_PROCESS_KILL: the same with the id as 4 bytes. False when it has been answered here.
    func translateProcessKill(_ s: SessionRef, _ packet: UnsafeMutableRawBufferPointer) -> Bool {
        guard packet.count >= 9 else { return true }
        let id = UnsafeRawBufferPointer(packet).uint32(at: PacketHeader.size + 1)
        guard id >= FleetState.firstSessionID else { return true }
        guard let thread = fleet.thread(of: id) else {
            answerOwn(s, ErrorPacket(code: 1094, sqlState: "HY000", message: "Unknown thread id: \(id)"))
            return false
        }
        packet.set(thread, at: PacketHeader.size + 1)
        return true
    }
}
