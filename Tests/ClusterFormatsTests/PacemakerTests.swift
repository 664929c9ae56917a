import ClusterFormats
import Foundation
import Health
import Testing

/// What views of Pacemaker must not be misread for.
@Suite struct PacemakerTests {
    private let names = ResourceNames()

    private func view(_ name: String) throws -> PacemakerView {
        let fixture = try #require(Fixture.all.first { $0.path.hasSuffix(name) }, "\(name)")
        return try PacemakerView(xml: fixture.bytes)
    }

    @Test func aNormalCluster() throws {
        let view = try view("pacemaker/crm_mon-normal.xml")
        #expect(view.coordinator == "node2")
        #expect(view.version == "2.1.5-a3f44794f94")
        #expect(view.hasQuorum == true)
        #expect(view.isInMaintenance == false)
        #expect(view.isFencingEnabled == false)
        #expect(view.quorumPolicy == "ignore")
        #expect(view.nodes.map(\.name) == ["node1", "node2"])
        #expect(view.nodes[1].isCoordinator)
        #expect(view.nodes[0].attributes.contains(.init(name: "pingd", value: "1000")))
        #expect(view.resources.count == 7)
        #expect(view.resources[0].group == "g_mysql")
        #expect(view.resources[3].clone == "ms_drbd_mysql")
        #expect(view.resources[3].agent == "ocf:linbit:drbd")
        #expect(view.promoted(names) == .node("node2"))
        #expect(view.progress(names) == PromotionProgress(phase: .ready, node: "node2"))
        #expect(view.plannedMove(names) == nil)
    }

    @Test func aDeadNodeThatMustBeFencedIsNotPrimary() throws {
        let view = try view("crm_mon-unclean.xml")
        #expect(view.resources.contains { $0.role == .promoted && $0.nodes == ["node1"] })
        #expect(view.promoted(names) == .doubtful("node1", .unclean))
        #expect(view.progress(names) == PromotionProgress(phase: .fencing, node: nil))
    }

    @Test func twoPromotedAreASplitBrain() throws {
        let view = try view("09-splitbrain-detected-standalone/cluster1/crm_mon.xml")
        #expect(view.promoted(names) == .several(["cluster2", "cluster1"]))
        #expect(view.progress(names).phase == .lost)
    }

    @Test func maintenanceKeepsTheLastRoleAndNoMore() throws {
        #expect(try view("crm_mon-maintenance.xml").promoted(names) == .doubtful("node1", .unmanaged))
        // Of the other node: no doubt about this one.
        #expect(try view("crm_mon-node-maintenance.xml").promoted(names) == .node("node1"))
    }

    @Test func aPlannedMoveStepByStep() throws {
        var phases: [String] = []
        for step in 1...16 {
            let view = try view("crm_mon-moving-\(step < 10 ? "0" : "")\(step).xml")
            let progress = view.progress(names)
            let line = "\(progress.phase.rawValue) \(progress.node ?? "-")"
            if phases.last != line { phases.append(line) }
            #expect((view.plannedMove(names) == "node2") == (step <= 4))
        }
        #expect(phases == ["lost -", "mounting node1", "starting node1"])
        #expect(try view("crm_mon-standby.xml").progress(names) == PromotionProgress(phase: .ready, node: "node1"))
    }

    @Test func aPromotionUnderWay() throws {
        let view = try view("crm_mon-split-2s-other.xml")
        #expect(view.promoted(names) == .nobody)
        #expect(view.progress(names) == PromotionProgress(phase: .promoting, node: "node2"))
    }

    @Test func whoIsGoneIsProvedByFencingOnly() throws {
        #expect(try view("crm_mon-fencing-pending.xml").gone == [])
        #expect(try view("crm_mon-fenced.xml").gone == ["cluster2"])
        #expect(try view("crm_mon-fenced-recovered.xml").gone == ["cluster2"])
        #expect(try view("crm_mon-offline-unfenced.xml").gone == [])
        #expect(try view("crm_mon-gate.xml").gone == [])
        var maintained = try view("crm_mon-fenced.xml")
        maintained.isInMaintenance = true
        #expect(maintained.gone == [])
    }

