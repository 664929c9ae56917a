import Cluster
import Testing

@testable import Probes

@Suite struct AccountRowTests {
    private static let hash = "*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9"

    private static let texts: [(String, Int?)] = [
        ("", 0), (hash, 20), (hash.lowercased(), 20), ("invalid", nil), (String(hash.dropLast()), nil),
        (String(hash.dropFirst()) + "0", nil), ("*" + String(repeating: "g", count: 40), nil), (hash + "0", nil),
    ]

    @Test(arguments: texts)
    func hashes(text: String, bytes: Int?) {
        #expect(AccountRow.nativeHash(text)?.count == bytes)
    }

    @Test func digitsBecomeBytes() {
        #expect(AccountRow.nativeHash(Self.hash)?.prefix(3) == [0x6b, 0xb4, 0x83])
        #expect(AccountRow.nativeHash(Self.hash)?.last == 0xd9)
    }

    private static let rows: [([String?], String, Bool)] = [
        (["a", "%", nil, hash, "0"], "mysql_native_password", true),
        (["a", "%", "", hash, nil], "mysql_native_password", true),
        (["a", "%", "mysql_native_password", "", "0"], "mysql_native_password", true),
        (["a", "%", "mysql_native_password", hash, "1"], "mysql_native_password", true),
        (["a", "%", "mysql_native_password", "invalid", "1"], "multiple", false),
        (["a", "%", "mysql_native_password", "invalid", "0"], "mysql_native_password", false),
        (["a", "%", "ed25519", "x", "0"], "ed25519", false),
        (["a", "%", "ed25519", "x", "1"], "multiple", false),
    ]

    @Test(arguments: rows)
    func plugins(row: [String?], plugin: String, hasHash: Bool) throws {
        let account = try #require(AccountRow.account(row))
        #expect(account.plugin == plugin)
        #expect((account.nativeHash != nil) == hasHash)
    }

    private static let senseless: [[String?]] = [
        [], ["a"], [nil, "%", nil, nil, nil], ["a", nil, nil, nil, nil], ["a", "%", "", "", "0", "more"],
    ]

    @Test(arguments: senseless)
    func rowsThatMakeNoSenseAreNoAccounts(row: [String?]) {
        #expect(AccountRow.account(row) == nil)
    }
}
