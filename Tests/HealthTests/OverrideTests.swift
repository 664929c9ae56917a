import Cluster
import Testing

@testable import Health

/// What administrators say of health, as with HAProxy: until the next check, or for good where there is none.
@Suite struct OverrideTests {
    @Test func aNodeDeclaredDownIsDownUntilItsNextCheck() {
        var cockpit = Cockpit.running()
        cockpit.declared(a, .down, 100)
        #expect(cockpit.view.primary == nil && cockpit.view.nodes[0].health == .down)
        // Nobody is primary: everyone is asked again, soon.
        #expect(cockpit.planned[a] == 150)
        cockpit.writable(a, 151)
        #expect(cockpit.view.primary == a && cockpit.view.generation == Generation(2))
    }

    @Test func aNodeDeclaredUpIsNoPrimaryByThat() {
        var cockpit = Cockpit.running()
        cockpit.declared(b, .up, 100)
        #expect(cockpit.view.nodes[1].health == .up && cockpit.view.primary == a)
        cockpit.declared(a, .down, 110)
        #expect(cockpit.view.primary == nil)
        cockpit.finished(b, .refused, 160)
        cockpit.finished(b, .refused, 260)
        #expect(cockpit.view.nodes[1].health == .down)
    }

    @Test func stoppingLetsTransactionsEndAndKeepsTheGeneration() {
        var cockpit = Cockpit.running()
        cockpit.declared(a, .stopping, 100)
        #expect(cockpit.view.primary == nil && cockpit.view.diagnosis == .administrative)
        #expect(cockpit.view.nodes[0].health == .up && cockpit.view.nodes[0].marks.contains(.stopping))
        cockpit.writable(a, 150)
        #expect(cockpit.view.primary == a && cockpit.view.generation == Generation(1))
        #expect(!cockpit.view.nodes[0].marks.contains(.stopping))
    }

    @Test func aNodeInMaintenanceIsNotDeclaredAnything() {
        var cockpit = Cockpit.running()
        cockpit.administered(b, .maintenance, 50)
        cockpit.declared(b, .up, 100)
        #expect(cockpit.latest.isEmpty && cockpit.view.nodes[1].health == .down)
    }

    @Test func withoutChecksANodeStaysWhatItWas() {
        var cockpit = Cockpit.running()
        cockpit.setChecked(a, false, 100)
        #expect(cockpit.view.nodes[0].marks.contains(.unchecked) && cockpit.view.primary == a)
        // A check that was under way, traffic's word and a lost connection change nothing.
        cockpit.finished(a, .refused, 110)
        cockpit.observed(a, .refused, 120)
        cockpit.connectionLost(a, 130)
        #expect(cockpit.latest.isEmpty && cockpit.view.primary == a && cockpit.view.nodes[0].health == .up)
        #expect(!cockpit.monitor.isChecked(a) && cockpit.monitor.isChecked(b))
        // What is declared now stays.
        cockpit.declared(a, .stopping, 200)
        cockpit.finished(a, .refused, 210)
        #expect(cockpit.view.primary == nil && cockpit.view.diagnosis == .administrative)
        cockpit.setChecked(a, true, 300)
        #expect(cockpit.planned[a] == 300)
        cockpit.writable(a, 301)
        #expect(cockpit.view.primary == a && cockpit.view.generation == Generation(1))
    }

    @Test func anotherNodeThatProvesItselfReplacesOneWithoutChecks() {
        var cockpit = Cockpit.running()
        cockpit.setChecked(a, false, 100)
        cockpit.writable(b, 1000)
        #expect(cockpit.view.primary == b && cockpit.view.generation == Generation(2))
    }

    @Test func nobodyWaitsForANodeThatIsNotChecked() {
        var cockpit = Cockpit()
        cockpit.setChecked(b, false, 1)
        cockpit.writable(a, 10)
        #expect(cockpit.view.primary == a)
    }

    @Test func anAgentsWordDoesNotCountWhileItIsDisabled() {
        let report = NodeReport(
            node: "n1", storage: .init(role: .secondary, disk: .upToDate), manager: .init(promoted: []))
        var cockpit = Cockpit(agents: [true, false])
        cockpit.finished(b, .refused, 5)
        cockpit.writable(a, 10)
        cockpit.reported(a, report, 20)
        #expect(cockpit.view.primary == nil && cockpit.view.nodes[0].marks == [.agent, .agentHeard])
        cockpit.setAgent(a, isHeard: false, 30)
        #expect(cockpit.view.primary == a && cockpit.view.nodes[0].marks.contains(.agentIgnored))
        cockpit.setAgent(a, isHeard: true, 40)
        #expect(cockpit.view.primary == nil)
        // There is none on the other.
        cockpit.setAgent(b, isHeard: false, 50)
        #expect(cockpit.latest.isEmpty && cockpit.view.nodes[1].marks.isEmpty)
    }

    @Test func anAgentDeclaredDownTakesItsNodeOutUntilItSpeaks() {
        let report = NodeReport(
            node: "n1", storage: .init(role: .primary, disk: .upToDate), manager: .init(promoted: ["n1"]))
        var cockpit = Cockpit(agents: [true, false])
        cockpit.finished(b, .refused, 5)
        cockpit.reported(a, report, 8)
        cockpit.writable(a, 10)
        #expect(cockpit.view.primary == a)
        cockpit.agentDeclared(a, isUp: false, 20)
        #expect(cockpit.view.primary == nil && cockpit.view.nodes[0].marks.contains(.agentDown))
        cockpit.writable(a, 30)
        #expect(cockpit.view.primary == nil)
        cockpit.reported(a, report, 40)
        #expect(cockpit.view.primary == a && !cockpit.view.nodes[0].marks.contains(.agentDown))
        cockpit.agentDeclared(b, isUp: false, 50)
        #expect(cockpit.latest.isEmpty)
    }
}
