import Testing

@testable import Proxy

@Suite struct ByteBufferTests {
    @Test func keepsWhatItIsGivenInOrder() {
        var buffer = ByteBuffer()
        defer { buffer.release() }
        var expected: [UInt8] = []
        for n in [0, 1, 100, 28, 1, 5000, 3] {
            let part = (0..<n).map { UInt8(truncatingIfNeeded: $0 &+ n) }
            part.withUnsafeBytes { if let base = $0.baseAddress { buffer.append(base, $0.count) } }
            expected += part
            #expect(Array(buffer.bytes) == expected)
        }
        buffer.removeFirst(101)
        #expect(Array(buffer.bytes) == Array(expected.dropFirst(101)))
        [UInt8](repeating: 7, count: 9).withUnsafeBytes { buffer.assign($0.baseAddress!, $0.count) }
        #expect(Array(buffer.bytes) == [UInt8](repeating: 7, count: 9))
    }

    @Test func givesMemoryBackAboveTheLimitOnly() {
        var buffer = ByteBuffer()
        defer { buffer.release() }
        let bytes = [UInt8](repeating: 1, count: 100)
        bytes.withUnsafeBytes { buffer.assign($0.baseAddress!, $0.count) }
        let place = buffer.base
        buffer.clear(keeping: 512)
        #expect(buffer.isEmpty)
        #expect(buffer.base == place)
        buffer.clear(keeping: 64)
        #expect(buffer.base == nil)
    }
}
