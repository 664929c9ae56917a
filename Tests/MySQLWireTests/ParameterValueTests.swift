import MySQLWire
import Testing

@Suite struct ParameterValueTests {
    private func parse(_ payload: [UInt8], count: Int, types: [UInt8] = []) -> [ParameterValue]? {
        payload.withUnsafeBytes { CommandPacket.parameters($0, count: count, types: types) }
    }

    private let head: [UInt8] = [1, 0, 0, 0, 0, 1, 0, 0, 0]

    @Test func everyType() {
        // NULL by the bitmap, then TINY -1, unsigned SHORT, LONG, LONGLONG -2, VAR_STRING, BLOB, DOUBLE, DATE, NULL, TINY.
        let types: [UInt8] = [
            3, 0, 1, 0, 2, 0x80, 3, 0, 8, 0, 253, 0, 252, 0, 5, 0, 10, 0, 6, 0, 1, 0x80,
        ]
        let values: [UInt8] =
            [0xFF] + [0xFE, 0xFF] + [5, 0, 0, 0] + [0xFE] + [UInt8](repeating: 0xFF, count: 7) + [2, 104, 105] + [1, 7]
            + [UInt8](repeating: 0, count: 8) + [4, 0xE8, 7, 1, 2] + [0xFF]
        let payload = head + [1, 0, 1] + types + values
        let expected: [ParameterValue] = [
            .null, .integer(-1), .unsigned(65534), .integer(5), .integer(-2), .text([104, 105]), .other, .other, .other,
            .null, .unsigned(255),
        ]
        #expect(parse(payload, count: 11) == expected)
        #expect(parse(head + [1, 0, 0] + values, count: 11, types: types) == expected)
        for length in 0..<payload.count { #expect(parse(Array(payload.prefix(length)), count: 11) == nil) }
    }

    @Test func unknownTypes() {
        #expect(parse(head + [0, 1, 99, 0, 1], count: 1) == nil)
        #expect(parse(head + [0, 0, 5], count: 1) == nil)
    }
}
