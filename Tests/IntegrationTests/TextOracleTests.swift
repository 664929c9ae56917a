import Testbed
import Testing

@testable import Routing

extension Integration {
    /// The scanner against the only one that counts: for generated texts, under every character set and sql_mode, as many
    /// placeholders and columns as a server finds when it prepares them.
    @Suite(.serialized)
    struct TextOracleTests {
        private struct Mode {
            var name: String
            var status: UInt16
        }

        private static let modes = [
            Mode(name: "", status: 0), Mode(name: "ANSI_QUOTES", status: 0x8000),
            Mode(name: "NO_BACKSLASH_ESCAPES", status: 0x0200),
            Mode(name: "ANSI_QUOTES,NO_BACKSLASH_ESCAPES", status: 0x8200),
        ]

        /// Halves of characters, quotes, and what may stand between; all of one byte or few, so that they meet.
        private static let pieces: [[UInt8]] =
            [
                "'", "'", "\"", "`", "\\", "\\", "?", ",", " ", "a", "1", "''", "/* ' */", "-- ' \n", "--\u{7f}?\n",
                "# \" \n", "--1", "/*!", "*/", "\u{e9}", "@", ".",
            ]
            .map { Array($0.utf8) } + [
                [0x95], [0x5c], [0x83, 0x60], [0x95, 0x5c], [0xa4, 0x7c], [0xa0], [0xe3, 0x27], [0x81], [0x40],
            ]

        private static func text(_ generator: inout some RandomNumberGenerator) -> [UInt8] {
            var text = Array("SELECT ".utf8)
            for number in 0..<Int.random(in: 1...4, using: &generator) {
                if number > 0 { text.append(0x2c) }
                let quote: [UInt8] = [[], [0x27], [0x27], [0x22], [0x60]].randomElement(using: &generator) ?? []
                text += quote
                for _ in 0..<Int.random(in: 0...6, using: &generator) {
                    text += pieces.randomElement(using: &generator) ?? []
                }
                text += quote
                if quote == [0x60] { text += Array(" FROM (SELECT 1) AS t".utf8) }
            }
            return text
        }

        @Test("a comment is run by every server of which that is believed, and by none of which the contrary is")
        func executableComments() throws {
            let root = try SharedPair.get().asRoot()
            let versions =
                [nil]
                + [1, 32303, 50000, 50699, 50700, 50701, 80000, 99999, 100_000, 100_100, 100_500].map(Optional.some)
            for version in versions {
                for isMaria in [false, true] {
                    let mark =
                        "/*\(isMaria ? "M" : "")!\(version.map { $0 < 100_000 ? String($0).padded(to: 5) : "\($0)" } ?? "") "
                    let isRun = try root.query("SELECT 1 \(mark) + 1 */").first == "2"
                    #expect(ExecutableComment.isRun(version: version, isMaria: isMaria) == isRun, "\(mark)")
                }
            }
        }

        @Test(
            "strings and names end where a server says",
            arguments: ["utf8mb4", "latin1", "sjis", "cp932", "gbk", "big5", "ujis", "euckr"])
        func ends(_ characterSet: String) throws {
            let root = try SharedPair.get().asRoot()
            try WireSession.makeAccount(root)
            let session = try WireSession(port: SharedPair.get().primary.port)
            var generator = SeededGenerator(seed: 20)
            var agreed = 0
            // Goes out with the next text: on its own it would wait for an acknowledgement.
            var closing: [UInt8] = []
            for mode in Self.modes {
                #expect(session.ask(Wire.query("SET NAMES \(characterSet), sql_mode='\(mode.name)'"))?.isOK == true)
                let dialect = Dialect(
                    status: mode.status, characterSet: ClientCharacterSet(name: Array(characterSet.utf8)))
                for _ in 0..<1000 {
                    let text = Self.text(&generator)
                    guard let answer = session.ask(closing + Wire.packets([0x16] + text)) else {
                        Issue.record("the server is gone")
                        return
                    }
                    closing = []
                    guard answer.isOK, answer.payload.count >= 9 else { continue }
                    let columns = Int(answer.payload[5]) + Int(answer.payload[6]) << 8
                    let parameters = Int(answer.payload[7]) + Int(answer.payload[8]) << 8
                    for count in [parameters, columns] where count > 0 {
                        for _ in 0...count where session.receive() == nil { Issue.record("no columns") }
                    }
                    closing = Wire.closeStatement(answer.payload[1...4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
                    let found = text.withUnsafeBytes { bytes -> (Int, Int)? in
                        guard let reader = StatementReader(bytes, dialect: dialect) else { return nil }
                        var parameters = 0
                        for index in 0..<reader.count where reader.isSymbol(index, "?") { parameters += 1 }
                        // Behind the list a table's name may stand, and its alias.
                        return (parameters, reader.items?.count ?? 0)
                    }
                    // What is not certain says so: in these character sets only where the text says it may be either.
                    guard let found else { continue }
                    agreed += 1
                    #expect(
                        found == (parameters, columns), "\(text) \(mode.name): \(String(decoding: text, as: UTF8.self))"
                    )
                }
            }
            #expect(agreed > 400, "\(agreed) texts were read by both")
        }
    }

    /// Numbers that a seed repeats.
    struct SeededGenerator: RandomNumberGenerator {
        private var state: UInt64

        init(seed: UInt64) { state = seed }

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }
}

extension String {
    /// With zeros before it.
    fileprivate func padded(to length: Int) -> String { String(repeating: "0", count: max(0, length - count)) + self }
}
