import Foundation
import Testbed
import Testing

extension Integration {
    /// What a client is told when the connection to the node breaks at an exact point of a statement.
    @Suite(.serialized)
    struct OutcomeTests {
        private func withRelay(_ body: (Relay, ProxyProcess, Client) throws -> Void) throws {
            let pair = try SharedPair.get()
            let relay = try Relay(to: pair.primary.port, isNode: true)
            defer { relay.close() }
            let proxy = try ProxyProcess(nodes: [relay.port, Ports.free(1)[0]], holdTimeout: "20s")
            defer { proxy.stop(grace: .seconds(2)) }
            let direct = try pair.direct()
            try direct.query("CREATE OR REPLACE TABLE outcome (id INT PRIMARY KEY)")
            try Load.makeTables(direct)
            do {
                try body(relay, proxy, direct)
            } catch {
                Issue.record("\(error)\nthe proxy's log:\n\(proxy.logTail())")
            }
            #expect(proxy.isRunning)
        }

        /// A session whose login and first answer are over: what the node sends next is the answer to a mark.
        private func settled(_ proxy: ProxyProcess, readTimeout: UInt32 = 60) throws -> Client {
            let session = try proxy.connect(readTimeout: readTimeout)
            try session.query("SELECT 'settled'")
            return session
        }

        @Test("a read without any answer yet is run again", arguments: [Relay.Deed.dropRequest, .dropAnswer])
        func read(deed: Relay.Deed) throws {
            try withRelay { relay, proxy, _ in
                let session = try settled(proxy)
                relay.on("x", deed)
                #expect(try session.query("SELECT 7 /*relay:x*/").first == "7")
                #expect(relay.count("x") == 2)
            }
        }

        @Test("a read with half of its rows delivered is an error, and the session lives on")
        func halfRead() throws {
            try withRelay { relay, proxy, _ in
                let session = try settled(proxy)
                relay.on("x", .cutAnswer(after: 3000))
                let error = clientError { try session.query("SELECT id, square FROM numbers ORDER BY id /*relay:x*/") }
                #expect(error != nil)
                #expect(error?.isConnectionLoss == false, "\(String(describing: error))")
                #expect(relay.count("x") == 1)
                #expect(try session.query("SELECT 8").first == "8")
            }
        }

        @Test("a write whose answer is lost is 08007, and is not run twice")
        func write() throws {
            try withRelay { relay, proxy, direct in
                let session = try settled(proxy)
                relay.on("x", .dropAnswer)
                let error = clientError { try session.query("INSERT INTO outcome VALUES (1) /*relay:x*/") }
                #expect(error?.sqlState == "08007", "\(String(describing: error))")
                #expect(relay.count("x") == 1)
                #expect(try direct.query("SELECT id FROM outcome").rows == [["1"]])
                #expect(try session.query("SELECT 9").first == "9")
            }
        }

        @Test("a COMMIT whose answer is lost is 08007")
        func commit() throws {
            try withRelay { relay, proxy, direct in
                let session = try settled(proxy)
                try session.query("BEGIN")
                try session.query("INSERT INTO outcome VALUES (2)")
                relay.on("x", .dropAnswer)
                #expect(clientError { try session.query("COMMIT /*relay:x*/") }?.sqlState == "08007")
                #expect(try direct.query("SELECT id FROM outcome").rows == [["2"]])
                #expect(try session.query("SELECT 10").first == "10")
                #expect(!session.isInTransaction)
            }
        }

        @Test("a statement in a transaction whose answer is lost is 1213: all of it is rolled back")
        func inTransaction() throws {
            try withRelay { relay, proxy, direct in
                let session = try settled(proxy)
                try session.query("BEGIN")
                try session.query("INSERT INTO outcome VALUES (3)")
                relay.on("x", .dropAnswer)
                let error = clientError { try session.query("INSERT INTO outcome VALUES (4) /*relay:x*/") }
                #expect(error?.code == 1213)
                #expect(error?.sqlState == "40001")
                #expect(try session.query("SELECT 11").first == "11")
                #expect(try direct.query("SELECT id FROM outcome").rows == [])
            }
        }

        @Test(
            "bytes that are no answer are an error of that session only",
            arguments: [
                [UInt8](repeating: 0xff, count: 64), [0xff, 0xff, 0xff, 1] + [UInt8](repeating: 0, count: 100),
                [1, 0, 0, 1, 0xfa, 1, 0, 0, 2, 0xfe], [0, 0, 0, 1], [7, 0, 0, 1, 0, 0, 0],
                [1, 0, 0, 9, 1, 5, 0, 0, 7, 1, 2, 3, 4, 5],
                [9, 0, 0, 1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                Array("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".utf8),
            ] as [[UInt8]])
        func garbageFromTheNode(bytes: [UInt8]) throws {
            try withRelay { relay, proxy, _ in
                let bystander = try proxy.connect()
                let session = try settled(proxy, readTimeout: 2)
                relay.on("x", .replaceAnswer(bytes))
                // The answer may be an error, or one that never ends: the client then gives up by itself.
                let answer = Background { try session.query("SELECT id FROM numbers /*relay:x*/").rows }
                for number in 0..<50 { #expect(try bystander.query("SELECT \(number)").first == "\(number)") }
                let error = answer.error(.seconds(20))
                #expect(error != nil || (try? answer.wait(.zero)) != nil)
                session.abandon()
                #expect(try bystander.query("SELECT 'still'").first == "still")
                #expect(try proxy.connect().query("SELECT 'new'").first == "new")
            }
        }
    }
}
