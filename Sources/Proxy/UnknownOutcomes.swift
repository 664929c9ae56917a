import Cluster
import MySQLWire
import Reactor
import Routing

/// Outcomes that nobody knows are counted by themselves, and told one by one: somebody has to follow each up.
extension Worker {
    /// Before the statement is forgotten.
    func noteUnknown(_ s: SessionRef, _ inFlight: InFlight, _ cause: UnknownOutcome.Cause) {
        counters.unknown.add()
        let node = s.pointee.node.flatMap { nodes.indices.contains($0.rawValue) ? nodes[$0.rawValue].name : nil }
        fleet.onUnknown(
            UnknownOutcome(
                session: s.pointee.id, user: Self.printable(s.pointee.credentials.user),
                database: Self.printable(s.pointee.journal.database ?? []), client: s.pointee.peer.text,
                node: node ?? "",
                thread: s.pointee.nodeThreadID, statement: inFlight == .idle ? "transaction" : kind(s),
                inTransaction: s.pointee.inTransaction, began: s.pointee.startedAt, ended: MonotonicClock.now(),
                cause: cause))
    }

    /// On one line, whatever it is.
    static func printable(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes.prefix(80), as: UTF8.self)
        return String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }

    /// The kind of a statement that has just come, whole or in part.
    func verb(_ s: SessionRef, _ packet: UnsafeRawBufferPointer) -> String {
        guard s.pointee.command == .query else { return kind(s) }
        return StatementVerb.of(packet.part(from: min(packet.count, PacketHeader.size + 1)), dialect: dialect(s))
    }

    /// The kind of the statement under way.
    private func kind(_ s: SessionRef) -> String {
        switch s.pointee.command {
        case .query:
            guard s.pointee.statementKept else { return "of more than \(SessionLimits.statementKeptMax) bytes" }
            return StatementVerb.of(s.pointee.statementText, dialect: dialect(s))
        case .statementExecute, .bulkExecute:
            guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return "EXECUTE" }
            let statement = s.pointee.prepared[i]
            let verb = statement.text.withUnsafeBytes { StatementVerb.of($0, dialect: statement.dialect) }
            return verb + " (prepared)"
        case let command: return "\(command)"
        }
    }
}
