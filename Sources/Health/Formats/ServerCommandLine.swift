/// The words that a server was started with, as /proc/PID/cmdline has them.
public struct ServerCommandLine: Sendable, Hashable {
    /// The program's name without its directory.
    public var program: String
    public var pidFile: String?
    public var dataDirectory: String?

    /// - Parameter bytes: words, each ended by a zero byte.
    public init(_ bytes: some Collection<UInt8>) {
        let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        program = String((words.first ?? "").split(separator: "/").last ?? "")
        for word in words.dropFirst() {
            guard word.hasPrefix("--"), let equals = word.firstIndex(of: "=") else { continue }
            let value = String(word[word.index(after: equals)...])
            switch word[..<equals].dropFirst(2) {
            case "pid-file", "pid_file": pidFile = value
            case "datadir": dataDirectory = value
            case _: break
            }
        }
    }

    public var isServer: Bool { program == "mariadbd" || program == "mysqld" }

    /// Whether the cluster's resource has started it: others take their paths from files.
    public func isOf(_ place: DatabasePlace) -> Bool {
        guard isServer else { return false }
        if let pidFile = place.pidFile { return self.pidFile == pidFile }
        if let dataDirectory = place.dataDirectory { return self.dataDirectory == dataDirectory }
        return false
    }
}
