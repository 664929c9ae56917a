import ClusterFormats
import Health
import Testing

/// What DRBD's output must not be misread for.
@Suite struct DRBDTests {
    private func fixture(_ name: String) throws -> Fixture {
        try #require(Fixture.all.first { $0.path.hasSuffix(name) }, "\(name)")
    }

    private func generations(_ state: String, _ node: String) throws -> DRBDGenerations {
        try DRBDGenerations(showing: fixture("\(state)/\(node)/drbdsetup-show-gi.txt").text)
    }

    @Test func theSameStateInEveryForm() throws {
        let status = try DRBDStatus.resources(in: fixture("07-synctarget-b/cluster2/drbdadm-status.txt").text)
        let verbose = try DRBDStatus.resources(
            in: fixture("07-synctarget-b/cluster2/drbdsetup-status-verbose.txt").text)
        let proc = try ProcDRBD.resources(in: fixture("07-synctarget-b/cluster2/proc-drbd.txt").text)
        for views in [status, verbose, proc] {
            let view = try #require(views.resource(named: "mysql"))
            #expect(view.role == .secondary)
            #expect(view.disk == .inconsistent)
            #expect(view.connection == .connected)
            #expect(view.peerRole == .primary)
            #expect(view.peerDisk == .upToDate)
            #expect(view.replication == .syncTarget)
            #expect(!view.isWritable)
        }
        // One counts of the device, the other of the resynchronization.
        #expect(status[0].doneHundredths == 9659)
        #expect(proc[0].doneHundredths == 5720)
        #expect(verbose[0].volumes[0].minor == 0)
    }

    @Test(arguments: [
        "both-secondary", "diskless-primary", "normal-primary", "normal-secondary", "outdated-disconnected",
        "peer-down-connecting", "peer-fenced-outdated", "quorum-lost-suspended", "splitbrain-standalone-primary",
        "splitbrain-standalone-secondary", "syncsource", "synctarget-inconsistent",
    ])
    func jsonAndTextAgree(_ state: String) throws {
        let json = try DRBDStatusJSON.resources(in: fixture("status-v9-\(state).json").bytes)
        for form in ["txt", "verbose.txt", "statistics.txt"] {
            let text = try DRBDStatus.resources(in: fixture("status-v9-\(state).\(form)").text)
            #expect(text.count == json.count)
            for (a, b) in zip(text, json) {
                #expect(a.name == b.name && a.role == b.role && a.suspended == b.suspended)
                #expect(a.disk == b.disk && a.connection == b.connection && a.replication == b.replication)
                // Without a link the terse form hides what is known of the peer's disk.
                let isHidden = form == "txt" && b.connection != .connected
                #expect(a.peerDisk == (isHidden ? .unknown : b.peerDisk))
                #expect(a.peerRole == b.peerRole && a.hasLostQuorum == b.hasLostQuorum)
                #expect(a.doneHundredths == b.doneHundredths && a.isWritable == b.isWritable)
            }
        }
    }

    @Test func aSplitBrainIsRememberedUntilTheDataIsAgreedOn() throws {
        var stream = DRBDEventStream()
        var seen: [Bool] = []
        for line in try fixture("events2/vm1-splitbrain.txt").text.split(separator: "\n") {
            _ = try stream.read(line)
            let now = stream.resources.first?.wasSplitBrainDetected ?? false
            if seen.last != now { seen.append(now) }
        }
        #expect(seen == [false, true, false])
    }

    @Test func aSplitBrainIsRememberedOverANewStream() throws {
        var stream = DRBDEventStream()
        for line in try fixture("events2-v9-splitbrain.txt").text.split(separator: "\n") { _ = try stream.read(line) }
        #expect(stream.resources.map(\.wasSplitBrainDetected) == [true])
        let after = try fixture("09-splitbrain-detected-standalone/cluster1/drbdsetup-events2-now.txt").text
        var next = DRBDEventStream(after: stream.resources)
        for line in after.split(separator: "\n") { _ = try next.read(line) }
        #expect(next.resources.map(\.wasSplitBrainDetected) == [true])
        #expect(next.resources.map(\.isStandAlone) == [true])
        var other = DRBDEventStream()
        for line in after.split(separator: "\n") { _ = try other.read(line) }
        #expect(other.resources.map(\.wasSplitBrainDetected) == [false])
    }

    @Test func nothingIsShownBeforeTheDumpIsWhole() throws {
        var stream = DRBDEventStream()
        var outcomes: [DRBDEventStream.Outcome] = []
        for line in try fixture("01-normal/cluster1/drbdsetup-events2-now.txt").text.split(separator: "\n") {
            #expect(stream.resources.isEmpty)
            outcomes.append(try stream.read(line))
        }
        #expect(outcomes.dropLast().allSatisfy { $0 == .nothing })
        #expect(outcomes.last == .complete)
        #expect(stream.resources.map(\.role) == [.primary])
        // The tool prints changes in which nothing changed.
        #expect(try stream.read("change connection name:mysql peer-node-id:0 conn-name:peer") == .nothing)
        #expect(try stream.read("change resource name:mysql role:Secondary color:green") == .changed)
        #expect(try stream.read("rename resource name:mysql new_name:db") == .changed)
        #expect(stream.resources.map(\.name) == ["db"])
        // Everything anew, after events were lost: the old stands until the new one is whole.
        #expect(try stream.read("exists resource name:other role:Primary suspended:no") == .nothing)
        #expect(stream.resources.map(\.name) == ["db"])
        #expect(try stream.read("exists -") == .complete)
        #expect(stream.resources.map(\.name) == ["other"])
    }

