import Cluster
import Health
import Probes
import Testing

@testable import Agent

@Suite struct ReportTests {
    private func drbd(_ role: DRBDRole, _ disk: DRBDDisk, _ connection: DRBDConnection = .connected) -> DRBDResourceView
    {
        DRBDResourceView(
            name: "mysql", role: role, volumes: [.init(number: 0, disk: disk)],
            peers: [
                .init(
                    name: "peer", connection: connection, role: .unknown,
                    volumes: [.init(number: 0, replication: .established, disk: .upToDate)])
            ])
    }

    private func pacemaker(_ change: (inout PacemakerView) -> Void = { _ in }) -> PacemakerView {
        var view = PacemakerView(
            version: "2.1.5", coordinator: "n1", hasQuorum: true, isInMaintenance: false, quorumPolicy: "stop",
            nodes: [.init(name: "n1", id: "1", isOnline: true), .init(name: "n2", id: "2", isOnline: true)],
            resources: [
                .init(
                    id: "p_drbd_mysql", agent: "ocf:linbit:drbd", role: .promoted, nodes: ["n1"],
                    clone: "ms_drbd_mysql",
                    isActive: true),
                .init(
                    id: "p_drbd_mysql", agent: "ocf:linbit:drbd", role: .unpromoted, nodes: ["n2"],
                    clone: "ms_drbd_mysql", isActive: true),
                .init(
                    id: "p_fs_mysql", agent: "ocf:heartbeat:Filesystem", role: .started, nodes: ["n1"], isActive: true),
                .init(id: "p_float_ip", agent: "ocf:heartbeat:IPaddr2", role: .started, nodes: ["n1"], isActive: true),
                .init(id: "p_mysql", agent: "ocf:heartbeat:mysql", role: .started, nodes: ["n1"], isActive: true),
            ])
        change(&view)
        return view
    }

    private func report(
        _ drbd: Result<DRBDObservation, ObservationFault>?, _ pacemaker: Result<PacemakerView, ObservationFault>?
    ) -> NodeReport? {
        var builder = ReportBuilder(node: "n1")
        builder.drbd = drbd
        builder.pacemaker = pacemaker
        return builder.report
    }

    private func seen(_ view: PacemakerView) -> NodeReport? {
        report(.success(DRBDObservation(source: .events, resources: [drbd(.primary, .upToDate)])), .success(view))
    }

    @Test func nothingIsToldBeforeBothWereAsked() {
        #expect(report(nil, .success(pacemaker())) == nil)
        #expect(report(.success(DRBDObservation(source: .events, resources: [])), nil) == nil)
    }

    @Test func theUsualPair() {
        #expect(
            seen(pacemaker())
                == NodeReport(
                    node: "n1",
                    storage: .init(role: .primary, disk: .upToDate, peerDisk: .upToDate, connection: .connected),
                    manager: .init(hasQuorum: true, promoted: ["n1"], isGated: false, gone: [])))
    }

    @Test func aNodeThatMustBeFencedIsNotPromoted() {
        let view = pacemaker {
            $0.nodes[0].isUnclean = true
            $0.nodes[0].isOnline = false
        }
        #expect(seen(view)?.manager?.promoted == [])
        #expect(seen(view)?.manager?.unclean == ["n1"])
        #expect(seen(view)?.phase == .fencing)
    }

    @Test func withoutACoordinatorThereIsNoWord() {
        let view = pacemaker {
            $0.coordinator = nil
            $0.hasQuorum = nil
        }
        #expect(seen(view)?.manager == nil)
        #expect(seen(view)?.troubles == ["the cluster has no coordinator"])
    }

    @Test func quorumAndItsPolicyAreToldApart() {
        let lost = pacemaker { $0.hasQuorum = false }
        #expect(seen(lost)?.manager?.hasQuorum == false && seen(lost)?.manager?.ignoresQuorum == false)
        let ignored = pacemaker {
            $0.hasQuorum = false
            $0.quorumPolicy = "ignore"
        }
        #expect(seen(ignored)?.manager?.ignoresQuorum == true && seen(ignored)?.manager?.promoted == ["n1"])
    }

    @Test func maintenanceOfTheNodeOrOfAllIsMaintenance() {
        #expect(seen(pacemaker { $0.isInMaintenance = true })?.manager?.isMaintenance == true)
        #expect(seen(pacemaker { $0.nodes[0].isInMaintenance = true })?.manager?.isMaintenance == true)
        #expect(seen(pacemaker { $0.nodes[1].isInMaintenance = true })?.manager?.isMaintenance == false)
    }

    @Test func phasesAreOfWhatGoesForward() {
        let mounting = pacemaker {
            $0.resources[2].role = .stopped
            $0.resources[2].nodes = []
        }
        #expect(seen(mounting)?.phase == .mounting)
        #expect(seen(pacemaker())?.phase == nil)
        let nobody = pacemaker { $0.resources[0].role = .unpromoted }
        #expect(seen(nobody)?.phase == nil && seen(nobody)?.manager?.promoted == [])
        #expect(seen(pacemaker { $0.resources = [] })?.manager?.promoted == nil)
    }

    @Test func whatCannotBeSeenIsSaid() {
        let failed = ObservationFault.exited(tool: "crm_mon", status: 102, complaint: "not connected")
        let both = report(.failure(failed), .failure(failed))
        #expect(both?.storage == nil && both?.manager == nil && both?.troubles.count == 2)
        let none = report(.success(DRBDObservation(source: .events, resources: [])), .success(pacemaker()))
        #expect(none?.storage == nil && none?.troubles == ["DRBD has no such resource configured"])
    }

    @Test(arguments: DRBDConnection.allCases)
    func linksAreSummedUp(connection: DRBDConnection) {
        let storage = NodeReport.Storage(drbd(.secondary, .outdated, connection))
        #expect(storage.role == .secondary && storage.disk == .outdated)
        #expect((storage.connection == .connected) == (connection == .connected))
        #expect((storage.connection == .standAlone) == (connection == .standAlone))
    }

    @Test func announcementsAreUnderstoodOrNot() {
        #expect(Announcement("pause") == .pause(wait: .seconds(10), reason: "announced"))
        #expect(
            Announcement("pause 2500ms stop of p_gate") == .pause(wait: .milliseconds(2500), reason: "stop of p_gate"))
        #expect(Announcement("pause 7") == .pause(wait: .seconds(7), reason: "announced"))
        #expect(Announcement("resume started") == .resume(reason: "started"))
        #expect(Announcement("look kind=node desc=lost") == .look)
        for text in ["", "pause 301s", "pause 9999999999999s", "pause 1h", "status x", "move n2", "PAUSE"] {
            #expect(Announcement(text) == nil, "\(text)")
        }
    }
}
