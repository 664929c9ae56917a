import Foundation
import Health
import Testing

@testable import ClusterFormats

/// What the tools told a person at the same moments (`drbdadm role`, `cstate`, `dstate`, `drbdsetup sh-status`,
/// `crm_mon -1`) is what was read from their other words.
@Suite struct WitnessTests {
    /// Folders of one node at one moment.
    private static let scenes = Fixture.all.filter { $0.name == "drbdadm-role.txt" }.map {
        String($0.path.dropLast("drbdadm-role.txt".count))
    }

    private func text(_ scene: String, _ name: String) -> String {
        Fixture(path: scene + name).text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// `Primary/Secondary`: here and there.
    private func pair(_ text: String) -> [String] { text.split(separator: "/").map(String.init) }

    @Test func thereAreScenes() { #expect(Self.scenes.count == 24) }

    @Test(arguments: scenes) func theKernelSaidTheSame(scene: String) throws {
        let role = text(scene, "drbdadm-role.txt")
        guard !role.contains("Device minor not allocated") else {
            #expect(try ProcDRBD.resources(in: text(scene, "proc-drbd.txt")).isEmpty)
            return
        }
        // The resynchronization began between the first tool's run and the last one's.
        let sources =
            scene.contains("07-synctarget/cluster2") ? ["drbdadm-status.txt"] : ["proc-drbd.txt", "drbdadm-status.txt"]
        for source in sources {
            let view = try #require(try parse(source, text(scene, source)).first)
            // A status says nothing of a peer that is not even looked for.
            guard let peer = view.peers.first else {
                #expect(source == "drbdadm-status.txt" && text(scene, "drbdadm-cstate.txt") == "StandAlone")
                #expect(pair(role).first == view.role.rawValue)
                continue
            }
            #expect(pair(role) == [view.role.rawValue, peer.role.rawValue])
            #expect(text(scene, "drbdadm-cstate.txt") == word(peer))
            let disks = [view.volumes.first?.disk.rawValue, peer.volumes.first?.disk.rawValue].compactMap(\.self)
            #expect(pair(text(scene, "drbdadm-dstate.txt")) == disks)
            let shell = text(scene, "drbdsetup-sh-status.txt").split(separator: "\n").map(String.init)
            for line in [
                "_role=\(view.role.rawValue)", "_peer=\(peer.role.rawValue)", "_cstate=\(word(peer))",
                "_disk=\(disks.first ?? "")",
            ] { #expect(shell.contains(line), "\(line)") }
        }
    }

    private func parse(_ name: String, _ text: String) throws(FormatError) -> [DRBDResourceView] {
        name == "proc-drbd.txt" ? try ProcDRBD.resources(in: text) : try DRBDStatus.resources(in: text)
    }

    /// 8.4's one word for connection and replication.
    private func word(_ peer: DRBDResourceView.Peer) -> String {
        switch peer.connection {
        case .connected: peer.volumes.first.map(\.replication).map { $0.isResync ? $0.rawValue : "Connected" } ?? ""
        case .connecting: "WFConnection"
        case let other: other.rawValue
        }
    }

    @Test(arguments: scenes) func pacemakerSaidTheSame(scene: String) throws {
        let lines = text(scene, "crm_mon-1.txt").split(separator: "\n").map(String.init)
        guard lines.contains(where: { $0.hasPrefix("Cluster Summary") }) else {
            #expect(throws: FormatError.self) { try PacemakerView(xml: Fixture(path: scene + "crm_mon.xml").bytes) }
            return
        }
        // Its XML was not captured.
        if scene.contains("06-standalone-by-disconnect/cluster1") { return }
        let view = try PacemakerView(xml: Fixture(path: scene + "crm_mon.xml").bytes)
        #expect(lines.contains { $0.contains("Current DC: \(view.coordinator ?? "NONE")") })
        let quorum = view.hasQuorum == true ? "partition with quorum" : "partition WITHOUT quorum"
        #expect(lines.contains { $0.contains(quorum) })
        var promoted: Set<String> = []
        for line in lines {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            if let at = words.firstIndex(of: "Promoted:") {
                promoted.formUnion(words[at...].dropFirst(2).prefix { $0 != "]" })
            } else if let at = words.firstIndex(of: "Promoted"), words.count > at + 1 {
                promoted.insert(words[at + 1])
            }
        }
        #expect(promoted == Set(view.resources.filter { $0.role == .promoted }.flatMap(\.nodes)))
        let online = lines.first { $0.contains("* Online: [") }.map {
            Set($0.split(separator: " ").map(String.init).drop { $0 != "[" }.dropFirst().prefix { $0 != "]" })
        }
        let here = view.nodes.filter { $0.isOnline && !$0.isStandby && !$0.isPending && !$0.isInMaintenance }
        #expect(online ?? [] == Set(here.map(\.name)))
    }
}
