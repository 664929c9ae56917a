import Cluster

/// What is not as it should be, for the log: when it begins, again as long as it lasts, and when it is over. Pure.
struct CautionVoice {
    enum Line: Equatable {
        case caution(Diagnosis, lasted: Instant.Span?)
        case over(Diagnosis, lasted: Instant.Span)
    }

    static let interval = Instant.Span.seconds(600)

    private var present: [(caution: Diagnosis, began: Instant, saidAt: Instant)] = []

    /// Once a second, and whenever it may have changed.
    mutating func observe(_ cautions: [Diagnosis], at now: Instant) -> [Line] {
        var lines: [Line] = []
        present.removeAll { each in
            guard !cautions.contains(each.caution) else { return false }
            lines.append(.over(each.caution, lasted: now - each.began))
            return true
        }
        for caution in cautions {
            guard let i = present.firstIndex(where: { $0.caution == caution }) else {
                present.append((caution, now, now))
                lines.append(.caution(caution, lasted: nil))
                continue
            }
            guard now - present[i].saidAt >= Self.interval else { continue }
            present[i].saidAt = now
            lines.append(.caution(caution, lasted: now - present[i].began))
        }
        return lines
    }
}
