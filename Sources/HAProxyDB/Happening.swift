import Logging

/// What a line of the log is about, as its JSON form names it (`event`). docs/log.md lists them with their fields.
enum Happening: String, CaseIterable {
    case unknownOutcome = "unknown_outcome"
    case loginRefused = "login_refused"
}

/// The fields of the log's JSON lines beside `time`, `level`, `message` and `event`.
enum LogField: String, CaseIterable {
    case client, node, session, user, database, thread, statement, cause, code, count
    case milliseconds = "ms"
}

extension Logger {
    /// One sentence, which says it all, and its parts for machines.
    func tell(
        _ level: Logger.Level, _ happening: Happening, _ fields: [LogField: String],
        _ sentence: @autoclosure () -> String
    ) {
        guard level >= logLevel else { return }
        var metadata: Logger.Metadata = ["event": .string(happening.rawValue)]
        for (field, value) in fields { metadata[field.rawValue] = .string(value) }
        log(level: level, "\(sentence())", metadata: metadata)
    }
}
