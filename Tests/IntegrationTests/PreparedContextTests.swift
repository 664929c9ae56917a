import Testbed
import Testing

extension Integration {
    /// A prepared statement is what it was when it was prepared: on a connection that stays it goes on to mean that,
    /// whatever the session has become since.
    @Suite(.serialized)
    struct PreparedContextTests {
        struct Case: Sendable, CustomTestStringConvertible {
            let name: String
            let before: [String]
            let text: String
            let after: [String]
            var parameters: [PreparedStatement.Parameter] = []
            var testDescription: String { name }

            /// Of a literal with a backslash in it the proxy does not read what it says.
            var isNamed: Bool { parameters.isEmpty && !text.contains("\\") }
        }

        static let cases = [
            Case(
                name: "schema", before: ["USE ctx_a"], text: "SELECT DATABASE(), x FROM t", after: ["USE ctx_b"]),
            Case(
                name: "schema, and back", before: ["USE ctx_a"], text: "SELECT DATABASE(), x FROM t",
                after: ["USE ctx_b", "SET sql_mode=''", "USE ctx_a"]),
            Case(
                name: "sql_mode", before: ["USE ctx_a", "SET sql_mode='ANSI_QUOTES,PIPES_AS_CONCAT'"],
                text: #"SELECT "x" || '!', 'a\b' FROM t"#, after: ["SET sql_mode='NO_BACKSLASH_ESCAPES'"]),
            Case(
                name: "the login's sql_mode", before: [], text: #"SELECT "x", 1 || 0, 'a\'b'"#,
                after: ["SET @a = 'a\\'b'", "SET sql_mode='ANSI,NO_BACKSLASH_ESCAPES'"]),
            Case(
                name: "the client's character set", before: ["SET NAMES latin1"],
                text: "SELECT HEX('é'), CHARSET('x'), COLLATION('y')", after: ["SET NAMES utf8mb4 COLLATE utf8mb4_bin"]),
            Case(
                name: "the connection's collation", before: ["SET collation_connection=utf8mb4_bin"],
                text: "SELECT COLLATION('x'), COLLATION(CONCAT(1)), 'a' = 'A'", after: ["SET NAMES utf8mb4"]),
            Case(
                name: "the login's character sets", before: [], text: "SELECT HEX('é'), CHARSET('x'), COLLATION('y')",
                after: ["SET NAMES latin1", "USE ctx_a"]),
            Case(
                name: "all of them", before: ["USE ctx_b", "SET NAMES latin1", "SET sql_mode='PIPES_AS_CONCAT'"],
                text: "SELECT x || 'é', HEX('é'), DATABASE() FROM t",
                after: ["SET sql_mode=''", "SET NAMES utf8mb4", "SET @b = 'é'", "SET NAMES latin1", "USE ctx_a"]),
            Case(
                name: "parameters", before: ["USE ctx_a"], text: "SELECT CONCAT(x, ?), COLLATION(?) FROM t",
                after: ["USE ctx_b", "SET NAMES latin1"], parameters: ["é", "é"]),
        ]

        private static func makeSchemas(_ root: Client) throws {
            for name in ["ctx_a", "ctx_b", "ctx_gone"] {
                try root.query("CREATE OR REPLACE DATABASE \(name)")
                try root.query("CREATE TABLE \(name).t (x VARCHAR(20))")
                try root.query("INSERT INTO \(name).t VALUES ('\(name)')")
            }
            try root.query("GRANT ALL ON *.* TO 'app'@'%'")
        }

        @Test("binary and by name, after every kind of move", .timeLimit(.minutes(3)))
        func contexts() throws {
            try Stage.run { stage in
                try Self.makeSchemas(stage.pair.asRoot())
                struct Open {
                    let item: Case
                    let client: Client
                    let statement: PreparedStatement
                    let expected: [Answer]
                }
                func ask(_ client: Client, _ statement: PreparedStatement, _ item: Case) throws -> [Answer] {
                    let binary = try Answer { try statement.execute(item.parameters) }
                    let state = try Answer {
                        try client.query(
                            "SELECT DATABASE(), @@sql_mode, @@character_set_client, @@collation_connection")
                    }
                    let named = item.isNamed ? [try Answer { try client.query("EXECUTE p") }] : []
                    return [binary, state] + named
                }
                func open(_ client: Client, _ item: Case) throws -> PreparedStatement {
                    for text in item.before { try client.query(text) }
                    let statement = try client.prepare(item.text)
                    let doubled = item.text.replacing("'", with: "''")
                    if item.isNamed { try client.query("PREPARE p FROM '\(doubled)'") }
                    for text in item.after { try client.query(text) }
                    return statement
                }
                var all: [Open] = []
                for item in Self.cases {
                    let direct = try stage.pair.direct()
                    let expected = try ask(direct, open(direct, item), item)
                    direct.close()
                    let client = try stage.proxy.connect()
                    let statement = try open(client, item)
                    #expect(try ask(client, statement, item) == expected, "\(item.name), before a move")
                    all.append(Open(item: item, client: client, statement: statement, expected: expected))
                }
                for move in Move.allCases {
                    try move(stage)
                    for one in all {
                        let found = try ask(one.client, one.statement, one.item)
                        #expect(found == one.expected, "\(one.item.name), after \(move)")
                    }
                }
            }
        }

        @Test("rows go where they were meant to go, among thousands of statements", .timeLimit(.minutes(3)))
        func rows() throws {
            try Stage.run { stage in
                try Self.makeSchemas(stage.pair.asRoot())
                let client = try stage.proxy.connect()
                var statements: [PreparedStatement] = []
                for number in 0..<1000 {
                    try client.query("USE ctx_\(number % 2 == 0 ? "a" : "b")")
                    statements.append(try client.prepare("INSERT INTO t VALUES (CONCAT('row ', ?))"))
                }
                try client.query("USE ctx_gone")
                for move in Move.allCases {
                    try move(stage)
                    for number in stride(from: 0, to: 1000, by: 111) {
                        _ = try statements[number].execute([.int(Int64(number))])
                    }
                }
                let counts = try client.query(
                    """
                    SELECT (SELECT COUNT(*) FROM ctx_a.t), (SELECT COUNT(*) FROM ctx_b.t),
                    (SELECT COUNT(*) FROM ctx_gone.t), DATABASE()
                    """)
                #expect(counts.rows == [["11", "11", "1", "ctx_gone"]])
            }
        }

        @Test("a schema that is gone takes its own statements with it, and no others", .timeLimit(.minutes(3)))
        func goneSchema() throws {
            try Stage.run { stage in
                try Self.makeSchemas(stage.pair.asRoot())
                let client = try stage.proxy.connect()
                try client.query("USE ctx_gone")
                let gone = try client.prepare("SELECT x FROM t")
                try client.query("PREPARE g FROM 'SELECT 2'")
                try client.query("USE ctx_a")
                let here = try client.prepare("SELECT x FROM t")
                try client.query("PREPARE h FROM 'SELECT x FROM t'")
                try client.query("USE ctx_b")
                try stage.pair.asRoot().query("DROP DATABASE ctx_gone")
                try Move.crash(stage)
                #expect(try Answer { try here.execute() } == .rows([["ctx_a"]]))
                #expect(try Answer { try gone.execute() } == .error(1049))
                // Its id on the node before may be another's on this one.
                gone.close()
                #expect(try Answer { try here.execute() } == .rows([["ctx_a"]]))
                // Not in another schema: there is none of that name any more.
                #expect(try Answer { try client.query("EXECUTE g") } == .error(1243))
                #expect(try Answer { try client.query("EXECUTE h") } == .rows([["ctx_a"]]))
                #expect(try Answer { try client.query("SELECT DATABASE()") } == .rows([["ctx_b"]]))
            }
        }

        @Test("a session that had no schema yet", .timeLimit(.minutes(2)))
        func noSchema() throws {
            try Stage.run { stage in
                try Self.makeSchemas(stage.pair.asRoot())
                let account = EmbeddedPair.application
                let client = try Client(port: stage.proxy.port, user: account.user, password: account.password)
                let without = try client.prepare("SELECT DATABASE()")
                try client.query("USE ctx_a")
                let with = try client.prepare("SELECT DATABASE()")
                for move in Move.allCases {
                    try move(stage)
                    #expect(try without.execute().rows == [[nil]])
                    #expect(try with.execute().rows == [["ctx_a"]])
                    #expect(try client.query("SELECT DATABASE()").rows == [["ctx_a"]])
                }
            }
        }
    }
}
