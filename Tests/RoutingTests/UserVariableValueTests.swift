import Testing

@testable import Routing

/// What a server says of a user variable, and the expression that gives another one the same.
@Suite struct UserVariableValueTests {
    /// Feeds the journal the row that answers the first question.
    static func answer(
        _ questions: [SessionJournal.Question], _ text: String, _ column: [UInt8], _ journal: inout SessionJournal
    ) {
        guard case .userVariable(let variable)? = questions.first?.answer else {
            Issue.record("no question about a user variable")
            return
        }
        let value = Array(text.utf8) + column
        journal.answered(row: [UInt8(value.count)] + value, about: variable)
    }

    private static func literal(_ text: String, _ column: [UInt8]) -> String? {
        UserVariableValue.literal(ofAnswer: Array(text.utf8) + column).map { String(decoding: $0, as: UTF8.self) }
    }

    private static let head: [UInt8] = [0, 1, 0, 1, 0]

    @Test(
        "each type",
        arguments: [
            ("binary,binary,-7,", [0, 0x0d], "-7"), ("binary,binary,5,", [1, 5], "CAST(5 AS UNSIGNED)"),
            ("binary,binary,1.50,", [4, 1, 2, 0x81, 0x32], "1.50"),
            ("binary,binary,10000000000,", [2, 0, 0, 0, 0x20, 0x5f, 0xa0, 0x02, 0x42], "10000000000.0e0"),
            ("binary,binary,0.0000001,", [2, 0x48, 0xaf, 0xbc, 0x9a, 0xf2, 0xd7, 0x7a, 0x3e], "1e-07"),
            ("binary,binary,0,", [2, 0, 0, 0, 0, 0, 0, 0, 0x80], "-0.0e0"),
            ("utf8mb4,utf8mb4_bin,-,", [3, 0x2d, 0x61, 0x2c], "_utf8mb4 X'612c' COLLATE utf8mb4_bin"),
            // The number of a collation above 127 takes two bytes.
            ("utf8mb4,utf8mb4_uca,-,", [3, 0x84, 0x12, 0x61], "_utf8mb4 X'61' COLLATE utf8mb4_uca"),
            ("latin1,latin1_swedish_ci,-,", [3, 8], "_latin1 X'' COLLATE latin1_swedish_ci"),
        ] as [(String, [UInt8], String)])
    func types(text: String, data: [UInt8], expected: String) {
        #expect(Self.literal(text, Self.head + data) == expected)
        // Where there is much of it, the place of the column takes more bytes.
        let wide = [2] + Self.head.dropFirst() + data.prefix(1) + [0, 0] + data.dropFirst()
        #expect(Self.literal(text, wide) == expected)
    }

    @Test(
        "NULL, bytes, what is too long, and nonsense",
        arguments: [
            ("binary,binary,-", []), ("binary,binary,x,", [0, 1, 0, 1, 0, 3, 0x3f, 0x78]),
            ("latin1,latin1_bin,-,-", []),
            ("latin1,latin1_bin,-,", [0, 0, 0]), ("binary,binary,1;DROP,", [0, 1, 0, 1, 0, 0, 2]),
            ("latin1;,latin1_bin,-,", [0, 1, 0, 1, 0, 3, 8, 0x61]), ("binary,binary,1,", [0, 1, 0, 1, 0, 2, 0, 0]),
            ("binary,binary,1,", [0, 1, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f]), ("", []), ("a,b,c,", [3]),
            ("utf8mb4,utf8mb4_bin,-,", [0, 1, 0, 1, 0, 3]), ("utf8mb4,utf8mb4_bin,-,", [3, 1, 0, 1, 0, 3]),
            ("utf8mb4,utf8mb4_bin,-,", [0, 1, 0, 1, 0, 3, 0x80]),
        ] as [(String, [UInt8])])
    func unknown(text: String, column: [UInt8]) {
        #expect(Self.literal(text, column) == nil)
    }
}
