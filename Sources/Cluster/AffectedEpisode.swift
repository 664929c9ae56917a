/// A stretch of trouble as one worker of the data plane saw it: from the first statement or login held or failed to the
/// first answer, and what follows within a second.
public struct AffectedEpisode: Sendable, Hashable {
    public var worker: Int
    /// Of that worker's, from 1.
    public var number: UInt32
    public var began: Instant
    /// Distinct sessions affected in it.
    public var users: Int
    /// How many of them an earlier episode of that worker's, by its number, was the last to affect.
    public var returning: [UInt32: Int]

    public init(worker: Int, number: UInt32, began: Instant, users: Int, returning: [UInt32: Int] = [:]) {
        self.worker = worker
        self.number = number
        self.began = began
        self.users = users
        self.returning = returning
    }
}
