import Foundation
import Testbed
import Testing

extension Integration {
    /// What a node asks for is not always what it gets: no password in plain text, no file that nobody offered.
    @Suite(.serialized)
    struct PlainTextTests {
        private static let dialog: [UInt8] = [4] + Array("Password: ".utf8)

        @Test("the service account's password is never sent in plain text, whatever a node asks for")
        func serviceAccount() throws {
            let greeting = Wire.packet(Wire.greeting())
            let file = try TemporaryDirectory()
            let path = "\(file.path)/offered"
            try "the content of a file".write(toFile: path, atomically: true, encoding: .utf8)
            let scripts: [[[UInt8]]] = [
                [greeting, Wire.packet(Wire.authSwitch("mysql_clear_password"), sequence: 2)],
                [greeting, Wire.packet(Wire.authSwitch("dialog", Self.dialog), sequence: 2)],
                [greeting, Wire.packet([0xfe], sequence: 2)],
                [Wire.packet(Wire.greeting(plugin: "mysql_clear_password"))],
                [Wire.packet(Wire.greeting(plugin: "dialog")), Wire.packet(Self.dialog, sequence: 2)],
                [
                    greeting, Wire.packet(Wire.ok, sequence: 2), Wire.packet([0xfb] + Array(path.utf8), sequence: 1),
                    Wire.packet(Wire.ok, sequence: 4),
                ],
            ]
            for (number, script) in scripts.enumerated() {
                let node = try ScriptedServer(script)
                defer { node.close() }
                let proxy = try ProxyProcess(nodes: [node.port], holdTimeout: "5s")
                defer { proxy.stop(grace: .seconds(2)) }
                #expect(node.waitForConnections(3, .seconds(20)), "script \(number)")
                let heard = String(decoding: node.bytes, as: UTF8.self)
                #expect(heard.contains(EmbeddedPair.service.user), "script \(number): nobody logged in")
                #expect(!heard.contains(EmbeddedPair.service.password), "script \(number)")
                #expect(!heard.contains("the content of a file"), "script \(number)")
                #expect(proxy.isRunning, "script \(number)\n\(proxy.logTail())")
            }
        }

        @Test("a node's question for a plain text goes to no client", arguments: ["mysql_clear_password", "dialog"])
        func clients(_ plugin: String) throws {
            let pair = try SharedPair.get()
            let root = try pair.asRoot()
            try root.query("INSTALL PLUGIN IF NOT EXISTS ed25519 SONAME 'auth_ed25519'")
            let users = ["proved /*relay:proved*/", "passed on /*relay:relayed*/"]
            try root.query("CREATE OR REPLACE USER '\(users[0])'@'%'")
            try root.query("CREATE OR REPLACE USER '\(users[1])'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret')")
            try WireSession.makeAccount(root)
            let relay = try Relay(to: pair.primary.port)
            defer { relay.close() }
            let proxy = try ProxyProcess(nodes: [relay.port], holdTimeout: "5s")
            defer { proxy.stop(grace: .seconds(2)) }
            let question = Wire.packet(Wire.authSwitch(plugin, plugin == "dialog" ? Self.dialog : []), sequence: 2)
            for (user, mark) in zip(users, ["proved", "relayed"]) {
                for changes in [false, true] {
                    relay.on(mark, .replaceAnswer(question))
                    let session: WireSession
                    if changes {
                        session = try WireSession(port: proxy.port)
                        session.send(Wire.changeUser(user))
                    } else {
                        session = try WireSession(connectingTo: proxy.port)
                        _ = session.receive()
                        session.connection.sendPacket(Wire.handshakeResponse(user: user), sequence: 1)
                    }
                    // A question of the proxy's own is answered; there is one at most.
                    for _ in 0..<3 {
                        guard let packet = session.receive(.seconds(8)) else { break }
                        #expect(
                            !packet.payload.starts(with: [0xfe] + Array(plugin.utf8)), "\(user), change: \(changes)")
                        guard packet.payload.first == 0xfe else { break }
                        session.connection.sendPacket([], sequence: packet.sequence &+ 1)
                    }
                    session.close()
                }
                #expect(relay.count(mark) >= 1, "the node was never asked")
            }
        }

        @Test("a node's request for a file reaches no client that has not offered files")
        func localInfile() throws {
            let pair = try SharedPair.get()
            try WireSession.makeAccount(pair.asRoot())
            let relay = try Relay(to: pair.primary.port)
            defer { relay.close() }
            let proxy = try ProxyProcess(nodes: [relay.port], holdTimeout: "5s")
            defer { proxy.stop(grace: .seconds(2)) }
            for flags in [Wire.Flags.plain.subtracting(.localFiles), .plain] {
                let session = try WireSession(port: proxy.port, flags: flags)
                #expect(session.ask(Wire.query("DO 1"))?.isOK == true)
                relay.on("file", .replaceAnswer(Wire.packet([0xfb] + Array("/etc/passwd".utf8), sequence: 1)))
                let answer = session.ask(Wire.query("SELECT 1 /*relay:file*/"), .seconds(10))
                if !flags.contains(.localFiles) { #expect(answer?.payload.first != 0xfb) }
                session.close()
            }
            #expect(proxy.isRunning)
        }
    }
}
