import Testing

@testable import Proxy

@Suite struct ByteBufferTests {
    private func with<Result>(
        budget bytes: Int = 1 << 20, limit: Int = 64 * 1024, need: MemoryBudget.Need = .transit,
        _ body: (inout ByteBuffer, MemoryBudget) throws -> Result
    ) rethrows -> Result {
        let budget = MemoryBudget(bytesMax: bytes)
        var buffer = ByteBuffer(limit: limit, need: need, budget: Unmanaged.passUnretained(budget))
        defer {
            buffer.release()
            #expect(budget.bytesKept == 0)
        }
        return try withExtendedLifetime(budget) { try body(&buffer, budget) }
    }

    private func assign(_ bytes: [UInt8], to buffer: inout ByteBuffer) -> Bool {
        bytes.withUnsafeBytes { buffer.assign($0) }
    }

    @Test func keepsWhatItIsGivenInOrder() {
        with { buffer, budget in
            var expected: [UInt8] = []
            for n in [0, 1, 100, 28, 1, 5000, 3] {
                let part = (0..<n).map { UInt8(truncatingIfNeeded: $0 &+ n) }
                let isKept = buffer.append(part)
                #expect(isKept)
                expected += part
                #expect(Array(buffer.bytes) == expected)
                #expect(budget.bytesKept == buffer.memory)
            }
            buffer.removeFirst(101)
            #expect(Array(buffer.bytes) == Array(expected.dropFirst(101)))
            let isKept = assign([UInt8](repeating: 7, count: 9), to: &buffer)
            #expect(isKept)
            #expect(Array(buffer.bytes) == [UInt8](repeating: 7, count: 9))
        }
    }

    @Test func givesMemoryBackAboveTheLimitOnly() {
        with { buffer, budget in
            let isKept = assign([UInt8](repeating: 1, count: 100), to: &buffer)
            #expect(isKept)
            let memory = buffer.memory
            buffer.clear(keeping: 512)
            #expect(buffer.isEmpty)
            #expect(buffer.memory == memory && budget.bytesKept == memory)
            buffer.clear(keeping: 64)
            #expect(buffer.memory == 0 && budget.bytesKept == 0)
        }
    }

    /// What a peer sends fills it to the last byte, and not one further: it says no, and is as it was.
    @Test(arguments: [1, 127, 128, 129, 1000, 4096, 5000])
    func holdsItsLimitAndNotAByteMore(limit: Int) {
        with(limit: limit) { buffer, budget in
            let full = [UInt8](repeating: 3, count: limit)
            let isKept = assign(full, to: &buffer)
            #expect(isKept)
            #expect(buffer.memory <= max(128, limit))
            let refusedBefore = budget.refused
            let isMore = buffer.append([9])
            #expect(!isMore)
            #expect(Array(buffer.bytes) == full)
            #expect(budget.refused == refusedBefore + 1)
            buffer.removeFirst(1)
            let fits = buffer.append([9])
            #expect(fits)
            #expect(buffer.count == limit && buffer.bytes.last == 9)
        }
    }

    @Test func allShareOneBudget() {
        let budget = MemoryBudget(bytesMax: 4096)
        func buffer(_ need: MemoryBudget.Need) -> ByteBuffer {
            ByteBuffer(limit: 1 << 16, need: need, budget: Unmanaged.passUnretained(budget))
        }
        withExtendedLifetime(budget) {
            var (copy, other, transit) = (buffer(.copy), buffer(.copy), buffer(.transit))
            defer {
                for var one in [copy, other, transit] { one.release() }
            }
            let first = copy.append([UInt8](repeating: 1, count: 2048))
            #expect(first)
            // A copy leaves the last quarter to bytes on their way.
            let second = other.append([UInt8](repeating: 1, count: 2048))
            #expect(!second && other.isEmpty)
            let third = transit.append([UInt8](repeating: 1, count: 2048))
            #expect(third)
            #expect(budget.isShort)
            // What is small is granted to everybody.
            let small = other.append([UInt8](repeating: 1, count: 512))
            #expect(small)
            copy.release()
            let fourth = other.append([UInt8](repeating: 1, count: 1))
            #expect(fourth)
            #expect(other.count == 513)
        }
    }
}
