import Testbed
import Testing

extension Integration {
    /// Locks of GET_LOCK taken and given back in all the ways that a text can say it.
    @Suite(.serialized)
    struct HiddenLockTests {
        private static let holding = [
            ["SELECT `GET_LOCK`('NAME', 1)"], ["SELECT GET_LOCK /* c */ ('NAME', 1)"], ["SELECT get_lock\n('NAME', 1)"],
            ["SET sql_mode='ANSI_QUOTES'", "SELECT \"GET_LOCK\"('NAME', 1)"], ["DO GET_LOCK('NAME', 1)"],
            ["SELECT GET_LOCK('NAME', 1)", "SELECT CASE WHEN 0 THEN RELEASE_LOCK('NAME') END"],
            ["SELECT GET_LOCK('NAME', 1)", "SELECT IF(0, RELEASE_LOCK('NAME'), 1)"],
            ["SELECT GET_LOCK('NAME', 1)", "SELECT 0 AND RELEASE_ALL_LOCKS()"],
            ["SELECT GET_LOCK('NAME', 1)", "SELECT RELEASE_LOCK('NAME') LIMIT 0"],
            ["SELECT GET_LOCK('NAME', 1)", "SELECT RELEASE_LOCK('NAME') FROM DUAL WHERE 0"],
            ["SELECT CASE WHEN 1 THEN GET_LOCK('NAME', 1) END"],
            ["SELECT GET_LOCK('NAME', 1)", "SELECT GET_LOCK('NAME', 1)", "DO RELEASE_LOCK('NAME')"],
        ]

        private static let free = [
            ["SELECT GET_LOCK('NAME', 1)", "SELECT RELEASE_LOCK('NAME')"],
            ["SELECT GET_LOCK('NAME', 1) AS l", "DO RELEASE_LOCK('NAME')"],
            ["SELECT GET_LOCK('NAME', 1)", "SELECT 1, COALESCE(RELEASE_LOCK('NAME'), 0) AS r"],
            ["SELECT `GET_LOCK`('NAME', 1)", "SELECT `RELEASE_ALL_LOCKS`()"],
            ["SELECT 'GET_LOCK(1)', `a` FROM (SELECT 1 AS a) AS t"],
        ]

        @Test("whoever holds a lock is told, nobody else")
        func moved() throws {
            try Stage.run { stage in
                var sessions: [(script: [String], holds: Bool, session: Client)] = []
                for (number, script) in (Self.holding + Self.free).enumerated() {
                    let session = try stage.proxy.connect()
                    let lock = "lock\(number)"
                    for text in script { try session.query(text.replacing("NAME", with: lock)) }
                    // The server's own word on it.
                    let holds = try stage.pair.direct().query("SELECT IS_USED_LOCK('\(lock)') IS NOT NULL").first == "1"
                    #expect(holds == Self.holding.contains(script), "\(script)")
                    sessions.append((script, holds, session))
                }
                try stage.failOver()
                for (script, holds, session) in sessions {
                    let error = clientError { try session.query("SELECT 1") }
                    #expect((error?.sqlState == "08S02") == holds, "\(script): \(String(describing: error))")
                }
            }
        }
    }
}
