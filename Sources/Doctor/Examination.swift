/// What came of looking at a cluster: findings in order of what they would save, and what could not be looked at.
public struct Examination: Sendable, Hashable {
    /// Something that was not read.
    public struct Omission: Sendable, Hashable {
        public var source: Source
        public var reason: String
        /// It should have been readable here.
        public var isFault: Bool
        /// The rules that could not be asked.
        public var rules: [Rule]
    }

    /// For monitoring, as plugins for Nagios have them.
    public enum Status: Int32, Sendable, Hashable {
        case sound = 0
        case warning = 1
        case critical = 2
        /// Nothing worse was found, and not everything could be looked at.
        case unknown = 3
    }

    public var findings: [Finding]
    public var omissions: [Omission]
    /// How many rules could be asked.
    public var asked: Int

    /// - Parameter rules: those to ask.
    public init(_ facts: Facts, rules: [Rule] = Rule.allCases) {
        var gaps: [Source: Gap] = [:]
        for source in Source.allCases { gaps[source] = source.gap(in: facts) }
        let asked = rules.filter { rule in rule.sources.allSatisfy { gaps[$0] == nil } }
        self.asked = asked.count
        findings = asked.flatMap { $0.findings(facts) }.sorted(by: Finding.isBefore)
        omissions = Source.allCases.compactMap { source in
            let hit = rules.filter { $0.sources.contains(source) }
            guard let gap = gaps[source], !hit.isEmpty else { return nil }
            return Omission(source: source, reason: gap.reason, isFault: gap.isFault, rules: hit)
        }
    }

    public var status: Status {
        switch findings.map(\.severity).max() {
        case .critical?: .critical
        case .warning?: .warning
        case .notice?, nil: omissions.contains(where: \.isFault) || asked == 0 ? .unknown : .sound
        }
    }
}
