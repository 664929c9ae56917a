import Cluster
import Glibc
import Testing

@testable import Reactor

@Suite struct HostAddressesTests {
    @Test func theKernelsListIsRead() {
        func listener(_ line: String, _ port: UInt16, _ family: Int32 = AF_INET) -> String? {
            HostAddresses.listener(line, at: port, family)
        }
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
        let loopback = "   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   107        0 1 2"
        let all = "   1: 00000000:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   107        0 1 2"
        let connection =
            "   2: 0100007F:0CEA 0100007F:D431 01 00000000:00000000 00:00000000 00000000   107        0 1 2"
        #expect(listener(head, 3306) == nil)
        #expect(listener(loopback, 3306) == "127.0.0.1" && listener(loopback, 3307) == nil)
        #expect(listener(all, 3306) == "0.0.0.0")
        #expect(listener(connection, 3306) == nil)
        let six = "   0: 00000000000000000000000001000000:0CEA 00000000000000000000000000000000:0000 0A 0 0 0"
        #expect(listener(six, 3306, AF_INET6) == "::1")
        #expect(listener("", 3306) == nil && listener("0: x:0CEA y 0A", 3306) == nil)
    }

    @Test func whatListensHereIsFound() throws {
        let descriptor = try Sockets.listen(Endpoint(host: "127.0.0.9", port: 0))
        defer { Sockets.close(descriptor) }
        let port = try #require(Sockets.local(of: descriptor)?.endpoint?.port)
        #expect(HostAddresses.listeners(at: port).contains("127.0.0.9"))
        #expect(HostAddresses.isHere("127.0.0.1") && HostAddresses.isHere("127.0.0.9"))
        #expect(!HostAddresses.isHere("192.0.2.1"), "reserved for documentation")
        // Where this host goes out, if it does.
        if let way = Sockets.numeric(Endpoint(host: "192.0.2.1", port: 9)).flatMap(Sockets.source(for:))?.endpoint {
            #expect(HostAddresses.isHere(way.host))
        }
    }
}

@Suite struct NameLookupTests {
    @Test func numbersNamesAndNeither() throws {
        #expect(NameLookup.now(Endpoint(host: "192.0.2.1", port: 7), within: .zero)?.text == "192.0.2.1:7")
        #expect(NameLookup.now(Endpoint(host: "localhost", port: 7), within: .seconds(20))?.endpoint?.port == 7)
        let loop = try EventLoop()
        var outcome: NameLookup.Outcome?
        // `.invalid` is nobody's, for ever (RFC 2606).
        NameLookup.begin(Endpoint(host: "nobody.invalid", port: 7), loop: loop) {
            outcome = $0
            loop.stop()
        }
        #expect(outcome == nil, "never at once")
        loop.run()
        guard case .failure(let error)? = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(error.call.hasPrefix("getaddrinfo nobody.invalid"))
    }
}
