import Foundation
import Testbed
import Testing

extension Integration {
    @Suite(.serialized)
    struct LimitTests {
        @Test("one connection too many gets 1040, and there is room again when another has gone")
        func tooMany() throws {
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports, proxy: ["connections_max = 5"])
            defer { proxy.stop(grace: .seconds(2)) }
            let sessions = try (0..<5).map { _ in try proxy.connect() }
            let error = clientError { _ = try proxy.connect() }
            #expect(error?.code == 1040)
            #expect(error?.sqlState == "08004")
            #expect(error?.message == "Too many connections")
            sessions[0].close()
            var late: Client?
            let deadline = ContinuousClock.now + .seconds(10)
            while late == nil, ContinuousClock.now < deadline { late = try? proxy.connect() }
            #expect(try late?.query("SELECT 1").first == "1")
            for session in sessions.dropFirst() { #expect(try session.query("SELECT 2").first == "2") }
        }

        @Test("an idle client is closed after client_timeout, a busy one is not")
        func clientTimeout() throws {
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports, proxy: ["client_timeout = \"1s\""])
            defer { proxy.stop(grace: .seconds(2)) }
            let (idle, busy) = (try proxy.connect(), try proxy.connect())
            #expect(try idle.query("SELECT 1").first == "1")
            #expect(try busy.query("SELECT SLEEP(2.5)").first == "0")
            #expect(clientError { try idle.query("SELECT 2") } != nil)
        }

        @Test("10,000 connects and disconnects leave descriptors and memory where they were", .timeLimit(.minutes(2)))
        func connectAndDisconnect() throws {
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports)
            defer { proxy.stop(grace: .seconds(2)) }
            func connect(_ count: Int) throws {
                let threads = (0..<4).map { thread in
                    Background {
                        for number in 0..<count / 4 {
                            let client = try proxy.connect()
                            if number % 2 == 0 { try client.query("SELECT \(number)") }
                            // Every fourth goes without a word.
                            if number % 4 == thread { client.abandon() }
                            client.close()
                        }
                        return true
                    }
                }
                for thread in threads { #expect(try thread.wait(.seconds(100)) == true) }
            }
            func settled(_ descriptors: Int?) throws -> ProcessStatistics {
                let deadline = ContinuousClock.now + .seconds(10)
                while true {
                    let now = try #require(proxy.statistics)
                    guard let descriptors, now.descriptors > descriptors, ContinuousClock.now < deadline else {
                        return now
                    }
                    usleep(20_000)
                }
            }
            let fresh = try #require(proxy.statistics)
            try connect(2000)
            let before = try settled(fresh.descriptors)
            try connect(10_000)
            let after = try settled(before.descriptors)
            #expect(after.descriptors <= before.descriptors)
            let growth = after.residentBytes - before.residentBytes
            #expect(Sanitizer.isPresent || growth < 2 << 20, "\(growth >> 10) KiB more after 10,000 connections")
            #expect(after.threads == before.threads)
        }

        @Test("SIGTERM lets a statement in flight end, and the program ends with status 0")
        func orderlyEnd() throws {
            let proxy = try ProxyProcess(nodes: SharedPair.get().ports)
            let session = try proxy.connect()
            let slow = Background { try session.query("SELECT SLEEP(1), 'done'").rows }
            let root = try SharedPair.get().asRoot()
            let running = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(1)%'"
            while try root.query(running).first == "0", !slow.isDone {}
            proxy.send(SIGTERM)
            #expect(try slow.wait() == [["0", "done"]])
            #expect(proxy.wait(.seconds(20)) == .exited(0), "\(proxy.logTail())")
        }
    }
}