    @Test func theGateRunsWherePacemakerSaysSo() throws {
        let running = try view("crm_mon-gate.xml")
        #expect(running.isGated("cluster1") && !running.isGated("cluster2"))
        #expect(try !view("crm_mon-fenced.xml").isGated("cluster1"))
        #expect(try !view("crm_mon-normal.xml").isGated("node1"))
        var leaving = running
        for index in leaving.resources.indices where leaving.resources[index].id == "p_gate" {
            leaving.resources[index].pending = "Stopping"
        }
        #expect(!leaving.isGated("cluster1"))
    }

    @Test func whatFailedAsOftenAsItMayIsLeaving() throws {
        let view = try view("crm_mon-failed-01.xml")
        #expect(view.failedActions.map(\.resource) == ["p_mysql"])
        #expect(view.failedActions.map(\.exitText) == ["not running"])
        #expect(view.failCounts == [.init(node: "node1", resource: "p_mysql", count: 1, migrationThreshold: 1)])
        #expect(view.promoted(names) == .node("node1"))
        #expect(view.progress(names).phase == .lost)
        // The count and the failure stay, and are no reason to distrust the node that took over, or a move under way.
        let recovered = try self.view("crm_mon-failed-recovered.xml")
        #expect(recovered.progress(names) == PromotionProgress(phase: .ready, node: "node2"))
        #expect(!recovered.isLeaving("node1", names) && !recovered.isLeaving("node2", names))
        #expect(try self.view("crm_mon-moving-01.xml").isLeaving("node2", names))
    }

