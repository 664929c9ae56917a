/// Something in a configuration that works and should not stay so.
public struct ConfigurationWarning: Sendable, Hashable, CustomStringConvertible {
    public var file: String
    public var position: Position
    /// `section.key`
    public var key: String
    public var message: String

    /// `haproxydb.toml:12:8: warning: health.password: everybody on this host may read …`
    public var description: String { "\(file):\(position): warning: \(key): \(message)" }
}

/// Who may do what with a file that holds a secret.
public struct FileAccess: Sendable, Hashable {
    /// As a shell finds it.
    public var path: String
    /// Permission bits.
    public var mode: UInt32

    public init(path: String, mode: UInt32) {
        self.path = path
        self.mode = mode
    }

    /// What is wrong with it, and the command that mends it; nil for nothing. As PostgreSQL has it for files of root's:
    /// the group may read, for that is how a service's user reads them, and nobody else may anything.
    var fault: String? {
        let digits = String(mode & 0o777, radix: 8)
        let bits = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        if mode & 0o007 != 0 {
            let doing = mode & 0o002 != 0 ? "change" : mode & 0o004 != 0 ? "read" : "use"
            return "everybody on this host may \(doing) \(path) (mode \(bits)); chmod o-rwx \(quoted)"
        }
        if mode & 0o020 != 0 { return "its group may change \(path) (mode \(bits)); chmod g-w \(quoted)" }
        return nil
    }

    private var quoted: String {
        let isPlain = path.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "/"):
                true
            default: false
            }
        }
        return isPlain
            ? path : "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}

extension Draft {
    /// A secret stands in the configuration itself: that is said once, at the first.
    mutating func holdsSecret(_ section: Section, _ key: String, _ source: some SecretSource) {
        guard !hasToldOfItself, let fault = source.configurationAccess?.fault else { return }
        hasToldOfItself = true
        warn(section, key, "stands where others see it: \(fault)")
    }

    /// A secret stands in another file.
    mutating func readsSecret(_ section: Section, _ key: String, at place: SecretPlace, _ source: some SecretSource) {
        if let fault = source.access(to: place)?.fault { warn(section, key, fault) }
    }

    /// A Unix socket: whoever may write to its file may connect.
    static func letsEverybodyIn(_ mode: UInt32) -> Bool { mode & 0o002 != 0 }
}
