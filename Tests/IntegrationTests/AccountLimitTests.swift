import Foundation
import Testbed
import Testing

extension Integration {
    /// A limit of one account is that account's own trouble.
    @Suite(.serialized)
    struct AccountLimitTests {
        private static let limits = ["MAX_USER_CONNECTIONS 1", "MAX_CONNECTIONS_PER_HOUR 2"]

        private func limited(_ port: UInt16) throws(ClientError) -> Client {
            try Client(port: port, user: "limited", password: "limited", schema: "app", readTimeout: 100)
        }

        @Test(
            "logins and moves of others do not wait behind a session whose account is at its limit", arguments: limits)
        func others(_ limit: String) throws {
            try Stage.run(holdTimeout: "20s") { stage in
                let root = try stage.pair.asRoot()
                try root.query("CREATE USER limited@'%' IDENTIFIED BY 'limited' WITH \(limit)")
                try root.query("GRANT ALL ON app.* TO limited@'%'")
                let wanted = clientError {
                    let many = try (0..<3).map { _ in try limited(stage.pair.primary.port) }
                    many.forEach { $0.close() }
                }
                #expect(wanted?.code == 1226)
                try root.query("FLUSH USER_RESOURCES")
                let port = stage.proxy.port
                let first = try limited(port)
                let moving = try stage.proxy.connect()
                try moving.query("SET @mark = 1")
                root.close()
                try stage.failOver()
                // Others have taken all that the account may have there: it can't move.
                var takers: [Client] = []
                while takers.count < 3, let taker = try? limited(stage.pair.primary.port) { takers.append(taker) }
                #expect(!takers.isEmpty && takers.count < 3)
                let waiting = Background { try first.query("SELECT 2").rows }
                let late = Background { try limited(port).query("SELECT 3").rows }
                _ = try waiting.wait(.milliseconds(300))
                let begun = ContinuousClock.now
                for number in 0..<10 {
                    #expect(try stage.proxy.connect(readTimeout: 20).query("SELECT \(number)").first == "\(number)")
                }
                #expect(try moving.query("SELECT @mark").first == "1")
                let took = ContinuousClock.now - begun
                #expect(took < .seconds(10), "others waited \(took)")
                #expect(try takers.first?.query("SELECT 4").first == "4")
                // Those of that account are told, at the latest when their own time is over.
                for error in [waiting.error(.seconds(60)), late.error(.seconds(60))] {
                    #expect(error != nil)
                    #expect(
                        error?.code == 1226 || error?.code == 1213 || error?.code == 1040, "\(error.debugDescription)")
                }
            }
        }
    }
}
