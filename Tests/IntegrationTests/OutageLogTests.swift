import Foundation
import Testbed
import Testing

extension Integration {
    /// What somebody who has nothing but the log can tell of an outage that outlasts hold_timeout.
    @Suite(.serialized)
    struct OutageLogTests {
        /// The log that docs/failover.md explains line by line is this one, of an outage of 40 s with a hold_timeout of 8 s.
        @Test(
            "an outage longer than hold_timeout is told from its first error to its sum, in the lines that the manual has"
        )
        func told() throws {
            try Stage.run(holdTimeout: "2s") { stage in
                let direct = try stage.pair.direct()
                try direct.query("CREATE TABLE orders (id INT PRIMARY KEY)")
                let proxy = stage.proxy
                let writer = try proxy.connect()
                let committer = try proxy.connect()
                try committer.query("BEGIN")
                try committer.query("INSERT INTO orders VALUES (2)")
                let reader = try proxy.connect()
                try reader.query("SELECT 1")
                let late = try proxy.connect()
                try late.query("SELECT 1")
                let insert = Background { try writer.query("INSERT INTO orders SELECT 1 + SLEEP(60) /*mark*/") }
                try direct.wait(forRunning: 1)
                stage.pair.failPrimary()
                #expect(insert.error()?.sqlState == "08007")
                #expect(clientError { try committer.query("COMMIT") }?.sqlState == "40001")
                #expect(clientError { try reader.query("SELECT 1") }?.sqlState == "40001")
                let login = Background { try proxy.connect() }
                #expect(login.error()?.code == 1040)
                // Its line comes ten seconds after the loss, and hold_timeout is shorter.
                let waiting = Background {
                    while true {
                        guard let error = clientError({ try late.query("SELECT 1") }) else { return }
                        guard error.sqlState == "40001" else { throw error }
                    }
                }
                let deadline = ContinuousClock.now + .seconds(60)
                while !proxy.log.contains("No primary for "), ContinuousClock.now < deadline { usleep(20_000) }
                try stage.pair.startStandby()
                #expect(try waiting.wait() != nil)
                #expect(proxy.logs(" is over: failover "))
                let missing = try Self.missing(from: proxy.log)
                #expect(missing.isEmpty, "\(missing)\n\(proxy.log)")
            }
        }

        /// The manual's lines that a log has not in their order, without their numbers, names and times. How it stands
        /// comes every ten seconds: three times there, once here.
        private static func missing(from log: String) throws -> [String] {
            let manual = try String(contentsOfFile: "\(packageRoot)/docs/failover.md", encoding: .utf8)
            let block = try #require(manual.components(separatedBy: "```log\n").dropFirst().first)
            let told = (block.components(separatedBy: "```").first ?? "").split(separator: "\n").map(String.init)
            let repeated = told.filter { $0.contains("No primary for ") }
            #expect(told.count > 8 && repeated.count == 3)
            var lines = log.split(separator: "\n").map { shape(String($0)) }[...]
            if !repeated.contains(where: { lines.contains(shape($0)) }) { return repeated }
            return told.filter { line in
                if repeated.contains(line) { return false }
                guard let at = lines.firstIndex(of: shape(line)) else { return true }
                lines = lines[(at + 1)...]
                return false
            }
        }

        private static func shape(_ line: String) -> String {
            var shape = ""
            for character in line {
                let isNumber = character.isNumber || "#.".contains(character) && shape.last == "#"
                if !isNumber { shape.append(character) } else if shape.last != "#" { shape.append("#") }
            }
            // Lengths of time, one and many.
            return shape.replacing("#m#s", with: "#s").replacing("#ms", with: "#s").replacing(
                "statements", with: "statement"
            )
            .replacing("logins", with: "login").replacing("connection lost", with: "connection refused").replacing(
                "sessions", with: "session"
            ).replacing(
                "outcomes", with: "outcome")
        }
    }
}
