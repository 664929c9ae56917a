import Cluster
import Foundation
import Health
import Reactor
import Testing

@testable import Probes

@Suite struct PacemakerObserverTests {
    private static let document = """
        <pacemaker-result api-version="2.25" request="crm_mon">
          <summary><current_dc present="false"/></summary>
          <nodes>
            <node name="node1" id="1" online="true" standby="false" maintenance="false" pending="false" unclean="false" \
        is_dc="false"/>
          </nodes>
          <resources/>
          <status code="0" message="OK"/>
        </pacemaker-result>
        """
    private static let refusal = """
        <pacemaker-result api-version="2.25" request="crm_mon"><status code="102" message="Not connected"><errors>
        <error>crm_mon: Connection to cluster failed: Connection refused</error></errors></status></pacemaker-result>
        """

    private func observe(
        _ tools: FakeTools, _ script: String, timeout: Instant.Span = .seconds(20), answers: Int,
        then: @escaping (PacemakerObserver, Int) -> Void = { _, _ in }
    ) throws -> [Result<PacemakerView, ObservationFault>] {
        let loop = try patientLoop()
        var options = PacemakerObserver.Options()
        options.tool = tools.tool(script)
        options.interval = .milliseconds(10)
        options.timeout = timeout
        options.bytesMax = 100_000
        var seen: [Result<PacemakerView, ObservationFault>] = []
        var observer: PacemakerObserver?
        observer = PacemakerObserver(loop: loop, options: options) { [unowned loop] answer in
            seen.append(answer)
            if let observer { then(observer, seen.count) }
            if seen.count == answers { loop.stop() }
        }
        observer?.start()
        loop.run()
        observer?.stop()
        loop.schedule(after: .milliseconds(50)) { [unowned loop] in loop.stop() }
        loop.run()
        #expect(seen.count == answers)
        return seen
    }

    @Test func everyAnswerIsTold() throws {
        let tools = try FakeTools()
        try tools.write("xml", PacemakerObserverTests.document)
        let seen = try observe(tools, "cat $DIR/xml", answers: 3)
        #expect(
            seen.compactMap { try? $0.get() }.map(\.nodes).map { $0.map(\.name) } == [["node1"], ["node1"], ["node1"]])
    }

    @Test func aStoppedPacemakerIsAFailure() throws {
        let tools = try FakeTools()
        try tools.write("xml", PacemakerObserverTests.refusal)
        let seen = try observe(tools, "cat $DIR/xml; exit 102", answers: 1)
        guard case .failure(.format(let error))? = seen.first else {
            Issue.record("\(seen)")
            return
        }
        #expect(
            error.fault == .refused(code: 102, message: "crm_mon: Connection to cluster failed: Connection refused"))
    }

    @Test(arguments: [
        ("echo no such thing >&2; exit 3", "ended with 3: no such thing"),
        ("exec sleep 1000", "did not end within 300ms"),
        ("echo 'crm_mon: unrecognized option'", "syntax error"),
        ("exec cat /dev/zero", "more than 100000 bytes"),
        ("kill -9 $$", "signal 9"),
        ("exit 0", "nothing was printed"),
    ])
    func whatGoesWrongIsSaid(_ script: String, _ message: String) throws {
        let tools = try FakeTools()
        let timeout = message.contains("300ms") ? Instant.Span.milliseconds(300) : .seconds(20)
        let seen = try observe(tools, "echo $$ >> $DIR/pids; \(script)", timeout: timeout, answers: 2)
        for answer in seen {
            guard case .failure(let fault) = answer else {
                Issue.record("\(answer)")
                continue
            }
            #expect("\(fault)".contains(message))
        }
        // Killed, or ended by itself, and reaped.
        for pid in tools.read("pids").split(separator: "\n").prefix(2).compactMap({ pid_t($0) }) {
            #expect(kill(pid, 0) == -1 && errno == ESRCH)
        }
    }

    @Test func manyWishesAreOneQuestion() throws {
        let tools = try FakeTools()
        try tools.write("xml", PacemakerObserverTests.document)
        let loop = try patientLoop()
        var options = PacemakerObserver.Options()
        options.tool = tools.tool("echo x >> $DIR/runs; cat $DIR/xml")
        options.interval = .seconds(1000)
        var count = 0
        let observer = PacemakerObserver(loop: loop, options: options) { [unowned loop] _ in
            count += 1
            if count == 2 { loop.stop() }
        }
        observer.start()
        for _ in 0..<100 { observer.refresh() }
        loop.run()
        loop.schedule(after: .milliseconds(50)) { [unowned loop] in loop.stop() }
        loop.run()
        observer.stop()
        #expect(count == 2)
        #expect(tools.read("runs") == "x\nx\n")
    }

    @Test func generationIdentifiersAreRead() throws {
        let tools = try FakeTools()
        // Stands for drbdsetup: answers its arguments.
        try tools.write(
            "drbdsetup",
            "#!/bin/sh\n[ \"$1 $2\" = 'show-gi 7' ] || exit 10\n"
                + "echo BE4E7F7C0A98788D:46AE4D9624CE4E61:9A18588FF8A7B247:9A17588FF8A7B247:1:1:1:0:0:0:0\n")
        chmod(tools.path("drbdsetup"), 0o700)
        let loop = try patientLoop()
        let reader = GenerationsReader(loop: loop, drbdsetup: tools.path("drbdsetup"))
        var answers: [Result<DRBDGenerations, ObservationFault>] = []
        reader.read(minor: 7) { [unowned loop] in
            answers.append($0)
            loop.stop()
        }
        loop.run()
        reader.read(minor: 0) { [unowned loop] in
            answers.append($0)
            loop.stop()
        }
        loop.run()
        #expect(try answers.first?.get().current == 0xBE4E_7F7C_0A98_788D)
        #expect(answers.last == .failure(.exited(tool: "drbdsetup", status: 10, complaint: "")))
    }
}
