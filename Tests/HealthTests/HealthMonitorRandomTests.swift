import Cluster
import Testing

@testable import Health

/// SplitMix64: the same seed is the same walk everywhere.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Random events, and what must hold after each of them.
@Suite struct HealthMonitorRandomTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func theRulesHoldAfterEveryEvent(seed: UInt64) {
        var first = Walk(seed: seed)
        first.run()
        var second = Walk(seed: seed)
        second.run()
        #expect(first.cockpit.published == second.cockpit.published, "seed \(seed) does not replay")
        #expect(first.cockpit.published.count > 20)
    }

    private struct Walk {
        var generator: SeededGenerator
        var cockpit: Cockpit
        /// Who was primary last.
        private var holder: NodeID?
        var now: Int64 = 0
        var connections: [UInt64] = [5, 5, 5]
        var starts: [Int64] = [-1_000_000, -1_000_000, -1_000_000]
        let seed: UInt64

        init(seed: UInt64) {
            self.seed = seed
            generator = SeededGenerator(state: seed)
            let count = 2 + Int(seed % 2)
            cockpit = Cockpit(nodes: count) {
                $0.rise = 1 + Int(seed % 3)
                $0.fall = 1 + Int(seed / 3 % 3)
            }
        }

        mutating func run() {
            for _ in 0..<2000 {
                now += Int64.random(in: 0...400, using: &generator)
                let before = cockpit.view
                let publications = cockpit.published.count
                let node = NodeID(Int.random(in: 0..<before.nodes.count, using: &generator))
                let isProbe = step(node)
                check(node, before, publications, isProbe)
            }
        }

        /// True for a finished check.
        private mutating func step(_ node: NodeID) -> Bool {
            switch Int.random(in: 0..<26, using: &generator) {
            case 20: cockpit.observed(node, .hostBlocked, now)
            case 21: cockpit.observed(node, .loginAborted, now)
            case 22: cockpit.loginTried(node, nil, now)
            case 23: cockpit.loginTried(node, .hostBlocked("blocked"), now)
            case 24: cockpit.lifeTried(node, .failed(.refused), now)
            case 25: cockpit.lifeTried(node, .alive(ServerLife(number: 1)), now)
            case 0: cockpit.observed(node, .lost, now)
            case 1: cockpit.observed(node, .refused, now)
            case 2: cockpit.observed(node, .notPrimary, now)
            case 3: cockpit.connectionLost(node, now)
            case 4: cockpit.woke(now)
            case 5:
                let states: [AdministrativeState] = [.ready, .ready, .drain, .maintenance]
                cockpit.administered(node, states.randomElement(using: &generator) ?? .ready, now)
            case _:
                cockpit.finished(node, result(of: node), now)
                return true
            }
            return false
        }

        private mutating func result(of node: NodeID) -> ProbeResult {
            let index = node.rawValue
            if Int.random(in: 0..<12, using: &generator) == 0 {
                connections[index] = 3
                starts[index] = now
            }
            let facts = facts(node, connection: connections[index], startedAt: starts[index])
            switch Int.random(in: 0..<19, using: &generator) {
            case 18: return .proxy
            case 14: return .passwordWithheld(plugin: "dialog")
            case 15: return .initConnectFailed("init_connect command failed")
            case 16: return .hostBlocked("blocked")
            case 17: return .accountLimited(code: 1226, message: "no more")
            case 0...5: return .writable(facts)
            case 6: return .readOnly(facts)
            case 7, 8: return .refused
            case 9: return .timeout
            case 10: return .lost
            case 11: return .busy(code: 1040, message: "full")
            case 12: return .loginDenied(code: 1045, message: "denied")
            case _: return .starting(code: 1053, message: "shutdown")
            }
        }

        private mutating func check(_ node: NodeID, _ before: ClusterView, _ publications: Int, _ isProbe: Bool) {
            let view = cockpit.view
            let place: Comment = "seed \(seed) at \(now)"
            // A view has a primary or a reason for none.
            #expect((view.primary == nil) == (view.diagnosis != nil), place)
            #expect((view.primary != nil) == (view.phase == .ready), place)
            // A primary that just appeared is a new generation, but for one that an administrator took out and put
            // back; nothing else is, but a restart.
            #expect(view.generation >= before.generation, place)
            if let primary = view.primary {
                #expect(view.nodes[primary.rawValue].administrative == .ready, place)
                #expect([.up, .falling].contains(view.nodes[primary.rawValue].health), place)
                if primary != before.primary {
                    if view.generation == before.generation {
                        #expect(before.diagnosis == .administrative && primary == holder, place)
                    } else {
                        #expect(view.generation == before.generation.next, place)
                    }
                    holder = primary
                    #expect(view.nodes[primary.rawValue].health == .up, place)
                } else if view.generation != before.generation {
                    #expect(node == primary && isProbe, place)
                    #expect(view.generation == before.generation.next, place)
                }
            } else {
                #expect(view.generation == before.generation, place)
            }
            #expect(view.nodes.count { $0.role == .primary } == (view.primary == nil ? 0 : 1), place)
            // Every check is followed by one, in time; during an outage soon.
            if isProbe {
                let next = cockpit.planned[node]
                #expect(next != nil && (next ?? 0) - now <= 1000, place)
            }
            // What changed was published, and said.
            if view.primary != before.primary || view.diagnosis != before.diagnosis {
                #expect(cockpit.published.count == publications + 1, place)
                #expect(view.since == at(now), place)
                #expect(cockpit.latest.contains { if case .note = $0 { true } else { false } }, place)
            }
            if let published = cockpit.published.last {
                #expect(published.nodes.map(\.health) == view.nodes.map(\.health), place)
                #expect(published.primary == view.primary, place)
            }
        }
    }
}
