import Cluster

/// One node's way between up and down: `rise` answers in a row up, `fall` failures in a row down.
struct NodeHealth: Sendable, Hashable {
    private enum State: Hashable {
        /// Not checked yet. Can transition to: up, down.
        case unchecked
        /// Can transition to: falling, down.
        case up
        /// Answers in a row so far. Can transition to: up, down.
        case rising(answers: Int)
        /// Failures in a row so far; zero while it is only suspected, or silent without that counting. Can
        /// transition to: up, down.
        case falling(failures: Int)
        /// Can transition to: up, rising.
        case down
    }

    private var state = State.unchecked
    private var rise = 1
    private var fall = 1

    init(rise: Int, fall: Int) { set(rise: rise, fall: fall) }

    /// Counts on with other limits; a state changes at the next check, not by this.
    mutating func set(rise: Int, fall: Int) {
        self.rise = max(1, rise)
        self.fall = max(1, fall)
    }

    /// What an event did to the published state.
    enum Change: Hashable {
        case none
        case changed(to: HealthState)
    }

    var published: HealthState {
        switch state {
        case .unchecked, .down: .down
        case .up: .up
        case .rising: .rising
        case .falling: .falling
        }
    }

    mutating func answered() -> Change {
        switch state {
        case .up: return .none
        case .unchecked, .falling: return enter(.up)
        case .down: return rise == 1 ? enter(.up) : enter(.rising(answers: 1))
        case .rising(let answers): return answers + 1 >= rise ? enter(.up) : enter(.rising(answers: answers + 1))
        }
    }

    mutating func failed() -> Change {
        switch state {
        case .down: return .none
        case .unchecked, .rising: return enter(.down)
        case .up: return fall == 1 ? enter(.down) : enter(.falling(failures: 1))
        case .falling(let failures):
            return failures + 1 >= fall ? enter(.down) : enter(.falling(failures: failures + 1))
        }
    }

    /// A check that came to nothing and does not count: the node is no longer known to be well.
    mutating func silent() -> Change {
        switch state {
        case .down, .falling: return .none
        case .unchecked, .rising: return enter(.down)
        case .up: return enter(.falling(failures: 0))
        }
    }

    /// Something other than a check speaks against the node. Counts as one failure, once, and never as the last.
    mutating func suspected() -> Change {
        switch state {
        case .unchecked, .down, .rising: return .none
        case .falling(failures: 0): return enter(.falling(failures: min(1, fall - 1)))
        case .falling: return .none
        case .up: return enter(.falling(failures: min(1, fall - 1)))
        }
    }

    mutating func declaredDown() -> Change {
        switch state {
        case .down: return .none
        case .unchecked, .up, .rising, .falling: return enter(.down)
        }
    }

    mutating func declaredUp() -> Change {
        switch state {
        case .up: return .none
        case .unchecked, .falling, .rising, .down: return enter(.up)
        }
    }

    private mutating func enter(_ next: State) -> Change {
        let before = published
        state = next
        return published == before ? .none : .changed(to: published)
    }
}
