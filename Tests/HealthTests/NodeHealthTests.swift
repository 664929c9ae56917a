import Cluster
import Testing

@testable import Health

@Suite struct NodeHealthTests {
    private enum Event { case answered, failed, silent, suspected, down }

    private static let walks: [(rise: Int, fall: Int, events: [(Event, HealthState)])] = [
        // The first check decides at once, whatever rise is.
        (3, 2, [(.answered, .up)]),
        (1, 3, [(.failed, .down)]),
        (1, 2, [(.answered, .up), (.failed, .falling), (.failed, .down), (.answered, .up)]),
        (1, 1, [(.answered, .up), (.failed, .down)]),
        (1, 2, [(.answered, .up), (.failed, .falling), (.answered, .up), (.failed, .falling)]),
        (3, 2, [(.failed, .down), (.answered, .rising), (.answered, .rising), (.answered, .up)]),
        (3, 2, [(.failed, .down), (.answered, .rising), (.failed, .down), (.answered, .rising), (.answered, .rising)]),
        // A suspicion counts as one failure, however often it comes, and never ends anything by itself.
        (1, 2, [(.answered, .up), (.suspected, .falling), (.suspected, .falling), (.failed, .down)]),
        (1, 1, [(.answered, .up), (.suspected, .falling), (.failed, .down)]),
        (1, 3, [(.answered, .up), (.suspected, .falling), (.failed, .falling), (.failed, .down)]),
        (1, 2, [(.failed, .down), (.suspected, .down), (.answered, .up)]),
        (1, 2, [(.suspected, .down)]),
        // Silence that does not count.
        (1, 2, [(.answered, .up), (.silent, .falling), (.silent, .falling), (.failed, .falling), (.failed, .down)]),
        (1, 2, [(.answered, .up), (.silent, .falling), (.down, .down)]),
        (3, 2, [(.failed, .down), (.answered, .rising), (.silent, .down)]),
    ]

    @Test(arguments: walks.indices)
    func walksAsTold(index: Int) {
        let walk = Self.walks[index]
        var health = NodeHealth(rise: walk.rise, fall: walk.fall)
        var before = health.published
        for (step, (event, expected)) in walk.events.enumerated() {
            let change =
                switch event {
                case .answered: health.answered()
                case .failed: health.failed()
                case .silent: health.silent()
                case .suspected: health.suspected()
                case .down: health.declaredDown()
                }
            #expect(health.published == expected, "walk \(index), step \(step)")
            #expect(change == (expected == before ? .none : .changed(to: expected)), "walk \(index), step \(step)")
            before = expected
        }
    }
}
