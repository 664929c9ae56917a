import Cluster
import Logging
import Reactor

/// One line for every outcome that nobody knows, as long as there are not too many. Lives on the control thread.
final class UnknownTeller {
    private let log: Logger
    private let loop: EventLoop
    private var ration = LineRation(linesMax: 20, window: .seconds(10))

    init(log: Logger, loop: EventLoop) {
        self.log = log
        self.loop = loop
    }

    func take(_ outcome: UnknownOutcome) {
        let now = MonotonicClock.now()
        switch ration.take(at: now) {
        case .say: log.tell(.warning, .unknownOutcome, outcome.fields, outcome.sentence)
        case .counted: break
        case .sumUp(let time):
            loop.schedule(after: time - now) { [weak self] in self?.sumUp() }
        }
    }

    private func sumUp() {
        let count = ration.sumUp(at: MonotonicClock.now())
        log.tell(
            .warning, .unknownOutcome, [.count: "\(count)"],
            "The outcomes of \(count) more statements are unknown: `show unknown` lists them.")
    }
}

extension UnknownOutcome {
    var sentence: String {
        let whose = "'\(user)' from \(client)" + (database.isEmpty ? "" : ", database \(database)")
        let place = node.isEmpty ? "" : " with \(node) (thread \(thread))"
        let what = statement == "transaction" ? "an open transaction" : "a statement (\(statement))"
        let part = inTransaction && statement != "transaction" ? " in a transaction" : ""
        let why =
            switch cause {
            case .lost: "the primary was lost"
            case .killed: "its connection was killed"
            case .stopped: "the proxy stopped"
            case .unreadable: "the answer could not be understood"
            }
        return
            "Nobody knows whether \(what)\(part) of \(whose) took effect: \(why) after it had been under way\(place) "
            + "for \(ended - began), session \(session). The client got error 1927; look at the data before it is run again."
    }

    fileprivate var fields: [LogField: String] {
        [
            .session: "\(session)", .user: user, .client: client, .database: database, .node: node,
            .thread: "\(thread)", .statement: statement, .cause: cause.rawValue,
            .milliseconds: "\((ended - began).milliseconds)",
        ]
    }
}
