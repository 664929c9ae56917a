import Foundation
import Glibc
import Logging
import Reactor
import Settings

/// Every line of the log: one sentence on standard error, for people or for machines. Level and format may change while
/// the program runs.
enum LogLines {
    private struct Style { var level = Configuration.Log.Level.info, format = Configuration.Log.Format.text }

    private static let style = Guarded(Style())

    static func start(_ log: Configuration.Log) -> Logger {
        set(log)
        LoggingSystem.bootstrap { _ in LineHandler() }
        return Logger(label: "haproxydb")
    }

    static func set(_ log: Configuration.Log) {
        style.withLock { $0 = Style(level: log.level, format: log.format) }
    }

    fileprivate static func level() -> Logger.Level {
        Logger.Level(rawValue: style.withLock { $0.level.rawValue }) ?? .info
    }

    fileprivate static func write(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) {
        let format = style.withLock { $0.format }
        let line = line(format, time: Date(), level: level.rawValue, message, metadata.mapValues(\.description))
        // One call per line: lines of several threads do not mix.
        _ = Array(line.utf8).withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// With its line end; whatever the message holds, it is one line.
    static func line(
        _ format: Configuration.Log.Format, time: Date, level: String, _ message: String, _ metadata: [String: String]
    ) -> String {
        let stamp = time.formatted(
            .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
        switch format {
        case .text:
            let details = metadata.keys.sorted().map { " \($0)=\(metadata[$0] ?? "")" }.joined()
            let text = (message + details).unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }
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
