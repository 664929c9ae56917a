import Foundation

/// A directory below `/tmp` (or `$TMPDIR`) that is removed with everything in it.
public final class TemporaryDirectory: Sendable {
    /// Absolute, without a trailing slash.
    public let path: String

    /// Paths stay short: a Unix socket's is limited to 107 bytes.
    public init(prefix: String = "hadb") throws {
        let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(base)/\(prefix).XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw TestbedFailure("mkdtemp below \(base): \(String(cString: strerror(errno)))")
        }
        path = String(cString: made)
        Leftovers.add(directory: path)
    }

    /// Idempotent.
    public func remove() {
        try? FileManager.default.removeItem(atPath: path)
        Leftovers.remove(directory: path)
    }

    deinit { remove() }
}
