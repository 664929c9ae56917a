import Testbed
import Testing

/// What a session did, and what a direct connection that did the same answers.
struct SessionCase: Sendable, CustomTestStringConvertible {
    var name: String
    var user = EmbeddedPair.application
    var schema = EmbeddedPair.schema
    var charset = "utf8mb4"
    var script: [String]
    /// Asked after the move.
    var questions: [String]

    init(
        _ script: [String], asks questions: String..., user: EmbeddedPair.Account = EmbeddedPair.application,
        schema: String = EmbeddedPair.schema, charset: String = "utf8mb4"
    ) {
        name = script.joined(separator: "; ")
        self.script = script
        self.questions = questions
        self.user = user
        self.schema = schema
        self.charset = charset
    }

    var testDescription: String { name }

    func login(_ port: UInt16) throws -> Client {
        try Client(
            port: port, user: user.user, password: user.password, schema: schema, readTimeout: 60,
            multiStatements: true, charset: charset)
    }

    /// Says the script; false where the server refuses a part of it.
    func run(_ session: Client) -> Bool {
        for text in script where clientError({ try session.results(of: text) }) != nil { return false }
        return true
    }

    /// All values of all answers; an error's text in the place of an answer.
    func answers(_ session: Client) -> [String] {
        questions.flatMap { text -> [String] in
            do {
                return try session.query(text).rows.flatMap { $0.map { $0 ?? "NULL" } }
            } catch {
                return ["\(error)"]
            }
        }
    }
}

extension SessionCase {
    static let root = EmbeddedPair.Account(user: "root", password: "")

    /// Runs each case directly and through the proxy, moves all of the sessions by one `kill -9`, and holds what they
    /// answer then against what the direct connection answered. `tolerates`: an error of ours that comes first.
    static func move(
        _ cases: [SessionCase], options: [String] = [], prepare: [String] = [], between: [String] = [],
        tolerates: (SessionCase) -> Bool = { _ in false }
    ) throws {
        try Stage.run(options: options) { stage in
            let root = try stage.pair.asRoot(schema: EmbeddedPair.schema)
            for text in prepare { try root.query(text) }
            var moved: [(SessionCase, Client, [String])] = []
            for one in cases {
                let direct = try one.login(stage.pair.primary.port)
                // What the server refuses has nothing to keep.
                guard one.run(direct) else { continue }
                let expected = one.answers(direct)
                direct.close()
                let session = try one.login(stage.proxy.port)
                #expect(one.run(session), "refused: \(one.name)")
                // The last of them may have been asked behind its next statement.
                try session.ping()
                moved.append((one, session, expected))
            }
            #expect(!moved.isEmpty)
            stage.pair.failPrimary()
            try stage.pair.startStandby()
            let next = try stage.pair.asRoot(schema: EmbeddedPair.schema)
            for text in between { try next.query(text) }
            for (one, session, expected) in moved {
                let answers = one.answers(session)
                if tolerates(one), answers.first?.contains("08S02") == true { continue }
                #expect(answers == expected, "\(one.name)")
            }
        }
    }
}
