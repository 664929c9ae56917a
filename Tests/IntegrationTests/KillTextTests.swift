import Foundation
import Testbed
import Testing

extension Integration {
    /// KILL of a session's id, however the number is written, and however the statement is sent.
    @Suite(.serialized)
    struct KillTextTests {
        /// Of what the client that kills sends.
        private static let texts: [[String]] = [
            ["KILL QUERY ID"], ["kill /* it */ query ID"], ["KILL QUERY (ID)"], ["KILL QUERY ID+0"],
            ["KILL QUERY 0xHEX"],
            ["/* c */ KILL SOFT QUERY ID;"], ["KILL QUERY 'ID'"], ["EXECUTE IMMEDIATE 'KILL QUERY ID'"],
            ["-- x\nKILL QUERY ID"],
            ["KILL /*! QUERY */ ID"], ["PREPARE kills FROM 'KILL QUERY ID'", "EXECUTE kills"], ["KILL QUERY ID # end"],
            ["DO 1; KILL QUERY ID"], ["BOUND KILL QUERY ID"], ["BOUND KILL QUERY ?"], ["TEXT KILL QUERY ?"],
        ]

        @Test("a running statement is ended")
        func killed() throws {
            let pair = try SharedPair.get()
            let proxy = try SharedProxy.get()
            for texts in Self.texts {
                let sleeper = try proxy.connect()
                let id = sleeper.threadID
                try sleeper.query("DO 1")
                let mark = "kill text \(UUID().uuidString)"
                let sleep = Background { try sleeper.query("SELECT SLEEP(60) /* \(mark) */") }
                let root = try pair.asRoot()
                let running =
                    "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(60)%\(mark)%'"
                while try root.query(running).first != "1" { Thread.sleep(forTimeInterval: 0.01) }
                let killer = try proxy.connect(multiStatements: true)
                for text in texts {
                    let hexadecimal = String(id, radix: 16)
                    func named(_ text: String) -> String {
                        text.replacing("HEX", with: hexadecimal).replacing("ID", with: "\(id)")
                    }
                    let error = clientError {
                        if text.hasPrefix("BOUND ") {
                            let statement = try killer.prepare(named(String(text.dropFirst(6))))
                            try statement.execute(statement.parameterCount == 0 ? [] : [.int(Int64(id))])
                        } else if text.hasPrefix("TEXT ") {
                            try killer.prepare(String(text.dropFirst(5))).execute([.text("\(id)")])
                        } else {
                            _ = try killer.results(of: named(text))
                        }
                    }
                    #expect(error == nil, "\(text): \(String(describing: error))")
                }
                // An interrupted SLEEP is an error, or 1, as the version has it.
                _ = sleep.error(.seconds(20))
                #expect(sleep.isDone, "\(texts) did not end the statement")
                if !sleep.isDone { sleeper.abandon() }
                #expect(try root.query(running).first == "0")
            }
        }

        @Test("a number that is no connection's is passed on as it is")
        func others() throws {
            let proxy = try SharedProxy.get()
            let session = try proxy.connect()
            let id = session.threadID
            // A statement's id, and a user, are not sessions.
            #expect(clientError { try session.query("KILL QUERY ID \(id)") }?.code != 1094)
            #expect(clientError { try session.query("KILL QUERY 4000000000") }?.code == 1094)
            #expect(try session.query("SELECT 'KILL QUERY \(id)'").first == "KILL QUERY \(id)")
        }
    }
}
