import Testbed
import Testing

/// Something that a session does, and what it is asked after a move. The oracle is a direct connection that stays.
struct ChangeCase: Sendable {
    enum After: Sendable {
        /// Answers as without a move.
        case same
        /// It is told that it is not what it was, before it can be answered wrongly.
        case told
        /// The one or the other.
        case either
    }

    let name: String
    var before: [String] = []
    let text: String
    var parameters: [PreparedStatement.Parameter]?
    /// What follows it.
    var behind: [String] = []
    let check: String
    let after: After

    init(
        _ text: String, _ parameters: [PreparedStatement.Parameter]? = nil, before: [String] = [], check: String,
        _ after: After
    ) {
        name = text
        self.before = before
        self.text = text
        self.parameters = parameters
        self.check = check
        self.after = after
    }

    /// Does it; its own answer.
    func run(_ client: Client) throws -> Answer {
        for text in before { try client.query(text) }
        let answer = try Answer {
            guard let parameters else { return try client.query(text) }
            let statement = try client.prepare(text)
            defer { statement.close() }
            return try statement.execute(parameters)
        }
        for text in behind { try client.query(text) }
        return answer
    }

    /// With a statement behind it that leaves all as it was: what the server has to be asked is asked with it.
    var settled: ChangeCase {
        var settled = self
        settled.behind = ["DO 0"]
        return settled
    }

    /// All of them before a move, and what they say after it.
    static func judge(_ cases: [ChangeCase], _ stage: Stage, _ move: Move) throws {
        var open: [(item: ChangeCase, client: Client, expected: Answer)] = []
        for item in cases {
            let direct = try stage.pair.direct()
            let answer = try item.run(direct)
            let expected = try Answer { try direct.query(item.check) }
            direct.close()
            let client = try stage.proxy.connect()
            #expect(try item.run(client) == answer, "\(item.name)")
            open.append((item, client, expected))
        }
        try move(stage)
        for (item, client, expected) in open {
            let found = try Answer { try client.query(item.check) }
            switch item.after {
            case .same: #expect(found == expected, "\(item.name), \(move)")
            case .told: #expect(found.saysLost, "\(item.name), \(move): \(found), directly \(expected)")
            case .either:
                #expect(found.saysLost || found == expected, "\(item.name), \(move): \(found), directly \(expected)")
            }
            client.close()
        }
    }
}
