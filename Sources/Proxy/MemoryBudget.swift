import Synchronization

/// What all sessions together may have kept for them: statements that are held or in flight, bytes that a peer has not
/// taken or not completed, the texts of prepared statements, session state. One for all workers.
///
/// Two marks: what a session can do without (a copy of its statement, one more prepared statement) ends at three
/// quarters of it, so that bytes on their way find room when somebody else has used up the rest.
final class MemoryBudget: Sendable {
    /// Up to this size a buffer is always granted: `connections_max` bounds how many there are.
    static let alwaysGranted = 512

    let bytesMax: Int
    private let kept = Atomic<Int>(0)
    private let refusals = Atomic<UInt64>(0)

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// Present value, bytes.
    var bytesKept: Int { kept.load(ordering: .relaxed) }
    /// How often something was not kept, or a session ended, for want of room.
    var refused: UInt64 { refusals.load(ordering: .relaxed) }

    enum Need {
        /// Bytes on their way: without room the session ends.
        case transit
        /// A copy that makes something better.
        case copy
    }

    /// Takes `bytes` more, or says that there is no room.
    func take(_ bytes: Int, for need: Need) -> Bool {
        let limit = need == .transit ? bytesMax : bytesMax / 4 * 3
        guard bytesKept + bytes <= limit else {
            refusals.wrappingAdd(1, ordering: .relaxed)
            return false
        }
        kept.wrappingAdd(bytes, ordering: .relaxed)
        return true
    }

    /// What was asked before, or is too small to ask for; negative gives back.
    func adjust(_ bytes: Int) { kept.wrappingAdd(bytes, ordering: .relaxed) }

    func hasRoom(for bytes: Int) -> Bool { bytesKept + bytes <= bytesMax / 4 * 3 }

    /// So little is left that whoever has kept bytes the longest should go.
    var isShort: Bool { bytesKept > bytesMax / 8 * 7 }

    func noteRefusal() { refusals.wrappingAdd(1, ordering: .relaxed) }
}
