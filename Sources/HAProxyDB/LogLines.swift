import Cluster
import Foundation
import Glibc
import Logging
import Reactor
import Settings

/// Every line of the log: one sentence on standard error, for people or for machines. Level and format may change while
/// the program runs. Nobody who logs waits for standard error: see ``LogWriter``.
enum LogLines {
    private struct Style { var level = Configuration.Log.Level.info, format = Configuration.Log.Format.text }

    /// What is said, before it is made into a line: that is done by the thread that writes.
    private struct Record: Sendable {
        var time: Date
        var level: String
        var message: String
        var metadata: Logger.Metadata
    }

    private enum Line: Sendable {
        case record(Record)
        /// As it is, with its end.
        case plain(String)
    }

    /// A message is cut off behind so many bytes: what a peer says may be longer than anybody reads.
    static let messageMax = 8192
    /// How long the program's end waits for what has not been written.
    private static let farewell = Instant.Span.seconds(1)

    private static let style = Guarded(Style())
    private static let writer = Guarded<LogWriter<Line>?>(nil)

    /// From now on nobody who logs or complains waits for standard error. Once in a process.
    static func open() throws(SystemError) {
        let opened = try LogWriter<Line>(STDERR_FILENO) { text(of: $0) }
        writer.withLock { $0 = opened }
    }

    /// The logger; once in a process, after ``open()``.
    static func start(_ log: Configuration.Log) -> Logger {
        set(log)
        LoggingSystem.bootstrap { _ in LineHandler() }
        let log = Logger(label: "haproxydb")
        LibraryMessages.hear { text, isFatal in
            log.log(level: isFatal ? .critical : .debug, "libevent: \(text)")
            if isFatal { finish() }
        }
        return log
    }

    static func set(_ log: Configuration.Log) {
        style.withLock { $0 = Style(level: log.level, format: log.format) }
    }

    /// A line that is not of the log's form, to the log where there is one; false where there is none.
    static func say(_ line: String) -> Bool {
        guard let writer = writer.withLock({ $0 }) else { return false }
        writer.add(.plain(line), bytes: line.utf8.count)
        return true
    }

    /// Lines that were lost because standard error took none.
    static var lost: UInt64 { writer.withLock { $0 }?.lost ?? 0 }

    /// The orderly end: waits for what has not been written, for a second at most.
    static func finish() { writer.withLock { $0 }?.finish(within: farewell) }

    /// Says where a loop's kernel takes no more.
    static func watch(_ loop: EventLoop, _ log: Logger) {
        loop.onRefusal = { error in
            log.error(
                """
                The kernel takes no more descriptors to watch (\(error)); it is asked again every 50 ms. Raise \
                fs.epoll.max_user_watches, or end what uses them up.
                """)
        }
    }

    fileprivate static func level() -> Logger.Level {
        Logger.Level(rawValue: style.withLock { $0.level.rawValue }) ?? .info
    }

    fileprivate static func write(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) {
        let message = message.utf8.count > messageMax ? cut(message) : message
        let record = Record(time: Date(), level: level.rawValue, message: message, metadata: metadata)
        let cost = metadata.reduce(message.utf8.count + 128) { $0 + $1.key.utf8.count + 64 }
        writer.withLock { $0 }?.add(.record(record), bytes: cost)
    }

    private static func cut(_ message: String) -> String {
        String(decoding: message.utf8.prefix(messageMax), as: UTF8.self) + "…"
    }

    private static func text(of entry: LogQueue<Line>.Entry) -> String {
        let format = style.withLock { $0.format }
        switch entry {
        case .line(.plain(let line)): return line
        case .line(.record(let record)):
            return line(
                format, time: record.time, level: record.level, record.message,
                record.metadata.mapValues(\.description))
        case .lost(let count):
            return line(
                format, time: Date(), level: Logger.Level.warning.rawValue,
                "\(count) lines of the log were lost while standard error took none.", [:])
        }
    }

    /// With its line end. The sentence says it all: its parts are for machines. Whatever the message holds, it is one line.
    static func line(
        _ format: Configuration.Log.Format, time: Date, level: String, _ message: String, _ metadata: [String: String]
    ) -> String {
        let stamp = time.formatted(
            .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
        switch format {
        case .text:
            let text = message.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }
            return "\(stamp) \(level) \(String(String.UnicodeScalarView(text)))\n"
        case .json:
            var object = metadata
            object["time"] = stamp
            object["level"] = level
            object["message"] = message
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let data = (try? encoder.encode(object)) ?? Data()
            return String(decoding: data, as: UTF8.self) + "\n"
        }
    }
}

private struct LineHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    /// The same for all loggers.
    var logLevel: Logger.Level {
        get { LogLines.level() }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        LogLines.write(event.level, event.message.description, all)
    }
}
