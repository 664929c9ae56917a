import Testing

@testable import Routing

@Suite struct KillStatementTests {
    static func targets(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBytes { sql in
            KillStatement.targets(in: sql, dialect: Dialect(status: 0, characterSet: .safe)).map {
                "\(String(decoding: bytes[$0.place], as: UTF8.self))=\($0.id)"
            }
        }
    }

    @Test(arguments: [
        ("KILL 5", ["5=number(5)"]), ("kill hard query 5;", ["5=number(5)"]),
        ("KILL SOFT CONNECTION (5)", ["(5)=number(5)"]),
        ("/* x */ KILL /* y */ QUERY /* z */ 5 -- 6", ["5=number(5)"]), ("KILL 2+3*(4-1)", ["2+3*(4-1)=number(11)"]),
        ("KILL 0x1F", ["0x1F=number(31)"]), ("KILL QUERY '5'", ["'5'=number(5)"]), ("KILL QUERY ?", ["?=placeholder"]),
        ("KILL 5; KILL QUERY 6", ["5=number(5)", "6=number(6)"]), ("KILL /*! QUERY */ 5", ["5=number(5)"]),
        ("KILL QUERY ID 5", []), ("KILL USER u", []), ("KILL CONNECTION_ID()", []), ("KILL @a", []), ("KILL 5-6", []),
        ("KILL 99999999999999999999", []), ("KILL 9223372036854775807+1", []), ("KILL", []), ("SELECT 'KILL 5'", []),
        ("KILL ? + 1", []), ("KILL (5", []),
    ])
    func reads(_ text: String, _ expected: [String]) { #expect(Self.targets(text) == expected) }

    @Test func deep() {
        let text = "KILL " + String(repeating: "(", count: 100_000) + "5" + String(repeating: ")", count: 100_000)
        #expect(Self.targets(text).isEmpty)
    }

    @Test func executed() {
        func executed(_ text: String) -> [UInt8]? {
            Array(text.utf8).withUnsafeBytes {
                KillStatement.executed(by: $0, dialect: .unknown) { $0 == Array("p".utf8) ? Array("KILL 5".utf8) : nil }
            }
        }
        #expect(executed("EXECUTE P") == Array("KILL 5".utf8))
        #expect(executed("EXECUTE IMMEDIATE 'KILL 6';") == Array("KILL 6".utf8))
        for text in ["EXECUTE q", "EXECUTE p USING @a", "EXECUTE IMMEDIATE @a", "SELECT 1"] {
            #expect(executed(text) == nil)
        }
    }
}
