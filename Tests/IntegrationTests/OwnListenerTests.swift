import Foundation
import Testbed
import Testing

extension Integration {
    /// A node's address that leads to a HAProxyDB: it is no server, and nobody's outage.
    @Suite(.serialized)
    struct OwnListenerTests {
        private static let answer = "its address leads to a HAProxyDB listener, not to a MariaDB server"

        /// A pair whose first server is the primary, and what stands before it.
        private func run(_ body: (EmbeddedPair) throws -> Void) throws {
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            try body(pair)
        }

        /// The node is told apart, and the primary is what it was, through some of its checks.
        private func isToldApart(_ proxy: ProxyProcess, node: String = "cluster2") throws {
            let checked = "show nodes json"
            try proxy.admin("show cluster", within: .seconds(20)) {
                $0.contains("caution: nodeIsProxy") && $0.contains("primary: cluster1")
            }
            try proxy.admin(checked, within: .seconds(20)) { $0.contains(Self.answer) }
            let session = try proxy.connect()
            for _ in 0..<12 { try session.query("SELECT SLEEP(0.1)") }
            let cluster = try proxy.admin("show cluster")
            #expect(cluster.contains("generation: 1\n") && cluster.contains("primary: cluster1"), "\(cluster)")
            #expect(proxy.logs("\(node) fails: \(Self.answer)"))
            for word in ["twoPrimaries", "No primary (primaryLost)", "lost:"] {
                #expect(!proxy.log.contains(word), "\(proxy.logTail())")
            }
        }

        @Test("its own listener, through something that passes bytes on")
        func own() throws {
            try run { pair in
                let port = try Ports.free(1)[0]
                let way = try Relay(to: port)
                defer { way.close() }
                let proxy = try ProxyProcess(nodes: [pair.ports[0], way.port], port: port)
                defer { proxy.stop(grace: .seconds(2)) }
                try isToldApart(proxy)
                #expect(proxy.logs("was refused: 1105 HAProxyDB: this is a HAProxyDB listener"))
                // It asks once a second, and that is said once.
                let told = proxy.log.split(separator: "\n").count { $0.contains("was refused: 1105") }
                #expect(told == 1, "\(proxy.logTail())")

                // Without the primary there is nobody else, and it is said why.
                pair.failPrimary()
                try proxy.admin("show cluster", within: .seconds(10)) { $0.contains("\ndiagnosis: nodeIsProxy") }
                try pair.nodes[0].start()
                #expect(try proxy.connect().query("SELECT 1").first == "1")
            }
        }

        @Test("two proxies that take each other for a node, and a chain of them")
        func eachOther() throws {
            try run { pair in
                let ports = try Ports.free(3)
                // The third knows nobody but the second.
                let nodes = [[pair.ports[0], ports[1]], [pair.ports[0], ports[0]], [ports[1]]]
                let proxies = try zip(nodes, ports).map { try ProxyProcess(nodes: $0, port: $1) }
                defer { for proxy in proxies { proxy.stop(grace: .seconds(2)) } }
                try isToldApart(proxies[0])
                try isToldApart(proxies[1])
                try proxies[2].admin("show cluster", within: .seconds(20)) {
                    $0.contains("primary: -") && $0.contains("diagnosis: nodeIsProxy")
                }
            }
        }
    }
}
