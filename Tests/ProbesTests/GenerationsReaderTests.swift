import Cluster
import Foundation
import Health
import Reactor
import Testing

@testable import Probes

@Suite struct GenerationsReaderTests {
    private static let line = "BE4E7F7C0A98788D:46AE4D9624CE4E61:9A18588FF8A7B247:9A17588FF8A7B247"

    private func resource(_ volumes: Int, peers: [Int?]) -> DRBDResourceView {
        DRBDResourceView(
            name: "mysql", role: .primary,
            volumes: (0..<volumes).map { .init(number: $0, minor: 7 + $0, disk: .upToDate) },
            peers: peers.map { .init(id: $0, name: "peer", connection: .connecting, role: .unknown) })
    }

    /// `script` stands for drbdsetup, and writes what it was asked to `asked`.
    private func read(
        _ resource: DRBDResourceView, version: String, _ script: String
    ) throws -> (answer: Result<[DataGeneration], ObservationFault>?, asked: String) {
        let tools = try FakeTools()
        if !version.isEmpty { try tools.write("proc", "version: \(version) (api:1/proto:86-121)\nGIT-hash: 0\n") }
        let loop = try patientLoop()
        var options = GenerationsReader.Options()
        options.procPath = tools.path("proc")
        options.drbdsetup = tools.tool("echo \"$@\" >> $DIR/asked; " + script)
        // What follows `sh -c SCRIPT` is $0.
        options.drbdsetup.arguments.append("drbdsetup")
        let reader = GenerationsReader(loop: loop, options: options)
        var answer: Result<[DataGeneration], ObservationFault>?
        reader.read(resource) { [unowned loop] in
            answer = $0
            loop.stop()
        }
        // Where there is nothing to ask for the answer is there at once.
        if answer == nil { loop.run() }
        return (answer, tools.read("asked"))
    }

    @Test func of84ByMinor() throws {
        let (answer, asked) = try read(
            resource(1, peers: []), version: "8.4.11", "echo \(Self.line):1:1:1:0:0:0:0")
        #expect(asked == "show-gi 7\n")
        #expect(
            try answer?.get()
                == [
                    DataGeneration(
                        volume: 0, current: 0xBE4E_7F7C_0A98_788C,
                        past: [0x46AE_4D96_24CE_4E60, 0x9A18_588F_F8A7_B246, 0x9A17_588F_F8A7_B246])
                ])
    }

    @Test func of9ByPeerAndVolume() throws {
        for version in ["9.2.8", ""] {
            let (answer, asked) = try read(
                resource(2, peers: [1, 4]), version: version, "echo \(Self.line):1:1:1:0:0:0:0:0:0:0:0:1")
            #expect(asked == "show-gi mysql 1 0\nshow-gi mysql 4 0\nshow-gi mysql 1 1\nshow-gi mysql 4 1\n")
            #expect(try answer?.get().map(\.volume) == [0, 1])
        }
    }

    @Test func peersThatWereReadAtTwoMomentsProveNothing() throws {
        let other = "11" + Self.line.dropFirst(2)
        let (answer, _) = try read(
            resource(1, peers: [1, 4]), version: "9.2.8",
            "[ $3 = 1 ] && echo \(Self.line) || echo \(other)")
        #expect(try answer?.get() == [])
    }

    @Test func nobodyToAskIsNothing() throws {
        let (answer, asked) = try read(resource(1, peers: []), version: "9.2.8", "exit 1")
        #expect(try answer?.get() == [] && asked == "")
    }

    @Test func aRefusalSaysWhy() throws {
        let (answer, _) = try read(
            resource(1, peers: []), version: "8.4.11", "echo 'Permission denied. CAP_SYS_ADMIN necessary' >&2; exit 20")
        #expect(
            answer
                == .failure(
                    .exited(tool: "sh", status: 20, complaint: "Permission denied. CAP_SYS_ADMIN necessary")))
    }

    @Test func aNewReadingEndsTheOneBefore() throws {
        let tools = try FakeTools()
        try tools.write("proc", "version: 8.4.11\n")
        let loop = try patientLoop()
        var options = GenerationsReader.Options()
        options.procPath = tools.path("proc")
        options.drbdsetup = tools.tool("[ $2 = 7 ] && exec sleep 60; echo \(Self.line)")
        options.drbdsetup.arguments.append("drbdsetup")
        let reader = GenerationsReader(loop: loop, options: options)
        reader.read(resource(1, peers: [])) { Issue.record("answered: \($0)") }
        var second = resource(1, peers: [])
        second.volumes[0].minor = 1
        var answer: [DataGeneration]?
        reader.read(second) { [unowned loop] in
            answer = try? $0.get()
            loop.stop()
        }
        loop.run()
        #expect(answer?.count == 1)
    }
}
