import Cluster
import Foundation
import Health
import Testing

@testable import Doctor

/// The order of findings, what could not be read, and the words for both.
@Suite struct ExaminationTests {
    private var troubled: Facts {
        var facts = Facts.sound
        facts.variable("skip_name_resolve", "OFF")
        facts.operation("p_mysql", "monitor") { $0.interval = .seconds(20) }
        facts.ring { $0.token = .seconds(10) }
        facts.proxy { $0.ledger = nil }
        facts.state { $0.isInMaintenance = true }
        facts.variable("sync_binlog", "0")
        facts.drbd { $0.net["protocol"] = "A" }
        facts.ledger = .elsewhere("none")
        return facts
    }

    @Test func theDearestComesFirst() {
        let rules = Examination(troubled).findings.map(\.rule)
        #expect(
            rules == [
                .drbdProtocol, .syncBinlog, .unmanaged, .corosyncToken, .monitorInterval, .nameResolution, .ledger,
            ])
    }

    @Test func statusIsThatOfTheWorst() {
        #expect(Examination(troubled).status == .critical)
        #expect(Examination(troubled, rules: [.monitorInterval, .ledger]).status == .warning)
        #expect(Examination(troubled, rules: [.ledger]).status == .sound)
    }

    @Test func whatCouldNotBeReadIsSaid() {
        var facts = Facts.sound
        facts.configuration = .unread("cibadmin ended with 102")
        let examination = Examination(facts)
        #expect(examination.findings.isEmpty)
        #expect(examination.status == .unknown)
        #expect(examination.omissions.map(\.source) == [.configuration])
        #expect(examination.omissions[0].rules.contains(.fencing))
        #expect(examination.text().contains("COULD NOT BE READ: Pacemaker's configuration: cibadmin ended with 102"))
        // A critical finding is worse than a thing unknown.
        facts.variable("sync_binlog", "0")
        #expect(Examination(facts).status == .critical)
    }

    @Test func whatIsElsewhereIsNoFault() {
        var facts = Facts.sound
        facts.drbd = .elsewhere("drbdadm is not on this host")
        let examination = Examination(facts)
        #expect(examination.status == .sound)
        #expect(examination.text().contains("not looked at: DRBD's configuration: drbdadm is not on this host"))
        #expect(examination.text().contains("39 of 43 rules"))
    }

    /// Of each server a part: the tables may be hidden where the rest is seen.
    @Test func aPartOfOneServerIsMissing() {
        var facts = Facts.sound
        facts.server { $0.plainTables = .unread("no REFERENCES") }
        let examination = Examination(facts)
        #expect(examination.omissions.map(\.source) == [.tables])
        #expect(examination.omissions[0].reason == "cluster1: no REFERENCES")
    }

    /// Whatever numbers a cluster or a server tells.
    @Test(arguments: ["9223372036854775807", "-9223372036854775808", "99999999999999999999", "-1", "0", ""])
    func hostileNumbers(_ number: String) {
        var facts = Facts.sound
        for name in ["resource-stickiness", "migration-threshold", "failure-timeout"] { facts.meta(name, number) }
        facts.server { server in
            for name in server.variables.keys.sorted() where name != "read_only" { server.variables[name] = number }
        }
        facts.corosync = .known((try? CorosyncSettings(map: "totem.token = \(number)\n")) ?? CorosyncSettings())
        #expect(!Examination(facts).text().isEmpty)
    }

    @Test func nothingAtAllIsNoGoodNews() {
        let examination = Examination(Facts())
        #expect(examination.status == .unknown)
        #expect(examination.asked == 0)
        #expect(
            examination.omissions.count
                == Source.allCases.filter { ![.tables, .accounts, .privileges].contains($0) }.count)
    }

    @Test(arguments: [80, 100]) func linesFitTheirColumns(_ columns: Int) {
        for one in RuleTests.cases {
            var facts = Facts.sound
            one.change(&facts)
            facts.drbd = .unread("drbdadm ended with 10: " + String(repeating: "no such file ", count: 20))
            var isCommand = false
            for line in Examination(facts).text(columns: columns).split(separator: "\n") {
                // Commands are copied: they stay whole.
                isCommand = line.hasPrefix("  do ") || (isCommand && line.hasPrefix("          "))
                #expect(isCommand || line.count <= columns, "\(one): \(line)")
            }
        }
    }

    @Test func oneInTwentyIsLonger() {
        func percentile(_ count: Int) -> Instant.Span? {
            LedgerFacts(unplanned: (1...count).map { .seconds(Int64($0)) }.reversed()).percentile95
        }
        #expect(percentile(1) == .seconds(1))
        #expect(percentile(19) == .seconds(19))
        #expect(percentile(20) == .seconds(19))
        #expect(percentile(100) == .seconds(95))
        #expect(LedgerFacts(unplanned: []).percentile95 == nil)
    }

    /// docs/doctor.md has a row for each rule, in their order, and none besides.
    @Test func thePageHasEachRule() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/doctor.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.compactMap { row -> String? in
            let id = row.dropFirst(3).prefix { $0 != "`" }
            return row.split(separator: "|").count >= 3 ? String(id) : nil
        }
        #expect(rows == Rule.allCases.map(\.rawValue))
    }
}
