import Cluster
import Reactor
import Routing

/// How much is said of single sessions.
public enum Verbosity: UInt8, Comparable, Sendable {
    case none
    /// Their beginnings, moves, waits, errors and ends.
    case sessions
    /// And every statement's kind, beginning and end.
    case statements

    public static func < (a: Verbosity, b: Verbosity) -> Bool { a.rawValue < b.rawValue }
}

/// One thing that happened to one session; never a statement's text or a value.
public struct SessionNote: Hashable, Sendable {
    public var session: UInt32
    /// `ip:port`
    public var client: String
    /// As the client gave it, 80 bytes at most; empty before it has.
    public var user: String
    /// The node's name; empty where it has none.
    public var node: String
    /// The connection's id there; 0 where it has none.
    public var thread: UInt32
    /// Of a single statement.
    public var isOfStatement: Bool
    /// A part of a sentence: `waits for a primary`.
    public var text: String
}

extension Worker {
    /// Costs a comparison where nobody wants to know.
    @inline(__always)
    func note(_ s: SessionRef, of level: Verbosity = .sessions, _ text: @autoclosure () -> String) {
        guard verbosity >= level else { return }
        tell(s, level, text())
    }

    private func tell(_ s: SessionRef, _ level: Verbosity, _ text: String) {
        let node = s.pointee.node.flatMap { nodes.indices.contains($0.rawValue) ? nodes[$0.rawValue].name : nil }
        fleet.onNote(
            SessionNote(
                session: s.pointee.id, client: s.pointee.peer.text, user: Self.printable(s.pointee.credentials.user),
                node: s.pointee.nodeFD >= 0 ? node ?? "" : "",
                thread: s.pointee.nodeFD >= 0 ? s.pointee.nodeThreadID : 0,
                isOfStatement: level == .statements, text: text))
    }
}

extension InFlight {
    var noteWords: String {
        switch self {
        case .idle: "idle"
        case .held: "with a statement that waits"
        case .partlySent: "with a statement that was being sent"
        case .loading: "in the middle of a LOAD DATA LOCAL"
        case .sent: "with a statement under way"
        case .answering: "with a part of an answer"
        }
    }
}

extension Verdict {
    var noteWords: String {
        switch self {
        case .moveSilently: "move, unseen"
        case .runAgain: "have its statement run (again) at the next primary"
        case .error: "be told an error, and go on"
        case .refuseNextStatement: "be told with its next statement"
        case .close: "be ended: it has had a part of a packet"
        }
    }
}
