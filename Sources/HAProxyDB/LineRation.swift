import Cluster

/// Lets so many lines of a kind through in a time, and counts the rest for one line that sums them up. Pure.
struct LineRation {
    enum Answer: Equatable {
        case say
        /// Counted; the first of those that are: at that time they are to be summed up.
        case sumUp(at: Instant)
        case counted
    }

    let linesMax: Int
    let window: Instant.Span
    private var began: Instant?
    private var said = 0
    private var untold = 0

    init(linesMax: Int, window: Instant.Span) {
        self.linesMax = linesMax
        self.window = window
    }

    mutating func take(at now: Instant) -> Answer {
        if began.map({ now - $0 >= window }) ?? true, untold == 0 {
            began = now
            said = 0
        }
        if said < linesMax, untold == 0 {
            said += 1
            return .say
        }
        untold += 1
        return untold == 1 ? .sumUp(at: (began ?? now) + window) : .counted
    }

    /// The same where its time has come; nil before, and where nothing was counted.
    mutating func sumUpIfDue(at now: Instant) -> Int? {
        guard untold > 0, let began, now - began >= window else { return nil }
        return sumUp(at: now)
    }

    /// How many were counted; from now on lines are let through again.
    mutating func sumUp(at now: Instant) -> Int {
        defer {
            untold = 0
            said = 0
            began = now
        }
        return untold
    }
}