    @Test(arguments: [
        ("change resource name:new role:Primary", "never introduced"),
        ("change resource name:mysql role:Emperor", "unknown role “Emperor”"),
        ("change resource name:mysql role", "not understood: role"),
        ("change device name:mysql volume:9 disk:UpToDate", "never introduced"),
        ("change resource name:mysql suspended:maybe", "unknown suspended “maybe”"),
        ("explode resource name:mysql", "unknown event “explode”"),
        ("change galaxy name:mysql", "unknown object “galaxy”"),
        ("change peer-device name:mysql peer-node-id:0 volume:0 done:101", "101 percent"),
        ("change peer-device name:mysql peer-node-id:0 volume:0 done:nan", "nan percent"),
        ("", "not understood"),
        (String(repeating: "x", count: 5000), "more than 4096 bytes"),
    ])
    func aBrokenEventIsADiagnosis(_ line: String, _ message: String) throws {
        var stream = DRBDEventStream()
        for line in try fixture("01-normal/cluster1/drbdsetup-events2-now.txt").text.split(separator: "\n") {
            _ = try stream.read(line)
        }
        #expect {
            _ = try stream.read(line[...])
        } throws: { error in
            "\(error)".contains(message) && "\(error)".contains("line 6")
        }
    }

    @Test func generationsTellWhoseDataGoesOn() throws {
        #expect(try generations("01-normal", "cluster1").relation(to: generations("01-normal", "cluster2")) == .same)
        let standby = "04-cluster1-standby"
        #expect(try generations(standby, "cluster2").relation(to: generations(standby, "cluster1")) == .newer)
        #expect(try generations(standby, "cluster1").relation(to: generations(standby, "cluster2")) == .older)
        for state in ["08-split-partitioned", "09-splitbrain-detected-standalone", "10-splitbrain-later"] {
            #expect(try generations(state, "cluster1").relation(to: generations(state, "cluster2")) == .diverged)
            #expect(try generations(state, "cluster2").relation(to: generations(state, "cluster1")) == .diverged)
        }
        #expect(
            try generations("11-after-recovery", "cluster1").relation(to: generations("11-after-recovery", "cluster2"))
                == .same)
        let stranger = DRBDGenerations(current: 0xAAAA, bitmap: 0, history: [0, 0])
        #expect(try generations("01-normal", "cluster1").relation(to: stranger) == .unrelated)
        let new = DRBDGenerations(current: 4, bitmap: 0, history: [0, 0])
        #expect(new.relation(to: stranger) == .older)
        #expect(stranger.relation(to: new) == .newer)
    }

    @Test func generationsOfDRBD9AreOfOnePeer() throws {
        func of(_ name: String) throws -> DRBDGenerations {
            try DRBDGenerations(showing: fixture("show-gi-v9-\(name).txt").text)
        }
        #expect(try of("normal-primary").relation(to: of("normal-secondary")) == .same)
        #expect(try of("ahead-primary").relation(to: of("normal-secondary")) == .newer)
        #expect(try of("ahead-primary").relation(to: of("splitbrain-primary")) == .diverged)
        // Two peers: what either lacks is this volume's past.
        let united = try #require(try DRBDGenerations.united([of("ahead-primary"), of("ahead-primary")], volume: 3))
        #expect(united.volume == 3 && united.past == [0x7E19_A5C0_D3B2_F480, 0x5A0B_1C2D_3E4F_6070])
        // Read before and after a change.
        #expect(try DRBDGenerations.united([of("ahead-primary"), of("normal-primary")], volume: 0) == nil)
        #expect(DRBDGenerations.united([], volume: 0) == nil)
        // As many flags as no version is known to print: the identifiers count, the flags say nothing.
        let none = "0000000000000000"
        let other = try DRBDGenerations(showing: "7E19A5C0D3B2F481:\(none):\(none):\(none):1:1:1:0:0:0:0:0:0:0:0\n")
        #expect(other.flags == nil)
    }

    @Test func procOfDRBD9IsNotAnEmptyCluster() {
        #expect {
            try ProcDRBD.resources(in: "version: 9.1.7 (api:2/proto:110-121)\nGIT-hash: x\nTransports (api:18):\n")
        } throws: { error in
            (error as? FormatError)?.fault == .unsupported("version 9.1.7")
        }
        #expect(throws: FormatError.self) { try ProcDRBD.resources(in: "") }
        #expect(throws: FormatError.self) {
            try ProcDRBD.resources(in: "version: 8.4.11\n 0: cs:Connected ro:Primary/Secondary C r-----\n")
        }
        #expect(throws: FormatError.self) {
            try ProcDRBD.resources(
                in: "version: 8.4.11\n 0: cs:Floating ro:Primary/Secondary ds:UpToDate/UpToDate C r-----")
        }
    }

    @Test func statusInWords() throws {
        #expect(try DRBDStatus.resources(in: "# No currently configured DRBD found.\n").isEmpty)
        #expect(throws: FormatError.self) { try DRBDStatus.resources(in: "mysql: No such resource\n") }
        let two = try DRBDStatus.resources(
            in: """
                a role:Primary
                  volume:0 disk:UpToDate
                  volume:1 disk:Inconsistent
                  node2 role:Secondary
                    volume:0 peer-disk:UpToDate
                    volume:1 replication:SyncTarget peer-disk:UpToDate done:12.5

                b role:Secondary
                  disk:Diskless
                """)
        #expect(two.map(\.name) == ["a", "b"])
        #expect(two[0].disk == .inconsistent)
        #expect(two[0].doneHundredths == 1250)
        #expect(two[1].connection == .standAlone)
    }
}
