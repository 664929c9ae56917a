import Cluster
import Testing

@testable import Settings

/// cluster1's host, 192.168.1.101, on which a server would bind like that.
private struct ADatabaseNode: HostSource {
    var binding = ServerBinding.unknown

    func address(of host: String) -> String? {
        switch host {
        case "cluster1", "::ffff:192.168.1.101": "192.168.1.101"
        case "cluster2": "192.168.1.102"
        case "localhost": "127.0.0.1"
        case "nowhere": nil
        case _: host
        }
    }

    func isHere(_ address: String) -> Bool { ["192.168.1.101", "127.0.0.1", "fd00::1"].contains(address) }
    func serverBinding(at address: String, port: UInt16) -> ServerBinding { binding }
}

/// An applications' host: no node's address is its own.
private struct AnotherHost: HostSource {
    func address(of host: String) -> String? { host }
    func isHere(_ address: String) -> Bool { address == "192.168.1.7" }
    func serverBinding(at address: String, port: UInt16) -> ServerBinding { .every("anything") }
}

@Suite struct PortClashTests {
    struct Case: CustomTestStringConvertible {
        var listener: String
        var node = "192.168.1.101:3306"
        var binding = ServerBinding.unknown
        var clash: PortClash?

        var testDescription: String { "\(listener) beside \(node), \(binding)" }
    }

    private static let every = ServerBinding.every("so it says")
    private static let own = ServerBinding.only(["192.168.1.101"])

    @Test(arguments: [
        // Whatever is known of the server: it can't have its port, or the proxy can't.
        Case(listener: "192.168.1.101:3306", clash: .same),
        Case(listener: "192.168.1.101:3306", binding: own, clash: .same),
        Case(listener: "cluster1:3306", clash: .same),
        Case(listener: "192.168.1.101:3306", node: "cluster1:3306", clash: .same),
        Case(listener: "[::ffff:192.168.1.101]:3306", clash: .same),
        Case(listener: "localhost:3306", node: "127.0.0.1:3306", clash: .same),
        // A floating address that is a node's and the listener's.
        Case(listener: "192.168.1.110:3306", node: "192.168.1.110:3306", clash: .same),
        Case(listener: "nowhere:3306", node: "nowhere:3306", clash: .same),
        Case(listener: "0.0.0.0:3306", clash: .covered),
        Case(listener: "0.0.0.0:3306", binding: own, clash: .covered),
        Case(listener: "0.0.0.0:3306", node: "localhost:3306", clash: .covered),
        Case(listener: "[::]:3306", node: "[fd00::1]:3306", clash: .covered),
        // An address of its own, here or not yet (IP_FREEBIND): it hangs on bind-address.
        Case(listener: "192.168.1.110:3306", binding: every, clash: .serverCovers("so it says")),
        Case(listener: "192.168.1.110:3306", binding: own, clash: nil),
        Case(listener: "192.168.1.110:3306", clash: .unproven),
        Case(listener: "127.0.0.1:3306", binding: every, clash: .serverCovers("so it says")),
        Case(listener: "127.0.0.1:3306", binding: own, clash: nil),
        Case(
            listener: "192.168.1.110:3306", binding: .only(["192.168.1.101", "192.168.1.110"]), clash: .serverShares),
        // The server's `*` is one socket for both families.
        Case(listener: "[::]:3306", binding: every, clash: .serverCovers("so it says")),
        Case(listener: "[::]:3306", binding: own, clash: nil),
        Case(listener: "0.0.0.0:3306", node: "[fd00::1]:3306", clash: .unproven),
        // Another port, another host, or a name of which nobody knows.
        Case(listener: "0.0.0.0:3307", binding: every, clash: nil),
        Case(listener: "192.168.1.101:3307", binding: every, clash: nil),
        Case(listener: "0.0.0.0:3306", node: "192.168.1.102:3306", binding: every, clash: nil),
        Case(listener: "192.168.1.110:3306", node: "cluster2:3306", binding: every, clash: nil),
        Case(listener: "0.0.0.0:3306", node: "nowhere:3306", binding: every, clash: nil),
    ])
    func onADatabaseNode(_ this: Case) throws {
        let listener = try #require(Endpoint(this.listener))
        let node = try #require(Endpoint(this.node))
        let found = PortClash.between(listener, node, on: ADatabaseNode(binding: this.binding))
        #expect(found == this.clash)
    }

    @Test(arguments: ["0.0.0.0:3306", "192.168.1.7:3306", "192.168.1.110:3306", "127.0.0.1:3306", "[::]:3306"])
    func onAnotherHost(_ listener: String) throws {
        let nodes = try ["192.168.1.101:3306", "192.168.1.102:3306"].map { try #require(Endpoint($0)) }
        for node in nodes {
            #expect(PortClash.between(try #require(Endpoint(listener)), node, on: AnotherHost()) == nil)
        }
        #expect(PortClash.between(nodes[0], nodes[0], on: AnotherHost()) == .same)
    }

    private func errors(_ text: String, _ host: some HostSource) -> [String] {
        do {
            _ = try Configuration.parse(text, file: "f", secrets: TableOfSecrets(), host: host)
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    @Test func theErrorNamesTheListenerAndTheWaysOut() throws {
        #expect(
            errors(smallest, ADatabaseNode()) == [
                "f:2:11: proxy.listen: 0.0.0.0:3306 takes port 3306 of every address of this host, 192.168.1.101:3306 among "
                    + "them: the MariaDB server of node cluster1 could not start here (\"Address already in use\"); write "
                    + "another port, or an address of the proxy's own (a floating one, say) and bind-address = 192.168.1.101 "
                    + "for MariaDB here"
            ])
        #expect(errors(smallest, AnotherHost()).isEmpty)
        let two = smallest.replacing("[\"0.0.0.0:3306\"]", with: "[\"0.0.0.0:3307\", \"192.168.1.110:3306\"]")
        #expect(
            errors(two, ADatabaseNode(binding: Self.every)).first?.hasPrefix(
                "f:2:27: proxy.listen: 192.168.1.110:3306 is")
                == true)
        #expect(errors(two, ADatabaseNode(binding: Self.own)).isEmpty)
    }

    @Test func whatNobodyKnowsIsAWarning() throws {
        let text = smallest.replacing("0.0.0.0:3306", with: "192.168.1.110:3306")
        let settings = try Configuration.parse(text, file: "f", secrets: TableOfSecrets(), host: ADatabaseNode())
        #expect(
            settings.warnings.map(\.description) == [
                "f:2:11: warning: proxy.listen: 192.168.1.110:3306 is on the port of the MariaDB server of node cluster1, and it "
                    + "is not known where that binds: with every address it could not start here (\"Address already in use\"); "
                    + "set bind-address = 192.168.1.101 for MariaDB here, or write another port"
            ])
    }

    @Test func theOtherListenersToo() {
        let text =
            smallest.replacing("0.0.0.0:3306", with: "0.0.0.0:3307") + """
                [admin]
                tcp = "0.0.0.0:3306"
                http = "127.0.0.1:3306"
                """
        let found = errors(text, ADatabaseNode(binding: Self.every))
        #expect(found.count == 2)
        #expect(found.first?.hasPrefix("f:12:7: admin.tcp: 0.0.0.0:3306 takes") == true, "\(found)")
        #expect(found.last?.hasPrefix("f:13:8: admin.http: 127.0.0.1:3306 is on") == true, "\(found)")
    }
}
