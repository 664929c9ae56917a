/// A place in a text, both counted from one; a column is a character, a tab counts as one.
public struct Position: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (a: Position, b: Position) -> Bool { (a.line, a.column) < (b.line, b.column) }
    public var description: String { "\(line):\(column)" }
}

/// One thing that is wrong with a configuration.
public struct ConfigurationError: Sendable, Hashable, CustomStringConvertible {
    public var file: String
    public var position: Position
    /// `section.key`, or `section`; empty where the text itself can't be read.
    public var key: String
    public var message: String

    /// `haproxydb.toml:12:8: failover.hold_timeout: "90" has no unit; …`
    public var description: String {
        key.isEmpty ? "\(file):\(position): \(message)" : "\(file):\(position): \(key): \(message)"
    }
}

/// Everything that is wrong with a configuration, in the order of the text; never empty.
public struct ConfigurationErrors: Error, Sendable, Hashable, CustomStringConvertible {
    public var errors: [ConfigurationError]

    public init(_ errors: [ConfigurationError]) { self.errors = errors }

    /// One error per line.
    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
