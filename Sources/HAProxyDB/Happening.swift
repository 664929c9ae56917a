import Logging
import Proxy

/// What a line of the log is about, as its JSON form names it (`event`). docs/log.md lists them with their fields.
enum Happening: String, CaseIterable {
    case unknownOutcome = "unknown_outcome"
    case loginRefused = "login_refused"
    case primaryLost = "primary_lost"
    case primaryFound = "primary_found"
    case clientsFail = "clients_fail"
    case outageGoesOn = "outage_goes_on"
    case outageOver = "outage_over"
    case caution
    case cautionOver = "caution_over"
    case paused
    case resumed
    case session, statement
}

/// The fields of the log's JSON lines beside `time`, `level`, `message` and `event`.
enum LogField: String, CaseIterable {
    case cause, client, code, count, database, diagnosis, failed, from, generation, held, kind, node, outage, phase
    case planned, refused, session, statement, thread, to, unknown, user, users
    case loginsHeld = "logins_held"
    case milliseconds = "ms"
    case sqlState = "sqlstate"
}

extension Logger {
    /// One sentence, which says it all, and its parts for machines.
    func tell(
        _ level: Logger.Level, _ happening: Happening, _ fields: [LogField: String],
        _ sentence: @autoclosure () -> String
    ) {
        guard level >= logLevel else { return }
        var metadata: Logger.Metadata = ["event": .string(happening.rawValue)]
        for (field, value) in fields where !value.isEmpty { metadata[field.rawValue] = .string(value) }
        log(level: level, "\(sentence())", metadata: metadata)
    }
}

extension Logger {
    func tell(_ note: SessionNote) {
        let whose = note.user.isEmpty ? note.client : "'\(note.user)' from \(note.client)"
        let place = note.node.isEmpty ? "" : " at \(note.node) (thread \(note.thread))"
        tell(
            note.isOfStatement ? .trace : .debug, note.isOfStatement ? .statement : .session,
            [
                .session: "\(note.session)", .client: note.client, .user: note.user, .node: note.node,
                .thread: "\(note.thread)",
            ], "Session \(note.session) of \(whose)\(place) \(note.text).")
    }
}
