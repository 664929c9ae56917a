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
                    manager: .init(hasQuorum: true, promoted: ["n1"], isGated: false, gone: [], databases: ["n1"])))
    }

    @Test func whereTheDatabaseRunsOrIsStarted() {
        func databases(_ change: (inout PacemakerView.Resource) -> Void) -> [String]? {
            seen(pacemaker { change(&$0.resources[4]) })?.manager?.databases
        }
        #expect(databases { $0.role = .starting } == ["n1"])
        #expect(databases { $0.pending = "Starting" } == ["n1"])
        #expect(databases { $0.hasFailed = true } == [])
        #expect(databases { $0.role = .stopping } == [])
        #expect(databases { $0.isOrphaned = true } == [])
        #expect(databases { $0.id = "p_other" } == nil)
        // Somebody starts it by hand.
        #expect(
            databases {
                $0.isManaged = false
                $0.role = .stopped
                $0.nodes = []
            } == nil)
        let starting = pacemaker {
            $0.resources[4].role = .starting
            $0.resources[4].nodes = ["n1"]
        }
        #expect(seen(starting)?.phase == .starting && seen(starting)?.phaseNode == "n1")
    }

    @Test func untilWhenTheReplicaWasNotPrimary() {
        var watch = SecondaryWatch()
        watch.note(isPrimary: true, sinceBoot: 1000, wall: 51_000)
        #expect(watch.secondaryUntil == nil)
        watch.note(isPrimary: false, sinceBoot: 2000, wall: 52_000)
        watch.note(isPrimary: false, sinceBoot: 3000, wall: 53_000)
        watch.note(isPrimary: true, sinceBoot: 4000, wall: 54_000)
        #expect(watch.secondaryUntil == 53_000)
        // The clock is set back: a server that starts now has an earlier date, and is younger all the same.
        watch.note(isPrimary: true, sinceBoot: 5000, wall: 45_000)
        #expect(watch.secondaryUntil == 43_000)
        // And forth: one that has started before keeps its date.
        watch.note(isPrimary: true, sinceBoot: 6000, wall: 96_000)
        #expect(watch.secondaryUntil == 43_000)
        watch.note(isPrimary: false, sinceBoot: 7000, wall: 97_000)
        #expect(watch.secondaryUntil == 97_000)
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
