/// What the cluster would do next, as `crm_simulate --simulate` prints it in words (all versions of Pacemaker): the
/// lines of its transition summary.
public struct TransitionSummary: Sendable, Hashable {
    public struct Step: Sendable, Hashable {
        /// `Promote`, `Demote`, `Move`, `Start`, `Stop`, `Restart`, `Recover`, `Leave`, …
        public var action: String
        /// As it stands there: an instance of a clone has its number behind a colon.
        public var resource: String

        public init(action: String, resource: String) {
            self.action = action
            self.resource = resource
        }
    }

    static let bytesMax = 4 * 1024 * 1024

    public var steps: [Step]

    public init(steps: [Step]) { self.steps = steps }

    /// - Throws: where there is no summary, as when the tool failed.
    public init(text: String) throws(FormatError) {
        guard text.utf8.count <= Self.bytesMax else {
            throw FormatError(.simulation, .tooMuch("bytes", max: Self.bytesMax))
        }
        var steps: [Step]?
        for line in lines(of: text) {
            let words = words(of: line)
            if words.count == 2, words[0] == "Transition", words[1] == "Summary:" {
                steps = []
                continue
            }
            guard steps != nil, words.count >= 3, words[0] == "*" else {
                // The next section.
                if steps != nil, let first = line.first, !first.isWhitespace { break }
                continue
            }
            steps?.append(Step(action: String(words[1]), resource: String(words[2])))
        }
        guard let steps else { throw FormatError(.simulation, .missing("the transition summary")) }
        self.steps = steps
    }

    /// Whether that resource, or an instance of it, would change its place or its role.
    public func touches(_ resource: String) -> Bool {
        steps.contains { step in
            step.action != "Leave" && (step.resource == resource || step.resource.hasPrefix(resource + ":"))
        }
    }
}