    @Test func pacemakerIsStopped() throws {
        #expect {
            try view("05-cluster1-pacemaker-stopped/cluster1/crm_mon.xml")
        } throws: { error in
            guard case .refused(code: 102, let message) = (error as? FormatError)?.fault else { return false }
            return message.contains("Connection refused")
        }
    }

    @Test func noCoordinatorAndNoQuorumAreDoubts() throws {
        var view = try view("pacemaker/crm_mon-normal.xml")
        view.quorumPolicy = "stop"
        #expect(view.promoted(names) == .node("node2"))
        view.hasQuorum = false
        #expect(view.promoted(names) == .doubtful("node2", .noQuorum))
        view.quorumPolicy = "ignore"
        #expect(view.promoted(names) == .node("node2"))
        view.coordinator = nil
        #expect(view.promoted(names) == .doubtful("node2", .noCoordinator))
        view.nodes[1].isPending = true
        #expect(view.promoted(names) == .doubtful("node2", .joining))
        view.nodes[1].isPending = false
        view.nodes[1].isOnline = false
        #expect(view.promoted(names) == .nobody)
        #expect(view.promoted(ResourceNames(drbd: "other")) == .notConfigured)
    }

    /// Composed: no fencing device was at hand to hold a capture's up.
    @Test func fencingUnderWay() throws {
        let unclean = try #require(Fixture.all.first { $0.path.hasSuffix("crm_mon-unclean.xml") }).text
        func view(_ status: String) throws -> PacemakerView {
            let event = """
                <fence_history status="0"><fence_event action="reboot" target="node1" client="pacemaker-controld.17" \
                origin="node2" status="\(status)" extended-status="\(status)" completed="2026-11-22 18:00:01Z"/>\
                </fence_history>
                """
            return try PacemakerView(
                xml: Array(unclean.replacing("</pacemaker-result>", with: event + "</pacemaker-result>").utf8))
        }
        #expect(try view("pending").fencing == [.init(action: "reboot", target: "node1", state: .pending)])
        #expect(try view("pending").progress(names) == PromotionProgress(phase: .fencing, node: nil))
        #expect(try view("pending").promoted(names) == .doubtful("node1", .unclean))
        #expect(try view("failed").fencing.map(\.state) == [.failed])
        #expect(throws: FormatError.self) { try view("perhaps") }
    }

    /// The form of 1.1.16's `crm_mon -X`: other root, no status, roles Master and Slave. Composed by hand.
    private static let old = """
        <?xml version="1.0"?>
        <crm_mon version="1.1.16">
            <summary>
                <stack type="corosync" />
                <current_dc present="true" version="1.1.16-94ff4df" name="cluster1" id="1084777573" with_quorum="true" />
                <last_update time="Sun Nov 22 18:00:00 2026" />
                <nodes_configured number="2" />
                <resources_configured number="7" disabled="0" blocked="0" />
                <cluster_options stonith-enabled="false" symmetric-cluster="true" no-quorum-policy="ignore" />
            </summary>
            <nodes>
                <node name="cluster1" id="1" online="true" standby="false" standby_onfail="false" maintenance="false" \
        pending="false" unclean="false" shutdown="false" expected_up="true" is_dc="true" resources_running="2" \
        type="member" />
                <node name="cluster2" id="2" online="true" standby="false" standby_onfail="false" maintenance="false" \
        pending="false" unclean="false" shutdown="false" expected_up="true" is_dc="false" resources_running="5" \
        type="member" />
            </nodes>
            <resources>
                <group id="g_mysql" number_resources="3" >
                     ROWS
                </group>
                <clone id="ms_drbd_mysql" multi_state="true" unique="false" managed="true" failed="false" \
        failure_ignored="false" >
                    <resource id="p_drbd_mysql" resource_agent="ocf::linbit:drbd" role="Slave" active="true" \
        orphaned="false" managed="true" failed="false" failure_ignored="false" nodes_running_on="1" blocked="false" >
                        <node name="cluster1" id="1" cached="false"/>
                    </resource>
                    <resource id="p_drbd_mysql" resource_agent="ocf::linbit:drbd" role="Master" active="true" \
        orphaned="false" managed="true" failed="false" failure_ignored="false" nodes_running_on="1" blocked="false" >
                        <node name="cluster2" id="2" cached="false"/>
                    </resource>
                </clone>
            </resources>
        </crm_mon>
        """.replacingOccurrences(
            of: "ROWS",
            with: ["p_fs_mysql", "p_float_ip", "p_mysql"].map { id in
                """
                <resource id="\(id)" resource_agent="ocf::heartbeat:x" role="Started" active="true" orphaned="false" \
                managed="true" failed="false" blocked="false" nodes_running_on="1" >
                <node name="cluster2" id="2" cached="false"/></resource>
                """
            }.joined())

    @Test func theFormOf11() throws {
        let view = try PacemakerView(xml: Array(PacemakerTests.old.utf8))
        #expect(view.isInMaintenance == nil)
        #expect(view.resources.map(\.role) == [.started, .started, .started, .unpromoted, .promoted])
        #expect(view.promoted(names) == .node("cluster2"))
        #expect(view.progress(names) == PromotionProgress(phase: .ready, node: "cluster2"))
    }

    @Test(arguments: [
        ("role=\"Master\"", "role=\"Mistress\"", "unknown role “Mistress”"),
        ("unclean=\"false\"", "unclean=\"perhaps\"", "unknown unclean “perhaps”"),
        ("unclean=\"false\"", "", "unclean of <node> is missing"),
        ("<node name=\"cluster2\" id=\"2\" cached", "<node name=\"cluster3\" id=\"3\" cached", "never introduced"),
        ("<crm_mon version=\"1.1.16\">", "<pacemaker-result>", "mismatched tag"),
        ("with_quorum=\"true\"", "", "with_quorum of <current_dc> is missing"),
        ("name=\"cluster2\" id=\"2\" online", "name=\"cluster1\" id=\"2\" online", "node cluster1 twice"),
    ])
    func brokenIsADiagnosis(_ what: String, _ with: String, _ message: String) {
        let broken = PacemakerTests.old.replacingOccurrences(of: what, with: with)
        #expect(broken != PacemakerTests.old)
        #expect {
            try PacemakerView(xml: Array(broken.utf8))
        } throws: { error in
            "\(error)".contains(message)
        }
    }

    @Test func alerts() throws {
        let pending = try AlertEvent(environment: [
            "CRM_notify_node": "node1", "CRM_notify_rsc": "p_mysql", "CRM_notify_task": "stop", "CRM_notify_rc": "193",
            "CRM_notify_status": "-1", "CRM_notify_desc": "pending", "CRM_notify_target_rc": "0",
        ])
        #expect(pending.meaning == .pending(task: "stop"))
        let lost = try AlertEvent(line: "1795373025.476063 kind=node node=node2 rsc= task= rc= desc=lost ts=1.5 seq=2")
        #expect(lost.meaning == .nodeLost)
        #expect(lost.microseconds == nil)
        #expect(throws: FormatError.self) { try AlertEvent(line: "kind=party node=node2") }
        #expect(throws: FormatError.self) { try AlertEvent(line: "kind=resource node=node2 rsc=p_mysql task=stop rc=") }
        #expect(throws: FormatError.self) { try AlertEvent(environment: ["PATH": "/bin"]) }
    }
}
