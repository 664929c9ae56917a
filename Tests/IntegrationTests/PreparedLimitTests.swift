import Foundation
import Testbed
import Testing

extension Integration {
    /// What prepared statements a session may keep is bounded, as it is on a server.
    @Suite(.serialized)
    struct PreparedLimitTests {
        @Test("texts without end are refused with 1461, and memory stays bounded", .timeLimit(.minutes(2)))
        func texts() throws {
            let pair = try SharedPair.get()
            try WireSession.makeAccount(pair.asRoot())
            let proxy = try ProxyProcess(nodes: pair.ports)
            defer { proxy.stop(grace: .seconds(5)) }
            let bystander = try proxy.connect()
            let before = try #require(proxy.statistics).residentBytes
            let text = "SELECT '" + String(repeating: "p", count: 1 << 20) + "'"
            let prepare = Wire.prepare(text)
            var refused = 0
            var sessions: [WireSession] = []
            for _ in 0..<4 {
                let session = try WireSession(port: proxy.port)
                sessions.append(session)
                for number in 0..<150 {
                    let answer = try #require(session.ask(prepare), "\(proxy.logTail())")
                    guard answer.isOK else {
                        #expect(answer.errorCode == 1461, "statement \(number): \(answer)")
                        refused += 1
                        continue
                    }
                    // One column, and its end.
                    _ = session.receive()
                    _ = session.receive()
                    // What was prepared can be used.
                    if number == 0 { #expect(session.ask(Wire.resetStatement(1))?.isOK == true) }
                }
                // The session goes on.
                #expect(session.value(of: "SELECT 'here'") == "here")
            }
            let growth = try #require(proxy.statistics).residentBytes - before
            #expect(refused > 0)
            #expect(Sanitizer.isPresent || growth < 160 << 20, "\(growth >> 20) MiB more")
            #expect(try bystander.query("SELECT 'still here'").first == "still here")
            // What is closed makes room.
            let session = try #require(sessions.first)
            session.send(Wire.closeStatement(1))
            #expect(session.ask(Wire.prepare("SELECT 1"))?.isOK == true)
        }

        @Test("so many statements that their number is refused: 1461, and the session goes on", .timeLimit(.minutes(2)))
        func number() throws {
            let pair = try SharedPair.get()
            try WireSession.makeAccount(pair.asRoot())
            let proxy = try ProxyProcess(nodes: pair.ports)
            defer { proxy.stop(grace: .seconds(5)) }
            let session = try WireSession(port: proxy.port)
            let before = try #require(proxy.statistics).residentBytes
            // A server allows 16,382 of all its sessions.
            let count = 20_000
            let flood = Flood(
                (0..<count).flatMap { Wire.prepare("DO \($0)") } + Wire.query("SELECT 'the end'") + Wire.command(1),
                to: session.connection)
            let packets = try #require(session.receiveAll(.seconds(100)))
            #expect(flood.wait(.seconds(10)))
            let refused = packets.filter { $0.errorCode == 1461 }.count
            #expect(refused >= count - 16_382, "\(refused) refused")
            #expect(packets.filter { $0.isOK }.count + refused == count)
            let growth = try #require(proxy.statistics).residentBytes - before
            #expect(Sanitizer.isPresent || growth < 64 << 20, "\(growth >> 20) MiB more")
        }
    }
}
