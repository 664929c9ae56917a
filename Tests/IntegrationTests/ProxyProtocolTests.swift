import Foundation
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct ProxyProtocolTests {
        /// `user()` as a client from 127.0.0.77 sees it.
        private func user(through proxy: ProxyProcess, _ directory: String) throws -> String {
            let script = """
                import pymysql
                c = pymysql.connect(host='127.0.0.1', port=\(proxy.port), user='app', password='app',
                                    bind_address='127.0.0.77')
                u = c.cursor()
                u.execute('SELECT user()')
                print(u.fetchone()[0])
                """
            let process = try ChildProcess(
                ["/usr/bin/python3", "-c", script], name: "pymysql", logPath: "\(directory)/user.log")
            #expect(process.wait(.seconds(20)) == .exited(0), "\(process.log)")
            return process.log.split(separator: "\n").last.map(String.init) ?? ""
        }

        @Test("with the PROXY protocol nodes see the client's address, without it the proxy's")
        func addresses() throws {
            let pair = try EmbeddedPair(options: ["--proxy-protocol-networks=127.0.0.1"])
            defer { pair.stop() }
            try pair.start()
            let plain = try ProxyProcess(nodes: pair.ports)
            defer { plain.stop(grace: .seconds(2)) }
            #expect(["app@localhost", "app@127.0.0.1"].contains(try user(through: plain, pair.directory.path)))
            let telling = try ProxyProcess(nodes: pair.ports, proxy: ["proxy_protocol = true"])
            defer { telling.stop(grace: .seconds(2)) }
            #expect(try user(through: telling, pair.directory.path) == "app@127.0.0.77")
        }
    }
}
