import Cluster
import Glibc
import Reactor
import Testing

/// A listener on a free port of the loopback, below the ephemeral range.
private func listener() throws -> (descriptor: Int32, endpoint: Endpoint) {
    var port = UInt16(21000 + Int(getpid()) % 4000)
    while true {
        let endpoint = Endpoint(host: "127.0.0.1", port: port)
        do throws(SystemError) {
            return (try Sockets.listen(endpoint), endpoint)
        } catch {
            guard error.errno == EADDRINUSE, port < 30000 else { throw error }
            port += 1
        }
    }
}

/// Both ends of a loopback connection.
private func pair() throws -> (client: Int32, server: Int32, peer: String) {
    let (listener, endpoint) = try listener()
    defer { Sockets.close(listener) }
    let client = try Sockets.connect(to: Sockets.resolve(endpoint))
    let loop = try guardedLoop()
    var accepted: Sockets.Accepted?
    loop.watch(listener, read: true, write: false) { _ in
        accepted = try? Sockets.accept(listener)
        loop.stop()
    }
    loop.run()
    let server = try #require(accepted)
    return (client, server.descriptor, server.peerText)
}

// One after another: a port that one test has just closed must not be the next one of another.
@Suite(.serialized) struct SocketsTests {
    @Test func acceptsAConnectionAndNamesItsPeer() throws {
        let (client, server, peer) = try pair()
        defer { Sockets.close(client) }
        defer { Sockets.close(server) }
        #expect(peer == Sockets.local(of: client)?.text)
        #expect(peer.hasPrefix("127.0.0.1:"))
        #expect(Sockets.pendingError(client) == nil)
        try Sockets.setNoDelay(client)
        try Sockets.setKeepalive(client, idle: 5, interval: 2, count: 3)
        try Sockets.setUserTimeout(client, milliseconds: 30_000)
    }

    @Test func bytesGoThroughAndTheEndIsAValue() throws {
        let (client, server, _) = try pair()
        defer { Sockets.close(server) }
        let loop = try guardedLoop()
        var received: [UInt8] = []
        let early = try withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            try Sockets.receive(server, into: buffer)
        }
        #expect(early == .wouldBlock)
        loop.watch(server, read: true, write: false) { readiness in
            #expect(readiness.readable)
            withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
                switch try? Sockets.receive(server, into: buffer) {
                case .bytes(let count): received += buffer.prefix(count)
                case .ended: loop.stop()
                case .wouldBlock: break
                case nil: Issue.record("recv failed")
                }
            }
        }
        let sent = try Array("hello".utf8).withUnsafeBytes { try Sockets.send(client, $0) }
        #expect(sent == .bytes(5))
        Sockets.close(client)
        loop.run()
        #expect(received == Array("hello".utf8))
    }

    @Test func aResetIsAnErrorToThePeer() throws {
        let (client, server, _) = try pair()
        defer { Sockets.close(client) }
        Sockets.closeWithReset(server)
        let loop = try guardedLoop()
        var failure: SystemError?
        loop.watch(client, read: true, write: false) { _ in
            withUnsafeTemporaryAllocation(byteCount: 8, alignment: 1) { buffer in
                do throws(SystemError) { _ = try Sockets.receive(client, into: buffer) } catch { failure = error }
            }
            loop.stop()
        }
        loop.run()
        #expect(failure?.errno == ECONNRESET)
    }

    @Test func aRefusedConnectionSaysSo() throws {
        let (closed, endpoint) = try listener()
        Sockets.close(closed)
        let loop = try guardedLoop()
        var failure: SystemError?
        do throws(SystemError) {
            let client = try Sockets.connect(to: Sockets.resolve(endpoint))
            defer { Sockets.close(client) }
            loop.watch(client, read: false, write: true) { _ in
                failure = Sockets.pendingError(client)
                loop.stop()
            }
            loop.run()
        } catch {
            failure = error
        }
        #expect(failure?.errno == ECONNREFUSED)
        #expect(failure?.description == "connect: Connection refused (111)")
    }

    @Test func aTakenPortNamesItselfInTheError() throws {
        let (taken, endpoint) = try listener()
        defer { Sockets.close(taken) }
        #expect(throws: SystemError(errno: EADDRINUSE, call: "bind \(endpoint)")) { try Sockets.listen(endpoint) }
    }

    @Test func reusePortSharesAndFreebindTakesAnAddressThatIsNotHere() throws {
        let (probe, endpoint) = try listener()
        Sockets.close(probe)
        let first = try Sockets.listen(endpoint, reusePort: true)
        defer { Sockets.close(first) }
        let second = try Sockets.listen(endpoint, reusePort: true)
        defer { Sockets.close(second) }
        // TEST-NET-1: documentation's own, on no interface.
        let elsewhere = Endpoint(host: "192.0.2.77", port: endpoint.port)
        let third = try Sockets.listen(elsewhere, freebind: true)
        defer { Sockets.close(third) }
        #expect(throws: SystemError.self) { try Sockets.listen(Endpoint(host: "192.0.2.78", port: endpoint.port)) }
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:3306"), ("::1", "[::1]:3306"), ("2001:db8::7", "[2001:db8::7]:3306"),
    ])
    func numericHostsResolveToThemselves(host: String, text: String) throws {
        let address = try Sockets.resolve(Endpoint(host: host, port: 3306))
        #expect(address.text == text)
        #expect(address.family == (host.contains(":") ? AF_INET6 : AF_INET))
    }

    @Test func aUnixSocketReplacesAStaleFileButNotALiveOne() throws {
        let path = "/tmp/reactor-test-\(getpid()).sock"
        defer { unlink(path) }
        let first = try Sockets.listenUnix(path, mode: 0o600)
        var status = stat()
        #expect(lstat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(throws: SystemError(errno: EADDRINUSE, call: "bind \(path)")) {
            try Sockets.listenUnix(path, mode: 0o600)
        }
        Sockets.close(first)
        let second = try Sockets.listenUnix(path, mode: 0o660)
        defer { Sockets.close(second) }
        let client = try Sockets.connectUnix(path)
        defer { Sockets.close(client) }
        var accepted: [Sockets.Accepted] = []
        // The probe for a live listener does not linger in the new one's queue.
        while let next = try Sockets.accept(second) { accepted.append(next) }
        #expect(accepted.count == 1)
        for each in accepted {
            #expect(each.peerText == "")
            Sockets.close(each.descriptor)
        }
    }

    @Test func aUnixPathThatIsTooLongIsRefused() {
        let path = "/tmp/" + String(repeating: "x", count: 120)
        #expect(throws: SystemError(errno: ENAMETOOLONG, call: "bind \(path)")) {
            try Sockets.listenUnix(path, mode: 0o600)
        }
    }

    @Test func theDescriptorLimitIsRaisedToTheHardOne() throws {
        let raised = try DescriptorLimit.raise()
        #expect(raised >= 1024)
        #expect(try DescriptorLimit.raise() == raised)
    }
}
