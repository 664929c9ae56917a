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
        options.forms = [tools.tool(script)]
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
        options.forms = [tools.tool("echo x >> $DIR/runs; cat $DIR/xml")]
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

    /// The first form is of another version of the tool: the second one is asked, and stays.
    @Test func theFormThatTheVersionKnowsIsFound() throws {
        let tools = try FakeTools()
        let loop = try patientLoop()
        var options = PacemakerObserver.Options()
        options.interval = .milliseconds(1)
        options.forms = [
            tools.tool("echo new >> $DIR/asked; echo \"crm_mon: unrecognized option '--output-as=xml'\" >&2; exit 64"),
            tools.tool("echo old >> $DIR/asked; echo '<crm_mon version=\"1.1.16\"/>'"),
        ]
        var count = 0
        let observer = PacemakerObserver(loop: loop, options: options) { [unowned loop] in
            if case .failure(.exited) = $0 { Issue.record("\($0)") }
            count += 1
            if count == 3 { loop.stop() }
        }
        observer.start()
        loop.run()
        observer.stop()
        #expect(tools.read("asked").hasPrefix("new\nold\nold\nold\n"))
    }

    @Test func whereNoFormIsKnownTheLastOnesComplaintIsTold() throws {
        let tools = try FakeTools()
        let loop = try patientLoop()
        var options = PacemakerObserver.Options()
        let broken = tools.tool("echo 'crm_mon: unrecognized option' >&2; exit 64")
        options.forms = [broken, broken]
        var answer: Result<PacemakerView, ObservationFault>?
        let observer = PacemakerObserver(loop: loop, options: options) { [unowned loop] in
            answer = $0
            loop.stop()
        }
        observer.start()
        loop.run()
        observer.stop()
        #expect(answer == .failure(.exited(tool: "sh", status: 64, complaint: "crm_mon: unrecognized option")))
    }
}
