import Cluster
import Testing

@testable import Admin

@Suite struct OutageTests {
    private func view(_ primary: Int?, _ generation: UInt64, _ diagnosis: Diagnosis? = nil) -> ClusterView {
        ClusterView(
            generation: Generation(generation), primary: primary.map { NodeID($0) },
            phase: primary == nil ? .lost : .ready, diagnosis: diagnosis, since: Instant(nanoseconds: 0), nodes: [])
    }

    private func at(_ ms: Int64) -> Instant { Instant(nanoseconds: ms * 1_000_000) }

    @Test func nothingIsLostThatWasNeverSeen() {
        var history = OutageHistory(at: at(0))
        #expect(history.observe(view(nil, 0, .starting), at: at(10)) == .nothing)
        #expect(history.observe(view(nil, 0, .primaryLost), at: at(20)) == .nothing)
        #expect(
            history.observe(view(0, 1), at: at(30))
                == .firstPrimary(NodeID(0), Generation(1), after: .milliseconds(30)))
        #expect(history.last == nil && history.current == nil && history.count == 0)
    }

    @Test func aFailover() {
        var history = OutageHistory(at: at(0))
        _ = history.observe(view(0, 1), at: at(0))
        #expect(history.observe(view(0, 1), at: at(50)) == .nothing)
        var outage = Outage(
            began: at(100), ended: nil, from: NodeID(0), to: nil, lost: Generation(1), gained: nil,
            diagnosis: .primaryLost)
        #expect(history.observe(view(nil, 1, .primaryLost), at: at(100)) == .began(outage))
        #expect(history.observe(view(nil, 1, .primaryLost), at: at(200)) == .nothing)
        #expect(history.current == outage)
        #expect(history.current?.length(at: at(350)) == .milliseconds(250))
        outage.diagnosis = .recovering
        #expect(history.observe(view(nil, 1, .recovering), at: at(400)) == .diagnosisChanged(outage))
        outage.ended = at(4300)
        outage.to = NodeID(1)
        outage.gained = Generation(2)
        #expect(history.observe(view(1, 2), at: at(4300)) == .ended(outage))
        #expect(history.current == nil)
        #expect(history.last == outage)
        #expect(history.last?.length(at: at(99_999)) == .milliseconds(4200))
        #expect(history.count == 1)
    }

    @Test func theSameNodeAgainIsAnotherGeneration() {
        var history = OutageHistory(at: at(0))
        _ = history.observe(view(0, 1), at: at(0))
        let outage = Outage(
            began: at(500), ended: at(500), from: NodeID(0), to: NodeID(0), lost: Generation(1),
            gained: Generation(2), diagnosis: nil)
        #expect(history.observe(view(0, 2), at: at(500)) == .switched(outage))
        #expect(history.last?.length(at: at(900)) == .zero)
        #expect(history.count == 1)
    }
}
