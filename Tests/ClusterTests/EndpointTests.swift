import Cluster
import Testing

@Suite struct EndpointTests {
    @Test(
        arguments: [
            ("10.0.0.1:3306", "10.0.0.1", 3306), ("db.example:1", "db.example", 1), ("[::1]:65535", "::1", 65535),
            ("[fe80::1]:33", "fe80::1", 33),
        ] as [(String, String, UInt16)])
    func reads(text: String, host: String, port: UInt16) throws {
        let endpoint = try #require(Endpoint(text))
        #expect(endpoint.host == host)
        #expect(endpoint.port == port)
        #expect(endpoint.description == text)
    }

    @Test(arguments: ["", "10.0.0.1", ":3306", "a:0", "a:65536", "a:-1", "::1:3306", "[]:1", "[::1:1", "a:b"])
    func refuses(text: String) {
        #expect(Endpoint(text) == nil)
    }
}

@Suite struct SpanTests {
    @Test(
        arguments: [
            (0, "0ms"), (999, "999ms"), (1_000, "1.0s"), (12_399, "12.3s"), (59_999, "59.9s"), (60_000, "1m00s"),
            (185_000, "3m05s"), (7_620_000, "2h07m"),
        ] as [(Int64, String)])
    func prints(milliseconds: Int64, text: String) {
        #expect(Instant.Span.milliseconds(milliseconds).description == text)
    }
}

@Suite struct AccountDirectoryTests {
    private func account(_ user: String, _ host: String) -> AccountDirectory.Account {
        AccountDirectory.Account(user: user, host: host, plugin: "mysql_native_password", nativeHash: [])
    }

    @Test func accountsListedFirstStandInForThoseOfTheSameName() {
        let listed = AccountDirectory([account("a", "%")])
        let read = AccountDirectory([account("a", "localhost"), account("b", "%"), account("b", "10.%")])
        let both = listed.filled(from: read)
        #expect(both.accounts(named: "a").map(\.host) == ["%"])
        #expect(both.accounts(named: "b").map(\.host) == ["%", "10.%"])
        #expect(both.accounts(named: "c").isEmpty)
        #expect(both.count == 3)
    }
}
