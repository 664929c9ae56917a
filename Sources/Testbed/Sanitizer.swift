import Foundation

/// What this process knows of the sanitizer that it and the programs beside it were built with.
public enum Sanitizer {
    /// In such a build a process keeps what it has freed: its memory says nothing.
    public static let isPresent = looksForRaces || ProcessInfo.processInfo.environment["ASAN_OPTIONS"] != nil

    /// ThreadSanitizer: workers race where there are two.
    static let looksForRaces = ProcessInfo.processInfo.environment["TSAN_OPTIONS"] != nil

    /// For a program whose memory is to be looked at when it ends: what nothing points to any more is a report.
    /// Empty in a build without AddressSanitizer.
    static var environment: [String: String] {
        guard let options = ProcessInfo.processInfo.environment["ASAN_OPTIONS"] else { return [:] }
        return ["ASAN_OPTIONS": options + ":detect_leaks=1"]
    }
}
