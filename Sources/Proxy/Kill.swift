import Cluster
import MySQLWire
import Routing

/// KILL. The greeting's connection id is the session's (a node's thread id changes with every move, and two nodes use
/// the same ones), and that is the id which `mariadb` sends on Ctrl-C and drivers on cancel. Ids from
/// ``FleetState/firstSessionID`` on are sessions; smaller ones, as the process list shows them, are a node's threads.
extension Worker {
    /// The text to send in place of a `KILL [HARD|SOFT] [CONNECTION|QUERY] id` that names a session.
    enum KillTranslation {
        /// Not such a statement: sent as it is.
        case none
        case text([UInt8])
        /// No such session, or it has no thread now.
        case unknown(UInt32)
    }

    func translateKill(_ sql: UnsafeRawBufferPointer) -> KillTranslation {
        guard sql.count < 128 else { return .none }
        let words = String(decoding: sql, as: UTF8.self).split { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == ";" }
        guard words.count >= 2, words.count <= 4, words[0].lowercased() == "kill",
            words[1..<(words.count - 1)].allSatisfy({
                ["hard", "soft", "connection", "query"].contains($0.lowercased())
            }),
            let id = UInt32(words[words.count - 1]), id >= FleetState.firstSessionID
        else { return .none }
        guard let thread = fleet.thread(of: id) else { return .unknown(id) }
        return .text(Array((words.dropLast() + ["\(thread)"]).joined(separator: " ").utf8))
    }

    /// Answers, or rewrites and goes on with, a KILL. True when the statement is dealt with.
    func killed(_ s: SessionRef, _ sql: UnsafeRawBufferPointer) -> Bool {
        switch translateKill(sql) {
        case .none: return false
        case .unknown(let id):
            answerOwn(s, ErrorPacket(code: 1094, sqlState: "HY000", message: "Unknown thread id: \(id)"))
            return true
        case .text(let text):
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
