import Cluster
import ClusterFormats
import Foundation
import Health
import Testing

@testable import Doctor

/// Configurations of real clusters, as their tools printed them.
@Suite struct RecordedClusterTests {
    private func bytes(_ path: String) throws -> [UInt8] {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return [UInt8](try Data(contentsOf: tests.appending(path: "ClusterFormatsTests/Fixtures/\(path)")))
    }

    private func rules(_ facts: Facts) -> [String] {
        Examination(facts).findings.map { "\($0.rule.rawValue) \($0.subject)" }
    }

    /// The cluster in namespaces: quick checks, no fencing.
    @Test func namespaces() throws {
        var facts = Facts()
        facts.configuration = .known(try ClusterConfiguration(xml: bytes("pacemaker/cib-normal.xml")))
        facts.cluster = .known(try PacemakerView(xml: bytes("pacemaker/crm_mon-normal.xml")))
        #expect(rules(facts) == ["fencing cluster", "quorum-policy cluster"])
    }

    @Test func afterAFailureTheNodeIsBarred() throws {
        var facts = Facts()
        facts.cluster = .known(try PacemakerView(xml: bytes("pacemaker/crm_mon-failed-recovered.xml")))
        #expect(rules(facts) == ["barred-node p_mysql on node1"])
        facts.cluster = .known(try PacemakerView(xml: bytes("pacemaker/crm_mon-maintenance.xml")))
        #expect(rules(facts) == ["unmanaged cluster"])
        facts.cluster = .known(try PacemakerView(xml: bytes("pacemaker/crm_mon-standby.xml")))
        #expect(rules(facts) == ["standby-missing node2"])
    }

    /// The two virtual machines: a monitor every 20 s, a token of 5 s, no stickiness, a preferred node.
    @Test func virtualMachines() throws {
        var facts = Facts()
        facts.configuration = .known(try ClusterConfiguration(xml: bytes("configured/cib-vm.xml")))
        facts.corosync = .known(
            try CorosyncSettings(file: String(decoding: bytes("configured/corosync.conf"), as: UTF8.self)))
        facts.drbd = .known(try DRBDConfiguration(xml: bytes("configured/drbd-dump-vm.xml")))
        facts.drbdState = .known(
            try DRBDStatus.resources(
                in: String(
                    decoding: bytes("drbd-8.4-real/01-normal/cluster1/drbdsetup-status-verbose.txt"), as: UTF8.self)))
        #expect(
            rules(facts) == [
                "fencing cluster", "drbd-fencing mysql", "quorum-policy cluster", "wait-for-all corosync",
                "corosync-links corosync", "stickiness g_mysql", "monitor-interval p_mysql", "corosync-token corosync",
            ])
        let found = Examination(facts).findings
        let interval = try #require(found.first { $0.rule == .monitorInterval })
        #expect(interval.saving == .time(.seconds(9)))
        #expect(interval.remedy == ["crm configure set p_mysql.monitor.interval 2s"])
        let stickiness = try #require(found.first { $0.rule == .stickiness })
        #expect(stickiness.evidence.contains("l_prefer_cluster1 prefers cluster1 by 100"))
    }

    /// After a split brain, on the side that waits.
    @Test func standAlone() throws {
        var facts = Facts()
        facts.drbdState = .known(
            try DRBDStatus.resources(
                in: String(
                    decoding: bytes(
                        "drbd-8.4-real/09-splitbrain-detected-standalone/cluster1/drbdsetup-status-verbose.txt"),
                    as: UTF8.self)))
        #expect(rules(facts) == ["drbd-state mysql"])
        #expect(Examination(facts).findings[0].remedy[0].hasPrefix("drbdadm connect mysql"))
    }

    @Test func fencedDRBD() throws {
        var facts = Facts()
        facts.drbd = .known(try DRBDConfiguration(xml: bytes("configured/drbd-dump-fenced.xml")))
        #expect(rules(facts) == [])
    }

    @Test func advice() throws {
        let configuration = try ClusterConfiguration(xml: bytes("configured/cib-vm.xml"))
        let drbd = try #require(configuration.replications.first)
        let promoted = try #require(drbd.monitors("Promoted").first)
        // With several of a name crmsh wants the interval, as the operation's id has it.
        #expect(
            ClusterLines(shell: .crmsh).set(drbd, promoted, "interval", .seconds(10))
                == "crm configure set p_drbd_mysql.monitor.29.interval 10s")
        #expect(
            ClusterLines(shell: .pcs).set(drbd, promoted, "timeout", .seconds(10))
                == "pcs resource update p_drbd_mysql op monitor interval=29s timeout=10s role=Promoted")
    }
}
