import Testing

@testable import Proxy

@Suite struct LatencyScaleTests {
    @Test func everyLatencyFallsIntoTheFirstBucketThatReachesIt() {
        var values = Array(Int64(0)..<5000)
        values += [65_535, 65_536, 1_000_000, 10_000_000, 100_000_000, (1 << 27) - 1]
        for value in values {
            let bucket = LatencyScale.bucket(ofMicroseconds: value)
            #expect(LatencyScale.upperBoundMicroseconds(of: bucket) >= value, "\(value)")
            if bucket > 0 { #expect(LatencyScale.upperBoundMicroseconds(of: bucket - 1) < value, "\(value)") }
        }
    }

    @Test func boundsGrowAndAreNarrow() {
        for bucket in 1..<LatencyScale.bucketCount {
            let below = LatencyScale.upperBoundMicroseconds(of: bucket - 1)
            let bound = LatencyScale.upperBoundMicroseconds(of: bucket)
            #expect(bound > below)
            #expect(bound - below <= max(1, (below + 1) / 8), "\(bucket)")
        }
    }

    @Test func extremesAreCounted() {
        #expect(LatencyScale.bucket(ofMicroseconds: -5) == 0)
        #expect(LatencyScale.bucket(ofMicroseconds: .max) == LatencyScale.bucketCount - 1)
        #expect(LatencyScale.bucket(ofMicroseconds: 1 << 27) == LatencyScale.bucketCount - 1)
    }
}
