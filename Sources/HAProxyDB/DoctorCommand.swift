import ArgumentParser
import Doctor
import Foundation
import Reactor

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks at cluster, servers, host and proxy, and says what should be changed, the dearest first.",
        discussion: """
            On a database node or beside the proxy; it changes nothing. As root, or as who may ask Pacemaker (group \
            haclient) and read the configuration. Ends as monitoring wants it: 0 nothing worse than notices, 1 warnings, \
            2 critical, 3 something could not be read (and nothing worse was found). The rules: docs/doctor.md.
            """)

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The proxy's configuration; without it \(DoctorVisit.configurationDefault), if that is there.",
            valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Only these rules: ids with commas between them.", valueName: "ids"))
    var only: String?

    @Flag(help: "Everything as JSON, for programs.")
    var json = false

    @Option(help: "The width of lines.")
    var columns = 100

    func run() throws {
        let rules = try chosen()
        let facts: Facts
        do throws(SystemError) {
            facts = try DoctorVisit(configuration: config).facts()
        } catch {
            complain("can't look: \(error)")
            throw ExitCode(Examination.Status.unknown.rawValue)
        }
        let examination = Examination(facts, rules: rules)
        print(json ? try DoctorReport(examination).text : examination.text(columns: max(40, columns)), terminator: "")
        if examination.status != .sound { throw ExitCode(examination.status.rawValue) }
    }

    private func chosen() throws -> [Rule] {
        guard let only else { return Rule.allCases }
        let words = only.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        for word in words where Rule(rawValue: word) == nil {
            complain("--only: no rule \"\(word)\"; there are: \(Rule.allCases.map(\.rawValue).joined(separator: ", "))")
            throw ExitCode.configurationWrong
        }
        return Rule.allCases.filter { words.contains($0.rawValue) }
    }
}

/// An examination for programs; its keys are stable.
struct DoctorReport: Encodable {
    struct Found: Encodable {
        var id: String
        var severity: String
        var subject: String
        var saving: String
        /// What each failover would be shorter by, in seconds.
        var seconds: Double?
        var saves: String
        var evidence: String
        var remedy: [String]
    }

    struct Missed: Encodable {
        var source: String
        var reason: String
        var fault: Bool
        var rules: [String]
    }

    var status: Int32
    var summary: String
    var findings: [Found]
    var notRead: [Missed]

    enum CodingKeys: String, CodingKey {
        case status, summary, findings
        case notRead = "not_read"
    }

    init(_ examination: Examination) {
        status = examination.status.rawValue
        summary = examination.summary
        findings = examination.findings.map { finding in
            Found(
                id: finding.rule.rawValue, severity: finding.severity.word, subject: finding.subject,
                saving: finding.saving.word, seconds: finding.saving.length.map { Double($0.milliseconds) / 1000 },
                saves: finding.saves, evidence: finding.evidence, remedy: finding.remedy)
        }
        notRead = examination.omissions.map { omission in
            Missed(
                source: omission.source.rawValue, reason: omission.reason, fault: omission.isFault,
                rules: omission.rules.map(\.rawValue))
        }
    }

    var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
        }
    }
}
