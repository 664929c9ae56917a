import Foundation
import Testbed
import Testing

extension Integration {
    /// Passwords can't be guessed faster than on a server, and answers tell no more than a server's do.
    @Suite(.serialized)
    struct GuessingTests {
        private func makeAccounts(_ root: Client) throws {
            try WireSession.makeAccount(root)
            try root.query("INSTALL PLUGIN IF NOT EXISTS ed25519 SONAME 'auth_ed25519'")
            try root.query("CREATE USER IF NOT EXISTS ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret')")
            try root.query("GRANT ALL ON app.* TO ed@'%'")
        }

        @Test("COM_CHANGE_USER with wrong passwords: a second each, and 1047 from the fourth on, as directly")
        func changeUser() throws {
            let pair = try SharedPair.get()
            try makeAccounts(pair.asRoot())
            var codes: [[UInt32?]] = []
            for port in [pair.primary.port, try SharedProxy.get().port] {
                let client = try Client(port: port, user: "app", password: "app", schema: "app")
                var found: [UInt32?] = []
                for number in 0..<6 {
                    let begun = ContinuousClock.now
                    found.append(clientError { try client.changeUser("app", password: "wrong", schema: nil) }?.code)
                    let took = ContinuousClock.now - begun
                    if found.last == 1045 {
                        #expect(took > .milliseconds(900), "guess \(number) at port \(port) took \(took)")
                    }
                }
                codes.append(found)
            }
            #expect(codes[1] == codes[0])
            #expect(codes[0].last == 1047)
        }

        @Test("behind a relayed login, COM_CHANGE_USER with a wrong proof for an account without a password is refused")
        func changeUserBehindRelayedLogin() throws {
            let pair = try SharedPair.get()
            try makeAccounts(pair.asRoot())
            let root = try pair.asRoot()
            // The accounts that the proxy knows are those of its start: the login of a new one is passed on.
            let proxy = try ProxyProcess(nodes: pair.ports, sections: "")
            defer { proxy.stop(grace: .seconds(2)) }
            _ = try proxy.connect()
            try root.query("CREATE OR REPLACE USER just_made@'%'")
            try root.query("GRANT ALL ON app.* TO just_made@'%'")
            var codes: [Int?] = []
            for port in [pair.primary.port, proxy.port] {
                let client = try Client(port: port, user: "ed", password: "secret", schema: "app")
                let error = clientError { try client.changeUser(WireSession.user, password: "wrong", schema: "app") }
                codes.append(error.map { Int($0.code) })
                for user in ["just_made", WireSession.user] {
                    let session = try WireSession(port: port, user: user)
                    let wrong = [UInt8](repeating: 1, count: 20)
                    var answer = session.ask(Wire.changeUser(WireSession.user, proof: wrong))
                    if let question = answer, question.payload.first == 0xfe {
                        session.connection.sendPacket(wrong, sequence: question.sequence &+ 1)
                        answer = session.receive()
                    }
                    codes.append(answer?.errorCode)
                }
            }
            #expect(codes == [1045, 1045, 1045, 1045, 1045, 1045])
        }

        @Test("the request for another proof is the same for users that exist and for others")
        func switchRequest() throws {
            let pair = try SharedPair.get()
            try makeAccounts(pair.asRoot())
            let port = try SharedProxy.get().port
            // An account may have been made a moment ago.
            _ = try WireSession(port: port)

            /// Shape and order of all that can be seen of a login that offers a plugin which nobody asked for.
            func look(_ user: String) throws -> [String] {
                let session = try WireSession(connectingTo: port)
                let greeting = try #require(session.receive())
                session.connection.sendPacket(
                    Wire.handshakeResponse(
                        user: user, proof: [UInt8](repeating: 3, count: 32), plugin: "caching_sha2_password"),
                    sequence: 1)
                let question = try #require(session.receive())
                let data = question.payload.drop { $0 != 0 }.dropFirst()
                let version = try #require(greeting.payload.dropFirst().firstIndex(of: 0))
                let first = Array(greeting.payload[(version + 5)..<(version + 13)])
                session.connection.sendPacket([UInt8](repeating: 4, count: 20), sequence: question.sequence &+ 1)
                let end = session.receive()
                return [
                    "\(question.payload.prefix { $0 != 0 })", "\(data.count) bytes, \(question.sequence)",
                    Array(data.prefix(8)) == first ? "the greeting's scramble" : "another scramble",
                    "\(end?.errorCode ?? 0) \(end?.payload.count ?? 0) \(end?.sequence ?? 0)",
                ]
            }
            let known = try look("app")
            let unknown = try look("bpp")
            #expect(known == unknown)
        }
    }
}
