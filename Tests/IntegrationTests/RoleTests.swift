import Testbed
import Testing

extension Integration {
    /// COM_RESET_CONNECTION takes all that a session has set, but for the role.
    @Suite(.serialized)
    struct RoleTests {
        private static let scripts: [[String]] = [
            ["SET ROLE app_role"], ["SET ROLE app_role", "SET ROLE NONE"],
            ["BEGIN NOT ATOMIC SET ROLE app_role; END"], ["IF 1 THEN SET ROLE app_role; END IF"],
            ["BEGIN NOT ATOMIC BEGIN SET ROLE app_role; END; DO 1; END"],
            ["BEGIN NOT ATOMIC EXECUTE IMMEDIATE 'SET ROLE app_role'; END"],
            ["EXECUTE IMMEDIATE 'SET ROLE app_role'"], ["EXECUTE IMMEDIATE CONCAT('SET ROLE ', 'app_role')"],
            ["PREPARE p FROM 'SET ROLE app_role'", "EXECUTE p"],
            ["SET ROLE app_role", "BEGIN NOT ATOMIC SET ROLE NONE; END"],
            ["CALL app_sets_role()"], ["SET ROLE app_role", "CALL app_leaves_role()"],
            ["BEGIN NOT ATOMIC SET ROLE app_role; SIGNAL SQLSTATE '45000'; END"],
        ]

        @Test("set in whatever way it outlives a reset, and then a move", .timeLimit(.minutes(2)))
        func outlivesReset() throws {
            try Stage.run { stage in
                let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
                for text in [
                    "CREATE ROLE app_role", "GRANT app_role TO '\(EmbeddedPair.application.user)'@'%'",
                    "CREATE PROCEDURE app_sets_role() SET ROLE app_role",
                    "CREATE PROCEDURE app_leaves_role() SET ROLE NONE",
                ] { try root.query(text) }
                var moved: [(script: [String], session: Client, role: [[String?]])] = []
                for script in Self.scripts {
                    let direct = try SessionCase([]).login(stage.pair.primary.port)
                    let session = try stage.proxy.connect(schema: EmbeddedPair.schema)
                    for one in [direct, session] {
                        for text in script { _ = clientError { try one.query(text) } }
                        try one.reset()
                    }
                    // What is asked behind the reset has been answered then.
                    try session.ping()
                    moved.append((script, session, try direct.query("SELECT CURRENT_ROLE()").rows))
                    direct.close()
                }
                #expect(Set(moved.map(\.role)).count == 2)
                stage.pair.failPrimary()
                try stage.pair.startStandby()
                for (script, session, role) in moved {
                    #expect(try session.query("SELECT CURRENT_ROLE()").rows == role, "\(script)")
                }
            }
        }
    }
}
