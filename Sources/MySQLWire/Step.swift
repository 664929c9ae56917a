/// What one packet of a node means for the boundaries of an answer; see `ResponseTracker.packet`.
@frozen
public enum Step: Equatable, Sendable {
    /// Part of an answer, no boundary.
    case flows
    /// An OK packet (0x00, or 0xFE under `deprecateEOF`) ended a result; `more`: another result follows. It has the
    /// affected rows and the session's changes.
    case ok(more: Bool)
    /// A classic EOF ended a result; its status is in the tracker.
    case eof(more: Bool)
    /// An error ended the whole answer.
    case error
    /// The server asks for a file: the client's packets are data up to an empty one, then `fileSent()` is due, and
    /// then OK or an error comes.
    case localInfile
    /// The first packet of COM_STMT_PREPARE's answer; `more`: definitions follow, and `done` ends the answer.
    case prepared(statement: UInt32, columns: UInt16, parameters: UInt16, more: Bool)
    /// An answer ended by something else: COM_STATISTICS's text, the last definition (or its EOF) of a prepare.
    case done
    /// The node sent what cannot be an answer here. What follows cannot be understood either.
    case malformed
}
