import Cluster

/// A time without a primary, after there had been one.
public struct Outage: Sendable, Hashable {
    /// When the view without a primary was published.
    public var began: Instant
    /// When the next primary was published; nil while there is none.
    public var ended: Instant?
    public var from: NodeID
    public var to: NodeID?
    /// The generation that was lost, and the one that followed.
    public var lost: Generation
    public var gained: Generation?
    /// Why there was no primary, as far as was known last.
    public var diagnosis: Diagnosis?

    public func length(at now: Instant) -> Instant.Span { (ended ?? now) - began }
}

/// Learns from the published views when there was no primary. Pure: a value fed with views and times.
public struct OutageHistory: Sendable, Hashable {
    /// What a view has changed.
    public enum Change: Sendable, Hashable {
        case nothing
        /// The first primary since the start, so long after it.
        case firstPrimary(NodeID, Generation, after: Instant.Span)
        case began(Outage)
        case diagnosisChanged(Outage)
        case ended(Outage)
        /// From one primary to the next without a view in between.
        case switched(Outage)
    }

    private enum State: Hashable {
        /// No primary yet; what is not known to have been there is not lost. Can transition to: present.
        case unseen(since: Instant)
        /// Can transition to: present (another generation), absent.
        case present(NodeID, Generation)
        /// Can transition to: present.
        case absent(Outage)
    }

    private var state: State
    /// The last one that has ended.
    public private(set) var last: Outage?
    /// Those that have ended, the latest last; the oldest are forgotten.
    public private(set) var recent: [Outage] = []
    public static let recentMax = 100
    /// How many have begun.
    public private(set) var count = 0

    public init(at now: Instant) { state = .unseen(since: now) }

    /// The one that is going on.
    public var current: Outage? {
        if case .absent(let outage) = state { outage } else { nil }
    }

    public mutating func observe(_ view: ClusterView, at now: Instant) -> Change {
        switch (state, view.primary) {
        case (.unseen, nil):
            return .nothing
        case (.unseen(let since), let primary?):
            state = .present(primary, view.generation)
            return .firstPrimary(primary, view.generation, after: now - since)
        case (.present(let node, let generation), nil):
            let outage = Outage(
                began: now, ended: nil, from: node, to: nil, lost: generation, gained: nil, diagnosis: view.diagnosis)
            state = .absent(outage)
            count += 1
            return .began(outage)
        case (.present(let node, let generation), let primary?):
            guard generation != view.generation else { return .nothing }
            let outage = Outage(
                began: now, ended: now, from: node, to: primary, lost: generation, gained: view.generation,
                diagnosis: nil)
            state = .present(primary, view.generation)
            remember(outage)
            count += 1
            return .switched(outage)
        case (.absent(var outage), nil):
            guard outage.diagnosis != view.diagnosis else { return .nothing }
            outage.diagnosis = view.diagnosis
            state = .absent(outage)
            return .diagnosisChanged(outage)
        case (.absent(var outage), let primary?):
            outage.ended = now
            outage.to = primary
            outage.gained = view.generation
            state = .present(primary, view.generation)
            remember(outage)
            return .ended(outage)
        }
    }

    private mutating func remember(_ outage: Outage) {
        last = outage
        if recent.count == Self.recentMax { recent.removeFirst() }
        recent.append(outage)
    }
}
