import Testing

@testable import Cluster

@Suite struct InstantTests {
    private static let extremes: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]

    @Test("what a peer says of time is added, subtracted and multiplied without a trap")
    func saturates() {
        for a in Self.extremes {
            for b in Self.extremes {
                let (instant, span) = (Instant(nanoseconds: a), Instant.Span(nanoseconds: b))
                let sum = Double(a) + Double(b)
                let difference = Double(a) - Double(b)
                func clamped(_ value: Double) -> Int64 { Int64(exactly: value.rounded()) ?? (value < 0 ? .min : .max) }
                #expect(abs(Double((instant + span).nanoseconds) - Double(clamped(sum))) <= 2_048)
                #expect(abs(Double((instant - span).nanoseconds) - Double(clamped(difference))) <= 2_048)
                #expect((instant - Instant(nanoseconds: b)).nanoseconds == (instant - span).nanoseconds)
                #expect((Instant.Span(nanoseconds: a) + span).nanoseconds == (instant + span).nanoseconds)
                #expect((Instant.Span(nanoseconds: a) - span).nanoseconds == (instant - span).nanoseconds)
            }
            #expect((Instant.Span(nanoseconds: a) * 2).nanoseconds.signum() == a.signum())
            #expect(Instant.Span.seconds(a).nanoseconds.signum() == a.signum())
            #expect(Instant.Span.milliseconds(a).nanoseconds.signum() == a.signum())
            _ = Instant.Span(nanoseconds: a).description
        }
        #expect(Instant.Span.seconds(.max).nanoseconds == .max)
        #expect(Instant.Span.milliseconds(.min).nanoseconds == .min)
        #expect((Instant(nanoseconds: .max) + .seconds(1)).nanoseconds == .max)
        #expect((Instant(nanoseconds: .min) - Instant(nanoseconds: .max)).nanoseconds == .min)
    }

    @Test func ordinarySums() {
        let instant = Instant(nanoseconds: 5)
        #expect(instant + .milliseconds(1) - .milliseconds(1) == instant)
        #expect(Instant.Span.seconds(2) - .milliseconds(500) + .milliseconds(1) == .milliseconds(1_501))
        #expect(Instant.Span.seconds(2) * 3 == .seconds(6))
    }
}
