extension Examination {
    /// For people, in lines of at most `columns`; a command is one line however long, so that it can be copied.
    public func text(columns: Int = 100) -> String {
        var lines: [String] = []
        for finding in findings {
            lines.append("\(finding.severity.word.uppercased())  \(finding.rule.rawValue)  (\(finding.subject))")
            lines += Self.paragraph("saves", finding.saves, columns)
            lines += Self.paragraph("seen", finding.evidence, columns)
            for (index, line) in finding.remedy.enumerated() {
                lines.append((index == 0 ? "  do      " : "          ") + line)
            }
            lines.append("")
        }
        for omission in omissions {
            let rules = omission.rules.map(\.rawValue).joined(separator: ", ")
            lines += Self.paragraph(
                "",
                "\(omission.isFault ? "COULD NOT BE READ" : "not looked at"): \(omission.source.rawValue): \(omission.reason)",
                columns, indent: 0)
            lines += Self.paragraph("", "not judged: \(rules)", columns, indent: 2)
        }
        if !omissions.isEmpty { lines.append("") }
        lines.append(summary)
        return lines.joined(separator: "\n") + "\n"
    }

    /// `2 critical, 3 warnings, 1 notice; 30 of 42 rules could be judged`
    public var summary: String {
        func count(_ severity: Finding.Severity, _ one: String, _ many: String) -> String? {
            let number = findings.count { $0.severity == severity }
            return number == 0 ? nil : "\(number) \(number == 1 ? one : many)"
        }
        let parts = [
            count(.critical, "critical", "critical"), count(.warning, "warning", "warnings"),
            count(.notice, "notice", "notices"),
        ].compactMap { $0 }
        let found = parts.isEmpty ? "nothing to change" : parts.joined(separator: ", ")
        let missed = Set(omissions.flatMap(\.rules)).count
        return "\(found); \(asked) of \(asked + missed) rules could be judged"
    }

    /// A label, and words beside it that are broken between lines.
    private static func paragraph(_ label: String, _ text: String, _ columns: Int, indent: Int = 10) -> [String] {
        var lines: [String] = []
        let first = label.isEmpty ? String(repeating: " ", count: indent) : "  " + label.padded(to: 8)
        var line = first
        var isEmpty = true
        for word in text.split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > columns {
                lines.append(line)
                line = String(repeating: " ", count: indent == 0 ? 2 : indent)
                isEmpty = true
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        return lines + [line]
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
